"""Reading the audit trail of a project: who did what to what, and when; never what was said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import AuditEvent, UserAccount
from annotate.services.errors import NotAllowed
from annotate.services.ids import known_form

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope

PAGE = 50
LONGEST = 200
"""Characters of the facts of an event that the list shows."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events are looked at; None for all.

    Attributes
    ----------
    login
        Of the person who acted.
    kind
        An action such as ``case.decided``, or the beginning of one, such as ``case``.
    object_id
        What was acted on.
    since, until
        Moments; the second is no longer part of it.
    """

    login: str | None = None
    kind: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One event. Its values are keys and numbers, no content; None when they are sealed."""

    id: str
    at: datetime
    login: str
    name: str
    channel: str
    kind: str
    object_type: str
    object_id: str
    values: dict[str, Any] | None

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What is known beside, in few words, as the list shows it."""
        told = self.values or {}
        return tuple((name, _short(told[name])) for name in sorted(told) if told[name] != "")


def listed(
    session: Session, actor: Actor, scope: Scope, chosen: AuditFilter, *, before: str | None = None
) -> tuple[AuditLine, ...]:
    """Return a page of events, the newest first; one more than a page if there are.

    Whoever may decide on cases gets no facts: those of a case name the cells at issue, which are
    sealed before their own answer.

    Raises
    ------
    NotAllowed
        When the actor's role is for some teams only: the trail is that of all teams.
    """
    if scope.team_ids is not None:
        raise NotAllowed("The audit trail is that of all teams: a role for one is not enough.")
    query = (
        sa.select(
            AuditEvent.id,
            AuditEvent.at,
            UserAccount.login,
            UserAccount.display_name,
            AuditEvent.channel,
            AuditEvent.kind,
            AuditEvent.object_type,
            AuditEvent.object_id,
            AuditEvent.body,
        )
        .join(UserAccount, UserAccount.id == AuditEvent.actor_id)
        .where(AuditEvent.project_id == scope.project_id, *_conditions(chosen))
        .order_by(AuditEvent.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        query = query.where(AuditEvent.id < known_form(before, "page"))
    sealed = facts_sealed(actor, scope)
    return tuple(
        AuditLine(*row[:8], None if sealed else json.loads(row[8]))
        for row in session.execute(query).all()
    )


def facts_sealed(actor: Actor, scope: Scope) -> bool:
    """Return whether the actor gets events without their facts."""
    return actor.holds("case.decide", scope.project_id)


def _conditions(chosen: AuditFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if chosen.login is not None:
        found.append(UserAccount.login == chosen.login)
    if chosen.kind is not None:
        inside = AuditEvent.kind.startswith(f"{chosen.kind}.", autoescape=True)
        found.append(sa.or_(AuditEvent.kind == chosen.kind, inside))
    if chosen.object_id is not None:
        found.append(AuditEvent.object_id == chosen.object_id)
    if chosen.since is not None:
        found.append(AuditEvent.at >= chosen.since)
    if chosen.until is not None:
        found.append(AuditEvent.at < chosen.until)
    return found


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\N{HORIZONTAL ELLIPSIS}"
