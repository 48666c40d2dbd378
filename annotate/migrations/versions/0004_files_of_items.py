"""Files belong to items: one file may belong to several, and tells what it was as it came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No release ever wrote a row here, so the new column needs no value for old ones.
    with op.batch_alter_table("media") as media:
        media.drop_constraint("uq_media_project_id_content_hash", type_="unique")
        media.add_column(sa.Column("original_hash", sa.String(length=64), nullable=False))
        media.create_unique_constraint("uq_media_item_id_content_hash", ["item_id", "content_hash"])
