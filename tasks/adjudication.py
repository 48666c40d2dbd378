"""What a ruling must be: a value the question knows, with cause, clause and reason."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from rubrics.errors import UnknownElement
from rubrics.sentences import Sentence, together
from tasks.answer_values import Refused, checked_ranking, ranking_groups
from tasks.errors import TaskError
from tasks.label_validation import Cell, canonical_number
from tasks.routing import is_adjudicated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rubrics.schema import Question, Rubric

Cause = Literal[
    "rater_error",
    "guideline_ambiguity",
    "guideline_gap",
    "missing_context",
    "item_defect",
    "genuine_pluralism",
    "translation",
]
causes: Final[tuple[str, ...]] = get_args(Cause)
"""Why annotators disagree; each asks for another remedy."""

CAUSE_WORDS: Final[dict[str, str]] = {
    "rater_error": "An annotator overlooked or misapplied a clear clause",
    "guideline_ambiguity": "A clause can fairly be read in two ways",
    "guideline_gap": "No clause covers this",
    "missing_context": "The item does not show enough to decide",
    "item_defect": "The item itself is broken",
    "genuine_pluralism": "People rightly differ; keep the distribution",
    "translation": "A translation or a language question caused it",
}
CLAUSE_CAUSES: Final = frozenset({"rater_error", "guideline_ambiguity"})
"""Causes that rest on a written clause, so that the ruling has to name it."""

MAX_RATIONALE: Final = 4_000
DecisionState = Literal["answered", "cannot_assess", "not_asked"]


@dataclass(frozen=True, slots=True)
class DecisionProblem:
    """One thing wrong with a ruling.

    Attributes
    ----------
    field : str
        ``question``, ``category``, ``value``, ``clause``, ``cause`` or ``rationale``.
    code : str
        Stable name of the problem.
    message : str
        What is wrong and what to do.
    """

    field: str
    code: str
    message: str


class DecisionRefused(TaskError):
    """A ruling that breaks its rubric; carries every problem found."""

    def __init__(self, problems: Sequence[DecisionProblem]) -> None:
        """Keep the problems in the order of the fields."""
        self.problems: tuple[DecisionProblem, ...] = tuple(problems)
        super().__init__(together((problem.message for problem in self.problems), "; "))


class _BadValue(Exception):
    """Leaves the reading of a value; never leaves this module."""


def _option(question: Question, value: str) -> str:
    if value not in {option.id for option in question.options}:
        known = ", ".join(option.id for option in question.options)
        raise _BadValue(
            Sentence(
                "%(question)s has no option %(value)s; it has %(known)s",
                question=repr(question.id),
                value=repr(value[:40]),
                known=known,
            )
        )
    return value


def _flag(question: Question, value: str) -> str:
    allowed = ("1", "0") if question.type == "multi" else ("true", "false")
    if value not in allowed:
        raise _BadValue(
            Sentence(
                "%(question)s takes %(yes)s or %(no)s, not %(value)s",
                question=repr(question.id),
                yes=allowed[0],
                no=allowed[1],
                value=repr(value[:40]),
            )
        )
    return value


def _number(question: Question, value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        raise _BadValue(
            Sentence(
                "%(question)s takes a number, not %(value)s",
                question=repr(question.id),
                value=repr(value[:40]),
            )
        ) from None
    low = -math.inf if question.min is None else question.min
    high = math.inf if question.max is None else question.max
    if not math.isfinite(number) or not low <= number <= high:
        raise _BadValue(
            Sentence(
                "%(question)s takes a number from %(low)s to %(high)s",
                question=repr(question.id),
                low=f"{low:g}",
                high=f"{high:g}",
            )
        )
    return canonical_number(number)


def _spans(question: Question, value: str) -> str:
    try:
        spans = json.loads(value)
    except ValueError:
        spans = None
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        raise _BadValue(
            Sentence("%(question)s takes a JSON list of spans", question=repr(question.id))
        )
    return json.dumps(spans, sort_keys=True, separators=(",", ":"))


def _ranking(question: Question, value: str) -> str:
    try:
        return checked_ranking(question, ranking_groups(value.replace(" ", "")))
    except Refused as error:
        raise _BadValue(
            Sentence("%(question)s %(fault)s", question=repr(question.id), fault=str(error))
        ) from None


_READERS = {
    "single": _option,
    "ordinal": _option,
    "multi": _flag,
    "boolean": _flag,
    "number": _number,
    "span": _spans,
    "preference": _option,
    "ranking": _ranking,
}


def _question(rubric: Rubric, question_id: str) -> Question:
    try:
        question = rubric.question(question_id)
    except UnknownElement as error:
        problem = DecisionProblem("question", "unknown_question", str(error))
        raise DecisionRefused([problem]) from None
    if not is_adjudicated(question):
        message = Sentence(
            "%(question)s is not adjudicated: it is free text or about the annotation",
            question=repr(question_id),
        )
        raise DecisionRefused([DecisionProblem("question", "not_adjudicated", message)])
    return question


def _category_problems(rubric: Rubric, question: Question, category: str) -> list[DecisionProblem]:
    known = [""]
    if question.repeat_for is not None:
        known = [option.id for option in rubric.question(question.repeat_for).options]
    elif question.type == "multi":
        known = [option.id for option in question.options]
    if category in known:
        return []
    message = (
        Sentence(
            "%(question)s has no category %(category)s; it has %(known)s",
            question=repr(question.id),
            category=repr(category[:40]),
            known=", ".join(known),
        )
        if known != [""]
        else Sentence(
            "%(question)s has no categories; leave the category empty", question=repr(question.id)
        )
    )
    return [DecisionProblem("category", "unknown_category", message)]


def _value_problems(
    question: Question, value: str | None
) -> tuple[str | None, list[DecisionProblem]]:
    if value is None:
        return None, []
    try:
        return _READERS[question.type](question, value), []
    except _BadValue as error:
        return None, [DecisionProblem("value", "bad_value", str(error))]


def _clauses_for(rubric: Rubric, category: str) -> set[str]:
    return {
        clause.id
        for known in rubric.categories
        if category in {"", known.id}
        for clause in known.clauses
    }


def _clause_problems(
    rubric: Rubric, question: Question, category: str, clause: str | None, cause: str
) -> list[DecisionProblem]:
    known = _clauses_for(rubric, category)
    if clause is not None and clause not in known:
        listed = ", ".join(sorted(known)) or "none"
        message = Sentence(
            "there is no clause %(clause)s here; the clauses are %(listed)s",
            clause=repr(clause[:40]),
            listed=listed,
        )
        return [DecisionProblem("clause", "unknown_clause", message)]
    if clause is None and known and question.cite and cause in CLAUSE_CAUSES:
        message = Sentence(
            "this cause needs the clause that decides; when none does, the cause is a guideline gap"
        )
        return [DecisionProblem("clause", "clause_missing", message)]
    return []


def _cause_problems(cause: str) -> list[DecisionProblem]:
    if cause in causes:
        return []
    message = Sentence(
        "there is no cause %(cause)s; the causes are %(known)s",
        cause=repr(cause[:40]),
        known=", ".join(causes),
    )
    return [DecisionProblem("cause", "unknown_cause", message)]


def _rationale_problems(rationale: str, *, needed: bool) -> list[DecisionProblem]:
    if len(rationale) > MAX_RATIONALE:
        message = Sentence(
            "the rationale has %(n)s characters; at most %(most)s",
            n=f"{len(rationale):,}",
            most=f"{MAX_RATIONALE:,}",
        )
        return [DecisionProblem("rationale", "too_long", message)]
    if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in rationale):
        message = Sentence("the rationale holds a character that cannot be stored; remove it")
        return [DecisionProblem("rationale", "bad_text", message)]
    if needed and not rationale.strip():
        message = Sentence("a ruling without a value needs a rationale: say why none can be given")
        return [DecisionProblem("rationale", "rationale_missing", message)]
    return []


def check_decision(  # noqa: PLR0913, PLR0917 - the seven parts of a ruling
    rubric: Rubric,
    question: str,
    category: str,
    value: str | None,
    clause: str | None,
    cause: str,
    rationale: str,
    *,
    closed: bool = False,
) -> Cell:
    """Return the gold label a ruling makes, or refuse the ruling with all that is wrong.

    Parameters
    ----------
    rubric : Rubric
        The version the labels were made under.
    question, category : str
        The cell that is ruled on; the category is empty where the question has none.
    value : str or None
        As label cells store it; None when no value can be given and the distribution is kept.
    clause : str or None
        Id of the clause that decides.
    cause : str
        One of `causes`.
    rationale : str
        Why, without quoting the item.
    closed : bool
        The ruling is that the question was not to be asked; there is no value then.

    Returns
    -------
    Cell
        ``answered``; ``cannot_assess`` without a value; ``not_asked`` when closed.

    Raises
    ------
    DecisionRefused
        With every problem.
    """
    asked = _question(rubric, question)
    read, problems = _value_problems(asked, value)
    if closed and asked.ask_if is None and asked.repeat_for is None:
        message = Sentence(
            "%(question)s is always asked; it cannot be ruled closed", question=repr(question)
        )
        problems.append(DecisionProblem("value", "always_asked", message))
    if closed and value is not None:
        message = Sentence(
            "a question that was not to be asked gets no value; give one or the other"
        )
        problems.append(DecisionProblem("value", "closed_with_value", message))
    problems = [
        *_category_problems(rubric, asked, category),
        *problems,
        *_clause_problems(rubric, asked, category, clause, cause),
        *_cause_problems(cause),
        *_rationale_problems(rationale, needed=value is None and not closed),
    ]
    if problems:
        raise DecisionRefused(problems)
    state: DecisionState = "answered" if read is not None else "cannot_assess"
    if closed:
        state = "not_asked"
    return Cell(question, category, read, state, () if clause is None else (clause,), None)
