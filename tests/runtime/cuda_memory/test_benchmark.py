"""benchmarks/cuda_layer.py runs where there is a GPU, and says why where there is none. No fake's figure is shown."""

import json
from pathlib import Path

import pytest

from benchmarks import cuda_layer
from tests.fake_device.installing import FakeDevice
from tests.fresh_interpreter import run_python


def test_without_a_gpu_the_benchmark_ends_with_3_and_the_reasons() -> None:
    script = Path(cuda_layer.__file__)

    done = run_python(
        "import sys, runpy; runpy.run_path(sys.argv.pop(1), run_name='__main__')", script, barred=("pycuda", "cuda")
    )

    assert done.returncode == 3
    assert json.loads(done.stdout)["missing"] == done.stderr.splitlines()
    assert "pycuda is not installed" in done.stderr
    assert "cuda.bindings is not installed" in done.stderr


def test_every_round_copies_and_everything_is_given_back(fake_device: FakeDevice, backend: str) -> None:
    figures = cuda_layer.measured(backend, rounds=20)

    assert cuda_layer.is_sound(figures)
    assert fake_device.gpu.counts["launches"] == 20
    assert (fake_device.gpu.live_bytes, fake_device.gpu.live_handles) == (0, 0)


@pytest.mark.parametrize("fault", [{"is_right": False}, {"gpu_growth_mib": 9.0}, {"process_growth_mib": 9.0}])
def test_wrong_bytes_and_memory_that_grows_are_no_success(fault: dict[str, object]) -> None:
    sound: dict[str, object] = {"is_right": True, "gpu_growth_mib": 0.0, "process_growth_mib": 0.5}
    others = dict.fromkeys(set(cuda_layer.Figures.__dataclass_fields__) - set(sound))

    assert cuda_layer.is_sound(cuda_layer.Figures(**{**others, **sound}))  # type: ignore[arg-type]  # not looked at
    assert not cuda_layer.is_sound(cuda_layer.Figures(**{**others, **sound, **fault}))  # type: ignore[arg-type]  # same
