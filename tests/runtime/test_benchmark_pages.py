"""What is told of a measurement whose figures are made up: doubts, sensors, the chart."""

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

from skinseg_edge.manifest import Artefact
from skinseg_runtime.benchmark import GoldenScore, Measured
from skinseg_runtime.benchmark_chart import svg_chart
from skinseg_runtime.benchmark_notes import doubts
from skinseg_runtime.benchmark_pages import csv_page, markdown_page, sensor_lines, warm_up_line
from skinseg_runtime.benchmark_report import Report
from skinseg_runtime.benchmark_timing import WarmUp
from skinseg_runtime.comparison import Form
from skinseg_runtime.device_sensors import Meter, Observation, Spread
from skinseg_runtime.latency import STAGES

_MADE_UP = Observation(
    seconds=10.0,
    meters={"VDD_IN": Meter(joules=50.0, seconds=10.0, photos=100, counts=True, includes="the whole module", idle_w=2)},
    temperature_c={"tj-thermal": Spread(least=50.4, mean=61.0, most=70.2)},
    clock_mhz={"GPU": Spread(least=306.0, mean=700.0, most=1020.0, highest=1020.0)},
    throttled_s={"gpu-throttle-alert": 3.2, "cpu-throttle-alert": 0.0},
    events={"over-current oc3": 4},
    unread={"energy of the processor": "package-0 is closed to this user"},
    power_mode="15W",
)
_MEASURED = Measured(
    engine="e",
    versions={},
    samples_ms={stage: tuple(float(ms) for ms in range(1, 101)) for stage in STAGES},
    load_s=0.1,
    memory_mib=100.0,
    golden=(GoldenScore(1.0, True),),
    warm_up=WarmUp(runs=60, settled=False, first_ms=321.4),
    drift=1.31,
    observed=_MADE_UP,
)


def _form(precision: str = "fp32", measured: Measured | None = _MEASURED) -> Form:
    artefact = Artefact(name="onnx", path="m.onnx", precision=precision, status="verified", checks={})
    return Form(precision=precision, artefact=artefact, size_bytes=1_000_000, measured=measured)


def _report(forms: Sequence[Form], name: str = "lesion") -> Report:
    method = {"runs": 100, "seconds": 10.0, "warm_up": "until settled", "threads": 2, "source": "photos", "count": 3}
    return Report(
        model={"name": name, "bundle_sha256": "0"},
        machine={"system": "s", "processor": "p", "cores": 2},
        date="2026-01-01",
        method=method,
        forms=tuple(forms),
    )


def test_what_speaks_against_the_times_is_said() -> None:
    assert doubts(_MEASURED) == [
        "the time in the network had not settled after 60 photos",
        "the network took 1.31 times as long at the end as at the beginning",
        "the machine was held back: gpu-throttle-alert for 3.2 s",
    ]
    steady = replace(_MEASURED, warm_up=WarmUp(runs=9, settled=True, first_ms=1.0), drift=1.02, observed=None)
    assert doubts(steady) == []


def test_every_sensor_has_a_line_and_so_has_what_was_not_read() -> None:
    assert sensor_lines(_form()) == [
        "power mode: 15W",
        "energy, VDD_IN: 500.0 mJ a photo, 300.0 of it above rest (the whole module)",  # 50 J, less 2 W for 10 s
        "temperature, tj-thermal: 50 to 70 °C",
        "clock, GPU: 306 to 1020 of 1020 MHz",
        "held back by gpu-throttle-alert: 3.2 s",
        "held back by cpu-throttle-alert: 0.0 s",
        "over-current oc3: 4 times",
        "not read: energy of the processor (package-0 is closed to this user)",
    ]
    assert warm_up_line(_form()) == "warm-up: not settled after 60 photos; the very first photo took 321.4 ms"


def test_energy_and_throttling_have_a_column_and_what_was_not_run_has_none_of_them() -> None:
    report = _report([_form(), _form("fp16", None)])
    heading, first, second = (line.split(",") for line in csv_page(report).splitlines())
    energy, held = heading.index("mJ a photo"), heading.index("throttled s")
    assert (first[energy], first[held], second[energy], second[held]) == ("500.0", "3.2", "-", "-")
    assert "- fp32: the machine was held back" in markdown_page(report)


def test_the_chart_has_a_strip_for_each_stage_of_each_form_that_was_run() -> None:
    forms = [_form(), _form("fp16"), _form("int8", None)]
    drawing = ElementTree.fromstring(svg_chart(_report(forms, "a<b>&c")))
    words = [element.text or "" for element in drawing.iter() if element.tag.endswith("text")]
    bars = [element for element in drawing.iter() if element.get("rx")]
    assert words[0] == "a<b>&c with e"
    assert len(bars) == 2 * len(STAGES)
    # Percentiles of 1 to 100 ms, interpolated linearly: 50.5 and 99.01; all on an axis from 10 to 100 ms.
    assert words.count("50.50 to 99.01 ms") == 2 * len(STAGES)
    assert {"10 ms", "100 ms", "fp32", "fp16"} <= set(words)
    assert "int8" not in words


def test_strips_lie_on_the_picture_in_the_order_of_their_times() -> None:
    slow = replace(_MEASURED, samples_ms={stage: (1000.0 * (1 + place),) for place, stage in enumerate(STAGES)})
    drawing = ElementTree.fromstring(svg_chart(_report([_form(measured=slow)])))
    places = [float(element.get("x", "0")) for element in drawing.iter() if element.get("rx")]
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] < float(drawing.get("width", "0"))


def test_a_chart_of_nothing_is_still_a_picture() -> None:
    drawing = ElementTree.fromstring(svg_chart(_report([_form(measured=None)])))
    assert [element for element in drawing.iter() if element.get("rx")] == []
