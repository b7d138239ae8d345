"""What the views of pictures and frames take and give, in the words of OpenAPI."""

from typing import Any

from skinseg_demo.pages.api_description import error_answer

__all__ = ["CORRECT", "FILE", "FRAME", "RESULT", "UPLOAD"]

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_OUTLINE = {"type": "array", "items": {"type": "array", "items": _SHARE, "minItems": 2, "maxItems": 2}}
_OUTLINES = {"type": "array", "items": _OUTLINE}
_PARTS = ("id", "schema", "photo_hw", "outlines", "band", "lesions", "scale", "scale_why", "quality", "model", "look")
_RESULT: dict[str, Any] = {
    "type": "object",
    "description": "skinseg.demo.result/1 and the picture's id",
    "required": [*_PARTS, "ms", "wording"],
    "properties": {
        "id": {"type": "string"},
        "schema": {"const": "skinseg.demo.result/1"},
        "photo_hw": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        "outlines": _OUTLINES,
        "band": {"type": "object", "properties": {"margin": _SHARE, "inner": _OUTLINES, "outer": _OUTLINES}},
        "lesions": {"type": "array", "items": {"type": "object"}},
        "scale": {"type": ["object", "null"]},
        "scale_why": {"type": ["string", "null"]},
        "quality": {"type": "object", "required": ["verdict", "findings"]},
        "model": {"type": "object"},
        "look": {"type": "object"},
        "ms": {"type": "object", "additionalProperties": {"type": "number"}},
        "wording": {"type": "string"},
    },
}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_PICTURE_REFUSED = {
    "400": error_answer("A field is missing or says what it cannot."),
    "409": error_answer("The case has no consent to care."),
    "413": error_answer("More than 25 MB or 60 million pixels, told by the header."),
    "415": error_answer("No JPEG, PNG, WebP, BMP or TIFF; cut off; damaged; or something else at the same time."),
    "429": error_answer("Too many from this phone.", has_retry_after=True),
    "503": error_answer("Too many wait, or the network is not ready.", has_retry_after=True),
    "507": error_answer("The disk is full: nothing was kept."),
}

UPLOAD: dict[str, Any] = {
    "summary": "Outline a picture and keep it.",
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["picture"],
                    "properties": {
                        "picture": {"type": "string", "format": "binary"},
                        "role": {"enum": ["closeup", "overview"], "default": "closeup"},
                        "case": {"type": "string", "description": "id of a case; its last visit gets the picture"},
                        "card": {"enum": ["yes", "no"], "default": "no", "description": "look for a printed card"},
                    },
                }
            }
        },
    },
    "responses": {"201": _json("It is on the disk; this was found.", _RESULT), **_PICTURE_REFUSED},
}

RESULT: dict[str, Any] = {
    "summary": "What was found on a picture.",
    "responses": {"200": _json("As it was told when it came.", _RESULT)},
}

FILE: dict[str, Any] = {
    "summary": "A file of a picture.",
    "responses": {"200": {"description": "Its bytes.", "content": {"image/*": {}}}},
}

FRAME: dict[str, Any] = {
    "summary": "Outline a frame of the live picture; it is not kept.",
    "requestBody": {
        "required": True,
        "content": {"image/jpeg": {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}},
    },
    "responses": {
        "200": _json(
            "What is seen now.",
            {
                "type": "object",
                "required": ["outlines", "hints", "ms"],
                "properties": {
                    "outlines": _OUTLINES,
                    "hints": {"type": "array", "items": {"type": "object"}},
                    "ms": {"type": "object"},
                },
            },
        ),
        "413": error_answer("More than 400 kB or 1.5 million pixels."),
        "415": error_answer("No JPEG, or a damaged one."),
        "429": error_answer("Too many from this phone.", has_retry_after=True),
        "503": error_answer("Dropped, or the network is not ready.", has_retry_after=True),
    },
}

CORRECT: dict[str, Any] = {
    "summary": "Say what is wrong with an outline.",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"enum": ["nudge", "redraw", "unusable"]}, "polygons": _OUTLINES},
                }
            }
        },
    },
    "responses": {
        "201": _json(
            "It is kept.",
            {"type": "object", "required": ["id", "kind", "made_at"], "properties": {"id": {"type": "string"}}},
        ),
        "400": error_answer("It is no correction."),
    },
}
