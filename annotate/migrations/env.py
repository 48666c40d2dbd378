"""Alembic's entry: migrations run on the connection that the application hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from alembic import context

from annotate.models import metadata
from annotate.models.base import UtcDateTime

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:  # noqa: ANN401
    """Write our own types by name, so that a migration holds no dialect's private repr."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Run the migrations; the caller owns the transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=context.config.attributes.get("batch", connection.dialect.name == "sqlite"),
        render_item=render_item,
        transaction_per_migration=False,
        transactional_ddl=False,
    )
    context.run_migrations()


run()
