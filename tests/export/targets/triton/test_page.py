"""The Python of docs/triton.md, run as it stands there."""

from pathlib import Path

import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export import ExportOptions, export_bundle
from skinseg_export.targets.triton import ModelRepository
from skinseg_export.targets.triton.agreement import spread_out
from skinseg_export.targets.triton.config_text import message_from_text
from skinseg_runtime import Segmenter
from tests.export.targets.triton.page import PAGE, client_blocks
from tests.export.targets.triton.served import served


@pytest.fixture(scope="module")
def bundle(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "lesion.skinseg"
    export_bundle(checkpoint, path, ExportOptions(targets=("onnx",), precision="fp32"))
    return path


def test_the_client_of_the_page_gets_the_mask_that_the_bundle_gives(
    bundle: Path,
    repository: ModelRepository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(bundle.parent)
    write_png("mole.png", draw(3, (120, 160)).photo)
    with Segmenter.open(bundle) as segmenter:
        expected = float(segmenter.segment("mole.png").mask.mean())

    with served(repository) as address:
        client = client_blocks()[0].replace("http://localhost:8000", address).replace("mole.jpg", "mole.png")
        exec(compile(client, str(PAGE), "exec"), {})

    assert 0 < expected < 1
    assert float(capsys.readouterr().out) == pytest.approx(expected, abs=1e-4)


def test_the_page_writes_the_configuration_of_a_plan(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle.parent)
    plan = Path("models/lesion/1/model.plan")
    plan.parent.mkdir(parents=True)
    plan.write_bytes(b"a plan")

    exec(compile(client_blocks()[1], str(PAGE), "exec"), {})

    config = spread_out(message_from_text(Path("models/lesion/config.pbtxt").read_text()))
    assert (config["platform"], config["max_batch_size"]) == ("tensorrt_plan", 8)
    rows, columns = Bundle.open(bundle).contract.input_hw
    assert config["input[0].dims"] == (rows, columns, 3)


def test_the_page_names_the_settings_that_the_repository_has(repository: ModelRepository) -> None:
    config = spread_out(message_from_text(repository.files["lesion/config.pbtxt"].decode()))
    page = PAGE.read_text()

    batches, delay = (
        config["dynamic_batching.preferred_batch_size"],
        config["dynamic_batching.max_queue_delay_microseconds"],
    )
    assert batches == (4, 8)
    assert f"| `max_batch_size` | {config['max_batch_size']} |" in page
    assert "| `preferred_batch_size` | 4, 8 |" in page
    assert f"| `max_queue_delay_microseconds` | {delay} |" in page
