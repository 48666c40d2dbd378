"""A backup holds every row, is verified, and leaves nothing half done behind."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.config import Settings
from annotate.db import Database
from annotate.models import Team, UserAccount
from annotate.services import backup, doctor, invariants, migration
from annotate.services.backup import BackupFailed
from tests.support.builders import World
from tests.support.databases import settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.db


@pytest.fixture
def filled(database: Database) -> Database:
    World(database).standard(items=4)
    return database


# Some tests are about the embedded database's file, one about PostgreSQL's client programs.
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"])
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"])


def test_a_backup_holds_every_row(filled: Database) -> None:
    made = backup.create(filled)
    assert made.path.parent == backup.folder(filled.settings)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert (made.rows["item"], made.rows["task"]) == (4, 4)
    assert made.total > 10
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


@on_sqlite
def test_a_copy_can_be_served(filled: Database, tmp_path: Path) -> None:
    made = backup.create(filled, tmp_path / "copy.db")
    restored = Database(settings_for(f"sqlite:///{made.path}", tmp_path))
    with restored.read() as session:
        assert invariants.check(session) == []
        assert session.scalar(sa.select(sa.func.count()).select_from(UserAccount)) == 9
    with restored.write() as session:
        session.add(Team(id="t", name="new", kind="internal", created_at=restored.now(session)))
    restored.dispose()


@on_sqlite
def test_a_backup_under_load_is_one_moment(filled: Database) -> None:
    going = threading.Event()
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with filled.write() as session:
                moment = filled.now(session)
                for half in ("a", "b"):
                    name = f"{number}{half}"
                    session.add(Team(id=name, name=name, kind="internal", created_at=moment))
            number += 1
            going.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert going.wait(30)
        copies = [backup.create(filled) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    teams = [made.rows["team"] - copies[0].rows["team"] for made in copies]
    assert all(count % 2 == 0 for count in teams), "both rows of a transaction, or none"


def test_a_copy_that_differs_is_not_kept(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = backup._compare

    def lossy(expected: Mapping[str, int], counted: Mapping[str, int]) -> None:
        real(expected, {**counted, "item": counted["item"] - 1})

    monkeypatch.setattr(backup, "_compare", lossy)
    with pytest.raises(BackupFailed, match="item 3 of 4"):
        backup.create(filled, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy.db*"))


@on_sqlite
def test_a_damaged_copy_is_found(filled: Database, tmp_path: Path) -> None:
    made = backup.create(filled, tmp_path / "copy.db")
    with made.path.open("r+b") as out:
        out.seek(8 * 4096)
        out.write(b"\xff" * 40_960)
    with pytest.raises(BackupFailed, match=r"damaged|cannot be read"):
        backup._verify(made.path, made.rows)


@pytest.mark.parametrize("place", ["taken.db", "nowhere/copy.db"])
def test_an_impossible_target_is_refused(filled: Database, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken.db").write_bytes(b"mine")
    with pytest.raises(BackupFailed, match="there"):
        backup.create(filled, tmp_path / place)
    assert (tmp_path / "taken.db").read_bytes() == b"mine"


@on_postgresql
def test_without_pg_dump_it_says_what_to_install(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(BackupFailed, match="postgresql-client"):
        backup.create(filled)


@on_sqlite
def test_an_embedded_database_is_copied_before_a_migration(filled: Database) -> None:
    with contextlib.closing(sqlite3.connect(filled.settings.database_path)) as file:
        file.execute("UPDATE alembic_version SET version_num = version_num || '-older'")
        file.commit()
    copies: list[Path] = []

    def copy(database: Database) -> Path:
        copies.append(backup.before_migration(database))
        raise BackupFailed("enough for this test")

    with pytest.raises(BackupFailed, match="enough"):
        migration.migrate(filled, backup=copy)
    (path,) = copies
    assert "before-migration" in path.name
    with contextlib.closing(sqlite3.connect(path)) as kept:
        assert (
            kept.execute("SELECT version_num FROM alembic_version").fetchone()[0].endswith("-older")
        )


# ----------------------------------------------------------------------------------------- doctor


def findings(database: Database) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in doctor.examine(database):
        found.setdefault(one.topic, []).append((one.state, one.words))
    return found


def test_the_doctor_finds_nothing_wrong_with_a_sound_installation(filled: Database) -> None:
    found = findings(filled)
    assert not [told for told in found.values() if told[0][0] == "wrong"]
    assert found["invariants"][0][1].endswith("rules hold")
    assert found["schema"][0][0] == "good"
    assert found["accounts"] == [("good", "no demo accounts")]


@on_sqlite
def test_the_doctor_names_damage_demo_accounts_and_open_files(filled: Database) -> None:
    with filled.write() as session:
        session.execute(sa.text("UPDATE task SET open_slots = 0"))
        session.execute(sa.update(UserAccount).values(is_demo=True))
    filled.settings.database_path.chmod(0o644)
    found = findings(filled)
    assert found["invariants"][0][0] == "wrong"
    assert "4:" in found["invariants"][0][1]
    assert found["accounts"][0][0] == "look"
    assert "chmod go=" in found["file modes"][0][1]


@on_sqlite
def test_demo_accounts_at_a_public_address_are_wrong(filled: Database, tmp_path: Path) -> None:
    with filled.write() as session:
        session.execute(sa.update(UserAccount).values(is_demo=True))
    public = settings_for(
        filled.settings.database_url, tmp_path, public_url="https://labels.example.org"
    )
    other = Database(public)
    assert findings(other)["accounts"][0][0] == "wrong"
    other.dispose()


@on_sqlite
def test_the_doctor_stops_at_a_schema_of_another_release(filled: Database) -> None:
    with filled.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = 'other'"))
    found = findings(filled)
    assert found["schema"][0][0] == "wrong"
    assert "invariants" not in found


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:9/none"
    database = Database(Settings.from_env(
        {"TOUCHSTONE_DATABASE_URL": url, "TOUCHSTONE_DATA_DIR": str(tmp_path)}
    ))  # fmt: skip
    (last,) = [one for one in doctor.examine(database) if one.topic == "database"]
    assert last.state == "wrong"
    database.dispose()
