"""Models and migrations say the same, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from annotate.models import metadata

if TYPE_CHECKING:
    from annotate.db import Database


@pytest.mark.db
def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.write_engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []
