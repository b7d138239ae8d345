"""What a picture gives in a batch is what `skinseg-run` gives of it; what goes wrong with one stops no other."""

import json
import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DeviceLost, FileMissing, InputError, IntegrityFailed, ParityFailed
from skinseg_edge.image_io import decode_mask, encode_png
from skinseg_runtime.batch.core import Prepared, TakenOver, answered, finished, prepared, segment_many
from skinseg_runtime.batch.opening import open_segmenter, work_for
from skinseg_runtime.batch.run_lengths import mask_from_run_lengths
from skinseg_runtime.batch.work import Work
from skinseg_runtime.cli import main as skinseg_run
from skinseg_runtime.segmenter import Segmenter
from tests.runtime.calling import call
from tests.runtime.tiny_bundle import write_bundle


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    bundle = write_bundle(tmp_path_factory.mktemp("core") / "tiny.skinseg")
    return work_for(bundle)


@pytest.fixture(scope="module")
def segmenter(work: Work) -> Iterator[Segmenter]:
    with open_segmenter(work) as opened:
        yield opened


@cache
def jpeg(seed: int, hw: tuple[int, int] = (600, 780)) -> bytes:
    pixels = draw(seed, hw).photo
    return np.asarray(cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]).tobytes()


def test_rows_and_masks_are_those_of_skinseg_run(work: Work, segmenter: Segmenter, tmp_path: Path) -> None:
    photos = {f"{seed}.jpg": jpeg(seed) for seed in range(3)}
    for name, data in photos.items():
        (tmp_path / name).write_bytes(data)
    call(skinseg_run, work.bundle, tmp_path, "-o", tmp_path / "out", "--mm-per-px", "0.05")
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]

    scaled = Work(bundle=work.bundle, bundle_sha256=work.bundle_sha256, mm_per_px=0.05)
    made = list(segment_many(segmenter, photos.items(), scaled))

    for one, row in zip(made, rows, strict=True):
        assert one.sha256 == row["sha256"]
        assert one.mask_png == Path(row["mask"]).read_bytes()
        assert [one.row["rows"], one.row["columns"]] == row["photo_hw"]
        assert one.row["quality_verdict"] == row["quality"]["verdict"]
        lesions: Any = one.row["lesions"]
        assert len(lesions) == len(row["lesions"]) > 0
        for lesion, expected in zip(lesions, row["lesions"], strict=True):
            del expected["polygon"], expected["perimeter_estimator"], expected["colour"]["space"]
            assert lesion == expected
            assert lesion["area_mm2"] is not None


def test_run_lengths_hold_the_same_mask_as_the_picture(work: Work, segmenter: Segmenter) -> None:
    data = jpeg(5)
    as_runs = Work(bundle=work.bundle, bundle_sha256=work.bundle_sha256, masks="rle")

    (picture,) = segment_many(segmenter, [("a.jpg", data)], work)
    (runs,) = segment_many(segmenter, [("a.jpg", data)], as_runs)

    assert runs.mask_png is None
    assert picture.mask_png is not None
    mask_rle: Any = runs.row["mask_rle"]
    np.testing.assert_array_equal(mask_from_run_lengths(mask_rle, (600, 780)), decode_mask(picture.mask_png))
    same = {name: value for name, value in picture.row.items() if name not in ("mask_bytes", "mask_rle")}
    assert same == {name: runs.row[name] for name in same}


def test_each_step_survives_the_way_to_another_process(work: Work, segmenter: Segmenter) -> None:
    contract = segmenter.contract
    (alone,) = segment_many(segmenter, [("a.jpg", jpeg(7))], work)

    ready = pickle.loads(pickle.dumps(prepared(jpeg(7), "a.jpg", None, work, contract)))  # noqa: S301  # made here
    assert isinstance(ready, Prepared)
    (answer,) = answered(segmenter, [ready], work)

    assert finished(ready, answer, work, contract) == alone


def test_a_batch_of_the_engine_changes_no_row_of_a_network_that_takes_one_at_a_time(
    work: Work, segmenter: Segmenter
) -> None:
    photos = [(f"{seed}", jpeg(seed, (120, 160))) for seed in range(5)]
    by_three = Work(bundle=work.bundle, bundle_sha256=work.bundle_sha256, engine_batch=3)

    assert list(segment_many(segmenter, photos, by_three)) == list(segment_many(segmenter, photos, work))


def test_a_picture_whose_content_is_known_is_only_hashed(work: Work, segmenter: Segmenter) -> None:
    first = prepared(jpeg(1), "a.jpg", None, work, segmenter.contract)
    assert isinstance(first, Prepared)

    again = prepared(jpeg(1), "a.jpg", first.sha256, work, segmenter.contract)
    changed = prepared(jpeg(2), "a.jpg", first.sha256, work, segmenter.contract)

    assert again == TakenOver("a.jpg", first.sha256)
    assert isinstance(changed, Prepared)


def test_a_picture_that_cannot_be_read_or_decoded_gives_its_row(work: Work, segmenter: Segmenter) -> None:
    damaged, good = encode_png(draw(1, (60, 80)).photo), jpeg(3)
    pictures = [("a/b.png", damaged[: len(damaged) // 2]), ("good.jpg", good)]

    broken, whole = segment_many(segmenter, pictures, work)
    missing = prepared(FileMissing("cannot read c.jpg: gone"), "c.jpg", None, work, segmenter.contract)

    assert broken.row["error_kind"] == "PictureUnreadable"
    assert "a/b.png" in str(broken.row["error_message"])
    assert broken.sha256 is not None  # the same bytes would fail again: no need to try
    assert whole.row["error_kind"] is None
    assert not isinstance(missing, Prepared | TakenOver)
    assert (missing.sha256, missing.row["error_message"]) == (None, "cannot read c.jpg: gone")


class _Answers:
    """An engine that answers a dark picture with *wrong* and all others well."""

    def __init__(self, engine: Any, wrong: Exception) -> None:
        self._engine, self._wrong = engine, wrong
        self.name, self.input_hw, self.classes = engine.name, engine.input_hw, engine.classes

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if (images.mean(axis=(1, 2, 3)) < 5).any():
            raise self._wrong
        answer: NDArray[np.float32] = self._engine.infer(images)
        return answer

    def close(self) -> None: ...


def _three_of_which_one_is_dark() -> list[tuple[str, bytes]]:
    dark = encode_png(np.zeros((60, 80, 3), np.uint8))
    return [("a", jpeg(1, (120, 160))), ("dark", dark), ("b", jpeg(2, (120, 160)))]


@pytest.mark.parametrize("engine_batch", [1, 3])
def test_an_answer_that_is_no_probability_costs_its_own_picture(
    work: Work, segmenter: Segmenter, engine_batch: int
) -> None:
    engine = _Answers(segmenter.engine, ParityFailed("cannot use the answer: it holds NaN"))
    asked = Work(bundle=work.bundle, bundle_sha256=work.bundle_sha256, engine_batch=engine_batch)

    made = list(segment_many(Segmenter(segmenter.contract, engine), _three_of_which_one_is_dark(), asked))

    assert [one.row["error_kind"] for one in made] == [None, "ParityFailed", None]
    assert made[1].sha256 is None  # a later start tries again


def test_a_lost_device_ends_the_work_for_no_picture_is_to_blame(work: Work, segmenter: Segmenter) -> None:
    engine = _Answers(segmenter.engine, DeviceLost("the GPU is lost"))

    with pytest.raises(DeviceLost):
        list(segment_many(Segmenter(segmenter.contract, engine), _three_of_which_one_is_dark(), work))


def test_a_mistake_of_this_program_costs_its_own_picture(
    work: Work, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("skinseg_runtime.batch.core.to_network_input", trip)
        (full,) = segment_many(segmenter, [("a", jpeg(1, (60, 80)))], work)

    assert full.row["error_kind"] == "MemoryError"
    assert "start fewer with --jobs" in str(full.row["error_message"])
    assert full.sha256 is None


def test_identities_differ_with_all_that_changes_a_row_and_with_nothing_else(work: Work) -> None:
    asked: dict[str, Any] = {"bundle": work.bundle, "bundle_sha256": "1" * 64}
    changes: list[dict[str, Any]] = [
        {},
        {"bundle_sha256": "2" * 64},
        {"engine": "trt"},
        {"precision": "fp16"},
        {"masks": "rle"},
        {"mm_per_px": 0.1},
        {"card_mm": 20.0},
        {"dicom_scale": True},
        {"max_pixels": 9},
        {"max_bytes": 9},
        {"engine_batch": 2},
    ]

    identities = [Work(**{**asked, **change}).identity for change in changes]

    assert len(set(identities)) == len(changes)
    assert Work(**{**asked, "bundle": Path("elsewhere")}).identity == identities[0]


def test_a_worker_refuses_another_bundle_than_the_drivers(work: Work) -> None:
    other = Work(bundle=work.bundle, bundle_sha256="0" * 64)

    with pytest.raises(IntegrityFailed, match=r"expected that of the start, 0000.*put the same bundle at this path"):
        open_segmenter(other)


def test_the_work_of_this_machine_names_its_engine_and_refuses_two_scales(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "tiny.skinseg", contract=ModelContract(input_hw=(64, 96)))

    work = work_for(bundle)
    unopened = work_for(bundle, engine="onnxruntime-cuda", opens=False)

    assert (work.engine, work.precision) == ("onnxruntime", "fp32")
    assert (unopened.engine, unopened.precision) == ("onnxruntime-cuda", "fp32")
    with pytest.raises(InputError, match="cannot choose a scale"):
        work_for(bundle, mm_per_px=1, card_mm=2)
