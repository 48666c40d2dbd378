"""Audit, outbox and background jobs."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import (
    Base,
    BigIntegerId,
    Hash,
    Id,
    Name,
    PrimaryId,
    Short,
    one_of,
    reference,
)


class AuditEvent(Base):
    """Who did what to what, without content. Sequence and hash are given when it is sealed."""

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.UniqueConstraint("seq"),
        sa.Index("ix_audit_event_project", "project_id", "id"),
        sa.Index(
            "ix_audit_event_unsealed",
            "id",
            sqlite_where=sa.text("seq IS NULL"),
            postgresql_where=sa.text("seq IS NULL"),
        ),
    )

    id: Mapped[PrimaryId]
    at: Mapped[datetime]
    actor_id: Mapped[Id] = reference("user_account.id")
    channel: Mapped[Short]
    project_id: Mapped[Id | None]
    kind: Mapped[Short]
    object_type: Mapped[Short]
    object_id: Mapped[Short]
    body: Mapped[str]
    seq: Mapped[int | None] = mapped_column(BigIntegerId)
    hash: Mapped[Hash | None]


class OutboxMessage(Base):
    """A fact for other systems, written with the change it tells of."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        sa.Index(
            "ix_outbox_message_waiting",
            "id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id | None]
    topic: Mapped[Short]
    body: Mapped[str]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Job(Base):
    """Background work in resumable chunks, on a lease like a labelling place."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", "queued", "running", "done", "failed", "cancelled"),
        sa.Index("ix_job_state", "state", "id"),
        sa.Index("ix_job_project", "project_id", "id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id | None] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    kind: Mapped[Short]
    parameters: Mapped[str]
    state: Mapped[Short]
    checkpoint: Mapped[str] = mapped_column(default="{}")
    progress_done: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    progress_total: Mapped[int | None] = mapped_column(sa.BigInteger)
    message: Mapped[str] = mapped_column(default="")
    result: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[Name | None]
    expires_at: Mapped[datetime | None]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportProblem(Base):
    """A row of an imported file that did not go in, with its place and reason."""

    __tablename__ = "import_problem"

    job_id: Mapped[Id] = reference("job.id", primary_key=True)
    line: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    column_number: Mapped[int | None]
    external_id: Mapped[Name | None]
    reason: Mapped[str]
