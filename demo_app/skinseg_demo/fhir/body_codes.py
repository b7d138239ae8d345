"""SNOMED CT codes of the places that the body map knows.

Each is a concept of DICOM's Dermatology Anatomic Sites (CID 4029), with its words there; a test holds them against
pydicom's dictionary. A place that lies in more than one of them, as "groin and hip" does, has no code. The side stands
in the text alone.
"""

from skinseg_demo.body_sites import site_of
from skinseg_demo.fhir.words import coding as coded
from skinseg_demo.fhir.words import concept, plain

__all__ = ["SITE_CODES", "SNOMED_CT", "body_site"]

SNOMED_CT = "http://snomed.info/sct"

SITE_CODES = {
    "front_head": ("73897004", "Skin of face"),
    "back_head": ("79951008", "Skin of occipital region"),
    "front_neck": ("11584001", "Skin of anterior portion of neck"),
    "back_neck": ("4658004", "Skin of nuchal region"),
    "front_forehead": ("68698007", "Skin of forehead"),
    "front_nose": ("113179006", "Skin of nose"),
    "front_mouth": ("110488009", "Skin of perioral region of face"),
    "front_genitals": ("60944009", "Skin of external genitalia"),
    "front_cheek": ("36141000", "Skin of cheek"),
    "front_ear": ("1902009", "Skin of ear"),
    "front_armpit": ("76261009", "Skin of axilla"),
    "front_torso_upper": ("244106003", "Skin of anterior surface of thorax"),
    "back_torso_upper": ("244111001", "Skin of posterior surface of thorax"),
    "front_torso_lower": ("75093004", "Skin of abdomen"),
    "back_torso_lower": ("113182001", "Skin of lower back"),
    "back_hip": ("22180002", "Skin of buttock"),
    "front_arm": ("45981001", "Skin of anterior surface of upper arm"),
    "back_arm": ("72939005", "Skin of posterior surface of upper arm"),
    "front_forearm": ("70559009", "Skin of anterior surface of forearm"),
    "back_forearm": ("41550009", "Skin of posterior surface of forearm"),
    "front_hand": ("70887009", "Skin of palm of hand"),
    "back_hand": ("281642007", "Skin of part of dorsal surface of hand"),
    "front_thigh": ("61248009", "Skin of anterior surface of thigh"),
    "back_thigh": ("4578000", "Skin of posterior surface of thigh"),
    "front_knee": ("181553006", "Skin of anterior surface of knee"),
    "back_knee": ("84507004", "Skin of popliteal fossa"),
    "front_leg": ("25763004", "Skin of anterior surface of lower leg"),
    "back_leg": ("47224004", "Skin of posterior surface of lower leg"),
    "front_foot": ("60496002", "Skin of foot"),
    "back_foot": ("60496002", "Skin of foot"),
}
"""By the code of a place without its side."""


def body_site(english: str) -> dict[str, object] | None:
    """Return the place that the store's words name; None if it holds none.

    Words of somebody's own have no code.
    """
    text = plain(english)
    if not text:
        return None
    known = site_of(english)
    found = None if known is None else SITE_CODES.get(known.code.removesuffix("_left").removesuffix("_right"))
    return concept(text) if found is None else concept(text, coded(SNOMED_CT, *found))
