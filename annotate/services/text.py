"""Text that is stored: canonical JSON, and characters that no database takes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from annotate.services.errors import BadInput
from rubrics.sentences import Sentence


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the one text of a JSON value: sorted keys, no spaces, characters as they are.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": "é"})
    '{"a":"é","b":1}'
    """
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)


def sha256_hex(text: str | bytes) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(data).hexdigest()


def check_text(value: Any, place: str = "") -> None:  # noqa: ANN401 - any JSON value
    """Refuse U+0000 and lone surrogates anywhere in a JSON value.

    Raises
    ------
    BadInput
        Naming the place. PostgreSQL could not store the text, so SQLite may not either.
    """
    if isinstance(value, str):
        _check_string(value, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_string(key, place)
            check_text(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_text(inner, f"{place}[{index}]")


def _check_string(text: str, place: str) -> None:
    where = place or "the text"
    if "\x00" in text:
        raise BadInput(
            Sentence("%(where)s holds a NUL character (U+0000): take it out", where=where)
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadInput(
                Sentence(
                    "%(where)s holds half of a character pair (a lone surrogate) at position "
                    "%(start)s: send whole characters",
                    where=where,
                    start=error.start,
                )
            ) from error
