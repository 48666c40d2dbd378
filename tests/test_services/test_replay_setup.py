"""What a replay sets up: made once, kept the second time, and nobody is let in by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import Database, new_id
from annotate.models import (
    ApiToken,
    AuditEvent,
    Item,
    Project,
    Reservation,
    RoleGrant,
    Round,
    RubricVersion,
    Task,
    UserAccount,
)
from annotate.policy import Scope
from annotate.services import identity, labeling, replay_setup, rubrics, wellbeing
from annotate.services.errors import BadInput, Conflict
from annotate.services.identity import system_actor
from exports.recorded_labels import RecordedRow
from tests.support.builders import World
from tests.support.databases import migrated_database, settings_for
from tests.support.garden import garden
from tests.support.labelling import Seat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from annotate.policy import Actor
    from annotate.services.replay_setup import Prepared

SOURCE = garden(kinds="messages")
ANSWERS = {"useful": {"value": True}}


def row(line: int, item: str, annotator: str) -> RecordedRow:
    return RecordedRow(line, item, annotator, ANSWERS)


class Stage:
    """A replay step by step, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def prepare(self, source: str = SOURCE, slug: str = "told") -> Prepared:
        with self.database.write() as session:
            actor = system_actor(session)
            return replay_setup.prepare(session, actor, slug=slug, title="Told", source=source)

    def enlist(self, prepared: Prepared, *annotators: str) -> dict[str, str]:
        with self.database.write() as session:
            actor = system_actor(session)
            return replay_setup.enlist(session, actor, prepared, "told", annotators)

    def allocate(self, prepared: Prepared, allocation: Mapping[str, Sequence[str]]) -> str:
        with self.database.write() as session:
            actor = system_actor(session)
            return replay_setup.allocate(session, actor, prepared, "told", allocation)

    def answered(self, prepared: Prepared, round_id: str) -> set[tuple[str, str]]:
        with self.database.read() as session:
            return replay_setup.answered(session, prepared, round_id)

    def actor(self, token: str) -> Actor:
        with self.database.read() as session:
            found = identity.actor_of_token(session, token)
            assert found is not None
            return found[0]

    def answer_next(self, prepared: Prepared, round_id: str, token: str) -> str:
        """Answer the next place as the holder of a token and return its item's name."""
        seat = Seat(self.database, self.actor(token), prepared.scope, round_id)
        return seat.label(ANSWERS).item["external_id"]

    def count(self, model: Any) -> int:
        with self.database.read() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0

    def all(self, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
        with self.database.read() as session:
            return [tuple(one) for one in session.execute(query)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage on SQLite; the one test below that meets every query runs on both databases."""
    with migrated_database("sqlite", tmp_path) as url:
        opened = Database(settings_for(url, tmp_path))
        yield Stage(opened)
        opened.dispose()


# ------------------------------------------------------------------------------- what rows say


def test_people_are_listed_by_item_in_the_order_of_the_file() -> None:
    rows = [row(2, "b", "ann"), row(3, "a", "bob"), row(4, "b", "Ben")]
    assert replay_setup.allocation_of(rows) == {"b": ["ann", "Ben"], "a": ["bob"]}
    assert list(replay_setup.allocation_of(rows)) == ["b", "a"]
    assert replay_setup.allocation_of([]) == {}


def test_one_annotator_answers_an_item_once() -> None:
    rows = [row(2, "a", "ann"), row(3, "a", "bob"), row(5, "b", "ann")]
    replay_setup.require_one_row_each(rows)
    with pytest.raises(Conflict, match=r"lines 3 and 9: bob answers a twice.*a file and round"):
        replay_setup.require_one_row_each([*rows, row(9, "a", "bob")])


def test_a_login_is_of_the_project_and_in_small_letters() -> None:
    assert replay_setup.login_of("told", "Annotator7") == "told-annotator7"
    replay_setup.require_logins("told", [row(2, "a", "Ann"), row(3, "b", "Ann"), row(4, "b", "b")])


def test_two_spellings_of_one_login_are_refused() -> None:
    rows = [row(2, "a", "Ann"), row(3, "b", "bob"), row(4, "b", "ANN"), row(5, "c", "aNn")]
    with pytest.raises(Conflict, match=r"lines 2 and 4: Ann and ANN .* as told-ann\. Spell one"):
        replay_setup.require_logins("told", rows)


@pytest.mark.parametrize("name", ["ann lee", "Jörg", "a" * 60, "ann\u200b", "<b>", "İ"])
def test_a_name_that_makes_no_login_is_refused_with_its_line(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        replay_setup.require_logins("told", [row(2, "a", "ann"), row(3, "a", name)])
    words = str(caught.value)
    assert words.startswith(f"line 3: the annotator {name!r} would answer as ")
    assert "Use 2 to 64 of these: a to z" in words


# ------------------------------------------------------------------------- what is in the database


def test_a_project_is_made_once_with_a_published_rubric(stage: Stage) -> None:
    prepared = stage.prepare()
    assert prepared.scope == Scope(prepared.project_id, None)
    counted = [stage.count(model) for model in (Project, RubricVersion, AuditEvent)]
    assert stage.prepare() == prepared
    assert [stage.count(model) for model in (Project, RubricVersion, AuditEvent)] == counted

    changed = SOURCE.replace("the answer useful", "the last answer of use")
    changed = changed.replace("version: 1.0.0", "version: 2.0.0")
    newer = stage.prepare(changed)
    assert newer.project_id == prepared.project_id
    assert newer.version_id != prepared.version_id
    with stage.database.read() as session:
        found = {one.id: one.status for one in rubrics.versions(session, prepared.scope)}
    assert found[newer.version_id] == "published"
    assert found.keys() == {prepared.version_id, newer.version_id}


def test_limits_on_reading_are_lifted_in_a_new_project_alone(stage: Stage) -> None:
    new = stage.prepare()
    existing = World(stage.database).project("read-by-people")
    known = stage.prepare(slug="read-by-people")
    assert known.project_id == existing
    with stage.database.read() as session:
        lifted = wellbeing.policy(session, new.scope).settings
        kept = wellbeing.policy(session, known.scope).settings
    assert {lifted[name] for name in ("per_shift", "per_week", "max_consecutive")} == {None}
    assert None not in {kept["per_shift"], kept["per_week"]}


@pytest.mark.db
def test_annotators_are_enlisted_and_answer_what_is_theirs(database: Database) -> None:
    stage = Stage(database)
    prepared = stage.prepare()
    World(stage.database).items(prepared.project_id, 2)
    tokens = stage.enlist(prepared, "Ann", "bob")
    ann = stage.actor(tokens["Ann"])
    assert (ann.login, ann.display_name) == ("told-ann", "Ann")
    assert (ann.token_scopes, ann.token_project_id) == ({"label"}, prepared.project_id)

    allocation = {"item-0001": ["Ann"], "item-0000": ["bob", "Ann"]}
    round_id = stage.allocate(prepared, allocation)
    assert stage.allocate(prepared, allocation) == round_id
    places = sa.select(Item.external_id, UserAccount.login).select_from(Reservation)
    places = places.join(Task, Task.id == Reservation.task_id)
    places = places.join(Item, Item.id == Task.item_id)
    places = places.join(UserAccount, UserAccount.id == Reservation.annotator_id)
    ofproject = places.where(
        *(model.project_id == prepared.project_id for model in (Reservation, Task, Item))
    )
    wanted = [("item-0000", "told-ann"), ("item-0000", "told-bob"), ("item-0001", "told-ann")]
    assert sorted(stage.all(ofproject)) == wanted

    assert stage.answered(prepared, round_id) == set()
    item = stage.answer_next(prepared, round_id, tokens["Ann"])
    with database.write() as session:
        bob = stage.actor(tokens["bob"])
        assert labeling.claim(session, bob, prepared.scope, round_id).place is not None
    assert stage.answered(prepared, round_id) == {(item, "told-ann")}
    assert stage.answered(prepared, new_id()) == set()


def test_a_second_run_gives_new_tokens_to_the_same_people(stage: Stage) -> None:
    prepared = stage.prepare()
    first = stage.enlist(prepared, "ann")
    before = [stage.count(UserAccount), stage.count(RoleGrant)]
    second = stage.enlist(prepared, "ann")
    assert [stage.count(UserAccount), stage.count(RoleGrant)] == before
    assert first["ann"] != second["ann"]
    assert stage.actor(first["ann"]).user_id == stage.actor(second["ann"]).user_id


def test_a_login_of_somebody_else_gets_neither_role_nor_token(stage: Stage) -> None:
    prepared = stage.prepare()
    World(stage.database).user("told-ann")
    grants = stage.count(RoleGrant)
    with pytest.raises(Conflict, match=r"a login told-ann already.* no role in the project told"):
        stage.enlist(prepared, "bob", "ann")
    assert (stage.count(RoleGrant), stage.count(ApiToken)) == (grants, 0)


def test_an_allocation_names_items_and_people_that_are_there(stage: Stage) -> None:
    prepared = stage.prepare()
    World(stage.database).items(prepared.project_id, 1)
    stage.enlist(prepared, "ann")
    with pytest.raises(BadInput, match=r"items that do not exist.*pond"):
        stage.allocate(prepared, {"item-0000": ["ann"], "pond": ["ann"]})
    with pytest.raises(BadInput, match=r"people who may not label here.*told-eve"):
        stage.allocate(prepared, {"item-0000": ["ann", "eve"]})
    with pytest.raises(BadInput, match="The allocation is empty"):
        stage.allocate(prepared, {})
    assert stage.count(Round) == 0
