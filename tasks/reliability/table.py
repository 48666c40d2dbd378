"""Label columns, given numbers and cut into one slice per question and category."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.errors import TaskError
from tasks.numbering import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tasks.records import (
        Column,
        LabelColumns,
    )

    Integers = npt.NDArray[np.int64]


STATES: Final = ("answered", "unsure", "cannot_assess", "not_asked")
ANSWERED, NOT_ASKED = 0, 3


class LabelsUnreadable(TaskError):
    """Label columns do not fit the rubric or each other; the message names the cell."""


@dataclass(frozen=True, slots=True)
class CellSlice:
    """The cells of one question and category, ordered by item and annotator."""

    unit: Integers
    rater: Integers
    value: Integers
    state: Integers

    def where(self, chosen: npt.NDArray[np.bool_]) -> CellSlice:
        """Return the chosen cells."""
        return CellSlice(
            self.unit[chosen], self.rater[chosen], self.value[chosen], self.state[chosen]
        )


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Numbered label columns."""

    items: Sequence[object]
    annotators: Sequence[object]
    values: Sequence[str]
    slices: Mapping[tuple[str, str], CellSlice]
    n_annotations: int

    def cells(self, question: str, category: str = "") -> CellSlice:
        """Return the cells of a question and category; none if nobody met it."""
        empty = np.zeros(0, dtype=np.int64)
        return self.slices.get((question, category), CellSlice(empty, empty, empty, empty))

    def lookup(self, values: Sequence[str]) -> Integers:
        """Return the position in `values` of every value of the table, -1 for the others."""
        place = {value: position for position, value in enumerate(values)}
        # One more at the end, where the number -1 of an absent value points.
        found = [*(place.get(value, -1) for value in self.values), -1]
        return np.array(found, dtype=np.int64)


def read_table(labels: LabelColumns) -> LabelTable:
    """Give columns numbers and cut them into one slice per question and category."""
    columns = (labels.item, labels.annotator, labels.question, labels.category)
    sizes = {len(column) for column in (*columns, labels.value, labels.state)}
    if len(sizes) > 1:
        raise LabelsUnreadable(f"the label columns differ in length: {sorted(sizes)}")
    unit, items = number(labels.item)
    rater, annotators = number(labels.annotator)
    question, questions = number(labels.question)
    category, categories = number(labels.category)
    value, values = number(labels.value)
    state = _state_codes(labels.state)
    cell = question * len(categories) + category
    key = (cell * max(len(items), 1) + unit) * max(len(annotators), 1) + rater
    order = np.argsort(key, kind="stable")
    _refuse_repeats(labels, key[order], order)
    ordered = CellSlice(unit[order], rater[order], value[order], state[order])
    cell = cell[order]
    edges = np.append(np.flatnonzero(np.diff(cell, prepend=-1)), cell.size).tolist()
    slices = {}
    for start, stop in pairwise(edges):
        name = divmod(int(cell[start]), len(categories))
        part = slice(start, stop)
        slices[str(questions[name[0]]), str(categories[name[1]])] = CellSlice(
            ordered.unit[part], ordered.rater[part], ordered.value[part], ordered.state[part]
        )
    n_annotations = np.unique(unit * max(len(annotators), 1) + rater).size
    return LabelTable(items, annotators, [str(one) for one in values], slices, n_annotations)


def _state_codes(column: Column) -> Integers:
    codes, names = number(column)
    unknown = [name for name in names if name not in STATES]
    if unknown or (codes < 0).any():
        raise LabelsUnreadable(
            f"unknown state {unknown[0] if unknown else None!r}: expected {', '.join(STATES)}"
        )
    place = np.array([STATES.index(str(name)) for name in names] or [0], dtype=np.int64)
    return place[codes]


def _refuse_repeats(labels: LabelColumns, keys: Integers, order: Integers) -> None:
    again = np.flatnonzero(keys[1:] == keys[:-1])
    if again.size:
        row = int(order[again[0]])
        raise LabelsUnreadable(
            f"annotator {labels.annotator[row]!r} has two current labels on item "
            f"{labels.item[row]!r} for question {labels.question[row]!r}"
            + (f", category {labels.category[row]!r}" if labels.category[row] else "")
        )
