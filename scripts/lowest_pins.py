"""Print the lowest version that pyproject.toml allows of each package the runtime needs: `numpy==1.26.*` and so on."""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["lowest_pins"]

_PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# What the tests of the runtime need besides its own packages: the extra that holds the floor, and the name.
_TEST_NEEDS = {"signing": "cryptography", "export": "onnx"}


def lowest_pins() -> list[str]:
    """Turn each `name>=1.2` into `name==1.2.*`."""
    with _PYPROJECT.open("rb") as file:
        project = tomllib.load(file)["project"]
    lines = list(project["dependencies"])
    for extra, name in _TEST_NEEDS.items():
        lines += [line for line in project["optional-dependencies"][extra] if line.startswith(f"{name}>=")]
    return [f"{name}=={floor}.*" for name, _, floor in (line.partition(">=") for line in lines)]


if __name__ == "__main__":
    print("\n".join(lowest_pins()))
