"""What became of a person's own labels: rulings that changed them, and what they entered.

Read for that person alone. It counts and compares nothing between people.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from annotate.models import (
    AdjudicationCase,
    Annotation,
    Assignment,
    CaseCell,
    Decision,
    GoldCell,
    GoldRelease,
    Item,
    Label,
    Reservation,
    Task,
)
from annotate.services.compiled import compiled_rubric
from annotate.services.ids import known_form
from annotate.services.scoping import labels_that_count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric

PAGE = 50


@dataclass(frozen=True, slots=True)
class Overruled:
    """A ruling on a cell that the person had labelled otherwise, or left unsure."""

    decision_id: str
    external_id: str
    rubric: Rubric
    question: str
    category: str
    own_value: str | None
    own_state: str
    value: str | None
    state: str
    clause: str | None
    clause_text: str
    rationale: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Entered:
    """A gold release that holds cells the person has labelled."""

    number: int
    created_at: datetime
    cells: int
    items: int


@dataclass(frozen=True, slots=True)
class ClauseRuled:
    """A clause that rulings on the person's items rest on."""

    clause: str
    text: str
    rulings: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a person's labels led to in a project."""

    cases: int
    rulings: int
    clauses: tuple[ClauseRuled, ...]
    releases: tuple[Entered, ...]


def overruled(
    session: Session, actor: Actor, scope: Scope, *, before: str | None = None
) -> tuple[Overruled, ...]:
    """Return rulings in force that differ from the person's own labels, newest first."""
    query = _ruled(
        actor,
        scope,
        Decision.id,
        Decision.question,
        Decision.category,
        Decision.value,
        Decision.state,
        Decision.clause,
        Decision.rationale,
        Decision.created_at,
        Label.value.label("own_value"),
        Label.state.label("own_state"),
        Item.external_id,
        AdjudicationCase.rubric_version_id,
    ).where(
        sa.or_(
            Label.state != Decision.state,
            sa.func.coalesce(Label.value, "") != sa.func.coalesce(Decision.value, ""),
        )
    )
    if before is not None:
        query = query.where(Decision.id < known_form(before, "page"))
    rows = session.execute(query.order_by(Decision.id.desc()).limit(PAGE)).all()
    found = []
    for row in rows:
        rubric = compiled_rubric(session, scope.project_id, row.rubric_version_id).rubric
        found.append(
            Overruled(
                row.id,
                row.external_id,
                rubric,
                row.question,
                row.category,
                row.own_value,
                row.own_state,
                row.value,
                row.state,
                row.clause,
                clause_text(rubric, row.clause),
                row.rationale,
                row.created_at,
            )
        )
    return tuple(found)


def changed(session: Session, actor: Actor, scope: Scope) -> Changed:
    """Return what the person's labels led to: cases, rulings, clauses, releases."""
    rows = session.execute(
        _ruled(
            actor,
            scope,
            Decision.id,
            Decision.case_id,
            Decision.clause,
            AdjudicationCase.rubric_version_id,
        )
    ).all()
    return Changed(
        cases=len({row.case_id for row in rows}),
        rulings=len(rows),
        clauses=_clauses(session, scope, rows),
        releases=_releases(session, actor, scope),
    )


def clause_text(rubric: Rubric, clause: str | None) -> str:
    """Return the words of a clause, or nothing when the version has none of that id."""
    found = (one for category in rubric.categories for one in category.clauses if one.id == clause)
    return next((one.text for one in found), "")


def _ruled(actor: Actor, scope: Scope, *columns: Any) -> sa.Select[Any]:  # noqa: ANN401
    """Select over rulings in force on cells that the person labelled and may hear of now."""
    return (
        labels_that_count(*columns)
        .join(AdjudicationCase, AdjudicationCase.task_id == Assignment.task_id)
        .join(
            CaseCell,
            sa.and_(
                CaseCell.case_id == AdjudicationCase.id,
                CaseCell.question == Label.question,
                CaseCell.category == Label.category,
            ),
        )
        .join(Decision, Decision.id == CaseCell.decision_id)
        .join(Item, Item.id == Assignment.item_id)
        .where(
            Assignment.project_id == scope.project_id,
            Assignment.annotator_id == actor.user_id,
            Label.project_id == scope.project_id,
            AdjudicationCase.project_id == scope.project_id,
            AdjudicationCase.state == "decided",
            CaseCell.project_id == scope.project_id,
            Decision.project_id == scope.project_id,
            Decision.kind == "decide",
            Item.project_id == scope.project_id,
            Item.quarantined_at.is_(None),
            *_nothing_waits(actor, scope),
        )
    )


def _nothing_waits(actor: Actor, scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    """No place on the item waits for this person: a ruling would tell them what to answer."""
    waiting = aliased(Assignment)
    kept = aliased(Reservation)
    own = aliased(Assignment)
    task = aliased(Task)
    held = sa.exists().where(
        waiting.project_id == scope.project_id,
        waiting.annotator_id == actor.user_id,
        waiting.item_id == Item.id,
        waiting.state == "leased",
    )
    done = sa.exists().where(
        own.project_id == scope.project_id,
        own.annotator_id == actor.user_id,
        own.task_id == kept.task_id,
    )
    reserved = sa.exists().where(
        kept.project_id == scope.project_id,
        kept.annotator_id == actor.user_id,
        task.id == kept.task_id,
        task.project_id == scope.project_id,
        task.item_id == Item.id,
        ~done,
    )
    return (~held, ~reserved)


def _clauses(session: Session, scope: Scope, rows: Sequence[Any]) -> tuple[ClauseRuled, ...]:
    counts: Counter[str] = Counter()
    words: dict[str, str] = {}
    for row in rows:
        if row.clause is None:
            continue
        counts[row.clause] += 1
        rubric = compiled_rubric(session, scope.project_id, row.rubric_version_id).rubric
        words[row.clause] = clause_text(rubric, row.clause)
    return tuple(ClauseRuled(clause, words[clause], counts[clause]) for clause in sorted(counts))


def _releases(session: Session, actor: Actor, scope: Scope) -> tuple[Entered, ...]:
    """Return releases whose resolved cells the person labelled before their watermark."""
    labelled = (
        sa.exists()
        .where(
            Annotation.project_id == scope.project_id,
            Annotation.annotator_id == actor.user_id,
            Annotation.item_id == GoldCell.item_id,
            Annotation.fingerprint == GoldCell.fingerprint,
            Annotation.created_at <= GoldRelease.watermark,
            Annotation.assignment_id == Assignment.id,
            Annotation.revision == Assignment.current_revision,
            Assignment.project_id == scope.project_id,
            Assignment.state == "submitted",
            Label.annotation_id == Annotation.id,
            Label.project_id == scope.project_id,
            Label.question == GoldCell.question,
            Label.category == GoldCell.category,
        )
        .correlate(GoldCell, GoldRelease)
    )
    rows = session.execute(
        sa.select(
            GoldRelease.number,
            GoldRelease.created_at,
            sa.func.count().label("cells"),
            sa.func.count(sa.distinct(GoldCell.item_id)).label("items"),
        )
        .join(GoldCell, GoldCell.release_id == GoldRelease.id)
        .where(
            GoldRelease.project_id == scope.project_id,
            GoldRelease.state == "written",
            GoldCell.project_id == scope.project_id,
            GoldCell.value.is_not(None),
            labelled,
        )
        .group_by(GoldRelease.number, GoldRelease.created_at)
        .order_by(GoldRelease.number.desc())
    ).all()
    return tuple(Entered(row.number, row.created_at, row.cells, row.items) for row in rows)
