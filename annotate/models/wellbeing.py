"""What protects the person: exposure, budgets, opt-outs, breaks, reports.

Nothing here is joined to performance. Rows of a person are read for that person alone; everybody
else gets aggregates of at least ten people (``services.wellbeing_report``).
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Id, PrimaryId, Short, one_of, reference


class OptOut(Base):
    """A person did not want to see this. Recorded here alone; elsewhere the lease just runs out."""

    __tablename__ = "wellbeing_opt_out"
    __table_args__ = (
        sa.Index("ix_wellbeing_opt_out_user", "user_id", "created_at"),
        sa.Index("ix_wellbeing_opt_out_assignment", "assignment_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    user_id: Mapped[Id] = reference("user_account.id")
    assignment_id: Mapped[Id] = reference("assignment.id")
    category: Mapped[Short | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]


class CategoryOptOut(Base):
    """A person does not want items that are known to hold this category, until taken back."""

    __tablename__ = "wellbeing_category_opt_out"

    user_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id", primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class Exposure(Base):
    """What one handed-out place weighs: reserved with the lease, shown when it was revealed.

    One row with the category ``''`` holds the whole, further rows what is known of categories.
    What counts is ``points`` times ``modality`` while the place is held and not yet shown, and
    times ``shown`` afterwards.
    """

    __tablename__ = "wellbeing_exposure"
    __table_args__ = (
        sa.Index("ix_wellbeing_exposure_user", "user_id", "reserved_at"),
        sa.Index("ix_wellbeing_exposure_time", "project_id", "reserved_at"),
    )

    assignment_id: Mapped[Id] = reference("assignment.id", primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    user_id: Mapped[Id] = reference("user_account.id")
    points: Mapped[int]
    severity: Mapped[int]
    modality: Mapped[int]
    shown: Mapped[int] = mapped_column(default=0)
    reserved_at: Mapped[datetime]


class TaskExposure(Base):
    """What is known of a task before it is opened, by a hint of the item or by labels of others.

    This tells of the item, not of any person. The category ``''`` holds the whole.
    """

    __tablename__ = "task_exposure"
    __table_args__ = (one_of("source", "hint", "labels"),)

    task_id: Mapped[Id] = reference("task.id", primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    project_id: Mapped[Id] = reference("project.id", index=True)
    points: Mapped[int]
    severity: Mapped[int]
    source: Mapped[Short]


class WellbeingPolicy(Base):
    """Budgets, breaks, display and support of a project."""

    __tablename__ = "wellbeing_policy"

    project_id: Mapped[Id] = reference("project.id", primary_key=True)
    settings: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]


class WellbeingPreference(Base):
    """What a person made stricter for themself in a project."""

    __tablename__ = "wellbeing_preference"

    user_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id", primary_key=True)
    settings: Mapped[str]
    changed_at: Mapped[datetime]


class Break(Base):
    """A break that a person took, as paid time; seen by that person alone."""

    __tablename__ = "wellbeing_break"
    __table_args__ = (
        one_of("reason", "time", "severity", "own"),
        sa.Index("ix_wellbeing_break_user", "user_id", "started_at"),
    )

    id: Mapped[PrimaryId]
    user_id: Mapped[Id] = reference("user_account.id")
    project_id: Mapped[Id] = reference("project.id")
    reason: Mapped[Short]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ItemReport(Base):
    """An item was reported and put in quarantine. Kept without its content."""

    __tablename__ = "item_report"
    __table_args__ = (
        one_of("kind", "illegal", "threat_to_life", "personal_data", "other"),
        sa.Index("ix_item_report_project", "project_id", "created_at"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    item_id: Mapped[Id] = reference("item.id", index=True)
    reporter_id: Mapped[Id] = reference("user_account.id")
    kind: Mapped[Short]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[Id | None] = reference("user_account.id")
    resolution: Mapped[Short | None]
