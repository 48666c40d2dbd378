"""Annotations and labels: written once, never edited."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, PrimaryId, Short, one_of, reference

ORIGINS = ("human", "imported", "model")


class Annotation(Base):
    """One submission. Its id was minted by the client and is the idempotency key.

    An edit is a new row with the next revision; ``assignment.current_revision`` says which counts.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        sa.UniqueConstraint("assignment_id", "revision"),
        one_of("origin", *ORIGINS),
        sa.Index("ix_annotation_item", "item_id"),
        sa.Index("ix_annotation_project", "project_id", "created_at"),
        sa.Index("ix_annotation_annotator", "annotator_id", "created_at"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    round_id: Mapped[Id] = reference("labelling_round.id")
    task_id: Mapped[Id] = reference("task.id")
    assignment_id: Mapped[Id] = reference("assignment.id")
    item_id: Mapped[Id] = reference("item.id")
    annotator_id: Mapped[Id] = reference("user_account.id")
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    revision: Mapped[int]
    request_hash: Mapped[Hash]
    answers: Mapped[str]
    origin: Mapped[Short]
    channel: Mapped[Short]
    created_at: Mapped[datetime]
    shown_order: Mapped[str | None]
    """Order of the item's responses on this person's screen, such as ``r2,r1``."""


class Label(Base):
    """One annotator's answer to one question, for one category ('' for none), on one item."""

    __tablename__ = "label"
    __table_args__ = (
        one_of("state", "answered", "unsure", "cannot_assess", "not_asked"),
        sa.CheckConstraint("(state = 'answered') = (value IS NOT NULL)", name="value"),
        one_of("origin", *ORIGINS),
        # Clustered by annotation on SQLite, and without secondary indexes: a submission writes a
        # dozen rows here, and every reader comes from the annotation.
        {"sqlite_with_rowid": False},
    )

    annotation_id: Mapped[Id] = reference("annotation.id", primary_key=True)
    question: Mapped[Short] = mapped_column(primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    project_id: Mapped[Id]
    team_id: Mapped[Id | None]
    item_id: Mapped[Id]
    annotator_id: Mapped[Id]
    value: Mapped[str | None]
    state: Mapped[Short]
    reason: Mapped[str | None]
    clauses: Mapped[str | None]
    fingerprint: Mapped[Hash]
    meaning_hash: Mapped[Short]
    origin: Mapped[Short]
    channel: Mapped[Short]
