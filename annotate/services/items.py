"""The items of a project as a list: filters, pages by key, how far each item is; quarantine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import now
from annotate.models import (
    AdjudicationCase,
    Annotation,
    Assignment,
    Item,
    ItemReport,
    Label,
    Round,
    Task,
)
from annotate.services import audit, rubrics
from annotate.services.errors import BadInput, Conflict
from annotate.services.ids import known_form
from annotate.services.scoping import in_scope, visible_items
from annotate.services.text import canonical_json, check_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Question, Rubric

PAGE = 50
SEARCHED = 200
"""How many items a search reads at a time."""
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
EXCERPT = 140
_ONLY_FILES = (Item.kind == "text") & Item.body.endswith('"text":""}', autoescape=True)
"""Whether an item holds no words: its text is empty, and stands last in the stored body."""
LONGEST = 300
Row = Any
"""A row of one of the queries below; their columns stand in the query."""


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
class ItemLine:
    """One item as the list shows it."""

    id: str
    external_id: str
    kind: str
    only_files: bool
    language: str | None
    created_at: datetime
    state: str
    labelled: int
    needed: int
    open_cases: int
    excerpt: str

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON API shows; content comes with the single item alone."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "kind": self.kind,
            "language": self.language,
            "state": self.state,
            "annotations": self.labelled,
            "needed": self.needed,
            "open_cases": self.open_cases,
            "created_at": self.created_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Some items, newest first, and the keys of the pages around them."""

    lines: tuple[ItemLine, ...]
    older: str | None
    newer: str | None


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
        raise BadInput(f"There is no filter {unknown[0]!r}; there are {', '.join(FILTERS)}")
    for name, text in given.items():
        check_text(text, name)
        if len(text) > LONGEST:
            raise BadInput(f"The filter {name!r} takes {LONGEST} characters at most")
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
        raise BadInput(f"The state is {given['state']!r}; it can be {', '.join(STATES)}")
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


# ------------------------------------------------------------------------------------------ lists


def page(
    session: Session,
    scope: Scope,
    wanted: ItemFilter,
    *,
    before: str | None = None,
    after: str | None = None,
    excerpts: bool = False,
) -> ItemPage:
    """Return a page of visible items, newest first.

    Parameters
    ----------
    session, scope
        The transaction and the part of the project.
    wanted
        The filters.
    before, after
        Key of the item that the page ends above or begins below.
    excerpts
        Whether the first words of the content come along.
    """
    columns: list[Any] = [
        Item.id,
        Item.external_id,
        Item.kind,
        Item.language,
        Item.created_at,
        _ONLY_FILES.label("only_files"),
    ]
    if excerpts or wanted.text:
        columns.append(Item.body)
    conditions = (*visible_items(scope), *_conditions(scope, wanted))
    statement = sa.select(*columns).where(*conditions)
    upwards = after is not None and before is None
    if before is not None:
        statement = statement.where(Item.id < known_form(before, "item"))
    elif after is not None:
        statement = statement.where(Item.id > known_form(after, "item"))
    statement = statement.order_by(Item.id if upwards else Item.id.desc())
    found = _take(session, statement, wanted.text, upwards=upwards)
    more, rows = len(found) > PAGE, found[:PAGE]
    if upwards:
        rows.reverse()
    lines = tuple(_lines(session, scope, wanted.round_id, rows, excerpts=excerpts))
    return ItemPage(
        lines,
        older=lines[-1].id if lines and (more or upwards) else None,
        newer=lines[0].id if lines and (before is not None or (upwards and more)) else None,
    )


def _take(session: Session, statement: sa.Select[Any], text: str, *, upwards: bool) -> list[Row]:
    if not text:
        return list(session.execute(statement.limit(PAGE + 1)))
    needle = text.casefold()
    found: list[Row] = []
    beyond = Item.id > sa.bindparam("last") if upwards else Item.id < sa.bindparam("last")
    batch = session.execute(statement.limit(SEARCHED)).all()
    while True:
        # LIKE reads the stored JSON, in which "role" or "text" stand in every row.
        found += (row for row in batch if _says(row.body, needle))
        if len(found) > PAGE or len(batch) < SEARCHED:
            return found[: PAGE + 1]
        rest = statement.where(beyond).limit(SEARCHED)
        batch = session.execute(rest, {"last": batch[-1].id}).all()


def _says(body: str, needle: str) -> bool:
    return any(needle in part.casefold() for part in texts_of(json.loads(body)))


def texts_of(body: Any) -> Iterator[str]:  # noqa: ANN401 - a body of any kind
    """Yield the texts of an item's body in reading order."""
    for name in ("text", "system", "prompt", "response"):
        if name in body:
            yield body[name]
    for message in body.get("messages", ()):
        yield message["content"]
    for response in body.get("responses", ()):
        yield response["text"]


def _conditions(scope: Scope, wanted: ItemFilter) -> Iterator[sa.ColumnElement[bool]]:
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
        yield _task(scope, wanted.round_id).exists()
    if wanted.state:
        yield _state_condition(scope, wanted)
    if wanted.question:
        yield _answered(scope, wanted).exists()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _holds(column: Any, part: str, *, fold: bool = False) -> sa.ColumnElement[bool]:  # noqa: ANN401
    pattern = f"%{_escaped(part)}%"
    found: sa.ColumnElement[bool] = (
        column.ilike(pattern, escape="\\") if fold else column.like(pattern, escape="\\")
    )
    return found


def _task(scope: Scope, round_id: str) -> sa.Select[Any]:
    statement = sa.select(sa.literal(1)).where(
        Task.item_id == Item.id, Task.project_id == scope.project_id
    )
    return statement.where(Task.round_id == round_id) if round_id else statement


def _submitted(scope: Scope, round_id: str) -> sa.Select[Any]:
    statement = sa.select(sa.literal(1)).where(
        Assignment.item_id == Item.id,
        Assignment.project_id == scope.project_id,
        Assignment.state == "submitted",
    )
    return statement.where(Assignment.round_id == round_id) if round_id else statement


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
    return _task(scope, round_id).where(Task.needed > have)


def _disputed(scope: Scope, round_id: str) -> sa.Select[Any]:
    statement = sa.select(sa.literal(1)).where(
        AdjudicationCase.item_id == Item.id,
        AdjudicationCase.project_id == scope.project_id,
        AdjudicationCase.state == "open",
    )
    return statement.where(AdjudicationCase.round_id == round_id) if round_id else statement


def _state_condition(scope: Scope, wanted: ItemFilter) -> sa.ColumnElement[bool]:
    key = wanted.round_id
    some = _submitted(scope, key).exists()
    short = _short(scope, key).exists()
    conditions: dict[str, sa.ColumnElement[bool]] = {
        "unlabelled": ~some & (_task(scope, key).exists() if key else sa.true()),
        "partly": some & short,
        "done": some & ~short,
        "disputed": _disputed(scope, key).exists(),
    }
    return conditions[wanted.state]


def _answered(scope: Scope, wanted: ItemFilter) -> sa.Select[Any]:
    """Return the query for current labels of the item that give the wanted answer."""
    statement = (
        sa.select(sa.literal(1))
        .select_from(Annotation)
        .join(
            Assignment,
            (Assignment.id == Annotation.assignment_id)
            & (Assignment.current_revision == Annotation.revision)
            & (Assignment.state == "submitted"),
        )
        .join(Label, Label.annotation_id == Annotation.id)
        .where(
            Annotation.item_id == Item.id,
            *in_scope(Annotation, scope),
            Label.question == wanted.question,
        )
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


def _lines(
    session: Session, scope: Scope, round_id: str, rows: Sequence[Row], *, excerpts: bool
) -> Iterator[ItemLine]:
    ids = [row.id for row in rows]
    if not ids:
        return
    needed = _counts(session, Task, sa.func.sum(Task.needed), scope, round_id, ids)
    done = Assignment.state == "submitted"
    labelled = _counts(session, Assignment, sa.func.count(), scope, round_id, ids, done)
    is_open = AdjudicationCase.state == "open"
    cases = _counts(session, AdjudicationCase, sa.func.count(), scope, round_id, ids, is_open)
    for row in rows:
        have, need = labelled.get(row.id, 0), needed.get(row.id, 0)
        yield ItemLine(
            id=row.id,
            external_id=row.external_id,
            kind=row.kind,
            only_files=row.only_files,
            language=row.language,
            created_at=row.created_at,
            state=_state(have, need),
            labelled=have,
            needed=need,
            open_cases=cases.get(row.id, 0),
            excerpt=excerpt(json.loads(row.body)) if excerpts else "",
        )


def _counts(
    session: Session,
    model: Any,  # noqa: ANN401 - a table with project, round and item
    figure: Any,  # noqa: ANN401 - an aggregate
    scope: Scope,
    round_id: str,
    ids: Sequence[str],
    *conditions: sa.ColumnElement[bool],
) -> dict[str, int]:
    statement = (
        sa.select(model.item_id, figure.label("figure"))
        .where(model.project_id == scope.project_id, model.item_id.in_(ids), *conditions)
        .group_by(model.item_id)
    )
    if round_id:
        statement = statement.where(model.round_id == round_id)
    return {row.item_id: row.figure for row in session.execute(statement)}


def _state(have: int, need: int) -> str:
    if need == 0 and have == 0:
        return "waiting"
    if have == 0:
        return "unlabelled"
    return "done" if have >= need else "partly"


def excerpt(body: Any) -> str:  # noqa: ANN401 - a body of any kind
    """Return the first words of an item: of its text or prompt, or of the last turn."""
    parts = [part for part in texts_of(body) if part.strip()]
    if "messages" in body and "responses" not in body:
        parts.reverse()  # the last turn is the one that is judged; first ones are often alike
    first = " ".join(parts[0].split()) if parts else ""
    return first if len(first) <= EXCERPT else first[: EXCERPT - 1].rstrip() + "…"


def total(session: Session, scope: Scope) -> int | None:
    """Return how many items of the project can be seen; None for a part of the teams.

    Counted by index alone: the rows behind it are as long as their content.
    """
    if scope.team_ids is not None:
        return None
    everything = sa.select(sa.func.count()).select_from(Item)
    stopped = (
        sa.select(sa.func.count(sa.distinct(Item.id)))
        .select_from(ItemReport)
        .join(Item, Item.id == ItemReport.item_id)
        .where(ItemReport.project_id == scope.project_id, Item.quarantined_at.is_not(None))
    )
    counted = session.scalar(everything.where(Item.project_id == scope.project_id)) or 0
    return counted - (session.scalar(stopped) or 0)


def choices(session: Session, scope: Scope) -> Choices:
    """Return what the filters offer: rounds, and the answers of the rubric in force."""
    rows = session.execute(
        sa.select(Round.id, Round.number, Round.name)
        .where(Round.project_id == scope.project_id)
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


# -------------------------------------------------------------------------------------- quarantine


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that was reported, without its content."""

    item_id: str
    external_id: str
    kind: str
    note: str | None
    reported_at: datetime
    annotations: int


def quarantined(session: Session, scope: Scope) -> list[Quarantined]:
    """Return the items in quarantine with the report that put each there, newest first."""
    annotations = (
        sa.select(sa.func.count())
        .where(Annotation.item_id == Item.id, Annotation.project_id == scope.project_id)
        .correlate(Item)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(
            Item.id,
            Item.external_id,
            ItemReport.kind,
            ItemReport.note,
            ItemReport.created_at,
            annotations.label("annotations"),
        )
        .join(ItemReport, ItemReport.item_id == Item.id)
        .where(
            Item.project_id == scope.project_id,
            Item.quarantined_at.is_not(None),
            ItemReport.project_id == scope.project_id,
            ItemReport.resolved_at.is_(None),
        )
        .order_by(ItemReport.created_at.desc())
        .limit(500)
    )
    return [Quarantined(*row) for row in rows]


def release(session: Session, actor: Actor, scope: Scope, item_id: str) -> None:
    """Put a reported item back to work: its labels count again and its places open.

    Raises
    ------
    Conflict
        When it is not in quarantine.
    """
    moment = now(session)
    changed = session.execute(
        sa.update(Item)
        .where(
            Item.id == known_form(item_id, "item"),
            Item.project_id == scope.project_id,
            Item.quarantined_at.is_not(None),
        )
        .values(quarantined_at=None)
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict("This item is not in quarantine")
    session.execute(
        sa.update(ItemReport)
        .where(
            ItemReport.item_id == item_id,
            ItemReport.project_id == scope.project_id,
            ItemReport.resolved_at.is_(None),
        )
        .values(resolved_at=moment, resolved_by=actor.user_id, resolution="released")
    )
    audit.record(
        session, actor, "item.released", "item", item_id, project_id=scope.project_id, at=moment
    )
