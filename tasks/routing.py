"""Which label cells of an item need a ruling, by the rule of the rubric.

A question that a condition closed counts as the structural value its rubric declares, so that one
annotator's "no abuse, hence no kind of abuse" disagrees with another's "abuse of this kind".
Without a declared value it is missing, and the disagreement shows at the question that closed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rubrics.schema import NO_OPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rubrics.schema import AdjudicationRule, Question, Rubric
    from tasks.label_validation import Cell

Reason = Literal["disagree", "gap", "unsure", "cannot_assess"]


@dataclass(frozen=True, slots=True)
class CaseCell:
    """One cell that needs a ruling.

    Attributes
    ----------
    question, category : str
        Ids; the category is empty where the question has none.
    reason : {"disagree", "gap", "unsure", "cannot_assess"}
        Why it is open; a disagreement comes before an unsure answer.
    gap : float or None
        Distance between the furthest answers, on the codes of the options or as numbers.
    """

    question: str
    category: str
    reason: Reason
    gap: float | None = None


def structural_value(question: Question, category: str) -> str | None:
    """Return the stored value a closed question stands for, or None when it stays missing."""
    declared = question.when_not_asked
    if declared is None:
        return None
    if question.type == "multi":
        return "1" if declared == category else "0"
    return declared


def is_adjudicated(question: Question) -> bool:
    """Return whether labels of a question can open a case at all.

    Free text and questions about the annotation itself never do; spans only where the rubric gives
    the question a rule of its own, because they nearly always differ.
    """
    if question.type == "text" or question.role == "metadata":
        return False
    return question.type != "span" or question.adjudicate is not None


def _code(question: Question, value: str) -> float | None:
    if question.type == "number":
        return float(value)
    for option in question.options:
        if option.id == value and option.code is not None:
            return float(option.code)
    return None


def gap_between(question: Question, values: Iterable[str]) -> float | None:
    """Return the distance between the furthest values; None where they have no order."""
    if question.type not in {"ordinal", "number"}:
        return None
    codes = [_code(question, value) for value in values if value != NO_OPTION]
    known = [code for code in codes if code is not None]
    return max(known) - min(known) if known else None


def _differ(question: Question, rule: AdjudicationRule, values: set[str]) -> CaseCell | None:
    gap = gap_between(question, values)
    if rule.when == "never" or len(values) < 2:
        return None
    ordered = gap is not None and NO_OPTION not in values
    if rule.when == "gap" and ordered and gap is not None:
        enough = rule.gap_at_least is None or gap >= rule.gap_at_least
        return CaseCell(question.id, "", "gap", gap) if enough else None
    return CaseCell(question.id, "", "disagree", gap)


def _reserved(rule: AdjudicationRule, cells: Sequence[Cell]) -> Reason | None:
    if not rule.unsure:
        return None
    states = {cell.state for cell in cells}
    if "unsure" in states:
        return "unsure"
    return "cannot_assess" if "cannot_assess" in states and "answered" not in states else None


def counted_value(question: Question, cell: Cell) -> str | None:
    """Return the value a cell counts with: its own, the structural one, or None when missing."""
    if cell.state == "not_asked":
        return structural_value(question, cell.category)
    return cell.value if cell.state == "answered" else None


def open_cell(rubric: Rubric, question: Question, cells: Sequence[Cell]) -> CaseCell | None:
    """Return the case the labels of one cell open, or None.

    Parameters
    ----------
    rubric : Rubric
    question : Question
        The question all the cells answer.
    cells : sequence of Cell
        One per annotator, all of one category.
    """
    if not cells or not is_adjudicated(question):
        return None
    rule, category = rubric.rule_for(question), cells[0].category
    counted = [counted_value(question, cell) for cell in cells]
    found = _differ(question, rule, {value for value in counted if value is not None})
    if found is not None:
        return CaseCell(found.question, category, found.reason, found.gap)
    reason = _reserved(rule, cells)
    return None if reason is None else CaseCell(question.id, category, reason)


def grouped(cells: Iterable[tuple[str, Cell]]) -> dict[tuple[str, str], list[Cell]]:
    """Return the cells of one item by question and category."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for _, cell in cells:
        groups.setdefault((cell.question, cell.category), []).append(cell)
    return groups


def cell_order(rubric: Rubric) -> dict[tuple[str, str], int]:
    """Return the place of every cell a rubric has: questions, then categories, as it names them."""
    keys: list[tuple[str, str]] = []
    for question in rubric.questions:
        if question.repeat_for is not None:
            options = rubric.question(question.repeat_for).options
        else:
            options = question.options if question.type == "multi" else ()
        keys.extend((question.id, option.id) for option in options)
        if not options:
            keys.append((question.id, ""))
    return {key: place for place, key in enumerate(keys)}


def open_cells(rubric: Rubric, cells: Iterable[tuple[str, Cell]]) -> tuple[CaseCell, ...]:
    """Return the cells of one item that need a ruling.

    Parameters
    ----------
    rubric : Rubric
        The version the labels were made under.
    cells : iterable of (annotator, Cell)
        The current labels of all annotators of the item.

    Returns
    -------
    tuple of CaseCell
        In the order of the rubric.
    """
    groups = grouped(cells)
    opened: list[CaseCell] = []
    order = cell_order(rubric)
    for key in sorted(groups, key=lambda key: (order.get(key, len(order)), key)):
        found = open_cell(rubric, rubric.question(key[0]), groups[key])
        if found is not None:
            opened.append(found)
    return tuple(opened)
