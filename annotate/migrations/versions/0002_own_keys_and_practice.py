"""A person's keys, acknowledged changes of rules, practice items and answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")
TIME = sa.DateTime(timezone=True)


def _points(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "personal_keys",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        _points("personal_keys", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_personal_keys")),
    )
    op.create_table(
        "rubric_acknowledgement",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("rubric_version_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        _points("rubric_acknowledgement", "user_id", "user_account.id"),
        _points("rubric_acknowledgement", "rubric_version_id", "rubric_version.id"),
        _points("rubric_acknowledgement", "project_id", "project.id"),
        sa.PrimaryKeyConstraint(
            "user_id", "rubric_version_id", name=op.f("pk_rubric_acknowledgement")
        ),
    )
    op.create_table(
        "practice_item",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("rubric_version_id", ID, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("reference_cells", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("created_by", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "origin IN ('imported', 'decided')", name=op.f("ck_practice_item_origin")
        ),
        _points("practice_item", "project_id", "project.id"),
        _points("practice_item", "item_id", "item.id"),
        _points("practice_item", "rubric_version_id", "rubric_version.id"),
        _points("practice_item", "created_by", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_item")),
        sa.UniqueConstraint(
            "rubric_version_id", "item_id", name=op.f("uq_practice_item_rubric_version_id_item_id")
        ),
    )
    op.create_index(
        "ix_practice_item_project", "practice_item", ["project_id", "rubric_version_id", "id"]
    )
    op.create_index("ix_practice_item_item", "practice_item", ["item_id"])
    op.create_table(
        "practice_answer",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("practice_item_id", ID, nullable=False),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        _points("practice_answer", "project_id", "project.id"),
        _points("practice_answer", "practice_item_id", "practice_item.id"),
        _points("practice_answer", "annotator_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_answer")),
    )
    op.create_index(
        "ix_practice_answer_person", "practice_answer", ["annotator_id", "practice_item_id"]
    )
    op.create_index("ix_practice_answer_project", "practice_answer", ["project_id"])
