"""Tasks, the places in them, and who holds which."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, PrimaryId, Short, one_of, reference


class Task(Base):
    """The labels an item needs in a round. ``open_slots`` counts the places still free."""

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("round_id", "item_id"),
        sa.CheckConstraint("open_slots >= 0 AND open_slots <= needed", name="open_slots"),
        sa.Index(
            "ix_task_open",
            "round_id",
            "priority",
            "ord",
            "id",
            sqlite_where=sa.text("open_slots > 0"),
            postgresql_where=sa.text("open_slots > 0"),
        ),
        sa.Index("ix_task_item", "item_id"),
        sa.Index("ix_task_project", "project_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    round_id: Mapped[Id] = reference("labelling_round.id")
    item_id: Mapped[Id] = reference("item.id")
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    phase: Mapped[Short]
    priority: Mapped[int] = mapped_column(default=0)
    ord: Mapped[int] = mapped_column(sa.BigInteger)
    """Keyed hash of the round's seed and the item: a random order that can be made again."""
    needed: Mapped[int]
    open_slots: Mapped[int]
    sampling_probability: Mapped[float | None]
    selection_reason: Mapped[Short] = mapped_column(default="all")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class Reservation(Base):
    """A place of a task kept for one annotator by an explicit allocation."""

    __tablename__ = "reservation"
    __table_args__ = (
        sa.Index("ix_reservation_work", "annotator_id", "round_id", "priority", "ord", "task_id"),
    )

    task_id: Mapped[Id] = reference("task.id", primary_key=True)
    annotator_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    round_id: Mapped[Id] = reference("labelling_round.id")
    priority: Mapped[int] = mapped_column(default=0)
    ord: Mapped[int] = mapped_column(sa.BigInteger)


class Assignment(Base):
    """A leased place. One annotator holds at most one place of a task, ever."""

    __tablename__ = "assignment"
    __table_args__ = (
        sa.UniqueConstraint("annotator_id", "task_id"),
        one_of("state", "leased", "submitted", "expired", "released", "skipped"),
        sa.Index("ix_assignment_task", "task_id"),
        sa.Index(
            "ix_assignment_lease",
            "expires_at",
            sqlite_where=sa.text("state = 'leased'"),
            postgresql_where=sa.text("state = 'leased'"),
        ),
        sa.Index("ix_assignment_round_annotator", "round_id", "annotator_id", "state"),
        sa.Index("ix_assignment_item", "item_id"),
        sa.Index("ix_assignment_project", "project_id", "state"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    round_id: Mapped[Id] = reference("labelling_round.id")
    task_id: Mapped[Id] = reference("task.id")
    item_id: Mapped[Id] = reference("item.id")
    annotator_id: Mapped[Id] = reference("user_account.id")
    state: Mapped[Short]
    fence: Mapped[int]
    current_revision: Mapped[int] = mapped_column(default=0)
    leased_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class AnnotatorCursor(Base):
    """Where an annotator's search for work goes on, so that finished work is not read again."""

    __tablename__ = "annotator_cursor"

    annotator_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    round_id: Mapped[Id] = reference("labelling_round.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    priority: Mapped[int]
    ord: Mapped[int] = mapped_column(sa.BigInteger)
    task_id: Mapped[Id]
