"""``touchstone migrate``, ``backup`` and ``doctor``."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from annotate.cli.main import cli
from annotate.db import Database
from annotate.services import media, migration
from tests.support.builders import World
from tests.support.databases import ON_SQLITE, environment_for, settings_for
from tests.support.media_samples import png
from tests.test_services.items_support import import_file, jsonl, new_project

if TYPE_CHECKING:
    from click.testing import Result

pytestmark = pytest.mark.db


def run(url: str, folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=environment_for(url, folder))


def test_migrate_makes_a_database_and_does_nothing_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'touchstone.db'}"
    assert "(was empty)" in run(url, tmp_path, "migrate").stdout
    again = run(url, tmp_path, "migrate")
    assert again.exit_code == 0
    assert "nothing was done" in again.stdout
    assert not (tmp_path / "backups").exists()


def test_backup_tells_where_the_copy_is(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    World(database).standard(items=2)
    target = tmp_path / "copy"
    result = run(database_url, tmp_path, "backup", str(target))
    assert result.exit_code == 0
    assert str(target) in result.stdout
    assert "verified" in result.stdout
    assert target.stat().st_size > 1000
    assert run(database_url, tmp_path, "backup", str(target)).exit_code == 2


def test_doctor_ends_with_one_when_something_is_wrong(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    World(database).standard(items=2)
    sound = run(database_url, tmp_path, "doctor")
    assert sound.exit_code == 0
    assert "rules hold" in sound.stdout
    with database.write() as session:
        session.execute(sa.text("UPDATE task SET open_slots = 0"))
    ill = run(database_url, tmp_path, "doctor", "--quick")
    assert ill.exit_code == 1
    assert "WRONG invariants: does not hold: the free places" in ill.stdout


def older_database(url: str, folder: Path) -> tuple[str, str]:
    """Make a database as the release before had it; return its revision and today's."""
    config = Config()
    config.set_main_option("script_location", str(migration.SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head()
    assert newest is not None
    older = scripts.get_revision(newest).down_revision
    assert isinstance(older, str)
    database = Database(settings_for(url, folder))
    with database.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, older)
    database.dispose()
    return older, newest


def test_migrate_copies_an_older_database_first_and_says_where(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'touchstone.db'}"
    older, newest = older_database(url, tmp_path)
    done = run(url, tmp_path, "migrate")
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert second == f"The database is at revision {newest} (was {older})."
    told = re.fullmatch(r"Copied to (.+) first\.", first)
    assert told is not None
    copy = Path(told[1])
    assert copy.parent == tmp_path / "backups"
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [(older,)]


@ON_SQLITE
def test_backup_counts_the_files_of_items_and_ends_with_one_when_some_are_gone(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    scope = new_project(database)
    folder = tmp_path / "pots"
    folder.mkdir()
    (folder / "pot.png").write_bytes(png())
    rows = [{"id": "a", "media": "pot.png"}]
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", rows), media=folder)
    first = run(database_url, tmp_path, "backup")
    assert first.exit_code == 0
    place, *_, last = first.stdout.splitlines()
    assert Path(place).parent == tmp_path / "backups"
    assert last == "1 file of items (0.0 MB), 1 copied now."
    again = run(database_url, tmp_path, "backup")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (
        0,
        last.replace("1 copied", "0 copied"),
    )
    [kept] = [path for path in (tmp_path / media.FOLDER).rglob("*") if path.is_file()]
    kept.unlink()
    (tmp_path / "elsewhere").mkdir()
    gone = run(database_url, tmp_path, "backup", str(tmp_path / "elsewhere" / "copy"))
    assert gone.exit_code == 1
    assert gone.stdout.splitlines()[-1] == ("1 file is missing or damaged; run touchstone doctor.")
    assert (tmp_path / "elsewhere" / "copy").stat().st_size > 1000
