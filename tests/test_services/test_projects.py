"""Projects: made, seen, changed; and how far they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import AuditEvent, Item, Label
from annotate.policy import Actor, Grant
from annotate.services import progress, projects, rounds
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.identity import system_actor
from annotate.services.projects import ProjectText
from tests.support.builders import BENIGN, World, abusive
from tests.support.labelling import Seat, label, seat

if TYPE_CHECKING:
    from annotate.db import Database


def make(database: Database, slug: str = "one", **more: object) -> str:
    with database.write() as session:
        actor = system_actor(session)
        return projects.create(session, actor, slug=slug, title="One", **more).id


def test_a_project_has_its_defaults_and_an_audit_row(database: Database) -> None:
    project_id = make(database, settings={"min_votes": 3})
    with database.read() as session:
        actor = Actor("x", "x", "x", (Grant("administrator"),))
        found = projects.by_slug(session, actor, "one")
        assert projects.settings_of(found) == {
            "adjudicator_may_be_annotator": False,
            "min_votes": 3,
        }
        event = session.scalars(sa.select(AuditEvent).where(AuditEvent.object_id == project_id))
        assert [one.kind for one in event] == ["project.created"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"slug": "Not good"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "a" * 65}, "slug"),
        ({"slug": "münchen"}, "slug"),
        ({"title": "  "}, "title"),
        ({"title": "t" * 201}, "title"),
        ({"description": "d" * 10_001}, "description"),
        ({"settings": {"min_votes": 0}}, "min_votes"),
        ({"settings": {"min_votes": True}}, "min_votes"),
        ({"settings": {"colour": "red"}}, "colour"),
        ({"settings": {"adjudicator_may_be_annotator": "yes"}}, "adjudicator_may_be_annotator"),
    ],
)
def test_bad_fields_are_refused_by_name(
    database: Database, given: dict[str, object], field: str
) -> None:
    values = {"slug": "fine", "title": "Fine", **given}
    with database.write() as session, pytest.raises(BadInput) as refused:
        projects.create(session, system_actor(session), **values)
    assert [problem["field"] for problem in refused.value.problems] == [field]


def test_nul_is_refused_alike_on_both_databases(database: Database) -> None:
    with database.write() as session, pytest.raises(BadInput, match="NUL"):
        projects.create(session, system_actor(session), slug="x", title="a\x00b")


def test_a_slug_is_taken_once(database: Database) -> None:
    make(database)
    with pytest.raises(Conflict, match="one"):
        make(database)


def test_a_role_in_one_project_makes_no_other(database: Database) -> None:
    project_id = make(database)
    world = World(database)
    world.grant("dora", "designer", project_id)
    actor = world.actor("dora")
    with database.write() as session, pytest.raises(NotAllowed):
        projects.create(session, actor, slug="two", title="Two")


def test_foreign_and_missing_projects_are_told_alike(database: Database) -> None:
    make(database)
    stranger = Actor("x", "x", "x", (Grant("designer", new_id()),))
    for slug in ("one", "none"):
        with database.read() as session, pytest.raises(NotFound):
            projects.by_slug(session, stranger, slug)
    with database.read() as session:
        assert projects.listed(session, stranger) == []
        assert progress.of_projects(session, stranger) == {}


def test_a_change_needs_the_version_it_was_made_from(database: Database) -> None:
    standard = World(database).standard()
    text = ProjectText("New name", "", {"min_votes": 4})
    with database.write() as session:
        actor = system_actor(session)
        projects.update(session, actor, standard.scope, 1, text)
    with database.write() as session, pytest.raises(Conflict):
        projects.update(session, system_actor(session), standard.scope, 1, text)
    with database.read() as session:
        found = projects.get(session, standard.scope)
        assert (found.title, found.version) == ("New name", 2)
        assert projects.settings_of(found)["min_votes"] == 4
        body = session.scalar(
            sa.select(AuditEvent.body).where(AuditEvent.kind == "project.changed")
        )
        assert json.loads(body or "{}") == {"settings": {"min_votes": 4}, "version": 2}


def test_the_stage_says_what_comes_next(database: Database) -> None:
    world = World(database)
    project_id = world.project()
    scope = Actor("x", "x", "x", is_system=True).scope("project.view", project_id)

    def stage() -> str:
        with database.read() as session:
            return progress.overview(session, scope).stage

    assert stage() == "rubric"
    version_id = world.rubric(project_id)
    assert stage() == "items"
    item_ids = world.items(project_id, 1)
    assert stage() == "round"
    round_id = world.round(project_id, version_id, item_ids, overlap=1)
    assert stage() == "people"
    world.grant("ann", "annotator", project_id)
    assert stage() == "labelling"
    with database.write() as session:
        rounds.set_state(session, system_actor(session), scope, round_id, "paused")
    assert stage() == "paused"
    with database.write() as session:
        rounds.set_state(session, system_actor(session), scope, round_id, "open")
    Seat(database, world.actor("ann"), scope, round_id).label()
    assert stage() == "done"


def test_positives_are_items_with_a_yes_by_language(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=2, overlap=2, annotators=2)
    with database.write() as session:
        first = sa.update(Item).where(Item.id == standard.item_ids[0])
        session.execute(first.values(language="fr"))
    for login in standard.annotators:
        for _ in standard.item_ids:
            label(world, standard, login, abusive(kinds=("sexist", "racist")))
    with database.read() as session:
        found = progress.overview(session, standard.scope)
    by_id = {one.element.id: one for one in found.elements}
    assert dict(by_id["sexist"].by_language) == {"fr": 1, "en": 1}
    assert (by_id["sexist"].positives, by_id["sexist"].element.needed) == (2, 40)
    assert not by_id["sexist"].enough
    assert by_id["ableism"].positives == 0
    assert (found.complete, found.planned, found.submitted, found.places) == (2, 2, 4, 4)
    assert {(one.language, one.complete) for one in found.languages} == {("fr", 1), ("en", 1)}


def test_quarantined_items_count_nowhere(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=2, overlap=2, annotators=2)
    for login in standard.annotators * 2:
        label(world, standard, login, abusive())
    with database.write() as session:
        quarantine = sa.update(Item).where(Item.id == standard.item_ids[0])
        session.execute(quarantine.values(quarantined_at=now(session)))
    with database.read() as session:
        found = progress.overview(session, standard.scope)
        line = progress.of_projects(session, system_actor_of(database))[standard.project_id]
    assert (found.items, found.planned, found.complete, found.submitted) == (1, 1, 1, 2)
    assert found.waiting.quarantined == 1
    assert sum(one.positives for one in found.elements) == 1
    assert line.items == 1


def system_actor_of(database: Database) -> Actor:
    with database.write() as session:
        return system_actor(session)


def test_a_closed_round_is_not_waited_for_but_completes_nothing(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=2, overlap=1, annotators=1)
    label(world, standard, standard.annotators[0], abusive())
    second = world.round(
        standard.project_id, standard.version_id, list(standard.item_ids), overlap=2
    )
    with database.write() as session:
        rounds.set_state(session, system_actor(session), standard.scope, second, "closed")
    with database.read() as session:
        found = progress.overview(session, standard.scope)
    assert (found.planned, found.complete) == (2, 1)


def test_superseded_revisions_do_not_count(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=1, overlap=2, annotators=2)
    login, other = standard.annotators
    label(world, standard, other, abusive(kinds=("racist",)))
    own = seat(world, standard, login)
    own.revise(own.label(abusive(kinds=("sexist",))), 1, abusive(kinds=("racist",)))
    with database.read() as session:
        found = progress.overview(session, standard.scope)
        assert session.scalar(sa.select(sa.func.count()).select_from(Label))
    positives = {one.element.id: one.positives for one in found.elements}
    assert (positives["sexist"], positives["racist"]) == (0, 1)


def test_an_item_counts_by_the_share_of_its_labels(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=3, overlap=3, annotators=3)
    for login, said in zip(standard.annotators, (abusive(), abusive(), BENIGN), strict=True):
        for _ in standard.item_ids:
            label(world, standard, login, said)
    with database.read() as session:
        found = progress.overview(session, standard.scope)
    positives = {one.element.id: one for one in found.elements}
    # three items, each with two of three labels: the question that was closed says no
    assert positives["sexist"].by_language["en"] == pytest.approx(2.0)
    assert positives["sexist"].positives == 2
