"""The report as one page of A4.

Nothing is fetched, and with Latin letters nothing is embedded but the pictures.
"""

import io

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, KeepInFrame, Spacer, Table

from skinseg_demo.report.case import ReportCase
from skinseg_demo.report.figures import about_case, figures_of
from skinseg_demo.report.paper_words import PaperWords
from skinseg_demo.report.photographs import photographs
from skinseg_demo.report.print_style import INNER_WIDTH, MARGIN, PrintStyle, in_columns

__all__ = ["report_pdf"]

_FOOT_HEIGHT = 8 * mm
_LIMITS = ("report.limit_outline", "report.limit_scale", "report.limit_flat", "report.limit_perimeter")


def report_pdf(case: ReportCase, words: PaperWords, *, is_repeatable: bool = False) -> bytes:
    """Return the report of a visit; what is too long for the page is printed smaller.

    *words*: the language, from `paper_words`. *is_repeatable*: the same case gives the same bytes, and the file
    has no date of its own.
    """
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, lang=words.language, invariant=int(is_repeatable))
    canvas.setTitle(words.say("report.title_of", number=case.number))
    canvas.setSubject(words.say("app.wording"))
    canvas.setAuthor("skinseg-edge")
    canvas.setCreator("skinseg-edge")
    style = PrintStyle(words)
    height = A4[1] - 2 * MARGIN - _FOOT_HEIGHT
    frame = Frame(MARGIN, MARGIN + _FOOT_HEIGHT, INNER_WIDTH, height, 0, 0, 0, 0)
    frame.addFromList([KeepInFrame(INNER_WIDTH, height, _story(case, style), mode="shrink")], canvas)
    _draw_foot(canvas, case, style)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _story(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    say = style.words.say
    limits = [style.item(say(key)) for key in _LIMITS]
    return [
        *_head(case, style),
        photographs(case, style),
        Spacer(0, 4 * mm),
        in_columns(figures_of(case, style), about_case(case, style)),
        Spacer(0, 3 * mm),
        style.heading(say("report.limits")),
        *limits,
        Spacer(0, 3 * mm),
        in_columns(_model(case, style), _contact(case, style)),
    ]


def _head(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    say = style.words.say
    title = Table(
        [[style.title(say("report.title")), style.title(say("report.case", number=case.number), is_right=True)]],
        colWidths=(INNER_WIDTH * 0.6, INNER_WIDTH * 0.4),
        style=[("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)],
    )
    visit = say("report.visit", visit=case.visit, visits=case.visits, at=_time(case))
    head = [title, style.soft(visit), Spacer(0, 2 * mm), style.boxed(say("app.wording")), Spacer(0, 3 * mm)]
    if style.words.is_fallback:
        head[3:3] = [style.soft(say("report.in_english"))]
    return head


def _model(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    say, model = style.words.say, case.model
    if model is None:
        return [style.heading(say("report.model")), style.body(say("report.no_model"))]
    rows = [
        f"{model.name} {model.version}",
        say("report.engine", engine=model.engine, precision=model.precision),
        say("report.bundle", sha256=model.bundle_sha256[:16]),
    ]
    return [style.heading(say("report.model")), *map(style.body, rows)]


def _contact(case: ReportCase, style: PrintStyle) -> list[Flowable]:
    say = style.words.say
    return [style.heading(say("report.contact")), style.body(case.contact or say("report.no_contact"))]


def _draw_foot(canvas: Canvas, case: ReportCase, style: PrintStyle) -> None:
    say = style.words.say
    made = case.made_at.strftime("%Y-%m-%d %H:%M UTC")
    foot = style.soft(say("report.foot", number=case.number, made=made))
    foot.wrapOn(canvas, INNER_WIDTH, _FOOT_HEIGHT)
    foot.drawOn(canvas, MARGIN, MARGIN)


def _time(case: ReportCase) -> str:
    shown = case.closeup or case.overview
    return "-" if shown is None else shown.taken_at.strftime("%Y-%m-%d %H:%M UTC")
