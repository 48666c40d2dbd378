"""A backup holds every row, is verified, and leaves nothing half done behind."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.config import Settings
from annotate.db import Database
from annotate.models import Team, UserAccount
from annotate.services import backup, doctor, invariants, media_keeping, migration
from annotate.services.backup import BackupFailed
from tests.support.builders import World
from tests.support.databases import ON_SQLITE, settings_for

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.db


@pytest.fixture
def filled(database: Database) -> Database:
    World(database).standard(items=4)
    return database


# Some tests are about the embedded database's file, one about PostgreSQL's client programs.
on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"])


def test_a_backup_holds_every_row(filled: Database) -> None:
    made = backup.create(filled)
    assert made.path.parent == backup.folder(filled.settings)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert (made.rows["item"], made.rows["task"]) == (4, 4)
    assert made.total > 10
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]


@ON_SQLITE
def test_a_copy_can_be_served(filled: Database, tmp_path: Path) -> None:
    made = backup.create(filled, tmp_path / "copy.db")
    restored = Database(settings_for(f"sqlite:///{made.path}", tmp_path))
    with restored.read() as session:
        assert invariants.check(session) == []
        assert session.scalar(sa.select(sa.func.count()).select_from(UserAccount)) == 9
    with restored.write() as session:
        session.add(Team(id="t", name="new", kind="internal", created_at=restored.now(session)))
    restored.dispose()


@ON_SQLITE
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


@ON_SQLITE
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


@ON_SQLITE
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (Path("/proc/copy.db"), "copy.db could not be written: No such file"),
        (Path("x" * 300), "x could not be written: File name too long"),
        (Path("x" * 250), "x could not be written: File name too long"),  # with an ending of ours
    ],
)
def test_a_place_that_takes_no_file_is_refused(
    filled: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: Path,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BackupFailed, match=reason):
        backup.create(filled, target)
    assert sorted(tmp_path.iterdir()) == before


@ON_SQLITE
def test_a_damaged_database_is_refused_in_words(filled: Database, tmp_path: Path) -> None:
    with filled.write() as session:
        page = session.scalar(sa.text("SELECT rootpage FROM sqlite_master WHERE name = 'item'"))
    filled.dispose()
    assert page is not None
    with filled.settings.database_path.open("r+b") as out:
        out.seek((page - 1) * 4096)
        out.write(b"\xff" * 4096)
    with pytest.raises(BackupFailed, match=r"the copy cannot be read: .*malformed"):
        backup.create(filled, tmp_path / "copy.db")
    with filled.settings.database_path.open("r+b") as out:
        out.seek(100)  # where the list of tables begins
        out.write(b"\xff" * 900)
    with pytest.raises(BackupFailed, match=r"the database cannot be copied: .*malformed"):
        backup.create(filled, tmp_path / "copy.db")
    filled.settings.database_path.unlink()
    with pytest.raises(BackupFailed, match=r"touchstone\.db cannot be opened"):
        backup.create(filled, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy.db*"))


@ON_SQLITE
def test_only_an_embedded_database_is_copied_by_pages(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled, "gate", None)
    with pytest.raises(BackupFailed, match="only the embedded database"):
        backup.create(filled, tmp_path / "copy.db")


@ON_SQLITE
def test_without_room_for_the_files_the_copy_of_the_database_stays(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "media").write_bytes(b"a file where the folder should be")
    one = media_keeping.Kept("p", "0" * 64, 1)
    source = filled.settings.data_dir / "media-of-items"
    (source / one.place).parent.mkdir(parents=True)
    (source / one.place).write_bytes(b"x")
    monkeypatch.setattr(media_keeping, "known", lambda _database: [one])
    monkeypatch.setattr(media_keeping.media, "FOLDER", source.name)
    target = tmp_path / "copy.db"
    with pytest.raises(BackupFailed, match=r"copied and verified: .*copy\.db\. The files of items"):
        backup.create(filled, target)
    backup._verify(target, {"item": 4})


# ------------------------------------------------------------------------------ what is verified


def copy_with(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as file:
        for statement in ("CREATE TABLE a (id INTEGER PRIMARY KEY)", *statements):
            file.execute(statement)
        file.commit()
    return path


def test_a_copy_of_fewer_rows_is_told_table_by_table(tmp_path: Path) -> None:
    path = copy_with(tmp_path / "copy.db", "CREATE TABLE b (id)", "INSERT INTO b VALUES (1)")
    backup._verify(path, {"a": 0, "b": 1})
    with pytest.raises(BackupFailed, match=r"lacks rows: a 0 of 2, c None of 5$"):
        backup._verify(path, {"a": 2, "b": 1, "c": 5})


def test_rows_that_point_nowhere_and_broken_rules_are_found(tmp_path: Path) -> None:
    path = copy_with(
        tmp_path / "orphans.db",
        "CREATE TABLE b (a_id REFERENCES a (id))",
        "INSERT INTO b VALUES (7), (8)",
    )
    with pytest.raises(BackupFailed, match="has 2 rows that point nowhere"):
        backup._verify(path, {"b": 2})
    path = copy_with(
        tmp_path / "broken.db",
        "CREATE TABLE b (n)",
        "INSERT INTO b VALUES (NULL)",
        "PRAGMA writable_schema = 1",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE b (n NOT NULL)' WHERE name = 'b'",
    )
    with pytest.raises(BackupFailed, match=r"the copy is damaged: NULL value in b\.n"):
        backup._verify(path, {"b": 1})


def test_what_is_no_database_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_bytes(b"not a database at all" * 99)
    with pytest.raises(BackupFailed, match="the copy cannot be read: file is not a database"):
        backup._verify(tmp_path / "text.db", {})
    with pytest.raises(BackupFailed, match=r"none\.db cannot be opened"):
        backup._verify(tmp_path / "none.db", {})
    assert not (tmp_path / "none.db").exists()


DUMP = rb"""--
SET x;
COPY public.item (id, body) FROM stdin;
1	COPY public.team (id) FROM stdin;
2	\\.
3	two\nlines
\.

COPY public."user" (id) FROM stdin;
\.
COPY team (id) FROM stdin;
1
\.
"""


def test_rows_are_counted_in_what_comes_back_out_of_a_dump() -> None:
    lines = DUMP.splitlines(keepends=True)
    assert list(backup._copied(lines)) == [("item", 3), ("user", 0), ("team", 1)]
    assert list(backup._copied(lines[:-1])) == [("item", 3), ("user", 0)]  # cut off: not counted


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_a_dump_that_cannot_be_read_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(DUMP)
    good = program(tmp_path / "good", 'cat "$3"')
    assert dict(backup._dumped_counts(good, tmp_path / "dump"))["item"] == 3
    bad = program(tmp_path / "bad", 'cat "$3"; exit 4')
    with pytest.raises(BackupFailed, match="cannot be read back: pg_restore ended 4"):
        list(backup._dumped_counts(bad, tmp_path / "dump"))


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ann:ros%3Ae%40%2F@db.example:5433/gold", "ros:e@/"),
        ("ann@db.example:5433/gold?password=rose", "rose"),
        ("ann@db.example:5433/gold", "none"),
    ],
)
def test_the_password_is_no_argument_and_what_pg_dump_complains_of_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    url = sa.make_url(f"postgresql+psycopg://{address}")
    plain = backup._without_password(url)
    assert plain == "postgresql://ann@db.example:5433/gold"
    complain = program(tmp_path / "dump", 'echo "$1 ${PGPASSWORD-none}" >&2; exit 3')
    with pytest.raises(BackupFailed) as caught:
        backup._run([complain, plain], url)
    assert str(caught.value) == f"pg_dump ended with 3: {plain} {told}"
    backup._run([program(tmp_path / "fine", "exit 0")], url)


@on_postgresql
def test_pg_dump_is_called_without_the_password(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []

    def run(command: list[str], _url: sa.URL) -> None:
        called.append(command)
        raise BackupFailed("enough for this test")

    monkeypatch.setattr(backup, "_run", run)
    address = filled.write_engine.url.update_query_dict({"password": "s3cret"})
    monkeypatch.setattr(filled.write_engine, "url", address)
    with pytest.raises(BackupFailed, match="enough"):
        backup.create(filled, tmp_path / "copy")
    assert not any("s3cret" in word for word in called[0])
    assert called[0][-1].startswith("--dbname=postgresql://")
    assert not list(tmp_path.glob("*copy*"))


@on_postgresql
def test_a_dump_may_take_longer_than_a_transaction_may_rest(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.write_engine.dispose()

    @sa.event.listens_for(filled.write_engine, "connect")
    def impatient(connection: Any, _record: object) -> None:
        connection.execute("SET idle_in_transaction_session_timeout = 50")
        connection.commit()

    dump = backup._run

    def slow(command: list[str], url: sa.URL) -> None:
        dump(command, url)
        threading.Event().wait(0.3)

    monkeypatch.setattr(backup, "_run", slow)
    assert backup.create(filled, tmp_path / "copy", with_media=False).rows["item"] == 4


@on_postgresql
def test_without_pg_dump_it_says_what_to_install(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(BackupFailed, match="postgresql-client"):
        backup.create(filled)


@ON_SQLITE
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


@ON_SQLITE
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


@ON_SQLITE
def test_demo_accounts_at_a_public_address_are_wrong(filled: Database, tmp_path: Path) -> None:
    with filled.write() as session:
        session.execute(sa.update(UserAccount).values(is_demo=True))
    public = settings_for(
        filled.settings.database_url, tmp_path, public_url="https://labels.example.org"
    )
    other = Database(public)
    assert findings(other)["accounts"][0][0] == "wrong"
    other.dispose()


@ON_SQLITE
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
