"""Pages of items: the list and its filters, one item, what stays sealed, quarantine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from annotate.db import new_id
from annotate.services import labeling
from annotate.services.item_filters import ItemFilter
from annotate.services.items import page
from rubrics.library import read
from tests.support.builders import ABUSE, BENIGN, Standard, abusive
from tests.support.databases import ON_SQLITE
from tests.support.labelling import held, label
from tests.test_services.items_support import import_file, jsonl
from tests.test_web.items_support import ORIGIN, Site, text_of

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from annotate.config import Settings
    from annotate.db import Database

pytestmark = pytest.mark.db
# What only HTTP decides is asked of one database; the services below are tested on both.


@pytest.fixture
def site(settings: Settings, database: Database) -> Site:
    return Site.open(settings, database)


@pytest.fixture
def demo(site: Site) -> Standard:
    site.world.grant("boss", "administrator")
    return site.world.standard(items=3, overlap=2, annotators=3)


def test_the_list_tells_how_far_each_item_is(site: Site, demo: Standard) -> None:
    labelled = label(site.world, demo, "ann-1", BENIGN).item["id"]
    answer = site.as_person("manager").get("/p/demo/items")
    assert answer.status_code == 200
    shown = text_of(answer)
    assert "3 items" in shown
    assert f"/p/demo/items/{labelled}" in shown
    assert "partly labelled" in shown
    assert "not labelled" in shown
    assert "Water the plants" not in shown, "content is shown when it is asked for"
    assert "Water the plants" in text_of(site.as_person("manager").get("/p/demo/items?words=1"))


@ON_SQLITE
@pytest.mark.usefixtures("demo")
def test_a_filter_that_does_not_exist_is_named(site: Site) -> None:
    answer = site.as_person("manager").get("/p/demo/items?state=lost")
    assert answer.status_code == 200
    assert "The filter was not used." in text_of(answer)
    assert "The state is &#39;lost&#39;" in text_of(answer)


@ON_SQLITE
def test_an_empty_project_says_what_next(site: Site) -> None:
    site.world.project()
    site.world.grant("boss", "administrator")
    shown = text_of(site.as_person("boss").get("/p/demo/items"))
    assert "No items yet" in shown
    assert 'href="/p/demo/import"' in shown
    site.world.grant("looker", "auditor")
    shown = text_of(site.as_person("looker").get("/p/demo/items"))
    assert 'href="/p/demo/import"' not in shown


def test_an_item_shows_every_label_version_and_case(site: Site, demo: Standard) -> None:
    first = label(site.world, demo, "ann-1", BENIGN).item["id"]
    second = label(site.world, demo, "ann-2", abusive("strong", ("sexist", "racist"))).item["id"]
    assert first == second
    shown = text_of(site.as_person("manager").get(f"/p/demo/items/{first}"))
    for words in ("Ann-1", "Ann-2", "Water the plants", "differ", "not asked", "Case", "open"):
        assert words in shown
    assert "annotators" in shown


def test_labels_are_sealed_before_an_adjudicators_own_answer(site: Site, demo: Standard) -> None:
    item = label(site.world, demo, "ann-1", BENIGN).item["id"]
    label(site.world, demo, "ann-2", abusive())
    shown = text_of(site.as_person("adjudicator").get(f"/p/demo/items/{item}"))
    assert "sealed for you" in shown
    assert "Ann-1" not in shown


def test_labels_are_sealed_for_who_may_still_label_the_item(site: Site, demo: Standard) -> None:
    item = label(site.world, demo, "ann-1", BENIGN).item["id"]
    site.world.grant("ann-3", "manager", demo.project_id)
    shown = text_of(site.as_person("ann-3").get(f"/p/demo/items/{item}"))
    assert "sealed for you" in shown
    assert "Ann-1" not in shown


@pytest.mark.usefixtures("demo")
def test_an_item_of_another_project_or_of_none_is_not_there(site: Site) -> None:
    other = site.world.project("other")
    foreign = site.world.items(other, 1, "foreign")[0]
    client = site.as_person("manager")
    pages = [client.get(f"/p/demo/items/{key}") for key in (foreign, new_id(), "nonsense")]
    assert [answer.status_code for answer in pages] == [404, 404, 404]
    assert len({answer.get_data() for answer in pages}) == 1
    assert client.get(f"/api/v1/items/{foreign}").status_code == 404


def test_a_reported_item_is_gone_until_an_administrator_releases_it(
    site: Site, demo: Standard
) -> None:
    place = held(site.world, demo, "ann-1")
    with site.database.write() as session:
        actor = site.world.actor("ann-1")
        labeling.report(
            session, actor, demo.scope, place.id, place.fence, kind="personal_data", note="a name"
        )
    item = place.item["id"]
    boss = site.as_person("boss")
    assert boss.get(f"/p/demo/items/{item}").status_code == 404
    assert place.item["external_id"] not in text_of(boss.get("/p/demo/items"))
    assert "2 items" in text_of(boss.get("/p/demo/items"))
    assert site.as_person("manager").get("/p/demo/quarantine").status_code == 403
    listed = text_of(boss.get("/p/demo/quarantine"))
    assert place.item["external_id"] in listed
    assert "personal data" in listed
    assert "Water the plants" not in listed
    path = f"/p/demo/quarantine/{item}/release"
    assert boss.post(path, headers=ORIGIN).status_code == 302
    assert boss.get(f"/p/demo/items/{item}").status_code == 200
    assert "Nothing is in quarantine" in text_of(boss.get("/p/demo/quarantine"))
    assert boss.post(path, headers=ORIGIN).status_code == 409


@ON_SQLITE
def test_the_api_lists_and_shows_items(site: Site, demo: Standard) -> None:
    item = label(site.world, demo, "ann-1", abusive()).item["id"]
    headers = site.as_program("reader", "read")
    client = site.app.test_client()
    listed = client.get("/api/v1/projects/demo/items?state=partly", headers=headers).get_json()
    assert [line["id"] for line in listed["items"]] == [item]
    assert listed["next"] is None
    shown = client.get(f"/api/v1/items/{item}", headers=headers).get_json()
    labels = {
        (one["question"], one["category"]): one["value"]
        for one in shown["annotations"][0]["labels"]
    }
    assert labels["severity", ""] == "mild"
    assert labels["types", "sexist"] == "1"
    wrong = client.get("/api/v1/projects/demo/items?colour=red", headers=headers)
    assert wrong.status_code == 422
    assert "no filter 'colour'" in wrong.get_json()["error"]["message"]


@ON_SQLITE
def test_pages_of_the_list_meet_without_gap(site: Site, demo: Standard, tmp_path: Path) -> None:
    rows = [{"id": f"row-{n:03}", "text": f"Number {n}."} for n in range(120)]
    import_file(site.database, demo.scope, jsonl(tmp_path / "a.jsonl", rows))
    client = site.app.test_client()
    headers = site.as_program("reader", "read")
    found: list[str] = []
    address = "/api/v1/projects/demo/items?id=row-"
    while address:
        answer = client.get(address, headers=headers).get_json()
        found += [line["external_id"] for line in answer["items"]]
        address = answer["next"]
    assert found == [f"row-{n:03}" for n in reversed(range(120))]
    with site.database.read() as session:
        wanted = ItemFilter(external_id="row-")
        first = page(session, demo.scope, wanted)
        second = page(session, demo.scope, wanted, before=first.older)
        back = page(session, demo.scope, wanted, after=second.newer)
    assert first.newer is None
    assert [line.id for line in back.lines] == [line.id for line in first.lines]
    shown = text_of(site.as_person("manager").get("/p/demo/items?id=row-"))
    assert 'rel="next"' in shown


@ON_SQLITE
def test_content_is_concealed_where_the_rubric_asks_for_it(site: Site) -> None:
    project_id = site.world.project("quiet")
    site.world.grant("boss", "administrator")
    source = read(ABUSE)
    assert "conceal: " in source
    site.world.rubric(project_id, source=re.sub(r"conceal: \w+", "conceal: always", source))
    (item,) = site.world.items(project_id, 1)
    shown = text_of(site.as_person("boss").get(f"/p/quiet/items/{item}"))
    assert shown.count('<details class="veil"><summary class="concealed">') == 2
    assert "In no round yet" in shown


def test_an_item_without_words_is_called_by_what_it_holds(site: Site, demo: Standard) -> None:
    bed = {"sha256": "0" * 64, "type": "image/png", "name": "bed.png", "target": "text"}
    bodies: list[dict[str, Any]] = [
        {"text": "", "media": [bed]},
        {"text": '"text":""}'},
        {"text": "B", "media": [bed]},
    ]
    keys = site.world.items_of(demo.project_id, "text", bodies, "file")
    manager = site.as_person("manager")
    told = ["picture or recording", "text", "text"]
    for number, (key, words) in enumerate(zip(keys, told, strict=True)):
        row = rf"file-000{number}</a></th>\s*<td[^>]*>{words}</td>"
        assert re.search(row, manager.get("/p/demo/items").text)
        assert f'<p class="lede">{words}</p>' in manager.get(f"/p/demo/items/{key}").text


@ON_SQLITE
def test_a_page_without_an_entry_is_found_under_the_one_that_leads_to_it(
    site: Site, demo: Standard
) -> None:
    assert demo.annotators
    current = re.compile(r'href="([^"]*)" aria-current="page"')
    for login, path, entry in (
        ("manager", "jobs", "items"),
        ("manager", "items", "items"),
        ("ann-1", "feedback", "work"),
    ):
        shown = site.as_person(login).get(f"/p/demo/{path}").text
        assert current.findall(shown) == [f"/p/demo/{entry}"], path
