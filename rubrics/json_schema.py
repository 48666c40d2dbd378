"""A JSON Schema of the rubric format, for editors that complete and check while one types.

It knows the shape alone; what the loader checks of meaning (references, conditions, hotkeys) is
beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from rubrics.condition_reader import OPERATORS
from rubrics.defaults import FEWEST_RESPONSES, FORMAT, MOST_RESPONSES
from rubrics.loader import CATEGORY_KEYS, QUESTION_KEYS, RUBRIC_KEYS, TARGETS
from rubrics.reader import ID_PATTERN
from rubrics.schema import Level, Paradigm, QuestionType, Role, Status

if TYPE_CHECKING:
    from rubrics.document import Json

_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_ID: Final[Json] = {"$ref": "#/$defs/id"}
_IDS: Final[Json] = {"type": "array", "items": _ID, "minItems": 1}
_TEXTS: Final[Json] = {"type": "array", "items": _TEXT}
_FLAG: Final[Json] = {"type": "boolean"}
_NUMBER: Final[Json] = {"type": "number"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_SHARE: Final[Json] = {"type": "number", "minimum": -1, "maximum": 1}
_VERSION: Final[Json] = {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}
_CONDITION: Final[Json] = {"$ref": "#/$defs/condition"}
_BY_ID: Final[Json] = {
    "type": "object",
    "propertyNames": _ID,
    "additionalProperties": _TEXT,
}


def _words(kind: object) -> Json:
    return {"enum": list(get_args(kind))}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _list_of(name: str) -> Json:
    return {"type": "array", "items": _ref(name)}


def _table(properties: dict[str, Json], required: tuple[str, ...] = ()) -> dict[str, Json]:
    found: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        found["required"] = list(required)
    return found


def _condition() -> Json:
    operands: dict[str, Json] = {
        "is": {"type": ["string", "boolean", "number"]},
        "any_of": _IDS,
        "none_of": _IDS,
        "at_least": _NUMBER,
        "at_most": _NUMBER,
        "chosen": _FLAG,
    }
    parts: Json = {"type": "array", "items": _CONDITION, "minItems": 1}
    joints: list[Json] = [
        _table({"all": parts}, ("all",)),
        _table({"any": parts}, ("any",)),
        _table({"not": _CONDITION}, ("not",)),
    ]
    tests: list[Json] = [
        _table({"question": _ID, op: operands[op]}, ("question", op)) for op in OPERATORS
    ]
    return {"oneOf": tests + joints}


def _option() -> Json:
    key: Json = {"type": ["string", "integer"], "description": "one letter or digit"}
    return _table(
        {"id": _ID, "label": _TEXT, "code": _NUMBER, "help": _TEXT, "hotkey": key}, ("id",)
    )


def _agreement() -> Json:
    return _table(
        {
            "target": _SHARE,
            "floor": _SHARE,
            "min_items": _COUNT,
            "min_positives": _COUNT,
            "levels": {"type": "array", "items": _words(Level)},
        }
    )


def _rule() -> Json:
    return _table(
        {
            "when": {"enum": ["differ", "gap", "never"]},
            "gap_at_least": {"type": "number", "minimum": 0},
            "unsure": _FLAG,
        }
    )


def _question() -> Json:
    special: dict[str, Json] = {
        "id": _ID,
        "type": _words(QuestionType),
        "level": _words(Level),
        "target": {"enum": list(TARGETS)},
        "options": _list_of("option"),
        "options_from": {"enum": ["categories", "responses"]},
        "min": _NUMBER,
        "max": _NUMBER,
        "ask_if": _CONDITION,
        "repeat_for": _ID,
        "required": _FLAG,
        "required_if": _CONDITION,
        "when_not_asked": {"type": ["string", "boolean"]},
        "role": _words(Role),
        "agreement": _ref("agreement"),
        "adjudicate": _ref("adjudication"),
        "max_chars": {"type": "integer", "minimum": 1},
        "cite": _FLAG,
        "ties": _FLAG,
        "both_bad": _FLAG,
        "maps_to": _BY_ID,
    }
    return _table({key: special.get(key, _TEXT) for key in QUESTION_KEYS}, ("id", "text", "type"))


def _category() -> Json:
    special: dict[str, Json] = {
        "id": _ID,
        "includes": _list_of("clause"),
        "excludes": _list_of("clause"),
        "edge_cases": _list_of("clause"),
        "examples": _list_of("example"),
        "counterexamples": _list_of("example"),
        "severity_anchors": _BY_ID,
        "exposure_weight": _COUNT,
        "agreement": _ref("agreement"),
        "labelable": _FLAG,
        "legal_route": _ID,
        "maps_to": _BY_ID,
    }
    return _table({key: special.get(key, _TEXT) for key in CATEGORY_KEYS}, ("id", "definition"))


def _reserved_answer() -> Json:
    return _table({"allowed": _FLAG, "needs_reason": _FLAG, "reasons": _IDS})


def _definitions() -> dict[str, Json]:
    clause = {"id": _ID, "text": _TEXT, "ruling": _TEXT, "since": _VERSION}
    example = {"text": _TEXT, "clause": _ID, "note": _TEXT, "language": _TEXT}
    derived = {"id": _ID, "text": _TEXT, "when": _CONDITION, "agreement": _ref("agreement")}
    return {
        "id": {"type": "string", "pattern": f"^{ID_PATTERN}$"},
        "condition": _condition(),
        "option": _option(),
        "agreement": _agreement(),
        "adjudication": _rule(),
        "question": _question(),
        "clause": _table(clause, ("id", "text")),
        "example": _table(example, ("text",)),
        "category": _category(),
        "derived": _table(derived, ("id", "when")),
        "reserved_answer": _reserved_answer(),
    }


def _item() -> Json:
    count: Json = {
        "type": "integer",
        "minimum": FEWEST_RESPONSES,
        "maximum": MOST_RESPONSES,
    }
    return _table(
        {
            "unit": _TEXT,
            "kinds": _TEXTS,
            "show": _TEXTS,
            "blind": _TEXTS,
            "group_keys": _TEXTS,
            "responses": count,
        }
    )


def _display() -> Json:
    return _table(
        {
            "conceal": {"enum": ["never", "always", "flagged"]},
            "reveal": {"enum": ["click", "hold"]},
            "notice": _TEXT,
            "never_render": _IDS,
            "shuffle_responses": _FLAG,
        }
    )


def json_schema() -> dict[str, Json]:
    """Return the JSON Schema (2020-12) of a rubric file."""
    special: dict[str, Json] = {
        "schema": {"const": FORMAT},
        "id": _ID,
        "version": _VERSION,
        "status": _words(Status),
        "paradigm": _words(Paradigm),
        "languages": _TEXTS,
        "taxonomy_refs": _TEXTS,
        "item": _item(),
        "display": _display(),
        "reserved": _table(
            {"unsure": _ref("reserved_answer"), "cannot_assess": _ref("reserved_answer")}
        ),
        "questions": {"type": "array", "items": _ref("question"), "minItems": 1},
        "categories": _list_of("category"),
        "derived": _list_of("derived"),
        "adjudication": _ref("adjudication"),
    }
    properties = {key: special.get(key, _TEXT) for key in RUBRIC_KEYS}
    required = ("schema", "id", "version", "title", "questions")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Touchstone rubric",
        **_table(properties, required),
        "$defs": _definitions(),
    }
