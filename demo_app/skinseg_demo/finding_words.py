"""What speaks against a picture, in the language of whoever reads: the quality gate's own sentences are English."""

from collections.abc import Callable, Mapping

from skinseg_demo.strings import REFERENCE, strings_of

__all__ = ["finding_words"]


def finding_words(finding: Mapping[str, object], say: Callable[[str], str]) -> str:
    """Return the sentence of a finding, {"name", "sentence"}: in English the gate's own, which has its figures.

    *say*: returns the words of a language for a key. A finding that has no words in it is told in English.
    """
    own, key = str(finding.get("sentence") or ""), f"js.finding.{str(finding.get('name')).replace(' ', '_')}"
    english = strings_of(REFERENCE).get(key)
    if english is None:
        return own
    words = say(key)
    return own if words == english and own else words
