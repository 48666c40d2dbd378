"""Rounds: the plan first, the same every time; twice adds nothing; states; teams."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import AuditEvent, Item, Reservation, Round, Task
from annotate.policy import Scope
from annotate.services import allocation_files, labeling, progress, rounds, rubrics
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.identity import system_actor
from annotate.services.rounds import Generated, RoundDesign
from rubrics import library
from tests.support.builders import World

if TYPE_CHECKING:
    from annotate.db import Database
    from tasks.generation import Plan


class Ground:
    """A project with a published rubric, items and four annotators in two teams."""

    def __init__(self, database: Database, items: int = 6) -> None:
        self.database = database
        self.world = World(database)
        self.project_id = self.world.project()
        self.scope = Scope(self.project_id)
        self.version_id = self.world.rubric(self.project_id)
        self.item_ids = self.world.items(self.project_id, items)
        for number in range(1, 5):
            team = "North" if number < 3 else "South"
            self.world.grant(f"ann-{number}", "annotator", self.project_id, team=team)
        self.design = RoundDesign(self.version_id, "First", overlap=2, seed=7)

    def plan(self, design: RoundDesign, scope: Scope | None = None) -> Plan:
        with self.database.read() as session:
            actor = self.world.actor("owner")
            return rounds.plan(session, actor, scope or self.scope, design)

    def generate(self, design: RoundDesign, scope: Scope | None = None) -> Generated:
        with self.database.write() as session:
            return rounds.generate(session, system_actor(session), scope or self.scope, design)

    def order(self, round_id: str) -> list[tuple[str, int]]:
        with self.database.read() as session:
            rows = session.execute(
                sa.select(Item.external_id, Task.ord)
                .join(Item, Item.id == Task.item_id)
                .where(Task.round_id == round_id)
                .order_by(Task.ord)
            ).all()
        return [(row[0], row[1]) for row in rows]

    def kept(self, round_id: str) -> set[tuple[str, str]]:
        logins = {user_id: login for login, user_id in self.world.users.items()}
        with self.database.read() as session:
            rows = session.execute(
                sa.select(Item.external_id, Reservation.annotator_id)
                .join(Task, Task.id == Reservation.task_id)
                .join(Item, Item.id == Task.item_id)
                .where(Reservation.round_id == round_id)
            ).all()
        return {(row[0], logins[row[1]]) for row in rows}


@pytest.fixture
def ground(database: Database) -> Ground:
    return Ground(database)


def test_a_plan_makes_nothing_and_tells_load_coverage_and_hours(ground: Ground) -> None:
    planned = ground.plan(replace(ground.design, minutes_per_item=5))
    assert planned.ok
    assert planned.load == {"ann-1": 3, "ann-2": 3, "ann-3": 3, "ann-4": 3}
    assert planned.people_hours == 1.0
    assert {row.category for row in planned.coverage if row.question == "types"} >= {"sexist"}
    with ground.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Task)) == 0


def test_the_plan_is_what_is_made(ground: Ground) -> None:
    planned = ground.plan(ground.design)
    made = ground.generate(ground.design)
    assert ground.order(made.round_id) == [(task.item_id, task.ord) for task in planned.tasks]
    assert (made.tasks, made.places, made.kept, made.is_new) == (6, 12, 0, True)


def test_the_order_is_the_same_on_every_installation(ground: Ground) -> None:
    first = ground.order(ground.generate(ground.design).round_id)
    second = ground.order(ground.generate(replace(ground.design, name="Again")).round_id)
    other = ground.order(ground.generate(replace(ground.design, name="C", seed=8)).round_id)
    assert first == second
    assert first != other


def test_generating_twice_adds_nothing(ground: Ground) -> None:
    first = ground.generate(ground.design)
    again = ground.generate(ground.design)
    assert again.round_id == first.round_id
    assert (again.tasks, again.places, again.is_new, again.unchanged) == (0, 0, False, 6)
    with ground.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Round)) == 1
        created = sa.select(AuditEvent.kind).where(AuditEvent.object_id == first.round_id)
        assert session.scalars(created).all() == ["round.created"]


def test_new_items_join_an_open_round(ground: Ground) -> None:
    first = ground.generate(ground.design)
    before = ground.order(first.round_id)
    ground.world.items(ground.project_id, 2, prefix="later")
    with ground.database.read() as session:
        assert progress.unplanned(session, ground.scope, first.round_id) == 2
    with ground.database.write() as session:
        more = rounds.extend(session, system_actor(session), ground.scope, first.round_id)
    assert (more.tasks, more.unchanged) == (2, 6)
    assert set(before) < set(ground.order(first.round_id))


def test_a_name_belongs_to_one_design(ground: Ground) -> None:
    ground.generate(ground.design)
    with pytest.raises(Conflict, match="another design"):
        ground.generate(replace(ground.design, overlap=3))


def test_an_explicit_allocation_keeps_its_places(ground: Ground) -> None:
    allocation = {
        "item-0000": ["ann-1", "ann-2", "ann-3"],
        "item-0001": ["ann-4"],
    }
    design = replace(ground.design, name="File", allocation=allocation)
    made = ground.generate(design)
    assert (made.tasks, made.places, made.kept) == (2, 4, 4)
    assert ground.kept(made.round_id) == {
        (item, login) for item, people in allocation.items() for login in people
    }
    with ground.database.read() as session:
        found = session.get_one(Round, made.round_id)
        needed = sa.select(Task.needed).where(Task.round_id == made.round_id)
        assert found.allocation == "explicit"
        assert sorted(session.scalars(needed)) == [1, 3]
    actor = ground.world.actor("ann-4")
    with ground.database.write() as session:
        place = labeling.claim(session, actor, ground.scope, made.round_id).place
    assert place is not None
    with ground.database.write() as session, pytest.raises(BadInput, match="allocation"):
        rounds.extend(session, system_actor(session), ground.scope, made.round_id)
    with ground.database.write() as session:
        more = rounds.extend(
            session,
            system_actor(session),
            ground.scope,
            made.round_id,
            {**allocation, "item-0002": ["ann-1"]},
        )
    assert (more.tasks, more.kept, more.unchanged) == (1, 1, 2)


@pytest.mark.parametrize(
    ("allocation", "words"),
    [
        ({"nowhere": ["ann-1"]}, "nowhere"),
        ({"item-0000": ["stranger"]}, "stranger"),
        ({"item-0000": ["ann-1", "ann-1"]}, "item-0000"),
        ({}, "empty"),
    ],
)
def test_an_allocation_that_cannot_be_is_refused(
    ground: Ground, allocation: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        ground.generate(replace(ground.design, allocation=allocation))
    with ground.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Round)) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"overlap": 0}, "overlap"),
        ({"overlap": 51}, "overlap"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"minutes_per_item": 0.0}, "minutes_per_item"),
        ({"minutes_per_item": float("nan")}, "minutes_per_item"),
        ({"name": " "}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"phase": "lunch"}, "phase"),
        ({"team_ids": ("unknown",)}, "team_ids"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    ground: Ground, change: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        ground.plan(replace(ground.design, **change))
    assert [problem["field"] for problem in refused.value.problems] == [field]


def test_only_a_published_version_of_this_project_is_asked(ground: Ground) -> None:
    with ground.database.write() as session:
        draft = rubrics.add_version(
            session, system_actor(session), ground.scope, library.read("llm-response-safety")
        )
    with pytest.raises(Conflict, match="Publish"):
        ground.plan(replace(ground.design, rubric_version_id=draft.id))
    for missing in (new_id(), "x"):
        with pytest.raises(NotFound):
            ground.plan(replace(ground.design, rubric_version_id=missing))


def test_quarantined_items_get_no_task(ground: Ground) -> None:
    with ground.database.write() as session:
        one = sa.update(Item).where(Item.id == ground.item_ids[0])
        session.execute(one.values(quarantined_at=now(session)))
    assert len(ground.plan(ground.design).tasks) == 5


def test_one_team_alone_is_asked(ground: Ground) -> None:
    team = ground.world.team("South")
    made = ground.generate(replace(ground.design, name="South", team_ids=(team,)))
    with ground.database.read() as session:
        assert session.get_one(Round, made.round_id).team_id == team
    with ground.database.write() as session:
        actor = ground.world.actor("ann-1")
        assert labeling.claim(session, actor, ground.scope, made.round_id).place is None
    with ground.database.write() as session:
        actor = ground.world.actor("ann-3")
        assert labeling.claim(session, actor, ground.scope, made.round_id).place is not None


def test_equal_shares_are_kept_for_named_people(ground: Ground) -> None:
    made = ground.generate(replace(ground.design, name="Shares", reserve=True))
    kept = ground.kept(made.round_id)
    assert len(kept) == made.kept == 12
    assert {sum(login == one for _, login in kept) for one in ("ann-1", "ann-4")} == {3}


def test_a_manager_of_a_team_makes_rounds_of_that_team_alone(ground: Ground) -> None:
    team = ground.world.team("North")
    mine = Scope(ground.project_id, frozenset({team}))
    for_all = ground.generate(ground.design)
    made = ground.generate(replace(ground.design, name="Mine"), mine)
    with ground.database.read() as session:
        assert session.get_one(Round, made.round_id).team_id == team
        theirs = Scope(ground.project_id, frozenset({ground.world.team("South")}))
        names = [one.name for one in progress.rounds(session, theirs)]
        assert names == ["First"]
        with pytest.raises(NotFound):
            rounds.get(session, theirs, made.round_id)
    with pytest.raises(BadInput):
        ground.plan(replace(ground.design, team_ids=(ground.world.team("South"),)), mine)
    with ground.database.write() as session, pytest.raises(NotAllowed):
        rounds.set_state(session, system_actor(session), mine, for_all.round_id, "closed")
    with ground.database.write() as session:
        rounds.set_state(session, system_actor(session), mine, made.round_id, "paused")


def test_a_round_pauses_resumes_and_closes_for_good(ground: Ground) -> None:
    round_id = ground.generate(ground.design).round_id
    for state in ("paused", "paused", "open", "closed"):
        with ground.database.write() as session:
            rounds.set_state(session, system_actor(session), ground.scope, round_id, state)
        with ground.database.read() as session:
            assert rounds.get(session, ground.scope, round_id).state == state
    for state in ("open", "paused", "nonsense"):
        with ground.database.write() as session, pytest.raises(Conflict):
            rounds.set_state(session, system_actor(session), ground.scope, round_id, state)
    with pytest.raises(Conflict, match="closed"):
        ground.generate(ground.design)
    with ground.database.write() as session, pytest.raises(Conflict):
        rounds.extend(session, system_actor(session), ground.scope, round_id)


def test_a_plan_for_more_people_than_there_are_is_not_made(database: Database) -> None:
    ground = Ground(database, items=1)
    too_wide = replace(ground.design, overlap=5)
    assert not ground.plan(too_wide).ok
    with pytest.raises(BadInput) as refused:
        ground.generate(too_wide)
    assert refused.value.problems[0]["code"] == "too_few_people"


def test_twelve_thousand_places_go_in_as_rows(database: Database) -> None:
    ground = Ground(database, items=3000)
    logins = ["ann-1", "ann-2", "ann-3", "ann-4"]
    allocation = {f"item-{number:04}": logins for number in range(3000)}
    made = ground.generate(replace(ground.design, allocation=allocation))
    assert (made.tasks, made.kept) == (3000, 12_000)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 12_000


# ------------------------------------------------------------------------------ allocation files


def test_an_allocation_file_is_read_in_its_order() -> None:
    text = "\ufeffItem,Annotator\r\na,Ann\r\n\r\nb,bob\r\na,bob\r\n"
    assert allocation_files.read(text) == {"a": ["ann", "bob"], "b": ["bob"]}
    assert allocation_files.read(allocation_files.write([("a,1", "ann")])) == {"a,1": ["ann"]}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [1]),
        ("task,who\na,b\n", [1]),
        ("item,annotator\n", [1]),
        ("item,annotator\na,b\na,b\nonly\n,b\nc,\n", [3, 4, 5, 6]),
        ('item,annotator\n"a,b\n', [2]),
        (f"item,annotator\n{'x' * 201},b\n", [2]),
    ],
)
def test_every_bad_line_is_named(text: str, lines: list[int]) -> None:
    with pytest.raises(BadInput) as refused:
        allocation_files.read(text)
    assert [problem["line"] for problem in refused.value.problems] == lines


def test_a_file_of_mistakes_is_told_in_part_and_counted() -> None:
    with pytest.raises(BadInput) as refused:
        allocation_files.read("item,annotator\n" + "x\n" * 80)
    assert len(refused.value.problems) == 51
    assert "30 more" in refused.value.problems[-1]["message"]
