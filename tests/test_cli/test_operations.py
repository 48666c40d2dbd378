"""``touchstone migrate``, ``backup`` and ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from annotate.cli.main import cli
from tests.support.builders import World
from tests.support.databases import environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from annotate.db import Database

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
