"""Nobody is handed an item beyond a budget, and nobody else learns why not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.db import Database
from annotate.models import Exposure
from annotate.services import exposure, labeling, leases, wellbeing
from rubrics.library import read
from rubrics.loader import load_rubric
from tasks import budgets
from tasks.exposure import Scale
from tests.support.budgeting import hint, set_policy
from tests.support.builders import BENIGN, Standard, World, abusive
from tests.support.databases import ON_SQLITE, migrated_database, settings_for
from tests.support.labelling import claim, held, submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from annotate.services.labeling import Claim, Place
    from tasks.budgets import Spent

ABUSE = Scale(load_rubric(read("conversational-abuse")))
WEIGHED = sorted(name for name, weight in ABUSE.weights.items() if weight)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Shift:
    """A project with budgets on a database, and one annotator's way through it."""

    world: World
    std: Standard
    clock: Clock
    policy: dict[str, Any]
    held: list[Place] = field(default_factory=list)

    def rules(self) -> budgets.Rules:
        return budgets.rules(self.policy)

    def spent(self) -> Spent:
        with self.world.database.read() as session:
            return exposure.spent(
                session, self.world.users["ann-1"], self.std.project_id, self.clock.at
            )

    def claim(self, *, ahead: bool = False) -> Claim:
        have = [place.id for place in self.held]
        with self.world.database.write() as session:
            return labeling.claim(
                session,
                self.world.actor("ann-1", channel="web"),
                self.std.scope,
                self.std.round_id,
                have=have,
                ahead=ahead,
            )

    def ledger(self, place: Place) -> dict[str, int]:
        with self.world.database.read() as session:
            rows = session.execute(
                sa.select(Exposure.category, Exposure.points * Exposure.modality).where(
                    Exposure.assignment_id == place.id, Exposure.fence == place.fence
                )
            ).all()
        return {str(row[0]): int(row[1]) for row in rows}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Clock]]:
    """One embedded database for all shifts, each in a project of its own."""
    folder: Path = tmp_path_factory.mktemp("shifts")
    clock = Clock()
    with migrated_database("sqlite", folder) as url:
        opened = Database(settings_for(url, folder), clock)
        yield World(opened), clock
        opened.dispose()


HINTS = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "severity": st.sampled_from((0, 1, 2, 3, 3, 4)),
            "categories": st.lists(st.sampled_from(WEIGHED), max_size=2, unique=True),
        }
    ),
    min_size=12,
    max_size=14,
)
POLICIES = st.fixed_dictionaries(
    {
        "per_shift": st.none() | st.integers(4, 24),
        "per_week": st.none() | st.integers(6, 40),
        "max_consecutive": st.none() | st.integers(1, 2),
        "assumed_severity": st.integers(1, 3),
        "categories": st.dictionaries(st.sampled_from(WEIGHED), st.integers(1, 9), max_size=4),
        "conceal": st.booleans(),
    }
)
STEPS = st.lists(
    st.sampled_from(
        ("claim", "claim", "claim", "ahead", "benign", "abuse", "worst", "reveal", "skip", "out")
    )
    | st.sampled_from(("hour", "night", "expire", "break")),
    min_size=24,
    max_size=36,
)
counter = iter(range(10_000))


def shift_of(lasting: tuple[World, Clock], hints: Any, policy: dict[str, Any]) -> Shift:
    world, clock = lasting
    number = next(counter)
    project_id = world.project(f"shift-{number}")
    world.users["ann-1"] = world.user(f"person-{number}")
    version_id = world.rubric(project_id)
    items = world.items(project_id, len(hints))
    round_id = world.round(project_id, version_id, items, overlap=1)
    world.grant(f"person-{number}", "annotator", project_id)
    std = Standard(project_id, version_id, round_id, tuple(items), ("ann-1",))
    set_policy(world, std, policy)
    hint(world, std, hints)
    return Shift(world, std, clock, policy)


def take(shift: Shift, *, ahead: bool) -> None:
    """Claim, and hold what was handed out to what may be handed out."""
    with shift.world.database.write() as session:
        leases.reap(session, shift.clock.at)  # as the claim itself does: what ran out is free again
    before = shift.spent()
    had = {place.id for place in shift.held}
    place = shift.claim(ahead=ahead).place
    if place is None or place.id in had:
        return
    shift.held.append(place)
    weighs = shift.ledger(place)
    rules = shift.rules()
    room = budgets.room(rules, before)
    points = weighs.pop("")
    with shift.world.database.read() as session:
        severity = session.execute(
            sa.select(Exposure.severity).where(
                Exposure.assignment_id == place.id,
                Exposure.fence == place.fence,
                Exposure.category == "",
            )
        ).scalar_one()
    assert room.fits(points, severity, weighs), (points, severity, weighs, room, before)
    after = shift.spent()
    if points:
        for limit, spent in ((rules.per_shift, after.shift), (rules.per_week, after.week)):
            assert limit is None or spent <= limit
    for name, weight in weighs.items():
        budget = rules.categories.get(name)
        assert not weight or budget is None or after.categories[name] <= budget


def step(shift: Shift, name: str) -> None:
    moves = {"hour": timedelta(minutes=50), "night": timedelta(hours=11)}
    if name in moves:
        shift.clock.at += moves[name]
        shift.held.clear()
    elif name == "expire":
        shift.clock.at += timedelta(minutes=31)
        shift.held.clear()
    elif name in {"claim", "ahead"}:
        take(shift, ahead=name == "ahead")
    elif name == "break":
        actor = shift.world.actor("ann-1")
        with shift.world.database.write() as session:
            wellbeing.begin_break(session, actor, shift.std.scope, "own")
            shift.clock.at += timedelta(minutes=5)
            wellbeing.end_break(session, actor, shift.std.scope)
    elif shift.held:
        leave(shift, name, shift.held.pop(0))


ANSWERS = {
    "benign": BENIGN,
    "abuse": abusive(),
    "worst": abusive("very_strong", ("sex_harassment",)),
}


def leave(shift: Shift, name: str, place: Place) -> None:
    world, std = shift.world, shift.std
    actor = world.actor("ann-1")
    if name in ANSWERS:
        submit(world, std, "ann-1", place, ANSWERS[name])
        return
    with world.database.write() as session:
        key = (session, actor, std.scope, place.id)
        if name == "reveal":
            exposure.credit(*key)
            shift.held.insert(0, place)
        elif name == "skip":
            labeling.skip(*key, place.fence)
        else:
            labeling.opt_out(*key, place.fence)


@given(hints=HINTS, policy=POLICIES, steps=STEPS)
@settings(max_examples=25)
def test_no_item_is_handed_out_beyond_a_budget(
    lasting: tuple[World, Clock],
    hints: list[dict[str, Any] | None],
    policy: dict[str, Any],
    steps: list[str],
) -> None:
    shift = shift_of(lasting, hints, policy)
    for name in steps:
        step(shift, name)


# ----------------------------------------------------------------------- both databases, at once


def counted(world: World, std: Standard, login: str) -> int:
    """Return what counts against a person now."""
    with world.database.read() as session:
        return exposure.spent(session, world.users[login], std.project_id, world.now()).shift


def age(world: World, **span: float) -> None:
    """Let the ledger grow older."""
    with world.database.write() as session:
        for row in session.scalars(sa.select(Exposure)):
            row.reserved_at -= timedelta(**span)


@pytest.mark.db
@pytest.mark.parametrize("per_shift", [5, 8])
def test_claims_of_one_person_at_once_stay_within_the_budget(world: World, per_shift: int) -> None:
    std = world.standard(items=12, overlap=3, annotators=2)
    set_policy(world, std, {"per_shift": per_shift, "assumed_severity": 1})
    got: dict[str, list[str]] = {"ann-1": [], "ann-2": []}
    ready = threading.Barrier(6)

    def work(login: str) -> None:
        actor = world.actor(login, channel="web")
        ready.wait()
        for _ in range(20):
            have = tuple(got[login])
            with world.database.write() as session:
                told = labeling.claim(session, actor, std.scope, std.round_id, have=have)
            if told.place is None:
                assert told.enough == "shift"
                return
            got[login].append(told.place.id)

    threads = [threading.Thread(target=work, args=(login,)) for login in got for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    weight = ABUSE.heaviest
    for login, places in got.items():
        assert len(set(places)) == per_shift // weight
        assert counted(world, std, login) == per_shift // weight * weight


@pytest.mark.db
def test_what_weighs_nothing_is_still_handed_out(world: World) -> None:
    std = world.standard(items=4, overlap=1)
    set_policy(world, std, {"per_shift": 3})
    hint(world, std, [{"severity": 4}, {"severity": 1}, {"severity": 0}, None])
    first = held(world, std, "ann-1")
    assert first.item["id"] == std.item_ids[1]
    submit(world, std, "ann-1", first, abusive("strong"))
    second = held(world, std, "ann-1")
    assert second.item["id"] == std.item_ids[2]
    submit(world, std, "ann-1", second)
    told = claim(world, std, "ann-1")
    assert (told.place, told.reason, told.enough) == (None, "enough", "shift")
    age(world, hours=13)
    assert claim(world, std, "ann-1").place is None  # the budget is too small for what is left
    set_policy(world, std, {"per_shift": 8})
    assert held(world, std, "ann-1").item["id"] == std.item_ids[3]


@pytest.mark.db
def test_an_answer_replaces_the_estimate_and_warns_the_next(world: World) -> None:
    std = world.standard(items=2, overlap=2)
    set_policy(world, std, {"per_shift": 8, "categories": {"sex_harassment": 5}})
    place = held(world, std, "ann-1")
    assert counted(world, std, "ann-1") == 2 * ABUSE.heaviest
    submit(world, std, "ann-1", place, abusive("very_strong", ("sex_harassment",)))
    assert counted(world, std, "ann-1") == 3 * ABUSE.weights["sex_harassment"]
    # The item is known to be heavy in a category now: too heavy for its budget of five.
    assert held(world, std, "ann-2").item["id"] == std.item_ids[1]
    submit(world, std, "ann-2", held(world, std, "ann-2"))
    assert counted(world, std, "ann-2") == 0
    assert claim(world, std, "ann-2").enough == "category"


@pytest.mark.db
def test_a_run_of_severe_items_is_broken_up(world: World) -> None:
    std = world.standard(items=6, overlap=1)
    set_policy(world, std, {"per_shift": 1000, "max_consecutive": 2})
    hint(world, std, [{"severity": 4}] * 4 + [{"severity": 1}, None])
    order = []
    for _ in range(5):
        place = held(world, std, "ann-1")
        order.append(std.item_ids.index(place.item["id"]))
        answer = abusive("very_strong") if order[-1] < 4 else BENIGN
        submit(world, std, "ann-1", place, answer)
    assert order in ([0, 1, 4, 2, 3], [0, 1, 4, 5, 2])


@pytest.mark.db
def test_a_category_that_somebody_left_does_not_come(world: World) -> None:
    std = world.standard(items=3, overlap=2)
    sexist = {"categories": ["sexist"], "severity": 2}
    hint(world, std, [sexist, {"categories": ["racist"], "severity": 2}, None])
    with world.database.write() as session:
        wellbeing.opt_out_of(session, world.actor("ann-1"), std.scope, "sexist", out=True)
    assert held(world, std, "ann-1").item["id"] == std.item_ids[1]
    assert held(world, std, "ann-2").item["id"] == std.item_ids[0]


@pytest.mark.db
def test_concealed_content_counts_when_it_is_revealed_and_once(world: World) -> None:
    std = world.standard(items=2, overlap=1)
    set_policy(world, std, {"per_shift": 100, "conceal": True})
    place = held(world, std, "ann-1")
    actor = world.actor("ann-1")
    reserved = counted(world, std, "ann-1")
    assert reserved == 2 * ABUSE.heaviest
    with world.database.write() as session:
        labeling.skip(session, actor, std.scope, place.id, place.fence)
    assert counted(world, std, "ann-1") == 0  # nothing was shown
    shown = held(world, std, "ann-1")
    for _ in range(3):
        with world.database.write() as session:
            exposure.credit(session, actor, std.scope, shown.id)
    with world.database.write() as session:
        labeling.skip(session, actor, std.scope, shown.id, shown.fence)
    assert counted(world, std, "ann-1") == reserved


# ---------------------------------------------------------------------------------- what it costs


class Statements:
    """Counts what is sent to the database, past every layer of ours."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sent: list[str] = []

    def during_claim(self, world: World, std: Standard, login: str) -> int:
        actor = world.actor(login)
        with self.database.write() as session:
            driver: Any = session.connection().connection.driver_connection
            self.sent.clear()
            driver.set_trace_callback(self.sent.append)
            labeling.claim(session, actor, std.scope, std.round_id)
            driver.set_trace_callback(None)
        return len({one for one in self.sent if not one.startswith("--")})


@ON_SQLITE
def test_a_claim_costs_one_statement_more_and_none_without_weights(world: World) -> None:
    std = world.standard(items=3, overlap=3)
    counter_of = Statements(world.database)
    world.database.last_reaped = world.now()
    held(world, std, "ann-3")  # compiles the rubric
    free = counter_of.during_claim(world, std, "ann-1")
    set_policy(world, std, {"per_shift": 50})
    budgets_on = counter_of.during_claim(world, std, "ann-2")
    # The cursor comes with the round now: without budgets a claim has one statement less than
    # before there were any, with them one more.
    assert (free, budgets_on) == (7, 9)
