"""Items and media."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, Name, PrimaryId, Short, one_of, reference


class Item(Base):
    """What is judged. The body is canonical JSON text and is never edited."""

    __tablename__ = "item"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "external_id"),
        sa.Index("ix_item_project_content", "project_id", "content_hash"),
        sa.Index("ix_item_project_id", "project_id", "id"),
        one_of("kind", "text", "prompt_response", "messages", "responses"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    team_id: Mapped[Id | None] = reference("team.id")
    external_id: Mapped[Name]
    kind: Mapped[Short]
    content_hash: Mapped[Hash]
    body: Mapped[str]
    language: Mapped[Short | None]
    source: Mapped[Name | None]
    licence: Mapped[Name | None]
    group_keys: Mapped[str] = mapped_column(default="{}")
    slices: Mapped[str] = mapped_column(default="{}")
    attributes: Mapped[str] = mapped_column(default="{}")
    """The metadata that came with the item (the name ``metadata`` is taken by SQLAlchemy)."""
    import_job_id: Mapped[Id | None]
    created_at: Mapped[datetime]
    quarantined_at: Mapped[datetime | None]


class Media(Base):
    """That an item has a file. The file itself lies once in a project, under its hash."""

    __tablename__ = "media"
    __table_args__ = (sa.UniqueConstraint("item_id", "content_hash"),)

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    item_id: Mapped[Id] = reference("item.id", index=True)
    content_hash: Mapped[Hash]
    original_hash: Mapped[Hash]
    """Of the file as it came, before it was cleaned."""
    media_type: Mapped[Short]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime]
