"""What protects the person: opt-outs and reports. Nothing here is joined to performance."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped  # noqa: TC002

from annotate.models.base import Base, Id, PrimaryId, Short, one_of, reference


class OptOut(Base):
    """A person did not want to see this. Recorded here alone; elsewhere the place is 'released'."""

    __tablename__ = "wellbeing_opt_out"
    __table_args__ = (sa.Index("ix_wellbeing_opt_out_user", "user_id", "created_at"),)

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    user_id: Mapped[Id] = reference("user_account.id")
    assignment_id: Mapped[Id] = reference("assignment.id")
    category: Mapped[Short | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]


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
