"""Disagreements sent for a ruling, and the rulings."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, PrimaryId, Short, one_of, reference


class AdjudicationCase(Base):
    """What annotators disagreed about on one item of a round; held by one adjudicator."""

    __tablename__ = "adjudication_case"
    __table_args__ = (
        sa.UniqueConstraint("task_id"),
        one_of("state", "open", "decided", "withdrawn"),
        sa.Index("ix_case_project_state", "project_id", "state", "id"),
        sa.Index("ix_case_item", "item_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    task_id: Mapped[Id] = reference("task.id")
    round_id: Mapped[Id] = reference("labelling_round.id")
    item_id: Mapped[Id] = reference("item.id")
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    state: Mapped[Short]
    fence: Mapped[int] = mapped_column(default=0)
    holder_id: Mapped[Id | None] = reference("user_account.id")
    expires_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class CaseCell(Base):
    """One cell of a case: why it is open, and how far apart the labels lie."""

    __tablename__ = "case_cell"
    __table_args__ = (
        one_of("reason", "disagree", "gap", "unsure", "cannot_assess"),
        sa.Index("ix_case_cell_filter", "project_id", "question", "category"),
    )

    case_id: Mapped[Id] = reference("adjudication_case.id", primary_key=True)
    question: Mapped[Short] = mapped_column(primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    reason: Mapped[Short]
    gap: Mapped[float | None]
    decision_id: Mapped[Id | None]
    """The decision in force, if any."""


class AdjudicatorAnswer(Base):
    """The adjudicator's own answer, given before any label was shown."""

    __tablename__ = "adjudicator_answer"

    case_id: Mapped[Id] = reference("adjudication_case.id", primary_key=True)
    adjudicator_id: Mapped[Id] = reference("user_account.id", primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    answers: Mapped[str]
    created_at: Mapped[datetime]


class Decision(Base):
    """A ruling on one cell. A later one supersedes it; none is ever edited."""

    __tablename__ = "decision"
    __table_args__ = (
        sa.UniqueConstraint("supersedes_id"),
        one_of("kind", "decide", "revoke"),
        one_of("state", "answered", "unsure", "cannot_assess", "not_asked"),
        one_of("origin", "human", "imported", "model"),
        sa.Index("ix_decision_case", "case_id"),
        sa.Index("ix_decision_project", "project_id", "created_at"),
        sa.Index("ix_decision_item", "item_id"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    case_id: Mapped[Id] = reference("adjudication_case.id")
    item_id: Mapped[Id] = reference("item.id")
    question: Mapped[Short]
    category: Mapped[Short]
    kind: Mapped[Short]
    value: Mapped[str | None]
    state: Mapped[Short]
    clause: Mapped[Short | None]
    cause: Mapped[Short | None]
    rationale: Mapped[str]
    adjudicator_id: Mapped[Id] = reference("user_account.id")
    adjudicator_annotated: Mapped[bool] = mapped_column(default=False)
    supersedes_id: Mapped[Id | None] = reference("decision.id")
    fingerprint: Mapped[Hash]
    meaning_hash: Mapped[Short]
    origin: Mapped[Short]
    channel: Mapped[Short]
    created_at: Mapped[datetime]
