"""Projects, rubrics and their versions, rounds of labelling."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, Name, PrimaryId, Short, one_of, reference


class Project(Base):
    """A body of work: items, rubrics, people, gold."""

    __tablename__ = "project"

    id: Mapped[PrimaryId]
    slug: Mapped[Short] = mapped_column(unique=True)
    title: Mapped[Name]
    description: Mapped[str] = mapped_column(default="")
    settings: Mapped[str] = mapped_column(default="{}")
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class Rubric(Base):
    """A line of rubric versions within a project."""

    __tablename__ = "rubric"
    __table_args__ = (sa.UniqueConstraint("project_id", "slug"),)

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    slug: Mapped[Name]
    created_at: Mapped[datetime]


class RubricVersion(Base):
    """One immutable version: the source as written and its canonical form."""

    __tablename__ = "rubric_version"
    __table_args__ = (
        sa.UniqueConstraint("rubric_id", "version"),
        sa.UniqueConstraint("project_id", "fingerprint"),
        one_of("status", "draft", "published", "retired"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id", index=True)
    rubric_id: Mapped[Id] = reference("rubric.id")
    version: Mapped[Short]
    title: Mapped[Name]
    fingerprint: Mapped[Hash]
    source: Mapped[str]
    canonical: Mapped[str]
    certified: Mapped[bool] = mapped_column(default=False)
    status: Mapped[Short]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class Round(Base):
    """One call for labels: a rubric version, a design and the tasks it makes."""

    __tablename__ = "labelling_round"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "number"),
        one_of("state", "open", "paused", "closed"),
        one_of("allocation", "open", "explicit"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    number: Mapped[int]
    name: Mapped[Name]
    phase: Mapped[Short]
    overlap: Mapped[int]
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    allocation: Mapped[Short]
    design: Mapped[str] = mapped_column(default="{}")
    cells: Mapped[str | None]
    """Cells asked, when a round asks only some (repeats, bridge studies); all when empty."""
    state: Mapped[Short]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
