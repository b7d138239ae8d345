"""The page that Prometheus reads, against the rules of its format."""

import re
import threading

from skinseg_demo.monitoring.exposition import Family, Histogram, Sample, text_of

# After the "Exposition formats" page of Prometheus' documentation.
_LINE = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    r'(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*")*\})?'
    r" (?:[+-]?Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
)


def test_a_histogram_counts_up_and_its_last_bucket_holds_all() -> None:
    times = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):  # 0.1 belongs to "at most 0.1"
        times.add(value)

    lines = text_of(
        [Family("t_seconds", "histogram", "Times.", tuple(times.samples((("view", "home"),))))]
    ).splitlines()

    assert lines == [
        "# HELP t_seconds Times.",
        "# TYPE t_seconds histogram",
        't_seconds_bucket{view="home",le="0.1"} 2',
        't_seconds_bucket{view="home",le="1"} 3',
        't_seconds_bucket{view="home",le="+Inf"} 4',
        't_seconds_sum{view="home"} 7.65',
        't_seconds_count{view="home"} 4',
    ]


def test_whatever_a_label_holds_stays_on_its_line() -> None:
    odd = 'a "quoted"\nname \\ of a sensor'

    page = text_of([Family("heat", "gauge", "Two\nlines.", (Sample(41.5, (("sensor", odd),)), Sample(-3)))])

    head, kind, *lines = page.splitlines()
    assert (head, kind) == (r"# HELP heat Two\nlines.", "# TYPE heat gauge")
    assert lines == [r'heat{sensor="a \"quoted\"\nname \\ of a sensor"} 41.5', "heat -3"]
    assert [line for line in lines if not _LINE.fullmatch(line)] == []


def test_a_metric_without_a_line_is_left_out() -> None:
    assert text_of([Family("heat", "gauge", "None can be read.", ())]) == ""


def test_no_value_is_lost_when_many_threads_add() -> None:
    times = Histogram((1.0,))

    def add_many() -> None:
        for _ in range(500):
            times.add(0.5)

    threads = [threading.Thread(target=add_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line.value for line in times.samples()] == [4000, 4000, 2000.0, 4000]
