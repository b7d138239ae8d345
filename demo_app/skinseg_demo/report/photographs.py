"""The pictures of a report: overview, close-up, and the close-up with its outline."""

import io

from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable, Image, Spacer, Table

from skinseg_demo.report.case import ReportCase, ReportPicture
from skinseg_demo.report.print_style import INNER_WIDTH, PrintStyle, bare, side_by_side

__all__ = ["photographs"]

_GAP = 4 * mm
_HEIGHT = 76 * mm
_OVERVIEW_SHARE = 0.68  # of a close-up's width
_DIGITS = 12  # of a SHA-256: enough to find the original among those of one clinic


def photographs(case: ReportCase, style: PrintStyle) -> Flowable:
    """Return the pictures that there are, side by side, each with what it is below it."""
    say = style.words.say
    overview = _photograph(case.overview, say("report.overview"), style)
    columns = (overview, _photograph(case.closeup, say("report.closeup"), style), _outlined(case, style))
    shown = [column for column in columns if column is not None]
    if not shown:
        return style.body(say("report.no_picture"))
    widths = _widths([_OVERVIEW_SHARE if column is overview else 1.0 for column in shown])
    pictures = [_fitted(jpeg, width) for (jpeg, _), width in zip(shown, widths, strict=True)]
    return Table(
        [pictures, [caption for _, caption in shown]],
        colWidths=[*(width + _GAP for width in widths[:-1]), widths[-1]],
        style=[*side_by_side(_GAP), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)],
    )


def _widths(shares: list[float]) -> list[float]:
    whole = INNER_WIDTH - _GAP * (len(shares) - 1)
    return [whole * share / sum(shares) for share in shares]


def _photograph(picture: ReportPicture | None, name: str, style: PrintStyle) -> tuple[bytes, list[Flowable]] | None:
    if picture is None:
        return None
    when = picture.taken_at.strftime("%Y-%m-%d %H:%M UTC")
    told = style.words.say("report.taken", at=when, sha256=picture.sha256[:_DIGITS])
    return picture.jpeg, [style.body(name, is_bold=True), style.soft(told)]


def _outlined(case: ReportCase, style: PrintStyle) -> tuple[bytes, list[Flowable]] | None:
    if case.outlined is None:
        return None
    say = style.words.say
    told = say(f"report.outline_by_{case.outline_by}")
    if case.is_enlarged:
        told = f"{say('report.enlarged')} {told}"
    return case.outlined, [style.body(say("report.outline"), is_bold=True), style.soft(told)]


def _fitted(jpeg: bytes, width: float) -> Flowable:
    """Return a picture as large as its column and the height allow, in its own shape."""
    columns, rows = ImageReader(io.BytesIO(jpeg)).getSize()
    factor = min(width / columns, _HEIGHT / rows)
    picture = Image(io.BytesIO(jpeg), columns * factor, rows * factor)
    picture.hAlign = "LEFT"
    return Table([[picture], [Spacer(0, 0)]], style=bare(), hAlign="LEFT")
