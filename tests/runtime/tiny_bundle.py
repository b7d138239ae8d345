"""Bundles for tests: a network of six nodes that takes what is dark for a lesion, so every mask can be foretold."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from skinseg_edge.bundle import BundleDraft
from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import encode_png
from skinseg_edge.manifest import Artefact, GoldenCase, Provenance

Checks: TypeAlias = Mapping[str, float | str | bool]

SKIN, LESION = (214, 176, 158), (70, 40, 36)  # RGB; means 183 and 49, on either side of the network's 128


def photo_and_mask(hw: tuple[int, int] = (240, 320)) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw one dark ellipse, neither centred nor symmetric, on skin: any turn or flip moves it."""
    rows, columns = hw
    mask = np.zeros(hw, np.uint8)
    centre, axes = (round(columns * 0.62), round(rows * 0.4)), (round(columns * 0.2), round(rows * 0.15))
    cv2.ellipse(mask, centre, axes, 25, 0, 360, 1, -1)
    photo = np.where(mask[:, :, None] == 1, LESION, SKIN).astype(np.uint8)
    return photo, mask == 1


def write_photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels, _ = photo_and_mask()
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(np.asarray(encoded).tobytes())
    return path


def binary_model(
    hw: tuple[int, int] = (64, 96), *, batch: int | str = 1, output: str = "probability", middle: float = 128
) -> bytes:
    """probability = sigmoid((middle - mean of R, G, B) / 8)."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes", "channel"], ["grey"], keepdims=1),
        helper.make_node("Sub", ["middle", "grey"], ["darkness"]),
        helper.make_node("Div", ["darkness", "slope"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], [output]),
    ]
    constants: dict[str, ArrayLike] = {"channel": np.array([1]), "middle": np.float32(middle), "slope": np.float32(8)}
    return _model(nodes, constants, [batch, *hw, 3], [batch, 1, *hw], output)


def two_class_model(hw: tuple[int, int] = (64, 96)) -> bytes:
    """Softmax over (background, lesion), whose logits are the mean of R, G, B and 128; after division by 8."""
    return _softmax_model(np.array([[1 / 24] * 3, [0] * 3]), [0, 16], hw)


def three_class_model(hw: tuple[int, int] = (64, 96)) -> bytes:
    """Softmax over (background, red, blue), whose logits are 64, R and B; after division by 8."""
    return _softmax_model(np.array([[0, 0, 0], [1 / 8, 0, 0], [0, 0, 1 / 8]]), [8, 0, 0], hw)


def _softmax_model(weight: NDArray[np.float64], bias: list[float], hw: tuple[int, int]) -> bytes:
    """Softmax over K classes, whose logits are weight @ (R, G, B) + bias; weight is (K, 3)."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weight", "bias"], ["logit"]),
        helper.make_node("Softmax", ["logit"], ["probability"], axis=1),
    ]
    constants: dict[str, ArrayLike] = {
        "weight": weight.astype(np.float32)[:, :, None, None],
        "bias": np.array(bias, np.float32),
    }
    return _model(nodes, constants, [1, *hw, 3], [1, len(bias), *hw], "probability")


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, ArrayLike],
    shape_in: list[int | str],
    shape_out: list[int | str],
    output: str,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape_in)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape_out)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def write_bundle(
    folder: Path,
    *,
    contract: ModelContract | None = None,
    model: bytes | None = None,
    trained: bool = True,
    status: Literal["verified", "failed"] = "verified",
    golden: Callable[[NDArray[np.bool_]], NDArray[np.bool_]] | None = lambda mask: mask,
    forms: Mapping[str, bytes] | None = None,
    failed: Collection[str] = (),
    checks: Mapping[str, Checks] | None = None,
) -> Path:
    """Write a bundle; *golden* turns the true mask of its one golden case into the one that is recorded.

    *forms*: models beside the fp32 one, by precision. *failed*: those of them that failed their acceptance. *checks*:
    figures of a form, by precision.
    """
    folder.mkdir(parents=True)
    draft = BundleDraft(folder)
    draft.add_bytes("model.onnx", model or binary_model())
    figures = checks or {}
    artefacts = [
        Artefact(name="onnx", path="model.onnx", precision="fp32", status=status, checks=figures.get("fp32", {}))
    ]
    for precision, form in (forms or {}).items():
        draft.add_bytes(f"model.{precision}.onnx", form)
        artefacts.append(
            Artefact(
                name=f"onnx-{precision}",
                path=f"model.{precision}.onnx",
                precision=precision,
                status="failed" if precision in failed else "verified",
                checks=figures.get(precision, {}),
            )
        )
    cases = []
    if golden is not None:
        photo, mask = photo_and_mask()
        draft.add_bytes("golden/01.png", encode_png(photo))
        draft.add_bytes("golden/01.mask.png", encode_png(golden(mask)))
        draft.add_bytes("golden/01.probability.png", encode_png(mask.astype(np.uint16) * np.uint16(65535)))
        case = GoldenCase(
            image="golden/01.png",
            mask="golden/01.mask.png",
            probability="golden/01.probability.png",
            min_dice=0.97,
            max_area_drift=0.03,
        )
        cases.append(case)
    draft.finish(
        name="tiny",
        contract=contract or ModelContract(input_hw=(64, 96)),
        provenance=Provenance(
            network="tiny",
            network_options={},
            checkpoint_sha256="0" * 64,
            trained=trained,
            training_data="none: it knows dark from light",
            code_version="1",
            tools={},
            created="2025-01-31",
        ),
        artefacts=artefacts,
        golden=cases,
    )
    return folder
