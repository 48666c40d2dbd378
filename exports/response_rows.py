"""Several responses to one request, as a row of an item file gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exports.errors import ExportError

if TYPE_CHECKING:
    from exports.strict_json import JsonValue

FEWEST: Final = 2
MOST: Final = 9
MAX_ID: Final = 200
MAY_STAND_TOGETHER: Final = (
    {"prompt", "responses"},
    {"prompt", "responses", "system"},
    {"messages", "responses"},
)
"""The keys of content that make an item with several responses."""
_WORDS: Final = {bool: "true or false", int: "a number", float: "a number", list: "a list"}


class ResponsesRefused(ExportError):
    """The responses of a row are not what they must be."""


def _kind_of(value: object) -> str:
    return "missing" if value is None else _WORDS.get(type(value), "an object")


def _response(value: JsonValue, place: int) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """Read one response; what it carries besides is told apart."""
    where = f"response {place}"
    if isinstance(value, str):
        return {"id": f"r{place}", "text": value}, {}
    if not isinstance(value, dict):
        message = f"{where} is {_kind_of(value)}; write text, or an object with id and text"
        raise ResponsesRefused(message)
    text, name = value.get("text"), value.get("id", f"r{place}")
    if text is None and value.get("media"):
        text = ""
    if not isinstance(text, str):
        raise ResponsesRefused(f"the text of {where} is {_kind_of(text)}; write text")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
        raise ResponsesRefused(f"the id of {where} is no text of 1 to {MAX_ID} characters")
    rest = {key: part for key, part in value.items() if key not in ("id", "text", "media")}
    return {"id": name, "text": text}, rest


def responses_of(value: JsonValue, metadata: dict[str, JsonValue]) -> list[JsonValue]:
    """Return the responses of a row.

    Parameters
    ----------
    value : list
        Texts, or objects with ``text`` and perhaps ``id`` and ``media``.
    metadata : dict
        Gets further keys of the responses, by place, under ``response_fields``.

    Raises
    ------
    ResponsesRefused
        With the first thing that is wrong.
    """
    if not isinstance(value, list):
        raise ResponsesRefused(f"'responses' is {_kind_of(value)}; write a list of id and text")
    if not FEWEST <= len(value) <= MOST:
        raise ResponsesRefused(
            f"'responses' has {len(value)} entries; give {FEWEST} to {MOST}, "
            "or write a single one as 'response'"
        )
    read = [_response(one, place) for place, one in enumerate(value, start=1)]
    if len({str(one["id"]) for one, _ in read}) < len(read):
        raise ResponsesRefused("two responses have the same id; give each its own")
    shown = any(isinstance(one, dict) and one.get("media") for one in value)
    if not shown and not any(str(one["text"]).strip() for one, _ in read):
        raise ResponsesRefused("'responses' holds no text: there is nothing to judge; drop the row")
    extras: dict[str, JsonValue] = {
        f"r{place}": rest for place, (_, rest) in enumerate(read, start=1) if rest
    }
    if extras:
        metadata["response_fields"] = extras
    return [one for one, _ in read]
