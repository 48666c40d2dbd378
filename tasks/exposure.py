"""What an item weighs for the person who reads it: weight of the category x severity x modality.

Severity runs from 0 to 4. Points of an item are given at modality 1; the medium multiplies them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rubrics.schema import Question, Rubric
    from tasks.cells import Cell

MOST_SEVERE: Final = 4
SEVERE: Final = 3
"""From here on an item belongs to a run that is broken up."""
ASSUMED_SEVERITY: Final = 2
"""Of an item that nothing is known of, unless the project assumes another."""
MODALITY: Final[Mapping[str, int]] = {"text": 1, "image": 2, "audio": 2, "video": 3}
HINT: Final = "exposure"
"""The key of an item's metadata that may hint what is in it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of an item.

    Attributes
    ----------
    points, severity
        Of the whole: the heaviest category and the highest severity.
    categories
        Points and severity of each category that is in it.
    """

    points: int
    severity: int
    categories: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, int, int]]:
        """Return category, points and severity of each row; the whole is the category ``''``."""
        parts = [(name, *pair) for name, pair in sorted(self.categories.items())]
        return [("", self.points, self.severity), *parts]


@dataclass(frozen=True)
class Scale:
    """How a rubric weighs what its answers say."""

    rubric: Rubric

    @cached_property
    def weights(self) -> Mapping[str, int]:
        """Exposure weight of every category."""
        return {one.id: one.exposure_weight for one in self.rubric.categories}

    @cached_property
    def heaviest(self) -> int:
        """The largest weight; 0 when the rubric weighs nothing."""
        return max(self.weights.values(), default=0)

    @cached_property
    def _severity(self) -> Question | None:
        """The question that says how severe it is: by its id, or by the anchors of categories."""
        anchored = {step for one in self.rubric.categories for step in one.severity_anchors}
        for question in self.rubric.questions:
            steps = {option.id for option in question.options}
            if question.type == "ordinal" and (question.id == "severity" or anchored & steps):
                return question
        return None

    @cached_property
    def _levels(self) -> Mapping[str, int]:
        """Severity of each step: its code, or how far below zero it lies, on 0 to 4."""
        if self._severity is None:
            return {}
        codes = {one.id: float(one.code or 0) for one in self._severity.options}
        if min(codes.values()) < 0:
            codes = {step: -code for step, code in codes.items()}
        factor = min(1.0, MOST_SEVERE / max(*codes.values(), 1.0))
        return {step: max(0, round(code * factor)) for step, code in codes.items()}

    @cached_property
    def _sources(self) -> frozenset[str]:
        """The questions whose answers name categories."""
        return frozenset(
            one.id
            for one in self.rubric.questions
            if one.options_from == "categories" and one.type in {"single", "multi"}
        )

    def assumed(self, severity: int = ASSUMED_SEVERITY) -> Profile:
        """Return the profile of an item that nothing is known of: the worst plausible category."""
        return Profile(self.heaviest * severity, severity if self.heaviest else 0)

    def hinted(self, metadata: Mapping[str, Any]) -> Profile | None:
        """Return what an item's metadata hints; None when it hints nothing that can be read."""
        hint = metadata.get(HINT)
        if not isinstance(hint, dict):
            return None
        severity = hint.get("severity", ASSUMED_SEVERITY)
        names = hint.get("categories", [])
        if (
            isinstance(severity, bool)
            or not isinstance(severity, int)
            or not isinstance(names, list)
        ):
            return None
        severity = min(max(severity, 0), MOST_SEVERE)
        known = [name for name in names if isinstance(name, str) and name in self.weights]
        if not known:
            return self.assumed(severity)
        return self._profile(dict.fromkeys(known, severity))

    def answered(self, cells: Iterable[Cell]) -> Profile | None:
        """Return what an annotation says of its item; None when it does not say."""
        chosen: set[str] = set()
        severities: dict[str, int] = {}
        said = False
        for cell in cells:
            if cell.question in self._sources and cell.state in {"answered", "not_asked"}:
                said = True
                chosen.update(self._named(cell))
            elif self._is_severity(cell):
                severities[cell.category] = self._levels.get(str(cell.value), ASSUMED_SEVERITY)
        whole = severities.pop("", None)
        if chosen:
            found = {one: severities.get(one, _or(whole, ASSUMED_SEVERITY)) for one in chosen}
            return self._profile(found)
        if severities:
            return self._profile(severities)
        if whole is not None:
            return self.assumed(whole)
        return Profile(0, 0) if said else None

    def reweighed(self, severities: Mapping[str, int]) -> Profile:
        """Return a profile of severities found under another version, by these weights.

        The severity of the whole has the category ``''``.
        """
        known = {name: level for name, level in severities.items() if name in self.weights}
        return self._profile(known) if any(known.values()) else self.assumed(severities.get("", 0))

    def _is_severity(self, cell: Cell) -> bool:
        question = self._severity
        return question is not None and cell.question == question.id and cell.state == "answered"

    def _named(self, cell: Cell) -> Iterable[str]:
        if cell.state != "answered":
            return ()
        if cell.category:
            return (cell.category,) if cell.value == "1" else ()
        return (str(cell.value),) if cell.value in self.weights else ()

    def _profile(self, severities: Mapping[str, int]) -> Profile:
        found = {
            name: (self.weights.get(name, 0) * severity, severity)
            for name, severity in severities.items()
            if severity > 0
        }
        return Profile(
            max((points for points, _ in found.values()), default=0),
            max((severity for _, severity in found.values()), default=0),
            found,
        )


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
