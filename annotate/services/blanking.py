"""Blanking parts of a file where they stand, so that nothing in it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from annotate.services.containers import Piece

MOST_PARTS = 200_000
_BLANK = memoryview(bytes(64 * 1024))


class Patch(NamedTuple):
    """Bytes that take the place of others of the same length."""

    at: int
    new: Piece


def zeros(at: int, end: int) -> Iterator[Patch]:
    """Blank a range in pieces that share their bytes, so that a large one takes no memory."""
    while at < end:
        size = min(end - at, len(_BLANK))
        yield Patch(at, _BLANK[:size])
        at += size


def patched(data: memoryview, patches: Iterable[Patch]) -> Iterator[Piece]:
    """Give the file in pieces, with the patches in it, which come in rising order.

    One that reaches into the one before it is left out: the file keeps its length.
    """
    at = 0
    for patch in patches:
        if patch.at < at:
            continue
        if patch.at > at:
            yield data[at : patch.at]
        yield patch.new
        at = patch.at + len(patch.new)
    yield data[at:]
