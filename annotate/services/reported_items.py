"""Reported items: in quarantine, out of every list, until somebody puts them back to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import Annotation, Item, ItemReport
from annotate.services import audit
from annotate.services.errors import Conflict
from annotate.services.ids import known_form

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope


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
