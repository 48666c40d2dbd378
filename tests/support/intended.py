"""Answers that somebody means to give: drawn over a rubric, complete, and fit to be sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rubrics.conditions import Answer, asked, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from rubrics.schema import Question, Rubric

WORDS = ("leaf", "too long", "fine as it is", "see clause two")
EMPTY, UNSURE, UNASSESSED = 0.4, 0.06, 0.04
_WORD = re.compile(r"\w+")


def word_places(text: str) -> list[tuple[int, int]]:
    """Return where the words of a plain English text begin and end."""
    return [match.span() for match in _WORD.finditer(text)]


class Intended:
    """Draws answers to a rubric about an item with these texts."""

    def __init__(self, rubric: Rubric, texts: Mapping[str, str], draw: Random) -> None:
        self.rubric = rubric
        self._texts = texts
        self._draw = draw

    def answers(self) -> dict[str, Any]:
        """Return one drawn annotation, as a page would send it."""
        found: dict[str, Any] = {}
        seen: dict[str, Answer] = {}
        for question in self.rubric.questions:
            if question.id not in asked(self.rubric, seen):
                continue
            given = self._given(question, seen)
            if given is not None:
                found[question.id] = given
                seen[question.id] = _seen(question, given)
        return found

    def _given(self, question: Question, seen: Mapping[str, Answer]) -> dict[str, Any] | None:
        needed = question.required or (
            question.required_if is not None and evaluate(question.required_if, seen)
        )
        if not needed and self._draw.random() < EMPTY:
            return None
        if question.repeat_for is None:
            return self._answer(question, self._labels(question, seen))
        chosen = seen[question.repeat_for].value
        names = chosen if isinstance(chosen, tuple) else (str(chosen),)
        ids = [option.id for option in question.options]
        return {"per": {name: self._answer(question, ids) for name in names}}

    def _labels(self, question: Question, seen: Mapping[str, Answer]) -> list[str]:
        """Return the options; for passages the categories that were found, where some were."""
        ids = [option.id for option in question.options]
        if question.type != "span" or question.options_from != "categories":
            return ids
        found = [
            str(one)
            for other in self.rubric.questions
            if other.options_from == "categories" and other.type == "multi" and other.id in seen
            for one in (seen[other.id].value or ())  # type: ignore[union-attr]
        ]
        return found or ids

    def _answer(self, question: Question, ids: list[str]) -> dict[str, Any]:
        luck = self._draw.random() if question.takes_reserved else 1.0
        if luck < UNSURE:
            return {"state": "unsure"}
        if luck < UNSURE + UNASSESSED:
            reasons = self.rubric.reserved.cannot_assess.reasons
            reason = {"reason": self._draw.choice(reasons)} if reasons else {}
            return {"state": "cannot_assess", **reason}
        return {"value": self._value(question, ids)}

    def _value(self, question: Question, ids: list[str]) -> object:
        kinds: dict[str, Callable[[], object]] = {
            "multi": lambda: self._several(question, ids),
            "boolean": lambda: self._draw.random() < 0.5,
            "number": lambda: self._draw.randint(int(question.min or 0), int(question.max or 9)),
            "text": lambda: self._draw.choice(WORDS),
            "span": lambda: self._spans(question, ids),
            "ranking": lambda: self._ranking(ids, ties=question.ties),
        }
        return kinds.get(question.type, lambda: self._draw.choice(ids))()

    def _several(self, question: Question, ids: list[str]) -> list[str]:
        least = int(question.min or 0)
        most = len(ids) if question.max is None else int(question.max)
        chosen = self._draw.sample(ids, self._draw.randint(least, min(most, least + 2)))
        return [one for one in ids if one in chosen]

    def _ranking(self, ids: list[str], *, ties: bool) -> list[list[str]]:
        groups: list[list[str]] = []
        for one in self._draw.sample(ids, len(ids)):
            if groups and ties and self._draw.random() < 0.3:
                groups[-1].append(one)
            else:
                groups.append([one])
        return groups

    def _spans(self, question: Question, ids: list[str]) -> list[dict[str, Any]]:
        target = self._draw.choice([one for one in self._texts if _fits(question, one)])
        places = word_places(self._texts[target])
        spans: list[dict[str, Any]] = []
        for _ in range(self._draw.randint(1, 2)):
            first = self._draw.randrange(len(places))
            last = min(first + self._draw.randint(0, 2), len(places) - 1)
            span = {"target": target, "start": places[first][0], "end": places[last][1]}
            label = {"label": self._draw.choice(ids)} if ids else {}
            if {**span, **label} not in spans:
                spans.append({**span, **label})
        return spans


def _fits(question: Question, target: str) -> bool:
    return target.startswith((question.target or "", "message:"))


def _seen(question: Question, given: Mapping[str, Any]) -> Answer:
    if "per" in given:
        return Answer(per={name: _seen(question, one) for name, one in given["per"].items()})
    value, state = given.get("value"), given.get("state", "answered")
    if isinstance(value, list) and question.type == "multi":
        return Answer(tuple(value), state)
    return Answer(str(value) if isinstance(value, list) else value, state)
