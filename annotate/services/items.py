"""The items of a project as a list: pages by key, how far each item is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import AdjudicationCase, Assignment, Item, ItemReport, Task
from annotate.services.ids import known_form
from annotate.services.item_filters import conditions
from annotate.services.scoping import of_visible_tasks, visible_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.item_filters import ItemFilter
    from annotate.services.scoping import TaskBound

PAGE = 50
SEARCHED = 200
"""How many items a search reads at a time."""
EXCERPT = 140
ONLY_FILES = (Item.kind == "text") & Item.body.endswith('"text":""}', autoescape=True)
"""Whether an item holds pictures or recordings and no words: its text, the last part of a stored
body, is empty."""
Row = Any
"""A row of one of the queries below; their columns stand in the query."""


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
        ONLY_FILES.label("only_files"),
    ]
    if excerpts or wanted.text:
        columns.append(Item.body)
    statement = sa.select(*columns).where(*visible_items(scope), *conditions(scope, wanted))
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
    model: TaskBound,
    figure: sa.ColumnElement[int],
    scope: Scope,
    round_id: str,
    ids: Sequence[str],
    *conditions: sa.ColumnElement[bool],
) -> dict[str, int]:
    seen = of_visible_tasks(model, scope)
    statement = (
        sa.select(model.item_id, figure.label("figure"))
        .where(*seen, model.item_id.in_(ids), *conditions)
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
