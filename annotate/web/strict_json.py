"""JSON as the API takes it: UTF-8, no key twice, no NaN; whatever is broken is told with its place.

Python's parser says where the text is broken, but not where a key stands twice or where a number is
that cannot be kept: only then is the text walked a second time.
"""

from __future__ import annotations

import json
import re
import sys
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from annotate.services.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?Infinity|NaN|-?\d[\d.eE+-]*+|[{}]', re.DOTALL)
_COLON = re.compile(r"[ \t\r\n]*:")
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})
_INFINITE = frozenset({inf, -inf})
_SHOWN = 40


class BrokenJson(ApplicationError):
    """The body is not strict JSON; the problem has line and column."""

    code = "broken_json"


class _KeyTwice(ValueError):
    """Ends the parsing; never leaves this module."""


class _NoConstant(ValueError):
    """Ends the parsing; never leaves this module."""


class _TooLarge(ValueError):
    """Ends the parsing; never leaves this module."""


def strict_json(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON: UTF-8, no duplicate keys, no NaN or infinity.

    Raises
    ------
    BrokenJson
        With the line and column at fault, both counted from 1, columns in characters.
    """
    text = _decoded(data)
    try:
        return json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        _refuse(text, error.pos, f"not JSON: {error.msg}", error)
    except _KeyTwice as error:
        at, key = next(_second_keys(text))
        _refuse(text, at, f"the key {key!r} stands twice in one object: give it once", error)
    except _NoConstant as error:
        at, name = next(one for one in _pieces(text) if one[1] in _CONSTANTS)
        _refuse(text, at, f"{name} is not JSON: send a number or null", error)
    except _TooLarge as error:
        at, number = next(one for one in _pieces(text) if _is_infinite(one[1]))
        words = f"{number[:_SHOWN]} is too large a number: send a smaller one"
        _refuse(text, at, words, error)
    except RecursionError as error:
        raise BrokenJson("The body is nested too deeply.") from error
    except ValueError as error:  # Python's bound on the digits of a whole number
        most = sys.get_int_max_str_digits()
        at = next(at for at, piece in _pieces(text) if _is_longer(piece, most))
        _refuse(text, at, "a number of too many digits", error)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        words = f"not UTF-8: byte {error.start} cannot be read"
        _refuse(before, len(before), words, error)


def _refuse(text: str, at: int, words: str, cause: Exception) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    message = f"The body, line {line}, column {column}: {words}"
    problem = {"place": "body", "line": line, "column": column, "message": words}
    raise BrokenJson(message, problems=[problem]) from cause


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _KeyTwice
    return result


def _no_constant(_name: str) -> NoReturn:
    raise _NoConstant


def _finite(literal: str) -> float:
    value = float(literal)
    if value in _INFINITE:
        raise _TooLarge
    return value


def _is_infinite(piece: str) -> bool:
    """Tell whether a number with a fraction or an exponent is too large for Python."""
    is_fraction = piece[-1].isdigit() and not _is_whole(piece)
    return is_fraction and float(piece) in _INFINITE


def _is_longer(piece: str, most: int) -> bool:
    """Tell whether a whole number has more digits than Python reads; a fraction may have more."""
    return _is_whole(piece) and len(piece.removeprefix("-")) > most


def _is_whole(piece: str) -> bool:
    return piece.removeprefix("-").isdigit()


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for found in _PIECE.finditer(text):
        yield found.start(), found[0]


def _second_keys(text: str) -> Iterator[tuple[int, str]]:
    """Give every key that its object has already, with where it stands."""
    known: list[set[str]] = []
    for at, piece in _pieces(text):
        if piece == "{":
            known.append(set())
        elif piece == "}":
            known.pop()
        elif piece[0] == '"' and _COLON.match(text, at + len(piece)):
            key = json.loads(piece)
            if key in known[-1]:
                yield at, key
            known[-1].add(key)
