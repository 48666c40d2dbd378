"""People, teams, roles, sessions, tokens and one-time links."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy resolves the annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, Name, PrimaryId, Short, one_of, reference

ROLES = (
    "administrator",
    "designer",
    "manager",
    "annotator",
    "adjudicator",
    "ml_reader",
    "auditor",
)


class Team(Base):
    """Who an annotator works for: an internal team or a vendor. A tenant."""

    __tablename__ = "team"
    __table_args__ = (one_of("kind", "internal", "vendor"),)

    id: Mapped[PrimaryId]
    name: Mapped[Name] = mapped_column(unique=True)
    kind: Mapped[Short]
    created_at: Mapped[datetime]


class UserAccount(Base):
    """A person, or the system itself (``kind`` = system), which can never log in."""

    __tablename__ = "user_account"
    __table_args__ = (one_of("kind", "person", "system"),)

    id: Mapped[PrimaryId]
    login: Mapped[Name] = mapped_column(unique=True)
    display_name: Mapped[Name]
    kind: Mapped[Short] = mapped_column(default="person")
    password_hash: Mapped[str | None]
    language: Mapped[Short] = mapped_column(default="en")
    time_zone: Mapped[Short] = mapped_column(default="UTC")
    preferences: Mapped[str] = mapped_column(default="{}")
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]


class RoleGrant(Base):
    """One role of one person, everywhere or within a project and team."""

    __tablename__ = "role_grant"
    __table_args__ = (one_of("role", *ROLES), sa.Index("ix_role_grant_user", "user_id"))

    id: Mapped[PrimaryId]
    user_id: Mapped[Id] = reference("user_account.id")
    role: Mapped[Short]
    project_id: Mapped[Id | None] = reference("project.id", index=True)
    team_id: Mapped[Id | None] = reference("team.id")
    granted_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class LoginSession(Base):
    """A server-side session; only the hash of its token is kept."""

    __tablename__ = "login_session"

    id: Mapped[PrimaryId]
    user_id: Mapped[Id] = reference("user_account.id", index=True)
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    csrf_token: Mapped[Hash]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(default="")
    address: Mapped[Short] = mapped_column(default="")


class ApiToken(Base):
    """A scoped, expiring token for programs; only its hash is kept."""

    __tablename__ = "api_token"

    id: Mapped[PrimaryId]
    user_id: Mapped[Id] = reference("user_account.id", index=True)
    name: Mapped[Name]
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    hint: Mapped[Short]
    scopes: Mapped[str]
    project_id: Mapped[Id | None] = reference("project.id")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """An invitation or a password reset; used once, then dead."""

    __tablename__ = "one_time_link"
    __table_args__ = (one_of("purpose", "first_administrator", "invite", "reset"),)

    id: Mapped[PrimaryId]
    purpose: Mapped[Short]
    user_id: Mapped[Id | None] = reference("user_account.id", index=True)
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    body: Mapped[str] = mapped_column(default="{}")
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginThrottle(Base):
    """Failed logins of one bucket: an account, or an address."""

    __tablename__ = "login_throttle"

    bucket: Mapped[Name] = mapped_column(primary_key=True)
    failures: Mapped[int]
    window_started_at: Mapped[datetime]
