"""Texts of others in CSV files: a spreadsheet must not take one for a formula.

An apostrophe stands before such a text; who reads the file takes it away again and has the very
text back. JSONL and Parquet hold every text as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"
_GUARDED_SINCE = 2
"""Format of releases. Those of the first hold every text bare, and are written so again."""


def guarded(text: str) -> str:
    r"""Return a text as a cell that no spreadsheet computes.

    Examples
    --------
    >>> guarded("=1+1"), guarded("item-1"), guarded("'=1")
    ("'=1+1", 'item-1', "''=1")
    """
    unclear = text.startswith(_GUARD) and text[1:2] in (*_BEGINS_A_FORMULA, _GUARD)
    return _GUARD + text if unclear or text[:1] in _BEGINS_A_FORMULA else text


def plain(cell: str) -> str:
    """Return the text of a cell that was guarded.

    Examples
    --------
    >>> plain("'=1+1"), plain("item-1"), plain("''=1"), plain("'tis")
    ('=1+1', 'item-1', "'=1", "'tis")
    """
    is_guarded = cell.startswith(_GUARD) and cell[1:2] in (*_BEGINS_A_FORMULA, _GUARD)
    return cell[1:] if is_guarded else cell


def cell_writer(release_format: int) -> Callable[[str], str]:
    """Return what makes a cell of a text in the CSV files of a format of releases."""
    return guarded if release_format >= _GUARDED_SINCE else str


def cell_reader(release_format: int) -> Callable[[str], str]:
    """Return what has the text back."""
    return plain if release_format >= _GUARDED_SINCE else str
