"""Label cells: what an annotation is made of, and what can be computed from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rubrics.conditions import Answer, structural, truth
from rubrics.sentences import together
from tasks.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rubrics.conditions import AnswerValue
    from rubrics.schema import Question, Rubric

State = Literal["answered", "unsure", "cannot_assess", "not_asked"]
ANSWERED: Final = "answered"
NOT_ASKED: Final = "not_asked"


@dataclass(frozen=True, slots=True)
class Cell:
    """One label: what one question (for one category) got.

    Attributes
    ----------
    question, category : str
        Ids; the category is empty where the question has no categories.
    value : str or None
        Option id, ``true``/``false``, ``1``/``0``, canonical number, text, a ranking such as
        ``r2>r1=r3``, or spans as canonical JSON; None unless the state is ``answered``.
    state : str
        ``answered``, ``unsure``, ``cannot_assess`` or ``not_asked``.
    clauses : tuple of str
        Ids of the clauses cited.
    reason : str or None
        Why a reserved answer was given.
    """

    question: str
    category: str
    value: str | None
    state: State
    clauses: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LabelProblem:
    """Why an answer cannot be taken."""

    question: str
    category: str
    code: str
    message: str
    condition: str | None = None


class LabelsRefused(TaskError):
    """A submission that breaks its rubric; carries every problem found."""

    def __init__(self, problems: Sequence[LabelProblem]) -> None:
        """Keep the problems in the order of the questions."""
        self.problems: tuple[LabelProblem, ...] = tuple(problems)
        super().__init__(together((problem.message for problem in self.problems), "; "))


def _cell_value(question: Question, cell: Cell) -> AnswerValue:
    if cell.value is None:
        return None
    if question.type == "boolean":
        return cell.value == "true"
    return float(cell.value) if question.type == "number" else cell.value


def _multi_answer(cells: Sequence[Cell]) -> Answer:
    if cells[0].state != ANSWERED:
        return Answer(None, cells[0].state)
    return Answer(tuple(cell.category for cell in cells if cell.value == "1"))


def _repeated_answer(question: Question, cells: Sequence[Cell]) -> Answer:
    per = {cell.category: Answer(_cell_value(question, cell), cell.state) for cell in cells}
    if all(answer.state == NOT_ASKED for answer in per.values()):
        return Answer(None, NOT_ASKED)
    return Answer(per=per)


def answers_of(rubric: Rubric, cells: Sequence[Cell]) -> dict[str, Answer]:
    """Return stored label cells of one annotation as answers by question, for conditions."""
    grouped: dict[str, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(cell.question, []).append(cell)
    found: dict[str, Answer] = {}
    for question_id, own in grouped.items():
        question = rubric.question(question_id)
        if question.repeat_for is not None:
            found[question_id] = _repeated_answer(question, own)
        elif question.type == "multi":
            found[question_id] = _multi_answer(own)
        else:
            found[question_id] = Answer(_cell_value(question, own[0]), own[0].state)
    return found


def derive(rubric: Rubric, answers_by_question: Mapping[str, Answer]) -> dict[str, bool | None]:
    """Return the derived variables of one annotation.

    Parameters
    ----------
    rubric : Rubric
    answers_by_question : mapping of str to Answer
        As `answers_of` gives them. A question that was not asked counts as the structural value
        its rubric declares.

    Returns
    -------
    dict of str to bool or None
        None where the answers do not settle the condition.
    """
    settled = dict(answers_by_question)
    for question in rubric.questions:
        answer = settled.get(question.id)
        stand_in = structural(question)
        if stand_in is not None and answer is not None and answer.state == NOT_ASKED:
            settled[question.id] = stand_in
    return {one.id: truth(one.when, settled) for one in rubric.derived}


def derived_cells(rubric: Rubric, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return derived variables as cells; the ones the answers do not settle are left out."""
    values = derive(rubric, answers_of(rubric, cells))
    return tuple(
        Cell(name, "", "true" if value else "false", ANSWERED)
        for name, value in values.items()
        if value is not None
    )
