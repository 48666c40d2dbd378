"""Imports over HTTP: by form and by API, refused with the place, nothing left behind."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from annotate.services import imports, uploads, worker
from tests.support.databases import ON_SQLITE
from tests.test_web.items_support import ORIGIN, Site, text_of

if TYPE_CHECKING:
    from annotate.config import Settings
    from annotate.db import Database

pytestmark = pytest.mark.db
# What only HTTP decides is asked of one database; the services below are tested on both.
ROWS = b'{"id": "a", "text": "One."}\n{"id": "b", "text": 2}\n{"id": "c", "text": "Three."}\n'
API = "/api/v1/projects/demo/items"


@pytest.fixture
def site(settings: Settings, database: Database) -> Site:
    made = Site.open(settings, database)
    made.world.grant("ann-1", "annotator", made.staffed())
    return made


def files_left(site: Site) -> list[str]:
    return [path.name for path in uploads.folder(site.database.settings).iterdir()]


def send_form(site: Site, name: str, content: bytes, login: str = "manager", **more: str) -> Any:
    return site.as_person(login).post(
        "/p/demo/import",
        data={"file": (io.BytesIO(content), name), **more},
        headers=ORIGIN,
        content_type="multipart/form-data",
    )


def test_a_form_upload_becomes_a_job_with_a_report(site: Site) -> None:
    answer = send_form(site, "rows.jsonl", ROWS)
    assert answer.status_code == 302
    assert len(files_left(site)) == 1
    client = site.as_person("manager")
    shown = text_of(client.get(answer.location))
    assert "data-job=" in shown
    assert "Look again" in shown, "it can be followed without scripts"
    assert worker.run_all(site.database) == 1
    shown = text_of(client.get(answer.location))
    assert "2 items were added." in shown
    assert "One row was refused" in shown
    assert "rows.jsonl" in shown
    assert "&#39;text&#39; is a number; write text" in shown
    assert files_left(site) == []
    report = client.get(f"{answer.location}/problems.csv")
    assert report.mimetype == "text/csv"
    assert report.get_data().splitlines()[1].startswith(b"2,,b,")
    assert "rows.jsonl" in text_of(client.get("/p/demo/jobs"))
    assert "2 items" in text_of(client.get("/p/demo/items"))


@ON_SQLITE
def test_the_api_takes_a_body_and_tells_how_far_it_is(site: Site) -> None:
    client = site.app.test_client()
    headers = site.as_program("designer", "design")
    answer = client.post(f"{API}?filename=rows.jsonl", data=ROWS, headers=headers,
                         content_type="application/x-ndjson")  # fmt: skip
    assert answer.status_code == 202
    address = answer.get_json()["job"]
    assert client.get(address, headers=headers).get_json()["state"] == "queued"
    worker.run_all(site.database)
    job = client.get(address, headers=headers).get_json()
    assert (job["state"], job["result"]["added"], job["done"]) == ("done", 2, job["total"])
    problems = client.get(f"{address}/problems", headers=headers).get_json()
    assert problems["next"] is None
    assert [(row["line"], row["id"]) for row in problems["problems"]] == [(2, "b")]
    again = client.post(f"{API}", data=ROWS, headers=headers, content_type="application/jsonl")
    worker.run_all(site.database)
    job = client.get(again.get_json()["job"], headers=headers).get_json()
    assert (job["result"]["added"], job["result"]["unchanged"]) == (0, 2)


@ON_SQLITE
def test_csv_over_the_api(site: Site) -> None:
    headers = site.as_program("designer", "design")
    client = site.app.test_client()
    answer = client.post(API, data=b"id,text\nx,Hello\n", headers=headers, content_type="text/csv")
    worker.run_all(site.database)
    job = client.get(answer.get_json()["job"], headers=headers).get_json()
    assert job["result"]["added"] == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("content_type", "body", "status", "words"),
    [
        ("application/x-www-form-urlencoded", b"a=1", 415, "application/x-ndjson, text/csv"),
        ("application/json", b'[{"id": "a"}]', 415, "application/x-ndjson, text/csv"),
        ("application/x-ndjson", b"", 422, "empty"),
    ],
)
def test_a_body_that_is_no_item_file_is_refused(
    site: Site, content_type: str, body: bytes, status: int, words: str
) -> None:
    answer = site.app.test_client().post(
        API, data=body, headers=site.as_program("designer", "design"), content_type=content_type
    )
    assert answer.status_code == status
    assert words in answer.get_json()["error"]["message"]
    assert files_left(site) == []


@ON_SQLITE
def test_a_body_longer_than_allowed_is_refused_and_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.app.config, "MAX_CONTENT_LENGTH", 100)
    answer = site.app.test_client().post(
        API, data=ROWS * 10, headers=site.as_program("designer", "design"),
        content_type="application/x-ndjson",
    )  # fmt: skip
    assert answer.status_code == 413
    assert files_left(site) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "content", "more", "words"),
    [
        ("", b"", {}, "Choose a file."),
        ("rows.jsonl", b"", {}, "The file is empty."),
        ("rows.xlsx", b"PK", {}, "Choose JSONL or CSV."),
        ("rows.jsonl", ROWS, {"format": "xml"}, "Choose JSONL or CSV."),
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_with_the_reason(
    site: Site, name: str, content: bytes, more: dict[str, str], words: str
) -> None:
    answer = send_form(site, name, content, **more)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert files_left(site) == []


@ON_SQLITE
def test_a_form_without_any_file_part_comes_back_with_the_reason(site: Site) -> None:
    answer = site.as_person("manager").post("/p/demo/import", data={"format": "csv"},
                                            headers=ORIGIN)  # fmt: skip
    assert answer.status_code == 422
    assert "Choose a file." in text_of(answer)


@ON_SQLITE
def test_an_unreadable_file_says_so_on_the_jobs_page(site: Site) -> None:
    answer = send_form(site, "rows.csv", b"name;text\n1;2\n")
    worker.run_all(site.database)
    shown = text_of(site.as_person("manager").get(answer.location))
    assert "It did not get to its end." in shown
    assert "has no column" in shown


@ON_SQLITE
def test_who_may_not_import_is_told(site: Site) -> None:
    assert send_form(site, "rows.jsonl", ROWS, login="auditor").status_code == 403
    assert send_form(site, "rows.jsonl", ROWS, login="ann-1").status_code == 403
    headers = site.as_program("designer", "read")
    answer = site.app.test_client().post(API, data=ROWS, headers=headers,
                                         content_type="application/x-ndjson")  # fmt: skip
    assert answer.status_code == 403
    assert files_left(site) == []


def test_a_waiting_import_can_be_cancelled_by_who_started_it(site: Site) -> None:
    location = send_form(site, "rows.jsonl", ROWS).location
    job_id = location.rsplit("/", 1)[1]
    assert "Cancel" in text_of(site.as_person("manager").get(location))
    cancel = f"{location}/cancel"
    assert site.as_person("auditor").post(cancel, headers=ORIGIN).status_code == 403
    assert site.as_person("manager").post(cancel, headers=ORIGIN).status_code == 302
    assert worker.run_all(site.database) == 0
    assert "Cancelled." in text_of(site.as_person("manager").get(location))
    answer = site.app.test_client().post(
        f"/api/v1/jobs/{job_id}/cancel", headers=site.as_program("designer", "design")
    )
    assert answer.status_code == 409


@ON_SQLITE
def test_a_second_import_says_that_it_added_nothing(site: Site) -> None:
    rows = b"".join(
        json.dumps({"id": f"i{n}", "text": f"T {n}"}).encode() + b"\n" for n in range(4)
    )
    send_form(site, "rows.jsonl", rows)
    location = send_form(site, "rows.jsonl", rows).location
    worker.run_all(site.database)
    shown = text_of(site.as_person("manager").get(location))
    assert "Nothing was added." in shown
    assert "All 4 items of the file were there already." in shown


def test_long_reports_come_in_pages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "PAGE", 3)
    location = send_form(site, "rows.jsonl", b'{"id": 0}\n' * 7).location
    worker.run_all(site.database)
    client = site.as_person("manager")
    first = text_of(client.get(location))
    assert f"{location}?after=3" in first
    second = text_of(client.get(f"{location}?after=3"))
    assert "From the beginning" in second
    assert client.get(f"{location}?after=x").status_code == 422
