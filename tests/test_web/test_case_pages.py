"""Cases in the browser and over the API: sealed first, then side by side, then decided."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

CELLS = ("severity", "types/sexist", "target", "direction")
BLIND = {
    "value:severity": "mild",
    "pick:types": "sexist",
    "value:target": "system",
    "value:direction": "implicit",
}
OWN = {
    "value:severity": "mild",
    "value:types/sexist": "1",
    "value:target": "system",
    "value:direction": "implicit",
}
CHECKED = re.compile(r'name="([^"]+)" value="([^"]*)"(?: data-key="[^"]*")? checked')
RATIONALE = "Clause SE-I1 fits the last message."


def address(seeded: Seeded, verb: str = "") -> str:
    return f"/p/demo/cases/{seeded.open_case}{verb}"


def visible(page: str) -> str:
    """Return the words of a page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def cut(page: str, case_id: str) -> str:
    """Return a case's row of the list."""
    return page[page.index(f'/cases/{case_id}"') :].partition("</tr>")[0]


def answered(site: Site, seeded: Seeded, login: str = "adjudicator") -> None:
    assert site.post(address(seeded, "/take"), login).status_code == 302
    assert site.post(address(seeded, "/answer"), login, **BLIND).status_code == 302


def fence(site: Site, seeded: Seeded, login: str = "adjudicator") -> str:
    found = re.search(r'name="fence" value="(\d+)"', site.get(address(seeded), login))
    assert found is not None
    return found[1]


def choices(page: str) -> dict[str, str]:
    """Return what is chosen on a page, by field."""
    return dict(CHECKED.findall(page))


def test_the_language_of_an_item_stands_by_its_name(site: Site, seeded: Seeded) -> None:
    assert "conversation · English" in visible(site.get(address(seeded), "adjudicator"))
    row = cut(site.get("/p/demo/cases", "adjudicator"), seeded.open_case)
    assert "English" in visible(row)


# ------------------------------------------------------------------------------------- sealed


@pytest.mark.parametrize("state", ["free", "held"])
def test_no_label_is_on_the_page_before_the_own_answer(
    site: Site, seeded: Seeded, state: str
) -> None:
    if state == "held":
        site.post(address(seeded, "/take"), "adjudicator")
    page = site.get(address(seeded), "adjudicator")
    assert 'class="tbl votes"' not in page
    assert choices(page) == {}
    for annotator in seeded.std.annotators:
        assert annotator not in page.lower()
        assert seeded.world.users[annotator] not in page
    if state == "free":
        for words in ("Strong abuse", "Not abusive", "A person", "Explicit"):
            assert words not in visible(page)


@pytest.mark.parametrize("scopes", ["read", "label", "adjudicate"])
def test_the_api_seals_labels_whatever_token_asks(site: Site, seeded: Seeded, scopes: str) -> None:
    path = f"/cases/{seeded.open_case}"
    answer = site.api("GET", path, login="adjudicator", scopes=scopes)
    if answer.status_code == 403:
        return  # this token may not read cases at all
    body = answer.json or {}
    assert body["labels"] is None
    assert body["decisions"] == []
    assert {(cell["reason"], cell["gap"]) for cell in body["cells"]} == {("", None)}
    assert "strong" not in answer.text


def test_the_page_of_the_item_seals_them_too(site: Site, seeded: Seeded) -> None:
    page = site.get(f"/p/demo/items/{seeded.std.item_ids[0]}", "adjudicator")
    assert "Strong abuse" not in visible(page)
    item = f"/items/{seeded.std.item_ids[0]}"
    answer = site.api("GET", item, login="adjudicator", scopes="read")
    assert "strong" not in answer.text


def test_the_own_answer_opens_the_labels_under_letters(site: Site, seeded: Seeded) -> None:
    answered(site, seeded)
    page = site.get(address(seeded), "adjudicator")
    words = visible(page)
    assert 'class="tbl votes"' in page
    assert "Strong abuse" in words
    assert "you, blind" in words
    assert "Ann-1" not in words
    assert choices(page) == OWN


def test_the_blind_page_tells_no_category_from_another(site: Site, seeded: Seeded) -> None:
    site.post(address(seeded, "/take"), "adjudicator")
    page = site.get(address(seeded), "adjudicator")
    boxes = re.findall(r'name="pick:types" value="([^":]+)"', page)
    assert len(boxes) == 7
    for apart in ("pick:types", "sexist"):
        assert page.count(f'data-cell="{apart}') == 0
    assert page.count('data-cell="types"') == 1
    mixed = {**BLIND, "pick:types": [":none", "sexist"]}
    answer = site.post(address(seeded, "/answer"), "adjudicator", **mixed)
    assert answer.status_code == 422
    assert "or none, unsure or not asked alone" in answer.text


def test_an_adjudicators_list_shows_what_is_at_issue_after_the_answer(
    site: Site, seeded: Seeded
) -> None:
    before = site.get("/p/demo/cases", "adjudicator")
    assert before.count(">sealed<") >= 3
    assert seeded.open_case not in site.get("/p/demo/cases?gap=2", "adjudicator")
    assert seeded.open_case in site.get("/p/demo/cases?gap=2", "designer")
    listed = call(site, "GET", "/projects/demo/cases").json["cases"]
    assert {one["largest_gap"] for one in listed} == {None}
    answered(site, seeded)
    assert seeded.open_case in site.get("/p/demo/cases?gap=2", "adjudicator")


def test_an_incomplete_own_answer_keeps_what_was_chosen(site: Site, seeded: Seeded) -> None:
    site.post(address(seeded, "/take"), "adjudicator")
    given = {name: value for name, value in BLIND.items() if name != "value:target"}
    answer = site.post(address(seeded, "/answer"), "adjudicator", **given)
    assert answer.status_code == 422
    assert choices(answer.text) == given
    assert "Answer this first, or say unsure." in answer.text
    assert 'class="tbl votes"' not in answer.text


# ------------------------------------------------------------------------------------- deciding


def decision(site: Site, seeded: Seeded, **changes: str) -> dict[str, str]:
    return {
        **OWN,
        "fence": fence(site, seeded),
        "cause": "guideline_gap",
        "rationale": RATIONALE,
        **changes,
    }


def test_a_decision_closes_the_case_and_opens_the_next(site: Site, seeded: Seeded) -> None:
    answered(site, seeded)
    answer = site.post(address(seeded, "/decide"), "adjudicator", **decision(site, seeded))
    assert answer.status_code == 302
    assert answer.location != address(seeded)
    assert answer.location.startswith("/p/demo/cases/")
    page = visible(site.get(address(seeded), "designer"))
    assert RATIONALE in page
    assert "Every cell is decided." not in page, "a reader is told that an adjudicator decides"
    assert page.count("in force") == len(CELLS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cause": ""}, "cause"),
        ({"value:severity": "enormous"}, "enormous"),
    ],
)
def test_a_refused_decision_keeps_everything_typed(
    site: Site, seeded: Seeded, changes: dict[str, str], said: str
) -> None:
    answered(site, seeded)
    given = decision(site, seeded, **changes)
    answer = site.post(address(seeded, "/decide"), "adjudicator", **given)
    assert answer.status_code == 422
    assert RATIONALE in answer.text
    kept = choices(answer.text)
    for name, value in given.items():
        if name.startswith("value:") and value != "enormous":
            assert kept[name] == value
    assert said in answer.text
    assert site.get(address(seeded), "designer").count("in force") == 0


def test_a_decision_under_a_lost_lease_is_refused(site: Site, seeded: Seeded) -> None:
    answered(site, seeded)
    given = decision(site, seeded)
    site.post(address(seeded, "/back"), "adjudicator")
    site.post(address(seeded, "/take"), "second")
    answer = site.post(address(seeded, "/decide"), "adjudicator", **given)
    assert answer.status_code == 410
    assert "in force" not in site.get(address(seeded), "designer")


def test_a_revoked_decision_stays_on_record(site: Site, seeded: Seeded) -> None:
    path = f"/p/demo/cases/{seeded.decided_case}"
    empty = site.post(f"{path}/revoke", "adjudicator", cell="severity", rationale="")
    assert empty.status_code == 422
    done = site.post(f"{path}/revoke", "adjudicator", cell="severity", rationale="Wrong clause.")
    assert done.status_code == 302
    page = visible(site.get(path, "adjudicator"))
    assert "Wrong clause." in page
    assert "superseded" in page
    assert "in force" not in page


# ------------------------------------------------------------------------------------- readers


@pytest.mark.parametrize("login", ["designer", "auditor", "reader"])
def test_who_may_not_decide_reads_only(site: Site, seeded: Seeded, login: str) -> None:
    page = site.get(address(seeded), login)
    assert "You can read this case. An adjudicator decides on it." in page
    assert "Strong abuse" in page
    main = page[page.index('<main class="adj"') : page.index("</main>")]
    assert "<form" not in main
    assert "Take the next case" not in site.get("/p/demo/cases", login)
    for verb in ("/take", "/back", "/answer", "/decide", "/revoke"):
        assert site.post(address(seeded, verb), login).status_code == 403


def test_annotators_and_strangers_learn_nothing_of_cases(site: Site, seeded: Seeded) -> None:
    site.world.project("other")
    assert site.browser("ann-1").get(address(seeded)).status_code == 403
    site.get(f"/p/other/cases/{seeded.open_case}", status=404)
    assert site.app.test_client().get(address(seeded)).status_code == 302


# ------------------------------------------------------------------------------------- list


def listed(site: Site, query: str = "") -> list[str]:
    page = site.get(f"/p/demo/cases{query}", "designer")
    return re.findall(r'href="/p/demo/cases/([0-9a-f-]{36})"', page)


def test_the_list_filters_by_state_cell_gap_reason_and_cause(site: Site, seeded: Seeded) -> None:
    everything = listed(site, "?state=all")
    assert len(everything) == 4
    assert seeded.decided_case not in listed(site)
    assert listed(site, "?state=decided") == [seeded.decided_case]
    assert listed(site, "?cell=types/sexist") == [seeded.open_case]
    assert listed(site, "?gap=2") == [seeded.open_case]
    assert listed(site, "?state=all&reason=unsure") == [seeded.decided_case]
    assert listed(site, "?state=all&cause=genuine_pluralism") == [seeded.decided_case]
    assert listed(site, "?state=all&cause=translation") == []
    assert "No case fits these filters" in site.get("/p/demo/cases?state=withdrawn", "designer")


def test_no_case_left_says_so(site: Site) -> None:
    project_id = site.world.project("empty")
    site.world.grant("judge", "adjudicator", project_id)
    shown = site.get("/p/empty/cases", "judge")
    assert "No disagreement yet" in shown
    assert "Take the next case" not in shown
    answer = site.post("/p/empty/cases/next", "judge")
    assert answer.location == "/p/empty/cases?done=none"


# ------------------------------------------------------------------------------------- API


def call(site: Site, method: str, path: str, body: Any = None) -> Any:
    return site.api(method, path, body, login="adjudicator", scopes="adjudicate read")


def test_a_program_takes_answers_and_decides(site: Site, seeded: Seeded) -> None:
    path = f"/cases/{seeded.open_case}"
    held = call(site, "POST", f"{path}/take").json["case"]
    assert held["case_id"] == seeded.open_case
    answers = {name.removeprefix("value:"): {"value": value} for name, value in OWN.items()}
    parts = {**answers, "types": {"values": ["sexist"]}}
    refused = call(site, "POST", f"{path}/answer", {"answers": answers})
    assert refused.status_code == 422, "one category is not the whole question"
    assert [problem["place"] for problem in refused.json["error"]["problems"]] == ["types"]
    del parts["types/sexist"]
    assert call(site, "POST", f"{path}/answer", {"answers": parts}).status_code == 200
    labels = call(site, "GET", path).json["labels"]
    assert {label["who"] for label in labels} == {"a", "b", "c"}
    rulings = [
        {
            "question": key.partition("/")[0],
            "category": key.partition("/")[2],
            "value": own["value"],
            "cause": "guideline_gap",
            "rationale": RATIONALE,
        }
        for key, own in answers.items()
    ]
    wrong = {"fence": held["fence"], "rulings": [{**rulings[0], "weight": 2}]}
    assert call(site, "POST", f"{path}/decide", wrong).status_code == 422
    right = {"fence": held["fence"], "rulings": rulings}
    made = call(site, "POST", f"{path}/decide", right)
    assert len(made.json["decisions"]) == len(rulings)
    after = call(site, "GET", path).json
    assert after["state"] == "decided"
    assert {one["rationale"] for one in after["decisions"]} == {RATIONALE}
    listed = call(site, "GET", "/projects/demo/cases?state=decided").json["cases"]
    assert {one["id"] for one in listed} == {seeded.open_case, seeded.decided_case}


def test_the_next_case_of_a_program_is_the_longest_waiting(site: Site, seeded: Seeded) -> None:
    held = call(site, "POST", "/projects/demo/cases/next").json["case"]
    waiting = call(site, "GET", "/projects/demo/cases").json["cases"]
    assert held["case_id"] == waiting[0]["id"]
    assert waiting[0]["held"] is True
    assert seeded.decided_case not in {one["id"] for one in waiting}


def test_the_page_of_its_item_tells_a_decision_in_words(site: Site, seeded: Seeded) -> None:
    shown = site.get(f"/p/demo/items/{seeded.std.item_ids[1]}", "designer")
    assert "<b>Mild abuse</b>" in shown
    assert "People rightly differ; keep the distribution" in shown
