"""An explicit allocation as people write it: CSV with one row for an item and an annotator."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from annotate.services.errors import BadInput
from annotate.services.text import check_text
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = ("item", "annotator")
MAX_CHARACTERS = 4_000_000
MAX_NAME = 200
_SHOWN_PROBLEMS = 50


def read(text: str) -> dict[str, list[str]]:
    """Return external item ids with the logins each is given to, in the order of the file.

    Raises
    ------
    BadInput
        With the line of every row that cannot be used.
    """
    check_text(text, "allocation")
    if len(text) > MAX_CHARACTERS:
        raise _refused([(0, f"The file is longer than {MAX_CHARACTERS:,} characters.")])
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: dict[str, list[str]] = {}
    problems: list[tuple[int, str]] = []
    try:
        _check_header(next(rows, []))
        for row in rows:
            fault = _take(found, row)
            if fault is not None:
                problems.append((rows.line_num, fault))
    except csv.Error as error:
        problems.append((rows.line_num, f"This is not CSV: {error}."))
    if not problems and not found:
        problems.append((1, "There is no row under the header."))
    if problems:
        raise _refused(problems)
    return found


def write(allocation: Iterable[tuple[str, str]]) -> str:
    """Return the CSV of pairs of item and annotator."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(allocation)
    return out.getvalue()


def _check_header(row: list[str]) -> None:
    given = tuple(cell.strip().lower() for cell in row)
    if given != COLUMNS:
        shown = ", ".join(given) or "nothing"
        words = Sentence(
            "The first line must be item,annotator. It is: %(shown)s.", shown=shown[:200]
        )
        raise _refused([(1, words)])


def _take(found: dict[str, list[str]], row: list[str]) -> str | None:
    """Add one row, or return what is wrong with it; an empty line is nothing."""
    cells = [cell.strip() for cell in row]
    if not any(cells):
        return None
    if len(cells) != len(COLUMNS):
        return Sentence(
            "%(n)s columns are expected; this row has %(found)s.", n=len(COLUMNS), found=len(cells)
        )
    item, login = cells[0], cells[1].lower()
    if not item or not login:
        return (
            Sentence("The item is missing.") if not item else Sentence("The annotator is missing.")
        )
    if max(len(item), len(login)) > MAX_NAME:
        return Sentence("A name is longer than %(n)s characters.", n=MAX_NAME)
    people = found.setdefault(item, [])
    if login in people:
        return Sentence("%(login)s is given %(item)s twice.", login=login, item=item)
    people.append(login)
    return None


def _refused(problems: list[tuple[int, str]]) -> BadInput:
    listed = [
        {"field": "allocation", "line": line, "message": message}
        for line, message in problems[:_SHOWN_PROBLEMS]
    ]
    more = len(problems) - len(listed)
    if more:
        listed.append(
            {
                "field": "allocation",
                "line": 0,
                "message": Sentence("%(n)s more lines have mistakes.", n=f"{more:,}"),
            }
        )
    line, message = problems[0]
    if line:
        message = Sentence("line %(line)s: %(message)s", line=line, message=message)
    words = Sentence("The allocation cannot be used: %(message)s", message=message)
    return BadInput(words, problems=listed)
