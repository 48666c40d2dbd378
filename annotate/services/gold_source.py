"""What a frozen release is made from: the labels, decisions and items as of its watermark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from annotate.db import is_embedded
from annotate.models import AdjudicationCase, Annotation, Assignment, Decision, Item, Label
from annotate.services.scoping import labels_that_count, visible_items
from exports.gold_set import Decision as Ruling
from exports.records import ReleaseItem, ReleaseLabel

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from tasks.cells import State


def let_writers_end(session: Session) -> None:
    """Wait for annotations and decisions under way, and let no new one begin before the commit.

    Each takes its moment when it has its place or its case locked. One that is in between would
    come in later with a moment before the watermark, and the same release would have other files.
    """
    if not is_embedded(session):  # there the write gate has let all others end
        tables = f"{Assignment.__tablename__}, {AdjudicationCase.__tablename__}"
        session.execute(sa.text(f"LOCK TABLE {tables} IN EXCLUSIVE MODE"))


def has_labels(session: Session, scope: Scope, version_id: str) -> bool:
    """Tell whether anything of visible items was submitted under a version."""
    found = session.execute(
        labels_that_count(Assignment.id)
        .join(Item, Item.id == Assignment.item_id)
        .where(
            Annotation.project_id == scope.project_id,
            Annotation.rubric_version_id == version_id,
            *visible_items(scope),
        )
        .limit(1)
    ).first()
    return found is not None


def labels(
    session: Session, scope: Scope, version_id: str, watermark: datetime
) -> list[ReleaseLabel]:
    """Return the labels that were current at the watermark, one vote a person and cell.

    When a person labelled an item in several rounds, the first round counts: later ones are
    repeats, which measure the person and not the item.
    """
    newest = (
        sa.select(
            Annotation.assignment_id.label("assignment_id"),
            sa.func.max(Annotation.revision).label("revision"),
        )
        .where(Annotation.project_id == scope.project_id, Annotation.created_at <= watermark)
        .group_by(Annotation.assignment_id)
        .subquery()
    )
    rows = session.connection().execute(
        sa.select(
            Item.external_id,
            sa.cast(Annotation.annotator_id, sa.Text),
            sa.cast(Annotation.assignment_id, sa.Text),
            Label.question,
            Label.category,
            Label.value,
            Label.state,
            Label.fingerprint,
            Label.clauses,
            Label.origin,
            Annotation.shown_order,
        )
        .select_from(newest)
        .join(
            Annotation,
            sa.and_(
                Annotation.assignment_id == newest.c.assignment_id,
                Annotation.revision == newest.c.revision,
            ),
        )
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .join(Item, Item.id == Annotation.item_id)
        .join(Label, Label.annotation_id == Annotation.id)
        .where(
            Annotation.project_id == scope.project_id,
            Annotation.rubric_version_id == version_id,
            Assignment.state == "submitted",
            *visible_items(scope),
        )
        .order_by(Annotation.assignment_id)
    )
    first: dict[tuple[str, str], str] = {}
    found = []
    for row in rows:
        if first.setdefault((row[0], row[1]), row[2]) != row[2]:
            continue
        clauses = tuple(json.loads(row[8])) if row[8] else ()
        found.append(
            ReleaseLabel(
                row[0],
                row[1],
                row[3],
                row[4],
                row[5],
                cast("State", row[6]),
                fingerprint=row[7],
                clauses=clauses,
                origin=row[9],
                shown_order=row[10],
            )
        )
    return found


def items(session: Session, scope: Scope, wanted: set[str]) -> list[ReleaseItem]:
    """Return the items with these external ids, quarantined ones left out."""
    rows = session.connection().execute(
        sa.select(
            Item.external_id,
            Item.kind,
            Item.body,
            Item.content_hash,
            Item.language,
            Item.source,
            Item.licence,
            Item.group_keys,
            Item.slices,
            Item.attributes,
        ).where(*visible_items(scope))
    )
    return [
        ReleaseItem(
            *row[:7],
            group_keys=json.loads(row[7]),
            slices=json.loads(row[8]),
            metadata=json.loads(row[9]),
        )
        for row in rows
        if row[0] in wanted
    ]


def decisions(
    session: Session, scope: Scope, fingerprint: str, watermark: datetime
) -> list[Ruling]:
    """Return all rulings up to the watermark, superseded ones and revocations included."""
    rows = session.execute(
        sa.select(Decision, Item.external_id)
        .join(Item, Item.id == Decision.item_id)
        .where(
            Decision.project_id == scope.project_id,
            Decision.fingerprint == fingerprint,
            Decision.created_at <= watermark,
            *visible_items(scope),
        )
        .order_by(Decision.id)
    ).all()
    return [_ruling(decision, external) for decision, external in rows]


def _ruling(decision: Any, external_id: str) -> Ruling:  # noqa: ANN401 - a Decision row
    return Ruling(
        id=decision.id,
        item=external_id,
        question=decision.question,
        category=decision.category,
        value=decision.value,
        state=decision.state,
        kind=decision.kind,
        supersedes=decision.supersedes_id,
        cause=decision.cause,
        clause=decision.clause,
        rationale=decision.rationale,
        adjudicator=decision.adjudicator_id,
        adjudicator_annotated=decision.adjudicator_annotated,
        created_at=decision.created_at.isoformat(),
        origin=decision.origin,
    )
