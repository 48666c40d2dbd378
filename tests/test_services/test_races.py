"""Two people at one moment: what each transaction sees of the other, on both databases."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    AdjudicationCase,
    Annotation,
    Assignment,
    CaseCell,
    Decision,
    GoldRelease,
    Task,
    UserAccount,
)
from annotate.services import adjudication, gold, identity, labeling, leases, people, submitting
from annotate.services.errors import Conflict, NotFound
from rubrics.library import read
from tests.support.builders import ABUSE, BENIGN, Standard, World, abusive
from tests.support.labelling import pass_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.orm import Session

    from annotate.db import Database
    from annotate.services.labeling import Place

pytestmark = pytest.mark.db

A_MOMENT = 0.3
"""Seconds in which an unhindered transaction would be through."""


class Other:
    """A second transaction, begun while the first is open; it ends by itself."""

    def __init__(self, database: Database, act: Callable[[Session], object]) -> None:
        self.failed: list[BaseException] = []
        self.through = threading.Event()
        self._database, self._act = database, act
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with self._database.write() as session:
                self._act(session)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self.failed.append(error)
        self.through.set()

    def begin(self) -> None:
        self._thread.start()
        self.through.wait(A_MOMENT)

    def end(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextmanager
def while_open(database: Database, second: Callable[[Session], object]) -> Iterator[Any]:
    """Give a transaction; when its block ends, begin the second one before the first commits."""
    other = Other(database, second)
    with database.write() as session:
        yield session, other
        session.flush()
        other.begin()
    other.end()


def claimed(world: World, std: Standard, login: str, round_id: str = "") -> Place:
    with world.database.write() as session:
        claim = labeling.claim(session, world.actor(login), std.scope, round_id or std.round_id)
    assert claim.place is not None
    return claim.place


def prepared(
    world: World, std: Standard, login: str, place: Place, answers: Mapping[str, Any]
) -> labeling.Submission:
    with world.database.read() as session:
        return labeling.prepare(
            session,
            world.actor(login),
            std.scope,
            place.id,
            annotation_id=new_id(),
            answers=answers,
        )


def figure(world: World, query: Any) -> Any:
    with world.database.read() as session:
        return session.scalar(query)


def test_two_last_submissions_at_once_open_the_case_of_a_rubric_without_weights(
    world: World,
) -> None:
    """Where nothing weighs, no row of the exposure ledger makes the second one wait."""
    std = world.standard(items=1, overlap=2, annotators=2)
    source = re.sub(r"exposure_weight: \d", "exposure_weight: 0", read(ABUSE))
    version_id = world.rubric(std.project_id, "weightless", source=source)
    round_id = world.round(std.project_id, version_id, list(std.item_ids), overlap=2)
    first, second = (claimed(world, std, login, round_id) for login in std.annotators)
    one = prepared(world, std, "ann-1", first, BENIGN)
    two = prepared(world, std, "ann-2", second, abusive())
    actors = [world.actor(login) for login in std.annotators]

    def submit_second(session: Session) -> None:
        labeling.submit(session, actors[1], std.scope, second.id, second.fence, two)

    with while_open(world.database, submit_second) as (session, other):
        labeling.submit(session, actors[0], std.scope, first.id, first.fence, one)
    assert other.failed == []
    count = sa.select(sa.func.count()).select_from(AdjudicationCase)
    assert figure(world, count) == 1


def test_an_edit_cannot_take_a_ruling_away_that_is_being_made(world: World) -> None:
    std = world.standard(items=1, overlap=2, annotators=2)
    places = [claimed(world, std, login) for login in std.annotators]
    actors = [world.actor(login) for login in std.annotators]
    for login, actor, place, answers in zip(
        std.annotators, actors, places, (BENIGN, abusive()), strict=True
    ):
        submission = prepared(world, std, login, place, answers)
        with world.database.write() as session:
            labeling.submit(session, actor, std.scope, place.id, place.fence, submission)
    judge = world.actor("adjudicator")
    with world.database.write() as session:
        held = adjudication.take_next(session, judge, std.scope)
    assert held is not None
    with world.database.write() as session:
        adjudication.answer(
            session, judge, std.scope, held.case_id, _own_reading(session, std, held.case_id)
        )
    edit = prepared(world, std, "ann-1", places[0], abusive())

    def revise(session: Session) -> None:
        labeling.revise(session, actors[0], std.scope, places[0].id, 1, edit)

    ruling = adjudication.Ruling("severity", "", "mild", "rater_error", "The clause decides.")
    with while_open(world.database, revise) as (session, other):
        adjudication.decide(session, judge, std.scope, held.case_id, held.fence, [ruling])
    assert [type(error) for error in other.failed] == [Conflict]
    in_force = sa.select(sa.func.count()).where(CaseCell.decision_id.is_not(None))
    assert figure(world, in_force) == 1


def test_rulings_follow_each_other_whatever_the_clocks_of_machines_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids hold the time of the machine that made them; one may run behind the other."""
    std = world.standard(items=1, overlap=2, annotators=2)
    for login, answers in zip(std.annotators, (BENIGN, abusive()), strict=True):
        place = claimed(world, std, login)
        submission = prepared(world, std, login, place, answers)
        with world.database.write() as session:
            actor = world.actor(login)
            labeling.submit(session, actor, std.scope, place.id, place.fence, submission)
    judge = world.actor("adjudicator")
    with world.database.write() as session:
        held = adjudication.take_next(session, judge, std.scope)
        assert held is not None
        reading = _own_reading(session, std, held.case_id)
        adjudication.answer(session, judge, std.scope, held.case_id, reading)
    falling = iter(sorted((new_id() for _ in range(3)), reverse=True))
    monkeypatch.setattr(adjudication, "new_id", lambda: next(falling))
    for value in ("mild", "strong", "ambiguous"):
        ruling = adjudication.Ruling("severity", "", value, "rater_error", "The clause decides.")
        with world.database.write() as session:
            adjudication.decide(session, judge, std.scope, held.case_id, held.fence, [ruling])
    in_force = sa.select(Decision.value).join(CaseCell, CaseCell.decision_id == Decision.id)
    assert figure(world, in_force) == "ambiguous"


def _own_reading(session: Session, std: Standard, case_id: str) -> dict[str, dict[str, Any]]:
    cells = session.execute(
        sa.select(CaseCell.question).where(
            CaseCell.case_id == case_id, CaseCell.project_id == std.project_id
        )
    )
    return {row.question: {"state": "unsure"} for row in cells}


def test_a_report_ends_the_place_that_is_handed_out_meanwhile(world: World) -> None:
    std = world.standard(items=1, overlap=2, annotators=2)
    first = claimed(world, std, "ann-1")
    actors = [world.actor(login) for login in std.annotators]

    def report(session: Session) -> None:
        labeling.report(session, actors[0], std.scope, first.id, first.fence, kind="other")

    with while_open(world.database, report) as (session, other):
        assert labeling.claim(session, actors[1], std.scope, std.round_id).place is not None
    assert other.failed == []
    states = sa.select(Assignment.state).distinct()
    with world.database.read() as session:
        assert session.scalars(states).all() == ["released"]


def test_the_installation_gets_one_actor_though_two_need_it_first(world: World) -> None:
    with while_open(world.database, identity.system_actor) as (session, other):
        identity.system_actor(session)
    assert other.failed == []
    with world.database.read() as session:
        assert session.scalars(sa.select(UserAccount.login)).all() == [identity.SYSTEM_LOGIN]


def test_an_account_that_is_being_closed_is_handed_nothing(world: World) -> None:
    std = world.standard(items=1, overlap=2, annotators=2)
    world.grant("root", "administrator")
    with world.database.write() as session:
        session.execute(sa.update(UserAccount).values(password_hash="kept"))
    root, leaver = world.actor("root", "web"), world.actor("ann-1")

    def take(session: Session) -> None:
        labeling.claim(session, leaver, std.scope, std.round_id)

    with while_open(world.database, take) as (session, other):
        people.deactivate(session, root, leaver.user_id)
    assert [type(error) for error in other.failed] == [NotFound]
    assert figure(world, sa.select(sa.func.count()).select_from(Assignment)) == 0


@pytest.mark.parametrize("allocated", [False, True])
def test_a_claim_does_not_hand_out_what_is_being_reported(world: World, *, allocated: bool) -> None:
    std = world.standard(items=1, overlap=2, annotators=2)
    round_id = std.round_id
    if allocated:
        people = [world.users[login] for login in std.annotators]
        round_id = world.round(
            std.project_id,
            std.version_id,
            list(std.item_ids),
            allocation={std.item_ids[0]: people},
        )
    first = claimed(world, std, "ann-1", round_id)
    actors = [world.actor(login) for login in std.annotators]
    given: list[labeling.Claim] = []

    def take(session: Session) -> None:
        given.append(labeling.claim(session, actors[1], std.scope, round_id))

    with while_open(world.database, take) as (session, other):
        labeling.report(session, actors[0], std.scope, first.id, first.fence, kind="other")
    assert other.failed == []
    assert [one.place for one in given] == [None]


def test_a_claim_keeps_nothing_locked_of_the_places_that_it_gave_back(world: World) -> None:
    """Two claims that wait for each other's task would end one of them with an error."""
    std = world.standard(items=2, overlap=2, annotators=4)
    one, two, three, four = (world.users[login] for login in std.annotators)
    kept = dict(zip(std.item_ids, ([one, four], [two, three]), strict=True))
    round_id = world.round(std.project_id, std.version_id, list(kept), allocation=kept)
    claimed(world, std, "ann-1", round_id)
    pass_time(world, days=1)
    actors = {login: world.actor(login) for login in std.annotators}
    given: list[labeling.Claim] = []

    def take(session: Session) -> None:
        given.append(labeling.claim(session, actors["ann-4"], std.scope, round_id))

    other = Other(world.database, take)
    with world.database.write() as session:
        labeling.claim(session, actors["ann-3"], std.scope, round_id)
        other.begin()
        assert world.database.embedded or other.through.wait(20)
    other.end()
    assert other.failed == []
    assert given[0].place is not None


def test_nothing_of_before_its_watermark_comes_in_after_a_release_was_frozen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    std = world.standard(items=2, overlap=2, annotators=2)
    places = [claimed(world, std, login) for login in std.annotators]
    actors = [world.actor(login) for login in std.annotators]
    submissions = [
        prepared(world, std, login, place, BENIGN)
        for login, place in zip(std.annotators, places, strict=True)
    ]
    with world.database.write() as session:
        place = places[0]
        labeling.submit(session, actors[0], std.scope, place.id, place.fence, submissions[0])
    reader = world.actor("reader")
    at_freeze: list[int] = []

    def freeze(session: Session) -> None:
        gold.freeze(session, reader, std.scope, gold.ReleaseWish(std.version_id))
        at_freeze.append(session.scalar(_BEFORE_WATERMARK) or 0)

    other = Other(world.database, freeze)
    write = submitting._write

    def late(*args: Any, **more: Any) -> None:
        other.begin()  # its moment is taken, its rows are not written
        write(*args, **more)

    monkeypatch.setattr(submitting, "_write", late)
    with world.database.write() as session:
        place = places[1]
        labeling.submit(session, actors[1], std.scope, place.id, place.fence, submissions[1])
    other.end()
    assert other.failed == []
    assert figure(world, _BEFORE_WATERMARK) == at_freeze[0]


_BEFORE_WATERMARK = sa.select(sa.func.count()).where(
    Annotation.created_at <= GoldRelease.watermark,
    Annotation.project_id == GoldRelease.project_id,
)


def test_two_releases_that_share_tasks_end_both(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One frees a place of the first task and two of the second, the other the reverse."""
    std = world.standard(items=2, overlap=3, annotators=3)
    held: list[tuple[str, str]] = []
    for login in std.annotators:
        first = claimed(world, std, login)
        with world.database.write() as session:
            actor = world.actor(login)
            more = labeling.claim(session, actor, std.scope, std.round_id, have=[first.id]).place
        assert more is not None
        held.append((first.id, more.id))
    (a1, b1), (a2, b2), (a3, b3) = held
    between = threading.Barrier(2)
    real = sa.orm.Session.execute

    def execute(self: Session, statement: Any, *args: Any, **more: Any) -> Any:
        found = real(self, statement, *args, **more)
        if getattr(statement, "is_update", False) and statement.table.name == Task.__tablename__:
            with suppress(threading.BrokenBarrierError):
                between.wait(A_MOMENT)  # both hold their first task, where that can be
        return found

    monkeypatch.setattr(sa.orm.Session, "execute", execute)
    others = [
        Other(world.database, partial(_release, ids=ids)) for ids in ((a1, b1, b2), (a2, a3, b3))
    ]
    for other in others:
        other._thread.start()
    for other in others:
        other.end()
    assert [other.failed for other in others] == [[], []]
    assert figure(world, sa.select(sa.func.sum(Task.open_slots))) == 6
    leased = sa.select(sa.func.count()).where(Assignment.state == "leased")
    assert figure(world, leased) == 0


def _release(session: Session, *, ids: tuple[str, ...]) -> None:
    leases.release(session, ids, state="released", at=now(session))
