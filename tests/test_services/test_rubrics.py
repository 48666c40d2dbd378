"""Rubric versions: added whole or not at all, published by the step, compared with their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import AuditEvent, OutboxMessage, RubricVersion
from annotate.policy import Scope
from annotate.services import rubrics
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.identity import system_actor
from rubrics import library
from rubrics.errors import RubricInvalid
from tests.support.builders import World, abusive
from tests.support.labelling import label
from tests.test_services.items_support import new_project

if TYPE_CHECKING:
    from annotate.db import Database

SOURCE = library.read("conversational-abuse")
MAJOR = SOURCE.replace("Uses a gendered insult.", "Uses a gendered insult, also as a joke.")


def numbered(text: str, version: str) -> str:
    changed = text.replace("version: 1.0.0", f"version: {version}", 1)
    assert changed != text
    return changed


def add(database: Database, scope: Scope, text: str) -> RubricVersion:
    with database.write() as session:
        return rubrics.add_version(session, system_actor(session), scope, text)


def publish(database: Database, scope: Scope, version_id: str) -> None:
    with database.write() as session:
        rubrics.publish(session, system_actor(session), scope, version_id)


@pytest.fixture
def scope(database: Database) -> Scope:
    return Scope(World(database).project())


def test_a_version_is_a_draft_until_it_is_published(database: Database, scope: Scope) -> None:
    version = add(database, scope, SOURCE)
    assert (version.status, version.version) == ("draft", "1.0.0")
    publish(database, scope, version.id)
    publish(database, scope, version.id)
    with database.read() as session:
        lines = rubrics.versions(session, scope)
        assert [line.status for line in lines] == ["published"]
        assert rubrics.current(lines) == lines[0]
        kinds = session.scalars(sa.select(AuditEvent.kind)).all()
        assert sorted(kinds) == ["rubric.added", "rubric.published"]
        assert session.scalars(sa.select(OutboxMessage.topic)).all() == ["rubric.published"]


def test_the_same_text_twice_is_one_version(database: Database, scope: Scope) -> None:
    first = add(database, scope, SOURCE)
    assert add(database, scope, SOURCE).id == first.id
    # formatting is not meaning: the fingerprint is the same, and so is the version
    assert add(database, scope, "# a note\n" + SOURCE).id == first.id


def test_every_problem_is_told_and_nothing_goes_in(database: Database, scope: Scope) -> None:
    text = SOURCE.replace("type: ordinal", "type: ordnal").replace("code: -3", "code: null")
    with pytest.raises(RubricInvalid) as invalid:
        add(database, scope, text)
    places = {(problem.line, problem.code) for problem in invalid.value.problems}
    assert len(places) >= 2
    assert all(problem.line > 0 and problem.column > 0 for problem in invalid.value.problems)
    with database.read() as session:
        assert rubrics.versions(session, scope) == []


@pytest.mark.parametrize("text", ["", "   \n", "a" * 1_000_001])
def test_no_text_and_far_too_much_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        rubrics.read_source(text)


def test_a_draft_gives_way_to_a_better_one_of_its_number(database: Database, scope: Scope) -> None:
    first = add(database, scope, SOURCE)
    second = add(database, scope, MAJOR)
    assert first.id != second.id
    with database.read() as session:
        assert [line.id for line in rubrics.versions(session, scope)] == [second.id]
        kinds = session.scalars(sa.select(AuditEvent.kind)).all()
        assert "rubric.draft_replaced" in kinds


def test_a_published_number_is_never_used_again(database: Database, scope: Scope) -> None:
    publish(database, scope, add(database, scope, SOURCE).id)
    with pytest.raises(Conflict, match="never edited"):
        add(database, scope, MAJOR)


def test_publishing_wants_the_step_that_the_changes_need(database: Database, scope: Scope) -> None:
    publish(database, scope, add(database, scope, SOURCE).id)
    small = add(database, scope, numbered(MAJOR, "1.1.0"))
    with pytest.raises(Conflict, match=r"2\.0\.0"):
        publish(database, scope, small.id)
    publish(database, scope, add(database, scope, numbered(MAJOR, "2.0.0")).id)
    with database.read() as session:
        lines = rubrics.versions(session, scope)
        current = rubrics.current(lines)
        assert current is not None
        assert current.version == "2.0.0"
        before = rubrics.before(lines, current)
        assert before is not None
        assert before.version == "1.0.0"


def test_load_gives_the_rubric_of_its_own_project_only(database: Database, scope: Scope) -> None:
    version = add(database, scope, SOURCE)
    other = new_project(database, "other")
    with database.read() as session:
        loaded = rubrics.load(session, scope, version.id)
        assert loaded.id == "conversational-abuse"
        assert rubrics.load(session, scope, version.id) is loaded
        for wanted in (other, Scope(new_id())):
            with pytest.raises(NotFound):
                rubrics.load(session, wanted, version.id)
        with pytest.raises(NotFound):
            rubrics.load(session, scope, "not-an-id")
        with pytest.raises(NotFound):
            rubrics.compare(session, other, version.id, version.id)


def test_a_comparison_counts_the_labels_whose_meaning_changed(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=2, overlap=1, annotators=1)
    for _ in standard.item_ids:
        label(world, standard, standard.annotators[0], abusive())
    added = add(database, standard.scope, numbered(MAJOR, "2.0.0"))
    with database.read() as session:
        found = rubrics.compare(session, standard.scope, standard.version_id, added.id)
    assert found.diff.required_bump == "major"
    assert [(cell.question, cell.category, cell.labels) for cell in found.in_question] == [
        ("types", "sexist", 2)
    ]
    assert (found.labels_in_question, found.labels) == (2, 20)


def test_wording_that_means_the_same_puts_no_label_in_question(database: Database) -> None:
    world = World(database)
    standard = world.standard(items=1, overlap=1, annotators=1)
    label(world, standard, standard.annotators[0], abusive())
    text = numbered(SOURCE.replace("gendered insult.", "gendered insult!"), "1.0.1")
    added = add(database, standard.scope, text)
    with database.read() as session:
        found = rubrics.compare(session, standard.scope, standard.version_id, added.id)
    assert found.diff.required_bump == "patch"
    assert found.in_question == ()
