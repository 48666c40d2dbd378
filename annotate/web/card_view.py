"""The card of a release as the parts of a page.

A card is Markdown that Touchstone writes itself: headings, paragraphs, lists and tables, with bold
and code among the words. Only that is read; whatever else a text holds stays the text it is, and
the page escapes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLED = re.compile(r"\*\*(.+?)\*\*|`([^`]+)`")
_CELL_EDGE = re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"[\d,.]*")
_RULE = re.compile(r"[| -]+")

Run = tuple[tuple[str, str], ...]
"""Words by their style: ``''``, ``strong`` or ``code``."""


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a card.

    Attributes
    ----------
    kind : str
        ``title``, ``heading``, ``text``, ``list``, ``facts`` (two columns without a head) or
        ``table``.
    rows : tuple
        Rows of cells; all but ``facts`` and ``table`` have one cell in a row.
    head : tuple
        Names of the columns of a table.
    numbers : frozenset of int
        Columns that hold numbers alone.
    """

    kind: str
    rows: tuple[tuple[Run, ...], ...]
    head: tuple[Run, ...] = ()
    numbers: frozenset[int] = frozenset()


def blocks(card: str) -> list[Block]:
    """Return the parts of a card in their order."""
    found: list[Block] = []
    for kind, lines in groupby(card.splitlines(), _kind):
        found += _READERS[kind](list(lines))
    return found


def _kind(line: str) -> str:
    if not line.strip():
        return "gap"
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if line.startswith(("- ", "  ")) else "text"


def _gap(_: list[str]) -> Iterator[Block]:
    return iter(())


def _headings(lines: list[str]) -> Iterator[Block]:
    for line in lines:
        marks, _, words = line.partition(" ")
        yield Block("title" if marks == "#" else "heading", ((run(words),),))


def _text(lines: list[str]) -> Iterator[Block]:
    yield Block("text", ((run(" ".join(lines)),),))


def _list(lines: list[str]) -> Iterator[Block]:
    points: list[str] = []
    for line in lines:
        if line.startswith("- ") or not points:
            points.append(line.removeprefix("- "))
        else:
            points[-1] += f" {line.strip()}"
    yield Block("list", tuple((run(point),) for point in points))


def _table(lines: list[str]) -> Iterator[Block]:
    rows = [_cells(line) for line in lines if not (_RULE.fullmatch(line) and "-" in line)]
    head, body = rows[0], tuple(rows[1:])
    if not any(head):
        yield Block("facts", body)
        return
    columns = range(len(head))
    yield Block("table", body, head, frozenset(n for n in columns if _numeric(body, n)))


def _cells(line: str) -> tuple[Run, ...]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return tuple(run(cell.strip().replace("\\|", "|")) for cell in _CELL_EDGE.split(inner))


def _numeric(rows: tuple[tuple[Run, ...], ...], column: int) -> bool:
    words = ["".join(text for _, text in row[column]) for row in rows if column < len(row)]
    return any(words) and all(_NUMBER.fullmatch(one) for one in words)


def run(text: str) -> Run:
    """Return words by their style."""
    found: list[tuple[str, str]] = []
    end = 0
    for match in _STYLED.finditer(text):
        found.append(("", text[end : match.start()]))
        found.append(("strong", match[1]) if match[1] else ("code", match[2]))
        end = match.end()
    found.append(("", text[end:]))
    return tuple(one for one in found if one[1])


_READERS = {"gap": _gap, "heading": _headings, "table": _table, "list": _list, "text": _text}
