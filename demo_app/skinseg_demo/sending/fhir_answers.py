"""What a FHIR server answers, read strictly: a transaction counts only if it says of each entry that it was done."""

import re

from skinseg_demo.fhir.words import plain
from skinseg_demo.json_values import items_of, mapping_of, mappings_of, text_of
from skinseg_demo.sending.endpoints import NotSent
from skinseg_demo.sending.posting import Answer
from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import parse_object

__all__ = ["check_transaction_response", "outcome_sentence"]

_JSON = ("application/fhir+json", "application/json")
_MOST_ISSUES = 3
_MOST_LETTERS = 200
_DONE = re.compile(r"2\d\d( .*)?")
_LOOK = "look at the address of the endpoint"


def check_transaction_response(answer: Answer, *, entries: int, token: str | None) -> None:
    """Check that *entries* entries were stored.

    *token*: is taken out of messages.

    Raises NotSent if the answer does not say so.
    """
    if answer.content_type not in _JSON:
        raise NotSent(f"the FHIR server answered {answer.content_type}, expected {_JSON[0]}; {_LOOK}")
    try:
        document = parse_object(answer.body, "the answer of the FHIR server", mend=_LOOK, error_class=InputError)
    except InputError as error:
        raise NotSent(str(error)) from error
    if (document.get("resourceType"), document.get("type")) != ("Bundle", "transaction-response"):
        told = outcome_sentence(answer.body, token=token)
        raise NotSent(
            "the FHIR server answered no transaction-response" + (f": {told}" if told else "") + "; it is tried again"
        )
    done = [mapping_of(entry).get("response") for entry in items_of(document.get("entry"))]
    statuses = [text_of(mapping_of(response).get("status")) for response in done]
    undone = [status for status in statuses if status is None or not _DONE.fullmatch(status)]
    if len(statuses) != entries or undone:
        raise NotSent(
            f"the FHIR server stored {len(statuses) - len(undone)} of {entries} parts of the case; it is tried again",
            is_for_all=False,
        )


def outcome_sentence(body: bytes, *, token: str | None = None) -> str | None:
    """Return what an OperationOutcome says went wrong, cut to a readable length; None if *body* is none.

    *token*: is taken out.
    """
    try:
        document = parse_object(body, "the answer of the FHIR server", mend=_LOOK, error_class=InputError)
    except InputError:
        return None
    if document.get("resourceType") != "OperationOutcome":
        return None
    wrong = [issue for issue in mappings_of(document.get("issue")) if issue.get("severity") in ("fatal", "error")]
    told = (
        text_of(mapping_of(issue.get("details")).get("text")) or text_of(issue.get("diagnostics")) or issue.get("code")
        for issue in wrong[:_MOST_ISSUES]
    )
    sentence = " ".join(plain("; ".join(str(each) for each in told if each)).split())
    if token:
        sentence = sentence.replace(token, "(token)")
    return sentence[:_MOST_LETTERS] or None
