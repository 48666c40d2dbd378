"""Who labels what: a balanced allocation that can be made again from its seed.

Items few people can read are given out first, so that the people who alone can take them are not
yet full; every place goes to the person with the least work so far, and ties are broken by a keyed
hash, which mixes the pairs of people who meet on an item.
"""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ORD_BITS = 63
_MIX = 0x9E3779B97F4A7C15  # odd, from the golden ratio: neighbours land far apart
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can be given items.

    Attributes
    ----------
    id : str
        Identifies the person.
    team : str or None
        Who they work for.
    languages : frozenset of str
        Language tags they label in; empty means any.
    """

    id: str
    team: str | None = None
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Need:
    """An item that needs so many people."""

    item_id: str
    needed: int
    language: str | None = None


def keyed_order(seed: int, *parts: str) -> int:
    """Return a 63-bit number that only the seed and the parts decide.

    Examples
    --------
    >>> keyed_order(7, "item-1") == keyed_order(7, "item-1")
    True
    >>> keyed_order(7, "item-1") == keyed_order(8, "item-1")
    False
    """
    key = hashlib.sha256(str(seed).encode()).digest()
    text = "\x1f".join(parts).encode()
    digest = hashlib.blake2b(text, digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") >> (64 - ORD_BITS)


def _primary(tag: str) -> str:
    return tag.split("-", 1)[0].lower()


def reads(person: Person, language: str | None) -> bool:
    """Return whether a person labels in a language; region and script are not looked at."""
    return covers(person.languages, language)


def covers(tags: Iterable[str], language: str | None) -> bool:
    """Return whether a language is among those named; with none named, or none given, it is.

    Examples
    --------
    >>> covers(("en", "fr-CA"), "fr"), covers(("en",), "de"), covers((), "de")
    (True, False, True)
    """
    named = {_primary(tag) for tag in tags}
    return language is None or not named or _primary(language) in named


def readers(
    people: Sequence[Person], languages: Iterable[str | None]
) -> dict[str | None, list[str]]:
    """Return the ids of the people who read each language, in order of id."""
    ids = sorted(people, key=lambda person: person.id)
    return {
        language: [person.id for person in ids if reads(person, language)]
        for language in set(languages)
    }


def allocate(
    needs: Sequence[Need], people: Sequence[Person], seed: int
) -> dict[str, tuple[str, ...]]:
    """Give every item its people, balanced over the people.

    Parameters
    ----------
    needs : sequence of Need
        Items, in any order.
    people : sequence of Person
        In any order.
    seed : int
        Breaks ties.

    Returns
    -------
    dict of str to tuple of str
        Per item the ids of its people, fewer than needed where not enough can read it.
    """
    able = readers(people, (need.language for need in needs))
    load = {person.id: 0 for person in people}
    ties = {person.id: keyed_order(seed, "person", person.id) for person in people}
    order = {need.item_id: keyed_order(seed, need.item_id) for need in needs}

    def turn(need: Need) -> tuple[int, int, str]:
        return len(able[need.language]), order[need.item_id], need.item_id

    given: dict[str, tuple[str, ...]] = {}
    for need in sorted(needs, key=turn):
        mark = order[need.item_id]

        def rank(person: str, mark: int = mark) -> tuple[int, int, str]:
            return load[person], (mark ^ ties[person]) * _MIX & _MASK, person

        chosen = heapq.nsmallest(need.needed, able[need.language], key=rank)
        for person in chosen:
            load[person] += 1
        given[need.item_id] = tuple(sorted(chosen))
    return given


def loads(allocation: Mapping[str, Sequence[str]], people: Iterable[Person]) -> dict[str, int]:
    """Return how many items each person has, people with none included, in order of id."""
    load = dict.fromkeys(sorted(person.id for person in people), 0)
    for chosen in allocation.values():
        for person in chosen:
            load[person] = load.get(person, 0) + 1
    return load
