"""JSON read strictly and written canonically.

Python's parser is lenient where a data file must not be: it keeps the last of two equal keys, reads
``NaN``, and lets lone surrogates through that no database stores and no encoder writes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from exports.errors import ExportError

if TYPE_CHECKING:
    from typing import NoReturn

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_HIGH = range(0xD800, 0xDC00)
_LOW = range(0xDC00, 0xE000)
_FINITE_ONLY = "JSON has no such number; write null when there is no value"


class JsonRefused(ExportError):
    """A text is not the strict JSON that is asked for.

    Attributes
    ----------
    reason : str
        What is wrong and what to do, in plain words.
    column : int or None
        Place in the text, counted in characters from 1, where it is known.
    """

    def __init__(self, reason: str, column: int | None = None) -> None:
        """Keep reason and place."""
        super().__init__(reason)
        self.reason = reason
        self.column = column


class _RepeatedKey(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


class _NotFinite(Exception):
    def __init__(self, literal: str) -> None:
        self.literal = literal


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKey(key)
            seen.add(key)
    return found


def _refuse_constant(literal: str) -> NoReturn:
    raise _NotFinite(literal)


def _finite(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise _NotFinite(literal)
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
)
_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks, characters unescaped.

    Examples
    --------
    >>> canonical({"b": 1, "a": "é"})
    '{"a":"é","b":1}'
    """
    return _ENCODER.encode(value)


def _place(text: str, literal: str, *, occurrence: int = 1) -> int | None:
    """Return the column of a literal when the text holds it so often that no doubt is left."""
    found = [match.start() + 1 for match in re.finditer(re.escape(literal), text)]
    return found[occurrence - 1] if len(found) == occurrence else None


def _refuse_bad_escape(text: str) -> None:
    high_at: tuple[int, int] | None = None
    for match in _ESCAPE.finditer(text):
        unit = int(match[1], 16) if match[1] else -1
        if high_at is not None and not (unit in _LOW and match.start() == high_at[0]):
            raise JsonRefused(_surrogate_reason(), high_at[1] + 1)
        if unit in _LOW and high_at is None:
            raise JsonRefused(_surrogate_reason(), match.start() + 1)
        if unit == 0:
            raise JsonRefused(nul_reason(), match.start() + 1)
        high_at = (match.end(), match.start()) if unit in _HIGH else None
    if high_at is not None:
        raise JsonRefused(_surrogate_reason(), high_at[1] + 1)


def _surrogate_reason() -> str:
    return "half a surrogate pair stands alone (\\ud800 to \\udfff); write the whole character"


def nul_reason() -> str:
    """Return why U+0000 is refused."""
    return "a NUL character (U+0000) cannot be stored; remove it"


def _decode(text: str) -> JsonValue:
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"not valid JSON: {error.msg[0].lower()}{error.msg[1:]}"
        raise JsonRefused(reason, error.pos + 1) from None
    except _RepeatedKey as error:
        reason = f"the key {error.key!r} stands twice in one object; keep one"
        literal = json.dumps(error.key, ensure_ascii=False)
        raise JsonRefused(reason, _place(text, literal, occurrence=2)) from None
    except _NotFinite as error:
        reason = f"{error.literal[:40]} is not a number: {_FINITE_ONLY}"
        raise JsonRefused(reason, _place(text, error.literal)) from None
    except RecursionError:
        raise JsonRefused("the JSON is nested too deeply; flatten it") from None
    except ValueError:  # Python refuses to read integers of thousands of digits
        raise JsonRefused("an integer has too many digits; write it as text") from None
    return value


def parse(text: str) -> JsonValue:
    """Read one JSON text strictly.

    Parameters
    ----------
    text : str
        The text, already decoded.

    Returns
    -------
    JsonValue
        The value, free of repeated keys, infinities, NUL characters and lone surrogates.

    Raises
    ------
    JsonRefused
        With reason and column.
    """
    value = _decode(text)
    if "\\u" in text:
        _refuse_bad_escape(text)
    return value
