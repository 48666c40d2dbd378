"""``touchstone items import`` and ``touchstone worker``: what they do, say and return."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from annotate.cli.main import cli
from annotate.models import Item
from annotate.services import worker
from tests.support.databases import environment_for
from tests.support.media_samples import png
from tests.test_services.items_support import jsonl, new_project, start_import

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from annotate.db import Database
    from annotate.policy import Scope

pytestmark = pytest.mark.db


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment_for(database_url, tmp_path)


@pytest.fixture
def scope(database: Database) -> Scope:
    return new_project(database)


def run(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=environment)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Item)) or 0


@pytest.mark.usefixtures("scope")
def test_files_come_from_a_folder(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pot.png").write_bytes(png())
    rows = [{"id": "a", "media": "pot.png"}, {"id": "b", "text": "x", "media": "none.png"}]
    path = jsonl(tmp_path / "a.jsonl", rows)
    words = ("items", "import", str(path), "--project", "tested", "--media")
    done = run(environment, *words, str(folder))
    assert done.exit_code == 1
    assert "line 2 (b): the file none.png is not in the folder" in done.stderr
    assert count(database) == 1
    assert (folder / "pot.png").exists()
    nowhere = run(environment, *words, str(tmp_path / "nowhere"))
    assert nowhere.exit_code == 2
    assert "neither a folder nor a zip" in nowhere.stderr


@pytest.mark.usefixtures("scope")
def test_an_import_reports_and_a_second_adds_nothing(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"id": f"i{n}", "text": f"T {n}"} for n in range(5)])
    first = run(environment, "items", "import", str(path), "--project", "tested")
    assert (first.exit_code, first.stdout) == (0, "5 rows read, 5 items added.\n")
    second = run(environment, "items", "import", str(path), "--project", "tested")
    assert second.exit_code == 0
    assert second.stdout == "Nothing was added: all 5 items were there already.\n"
    assert count(database) == 5
    assert path.exists()


@pytest.mark.usefixtures("scope")
def test_refused_rows_are_listed_on_standard_error(
    environment: dict[str, str], database: Database, tmp_path: Path
) -> None:
    rows = [{"id": "a", "text": "A"}, {"id": "b"}, *({"id": f"c{n}"} for n in range(30))]
    result = run(
        environment, "items", "import", str(jsonl(tmp_path / "a.jsonl", rows)),
        "--project", "tested",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "32 rows read, one item added, 31 refused." in result.stdout
    assert "line 2 (b): there is no content" in result.stderr
    assert "and 11 more" in result.stderr
    assert count(database) == 1


@pytest.mark.usefixtures("scope")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.jsonl", None, "is not a file that can be read"),
        ("a.xlsx", b"PK", "choose JSONL or CSV"),
        ("a.csv", b"name;text\n1;2\n", "no column 'id'"),
    ],
)
def test_an_unreadable_file_ends_with_two(
    environment: dict[str, str], tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = run(environment, "items", "import", str(path), "--project", "tested")
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.usefixtures("database")
def test_an_unknown_project_ends_with_two(environment: dict[str, str], tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"id": "a", "text": "A"}])
    result = run(environment, "items", "import", str(path), "--project", "nowhere")
    assert result.exit_code == 2
    assert "project" in result.stderr


def test_a_worker_runs_what_waits(
    environment: dict[str, str], database: Database, scope: Scope, tmp_path: Path
) -> None:
    start_import(database, scope, jsonl(tmp_path / "a.jsonl", [{"id": "a", "text": "A"}]))
    result = run(environment, "worker", "--once")
    assert (result.exit_code, result.stdout) == (0, "1 jobs run\n")
    assert count(database) == 1


def test_a_worker_ends_when_it_is_told_to(
    environment: dict[str, str], database: Database, scope: Scope, tmp_path: Path
) -> None:
    job_id = start_import(database, scope, jsonl(tmp_path / "a.jsonl", [{"id": "a", "text": "A"}]))
    process = subprocess.Popen(
        [sys.executable, "-c", "from annotate.cli.main import cli; cli(['worker'])"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "waits for jobs" in process.stdout.readline()
        assert worker.run_until(database, job_id).state == "done"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
