"""The report of a case as a PDF; its package as a ZIP is `cases.export`."""

from flask import Blueprint, Response, request

from skinseg_demo.report.from_store import report_case
from skinseg_demo.report.paper_words import paper_words
from skinseg_demo.report.sheet import report_pdf
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.strings import language

__all__ = ["blueprint", "sheet"]

blueprint = Blueprint("report", __name__)


@blueprint.get("/cases/<case_id>/report.pdf")
@for_phones
def sheet(case_id: str) -> Response:
    """Send the report of the last visit; ?visit=... names another.

    Raises FileMissing if there is no such case or visit.
    """
    box, words = services(), paper_words(language())
    visit_id = request.args.get("visit") or None
    case = report_case(box.store, case_id, words.say, visit_id=visit_id, contact=box.config.contact)
    response = Response(report_pdf(case, words), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="case-{case.number}.pdf"'
    with box.store.database.writing() as connection:
        detail = f"visit {case.visit}"
        box.store.audit.record(connection, who=current_phone().id, what="report made", detail=detail, case_id=case_id)
    return response
