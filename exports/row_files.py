"""The files of a row: which ones it asks for, and the row once they are known."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exports.strict_json import JsonValue, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exports.item_rows import ItemRow
    from exports.message_parts import FileFacts


def _entries_of(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from body.get("media", ())


def files_of(row: ItemRow) -> tuple[str, ...]:
    """Return the names of the files that a row asks for."""
    return tuple(entry["file"] for entry in _entries_of(row.body))


def resolved(row: ItemRow, facts: Mapping[str, FileFacts]) -> ItemRow:
    """Return a row in which every file name has become the file's hash and type.

    Parameters
    ----------
    row : ItemRow
        As read from the file.
    facts : mapping
        What is known about each file, by the name in the row.
    """
    entries: list[JsonValue] = []
    for entry in _entries_of(row.body):
        known = facts[entry["file"]]
        size: dict[str, JsonValue] = (
            {} if known.width is None else {"width": known.width, "height": known.height}
        )
        kept: dict[str, JsonValue] = {
            key: entry[key] for key in ("target", "alt", "transcript") if key in entry
        }
        entries.append(
            {
                "sha256": known.sha256,
                "type": known.media_type,
                "bytes": known.size,
                "name": str(entry["file"]).rpartition("/")[2],
                **size,
                **kept,
            }
        )
    body: dict[str, JsonValue] = {**row.body, "media": entries}
    text = canonical(body)
    return replace(
        row,
        body=body,
        canonical_body=text,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        files=tuple(dict.fromkeys(facts[name] for name in files_of(row))),
    )
