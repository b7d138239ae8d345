"""Packages of Python: what is needed, what only an exporting machine has."""

from pathlib import Path

import pytest

from skinseg_runtime.doctor import Library, library_checks
from skinseg_runtime.doctor.host import library_here
from tests.runtime.doctor.boards import host, orin, told, write_orin


def test_what_runs_everywhere_is_told_with_its_version(tmp_path: Path) -> None:
    assert told(library_checks.onnxruntime(host(tmp_path))) == ("ok", "ONNX Runtime 1.22.0")
    assert told(library_checks.opencv(host(tmp_path))) == ("ok", "OpenCV 4.9.0")
    assert told(library_checks.cryptography(host(tmp_path))) == ("ok", "cryptography 43.0.0")


@pytest.mark.parametrize(
    ("library", "words"),
    [(Library(None), "not installed"), (Library(None, fault="no libGL.so.1"), "it cannot be imported: no libGL.so.1")],
)
def test_a_base_package_that_does_not_work_is_missing(tmp_path: Path, library: Library, words: str) -> None:
    finding = library_checks.opencv(host(tmp_path, {"cv2": library}))
    assert told(finding) == ("missing", words)
    assert finding.remedy == "pip install --force-reinstall --no-deps opencv-python-headless"


def test_cryptography_is_needed_only_with_a_trusted_key(tmp_path: Path) -> None:
    without = {"cryptography": Library(None)}

    free = library_checks.cryptography(host(tmp_path, without))
    bound = library_checks.cryptography(host(tmp_path, without, environment={"SKINSEG_TRUSTED_KEY": "clinic.pem"}))

    assert (free.status, bound.status) == ("ok", "missing")
    assert bound.remedy == "pip install 'skinseg-edge[signing]'"


def test_a_machine_that_exports_is_told_with_its_versions(tmp_path: Path) -> None:
    found = library_checks.export(host(tmp_path, package_version=lambda _: "9.9"))
    assert told(found) == ("ok", "torch 9.9, onnx 9.9, onnxscript 9.9")


def test_a_jetson_without_torch_is_as_it_should_be(tmp_path: Path) -> None:
    write_orin(tmp_path)
    assert told(library_checks.export(orin(tmp_path))) == (
        "ok",
        "not installed, as it should be: export on another computer",
    )


def test_a_computer_that_cannot_export_is_told_the_extra(tmp_path: Path) -> None:
    assert "pip install 'skinseg-edge[export]'" in library_checks.export(host(tmp_path)).found


@pytest.mark.parametrize(("system", "status"), [("Darwin", "warn"), ("Linux", "ok")])
def test_coremltools_are_missed_on_a_mac_only(tmp_path: Path, system: str, status: str) -> None:
    assert library_checks.coreml(host(tmp_path, system=system)).status == status


def test_coremltools_are_told_with_their_version(tmp_path: Path) -> None:
    assert told(library_checks.coreml(host(tmp_path, package_version=lambda _: "9.0"))) == ("ok", "coremltools 9.0")


def test_what_onnxruntime_was_built_with_is_told_by_name(tmp_path: Path) -> None:
    built = Library("1.22.0", providers=("CUDAExecutionProvider", "AzureExecutionProvider", "CPUExecutionProvider"))
    assert library_checks.providers(host(tmp_path)).found == "the processor alone"
    found = library_checks.providers(host(tmp_path, {"onnxruntime": built})).found
    assert found == "the processor; built in as well, and tried when --engine asks for it: onnxruntime-cuda"


@pytest.mark.parametrize(
    ("build", "found"),
    [
        ("", "OpenCV does not tell"),
        (
            "  GUI:                           NONE\n  Video I/O:\n    FFMPEG:   YES\n    GStreamer:   NO\n",
            "files and rtsp; no csi camera (built without GStreamer); no window, so --record instead of --display",
        ),
        (
            "  GUI:                           GTK3\n  Video I/O:\n    FFMPEG:   NO\n    GStreamer:   YES (1.20.3)\n",
            "no files nor rtsp (built without FFmpeg); GStreamer and csi cameras; windows",
        ),
    ],
)
def test_videos_and_cameras_are_told_as_opencv_was_built(tmp_path: Path, build: str, found: str) -> None:
    assert library_checks.video(host(tmp_path, {"cv2": Library("4.9.0", build=build)})).found == found


def test_the_real_opencv_and_onnxruntime_tell_how_they_were_built() -> None:
    assert "Video I/O" in library_here("cv2").build
    assert "CPUExecutionProvider" in library_here("onnxruntime").providers


def test_the_demo_names_what_it_lacks(tmp_path: Path) -> None:
    assert library_checks.demo(host(tmp_path, package_version=lambda _: "9")).found == "skinseg-demo can serve"
    assert "pip install 'skinseg-edge[demo]'" in library_checks.demo(host(tmp_path)).found
