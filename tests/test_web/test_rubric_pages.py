"""The rubric page, the editor, publishing; and the rubric API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from rubrics import library
from tests.support.builders import abusive
from tests.support.labelling import label
from tests.test_services.test_rubrics import MAJOR, SOURCE, numbered

if TYPE_CHECKING:
    from tests.test_web.project_support import Site

BROKEN = SOURCE.replace("type: ordinal", "type: ordnal").replace("code: -3", "code: null")


@pytest.fixture
def bare(site: Site) -> Site:
    """A project without a rubric."""
    project_id = site.world.project()
    site.world.grant("designer", "designer", project_id)
    site.world.grant("ann", "annotator", project_id)
    return site


def test_without_a_rubric_the_shipped_ones_are_offered(bare: Site) -> None:
    page = bare.get("/p/demo/rubric", "designer")
    assert "LLM response safety" in page
    assert "start=conversational-abuse" in page
    assert "A rubric designer adds it" in bare.get("/p/demo/rubric", "ann")


def test_a_shipped_rubric_becomes_a_draft_and_is_published(bare: Site) -> None:
    page = bare.get("/p/demo/rubric/new?start=conversational-abuse", "designer")
    assert "id: conversational-abuse" in page
    bare.get("/p/demo/rubric/new?start=unknown", "designer", status=404)
    added = bare.post("/p/demo/rubric/new", "designer", source=SOURCE, do="add")
    assert added.status_code == 302
    page = bare.get(added.location, "designer")
    assert "A draft: no round can ask it until it is published." in page
    assert "No rubric yet" in bare.get("/p/demo/rubric", "ann")
    version = added.location.split("version=")[1].split("&")[0]
    done = bare.post(f"/p/demo/rubric/{version}/publish", "designer")
    assert "is published" in bare.get(done.location, "designer")
    page = bare.get("/p/demo/rubric", "ann")
    assert "How abusive is the last message of the user?" in page
    assert "Asked only when “How abusive is the last message of the user?” is at most −1" in page
    assert "/publish" not in page


def test_every_problem_stands_at_its_line_and_the_text_is_kept(bare: Site) -> None:
    answer = bare.post("/p/demo/rubric/new", "designer", source=BROKEN, do="add")
    assert answer.status_code == 422
    line = 1 + BROKEN[: BROKEN.index("type: ordnal")].count("\n")
    assert f'href="#L{line}"' in answer.text
    assert f'class="ln ln-bad" id="L{line}"' in answer.text
    assert "type: ordnal" in answer.text.split("<textarea", 1)[1]
    assert answer.text.count('class="problem"') >= 2


def test_checking_stores_nothing(bare: Site) -> None:
    answer = bare.post("/p/demo/rubric/new", "designer", source=SOURCE, do="check")
    assert answer.status_code == 200
    assert "It can be used" in answer.text
    assert bare.api("GET", "/projects/demo/rubrics").json["rubric_versions"] == []


def test_a_file_is_taken_instead_of_the_text(bare: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def upload(data: bytes) -> int:
        file = (io.BytesIO(data), "mine.yaml")
        return bare.post("/p/demo/rubric/new", "designer", source="", file=file).status_code

    assert upload(SOURCE.encode()) == 302
    assert upload(b"title: \xff\xfe") == 422
    assert upload(b"a: \x00") == 422
    assert bare.post("/p/demo/rubric/new", "designer", source=" ").status_code == 422
    monkeypatch.setattr("annotate.web.rubrics.MAX_FILE_BYTES", 1000)
    assert upload(SOURCE.encode()) == 422


def test_a_published_number_and_a_small_step_are_refused_in_words(site: Site) -> None:
    site.standard()
    taken = site.post("/p/demo/rubric/new", "designer", source=MAJOR)
    assert taken.status_code == 409
    assert "never edited" in taken.text
    assert "also as a joke" in taken.text
    added = site.post("/p/demo/rubric/new", "designer", source=numbered(MAJOR, "1.1.0"))
    version = added.location.split("version=")[1].split("&")[0]
    refused = site.post(f"/p/demo/rubric/{version}/publish", "designer")
    page = site.get(refused.location, "designer")
    assert "was not published" in page
    assert "2.0.0" in page


def test_a_draft_shows_what_it_changes_and_which_labels(site: Site) -> None:
    standard = site.standard(items=1, overlap=1, annotators=1)
    label(site.world, standard, standard.annotators[0], abusive())
    added = site.post("/p/demo/rubric/new", "designer", source=numbered(MAJOR, "2.0.0"))
    page = site.get(added.location, "designer")
    assert "<ins>, also as a joke</ins>" in page
    assert "category sexist › include SE-I1 › text" in page
    assert "1 of 10 made under 1.0.0" in page
    assert "no word differs" in site.get("/p/demo/rubric?against=1.0.0", "designer")
    site.get("/p/demo/rubric?against=9.9.9", "designer", status=404)


@pytest.mark.parametrize(
    ("view", "words"),
    [("source", 'id="L1"'), ("clauses", "SE-I1"), ("form", 'name="form-severity"'), ("x", "form-")],
)
def test_a_rubric_is_read_in_three_ways(site: Site, view: str, words: str) -> None:
    site.standard()
    assert words in site.get(f"/p/demo/rubric?view={view}", "auditor")


def test_every_shipped_rubric_is_drawn(bare: Site) -> None:
    for name in library.names():
        added = bare.post("/p/demo/rubric/new", "designer", source=library.read(name))
        page = bare.get(added.location, "designer")
        assert "The form, as annotators see it" in page


def test_the_source_is_given_as_it_was_written(site: Site) -> None:
    standard = site.standard()
    answer = site.browser("auditor").get(f"/p/demo/rubric/{standard.version_id}/source")
    assert answer.text == SOURCE
    assert answer.mimetype == "text/plain"
    assert "conversational-abuse-1.0.0.yaml" in answer.headers["Content-Disposition"]
    for missing in ("x", "01a1ff00-0000-7000-8000-000000000000"):
        site.get(f"/p/demo/rubric/{missing}/source", "auditor", status=404)


def test_a_version_of_another_project_is_not_there(site: Site) -> None:
    standard = site.standard()
    site.post("/projects/new", slug="other", title="Other", min_votes="2")
    site.get(f"/p/other/rubric?version={standard.version_id}", status=404)
    site.get(f"/p/other/rubric/{standard.version_id}/source", status=404)
    assert site.post(f"/p/other/rubric/{standard.version_id}/publish").status_code == 404


def test_those_who_may_not_edit_are_refused(site: Site) -> None:
    standard = site.standard()
    for login in ("manager", "auditor", standard.annotators[0]):
        assert site.browser(login).get("/p/demo/rubric/new").status_code == 403
        assert site.post("/p/demo/rubric/new", login, source=SOURCE).status_code == 403
    cross = site.browser("designer").post(
        "/p/demo/rubric/new", data={"source": SOURCE}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert cross.status_code == 403


# ------------------------------------------------------------------------------------------ API


def test_a_program_adds_publishes_and_compares(bare: Site) -> None:
    added = bare.api("POST", "/projects/demo/rubrics", {"source": SOURCE})
    assert (added.status_code, added.json["added"]) == (201, True)
    again = bare.api("POST", "/projects/demo/rubrics", {"source": SOURCE})
    assert (again.status_code, again.json["added"]) == (200, False)
    version = added.json["rubric_version"]
    assert again.json["rubric_version"] == version
    done = bare.api("POST", f"/rubric-versions/{version['id']}/publish", {})
    assert done.json["rubric_version"]["status"] == "published"
    assert bare.api("GET", f"/rubric-versions/{version['id']}/diff").status_code == 409
    second = bare.api("POST", "/projects/demo/rubrics", {"source": numbered(MAJOR, "2.0.0")})
    new_id = second.json["rubric_version"]["id"]
    diff = bare.api("GET", f"/rubric-versions/{new_id}/diff").json
    assert diff["required_bump"] == "major"
    assert diff["changes"][0]["element"] == "category sexist"
    listed = bare.api("GET", "/projects/demo/rubrics").json
    assert [one["version"] for one in listed["rubric_versions"]] == ["2.0.0", "1.0.0"]
    assert listed["current"] == version["id"]


def test_a_program_gets_every_problem_with_line_and_column(bare: Site) -> None:
    answer = bare.api("POST", "/projects/demo/rubrics", {"source": BROKEN, "filename": "mine.yaml"})
    assert answer.status_code == 422
    problems = answer.json["error"]["problems"]
    assert len(problems) >= 2
    line = 1 + BROKEN[: BROKEN.index("type: ordnal")].count("\n")
    first = problems[0]
    assert (first["source"], first["line"], first["severity"]) == ("mine.yaml", line, "error")
    assert first["column"] > 0
    assert first["suggestion"]
    checked = bare.api("POST", "/rubrics/check", {"source": BROKEN, "filename": "mine.yaml"})
    assert (checked.status_code, checked.json["ok"]) == (200, False)
    assert checked.json["problems"] == problems
    fine = bare.api("POST", "/rubrics/check", {"source": SOURCE}).json
    assert fine["ok"]
    assert len(fine["fingerprint"]) == 64


@pytest.mark.parametrize("source", ["", "- a\n- b", "a: [", "a: &x [*x]", "{}"])
def test_what_is_no_rubric_is_refused(bare: Site, source: str) -> None:
    answer = bare.api("POST", "/projects/demo/rubrics", {"source": source})
    assert answer.status_code == 422
    assert answer.json["error"]["problems"]
