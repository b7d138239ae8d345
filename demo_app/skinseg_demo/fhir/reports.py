"""The report of each visit, a PDF, as a DocumentReference that also names what was measured at it."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from skinseg_demo.fhir.files import attachment
from skinseg_demo.fhir.names import Entry, identifier, reference
from skinseg_demo.fhir.words import concept, narrative
from skinseg_demo.report.from_store import report_case
from skinseg_demo.report.paper_words import paper_words
from skinseg_demo.report.sheet import report_pdf
from skinseg_demo.store import Store
from skinseg_demo.store.cases import Case
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.visits import Visit
from skinseg_demo.strings import REFERENCE
from skinseg_edge.errors import SkinsegError

__all__ = ["report_entry", "report_name", "report_of_visit"]

_log = logging.getLogger(__name__)


def report_name(visit: Visit) -> str:
    """Return the name of a visit's report in the package."""
    return f"reports/{visit.id}.pdf"


def report_of_visit(store: Store, case: Case, visit: Visit) -> bytes | None:
    """Return the report of a visit in English, the same bytes as long as the case is the same.

    None if it cannot be drawn.

    Raises FileMissing if the case was deleted meanwhile, OSError if a picture cannot be read.
    """
    words = paper_words(REFERENCE)
    try:
        told = report_case(store, case.id, words.say, visit_id=visit.id)
        return report_pdf(replace(told, made_at=case.updated_at), words, is_repeatable=True)
    except (OSError, SkinsegError):  # a picture is lost, or the case was deleted
        raise
    except Exception as error:  # noqa: BLE001  # whatever a report stumbles over, the case should still leave
        _log.warning("a case goes without a report: %s", error)
        return None


def report_entry(
    case: Case, visit: Visit, pdf: bytes, subject: dict[str, object], about: Sequence[Entry], consents: str
) -> Entry:
    """Return a report; *about*: the photos and figures of its visit. *consents*: a sentence about them."""
    title = f"Case {case.number}: photos, outline and measurements"
    resource: dict[str, object] = {
        "resourceType": "DocumentReference",
        "text": narrative(f"{title}, as a PDF.", consents),
        "identifier": [identifier("report", visit.id)],
        "status": "current",
        "docStatus": "preliminary",
        "type": concept("Report of photos, outline and measurements of a skin lesion; no diagnosis"),
        "subject": subject,
        "date": text_from_time(case.updated_at),
        "description": consents,
        "content": [
            {
                "attachment": attachment(
                    report_name(visit), pdf, content_type="application/pdf", title=title, made_at=case.updated_at
                )
                | {"language": "en"}
            }
        ],
        "context": {"period": {"start": text_from_time(visit.made_at)}, "related": [reference(each) for each in about]},
    }
    return Entry("report", visit.id, resource)
