"""An adjudicator's own answer, read before any label is shown: whole questions, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.services.case_reading import whole_questions
from annotate.services.errors import BadInput
from rubrics.sentences import Sentence
from tasks.adjudication import DecisionRefused, check_decision

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rubrics.schema import Rubric


def cell_key(question: str, category: str) -> str:
    """Return the name of a cell in forms and in kept answers."""
    return f"{question}/{category}" if category else question


def read_answers(
    rubric: Rubric, questions: Collection[str], answers: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the answers to whole questions cell by cell, as they are kept.

    Raises
    ------
    BadInput
        When part of a question has no answer, or one that the rubric does not know.
    """
    cells = {cell_key(*cell): cell for cell in whole_questions(rubric, questions)}
    given, problems = _by_cell(rubric, questions, answers)
    kept: dict[str, Any] = {}
    problems += [
        {"place": key, "message": Sentence("This is not at issue in the case.")}
        for key in sorted(given.keys() - cells.keys())
    ]
    known = {problem["place"] for problem in problems}
    for key, cell in cells.items():
        place = cell[0] if _is_multi(rubric, cell[0]) else key
        value, problem = _read_answer(rubric, cell, given.get(key))
        if problem is None:
            kept[key] = value
        elif place not in known:
            known.add(place)
            problems.append({"place": place, "message": problem})
    if problems:
        raise BadInput("Your own answer is not complete yet", problems=problems)
    return kept


def _is_multi(rubric: Rubric, question: str) -> bool:
    return rubric.question(question).type == "multi"


def _by_cell(
    rubric: Rubric, questions: Collection[str], answers: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Mapping[str, Any]], list[dict[str, Any]]]:
    """Take the answers to whole multiple choices apart."""
    given = dict(answers)
    problems: list[dict[str, Any]] = []
    for question in sorted(questions):
        if not _is_multi(rubric, question) or question not in given:
            continue
        whole = given.pop(question)
        options = [option.id for option in rubric.question(question).options]
        chosen = whole.get("values")
        if chosen is None:
            given |= {cell_key(question, option): whole for option in options}
        elif isinstance(chosen, list) and all(one in options for one in chosen):
            given |= {
                cell_key(question, option): {"value": "1" if option in chosen else "0"}
                for option in options
            }
        else:
            words = Sentence(
                "The options are %(known)s; or none, unsure or not asked alone.",
                known=", ".join(options),
            )
            problems.append({"place": question, "message": words})
    return given, problems


def _read_answer(
    rubric: Rubric, cell: tuple[str, str], given: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str | None]:
    if given is not None and given.get("state") == "unsure" and given.get("value") is None:
        return {"state": "unsure"}, None
    value = None if given is None else given.get("value")
    if not isinstance(value, str):
        return {}, Sentence("Answer this first, or say unsure.")
    closed = value == "not_asked"
    try:
        read = check_decision(
            rubric,
            *cell,
            None if closed else value,
            None,
            "genuine_pluralism",
            "own answer",
            closed=closed,
        )
    except DecisionRefused as error:
        return {}, error.problems[0].message
    return ({"state": "not_asked"} if closed else {"value": read.value}), None
