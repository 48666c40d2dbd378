"""Splits that never part what belongs together, and that a later release does not reshuffle.

Items that share a group key (a conversation, an author, a template) or the same content form one
group, and so do groups that touch. A group's split is decided by a keyed hash of the seed and the
group's name, so new items move no old ones; a group that touches the test set of an earlier release
is test, whatever the hash says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from exports.errors import ReleaseRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Fractions:
    """Expected shares of the groups; what validation and test leave is for training."""

    validation: float = 0.1
    test: float = 0.2


DEFAULT_FRACTIONS = Fractions()


@dataclass(frozen=True, slots=True)
class SplitItem:
    """What splitting needs to know of an item."""

    id: str
    content_hash: str
    group_keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an item lies: its split and the name of its group."""

    item_id: str
    split: Split
    group: str


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that lies in more than one split."""

    key: str
    splits: tuple[str, ...]
    items: tuple[str, ...]


class _Union:
    """Union-find over items; the smallest id names a set."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, one: str) -> str:
        parent = self._parent
        parent.setdefault(one, one)
        root = one
        while parent[root] != root:
            root = parent[root]
        while parent[one] != root:
            parent[one], one = root, parent[one]
        return root

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first


def _keys(item: SplitItem) -> list[str]:
    groups = [f"{name}\x1f{value}" for name, value in item.group_keys.items()]
    return [*groups, f"content\x1f{item.content_hash}"]


def groups(items: Iterable[SplitItem]) -> dict[str, str]:
    """Return the group of every item, named by the smallest item id in it."""
    union = _Union()
    first_with: dict[str, str] = {}
    ids: list[str] = []
    for item in items:
        ids.append(item.id)
        union.find(item.id)
        for key in _keys(item):
            union.join(first_with.setdefault(key, item.id), item.id)
    return {one: union.find(one) for one in sorted(ids)}


def _share(seed: int, group: str) -> float:
    key = hashlib.sha256(f"split {seed}".encode()).digest()
    digest = hashlib.blake2b(group.encode(), digest_size=7, key=key).digest()
    return int.from_bytes(digest, "big") / 2**56


def _split_of(share: float, fractions: Fractions) -> Split:
    if share < fractions.test:
        return "test"
    return "validation" if share < fractions.test + fractions.validation else "train"


def make_splits(
    items: Sequence[SplitItem],
    seed: int,
    fractions: Fractions = DEFAULT_FRACTIONS,
    earlier_test: Iterable[str] = (),
) -> tuple[Placed, ...]:
    """Place every item in a split.

    Parameters
    ----------
    items : sequence of SplitItem
        In any order: the result does not depend on it.
    seed : int
        Decides the splits; keep it from release to release.
    fractions : Fractions
        Expected shares of validation and test.
    earlier_test : iterable of str
        Ids of the items that were test in an earlier release; their groups stay test.

    Returns
    -------
    tuple of Placed
        In the order of the item ids.
    """
    if (
        not 0 <= fractions.validation + fractions.test <= 1
        or min(fractions.validation, fractions.test) < 0
    ):
        message = "the shares of validation and test must lie between 0 and 1, also together"
        raise ReleaseRefused(message)
    group_of = groups(items)
    sticky = {group_of[one] for one in earlier_test if one in group_of}
    placed: list[Placed] = []
    for item, group in group_of.items():
        split = "test" if group in sticky else _split_of(_share(seed, group), fractions)
        placed.append(Placed(item, split, group))
    return tuple(placed)


def leaks(items: Iterable[SplitItem], split_of: Mapping[str, str]) -> tuple[Leak, ...]:
    """Return every group key and content that lies in more than one split."""
    holders: dict[str, list[str]] = {}
    for item in items:
        for key in _keys(item):
            holders.setdefault(key, []).append(item.id)
    found: list[Leak] = []
    for key, ids in sorted(holders.items()):
        splits = sorted({split_of[one] for one in ids if one in split_of})
        if len(splits) > 1:
            found.append(Leak(key.replace("\x1f", "="), tuple(splits), tuple(sorted(ids))))
    return tuple(found)
