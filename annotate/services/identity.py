"""Who is asking: logins, server-side sessions, API tokens, and the actor they stand for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded, later, new_id, now, settings_of
from annotate.models import ApiToken, LoginSession, LoginThrottle, RoleGrant, UserAccount
from annotate.policy import Actor, Grant
from annotate.services import audit
from annotate.services.errors import BadCredentials, TooManyAttempts
from annotate.services.prepared import Prepared, insert_for
from annotate.services.text import sha256_hex
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute, Session

    from annotate.services.prepared import Row

SYSTEM_LOGIN = "system"
TOKEN_PREFIX = "tst_"  # noqa: S105 - a public prefix, no secret
SEEN_EVERY = timedelta(minutes=2)
THROTTLE_WINDOW = timedelta(minutes=15)
ACCOUNT_FAILURES = 10
ADDRESS_FAILURES = 50


def system_actor(session: Session) -> Actor:
    """Return the installation itself as actor, for the console and for jobs; made on first use."""
    known = sa.select(UserAccount.id).where(UserAccount.login == SYSTEM_LOGIN)
    user_id = session.scalar(known)
    if user_id is None:
        insert = insert_for(embedded=is_embedded(session))(UserAccount)
        session.execute(
            insert.values(
                id=new_id(),
                login=SYSTEM_LOGIN,
                display_name="The system",
                kind="system",
                created_at=now(session),
            ).on_conflict_do_nothing()
        )
        user_id = session.scalars(known).one()  # ours, or that of a first use at the same moment
    return Actor(user_id, SYSTEM_LOGIN, "The system", channel="cli", is_system=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a login attempt needs to be verified outside a transaction."""

    user_id: str | None
    password_hash: str | None


def find_candidate(session: Session, login: str, address: str) -> Candidate:
    """Return the account to verify a password against.

    Raises
    ------
    TooManyAttempts
        When the account from this address, or the address as a whole, failed too often.
    """
    _check_throttle(session, login, address)
    row = session.execute(
        sa.select(UserAccount.id, UserAccount.password_hash).where(
            UserAccount.login == _normal(login),
            UserAccount.kind == "person",
            UserAccount.deactivated_at.is_(None),
        )
    ).first()
    return Candidate(row.id, row.password_hash) if row else Candidate(None, None)


def login_failed(session: Session, login: str, address: str) -> None:
    """Count a failed login against the account at this address, and against the address."""
    moment = now(session)
    over = LoginThrottle.window_started_at < moment - THROTTLE_WINDOW
    insert = insert_for(embedded=is_embedded(session))(LoginThrottle)
    for bucket in _buckets(login, address):
        # one statement: of several first failures at once each counts
        session.execute(
            insert.values(
                bucket=bucket, failures=1, window_started_at=moment
            ).on_conflict_do_update(
                index_elements=[LoginThrottle.bucket],
                set_={
                    "failures": sa.case((over, 1), else_=LoginThrottle.failures + 1),
                    "window_started_at": sa.case(
                        (over, moment), else_=LoginThrottle.window_started_at
                    ),
                },
            )
        )


def open_session(
    session: Session, user_id: str, *, user_agent: str, address: str, login: str = ""
) -> str:
    """Start a session for a verified person and return its token, which is stored only hashed."""
    token = secrets.token_urlsafe(32)
    moment = now(session)
    session_id = new_id()
    session.add(
        LoginSession(
            id=session_id,
            user_id=user_id,
            token_hash=sha256_hex(token),
            csrf_token=secrets.token_urlsafe(32),
            created_at=moment,
            last_seen_at=moment,
            expires_at=later(session, settings_of(session).session_absolute_seconds),
            user_agent=user_agent[:300],
            address=address[:64],
        )
    )
    session.flush()
    if login:
        for bucket in _buckets(login, address)[:1]:
            session.execute(sa.delete(LoginThrottle).where(LoginThrottle.bucket == bucket))
    actor = Actor(user_id, login, "")
    audit.record(session, actor, "session.opened", "session", session_id)
    return token


def close_session(session: Session, actor: Actor, session_id: str) -> None:
    """End one of the actor's own sessions; its cookie is worthless from now on."""
    session.execute(
        sa.update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.user_id == actor.user_id)
        .values(revoked_at=now(session))
    )
    audit.record(session, actor, "session.closed", "session", session_id)


def require_candidate(candidate: Candidate, *, fits: bool) -> str:
    """Return the user id of a verified candidate.

    Raises
    ------
    BadCredentials
        The same for an unknown login and for a wrong password.
    """
    if candidate.user_id is None or not fits:
        raise BadCredentials("Login and password do not fit. Check both and try again.")
    return candidate.user_id


_GRANT = (
    RoleGrant.role,
    RoleGrant.project_id.label("in_project"),
    RoleGrant.team_id.label("in_team"),
)
_GRANTED = sa.and_(RoleGrant.user_id == UserAccount.id, RoleGrant.revoked_at.is_(None))
"""Who asks and what they may comes in one answer: a row for each role, one where there is none."""


def _holder(
    secret: type[LoginSession | ApiToken], *columns: InstrumentedAttribute[Any]
) -> Prepared:
    """Return the query for who holds a secret that still counts, and what they may."""
    return Prepared(
        sa.select(
            secret.id,
            *columns,
            UserAccount.id.label("user_id"),
            UserAccount.login,
            UserAccount.display_name,
            UserAccount.language,
            UserAccount.time_zone,
            *_GRANT,
        )
        .join(UserAccount, UserAccount.id == secret.user_id)
        .outerjoin(RoleGrant, _GRANTED)
        .where(
            secret.token_hash == sa.bindparam("token_hash"),
            secret.revoked_at.is_(None),
            UserAccount.deactivated_at.is_(None),
        )
    )


_SESSION_ACTOR = _holder(
    LoginSession,
    LoginSession.csrf_token,
    LoginSession.last_seen_at,
    LoginSession.expires_at,
    UserAccount.preferences,
)
_TOKEN_ACTOR = _holder(
    ApiToken, ApiToken.scopes, ApiToken.project_id, ApiToken.expires_at, ApiToken.last_used_at
)
_GRANTS = Prepared(
    sa.select(*_GRANT).where(
        RoleGrant.user_id == sa.bindparam("user_id"), RoleGrant.revoked_at.is_(None)
    )
)


def actor_of_session(session: Session, token: str) -> tuple[Actor, bool] | None:
    """Return the actor of a session cookie, and whether its last use should be noted again."""
    rows = _SESSION_ACTOR.all(session, {"token_hash": sha256_hex(token)})
    if not rows:
        return None
    row = rows[0]
    moment = now(session)
    idle = timedelta(seconds=settings_of(session).session_idle_seconds)
    if row.expires_at <= moment or row.last_seen_at + idle <= moment:
        return None
    actor = Actor(
        user_id=row.user_id,
        login=row.login,
        display_name=row.display_name,
        grants=_grants(rows),
        channel="web",
        language=row.language,
        time_zone=row.time_zone,
        preferences=row.preferences,
        session_id=row.id,
        csrf_token=row.csrf_token,
    )
    return actor, row.last_seen_at + SEEN_EVERY <= moment


def actor_of_token(session: Session, token: str) -> tuple[Actor, bool] | None:
    """Return the actor of an API token, and whether its last use should be noted again."""
    rows = _TOKEN_ACTOR.all(session, {"token_hash": sha256_hex(token)})
    if not rows:
        return None
    row = rows[0]
    moment = now(session)
    if row.expires_at <= moment:
        return None
    actor = Actor(
        user_id=row.user_id,
        login=row.login,
        display_name=row.display_name,
        grants=_grants(rows),
        channel="api",
        language=row.language,
        time_zone=row.time_zone,
        token_id=row.id,
        token_scopes=frozenset(row.scopes.split()),
        token_project_id=row.project_id,
    )
    stale = row.last_used_at is None or row.last_used_at + SEEN_EVERY <= moment
    return actor, stale


def note_use(session: Session, actor: Actor) -> None:
    """Note that a session or token was used; called every few minutes, not on every request."""
    moment = now(session)
    if actor.session_id is not None:
        session.execute(
            sa.update(LoginSession)
            .where(LoginSession.id == actor.session_id)
            .values(last_seen_at=moment)
        )
    if actor.token_id is not None:
        session.execute(
            sa.update(ApiToken).where(ApiToken.id == actor.token_id).values(last_used_at=moment)
        )


def grants_of(session: Session, user_id: str) -> tuple[Grant, ...]:
    """Return the roles a person holds now."""
    return _grants(_GRANTS.all(session, {"user_id": user_id}))


def _grants(rows: Sequence[Row]) -> tuple[Grant, ...]:
    return tuple(
        Grant(row.role, row.in_project, row.in_team) for row in rows if row.role is not None
    )


def actor_of_user(session: Session, user_id: str) -> Actor:
    """Return a person as actor, for jobs that run on their behalf."""
    row = session.execute(
        sa.select(UserAccount.login, UserAccount.display_name, UserAccount.kind).where(
            UserAccount.id == user_id
        )
    ).one()
    return Actor(
        user_id,
        row.login,
        row.display_name,
        grants_of(session, user_id),
        channel="job",
        is_system=row.kind == "system",
    )


def _normal(login: str) -> str:
    return login.strip().lower()


def _buckets(login: str, address: str) -> tuple[str, str]:
    return (
        f"account:{sha256_hex(_normal(login))[:32]}:{address[:64]}",
        f"address:{address[:64]}",
    )


def _check_throttle(session: Session, login: str, address: str) -> None:
    moment = now(session)
    limits = zip(_buckets(login, address), (ACCOUNT_FAILURES, ADDRESS_FAILURES), strict=True)
    for bucket, limit in limits:
        row = session.get(LoginThrottle, bucket)
        if row is None or row.failures < limit:
            continue
        free_at: datetime = row.window_started_at + THROTTLE_WINDOW
        if free_at > moment:
            minutes = int((free_at - moment).total_seconds() // 60) + 1
            raise TooManyAttempts(
                Sentence(
                    "Too many failed logins. Try again in %(minutes)s minutes, or ask an "
                    "administrator for a reset link.",
                    minutes=minutes,
                )
            )
