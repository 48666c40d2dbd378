"""Home, list, new project, overview and settings; and the project API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotate.services import rounds
from annotate.services.identity import system_actor
from tests.support.builders import abusive
from tests.support.labelling import label

if TYPE_CHECKING:
    from tests.test_web.project_support import Site


def test_an_administrator_without_projects_learns_how_to_begin(site: Site) -> None:
    page = site.get("/")
    assert "No project yet" in page
    assert "/projects/new" in page


def test_somebody_without_a_role_learns_whom_to_ask(site: Site) -> None:
    site.world.user("nobody")
    page = site.get("/", "nobody")
    assert "No project is open to you yet" in page
    assert "/projects/new" not in page


def test_an_annotator_of_one_project_goes_to_the_work(site: Site) -> None:
    standard = site.standard()
    for path in ("/", "/p/demo/"):
        answer = site.browser(standard.annotators[0]).get(path)
        assert answer.status_code == 302
        assert answer.location.endswith("/p/demo/work")
    assert "Demo" in site.get("/projects", standard.annotators[0])
    assert "Demo" in site.get("/", "designer")


def test_options_of_the_same_name_stand_under_their_questions(site: Site) -> None:
    world = site.world
    project = world.project("pairs")
    version = world.rubric(project, "refusal-pairs")
    world.grant("root", "administrator")
    world.round(project, version, world.pairs(project, 2))
    page = site.get("/p/pairs/")
    for words in ("Which responses refuse too much?", "Which responses give what they should not"):
        heading = page.index(words)
        assert heading < page.index("Response 1", heading)
    assert page.count('<tr class="group">') >= 2
    site.standard()
    assert '<tr class="group">' not in site.get("/p/demo/")


def test_a_new_project_is_made_from_the_form(site: Site) -> None:
    site.get("/projects/new")
    answer = site.post("/projects/new", slug="safety", title="Safety", min_votes="3")
    assert answer.status_code == 302
    page = site.get(answer.location)
    assert "There is no rubric yet" in page
    assert "The project is made" in page


def test_a_refused_form_keeps_what_was_typed(site: Site) -> None:
    answer = site.post("/projects/new", slug="Not Good", title="My <b>words</b>", min_votes="x")
    assert answer.status_code == 422
    assert "Give a whole number" in answer.text
    answer = site.post("/projects/new", slug="Not Good", title="My <b>words</b>", min_votes="2")
    assert answer.status_code == 422
    assert "My &lt;b&gt;words&lt;/b&gt;" in answer.text
    assert 'value="Not Good"' in answer.text
    assert "small letters, digits" in answer.text
    site.standard()
    taken = site.post("/projects/new", slug="demo", title="Again", min_votes="2")
    assert taken.status_code == 409
    assert "is taken" in taken.text


def test_only_those_who_may_make_projects_see_the_form(site: Site) -> None:
    site.standard()
    assert site.browser("manager").get("/projects/new").status_code == 403
    assert site.post("/projects/new", "manager", slug="x", title="X").status_code == 403
    # a designer of one project is let to the form by the table, and refused by the service
    assert (
        site.post("/projects/new", "designer", slug="x", title="X", min_votes="2").status_code
        == 403
    )


def test_the_overview_says_first_how_far_the_project_is(site: Site) -> None:
    standard = site.standard(items=2, overlap=1, annotators=1)
    label(site.world, standard, standard.annotators[0], abusive())
    page = site.get("/p/demo/", "manager")
    assert "1 of 2 planned items have all their labels." in page
    assert "0 of 7 categories" in page
    assert "none yet" in page
    with site.database.write() as session:
        actor = system_actor(session)
        rounds.set_state(session, actor, standard.scope, standard.round_id, "paused")
    assert "No round is open: 1 of 2 places wait." in site.get("/p/demo/", "manager")


def test_settings_are_changed_once_from_one_version(site: Site) -> None:
    site.standard()
    assert 'name="version" value="1"' in site.get("/p/demo/settings", "designer")
    typed = {"version": "1", "title": "Demo two", "min_votes": "4"}
    saved = site.post("/p/demo/settings", "designer", adjudicator_may_be_annotator="1", **typed)
    assert saved.status_code == 302
    page = site.get("/p/demo/settings?done=saved", "designer")
    assert "The settings are saved." in page
    assert "Demo two" in page
    assert " checked" in page
    late = site.post("/p/demo/settings", "designer", **{**typed, "title": "Mine"})
    assert late.status_code == 409
    assert 'value="Mine"' in late.text
    bad = site.post("/p/demo/settings", "designer", version="2", title="", min_votes="0")
    assert bad.status_code == 422
    assert site.browser("manager").get("/p/demo/settings").status_code == 403


def test_foreign_and_missing_projects_answer_alike(site: Site) -> None:
    site.standard()
    site.world.user("stranger")
    for path in ("/p/demo/", "/p/none/", "/p/demo/rubric", "/p/none/rubric", "/p/demo/rounds"):
        assert site.browser("stranger").get(path).status_code == 404
    assert site.app.test_client().get("/p/demo/").status_code == 302


def test_a_program_makes_a_project_and_follows_it(site: Site) -> None:
    made = site.api("POST", "/projects", {"slug": "safety", "title": "Safety"})
    assert made.status_code == 201
    assert made.json["settings"] == {"adjudicator_may_be_annotator": False, "min_votes": 2}
    assert [one["slug"] for one in site.api("GET", "/projects").json["projects"]] == ["safety"]
    change = {"version": 1, "title": "S", "description": "", "settings": {"min_votes": 5}}
    assert site.api("PUT", "/projects/safety", change).json["settings"]["min_votes"] == 5
    assert site.api("PUT", "/projects/safety", change).status_code == 409
    assert site.api("GET", "/projects/safety").json["version"] == 2
    progress = site.api("GET", "/projects/safety/progress").json
    assert (progress["stage"], progress["items"], progress["rounds"]) == ("rubric", 0, [])


def test_bad_bodies_name_their_field(site: Site) -> None:
    bad = site.api("POST", "/projects", {"slug": "A", "title": "", "settings": {"min_votes": "2"}})
    assert bad.status_code == 422
    fields = {problem["field"] for problem in bad.json["error"]["problems"]}
    assert fields == {"slug", "title", "min_votes"}
    unknown = site.api("POST", "/projects", {"slug": "a", "title": "b", "colour": "red"})
    assert unknown.status_code == 422
    assert unknown.json["error"]["problems"][0]["place"] == "colour"


def test_progress_counts_positives_by_language(site: Site) -> None:
    standard = site.standard(items=1, overlap=2, annotators=2)
    for login in standard.annotators:
        label(site.world, standard, login, abusive())
    assert "39 short" in site.get("/p/demo/", "manager")
    found = site.api("GET", "/projects/demo/progress").json
    sexist = next(one for one in found["positives"] if one["category"] == "sexist")
    assert sexist["items_positive"] == 1
    assert sexist["by_language"] == [{"language": "en", "items_positive": 1}]
    assert found["rounds"][0]["items_complete"] == 1
    answer = site.api(
        "GET", "/projects/demo/progress", login=standard.annotators[0], scopes="label"
    )
    assert answer.status_code == 403
