"""One row of an item file: which keys it may have and what becomes of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from exports.errors import ExportError
from exports.message_parts import (
    FileFacts,
    PartRefused,
    file_entries,
    tool_parts,
    with_files,
)
from exports.response_rows import MAY_STAND_TOGETHER, ResponsesRefused, responses_of
from exports.strict_json import JsonValue, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

ItemKind = Literal["text", "prompt_response", "messages", "responses"]

ROLES = ("system", "developer", "user", "assistant", "tool")
MAX_ID_CHARACTERS = 200
CONVERSATION = "conversation_id"
CONTENT_KEYS = ("text", "prompt", "response", "system", "messages", "responses")
KNOWN_KEYS = frozenset(
    {*CONTENT_KEYS, "id", "language", "source", "licence", "license", "media"}
    | {"metadata", "slices", "group_keys"}
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as read from a file.

    Attributes
    ----------
    line : int
        Line on which the row begins, from 1.
    end_offset, next_line : int
        Where reading goes on after this row: byte offset and line number.
    external_id : str
        The ``id`` of the row.
    kind : {"text", "prompt_response", "messages", "responses"}
        What the item is.
    body : dict
        The content: ``text``; ``system``, ``prompt`` and ``response``; ``messages``; or
        ``responses`` beside ``prompt`` (and ``system``) or ``messages``.
    group_keys, slices : dict of str to str
        What must stay in one split; what results are looked at by.
    metadata : dict
        Everything else the row carried.
    content_hash : str
        SHA-256 of ``canonical_body``, in hex.
    canonical_body : str
        The body as canonical JSON.
    files : tuple of FileFacts
        The files of the item, once they were looked into.
    """

    line: int
    end_offset: int
    next_line: int
    external_id: str
    kind: ItemKind
    body: dict[str, JsonValue]
    language: str | None
    source: str | None
    licence: str | None
    group_keys: dict[str, str]
    slices: dict[str, str]
    metadata: dict[str, JsonValue]
    content_hash: str
    canonical_body: str
    files: tuple[FileFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot become an item, with its place, the reason and the cure.

    Attributes
    ----------
    line : int
        Line on which the row begins, from 1.
    end_offset, next_line : int
        Where reading goes on after this row.
    column : int or None
        Character in that line, from 1, where it is known.
    reason : str
        What is wrong and what to do.
    external_id : str or None
        The ``id`` of the row, when it could be read.
    """

    line: int
    end_offset: int
    next_line: int
    column: int | None
    reason: str
    external_id: str | None = None


class RowRefused(ExportError):
    """The values of one row do not make an item."""


class Place(NamedTuple):
    """Where a row stands and where reading goes on after it."""

    line: int
    end_offset: int
    next_line: int


def _kind_of(value: object) -> str:
    return _WORDS.get(type(value), "something else")


def _text(row: Mapping[str, JsonValue], key: str) -> str | None:
    value = row.get(key)
    if value is None or isinstance(value, str):
        return value
    raise RowRefused(f"{key!r} is {_kind_of(value)}; write text")


def _filled(row: Mapping[str, JsonValue], key: str) -> str:
    value = _text(row, key)
    if value is None:
        raise RowRefused(f"{key!r} is missing; add it")
    if not value.strip():
        raise RowRefused(f"{key!r} is empty: there is nothing to judge; fill it or drop the row")
    return value


def read_id(row: Mapping[str, JsonValue]) -> str:
    """Return the id of a row; whole numbers become text.

    Raises
    ------
    RowRefused
        When the id is missing, blank, too long or of another type.
    """
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        raise RowRefused("'id' is missing; give every item an id of its own")
    if not isinstance(value, str):
        raise RowRefused(f"'id' is {_kind_of(value)}; write text or a whole number")
    if len(value) > MAX_ID_CHARACTERS:
        raise RowRefused(
            f"'id' has {len(value):,} characters; at most {MAX_ID_CHARACTERS} are allowed"
        )
    if value.strip() != value or _CONTROL.search(value):
        raise RowRefused("'id' has blanks around it or a control character in it; remove them")
    return value


def _message(value: JsonValue, index: int) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    where = f"message {index}"
    if not isinstance(value, dict):
        raise RowRefused(f"{where} is {_kind_of(value)}; write an object with role and content")
    role, content = value.get("role"), value.get("content")
    if role not in ROLES:
        raise RowRefused(f"the role of {where} is {role!r}; use one of {', '.join(ROLES)}")
    tools = tool_parts(value, index)
    if content is None and ("tool_calls" in tools or "media" in value):
        content = ""
    if not isinstance(content, str):
        raise RowRefused(f"the content of {where} is {_kind_of(content)}; write text")
    if len(value) == 2:
        return value, {}
    taken = {"role", "content", "media", *tools}
    rest = {key: part for key, part in value.items() if key not in taken}
    return {"role": role, "content": content, **tools}, rest


def _messages(row: Mapping[str, JsonValue], metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    value = row["messages"]
    if not isinstance(value, list):
        raise RowRefused(f"'messages' is {_kind_of(value)}; write a list of role and content")
    messages: list[JsonValue] = []
    extras: dict[str, JsonValue] = {}
    for index, given in enumerate(value):
        message, rest = _message(given, index)
        messages.append(message)
        if rest:
            extras[str(index)] = rest
    if not any(_holds_something(part) for part in (*messages, *value)):
        raise RowRefused("'messages' holds no text: there is nothing to judge; drop the row")
    if extras:
        metadata["message_fields"] = extras
    return {"messages": messages}


def _holds_something(message: JsonValue) -> bool:
    if not isinstance(message, dict):
        return False
    return bool(str(message.get("content") or "").strip()) or any(
        message.get(key) for key in ("tool_calls", "media")
    )


def _files(row: Mapping[str, JsonValue], kind: ItemKind) -> list[dict[str, JsonValue]]:
    """Return the files of the row and its parts, each with the part it belongs to."""
    part = {"text": "text", "prompt_response": "prompt"}.get(kind, "")
    found = file_entries(row.get("media"), part)
    messages = row.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict):
            found += file_entries(message.get("media"), f"message:{index}")
    responses = row.get("responses")
    for place, one in enumerate(responses if isinstance(responses, list) else (), start=1):
        if isinstance(one, dict):
            found += file_entries(one.get("media"), f"response:{one.get('id', f'r{place}')}")
    return found


def _pair(row: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    prompt = _filled(row, "prompt")
    response = _text(row, "response")
    if response is None:
        raise RowRefused("there is a prompt but no 'response'; add it, or call the prompt 'text'")
    system = _text(row, "system")
    body: dict[str, JsonValue] = {"prompt": prompt, "response": response}
    return body if not system else {"system": system, **body}


def _responses(
    row: Mapping[str, JsonValue], metadata: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    try:
        found = responses_of(row["responses"], metadata)
    except ResponsesRefused as error:
        raise RowRefused(str(error)) from None
    if row.get("messages") is not None:
        return {**_messages(row, metadata), "responses": found}
    system = _text(row, "system")
    body: dict[str, JsonValue] = {"prompt": _filled(row, "prompt"), "responses": found}
    return body if not system else {"system": system, **body}


def _body(
    row: Mapping[str, JsonValue], metadata: dict[str, JsonValue]
) -> tuple[ItemKind, dict[str, JsonValue]]:
    given = [key for key in CONTENT_KEYS if row.get(key) is not None]
    if "messages" in given and len(given) == 1:
        return "messages", _messages(row, metadata)
    if row.get("media") and given in ([], ["text"]):
        return "text", {"text": _text(row, "text") or ""}
    if given == ["text"]:
        return "text", {"text": _filled(row, "text")}
    if set(given) in MAY_STAND_TOGETHER:
        return "responses", _responses(row, metadata)
    if "prompt" in given and not {"text", "messages", "responses"} & set(given):
        return "prompt_response", _pair(row)
    if not given:
        raise RowRefused(
            "there is no content; add 'text', or 'prompt' and 'response', or 'messages', or 'media'"
        )
    raise RowRefused(
        f"{' and '.join(repr(key) for key in given)} do not go together; give 'text' alone, "
        "'prompt' with 'response' or 'responses' (and 'system'), or 'messages' alone or with "
        "'responses'"
    )


def _language(row: Mapping[str, JsonValue]) -> str | None:
    value = _text(row, "language")
    if value and not _LANGUAGE.fullmatch(value):
        raise RowRefused(f"'language' is {value[:40]!r}; write a tag such as 'en' or 'pt-BR'")
    return value or None


def _licence(row: Mapping[str, JsonValue]) -> str | None:
    licence, license_ = _text(row, "licence"), _text(row, "license")
    if licence and license_ and licence != license_:
        raise RowRefused("'licence' and 'license' say different things; keep one")
    return licence or license_ or None


def _strings(row: Mapping[str, JsonValue], key: str) -> dict[str, str]:
    value = row.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RowRefused(f"{key!r} is {_kind_of(value)}; write an object of texts")
    found: dict[str, str] = {}
    for name, part in value.items():
        if part is None or part == "":
            continue
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise RowRefused(f"{key}.{name} is {_kind_of(part)}; write text")
        found[name] = str(part)
    return found


def _metadata(row: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    value = row.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise RowRefused(f"'metadata' is {_kind_of(value)}; write an object")
    metadata = dict(value or {})
    for key in sorted(row.keys() - KNOWN_KEYS):
        if key in metadata and metadata[key] != row[key]:
            raise RowRefused(f"{key!r} stands in the row and in 'metadata' with different values")
        metadata[key] = row[key]
    return metadata


def _group_keys(row: Mapping[str, JsonValue], metadata: Mapping[str, JsonValue]) -> dict[str, str]:
    groups = _strings(row, "group_keys")
    conversation = metadata.get(CONVERSATION)
    if groups or not isinstance(conversation, str | int) or isinstance(conversation, bool):
        return groups
    return {CONVERSATION: str(conversation)} if conversation != "" else {}


def item_of(row: Mapping[str, JsonValue], place: Place) -> ItemRow:
    """Turn the values of one row into an item.

    Parameters
    ----------
    row : mapping
        The values by key, as parsed.
    place : Place
        Where the row stands.

    Raises
    ------
    RowRefused
        With the first thing that is wrong.
    """
    external_id = read_id(row)
    metadata = _metadata(row)
    try:
        kind, body = _body(row, metadata)
        body = with_files(body, _files(row, kind))
    except PartRefused as error:
        raise RowRefused(str(error)) from None
    text = canonical(body)
    return ItemRow(
        line=place.line,
        end_offset=place.end_offset,
        next_line=place.next_line,
        external_id=external_id,
        kind=kind,
        body=body,
        language=_language(row),
        source=_text(row, "source") or None,
        licence=_licence(row),
        group_keys=_group_keys(row, metadata),
        slices=_strings(row, "slices"),
        metadata=metadata,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        canonical_body=text,
    )
