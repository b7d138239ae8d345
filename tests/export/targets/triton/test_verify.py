"""What happens to a model repository that is not what it says: the file and the field are named."""

import hashlib
from collections.abc import Callable

import pytest
from onnx import ModelProto, helper, numpy_helper

from skinseg_edge.errors import InputError, ParityFailed, VerificationFailed
from skinseg_export.golden import Golden
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.targets.triton import ModelRepository, TritonSettings, model_repository, verify_repository
from skinseg_export.targets.triton.agreement import spread_out
from skinseg_export.targets.triton.config_schema import triton_schema
from skinseg_export.targets.triton.config_text import message_from_text
from skinseg_export.torch_engine import TorchEngine
from tests.export.darkness import CONTRACT

Verify = Callable[[ModelRepository], dict[str, float | str | bool]]


@pytest.fixture
def verify(free_batch: OnnxExport, reference: TorchEngine, golden: tuple[Golden, ...]) -> Verify:
    return lambda repository: verify_repository(repository, free_batch, CONTRACT, reference, golden)


def _changed(repository: ModelRepository, path: str, change: Callable[[bytes], bytes]) -> ModelRepository:
    files = {**repository.files, path: change(repository.files[path])}
    assert files[path] != repository.files[path]
    return ModelRepository(repository.name, files)


def _with_config(repository: ModelRepository, old: str, new: str) -> ModelRepository:
    return _changed(repository, "lesion/config.pbtxt", lambda data: data.replace(old.encode(), new.encode(), 1))


def _with_graph(repository: ModelRepository, change: Callable[[ModelProto], None]) -> ModelRepository:
    """Return *repository* with another graph, whose hash its configuration tells truly."""
    model = ModelProto.FromString(repository.files["lesion/1/model.onnx"])
    change(model)
    data = model.SerializeToString()
    return model_repository("lesion", data, CONTRACT, identity={})


def test_a_good_repository_gives_the_golden_masks_alone_and_in_threes(
    verify: Verify, repository: ModelRepository
) -> None:
    checks = verify(repository)

    assert (checks["dice"], checks["batch_dice"], checks["batch"]) == (1, 1, 3)
    assert isinstance(checks["batch_max_error"], float)
    assert checks["batch_max_error"] <= 1e-5
    assert checks["server"] == "not run"
    who = "own strict reader" if triton_schema() is None else "Triton's own schema, tritonclient"
    assert str(checks["config_read_by"]).startswith(who)


def test_a_server_of_single_pictures_is_verified_without_company(verify: Verify, free_batch: OnnxExport) -> None:
    settings = TritonSettings(max_batch=1, preferred_batches=(), queue_delay_us=0)
    onnx = free_batch.model.SerializeToString()

    checks = verify(model_repository("lesion", onnx, CONTRACT, identity={}, settings=settings))

    assert (checks["batch"], checks["max_batch"]) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dims: [ 64, 96, 3 ]", "dims: [ 96, 64, 3 ]", r"input\[0\].dims is \(96, 64, 3\), expected \(64, 96, 3\)"),
        ("TYPE_UINT8", "TYPE_FP32", r"input\[0\].data_type is TYPE_FP32, expected TYPE_UINT8"),
        ("FORMAT_NHWC", "FORMAT_NCHW", r"input\[0\].format is FORMAT_NCHW, expected FORMAT_NHWC"),
        ("dims: [ 1, 64, 96 ]", "dims: [ 2, 64, 96 ]", r"output\[0\].dims is \(2, 64, 96\), expected \(1, 64, 96\)"),
        ('name: "probability"', 'name: "logits"', r"output\[0\].name is logits, expected probability"),
        ('label_filename: "labels.txt"', "", r"output\[0\].label_filename is missing, expected labels.txt"),
        ('name: "lesion"', 'name: "wound"', "name is wound, expected lesion"),
        ("onnxruntime_onnx", "tensorrt_plan", "platform is tensorrt_plan, expected onnxruntime_onnx"),
        ("max_batch_size: 8", "max_batch_size: 0", "max_batch_size is 0, expected 1 or more"),
        ("max_batch_size: 8", "max_batch_size: 4", "model_warmup is 8, expected 1 to max_batch_size, which is 4"),
        ("count: 1", "count: 0", r"instance_group\[0\].count is 0, expected 1 or more"),
        ("kind: KIND_AUTO", "", r"instance_group\[0\].kind is missing, expected KIND_AUTO or"),
        ("num_versions: 1", "num_versions: 0", "latest.num_versions is 0, expected 1 or more"),
        ("dims: [ 64, 96, 3 ]\n      zero_data", "dims: [ 64, 3 ]\n      zero_data", "dims of model_warmup is"),
        ('\\"threshold\\":0.4', '\\"threshold\\":0.6', "that of another model: threshold is 0.6, expected 0.4"),
        ('key: "skinseg.contract"', 'key: "skinseg.other"', "skinseg.contract is missing"),
        ('\\"schema\\":\\"skinseg.contract/1\\"', '\\"schema\\":1', "skinseg.contract is no contract: "),
        ('key: "skinseg.precision"', 'key: "skinseg.network"', r"parameters\[skinseg.network\].string_value .* twice"),
        ("version_policy {", 'output { name: "more" }\nversion_policy {', r"it has output\[1\].name, expected one"),
        ("max_batch_size: 8", "max_batch_size: 8\nsequence_batching {}", "line 6 the field is 'sequence_batching'"),
    ],
)  # fmt: skip
def test_a_configuration_that_says_something_else_is_refused(
    verify: Verify, repository: ModelRepository, old: str, new: str, words: str
) -> None:
    with pytest.raises(VerificationFailed, match=words):
        verify(_with_config(repository, old, new))


def test_labels_of_another_order_are_refused(verify: Verify, repository: ModelRepository) -> None:
    with pytest.raises(VerificationFailed, match=r"labels.txt: it holds b'skin\\n', expected b'lesion\\n'"):
        verify(_changed(repository, "lesion/labels.txt", lambda data: b"skin\n"))


def test_an_onnx_file_that_is_not_the_one_of_the_configuration_is_refused(
    verify: Verify, repository: ModelRepository
) -> None:
    digest = hashlib.sha256(repository.files["lesion/1/model.onnx"]).hexdigest()

    with pytest.raises(VerificationFailed, match=rf"skinseg.onnx_sha256\].string_value is {digest}, expected "):
        verify(_changed(repository, "lesion/1/model.onnx", lambda data: data + b"\x00"))


@pytest.mark.parametrize(
    ("path", "words"),
    [("lesion/labels.txt", "lesion/labels.txt is missing"), ("lesion/1/model.onnx", "lesion/1/model.onnx is missing")],
)
def test_a_missing_file_is_named(verify: Verify, repository: ModelRepository, path: str, words: str) -> None:
    files = {name: data for name, data in repository.files.items() if name != path}

    with pytest.raises(VerificationFailed, match=words):
        verify(ModelRepository("lesion", files))


def test_a_foreign_file_is_named(verify: Verify, repository: ModelRepository) -> None:
    with pytest.raises(VerificationFailed, match=r"lesion/2/model.onnx is foreign"):
        verify(ModelRepository("lesion", {**repository.files, "lesion/2/model.onnx": b""}))


def test_a_repository_of_an_impossible_name_is_refused(verify: Verify, repository: ModelRepository) -> None:
    with pytest.raises(InputError, match=r"cannot serve a model called '\.\.'"):
        verify(ModelRepository("..", repository.files))


def test_what_is_no_onnx_file_is_refused(verify: Verify) -> None:
    with pytest.raises(VerificationFailed, match=r"1/model.onnx: it is no ONNX file"):
        verify(model_repository("lesion", b"\xff not onnx", CONTRACT, identity={}))


def test_a_configuration_that_is_not_utf8_is_refused(verify: Verify, repository: ModelRepository) -> None:
    with pytest.raises(VerificationFailed, match="byte 0 is not UTF-8"):
        verify(_changed(repository, "lesion/config.pbtxt", lambda data: b"\xff" + data))


def test_an_onnx_file_of_one_picture_is_refused(verify: Verify, exported: OnnxExport) -> None:
    repository = model_repository("lesion", exported.model.SerializeToString(), CONTRACT, identity={})

    with pytest.raises(
        VerificationFailed, match=r"its input is \(image, TYPE_UINT8, a fixed batch, .* says .*any batch"
    ):
        verify(repository)


def test_an_onnx_file_with_a_second_output_is_refused(verify: Verify, repository: ModelRepository) -> None:
    def twice(model: ModelProto) -> None:
        model.graph.output.append(model.graph.output[0])

    with pytest.raises(VerificationFailed, match=r"model\.onnx: it has 2 outputs, expected one"):
        verify(_with_graph(repository, twice))


def test_a_changed_weight_is_found_in_its_layer(verify: Verify, repository: ModelRepository) -> None:
    def heavier(model: ModelProto) -> None:
        tensor = next(each for each in model.graph.initializer if each.name.endswith("network.blur.weight"))
        values = numpy_helper.to_array(tensor).copy()
        values.flat[0] += 0.05
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    with pytest.raises(
        ParityFailed, match=r"on golden/01 its max .* first layer that differs is network/blur/Conv_\d+ "
    ):
        verify(_with_graph(repository, heavier))


def test_the_probability_of_background_is_found(verify: Verify, repository: ModelRepository) -> None:
    def inverted(model: ModelProto) -> None:
        last = next(node for node in model.graph.node if "probability" in node.output)
        place = list(last.output).index("probability")
        last.output[place] = "lesion"
        model.graph.initializer.append(helper.make_tensor("one", 1, [], [1.0]))
        model.graph.node.append(helper.make_node("Sub", ["one", "lesion"], ["probability"], name="swap"))

    with pytest.raises(ParityFailed, match=r"on golden/01 its max \|dp\| is "):
        verify(_with_graph(repository, inverted))


def test_a_graph_that_mixes_the_pictures_of_a_batch_is_found_in_threes(
    verify: Verify, repository: ModelRepository
) -> None:
    # Right for one picture: the mean over a batch of one is that picture.
    def mixing(model: ModelProto) -> None:
        last = next(node for node in model.graph.node if "probability" in node.output)
        last.output[0] = "own"
        model.graph.initializer.append(helper.make_tensor("batch_axis", 7, [1], [0]))
        model.graph.node.append(
            helper.make_node("ReduceMean", ["own", "batch_axis"], ["shared"], name="mix", keepdims=1)
        )
        model.graph.node.append(helper.make_node("Shape", ["own"], ["size"], name="size"))
        model.graph.node.append(helper.make_node("Expand", ["shared", "size"], ["probability"], name="spread"))

    with pytest.raises(
        ParityFailed, match=r"cannot accept 1/model.onnx in batches of 3: on golden/01 its mean \|dp\| is"
    ):
        verify(_with_graph(repository, mixing))


def test_a_graph_that_takes_one_picture_alone_is_found_in_threes(verify: Verify, repository: ModelRepository) -> None:
    def narrow(model: ModelProto) -> None:
        last = next(node for node in model.graph.node if "probability" in node.output)
        last.output[0] = "own"
        model.graph.initializer.append(helper.make_tensor("shape", 7, [4], [1, 1, 64, 96]))
        model.graph.node.append(helper.make_node("Reshape", ["own", "shape"], ["probability"], name="narrow"))

    with pytest.raises(VerificationFailed, match="refuses a batch of 3"):
        verify(_with_graph(repository, narrow))


def test_the_paths_of_a_map_are_told_by_key() -> None:
    message = message_from_text('parameters { key: "a" value { string_value: "b" } }')

    assert spread_out(message) == {"parameters[a].string_value": "b"}
