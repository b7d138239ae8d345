import hashlib
import json
from typing import Any

import pytest

from skinseg_edge.errors import InputError
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.targets.triton import ModelRepository, TritonSettings, config_for_plan, model_repository
from skinseg_export.targets.triton.agreement import spread_out
from skinseg_export.targets.triton.config_schema import rewritten_by_triton
from skinseg_export.targets.triton.config_text import message_from_text
from tests.export.darkness import CONTRACT, FACE_CONTRACT


def _config(repository: ModelRepository) -> dict[str, Any]:
    return {**spread_out(message_from_text(repository.files[f"{repository.name}/config.pbtxt"].decode()))}


def test_the_repository_has_the_layout_that_triton_asks_for(repository: ModelRepository) -> None:
    assert sorted(repository.files) == ["lesion/1/model.onnx", "lesion/config.pbtxt", "lesion/labels.txt"]


def test_the_configuration_takes_bytes_of_pixels_and_gives_probabilities(repository: ModelRepository) -> None:
    config = _config(repository)

    assert (config["input[0].name"], config["input[0].data_type"]) == ("image", "TYPE_UINT8")
    assert config["input[0].dims"] == (64, 96, 3)
    assert (config["output[0].name"], config["output[0].data_type"]) == ("probability", "TYPE_FP32")
    assert config["output[0].dims"] == (1, 64, 96)


def test_requests_are_put_together_and_every_preferred_size_is_warmed_up(repository: ModelRepository) -> None:
    config = _config(repository)

    assert config["max_batch_size"] == 8
    assert config["dynamic_batching.preferred_batch_size"] == (4, 8)
    assert config["dynamic_batching.max_queue_delay_microseconds"] == 2000
    assert [config[f"model_warmup[{number}].batch_size"] for number in range(3)] == [1, 4, 8]


def test_the_configuration_carries_the_contract_and_the_hashes(
    repository: ModelRepository, free_batch: OnnxExport
) -> None:
    config = _config(repository)

    assert json.loads(config["parameters[skinseg.contract].string_value"]) == CONTRACT.to_json()
    digest = hashlib.sha256(free_batch.model.SerializeToString()).hexdigest()
    assert config["parameters[skinseg.onnx_sha256].string_value"] == digest
    assert config["parameters[skinseg.network].string_value"] == "darkness"


def test_labels_are_the_classes_in_the_order_of_the_channels() -> None:
    faces = model_repository("face", b"onnx", FACE_CONTRACT, identity={})

    assert faces.files["face/labels.txt"] == b"BACKGROUND\nET\nHHB\nXB\nLF\nRF\n"
    assert _config(faces)["output[0].dims"] == (6, 64, 64)


@pytest.mark.parametrize(("kind", "word"), [("auto", "KIND_AUTO"), ("gpu", "KIND_GPU"), ("cpu", "KIND_CPU")])
def test_instances_stand_where_they_are_asked_for(kind: Any, word: str) -> None:
    settings = TritonSettings(kind=kind, instances=2)

    config = _config(model_repository("lesion", b"onnx", CONTRACT, identity={}, settings=settings))

    assert (config["instance_group[0].kind"], config["instance_group[0].count"]) == (word, 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"instances": 0}, "instances of 0: expected 1 or more"),
        ({"max_batch": 0}, "max_batch of 0: expected 1 or more"),
        ({"queue_delay_us": -1}, "queue_delay_us of -1: expected 0 or more"),
        ({"max_batch": 4}, r"preferred batches of \[4, 8\]: expected numbers from 1 to max_batch, which is 4"),
    ],
)
def test_settings_that_triton_would_refuse_are_refused(settings: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TritonSettings(**settings)  # type: ignore[arg-type]  # numbers all


def test_no_preferred_size_and_no_delay_leave_the_batcher_to_triton() -> None:
    settings = TritonSettings(preferred_batches=(), queue_delay_us=0)

    config = _config(model_repository("lesion", b"onnx", CONTRACT, identity={}, settings=settings))

    assert config["dynamic_batching"] == ()


def test_a_name_that_no_server_can_have_is_refused() -> None:
    with pytest.raises(InputError, match="cannot serve a model called 'a/b'"):
        model_repository("a/b", b"onnx", CONTRACT, identity={})


def test_a_plan_of_several_pictures_gets_a_configuration_for_tensorrt() -> None:
    text = config_for_plan("lesion", b"plan", CONTRACT, identity={}, precision="fp16", max_batch=8)

    config = {**spread_out(message_from_text(text))}
    assert (config["platform"], config["default_model_filename"]) == ("tensorrt_plan", "model.plan")
    assert (config["max_batch_size"], config["instance_group[0].kind"]) == (8, "KIND_GPU")
    assert config["dynamic_batching.preferred_batch_size"] == (4, 8)
    assert config["parameters[skinseg.plan_sha256].string_value"] == hashlib.sha256(b"plan").hexdigest()


def test_a_plan_of_one_picture_says_its_batch_axis_itself() -> None:
    text = config_for_plan("lesion", b"plan", CONTRACT, identity={}, precision="fp16", max_batch=0)

    config = {**spread_out(message_from_text(text))}
    assert (config["max_batch_size"], config["input[0].dims"]) == (0, (1, 64, 96, 3))
    assert (config["output[0].dims"], config["model_warmup[0].inputs[image].dims"]) == ((1, 1, 64, 96), (1, 64, 96, 3))
    assert not any(path.startswith(("dynamic_batching", "input[0].format")) for path in config)


@pytest.mark.parametrize("max_batch", [0, 1, 8])
def test_tritons_own_schema_reads_the_configuration_of_a_plan(max_batch: int) -> None:
    text = config_for_plan("lesion", b"plan", CONTRACT, identity={}, precision="fp16", max_batch=max_batch)

    rewritten = rewritten_by_triton(text)
    if rewritten is None:
        pytest.skip("needs tritonclient: it brings Triton's own schema")
    assert 'platform: "tensorrt_plan"' in rewritten[0]


def test_a_plan_of_less_than_no_picture_is_refused() -> None:
    with pytest.raises(InputError, match="a plan with batches of -1: expected 0"):
        config_for_plan("lesion", b"plan", CONTRACT, identity={}, precision="fp16", max_batch=-1)
