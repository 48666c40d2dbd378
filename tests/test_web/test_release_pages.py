"""Gold releases in the browser and over the API: frozen, written, listed, fetched, verified."""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from annotate.services import gold, worker
from exports.verify import verify_release

if TYPE_CHECKING:
    from pathlib import Path

    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

PAGE = "/p/demo/releases"
API = "/projects/demo/releases"
TRAVERSALS = (
    "../touchstone.db",
    "..%2Ftouchstone.db",
    "%2e%2e%2f%2e%2e%2ftouchstone.db",
    "....//touchstone.db",
    "..\\touchstone.db",
    "/etc/hostname",
    "%2Fetc%2Fhostname",
    "gold.jsonl%00.txt",
    "manifest.json/",
    ".",
    "nothing.json",
)


def form(seeded: Seeded, **changes: str) -> dict[str, str]:
    return {
        "version": seeded.std.version_id,
        "seed": "7",
        "undecided": "open",
        "test": "20",
        "validation": "10",
        **changes,
    }


def fetched(site: Site, path: str, login: str = "reader") -> Any:
    return site.browser(login).get(path, buffered=True)


def program(site: Site, path: str) -> Any:
    """Fetch a file as a program does, to its end."""
    headers = {"Authorization": f"Bearer {site.world.token('reader', 'read')}"}
    return site.app.test_client().get(f"/api/v1{path}", headers=headers, buffered=True)


def test_a_release_is_frozen_by_hand_and_written_by_a_job(
    site: Site, seeded: Seeded, tmp_path: Path
) -> None:
    assert "3 cases are open" in site.get(PAGE, "reader")
    done = site.post(PAGE, "reader", **form(seeded))
    assert done.status_code == 302
    waiting = site.get(done.location, "reader")
    assert "The files are being written." in waiting
    [job_id] = re.findall(r"/p/demo/jobs/([0-9a-f-]{36})", waiting)
    assert worker.run_until(site.database, job_id).state == "done"

    page = site.get(done.location, "reader")
    assert "an adjudicator decided" in page
    assert "The rubric is not certified" in page
    names = re.findall(rf'href="{PAGE}/[0-9a-f-]{{36}}/files/([^"]+)"', page)
    assert {"manifest.json", "gold.jsonl", "labels.parquet", "card.md"} <= set(names)
    copy = tmp_path / "copy"
    copy.mkdir()
    base = done.location.partition("?")[0]
    for name in names:
        answer = fetched(site, f"{base}/files/{name}")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        (copy / name).write_bytes(answer.data)
    assert verify_release(copy).ok
    assert "Every digest, count and split fits" in site.get(f"{base}?checked=1", "reader")
    assert "Release 1" in site.get(PAGE, "auditor")


def test_the_page_tells_what_the_manifest_tells(site: Site, seeded: Seeded) -> None:
    release_id, _job = seeded.release()
    answer = site.api("GET", f"/releases/{release_id}", scopes="read")
    body = answer.json or {}
    shown = site.get(f"{PAGE}/{release_id}", "reader")
    for count in ("items", "labels", "gold", "decisions"):
        assert f'<dd class="fig">{body["manifest"]["counts"][count]}</dd>' in shown
    for one in body["manifest"]["files"]:
        assert one["sha256"] in shown
    assert body["manifest_sha256"] in shown
    data = program(site, f"/releases/{release_id}/files/manifest.json").data
    assert json.loads(data) == body["manifest"]
    assert body["manifest"]["manifest_sha256"] == body["manifest_sha256"]
    card = next(one for one in body["manifest"]["files"] if one["path"] == "card.md")
    data = program(site, f"/releases/{release_id}/files/card.md").data
    assert hashlib.sha256(data).hexdigest() == card["sha256"]
    [line] = (site.api("GET", API, scopes="read").json or {})["releases"]
    assert line["id"] == release_id
    assert line["manifest_sha256"] == body["manifest_sha256"]


def test_a_damaged_file_is_told(site: Site, seeded: Seeded) -> None:
    release_id, _job = seeded.release()
    path = next(site.database.settings.data_dir.rglob("gold.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"unanimous"', b'"majority_"', 1))
    page = site.get(f"{PAGE}/{release_id}?checked=1", "reader")
    assert "The files are not whole" in page
    assert "gold.jsonl" in page


@pytest.mark.parametrize("name", TRAVERSALS)
def test_no_other_file_can_be_fetched(site: Site, seeded: Seeded, name: str) -> None:
    release_id, _job = seeded.release()
    page = fetched(site, f"{PAGE}/{release_id}/files/{name}")
    assert page.status_code == 404
    answer = program(site, f"/releases/{release_id}/files/{name}")
    assert answer.status_code == 404
    assert b"SQLite" not in page.data + answer.data


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": "seven"}, "Give a whole number."),
        ({"test": "-1"}, "Give a whole number."),
        ({"test": "70", "validation": "60"}, ""),
        ({"undecided": "coin"}, ""),
        ({"version": "01a1ffb0-3e25-757d-b2f7-2328b3375adc"}, ""),
    ],
)
def test_a_refused_freeze_keeps_what_was_typed(
    site: Site, seeded: Seeded, changes: dict[str, str], said: str
) -> None:
    answer = site.post(PAGE, "reader", **form(seeded, **changes))
    assert answer.status_code in {422, 404}, answer.text
    if answer.status_code == 422:
        for name, value in changes.items():
            if name in {"seed", "test", "validation"}:
                assert re.search(rf'name="{name}"[^>]*value="{value}"', answer.text), name
        assert 'aria-invalid="true"' in answer.text
        assert said in answer.text
    assert (site.api("GET", API, scopes="read").json or {})["releases"] == []


@pytest.mark.parametrize("login", ["auditor"])
def test_who_only_reads_gold_cannot_freeze(site: Site, seeded: Seeded, login: str) -> None:
    assert "Freeze a release" not in site.get(PAGE, login)
    assert site.post(PAGE, login, **form(seeded)).status_code == 403


@pytest.mark.parametrize("login", ["ann-1", "adjudicator", "manager"])
def test_who_may_not_see_gold_gets_no_file(site: Site, seeded: Seeded, login: str) -> None:
    release_id, _job = seeded.release()
    for path in (PAGE, f"{PAGE}/{release_id}", f"{PAGE}/{release_id}/files/gold.jsonl"):
        assert fetched(site, path, login).status_code == 403


def test_a_release_of_another_project_is_not_there(site: Site, seeded: Seeded) -> None:
    release_id, _job = seeded.release()
    site.world.project("other")
    for path in (
        f"/p/other/releases/{release_id}",
        f"/p/other/releases/{release_id}/files/card.md",
    ):
        assert fetched(site, path, "root").status_code == 404


def test_a_program_freezes_and_fetches(site: Site, seeded: Seeded) -> None:
    body = {"rubric_version_id": seeded.std.version_id, "seed": 11, "undecided": "majority"}
    wrong = site.api("POST", API, {**body, "colour": "gold"}, login="reader", scopes="release read")
    assert wrong.status_code == 422
    made = site.api("POST", API, body, login="reader", scopes="release read")
    assert made.status_code == 202, made.text
    told = made.json or {}
    assert worker.run_until(site.database, told["job_id"]).state == "done"
    answer = program(site, f"/releases/{told['release_id']}/files/gold.jsonl")
    rows = [json.loads(line) for line in io.BytesIO(answer.data)]
    assert {row["basis"] for row in rows} <= {
        "unanimous",
        "majority",
        "adjudicated",
        "open",
        "too_few",
        "no_majority",
    }
    assert "open" not in {row["basis"] for row in rows}


def test_nothing_to_release_yet_says_what_to_do(site: Site) -> None:
    site.world.project("empty")
    page = site.get("/p/empty/releases")
    assert "No release yet" in page
    assert "Open a round first; a release needs labels." in page


def test_a_running_job_is_shown_whoever_comes_by(site: Site, seeded: Seeded) -> None:
    with seeded.world.database.write() as session:
        actor = seeded.world.actor("reader")
        wish = gold.ReleaseWish(seeded.std.version_id)
        release_id = gold.freeze(session, actor, seeded.std.scope, wish)
        job_id = gold.enqueue(session, actor, seeded.std.scope, release_id)
    for path in ("/p/demo/releases", f"/p/demo/releases/{release_id}"):
        assert f"/p/demo/jobs/{job_id}" in site.get(path, "auditor")
    assert worker.run_until(seeded.world.database, job_id).state == "done"
    for path in ("/p/demo/releases", f"/p/demo/releases/{release_id}"):
        assert "Follow the job" not in site.get(path, "auditor")


@pytest.mark.parametrize(
    ("field", "text", "status"),
    [("test", "20%", 302), ("test", "20 %", 302), ("test", "2.5", 422), ("seed", "9" * 5000, 422)],
)
def test_numbers_of_the_form_are_read_or_refused_beside_their_field(
    site: Site, seeded: Seeded, field: str, text: str, status: int
) -> None:
    given = {"version": seeded.std.version_id, "seed": "1", "test": "20", "validation": "10"}
    answer = site.post(PAGE, "reader", **{**given, "undecided": "open", field: text})
    assert answer.status_code == status
    assert ("Give a whole number." in answer.text) == (status == 422)
