"""How much a person is handed: a project's budgets, made stricter by the person.

All settings are plain data, so that they are stored as they are. A personal setting that is
looser than the project's has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tasks.exposure import ASSUMED_SEVERITY, MOST_SEVERE, SEVERE

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDLESS: Final = 2**31 - 1
"""Stands for a budget that was not set."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "per_shift": 120,
    "per_week": 480,
    "categories": {},
    "assumed_severity": ASSUMED_SEVERITY,
    "max_consecutive": 10,
    "break_minutes": 50,
    "break_severity": MOST_SEVERE,
    "conceal": False,
    "hold": False,
    "idle_minutes": 3,
    "blur": 0,
    "grey": False,
    "mute": True,
    "retention_days": 30,
    "support": [],
}
"""Conservative figures without evidence of a safe dose: the literature has none."""

STRICTER_LOW: Final = ("per_shift", "per_week", "max_consecutive", "idle_minutes")
STRICTER_HIGH: Final = ("blur",)
STRICTER_TRUE: Final = ("conceal", "hold", "grey", "mute")
PERSONAL: Final = frozenset({*STRICTER_LOW, *STRICTER_HIGH, *STRICTER_TRUE, "categories"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force for one person in one project."""

    per_shift: int | None
    per_week: int | None
    categories: Mapping[str, int]
    assumed_severity: int
    max_consecutive: int | None
    break_minutes: int
    break_severity: int
    conceal: bool
    hold: bool
    idle_minutes: int
    blur: int
    grey: bool
    mute: bool
    retention_days: int
    support: tuple[Mapping[str, str], ...] = ()

    @property
    def limited(self) -> bool:
        """Whether there is any budget at all."""
        limits = (self.per_shift, self.per_week, self.max_consecutive)
        return bool(self.categories) or any(one is not None for one in limits)


def rules(project: Mapping[str, Any], person: Mapping[str, Any] | None = None) -> Rules:
    """Return the rules of a project, made stricter by a person where they ask for it."""
    known = {key: project.get(key, value) for key, value in DEFAULTS.items()}
    own = person or {}
    for key in STRICTER_LOW:
        known[key] = _lower(known[key], own.get(key))
    for key in STRICTER_HIGH:
        known[key] = max(known[key], own.get(key) or 0)
    for key in STRICTER_TRUE:
        known[key] = known[key] or own.get(key) is True
    known["categories"] = _lower_each(known["categories"], own.get("categories") or {})
    known["support"] = tuple(known["support"])
    return Rules(**known)


def _lower(one: int | None, other: int | None) -> int | None:
    given = [value for value in (one, other) if value is not None]
    return min(given) if given else None


def _lower_each(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    found = {name: _lower(one.get(name), other.get(name)) for name in {*one, *other}}
    return {name: value for name, value in sorted(found.items()) if value is not None}


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts against a person's budgets now: shown, and reserved by places held.

    ``run`` is how many severe items came in a row.
    """

    shift: int = 0
    week: int = 0
    categories: Mapping[str, int] = field(default_factory=dict)
    run: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be handed out.

    Attributes
    ----------
    points
        The most that the next item may weigh.
    categories
        The most that it may weigh in each category with a budget.
    below
        The severity that it must stay below.
    """

    points: int
    categories: Mapping[str, int]
    below: int
    tighter: str = "shift"
    """Which of the budgets of shift and week has less left."""

    def fits(self, points: int, severity: int, categories: Mapping[str, int]) -> bool:
        """Tell whether an item may be handed out: what weighs nothing always may."""
        return (
            (points == 0 or points <= self.points)
            and (points == 0 or severity < self.below)
            and all(
                weight == 0 or weight <= self.categories.get(name, ENDLESS)
                for name, weight in categories.items()
            )
        )


def room(rule: Rules, spent: Spent) -> Room:
    """Return what may still be handed out."""
    shift, week = _left(rule.per_shift, spent.shift), _left(rule.per_week, spent.week)
    full = rule.max_consecutive is not None and spent.run >= rule.max_consecutive
    return Room(
        points=min(shift, week),
        categories={
            name: _left(budget, spent.categories.get(name, 0))
            for name, budget in rule.categories.items()
        },
        below=SEVERE if full else MOST_SEVERE + 1,
        tighter="week" if week < shift else "shift",
    )


def _left(budget: int | None, spent: int) -> int:
    return ENDLESS if budget is None else budget - spent
