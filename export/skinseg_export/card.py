"""MODEL_CARD.md of a bundle: what the checkpoint's card says, and what was made of it and measured."""

from collections.abc import Sequence

from skinseg_edge.contract import ModelContract
from skinseg_edge.manifest import Artefact, Provenance

__all__ = ["model_card"]

_UNTRAINED = (
    "**Untrained.** The weights are random: this bundle is for trying targets. It segments nothing, and the runtime "
    "refuses it."
)
_NO_CARD = (
    "The checkpoint came without a model card: where its data and weights come from, and their licences, is unknown."
)


def model_card(
    name: str,
    contract: ModelContract,
    provenance: Provenance,
    artefacts: Sequence[Artefact],
    *,
    card: str | None,
    golden: Sequence[str],
) -> str:
    """Return the Markdown text; *card* is the checkpoint's own, *golden* says where each golden picture comes from."""
    head = card.rstrip() if card else f"# {name}\n\n{_NO_CARD if provenance.trained else _UNTRAINED}"
    lines = [
        head,
        "",
        "## This bundle",
        "",
        f"- Network: {provenance.network}; trained: {'yes' if provenance.trained else 'no'}",
        f"- Classes: {_classes(contract)}",
        f"- Training data: {provenance.training_data}",
        f"- Checkpoint SHA-256: {provenance.checkpoint_sha256 or 'none, fresh weights'}",
        f"- Made {provenance.created} by skinseg-edge {provenance.code_version} with "
        + ", ".join(f"{tool} {version}" for tool, version in sorted(provenance.tools.items())),
        "- Not a medical device.",
        "",
        "| artefact | file | precision | status | checks |",
        "|---|---|---|---|---|",
        *(_row(artefact) for artefact in artefacts),
        "",
        "Golden pictures: " + "; ".join(golden) + ".",
    ]
    return "\n".join(lines) + "\n"


def _classes(contract: ModelContract) -> str:
    if contract.is_binary:
        return f"{_plain(contract.classes[0])}, from a probability of {contract.threshold:g}"
    lesions = ", ".join(_plain(contract.classes[index]) for index in contract.lesion_indices)
    return f"{', '.join(map(_plain, contract.classes))}, the most probable one; of these count as lesion: {lesions}"


def _plain(name: str) -> str:
    """Keep a name from being read as Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in name)


def _is_detail(check: str) -> bool:
    """Whether a check is too long or too fine for the card: figures of single golden pictures end with their number."""
    return check == "operation_kinds" or (check.startswith("golden_") and check[-1].isdigit())


def _row(artefact: Artefact) -> str:
    shown = "; ".join(f"{key} {value}" for key, value in artefact.checks.items() if not _is_detail(key))
    cells = (artefact.name, f"`{artefact.path}`", artefact.precision, artefact.status, shown.replace("|", "/"))
    return f"| {' | '.join(cells)} |"
