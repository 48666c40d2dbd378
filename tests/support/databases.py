"""A migrated database of its own for each test, SQLite or PostgreSQL, copied from a template."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from annotate.config import Settings
from annotate.db import Database
from annotate.services.migration import migrate
from tests.support import scope_guard
from tests.support.postgres import TEMPLATE, running_postgres
from tests.support.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("sqlite", "postgresql")
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For rules that no database takes part in."""
SECRET = "0123456789abcdef" * 4


def settings_for(url: str, data_dir: Path, **more: str) -> Settings:
    """Return settings for a database; ``more`` are further variables, without their prefix."""
    return Settings.from_env(environment_for(url, data_dir, **more))


def environment_for(url: str, data_dir: Path, **more: str) -> dict[str, str]:
    """Return the variables that a server or command on this database needs."""
    extra = {f"TOUCHSTONE_{name.upper()}": value for name, value in more.items()}
    return {
        "TOUCHSTONE_DATABASE_URL": url,
        "TOUCHSTONE_DATA_DIR": str(data_dir),
        "TOUCHSTONE_SECRET": SECRET,
        **extra,
    }


@contextmanager
def migrated_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of a fresh, migrated database and remove it afterwards."""
    scope_guard.watch()
    run = RunFolder.current()
    if kind == "sqlite":
        yield _sqlite_copy(run, folder)
        return
    server = running_postgres(run)
    with run.only_one("template"):
        server.ensure_template(TEMPLATE, lambda url: _migrate(url, run.path))
    name = server.create(TEMPLATE)
    try:
        yield server.url(name)
    finally:
        server.drop(name)


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of a database without tables, for tests of the migrations."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'empty.db'}"
        return
    server = running_postgres(RunFolder.current())
    name = server.create("template1")
    try:
        yield server.url(name)
    finally:
        server.drop(name)


def _sqlite_copy(run: RunFolder, folder: Path) -> str:
    template = run.path / "template.db"
    with run.only_one("template-sqlite"):
        if not template.exists():
            building = run.path / "building.db"
            _migrate(f"sqlite:///{building}", run.path)
            if Path(f"{building}-wal").exists():
                raise AssertionError("migrating left a write-ahead log: a connection is still open")
            building.rename(template)
    target = folder / "touchstone.db"
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


def _migrate(url: str, folder: Path) -> None:
    database = Database(settings_for(url, folder))
    try:
        migrate(database)
    finally:
        database.dispose()
