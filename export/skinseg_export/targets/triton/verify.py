"""Hold a model repository against Triton's schema, the contract and the trained network.

No server is needed: Triton runs the ONNX file in ONNX Runtime, so what is run here is that file in ONNX Runtime, alone
and among others in one batch, as the dynamic batcher puts requests together. What a server adds is not verified.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import VerificationFailed
from skinseg_edge.strict_json import shown
from skinseg_export.calculator import Calculator, open_calculator
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.golden import Golden
from skinseg_export.onnx_from_torch import OnnxExport
from skinseg_export.parity import HALF, HALF_UNTRAINED, SINGLE, SINGLE_UNTRAINED, compare, noise_pictures
from skinseg_export.targets.onnx.verify import verify_single
from skinseg_export.targets.triton.agreement import Leaf, check_config, check_graph, check_labels, spread_out
from skinseg_export.targets.triton.build import CONFIG_NAME, LABELS_NAME, MODEL_PATH, ModelRepository
from skinseg_export.targets.triton.config_schema import rewritten_by_triton
from skinseg_export.targets.triton.config_text import Message, message_from_text
from skinseg_export.targets.triton.names import check_model_name
from skinseg_runtime.engines import Engine
from skinseg_runtime.engines.answers import check_images

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["BATCH", "AmongOthers", "verify_repository"]

BATCH = 3  # pictures in the batch that golden pictures are run in
_OWN_READER = "own strict reader; tritonclient is not installed"
_DEFAULTS = (0, "", (), "KIND_AUTO", "FORMAT_NONE")  # of a number or truth, a text, what is repeated, the two enums

Checks = dict[str, float | str | bool]


def verify_repository(
    repository: ModelRepository,
    export: OnnxExport,
    contract: ModelContract,
    reference: Engine,
    golden: Sequence[Golden],
    *,
    trained: bool = True,
) -> Checks:
    """Return the figures of the repository: of a picture alone, and of the same pictures in batches of three.

    *export*: what the repository's ONNX file was written from; its program tells which layer differs first.
    *reference*: the trained network. *trained*: fresh weights leave activations crowded around gates, so a batch may
    differ more.

    Raises VerificationFailed naming the file and the field that does not fit, ParityFailed naming the picture.
    """
    files = _files(repository)
    text = _decoded(files[CONFIG_NAME])
    config = message_from_text(text)
    read_by = _reader(text, config)
    largest = check_config(config, repository.name, files[MODEL_PATH], contract)
    check_labels(files[LABELS_NAME], contract)
    model = _model(files[MODEL_PATH])
    check_graph(model, config)
    single, half = (SINGLE, HALF) if trained else (SINGLE_UNTRAINED, HALF_UNTRAINED)
    alone = verify_single(OnnxExport(model, export.program), contract, reference, golden, single)
    batch = min(BATCH, largest)
    others = AmongOthers(open_calculator(model, optimised=True), contract, batch)
    # Another batch is added in another order, and may flip a gate: HALF holds where that happens, see `parity`.
    parity = compare(others, reference, contract, golden)
    parity.check(f"{MODEL_PATH} in batches of {batch}", half)
    together = parity.checks()
    batched = {f"batch_{key}": together[key] for key in ("max_error", "mean_error", "dice") if key in together}
    return {**alone, "batch": batch, **batched, "max_batch": largest, "config_read_by": read_by, "server": "not run"}


class AmongOthers:
    """A graph behind the runtime's Engine protocol that gives each picture company: *batch* in one run.

    The others are random pictures, and the picture stands at another place each time.
    """

    name = "onnxruntime-batch"

    def __init__(self, graph: Calculator, contract: ModelContract, batch: int) -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self._graph = graph
        self._company = np.stack(noise_pictures(contract, batch))
        self._place = 0

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 of *images* (N, H, W, 3) uint8 RGB.

        Raises ValueError if images.shape[1:] != (*input_hw, 3) or the dtype is not uint8, VerificationFailed if the
        graph gives another shape than the contract's.
        """
        check_images(images, self.input_hw)
        answers = np.empty((len(images), self.classes, *self.input_hw), np.float32)
        for number, image in enumerate(images):
            batch = self._company.copy()
            batch[self._place] = image
            answers[number] = self._answer(batch)[self._place]
            self._place = (self._place + 1) % len(batch)
        return answers

    def close(self) -> None:
        """Do nothing: the graph goes with its last user."""

    def _answer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        expected = (len(batch), self.classes, *self.input_hw)
        try:
            (answer,) = self._graph.run([OUTPUT_NAME], {INPUT_NAME: batch})
        except Exception as error:  # ONNX Runtime's exceptions share no other root
            raise VerificationFailed(
                f"cannot accept {MODEL_PATH}: ONNX Runtime refuses a batch of {len(batch)} and says "
                f"{shown(str(error))}; export the model again"
            ) from error
        if answer.shape != expected:
            raise VerificationFailed(
                f"cannot accept {MODEL_PATH}: a batch of {len(batch)} gives {answer.shape}, expected {expected}; "
                "export the model again"
            )
        return np.asarray(answer, np.float32)


def _files(repository: ModelRepository) -> Mapping[str, bytes]:
    """Return the model's files by their path below its folder, after checking that they are these three."""
    check_model_name(repository.name)
    expected = {f"{repository.name}/{path}" for path in (CONFIG_NAME, LABELS_NAME, MODEL_PATH)}
    other = sorted(expected ^ set(repository.files))
    if other:
        state = "missing" if other[0] in expected else "foreign"
        raise VerificationFailed(
            f"cannot accept the model repository: {other[0]} is {state}, expected {', '.join(sorted(expected))}; "
            "export the model again"
        )
    return {path.removeprefix(f"{repository.name}/"): data for path, data in repository.files.items()}


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise VerificationFailed(
            f"cannot read config.pbtxt: byte {error.start} is not UTF-8; export the model again"
        ) from error


def _reader(text: str, config: Message) -> str:
    """Say who has read the configuration, after checking that Triton's schema, where it is, reads it as we do."""
    ours, theirs = _told(config), rewritten_by_triton(text)
    if theirs is None:
        return _OWN_READER
    rewritten, who = theirs
    if _told(message_from_text(rewritten)) != ours:
        raise VerificationFailed(
            "cannot accept config.pbtxt: Triton's own schema reads other values in it than this project does; report it"
        )
    return f"Triton's own schema, {who}"


def _told(message: Message) -> dict[str, Leaf]:
    """Return the values of *message* but for those that are the default, which protobuf does not write."""
    return {path: value for path, value in spread_out(message).items() if value not in _DEFAULTS}


def _model(data: bytes) -> "ModelProto":
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # comes with onnx, untyped
    from onnx import load_from_string

    try:
        return load_from_string(data)
    except DecodeError as error:
        raise VerificationFailed(f"cannot read {MODEL_PATH}: it is no ONNX file; export the model again") from error
