"""Imports: good rows go in, bad rows are listed, a second import adds nothing, a crash repeats
nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import AuditEvent, Item, Job
from annotate.policy import Scope
from annotate.services import imports, job_running, uploads, worker
from annotate.services.errors import BadInput
from annotate.services.identity import system_actor
from tests.support.databases import ON_SQLITE
from tests.test_services.items_support import (
    import_file,
    jsonl,
    new_project,
    problems,
    start_import,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from annotate.db import Database

pytestmark = pytest.mark.db


def texts(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"t{n}", "text": f"Text number {n}."} for n in range(first, first + count)]


def stored(database: Database, scope: Scope) -> list[Any]:
    with database.read() as session:
        return list(
            session.execute(
                sa.select(Item.external_id, Item.body, Item.team_id, Item.import_job_id)
                .where(Item.project_id == scope.project_id)
                .order_by(Item.id)
            )
        )


def test_items_go_in_whole_and_in_the_order_of_the_file(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    row = {
        "id": "c1",
        "messages": [
            {"role": "user", "content": "Grüß Gott 🙂"},
            {"role": "assistant", "content": "Hello"},
        ],
        "language": "de",
        "source": "written by us",
        "licence": "CC0-1.0",
        "slices": {"channel": "chat"},
        "group_keys": {"conversation_id": "7"},
        "metadata": {"turns": 2},
    }
    job = import_file(database, scope, jsonl(tmp_path / "a.jsonl", [row, *texts(30)]))
    assert (job.state, job.result["added"], job.result["refused"]) == ("done", 31, 0)
    assert job.message == "31 rows read, 31 items added."
    assert [found.external_id for found in stored(database, scope)] == [
        "c1",
        *(f"t{n}" for n in range(30)),
    ]
    with database.read() as session:
        item = session.scalars(sa.select(Item).where(Item.external_id == "c1")).one()
    assert json.loads(item.body)["messages"][0]["content"] == "Grüß Gott 🙂"
    assert (item.kind, item.language, item.source, item.licence) == (
        "messages", "de", "written by us", "CC0-1.0",
    )  # fmt: skip
    assert json.loads(item.slices) == {"channel": "chat"}
    assert json.loads(item.group_keys) == {"conversation_id": "7"}
    assert json.loads(item.attributes) == {"turns": 2}
    assert item.import_job_id == job.id


def test_a_csv_file_goes_in(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    path = tmp_path / "a.csv"
    path.write_text('id,prompt,response,slices.topic\r\np1,"Hi,\nyou",Hello,smalltalk\r\n')
    job = import_file(database, scope, path)
    assert job.result["added"] == 1
    with database.read() as session:
        item = session.scalars(sa.select(Item)).one()
    assert json.loads(item.body) == {"prompt": "Hi,\nyou", "response": "Hello"}
    assert json.loads(item.slices) == {"topic": "smalltalk"}


def test_a_second_import_adds_nothing_and_says_so(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    path = jsonl(tmp_path / "a.jsonl", texts(7))
    import_file(database, scope, path)
    before = stored(database, scope)
    job = import_file(database, scope, path)
    assert (job.result["added"], job.result["unchanged"]) == (0, 7)
    assert job.message == "Nothing was added: all 7 items were there already."
    assert stored(database, scope) == before


BAD_ROWS: list[tuple[bytes, str]] = [
    (b'{"id": "x", "text": ', "JSON"),
    (b'{"id": "x", "text": "a\\u0000b"}', "NUL"),
    (b'{"id": "x", "text": "a\x00b"}', ""),
    (b'{"id": "x", "text": "\xff\xfe"}', "UTF-8"),
    (b'{"id": "x", "text": "\\ud800"}', "surrogate"),
    (b'{"id": "x", "text": "a", "text": "b"}', "twice"),
    (b'{"id": "x", "text": "a", "metadata": {"n": NaN}}', "NaN"),
    (b'{"id": "x", "text": 7}', "a number"),
    (b'{"id": ["x"], "text": "a"}', "a list"),
    (b'{"text": "no id"}', "'id' is missing"),
    (b'{"id": "x"}', "no content"),
    (b'{"id": "x", "messages": [{"role": "robot", "content": "a"}]}', "robot"),
    (b'{"id": "x", "text": "a", "slices": {"k": [1]}}', "a list"),
    (b'{"id": "x", "text": "a", "language": "' + b"en" + b"-abcdefgh" * 8 + b'"}', "at most 64"),
    (b'{"id": "x", "text": "a", "source": "' + b"s" * 201 + b'"}', "at most 200"),
    (b'["x"]', "object"),
]


def test_bad_rows_are_listed_with_their_line_while_good_rows_go_in(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    path = tmp_path / "a.jsonl"
    good = [json.dumps(row).encode() for row in texts(len(BAD_ROWS))]
    lines = [line for pair in zip(good, (row for row, _ in BAD_ROWS), strict=True) for line in pair]
    path.write_bytes(b"\n".join(lines))
    job = import_file(database, scope, path)
    assert job.state == "done"
    assert (job.result["added"], job.result["refused"]) == (len(BAD_ROWS), len(BAD_ROWS))
    found = problems(database, scope, job)
    assert [problem.line for problem in found] == list(range(2, 2 * len(BAD_ROWS) + 1, 2))
    for problem, (_, words) in zip(found, BAD_ROWS, strict=True):
        assert words in problem.reason
    assert f"{len(BAD_ROWS)} refused" in job.message


def test_a_huge_line_is_skipped_and_the_rest_goes_in(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    path = tmp_path / "a.jsonl"
    with path.open("wb") as out:
        out.write(b'{"id": "a", "text": "before"}\n{"id": "huge", "text": "')
        for _ in range(50):
            out.write(b"x" * 1_000_000)
        out.write(b'"}\n{"id": "b", "text": "after"}\n')
    job = import_file(database, scope, path)
    assert [row.external_id for row in stored(database, scope)] == ["a", "b"]
    assert [problem.line for problem in problems(database, scope, job)] == [2]


def test_another_content_under_a_taken_id_is_refused_and_the_old_item_stays(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", texts(2)))
    before = stored(database, scope)
    rows = [
        {"id": "t0", "text": "Something else."},
        {"id": "t1", "text": "Text number 1.", "language": "en", "slices": {"a": "b"}},
        {"id": "new", "text": "First."},
        {"id": "new", "text": "Second."},
        {"id": "new", "text": "First."},
    ]
    job = import_file(database, scope, jsonl(tmp_path / "b.jsonl", rows))
    assert stored(database, scope)[:2] == before
    assert [row.external_id for row in stored(database, scope)] == ["t0", "t1", "new"]
    found = problems(database, scope, job)
    assert [(problem.line, problem.external_id) for problem in found] == [
        (1, "t0"), (2, "t1"), (4, "new"),
    ]  # fmt: skip
    assert "other content" in found[0].reason
    assert "other language, slices" in found[1].reason
    assert job.result["unchanged"] == 1


def test_the_same_content_under_another_id_is_kept_and_told(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", texts(1)))
    rows = [{"id": "twin", "text": "Text number 0."}, {"id": "t9", "text": "Alone."}]
    job = import_file(database, scope, jsonl(tmp_path / "b.jsonl", rows))
    assert job.result["added"] == 2
    assert (job.result["same_content"], job.result["twins"]) == (1, [["twin", "t0"]])


def test_a_file_without_rows_says_so(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    job = import_file(database, scope, jsonl(tmp_path / "a.jsonl", []))
    assert (job.state, job.message) == ("done", "The file holds no rows. Nothing was added.")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"name;text\n1;2\n", "no column 'id'"),
        ("a.jsonl", b"\x1f\x8b\x08\x00" + b"\x00" * 40, "compressed"),
        ("a.jsonl", '{"id": "a"}\n'.encode("utf-16"), "UTF-16"),
    ],
)
def test_an_unreadable_file_fails_plainly(
    database: Database, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    scope = new_project(database)
    path = tmp_path / name
    path.write_bytes(content)
    job = import_file(database, scope, path)
    assert job.state == "failed"
    assert words.lower() in job.message.lower()
    assert stored(database, scope) == []


@pytest.mark.parametrize("change", ["removed", "changed"])
def test_a_file_that_changed_under_the_import_fails_plainly(
    database: Database, tmp_path: Path, change: str
) -> None:
    scope = new_project(database)
    path = jsonl(tmp_path / "a.jsonl", texts(2))
    job_id = start_import(database, scope, path)
    if change == "removed":
        path.unlink()
    else:
        jsonl(path, texts(3))
    job = worker.run_until(database, job_id)
    assert job.state == "failed"
    assert "Import it again" in job.message


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_import_goes_on_where_it_stopped(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(imports, "CHUNK_ROWS", 10)
    scope = new_project(database)
    rows: list[Any] = [*texts(15), {"id": "bad"}, *texts(15, 15), {"id": "t3", "text": "Other."}]
    job_id = start_import(database, scope, jsonl(tmp_path / "a.jsonl", rows))
    chunks = 0

    def dying(run: job_running.JobRun) -> Any:
        nonlocal chunks
        steps = imports.run(run)
        progress = None
        while True:
            step = steps.send(progress)  # type: ignore[arg-type]
            if chunks == after:
                raise Killed
            chunks += 1
            progress = yield step

    with pytest.raises(Killed):
        job_running.run_next(database, {imports.KIND: dying}, "dies")
    assert 0 < len(stored(database, scope)) < 30
    with database.write() as session:
        session.get_one(Job, job_id).expires_at = database.now(session)
    job = worker.run_until(database, job_id)
    assert [row.external_id for row in stored(database, scope)] == [f"t{n}" for n in range(30)]
    counted = {name: job.result[name] for name in ("rows", "added", "unchanged", "refused")}
    assert counted == {"rows": 32, "added": 30, "unchanged": 0, "refused": 2}
    assert [problem.line for problem in problems(database, scope, job)] == [16, 32]
    with database.read() as session:
        kinds = list(session.scalars(sa.select(AuditEvent.kind)))
    assert kinds.count("item.imported") == 1


def test_two_projects_may_use_the_same_ids(database: Database, tmp_path: Path) -> None:
    one, other = new_project(database), new_project(database, "other")
    path = jsonl(tmp_path / "a.jsonl", texts(3))
    import_file(database, one, path)
    job = import_file(database, other, path)
    assert (job.result["added"], job.result["same_content"]) == (3, 0)
    assert len(stored(database, one)) == len(stored(database, other)) == 3


def test_a_role_of_several_teams_cannot_import(database: Database, tmp_path: Path) -> None:
    scope = Scope(new_project(database).project_id, frozenset({"a", "b"}))
    with pytest.raises(BadInput, match="several teams"):
        start_import(database, scope, jsonl(tmp_path / "a.jsonl", texts(1)))


def test_an_upload_goes_when_its_import_is_done_and_a_file_of_ones_own_stays(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    upload, own = jsonl(tmp_path / "up.jsonl", texts(1)), jsonl(tmp_path / "own.jsonl", texts(1))
    import_file(database, scope, upload, keep_file=False)
    import_file(database, scope, own)
    assert not upload.exists()
    assert own.exists()


def test_only_so_many_problems_are_listed_but_all_are_counted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "KEPT_PROBLEMS", 5)
    monkeypatch.setattr(imports, "CHUNK_ROWS", 4)
    scope = new_project(database)
    rows: Sequence[Any] = [{"id": f"b{n}"} for n in range(9)]
    job = import_file(database, scope, jsonl(tmp_path / "a.jsonl", list(rows)))
    assert (job.result["refused"], job.result["listed"]) == (9, 5)
    assert len(problems(database, scope, job)) == 5


def test_the_report_is_safe_to_open_in_a_spreadsheet(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    path = jsonl(tmp_path / "a.jsonl", [{"id": "=1+1"}, {"id": "b", "text": 1}])
    job = import_file(database, scope, path)
    with database.read() as session:
        lines = imports.problems_csv(session, scope, job.id).splitlines()
    assert lines[0] == "line,column,id,reason"
    assert lines[1].startswith("1,,'=1+1,")
    assert lines[2].startswith("2,,b,")


def test_the_format_comes_from_the_name_or_the_person() -> None:
    assert imports.format_of("a.NDJSON") == "jsonl"
    assert imports.format_of("a.tsv") == "csv"
    assert imports.format_of("items", "csv") == "csv"
    for name, wanted in (("items", ""), ("a.xlsx", ""), ("a.jsonl", "xml")):
        with pytest.raises(BadInput, match="JSONL or CSV"):
            imports.format_of(name, wanted)


def test_stale_uploads_are_swept_but_not_those_a_job_needs(database: Database) -> None:
    scope = new_project(database)
    kept, out = uploads.create(database.settings)
    out.close()
    stale, out = uploads.create(database.settings)
    out.close()
    fresh, out = uploads.create(database.settings)
    out.close()
    jsonl(kept, texts(1))
    for path in (kept, stale):
        os.utime(path, (1, 1))
    with database.write() as session:
        imports.start(
            session, system_actor(session), scope, path=kept, format="jsonl", filename="a.jsonl"
        )
    with database.read() as session:
        assert uploads.sweep(session) == 1
    assert (kept.exists(), stale.exists(), fresh.exists()) == (True, False, True)


def test_a_full_disk_is_told_before_anything_is_stored(database: Database) -> None:
    with pytest.raises(BadInput, match="too little"):
        uploads.check_room(database.settings, 10**18)


@ON_SQLITE
def test_looking_for_the_same_content_does_not_walk_the_project(database: Database) -> None:
    scope = new_project(database)
    query = imports.same_content(scope, [f"{n:064x}" for n in range(500)])
    with database.read() as session:
        text = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = [row[-1] for row in session.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    (step,) = plan
    assert step.startswith("SEARCH item USING INDEX ix_item_project_content")
