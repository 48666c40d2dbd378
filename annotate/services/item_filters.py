"""Which items of a project are wanted: filters as written, as offered, as asked of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import AdjudicationCase, Annotation, Assignment, Item, Label, Round, Task
from annotate.services import rubrics
from annotate.services.errors import BadInput
from annotate.services.ids import known_form
from annotate.services.scoping import (
    in_scope,
    labels_that_count,
    of_visible_tasks,
    visible_rounds,
)
from annotate.services.text import canonical_json, check_text
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import InstrumentedAttribute, Session

    from annotate.policy import Scope
    from annotate.services.scoping import TaskBound
    from rubrics.schema import Question, Rubric

STATES = ("unlabelled", "partly", "done", "disputed")
RESERVED = ("unsure", "cannot_assess", "not_asked")
FILTERS = (
    "language",
    "round",
    "state",
    "question",
    "category",
    "value",
    "answer",
    "slice",
    "text",
    "id",
)
LONGEST = 300


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items are wanted; everything that is None or empty is not asked for.

    Attributes
    ----------
    language
        The tag as it stands at the item.
    round_id
        Items with a task in the round; ``state`` and answers then mean this round alone.
    state
        One of ``STATES``: no label yet, some, all that are needed, or with an open case.
    question, category, value
        Some annotator's current answer. ``value`` may also be a reserved answer; without a
        ``category`` any will do.
    slice
        ``name:value``.
    text
        A part of the content. Case is ignored for plain Latin letters.
    external_id
        How the id begins.
    """

    language: str = ""
    round_id: str = ""
    state: str = ""
    question: str = ""
    category: str | None = None
    value: str = ""
    slice: str = ""
    text: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer."""

    rounds: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]


def parse_filter(query: Mapping[str, str]) -> ItemFilter:
    """Read the filters of an address.

    Raises
    ------
    BadInput
        For a filter or state that does not exist, or a value that cannot be one.
    """
    given = {name: text.strip() for name, text in query.items() if text.strip()}
    unknown = sorted(given.keys() - set(FILTERS))
    if unknown:
        raise BadInput(
            Sentence(
                "There is no filter %(unknown)s; there are %(known)s",
                unknown=repr(unknown[0]),
                known=", ".join(FILTERS),
            )
        )
    for name, text in given.items():
        check_text(text, name)
        if len(text) > LONGEST:
            raise BadInput(
                Sentence(
                    "The filter %(name)s takes %(n)s characters at most",
                    name=repr(name),
                    n=LONGEST,
                )
            )
    _check_values(given)
    question, category, value = _answer(given)
    return ItemFilter(
        language=given.get("language", ""),
        round_id=known_form(given["round"], "round") if "round" in given else "",
        state=given.get("state", ""),
        question=question,
        category=category,
        value=value,
        slice=given.get("slice", ""),
        text=given.get("text", ""),
        external_id=given.get("id", ""),
    )


def _check_values(given: Mapping[str, str]) -> None:
    if given.get("state", STATES[0]) not in STATES:
        raise BadInput(
            Sentence(
                "The state is %(state)s; it can be %(known)s",
                state=repr(given["state"]),
                known=", ".join(STATES),
            )
        )
    if ":" not in given.get("slice", ":"):
        raise BadInput("Write a slice as name:value")
    if "value" in given and "question" not in given:
        raise BadInput("A value needs the question it answers")


def _answer(given: Mapping[str, str]) -> tuple[str, str | None, str]:
    """Return question, category and value, from one ``answer`` or from three filters."""
    if "answer" not in given:
        return given.get("question", ""), given.get("category"), given.get("value", "")
    cell, equals, value = given["answer"].partition("=")
    question, slash, category = cell.partition("/")
    if not (equals and question and value):
        raise BadInput("Write an answer as question=value or question/category=value")
    return question, category if slash else None, value


# ------------------------------------------------------------------------- asked of the database


def conditions(scope: Scope, wanted: ItemFilter) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions of items that the filter wants."""
    if wanted.language:
        yield Item.language == wanted.language
    if wanted.external_id:
        yield Item.external_id.like(_escaped(wanted.external_id) + "%", escape="\\")
    if wanted.slice:
        name, _, value = wanted.slice.partition(":")
        yield _holds(Item.slices, canonical_json({name: value})[1:-1])
    if wanted.text:
        yield _holds(Item.body, canonical_json(wanted.text)[1:-1], fold=True)
    if wanted.round_id and not wanted.state:
        yield _of_item(Task, scope, wanted.round_id).exists()
    if wanted.state:
        yield _state_condition(scope, wanted)
    if wanted.question:
        yield _answered(scope, wanted).exists()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _holds(
    column: InstrumentedAttribute[str], part: str, *, fold: bool = False
) -> sa.ColumnElement[bool]:
    pattern = f"%{_escaped(part)}%"
    return column.ilike(pattern, escape="\\") if fold else column.like(pattern, escape="\\")


def _of_item(
    model: TaskBound, scope: Scope, round_id: str, *wanted: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """Return the query for rows of the item: those of one round, or of all."""
    seen = of_visible_tasks(model, scope)
    statement = sa.select(sa.literal(1)).where(model.item_id == Item.id, *seen, *wanted)
    return statement.where(model.round_id == round_id) if round_id else statement


def _short(scope: Scope, round_id: str) -> sa.Select[Any]:
    """Return the query for tasks of the item that still need labels."""
    have = (
        sa.select(sa.func.count())
        .where(
            Assignment.task_id == Task.id,
            Assignment.project_id == scope.project_id,
            Assignment.state == "submitted",
        )
        .correlate(Task)
        .scalar_subquery()
    )
    return _of_item(Task, scope, round_id, Task.needed > have)


def _state_condition(scope: Scope, wanted: ItemFilter) -> sa.ColumnElement[bool]:
    key = wanted.round_id
    some = _of_item(Assignment, scope, key, Assignment.state == "submitted").exists()
    short = _short(scope, key).exists()
    is_open = AdjudicationCase.state == "open"
    by_state: dict[str, sa.ColumnElement[bool]] = {
        "unlabelled": ~some & (_of_item(Task, scope, key).exists() if key else sa.true()),
        "partly": some & short,
        "done": some & ~short,
        "disputed": _of_item(AdjudicationCase, scope, key, is_open).exists(),
    }
    return by_state[wanted.state]


def _answered(scope: Scope, wanted: ItemFilter) -> sa.Select[Any]:
    """Return the query for current labels of the item that give the wanted answer."""
    statement = labels_that_count(sa.literal(1)).where(
        Annotation.item_id == Item.id,
        *in_scope(Annotation, scope),
        Label.question == wanted.question,
    )
    if wanted.round_id:
        statement = statement.where(Annotation.round_id == wanted.round_id)
    if wanted.category is not None:
        statement = statement.where(Label.category == wanted.category)
    if wanted.value in RESERVED:
        statement = statement.where(Label.state == wanted.value)
    elif wanted.value:
        statement = statement.where(Label.value == wanted.value)
    return statement


# ------------------------------------------------------------------------------ what they offer


def choices(session: Session, scope: Scope) -> Choices:
    """Return what the filters offer: rounds, and the answers of the rubric in force."""
    rows = session.execute(
        sa.select(Round.id, Round.number, Round.name)
        .where(*visible_rounds(scope))
        .order_by(Round.number.desc())
        .limit(100)
    )
    named = tuple((row.id, f"{row.number} · {row.name}") for row in rows)
    line = rubrics.current(rubrics.versions(session, scope))
    if line is None:
        return Choices(named, ())
    return Choices(named, tuple(_answers(rubrics.load(session, scope, line.id))))


def _answers(rubric: Rubric) -> Iterator[tuple[str, str]]:
    for question in rubric.questions:
        yield from _answers_to(question)
        if question.takes_reserved:
            for state in RESERVED[:2]:
                yield f"{question.id}={state}", f"{question.id}: {state.replace('_', ' ')}"


def _answers_to(question: Question) -> Iterator[tuple[str, str]]:
    if question.type == "boolean":
        for value in ("true", "false"):
            yield f"{question.id}={value}", f"{question.id}: {value}"
    for option in question.options:
        cell = f"{question.id}/{option.id}=1" if question.type == "multi" else ""
        yield cell or f"{question.id}={option.id}", f"{question.id}: {option.label}"
