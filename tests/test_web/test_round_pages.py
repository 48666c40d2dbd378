"""Rounds in the browser, the plan before the tasks; and the round API."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from annotate.services import projects

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.test_web.project_support import Site


@pytest.fixture
def ready(site: Site) -> Site:
    """A project with a rubric, items and annotators, and no round."""
    project_id = site.world.project()
    site.world.grant("manager", "manager", project_id)
    site.version_id = site.world.rubric(project_id)
    site.world.items(project_id, 4)
    for number in range(1, 4):
        site.world.grant(f"ann-{number}", "annotator", project_id, team="North")
    return site


def form(site: Site, **more: Any) -> dict[str, Any]:
    return {
        "name": "First",
        "phase": "pilot",
        "rubric_version_id": site.version_id,
        "places": "open",
        "overlap": "2",
        "minutes_per_item": "1.5",
        "seed": "7",
        **more,
    }


def send(site: Site, do: str = "plan", **more: Any) -> TestResponse:
    return site.post("/p/demo/rounds/new", "manager", do=do, **form(site, **more))


def test_without_rounds_the_page_says_what_is_needed(ready: Site) -> None:
    assert "No round yet" in ready.get("/p/demo/rounds", "manager")
    page = ready.get("/p/demo/rounds/new", "manager")
    assert "Round 1" in page
    assert "in force" in page


def test_a_project_without_a_version_leads_to_the_rubric(site: Site) -> None:
    site.world.project()
    assert "No version is published" in site.get("/p/demo/rounds/new")
    assert "needs a published rubric and items" in site.get("/p/demo/rounds")


def test_the_plan_is_shown_first_and_then_made(ready: Site) -> None:
    page = send(ready)
    assert page.status_code == 200
    assert "4 items, 8 annotations, about 0.2 hours of work. Nothing is made yet." in page.text
    assert "Ann-1" in page.text
    assert "Sexual harassment" in page.text
    assert "No round yet" in ready.get("/p/demo/rounds", "manager")
    carried = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert carried["rubric_version_id"] == ready.version_id
    made = ready.post("/p/demo/rounds/new", "manager", do="confirm", **carried)
    assert made.status_code == 302
    page = ready.get(made.location, "manager")
    assert "The round is made and open." in page
    assert "0 of 4 items have all their labels." in page
    assert "First" in ready.get("/p/demo/rounds", "manager")


def test_going_back_keeps_the_design(ready: Site) -> None:
    page = send(ready, do="edit", name="Kept", overlap="3")
    assert page.status_code == 200
    assert 'value="Kept"' in page.text


def test_problems_stand_at_their_field(ready: Site) -> None:
    for more, words in (
        ({"overlap": "x"}, "Give a whole number."),
        ({"overlap": "0"}, "Give a whole number from 1 to 50."),
        ({"minutes_per_item": "soon"}, "Give a number of minutes."),
        ({"minutes_per_item": "nan"}, "Give minutes over 0"),
        ({"name": ""}, "A round needs a name."),
        ({"places": "file"}, "Choose the file"),
    ):
        page = send(ready, **more)
        assert page.status_code == 422, more
        assert words in page.text, more
    assert send(ready, rubric_version_id="x").status_code == 404


def test_a_plan_that_cannot_be_made_offers_no_button(ready: Site) -> None:
    page = send(ready, overlap="4")
    assert "It cannot be made" in page.text
    assert 'value="confirm"' not in page.text
    assert send(ready, do="confirm", overlap="4").status_code == 422


def test_an_allocation_comes_from_a_file_and_is_carried(ready: Site) -> None:
    text = "item,annotator\nitem-0000,ann-1\nitem-0000,ann-2\nitem-0001,ann-3\n"
    page = send(ready, places="file", file=(io.BytesIO(text.encode()), "who.csv"))
    assert "2 items, 3 annotations" in page.text
    carried = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    made = ready.post("/p/demo/rounds/new", "manager", do="confirm", **carried)
    page = ready.get(made.location, "manager")
    assert "up to 2, named" in page
    assert "2 items are not in this round" in page
    assert "touchstone tasks generate" in page
    assert "/generate" not in page


def test_a_bad_allocation_names_its_lines(ready: Site) -> None:
    def upload(data: bytes) -> TestResponse:
        return send(ready, places="file", file=(io.BytesIO(data), "who.csv"))

    page = upload(b"item,annotator\na,b\na,b\nc\n")
    assert page.status_code == 422
    assert "line 3" in page.text
    assert "line 4" in page.text
    assert upload(b"item,annotator\n\xff,b\n").status_code == 422
    assert upload(b"item,annotator\na\x00,b\n").status_code == 422
    page = upload(b"item,annotator\nnowhere,ann-1\n")
    assert "nowhere" in page.text


def test_a_round_is_paused_resumed_and_closed(ready: Site) -> None:
    made = send(ready, do="confirm").location.split("?")[0]
    for state, words in (
        ("paused", "Paused: nobody gets a new item."),
        ("open", "0 of 4 items"),
        ("closed", "Closed: its labels stay"),
    ):
        done = ready.post(f"{made}/state", "manager", state=state)
        assert words in ready.get(done.location, "manager")
    assert ready.post(f"{made}/state", "manager", state="open").status_code == 409
    assert ready.browser("ann-1").get("/p/demo/rounds").status_code == 403


def test_new_items_are_added_from_the_page(ready: Site) -> None:
    made = send(ready, do="confirm").location.split("?")[0]
    with ready.database.read() as session:
        project_id = projects.by_slug(session, ready.world.actor("manager"), "demo").id
    ready.world.items(project_id, 2, prefix="later")
    assert "2 items are not in this round" in ready.get(made, "manager")
    done = ready.post(f"{made}/generate", "manager")
    assert "2 tasks were added." in ready.get(done.location, "manager")
    assert "are not in this round" not in ready.get(made, "manager")


def test_unknown_rounds_are_not_there(ready: Site) -> None:
    for missing in ("x", "01a1ff00-0000-7000-8000-000000000000"):
        ready.get(f"/p/demo/rounds/{missing}", "manager", status=404)
        assert (
            ready.post(f"/p/demo/rounds/{missing}/state", "manager", state="open").status_code
            == 404
        )


# ------------------------------------------------------------------------------------------ API


def design(site: Site, **more: Any) -> dict[str, Any]:
    return {"rubric_version_id": site.version_id, "name": "First", "overlap": 2, **more}


def test_a_program_plans_makes_and_follows_a_round(ready: Site) -> None:
    plan = ready.api("POST", "/projects/demo/rounds/plan", design(ready)).json
    assert (plan["ok"], plan["tasks"], plan["places"]) == (True, 4, 8)
    assert {row["annotator"] for row in plan["load"]} == {"ann-1", "ann-2", "ann-3"}
    assert plan["slices"]["language"] == {"en": 4}
    made = ready.api("POST", "/projects/demo/rounds", design(ready))
    assert (made.status_code, made.json["tasks_added"]) == (201, 4)
    again = ready.api("POST", "/projects/demo/rounds", design(ready))
    assert (again.status_code, again.json["tasks_added"]) == (200, 0)
    round_id = made.json["round_id"]
    assert again.json["round_id"] == round_id
    listed = ready.api("GET", "/projects/demo/rounds", scopes="read").json["rounds"]
    assert [(one["id"], one["places_open"]) for one in listed] == [(round_id, 8)]
    paused = ready.api("POST", f"/rounds/{round_id}/state", {"state": "paused"})
    assert paused.json["state"] == "paused"
    assert ready.api("GET", f"/rounds/{round_id}").json["state"] == "paused"
    more = ready.api("POST", f"/rounds/{round_id}/generate", {})
    assert more.json["tasks_added"] == 0
    assert ready.api("POST", f"/rounds/{round_id}/state", {"state": "gone"}).status_code == 409


def test_a_program_brings_its_allocation(ready: Site) -> None:
    allocation = {"item-0000": ["ann-1", "ann-2"], "item-0001": ["ann-3"]}
    made = ready.api("POST", "/projects/demo/rounds", design(ready, allocation=allocation))
    assert made.json["places_kept"] == 3
    wrong = {"item-0000": ["nobody"], "nowhere": ["ann-1"]}
    bad = ready.api("POST", "/projects/demo/rounds", design(ready, name="B", allocation=wrong))
    assert bad.status_code == 422
    codes = {problem["code"] for problem in bad.json["error"]["problems"]}
    assert codes == {"unknown_item", "unknown_person"}


@pytest.mark.parametrize(
    "more",
    [{"overlap": "2"}, {"overlap": 0}, {"seed": -1}, {"allocation": []}, {"surprise": 1}],
)
def test_bad_designs_are_refused(ready: Site, more: dict[str, Any]) -> None:
    answer = ready.api("POST", "/projects/demo/rounds/plan", design(ready, **more))
    assert answer.status_code == 422
    assert answer.json["error"]["problems"]


def test_tokens_without_the_scope_are_refused(ready: Site) -> None:
    answer = ready.api("POST", "/projects/demo/rounds", design(ready), scopes="read")
    assert answer.status_code == 403
