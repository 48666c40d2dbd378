"""Agreement pages and API: the same figures everywhere, and the items behind each."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from annotate.cli.agreement_commands import agreement as agreement_command
from annotate.services import agreement, gold
from annotate.services.agreement import Slice
from annotate.web.charts import matrix
from tests.support.builders import ABUSE

if TYPE_CHECKING:
    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

API = "/projects/demo/agreement"
PAGE = "/p/demo/agreement"
COEFFICIENTS = ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "percent_agreement")


def report(site: Site, query: str = "") -> dict[str, Any]:
    answer = site.api("GET", API + query, scopes="read")
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def figures(variables: list[dict[str, Any]]) -> dict[tuple[str, ...], float | None]:
    """Return every coefficient and its interval by what it is about."""
    found: dict[tuple[str, ...], float | None] = {}
    for one in variables:
        key = (one["question"], one["category"], one["conditioning"], one["level"])
        for name in COEFFICIENTS:
            result = one["results"].get(name)
            if result is not None:
                found[*key, name] = result["value"]
                interval = result["interval"] or {}
                found[*key, name, "low"] = interval.get("low")
    return found


def same(
    left: dict[tuple[str, ...], float | None], right: dict[tuple[str, ...], float | None]
) -> None:
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert value == (None if right[key] is None else pytest.approx(right[key], abs=1e-9)), key


def test_the_api_gives_the_figures_of_the_service(site: Site, seeded: Seeded) -> None:
    body = report(site)
    with site.database.read() as session:
        measured = agreement.measure(
            session, site.world.actor("root"), seeded.std.scope, Slice(seeded.std.version_id)
        )
    told = json.loads(json.dumps(measured.report.to_json()))
    assert body["rubric_version_id"] == seeded.std.version_id
    assert len(figures(body["variables"])) > 40
    same(figures(body["variables"]), figures(told["variables"]))


def test_the_command_gives_the_same_figures_from_a_released_file(
    site: Site, seeded: Seeded
) -> None:
    release_id, _job = seeded.release()
    with site.database.read() as session:
        labels = gold.file_path(session, seeded.std.scope, release_id, "labels.jsonl")
    arguments = [str(labels), "--rubric", ABUSE, "--json"]
    done = CliRunner().invoke(agreement_command, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    same(figures(report(site)["variables"]), figures(told["variables"]))


def test_every_defined_alpha_of_the_report_stands_on_the_page(site: Site, seeded: Seeded) -> None:
    del seeded
    shown = site.get(PAGE)
    severity = next(
        one["results"][COEFFICIENTS[0]]["value"]
        for one in report(site)["variables"]
        if one["question"] == "severity" and not one["category"]
    )
    assert f"<b>{severity:.2f}</b>".replace("0.", ".") in shown
    assert "not enough items: 6 of 200" in shown
    assert "nobody chose it" in shown
    assert "nan" not in re.sub(r"<[^>]*>", " ", shown).lower().split()


def test_every_figure_leads_to_its_items(site: Site, seeded: Seeded) -> None:
    shown = site.get(PAGE)
    links = [
        one.replace("&amp;", "&") for one in re.findall(rf'href="({PAGE}/figure[^"]+)"', shown)
    ]
    assert len(links) == len(set(links)) >= 20
    first = site.get(links[0])
    assert f"/p/demo/items/{seeded.std.item_ids[0]}" in first
    assert "2 × Not abusive" in first
    assert "Show as table" in first


def test_the_page_of_an_option_says_its_question_and_why_there_is_no_interval(
    site: Site, seeded: Seeded
) -> None:
    del seeded
    shown = site.get(f"{PAGE}/figure?question=types&category=racist&conditioning=reached")
    assert "Which kinds of abuse are in it? Agreement on this, among those who reached" in shown
    assert "Without one of the items the figure is undefined" in shown
    assert "of the units" not in shown


def test_long_names_stand_in_two_lines_above_the_matrix() -> None:
    drawn = matrix(["Asta Lind", "Bo", "annotator-017"], [[None] * 3] * 3, floor=0.6, label="All")
    assert drawn.count(">Asta</text>") == drawn.count(">Lind</text>") == 1
    assert ">Bo</text>" in drawn
    assert ">anno…017</text>" in drawn


def test_the_items_behind_a_figure_add_up(site: Site, seeded: Seeded) -> None:
    del seeded
    answer = site.api("GET", f"{API}/items?question=severity", scopes="read")
    rows = (answer.json or {})["items"]
    assert rows[0]["external_id"] == "item-0000"
    assert sum(row["contribution"] for row in rows) == pytest.approx(1.0)
    assert rows[0]["counts"] == {"not_abusive": 2, "strong": 1}


def test_an_adjudicator_does_not_learn_labels_of_a_case_to_answer(
    site: Site, seeded: Seeded
) -> None:
    shown = site.get(f"{PAGE}/figure?question=severity", "adjudicator")
    assert seeded.std.item_ids[0] not in shown
    assert seeded.std.item_ids[1] in shown, "the adjudicator has answered that case"
    assert "left out" in shown
    path = f"{API}/items?question=severity"
    answer = site.api("GET", path, login="adjudicator", scopes="read")
    names = {row["external_id"] for row in (answer.json or {})["items"]}
    assert "item-0000" not in names
    assert "item-0001" in names


def test_another_level_and_interval_can_be_asked_for(site: Site, seeded: Seeded) -> None:
    del seeded
    nominal = report(site, "?level=severity:nominal&interval=bootstrap")
    [found] = [
        one
        for one in nominal["variables"]
        if one["question"] == "severity" and not one["category"] and one["primary"]
    ]
    assert found["level"] == "nominal"
    assert found["results"]["krippendorff_alpha"]["interval"]["method"] == "bootstrap"


@pytest.mark.parametrize("query", ["?interval=guess", "?level=severity:rational"])
def test_what_cannot_be_asked_is_refused_in_words(site: Site, seeded: Seeded, query: str) -> None:
    del seeded
    answer = site.api("GET", API + query, scopes="read")
    assert answer.status_code == 422
    assert "level" in answer.text or "interval" in answer.text
    site.get(PAGE + query, status=422)


def test_a_slice_without_labels_says_so(site: Site, seeded: Seeded) -> None:
    del seeded
    assert "No labels in this slice" in site.get(f"{PAGE}?language=fr")


def test_nothing_to_measure_is_a_page_and_a_404_for_programs(site: Site) -> None:
    site.world.project("empty")
    assert "Nothing to measure yet" in site.get("/p/empty/agreement")
    assert site.api("GET", "/projects/empty/agreement", scopes="read").status_code == 404


@pytest.mark.parametrize("query", ["?question=moon", "?question=severity&category=moon", ""])
def test_a_figure_that_the_rubric_does_not_have_is_not_found(
    site: Site, seeded: Seeded, query: str
) -> None:
    del seeded
    site.get(f"{PAGE}/figure{query}", status=404)
    assert site.api("GET", f"{API}/items{query}", scopes="read").status_code == 404


@pytest.mark.parametrize("version", ["moon", "01a1ffb0-3e25-757d-b2f7-2328b3375adc"])
def test_an_unknown_version_is_not_found(site: Site, seeded: Seeded, version: str) -> None:
    del seeded
    site.get(f"{PAGE}?version={version}", status=404)
