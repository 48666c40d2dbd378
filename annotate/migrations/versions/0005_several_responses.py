"""Items with several responses, and the order in which an annotation saw them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD = "kind IN ('text', 'prompt_response', 'messages')"
_NEW = "kind IN ('text', 'prompt_response', 'messages', 'responses')"


def upgrade() -> None:
    op.add_column("annotation", sa.Column("shown_order", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _widen_in_place()
        return
    op.drop_constraint(op.f("ck_item_kind"), "item", type_="check")
    op.create_check_constraint(op.f("ck_item_kind"), "item", _NEW)


def _widen_in_place() -> None:
    # Every row of the database hangs on an item, and a table that others point to cannot be made
    # anew inside a transaction. A wider check asks nothing of the rows: changing its text is the
    # way that SQLite documents for this.
    connection = op.get_bind()
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    connection.execute(sa.text("PRAGMA writable_schema=ON"))
    changed = connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :old, :new) "
            "WHERE type = 'table' AND name = 'item' AND instr(sql, :old) > 0"
        ),
        {"old": _OLD, "new": _NEW},
    )
    if changed.rowcount != 1:
        message = "the table of items does not have the check that this migration widens"
        raise RuntimeError(message)
    connection.execute(sa.text(f"PRAGMA schema_version={version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema=RESET"))
