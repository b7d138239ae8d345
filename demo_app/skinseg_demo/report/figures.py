"""The two columns of a report: what was measured and by which scale, and what a person said of the case."""

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table

from skinseg_demo.report.case import ReportCase, ReportLesion, ReportMeasure
from skinseg_demo.report.print_style import LINE, PrintStyle

__all__ = ["about_case", "figures_of"]

_MOST_LESIONS = 3


def figures_of(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    """Return the measures of each lesion with their ranges, and where millimetres come from."""
    say = style.words.say
    story: list[Flowable] = [style.heading(say("report.measures"))]
    if case.outline_by != "network":
        return [*story, style.body(say(f"report.no_figures_{case.outline_by}"))]
    if not case.lesions:
        return [*story, style.body(say("report.no_lesion"))]
    for number, lesion in enumerate(case.lesions[:_MOST_LESIONS], 1):
        if len(case.lesions) > 1:
            story.append(style.body(say("report.lesion", number=number), is_bold=True))
        story += _figures(lesion, style)
    if len(case.lesions) > _MOST_LESIONS:
        story.append(style.soft(say("report.more_lesions", count=len(case.lesions) - _MOST_LESIONS)))
    return [*story, Spacer(0, 1.5 * mm), style.soft(_scale(case, style))]


def about_case(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    """Return what was written of the case; the free note is left out, for it may name somebody."""
    say = style.words.say
    rows = [
        (say("report.site"), case.body_site or say("report.not_told")),
        (say("report.skin_type"), case.skin_type or say("report.not_told")),
        (say("report.history"), ", ".join(case.history) or say("report.none_ticked")),
        (say("report.checklist"), ", ".join(case.checklist) or say("report.none_ticked")),
        (say("report.quality"), " ".join(case.quality) or say("report.quality_good")),
    ]
    told: list[list[Flowable]] = [[style.soft(name), style.body(value)] for name, value in rows]
    story: list[Flowable] = [style.heading(say("report.about"))]
    return [*story, _lined(told, (27 * mm, 59 * mm))]


def _figures(lesion: ReportLesion, style: PrintStyle) -> list[Flowable]:
    rows = [[style.soft(style.words.say(f"report.measure.{one.name}")), _figure(one, style)] for one in lesion.measures]
    story: list[Flowable] = [_lined(rows, (38 * mm, 48 * mm))]
    if lesion.is_cut:
        story.append(style.body(style.words.say("report.is_cut")))
    return story


def _figure(measure: ReportMeasure, style: PrintStyle) -> Flowable:
    number = f"{_digits(measure.value, measure.unit)} {measure.unit}".strip()
    if measure.ends is None:
        return style.body(number)
    low, high = (_digits(end, measure.unit) for end in measure.ends)
    return style.body(style.words.say("report.range", figure=number, low=low, high=high))


def _digits(value: float, unit: str) -> str:
    """Return a figure with as many digits as it is worth."""
    if unit.startswith("px"):
        return f"{value:.0f}"
    return f"{value:.1f}" if unit else f"{value:.2f}"


def _scale(case: ReportCase, style: PrintStyle) -> str:
    say, scale = style.words.say, case.scale
    if scale is None:
        return case.scale_problem or say("report.no_scale")
    told = say("report.scale", source=scale.source, percent=f"{100 * scale.relative_error:.1f}")
    if scale.tilt_degrees is not None:
        told += " " + say("report.tilt", degrees=f"{scale.tilt_degrees:.0f}")
    return told


def _lined(rows: list[list[Flowable]], widths: tuple[float, float]) -> Table:
    return Table(
        rows,
        colWidths=widths,
        hAlign="LEFT",
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ],
    )
