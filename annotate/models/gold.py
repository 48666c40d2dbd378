"""Gold releases, label maps and kept agreement reports."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from annotate.models.base import Base, Hash, Id, PrimaryId, Short, one_of, reference


class GoldRelease(Base):
    """The row that freezes a release; its files are a pure function of it."""

    __tablename__ = "gold_release"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "number"),
        one_of("state", "frozen", "written", "failed"),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    number: Mapped[int]
    rubric_version_id: Mapped[Id] = reference("rubric_version.id")
    fingerprint: Mapped[Hash]
    certified: Mapped[bool]
    watermark: Mapped[datetime]
    """Labels and decisions made up to this moment are in the release."""
    salt: Mapped[Hash]
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    parameters: Mapped[str]
    versions: Mapped[str]
    state: Mapped[Short]
    manifest: Mapped[str | None]
    manifest_hash: Mapped[Hash | None]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]


class GoldCell(Base):
    """One resolved cell of a release, or the reason why it is not resolved."""

    __tablename__ = "gold_cell"
    __table_args__ = (
        one_of("basis", "unanimous", "majority", "adjudicated", "open", "too_few", "no_majority"),
    )

    release_id: Mapped[Id] = reference("gold_release.id", primary_key=True)
    item_id: Mapped[Id] = reference("item.id", primary_key=True)
    question: Mapped[Short] = mapped_column(primary_key=True)
    category: Mapped[Short] = mapped_column(primary_key=True)
    project_id: Mapped[Id] = reference("project.id")
    value: Mapped[str | None]
    basis: Mapped[Short]
    n: Mapped[int]
    distribution: Mapped[str]
    fingerprint: Mapped[Hash]
    decision_id: Mapped[Id | None]


class LabelMap(Base):
    """How a value under one rubric version reads under another."""

    __tablename__ = "label_map"
    __table_args__ = (
        sa.UniqueConstraint(
            "project_id",
            "from_fingerprint",
            "to_fingerprint",
            "question",
            "category",
            "from_value",
            name="uq_label_map_cell",
        ),
    )

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    from_fingerprint: Mapped[Hash]
    to_fingerprint: Mapped[Hash]
    question: Mapped[Short]
    category: Mapped[Short]
    from_value: Mapped[str]
    to_value: Mapped[str | None]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]


class AgreementReport(Base):
    """A report kept as it was computed, with what it was computed from."""

    __tablename__ = "agreement_report"
    __table_args__ = (sa.Index("ix_agreement_report_project", "project_id", "created_at"),)

    id: Mapped[PrimaryId]
    project_id: Mapped[Id] = reference("project.id")
    round_id: Mapped[Id | None] = reference("labelling_round.id")
    fingerprint: Mapped[Hash]
    watermark: Mapped[datetime]
    parameters: Mapped[str]
    body: Mapped[str]
    created_by: Mapped[Id] = reference("user_account.id")
    created_at: Mapped[datetime]
