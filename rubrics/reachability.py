"""Whether a condition can hold for any answers at all.

Every question a condition hangs on gets a small set of answers that stands for all of them; each
combination is played through the rubric. Where the sets would be too large the condition gets the
benefit of the doubt.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise, product
from math import prod
from typing import TYPE_CHECKING, Final

from rubrics.conditions import Answer, asked, comparisons, evaluate, operands
from rubrics.schema import AllOf, Compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rubrics.schema import Condition, Question, Rubric

MAX_STEPS: Final = 20_000
BUDGET: Final = 200_000
"""Questions played through for one condition, and for all conditions of a rubric."""
_MAX_MENTIONED: Final = 6


class Reachability:
    """Answers the question for the conditions of one rubric, within one budget."""

    def __init__(self, rubric: Rubric) -> None:
        """Remember the rubric's questions."""
        self._rubric = rubric
        self._by_id = {question.id: question for question in rubric.questions}
        self._left = BUDGET

    def can_hold(self, condition: Condition) -> bool:
        """Return False only when no answers make the condition hold."""
        needed = self.closure(condition)
        questions = [one for one in self._rubric.questions if one.id in needed]
        tests = self._tests(condition, questions)
        domains = [_domain(question, tests) for question in questions]
        size = prod(len(domain) for domain in domains) * len(questions)
        if any(not domain for domain in domains) or size > min(MAX_STEPS, self._left):
            return True
        self._left -= size
        part = replace(self._rubric, questions=tuple(questions))
        return any(_holds(condition, part, one) for one in product(*domains))

    def closure(self, condition: Condition) -> set[str]:
        """Return the ids of all questions a condition hangs on, directly or through others."""
        found: set[str] = set()
        waiting = list(operands(condition))
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._by_id:
                continue
            found.add(name)
            waiting.extend(_hinges(self._by_id[name]))
        return found

    @staticmethod
    def _tests(condition: Condition, questions: Iterable[Question]) -> list[Compare]:
        gates = [one.ask_if for one in questions if one.ask_if is not None]
        return list(comparisons(AllOf((condition, *gates))))


def _holds(condition: Condition, part: Rubric, values: Sequence[Answer]) -> bool:
    given = {question.id: value for question, value in zip(part.questions, values, strict=True)}
    opened = asked(part, given)
    return evaluate(condition, {key: one for key, one in given.items() if key in opened})


def _hinges(question: Question) -> Iterator[str]:
    if question.ask_if is not None:
        yield from operands(question.ask_if)
    if question.repeat_for is not None:
        yield question.repeat_for


def _domain(question: Question, tests: Sequence[Compare]) -> list[Answer]:
    own = [test for test in tests if test.question == question.id]
    values = _values(question, own)
    if question.repeat_for is None:
        return values
    several = (group for size in (1, 2, 3) for group in combinations(values, size))
    return [Answer(per={str(place): one for place, one in enumerate(group)}) for group in several]


def _values(question: Question, tests: Sequence[Compare]) -> list[Answer]:
    if question.type in {"single", "ordinal", "preference"}:
        return [Answer(option.id) for option in question.options]
    if question.type == "boolean":
        return [Answer(value=True), Answer(value=False)]
    if question.type == "multi":
        return _choices(question, tests)
    if question.type == "number":
        return _numbers(question, tests)
    return [Answer("given")]


def _choices(question: Question, tests: Sequence[Compare]) -> list[Answer]:
    mentioned = sorted({one for test in tests for one in test.accepts or ()})
    others = [option.id for option in question.options if option.id not in mentioned]
    if len(mentioned) > _MAX_MENTIONED:
        return []
    low = int(question.min or 0)
    high = len(question.options) if question.max is None else int(question.max)
    groups = (
        filled
        for size in range(len(mentioned) + 1)
        for chosen in combinations(mentioned, size)
        for filled in (chosen, (*chosen, *others[: max(low - size, 1)]))
    )
    return [Answer(group) for group in groups if low <= len(group) <= high]


def _numbers(question: Question, tests: Sequence[Compare]) -> list[Answer]:
    bounds = {float(test.value) for test in tests if isinstance(test.value, int | float)} | {
        float(bound) for bound in (question.min, question.max) if bound is not None
    }
    ordered = sorted(bounds) or [0.0]
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    points = [ordered[0] - 1, *ordered, *between, ordered[-1] + 1]
    low = float("-inf") if question.min is None else question.min
    high = float("inf") if question.max is None else question.max
    return [Answer(point) for point in points if low <= point <= high]
