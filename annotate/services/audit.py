"""Audit and outbox rows, written in the transaction of the change they tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import AuditEvent, OutboxMessage
from annotate.services.prepared import Prepared
from annotate.services.text import canonical_json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor

_AUDIT = Prepared(
    sa.insert(AuditEvent),
    columns=(
        *("id", "at", "actor_id", "channel", "project_id"),
        *("kind", "object_type", "object_id", "body"),
    ),
)
_OUTBOX = Prepared(
    sa.insert(OutboxMessage), columns=("id", "project_id", "topic", "body", "created_at")
)


def record(  # noqa: PLR0913 - one argument a column
    session: Session,
    actor: Actor,
    kind: str,
    object_type: str,
    object_id: str,
    *,
    project_id: str | None = None,
    body: dict[str, Any] | None = None,
    at: datetime | None = None,
    outbox: bool = False,
) -> None:
    """Write one audit event, and the same fact to the outbox when others may care.

    ``body`` never holds content of an item, an answer or a rationale.
    """
    moment = at if at is not None else now(session)
    text = canonical_json(body or {})
    _AUDIT.run(
        session,
        {
            "id": new_id(),
            "at": moment,
            "actor_id": actor.user_id,
            "channel": actor.channel,
            "project_id": project_id,
            "kind": kind,
            "object_type": object_type,
            "object_id": object_id,
            "body": text,
        },
    )
    if outbox:
        _OUTBOX.run(
            session,
            {
                "id": new_id(),
                "project_id": project_id,
                "topic": kind,
                "body": canonical_json({"object": object_id, **(body or {})}),
                "created_at": moment,
            },
        )
