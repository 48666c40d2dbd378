"""Practice: items with explained answers, and what people answered. No label is among it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped  # noqa: TC002

from annotate.models.base import Base, Hash, Id, PrimaryId, Short, one_of, reference


class PracticeItem(Base):
    """An item to practise on, with the reference answer of each cell and why it is so."""

    __tablename__ = "practice_item"
    __table_args__ = (
        sa.UniqueConstraint("rubric_version_id", "item_id"),
        one_of("origin", "imported", "decided"),
        sa.Index("ix_practice_item_project", "project_id", "rubric_version_id", "id"),
        sa.Index("ix_practice_item_item", "item_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    item_id: Mapped[Id] = reference("item.id")
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    reference_cells: Mapped[str]
    origin: Mapped[Short]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]


class PracticeAnswer(Base):
    """One try of one person; nothing outside of practice reads it."""

    __tablename__ = "practice_answer"
    __table_args__ = (
        sa.Index("ix_practice_answer_person", "annotator_id", "practice_item_id"),
        sa.Index("ix_practice_answer_project", "project_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    practice_item_id: Mapped[Id] = reference("practice_item.id")
    annotator_id: Mapped[Id] = reference("user_account.id")
    answers: Mapped[str]
    created_at: Mapped[datetime]
