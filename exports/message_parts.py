"""What stands in an item besides its texts: calls of tools, and files that belong to a part."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exports.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.strict_json import JsonValue

MAX_FILES = 32
MAX_NAME = 300
MAX_ALT = 2_000
MAX_TRANSCRIPT = 100_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FILE_KEYS = frozenset({"file", "target", "alt", "transcript"})


class PartRefused(ExportError):
    """A tool call or a file of a row is not what it must be."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known about a file once it was looked into.

    Attributes
    ----------
    sha256, original_sha256 : str
        Of the file as it is kept, and as it came.
    media_type : str
        By its content.
    size : int
        Bytes as it is kept.
    width, height : int or None
        Of a picture.
    """

    sha256: str
    original_sha256: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None


# ------------------------------------------------------------------------------------- tool calls


def _arguments(value: JsonValue, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=2)
    raise PartRefused(f"the arguments of {where} are neither text nor an object")


def _call(value: JsonValue, where: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise PartRefused(f"{where} is no object; write one with name and arguments")
    function = value.get("function", value)
    if not isinstance(function, dict):
        raise PartRefused(f"the function of {where} is no object; write name and arguments")
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise PartRefused(f"{where} has no name; write which tool is called")
    call: dict[str, JsonValue] = {
        "name": name,
        "arguments": _arguments(function.get("arguments"), where),
    }
    if isinstance(value.get("id"), str) and value["id"]:
        call["id"] = value["id"]
    return call


def tool_parts(message: Mapping[str, JsonValue], index: int) -> dict[str, JsonValue]:
    """Return what a message says about tools, in our form.

    Parameters
    ----------
    message : mapping
        With ``tool_calls`` (``name`` and ``arguments``, or a ``function`` with both), and in an
        answer of a tool ``tool_call_id`` and ``name``.
    index : int
        Its place, for what is said about a mistake.

    Raises
    ------
    PartRefused
        When a call has no name or is of the wrong shape.
    """
    found: dict[str, JsonValue] = {}
    calls = message.get("tool_calls")
    if calls is not None:
        if not isinstance(calls, list):
            raise PartRefused(f"the tool_calls of message {index} are no list")
        made = [_call(one, f"tool call {n} of message {index}") for n, one in enumerate(calls)]
        if made:
            found["tool_calls"] = list(made)
    for key in ("tool_call_id", "name"):
        value = message.get(key)
        if message.get("role") == "tool" and isinstance(value, str) and value:
            found[key] = value
    return found


# ------------------------------------------------------------------------------------------ files


def check_name(name: str) -> str:
    """Return the name of a file inside an upload, with slashes between folders.

    Raises
    ------
    PartRefused
        When it leads out of the upload, is too long or holds control characters.
    """
    plain = name.replace("\\", "/")
    plain = plain.removeprefix("./")
    parts = plain.split("/")
    if not plain or len(plain) > MAX_NAME or _CONTROL.search(plain):
        raise PartRefused(
            f"the file name {name[:80]!r} is empty, over {MAX_NAME} characters long or has control "
            "characters"
        )
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or {"", ".", ".."} & set(parts):
        raise PartRefused(
            f"the file name {name[:80]!r} leads out of the upload; write it from its folder on"
        )
    return plain


def _file_text(entry: Mapping[str, JsonValue], key: str, most: int) -> dict[str, JsonValue]:
    value = entry.get(key)
    if value is None or value == "":
        return {}
    if not isinstance(value, str) or len(value) > most:
        raise PartRefused(f"{key!r} of a file is no text of at most {most:,} characters")
    return {key: value}


def _entry(value: JsonValue, target: str) -> dict[str, JsonValue]:
    entry = {"file": value} if isinstance(value, str) else value
    if not isinstance(entry, dict):
        raise PartRefused("an entry of 'media' is neither a file name nor an object with 'file'")
    unknown = sorted(entry.keys() - _FILE_KEYS)
    if unknown:
        raise PartRefused(
            f"an entry of 'media' has the key {unknown[0]!r}; it takes file, target, alt and "
            "transcript"
        )
    name = entry.get("file")
    if not isinstance(name, str):
        raise PartRefused("an entry of 'media' names no 'file'")
    wanted = entry.get("target", target)
    if not isinstance(wanted, str) or not wanted:
        raise PartRefused("an entry of 'media' must say in 'target' which part it belongs to")
    return {
        "file": check_name(name),
        "target": wanted,
        **_file_text(entry, "alt", MAX_ALT),
        **_file_text(entry, "transcript", MAX_TRANSCRIPT),
    }


def file_entries(value: JsonValue, target: str) -> list[dict[str, JsonValue]]:
    """Return the files of a row or message as entries, each with the part it belongs to.

    Parameters
    ----------
    value : JSON value
        A name, or a list of names and of objects with ``file``, ``target``, ``alt`` and
        ``transcript``.
    target : str
        The part that an entry without ``target`` belongs to; '' when there is none.

    Raises
    ------
    PartRefused
        When an entry is of the wrong shape.
    """
    if value is None or value == "":
        return []
    entries = value if isinstance(value, list) else [value]
    return [_entry(one, target) for one in entries]


def targets_of(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the parts of a body that a file may belong to."""
    named = {key for key in ("text", "prompt", "response", "system") if key in body}
    turns = {f"message:{index}" for index in range(len(body.get("messages", ())))}
    responses = {f"response:{one['id']}" for one in body.get("responses", ())}
    return frozenset(named | turns | responses)


def with_files(
    body: dict[str, JsonValue], entries: list[dict[str, JsonValue]]
) -> dict[str, JsonValue]:
    """Return the body with its files.

    Raises
    ------
    PartRefused
        When a file belongs to no part, or there are too many.
    """
    if not entries:
        return body
    if len(entries) > MAX_FILES:
        raise PartRefused(f"the item has {len(entries)} files; at most {MAX_FILES} are allowed")
    targets = targets_of(body)
    for entry in entries:
        if entry["target"] not in targets:
            raise PartRefused(
                f"the file {entry['file']!r} belongs to {entry['target']!r}, which this item does "
                f"not have; it has {', '.join(sorted(targets))}"
            )
    return {**body, "media": list(entries)}


def without_names(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body as those may see it who judge it: the name of a file can tell the label."""
    if "media" not in body:
        return body
    shown = [{key: one[key] for key in one if key != "name"} for one in body["media"]]
    return {**body, "media": shown}
