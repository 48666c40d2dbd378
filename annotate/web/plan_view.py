"""A plan made ready for the eye: load per team and person, coverage in the rubric's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from annotate.services.rounds import Worker
    from rubrics.schema import Rubric
    from tasks.generation import Coverage, Plan


@dataclass(frozen=True, slots=True)
class LoadRow:
    """What one person is given, or may expect as an even share."""

    login: str
    name: str
    team: str | None
    items: int


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """What one question or category gets, in words."""

    question: str
    name: str
    items: int
    labels: int
    conditional: bool
    need_items: int
    need_positives: int
    prevalence_needed: float | None

    @property
    def enough(self) -> bool:
        """Tell whether agreement can be judged on so many items at all."""
        return self.items >= self.need_items and (self.prevalence_needed or 0) <= 1


@dataclass(frozen=True, slots=True)
class PlanView:
    """Everything the plan page shows."""

    places: int
    load: tuple[LoadRow, ...]
    coverage: tuple[tuple[str, tuple[CoverageRow, ...]], ...]
    """Rows of each question, in the order of the rubric."""
    slices: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    """Items by language, then by each slice."""
    kept: bool

    @property
    def least(self) -> int:
        """Return the smallest load."""
        return min((row.items for row in self.load), default=0)

    @property
    def most(self) -> int:
        """Return the largest load."""
        return max((row.items for row in self.load), default=0)


def plan_view(plan: Plan, people: Iterable[Worker], rubric: Rubric) -> PlanView:
    """Return the plan with the names of people, questions and categories."""
    known = {one.login: one for one in people}
    load = [
        LoadRow(login, known[login].name, known[login].team, items)
        if login in known
        else LoadRow(login, login, None, items)
        for login, items in plan.load.items()
    ]
    return PlanView(
        places=sum(task.needed for task in plan.tasks),
        load=tuple(sorted(load, key=lambda row: (row.team or "", row.name))),
        coverage=_grouped(plan, rubric),
        slices=tuple(
            (name, tuple(plan.slices[name].items()))
            for name in sorted(plan.slices, key=lambda name: (name != "language", name))
        ),
        kept=any(task.people is not None for task in plan.tasks),
    )


def _grouped(plan: Plan, rubric: Rubric) -> tuple[tuple[str, tuple[CoverageRow, ...]], ...]:
    found: dict[str, list[CoverageRow]] = {}
    for row in plan.coverage:
        found.setdefault(row.question, []).append(_coverage(row, rubric))
    return tuple((rows[0].question, tuple(rows)) for rows in found.values())


def _coverage(row: Coverage, rubric: Rubric) -> CoverageRow:
    question = rubric.question(row.question)
    labels = {option.id: option.label for one in rubric.questions for option in one.options}
    return CoverageRow(
        question=question.text,
        name=labels.get(row.category, row.category),
        items=row.items,
        labels=row.labels,
        conditional=row.conditional,
        need_items=row.need_items,
        need_positives=row.need_positives,
        prevalence_needed=row.prevalence_needed,
    )
