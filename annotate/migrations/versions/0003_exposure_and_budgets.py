"""Exposure, budgets, opt-outs of categories and breaks; projects begin with budgets."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(length=36).with_variant(sa.UUID(as_uuid=False), "postgresql")
TIME = sa.DateTime(timezone=True)
SHORT = sa.String(length=64)
# What the program gives a new project at the time of this migration; later defaults differ freely.
DEFAULTS = {"per_shift": 120, "per_week": 480}


def _points(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_index("ix_wellbeing_opt_out_assignment", "wellbeing_opt_out", ["assignment_id"])
    op.create_table(
        "wellbeing_category_opt_out",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("category", SHORT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        _points("wellbeing_category_opt_out", "user_id", "user_account.id"),
        _points("wellbeing_category_opt_out", "project_id", "project.id"),
        sa.PrimaryKeyConstraint(
            "user_id", "project_id", "category", name=op.f("pk_wellbeing_category_opt_out")
        ),
    )
    op.create_table(
        "wellbeing_exposure",
        sa.Column("assignment_id", ID, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("category", SHORT, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("modality", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("reserved_at", TIME, nullable=False),
        _points("wellbeing_exposure", "assignment_id", "assignment.id"),
        _points("wellbeing_exposure", "project_id", "project.id"),
        _points("wellbeing_exposure", "user_id", "user_account.id"),
        sa.PrimaryKeyConstraint(
            "assignment_id", "fence", "category", name=op.f("pk_wellbeing_exposure")
        ),
    )
    op.create_index("ix_wellbeing_exposure_user", "wellbeing_exposure", ["user_id", "reserved_at"])
    op.create_index(
        "ix_wellbeing_exposure_time", "wellbeing_exposure", ["project_id", "reserved_at"]
    )
    op.create_table(
        "task_exposure",
        sa.Column("task_id", ID, nullable=False),
        sa.Column("category", SHORT, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("source", SHORT, nullable=False),
        sa.CheckConstraint("source IN ('hint', 'labels')", name=op.f("ck_task_exposure_source")),
        _points("task_exposure", "task_id", "task.id"),
        _points("task_exposure", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("task_id", "category", name=op.f("pk_task_exposure")),
    )
    op.create_index("ix_task_exposure_project_id", "task_exposure", ["project_id"])
    op.create_table(
        "wellbeing_policy",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        _points("wellbeing_policy", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_wellbeing_policy")),
    )
    op.create_table(
        "wellbeing_preference",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        _points("wellbeing_preference", "user_id", "user_account.id"),
        _points("wellbeing_preference", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("user_id", "project_id", name=op.f("pk_wellbeing_preference")),
    )
    op.create_table(
        "wellbeing_break",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("reason", SHORT, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.CheckConstraint(
            "reason IN ('time', 'severity', 'own')", name=op.f("ck_wellbeing_break_reason")
        ),
        _points("wellbeing_break", "user_id", "user_account.id"),
        _points("wellbeing_break", "project_id", "project.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wellbeing_break")),
    )
    op.create_index("ix_wellbeing_break_user", "wellbeing_break", ["user_id", "started_at"])
    _protect_what_is_there()


def _protect_what_is_there() -> None:
    """Give every project that exists the budgets that a new one begins with."""
    connection = op.get_bind()
    project = sa.table("project", sa.column("id", ID))
    policy = sa.table(
        "wellbeing_policy",
        sa.column("project_id", ID),
        sa.column("settings", sa.Text()),
        sa.column("version", sa.Integer()),
        sa.column("changed_at", TIME),
    )
    settings = json.dumps(DEFAULTS, sort_keys=True, separators=(",", ":"))
    for (project_id,) in connection.execute(sa.select(project.c.id)).all():
        row = {
            "project_id": project_id,
            "settings": settings,
            "version": 1,
            "changed_at": datetime.now(UTC),
        }
        connection.execute(sa.insert(policy), [row])
