"""``touchstone gold`` and ``touchstone cases``: what they write, say and return."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.cli import gold_commands
from annotate.db import Database
from exports.manifest import digest_of, read_manifest
from tests.support.builders import BENIGN, World, abusive
from tests.support.databases import migrated_database, settings_for
from tests.support.labelling import label
from tests.test_cli.project_support import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.db
ITEMS = 3
CELLS = "gold cells worked out again"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an installation in which three people labelled; they differ on one item."""
    folder = tmp_path_factory.mktemp("labelled")
    with migrated_database("sqlite", folder) as url:
        database = Database(settings_for(url, folder))
        world = World(database)
        std = world.standard(items=ITEMS)
        for login, first in zip(std.annotators, (BENIGN, BENIGN, abusive("strong")), strict=True):
            for answers in (first, *[BENIGN] * (ITEMS - 1)):
                label(world, std, login, answers)
        world.project("bare")
        quiet = world.project("quiet")
        world.round(quiet, world.rubric(quiet), world.items(quiet, 1))
        database.dispose()
        yield folder


@pytest.fixture(scope="module")
def released(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same with one release, also copied to ``out``; and what the command said."""
    folder = tmp_path_factory.mktemp("released")
    shutil.copytree(labelled, folder, dirs_exist_ok=True)
    done = console_of(folder).run("gold", "release", "--project", "demo", "--out", f"{folder}/out")
    return folder, done.stdout


def console_of(folder: Path) -> Console:
    return Console(f"sqlite:///{folder / 'touchstone.db'}", folder)


@pytest.fixture
def console(labelled: Path, tmp_path: Path) -> Console:
    """A copy of the labelled installation, of this test's own."""
    shutil.copytree(labelled, tmp_path, dirs_exist_ok=True)
    return console_of(tmp_path)


@pytest.fixture
def again(released: tuple[Path, str], tmp_path: Path) -> Console:
    """A copy of the installation with a release, of this test's own."""
    shutil.copytree(released[0], tmp_path, dirs_exist_ok=True)
    return console_of(tmp_path)


def change(console: Console, statement: str) -> None:
    database = Database(settings_for(console.url, console.folder))
    with database.write() as session:
        session.execute(sa.text(statement))
    database.dispose()


def frozen(console: Console) -> int:
    with closing(sqlite3.connect(console.folder / "touchstone.db")) as file:
        number: int = file.execute("SELECT count(*) FROM gold_release").fetchone()[0]
    return number


def releases(console: Console) -> list[str]:
    said = console.run("gold", "list", "--project", "demo").stdout
    return [line for line in said.splitlines() if line[:1].isdigit()]


# ------------------------------------------------------------------------------- gold release, list


def test_a_release_is_written_verified_copied_and_told(released: tuple[Path, str]) -> None:
    folder, said = released
    directory = folder / "releases" / "demo" / "0001"
    digest = digest_of(read_manifest(directory))
    first, second = said.splitlines()
    assert first == f"Gold release 1 of demo: {directory}"
    manifest = read_manifest(directory)
    assert (manifest["counts"]["items"], manifest["counts"]["annotators"]) == (ITEMS, 3)
    cells = manifest["counts"]["gold"]
    assert second == (
        f"{directory}: whole. {len(manifest['files'])} files, {cells} {CELLS}, manifest {digest}"
    )
    for path in directory.iterdir():
        assert path.read_bytes() == (folder / "out" / path.name).read_bytes()


def test_the_list_tells_number_time_version_and_state(again: Console) -> None:
    [line] = releases(again)
    assert frozen(again) == 1
    assert re.fullmatch(
        r"1  \d{4}-\d\d-\d\d \d\d:\d\d UTC  \d+\.\d+\.\d+  written, rubric not certified", line
    )
    change(again, "UPDATE gold_release SET certified = 1")
    assert releases(again)[0].endswith("  written")
    empty = again.run("gold", "list", "--project", "bare").stdout
    assert empty == "There are no releases yet. Make one with touchstone gold release.\n"


def test_options_reach_the_release(console: Console) -> None:
    words = ("--seed", "7", "--undecided", "majority", "--test", "0.34", "--validation", "0")
    console.run("gold", "release", "--project", "demo", *words)
    manifest = read_manifest(console.folder / "releases" / "demo" / "0001")
    assert manifest["parameters"]["seed"] == 7
    assert manifest["counts"]["basis"]["majority"] > 0
    assert not manifest["counts"]["basis"].get("open")


REFUSED = {
    "an unknown project": (("--project", "none"), "none"),
    "a project without rounds": (("--project", "bare"), "has no rounds yet: nothing to release"),
    "a project without labels": (("--project", "quiet"), "no labels under this rubric version"),
    "an unknown version": (
        ("--project", "demo", "--version", "01920000-0000-7000-8000-000000000000"),
        "no such published rubric version",
    ),
    "a version that is no id": (("--project", "demo", "--version", "newest"), "rubric version"),
    "nothing to train on": (
        ("--project", "demo", "--test", "0.9", "--validation", "0.1"),
        "  test: The two shares",
    ),
    "a seed below zero": (("--project", "demo", "--seed", "-1"), "  seed: A whole number from 0"),
    "a share below zero": (("--project", "demo", "--test", "-0.1"), "'--test'"),
    "a share that is no number": (("--project", "demo", "--test", "nan"), "nan is no share"),
    "the same of the other": (("--project", "demo", "--validation", "NaN"), "'--validation'"),
    "an unknown choice": (("--project", "demo", "--undecided", "guess"), "'guess'"),
    "no project": ((), "'--project'"),
}


@pytest.fixture(scope="module")
def untouched(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Console:
    """A copy for what must change nothing."""
    folder = tmp_path_factory.mktemp("untouched")
    shutil.copytree(labelled, folder, dirs_exist_ok=True)
    return console_of(folder)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_released_ends_with_two_and_freezes_nothing(
    untouched: Console, name: str
) -> None:
    words, said = REFUSED[name]
    done = untouched.run("gold", "release", *words, code=2)
    assert said in done.stderr
    assert done.stdout == ""
    assert frozen(untouched) == 0


def test_a_taken_folder_is_refused_before_anything_is_frozen(untouched: Console) -> None:
    taken = untouched.folder / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    done = untouched.run("gold", "release", "--project", "demo", "--out", str(taken), code=2)
    assert f"{taken} is there already" in done.stderr
    assert "nothing was released" in done.stderr
    assert frozen(untouched) == 0
    assert [path.name for path in taken.iterdir()] == ["notes.txt"]


def test_files_that_cannot_be_written_end_with_one(console: Console) -> None:
    change(console, "UPDATE rubric_version SET fingerprint = 'sha256:' || hex(zeroblob(32))")
    out = console.folder / "out"
    done = console.run("gold", "release", "--project", "demo", "--out", str(out), code=1)
    assert "touchstone: the files could not be written: the rubric does not fit" in done.stderr
    assert not out.exists()
    [line] = releases(console)
    assert "  frozen, " in line


def test_a_release_of_damaged_items_is_not_called_whole(console: Console) -> None:
    change(console, "UPDATE item SET content_hash = 'f' || substr(content_hash, 2)")
    done = console.run("gold", "release", "--project", "demo", code=1)
    *problems, last = done.stderr.splitlines()
    assert len(problems) == ITEMS
    assert all("does not fit its SHA-256" in problem for problem in problems)
    assert last.endswith(f"0001: {ITEMS} problems")
    assert "whole" not in done.stdout


# --------------------------------------------------------------------------------------- gold write


def test_a_release_is_written_again_with_the_same_bytes(again: Console, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "again"
    done = again.run("gold", "write", "--project", "demo", "1", str(target))
    digest = digest_of(read_manifest(target))
    assert done.stdout == f"{target}: the same bytes, manifest {digest}\n"
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (target / path.name).read_bytes()


def test_a_frozen_release_without_files_is_not_called_the_same(
    again: Console, tmp_path: Path
) -> None:
    change(again, "UPDATE gold_release SET state = 'frozen', manifest = NULL, manifest_hash = NULL")
    done = again.run("gold", "write", "--project", "demo", "1", str(tmp_path / "first"))
    assert "first: written for the first time, manifest " in done.stdout


def test_files_that_differ_from_the_release_end_with_one(again: Console, tmp_path: Path) -> None:
    change(
        again,
        "UPDATE item SET quarantined_at = created_at"
        " WHERE id = (SELECT min(item_id) FROM gold_cell)",
    )
    done = again.run("gold", "write", "--project", "demo", "1", str(tmp_path / "less"), code=1)
    assert "these files differ from those of the release" in done.stderr
    assert done.stdout == ""
    assert read_manifest(tmp_path / "less")["counts"]["items"] == ITEMS - 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("demo", "2", "new"), "There is no release 2 in this project."),
        (("bare", "1", "new"), "There is no release 1 in this project."),
        (("demo", "1", "out"), "out is there already; a release is never overwritten"),
        (("demo", "0", "new"), "0 is not in the range x>=1"),
        (("demo", "one", "new"), "'one' is not a valid integer"),
        (("demo", "1", "touchstone.db"), "is a file"),
    ],
)
def test_a_wrong_number_or_place_ends_with_two(
    released: tuple[Path, str], words: tuple[str, str, str], said: str
) -> None:
    folder = released[0]
    slug, number, name = words
    write = ("gold", "write", "--project", slug, number, str(folder / name))
    assert said in console_of(folder).run(*write, code=2).stderr
    assert not (folder / "new").exists()


# -------------------------------------------------------------------------------------- gold verify


def test_verify_needs_the_folder_alone(released: tuple[Path, str], tmp_path: Path) -> None:
    copy = tmp_path / "somewhere"
    shutil.copytree(released[0] / "out", copy)
    bare = Console(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "none")
    done = bare.run("gold", "verify", str(copy))
    assert done.stdout.startswith(f"{copy}: whole. ")
    assert done.stdout.endswith(f"{digest_of(read_manifest(copy))}\n")
    (copy / "notes.txt").write_text("more")
    found = bare.run("gold", "verify", str(copy), code=1)
    assert "notes.txt" in found.stderr.splitlines()[0]
    assert found.stderr.endswith(f"touchstone: {copy}: 1 problem\n")
    path = copy / "gold.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    worse = bare.run("gold", "verify", str(copy), code=1).stderr.splitlines()
    assert any(line.startswith("  ") and "gold.jsonl" in line for line in worse)
    assert worse[-1] == f"touchstone: {copy}: {len(worse) - 1} problems"
    assert len(worse) > 2


def test_verify_wants_a_folder_with_a_release(tmp_path: Path) -> None:
    bare = Console(f"sqlite:///{tmp_path / 'none.db'}", tmp_path)
    assert "manifest" in bare.run("gold", "verify", str(tmp_path), code=1).stderr
    said = bare.run("gold", "verify", str(tmp_path / "nowhere"), code=2).stderr
    assert "does not exist" in said


def test_a_whole_folder_of_another_release_is_not_this_one(
    released: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = released[0] / "out"
    with pytest.raises(SystemExit) as left:
        gold_commands._report(out, "0" * 64)
    assert left.value.code == 1
    assert "the manifest is not the one recorded with the release" in capsys.readouterr().err
    gold_commands._report(out, digest_of(read_manifest(out)))
    assert f"{out}: whole. " in capsys.readouterr().out


# ------------------------------------------------------------------------------------- cases count


def test_cases_are_counted_by_state(released: tuple[Path, str]) -> None:
    console = console_of(released[0])
    counted = json.loads(console.run("cases", "count", "--project", "demo", "--json").stdout)
    assert counted["open"] == 1
    assert sum(counted.values()) == 1
    lines = console.run("cases", "count", "--project", "demo").stdout.splitlines()
    assert [line.split() for line in lines] == [[str(n), state] for state, n in counted.items()]
    assert "none" in console.run("cases", "count", "--project", "none", code=2).stderr
