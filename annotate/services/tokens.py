"""API tokens: scoped, expiring, shown once, stored as a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import ApiToken, Project
from annotate.policy import TOKEN_SCOPES
from annotate.services import audit
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.identity import TOKEN_PREFIX, actor_of_user
from annotate.services.ids import known_form
from annotate.services.roles import checked_name
from annotate.services.text import sha256_hex
from rubrics.sentences import Sentence, together

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor

MAX_DAYS = 366
MAX_TOKENS = 50
HINT_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be able to do, where and for how long."""

    name: str
    scopes: tuple[str, ...]
    days: int
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class OwnToken:
    """A token as its owner sees it: all but the token."""

    id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    project_title: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    expired: bool


def create(session: Session, actor: Actor, wanted: NewToken, *, owner_id: str = "") -> str:
    """Make a token and return it: the only time that it is known.

    Parameters
    ----------
    wanted
        Name, scopes, lifetime and perhaps one project.
    owner_id
        Whose token; the actor's own when empty. Only the console makes tokens for others.

    Raises
    ------
    BadInput
        With one problem for each field that cannot be taken.
    Conflict
        When the owner has too many tokens.
    """
    owner = owner_id or actor.user_id
    if owner != actor.user_id and not actor.is_system:
        raise NotAllowed("Everybody makes their own tokens.")
    name = _check(session, wanted, owner)
    moment = now(session)
    _check_number(session, owner)
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token_id = new_id()
    session.execute(
        sa.insert(ApiToken),
        {
            "id": token_id,
            "user_id": owner,
            "name": name,
            "token_hash": sha256_hex(token),
            "hint": token[: len(TOKEN_PREFIX) + HINT_CHARACTERS],
            "scopes": " ".join(sorted(wanted.scopes)),
            "project_id": wanted.project_id,
            "created_at": moment,
            "expires_at": moment + timedelta(days=wanted.days),
        },
    )
    audit.record(
        session,
        actor,
        "token.created",
        "token",
        token_id,
        project_id=wanted.project_id,
        body={"owner": owner, "scopes": sorted(wanted.scopes), "days": wanted.days},
        at=moment,
    )
    return token


def revoke(session: Session, actor: Actor, token_id: str, *, owner_id: str = "") -> None:
    """Revoke a token; programs that use it are refused from now on.

    Raises
    ------
    NotFound
        When the owner has no such token, or it is revoked already.
    """
    owner = owner_id or actor.user_id
    if owner != actor.user_id and not actor.is_system:
        raise NotAllowed("Everybody revokes their own tokens.")
    result = session.execute(
        sa.update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.user_id == owner, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now(session))
    )
    if result.rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound("There is no such token.")
    audit.record(session, actor, "token.revoked", "token", token_id)


def of_person(session: Session, user_id: str) -> list[OwnToken]:
    """Return the tokens of a person that were not revoked, the newest first."""
    moment = now(session)
    rows = session.execute(
        sa.select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.hint,
            ApiToken.scopes,
            Project.title.label("project_title"),
            ApiToken.created_at,
            ApiToken.expires_at,
            ApiToken.last_used_at,
        )
        .outerjoin(Project, Project.id == ApiToken.project_id)
        .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
        .execution_options(unscoped="a person's own tokens, in all projects")
    ).all()
    return [
        OwnToken(
            row.id,
            row.name,
            row.hint,
            tuple(row.scopes.split()),
            row.project_title,
            row.created_at,
            row.expires_at,
            row.last_used_at,
            row.expires_at <= moment,
        )
        for row in rows
    ]


def _check(session: Session, wanted: NewToken, owner_id: str) -> str:
    problems: list[dict[str, Any]] = []
    name = ""
    try:
        name = checked_name(wanted.name, "name")
    except BadInput as error:
        problems.extend(error.problems)
    if not wanted.scopes or not set(wanted.scopes) <= TOKEN_SCOPES.keys():
        listed = ", ".join(TOKEN_SCOPES)
        problems.append(
            {
                "field": "scopes",
                "message": Sentence("Choose one or more of: %(listed)s.", listed=listed),
            }
        )
    if not 1 <= wanted.days <= MAX_DAYS:
        message = Sentence("Every token ends: 1 to %(n)s days.", n=MAX_DAYS)
        problems.append({"field": "days", "message": message})
    if not _owner_sees(session, owner_id, wanted.project_id):
        problems.append(
            {"field": "project_id", "message": Sentence("There is no such project for you.")}
        )
    if problems:
        words = together(problem["message"] for problem in problems)
        raise BadInput(Sentence("The token was not made. %(why)s", why=words), problems=problems)
    return name


def _owner_sees(session: Session, owner_id: str, project_id: str | None) -> bool:
    if project_id is None:
        return True
    try:
        project = session.get(Project, known_form(project_id, "project"))
    except NotFound:
        return False
    return project is not None and actor_of_user(session, owner_id).sees(project_id)


def _check_number(session: Session, owner_id: str) -> None:
    number = session.scalar(
        sa.select(sa.func.count())
        .select_from(ApiToken)
        .where(ApiToken.user_id == owner_id, ApiToken.revoked_at.is_(None))
    )
    if (number or 0) >= MAX_TOKENS:
        raise Conflict(
            Sentence("You have %(n)s tokens. Revoke one that is not needed any more.", n=MAX_TOKENS)
        )
