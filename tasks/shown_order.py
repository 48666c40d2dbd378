"""In which order an annotator sees the responses of an item."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_KEY: Final = b"touchstone.shown-order"


def shown_order(assignment_id: str, count: int) -> tuple[str, ...]:
    """Return the responses of an item in the order in which one assignment shows them.

    Parameters
    ----------
    assignment_id : str
        The same one gives the same order on every reload.
    count : int
        How many responses there are.

    Returns
    -------
    tuple of str
        ``r1``, ``r2``, … by their place in the item; over many assignments every order is equally
        frequent.

    Examples
    --------
    >>> sorted(shown_order("0198f2c0-0000-7000-8000-000000000001", 3))
    ['r1', 'r2', 'r3']
    """
    places = [f"r{place}" for place in range(1, count + 1)]
    return tuple(sorted(places, key=lambda place: _mark(assignment_id, place)))


def _mark(assignment_id: str, place: str) -> bytes:
    return blake2b(f"{assignment_id}/{place}".encode(), key=_KEY, digest_size=16).digest()
