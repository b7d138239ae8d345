"""Where a DLA may be used, and what is told of the layers: a stand-in answers for TensorRT."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from skinseg_edge.errors import BuildFailed
from skinseg_runtime.engine_build import dla
from skinseg_runtime.jetpack import JetPack

_AGX = JetPack(l4t="36.4.3", jetpack="6.2", soc="tegra234", board="NVIDIA Jetson AGX Orin", part="p3701-0005")
_NX_8GB = replace(_AGX, board="NVIDIA Jetson Orin NX", part="p3767-0001")
_NANO = replace(_AGX, board="NVIDIA Jetson Orin Nano", part="p3767-0005")
_THOR = JetPack(l4t="38.2.0", jetpack="7.0", soc="tegra264", board="NVIDIA Jetson AGX Thor")


@pytest.mark.parametrize("version", ["10.3.0", "10.7.0.23"])
def test_the_old_versions_with_dla_are_allowed_on_orin(version: str) -> None:
    assert dla.refusal(version, _AGX, core=1) is None
    assert dla.refusal(version, _NX_8GB) is None


def test_11_4_1_is_allowed_on_agx_orin_from_jetpack_7_2_2_on() -> None:
    assert dla.refusal("11.4.1", replace(_AGX, l4t="39.2.2", jetpack="7.2.2")) is None
    assert dla.refusal("11.5.0", replace(_AGX, l4t="41.0.0", jetpack=None)) is None


@pytest.mark.parametrize(
    ("version", "board", "options", "words"),
    [
        ("10.3.0", None, {}, "only a Jetson Orin has a DLA, and this is none"),
        ("10.13.3", _THOR, {}, "only a Jetson Orin has a DLA: Jetson Thor has none"),
        ("10.3.0", replace(_AGX, soc="tegra194"), {}, "Jetson Xavier needs JetPack 5"),
        ("10.3.0", replace(_AGX, soc=None), {}, "a container hides which Jetson this is: build on the board itself"),
        ("10.3.0", replace(_AGX, soc="tegra999"), {}, "only a Jetson Orin has a DLA: this is a tegra999"),
        ("10.3.0", _NANO, {}, "the Jetson Orin Nano 8GB has no DLA, only Orin NX and AGX Orin have"),
        ("10.3.0", _NX_8GB, {"core": 1}, "the Jetson Orin NX 8GB has the DLA cores 0 to 0, and 1 was asked for"),
        ("8.6.2", _AGX, {}, "TensorRT 8.6.2 is not supported"),
        ("10.8.0", _AGX, {}, "TensorRT 10.8.0 has no DLA on a Jetson: 10.7 was the last"),
        ("10.16.2", _AGX, {}, "TensorRT 10.16.2 has no DLA on a Jetson"),
        ("11.3.1", _AGX, {}, "TensorRT 11.3.1 has no DLA on a Jetson"),
        ("11.4.0", _AGX, {}, "11.4.1 is the next that has"),
        (
            "11.4.1",
            replace(_NX_8GB, jetpack="7.2.2"),
            {},
            "has DLA on AGX Orin alone, and this is a Jetson Orin NX 8GB",
        ),
        ("11.4.1", replace(_AGX, jetpack="7.2"), {}, "has DLA from JetPack 7.2.2 on, and this is JetPack 7.2"),
        ("1.7.1", _AGX, {"engine": "trt-rtx"}, "trt-rtx has no DLA"),
        ("10.3.0", _AGX, {"precision": "fp32"}, "a DLA computes in fp16 or int8, not in fp32"),
    ],
)
def test_elsewhere_it_is_refused_with_the_reason(
    version: str, board: JetPack | None, options: dict[str, Any], words: str
) -> None:
    assert words in (dla.refusal(version, board, **options) or "allowed")


def test_a_module_that_is_not_in_the_table_may_try_any_core() -> None:
    assert dla.refusal("10.3.0", replace(_AGX, part=None), core=1) is None


@dataclass
class _FakeConfig:
    """Says of a layer that it may run on a DLA if its type is one of *able*."""

    able: tuple[str, ...]
    default_device_type: Any = None
    DLA_core: int = -1
    flags: list[Any] = field(default_factory=list)

    def set_flag(self, flag: Any) -> None:
        self.flags.append(flag)

    def can_run_on_DLA(self, layer: Any) -> bool:  # noqa: N802  # NVIDIA's name
        return layer.type.removeprefix("LayerType.") in self.able


_FAKE_TRT: Any = SimpleNamespace(
    DeviceType=SimpleNamespace(DLA="DLA"), BuilderFlag=SimpleNamespace(GPU_FALLBACK="GPU_FALLBACK")
)


def _fake_network(types: str, shape: tuple[int, ...] = (1, 192, 256, 3)) -> Any:
    layers = [
        SimpleNamespace(name=f"/{kind}_{place}", type=f"LayerType.{kind}") for place, kind in enumerate(types.split())
    ]
    return SimpleNamespace(
        num_inputs=1,
        get_input=lambda _: SimpleNamespace(name="image", shape=shape),
        num_layers=len(layers),
        get_layer=layers.__getitem__,
    )


def _fake_config(*able: str) -> Any:
    return _FakeConfig(able)


def test_a_plain_network_goes_to_the_dla_and_each_layer_is_told() -> None:
    config = _fake_config("CONVOLUTION", "ACTIVATION")
    network = _fake_network("CAST CONSTANT CONVOLUTION ACTIVATION CONVOLUTION")

    report = dla.apply(_FAKE_TRT, config, network, 1)

    assert (config.default_device_type, config.DLA_core, config.flags) == ("DLA", 1, ["GPU_FALLBACK"])
    assert [(layer.name, layer.type, layer.on_dla) for layer in report.layers] == [
        ("/CAST_0", "CAST", False),
        ("/CONVOLUTION_2", "CONVOLUTION", True),
        ("/ACTIVATION_3", "ACTIVATION", True),
        ("/CONVOLUTION_4", "CONVOLUTION", True),
    ]
    assert report.sentence == "3 of 4 layers on DLA 1, entered 1 times"
    assert report.to_json()["stretches"] == 1


def test_a_network_whose_layers_mostly_fall_back_is_refused_with_their_list() -> None:
    network = _fake_network("CONVOLUTION NORMALIZATION GATHER")

    with pytest.raises(BuildFailed) as raised:
        dla.apply(_FAKE_TRT, _fake_config("CONVOLUTION"), network, 0)

    assert (
        "2 of 3 layers would stay on the GPU, expected at most half: /NORMALIZATION_1 (NORMALIZATION), /GATHER_2"
        in str(raised.value)
    )


def test_a_network_that_would_enter_the_dla_too_often_is_refused() -> None:
    network = _fake_network("CONVOLUTION SOFTMAX " * 17)

    with pytest.raises(BuildFailed, match="would enter it 17 times, expected at most 16"):
        dla.apply(_FAKE_TRT, _fake_config("CONVOLUTION"), network, 0)


def test_a_free_axis_is_refused_before_anything_is_set() -> None:
    config = _fake_config("CONVOLUTION")

    with pytest.raises(BuildFailed, match=r"the input image has the shape \(-1, 192, 256, 3\) with a free axis"):
        dla.apply(_FAKE_TRT, config, _fake_network("CONVOLUTION", (-1, 192, 256, 3)), 0)

    assert config.DLA_core == -1
