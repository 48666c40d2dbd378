"""A role for one team sees no trace of another: not in names, counts, lists, searches, choices.

Every page is read before and after another team's work comes in; not a letter may differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import AdjudicationCase, CaseCell, Item, ItemReport, Job, Project, Round, Task
from annotate.policy import Scope
from annotate.services import adjudication, practice_sets
from annotate.services.text import canonical_json
from tests.support.apps import application_on
from tests.support.builders import BENIGN, World, abusive
from tests.support.databases import ON_SQLITE
from tests.support.labelling import Seat
from tests.support.ruling import VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from annotate.db import Database

pytestmark = [pytest.mark.db, ON_SQLITE]

OURS, THEIRS = "Vendor Ours", "Vendor Theirs"
ROLES = ("manager", "adjudicator", "auditor")
NOT_COMPARED = {
    "rounds.new",  # it proposes a seed by chance
    "health.static_file",
    "health.readyz",
    "health.healthz",
}
SEARCHES = (
    "/p/demo/items?text=theirs",
    "/p/demo/items?state=done",
    "/p/demo/items?state=partly",
    "/p/demo/items?state=unlabelled",
    "/p/demo/items?state=disputed",
    "/api/v1/projects/demo/items?language=sw",
    "/api/v1/projects/demo/items?state=disputed",
    "/p/demo/cases?state=withdrawn",
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00)?")
SECRET = re.compile(r'(csrf[^"]{0,20}"?[ =:]+"?|value="|data-csrf=")[\w-]{43}')


@dataclass
class Walls:
    """A project of two teams; ours has done its work."""

    world: World
    project_id: str
    version_id: str
    round_id: str
    shared: list[str]
    own: list[str]

    def labelled(self, round_id: str, login: str, answers: Mapping[str, Any], times: int) -> None:
        seat = Seat(
            self.world.database, self.world.actor(login), Scope(self.project_id, None), round_id
        )
        for _ in range(times):
            seat.label(answers)

    def of_team(self, team: str, round_id: str, item_ids: list[str], **item: object) -> None:
        team_id = self.world.team(team)
        with self.world.database.write() as session:
            session.execute(
                sa.update(Item).where(Item.id.in_(item_ids)).values(team_id=team_id, **item)
            )
            session.execute(
                sa.update(Round)
                .where(Round.id == round_id)
                .values(team_id=team_id, name=f"Round of {team}")
            )
            session.execute(
                sa.update(Task).where(Task.round_id == round_id).values(team_id=team_id)
            )

    def theirs_comes_in(self) -> None:
        """Items, a round on shared items too, cases, a report, jobs: all of the other team."""
        world = self.world
        people = ("theirs-1", "theirs-2")
        for login in people:
            world.grant(login, "annotator", self.project_id, team=THEIRS)
        items = world.items(self.project_id, 3, prefix="theirs")
        round_id = world.round(self.project_id, self.version_id, items + self.shared, overlap=2)
        self.of_team(THEIRS, round_id, items, language="sw")
        self.labelled(round_id, people[0], BENIGN, 4)
        self.labelled(round_id, people[1], abusive(), 4)
        with world.database.write() as session:
            moment = now(session)
            session.execute(
                sa.update(Item).where(Item.id == items[0]).values(quarantined_at=moment)
            )
            report = ItemReport(
                id=new_id(),
                project_id=self.project_id,
                item_id=items[0],
                reporter_id=world.users[people[0]],
                kind="other",
                created_at=moment,
            )
            jobs = [
                Job(
                    id=new_id(),
                    project_id=self.project_id,
                    team_id=world.team(THEIRS),
                    kind="items.import",
                    parameters=canonical_json({"filename": "theirs.csv"}),
                    state=state,
                    message="theirs.csv",
                    created_by=world.users[people[0]],
                    created_at=moment,
                    finished_at=moment if state == "failed" else None,
                )
                for state in ("failed", "queued")
            ]
            session.add_all([report, *jobs])


@pytest.fixture
def walls(database: Database) -> Walls:
    world = World(database)
    project_id = world.project("demo")
    for role in ROLES:
        world.grant(f"our-{role}", role, project_id, team=OURS)
    for number in (1, 2):
        world.grant(f"ours-{number}", "annotator", project_id, team=OURS)
    version_id = world.rubric(project_id)
    shared = world.items(project_id, 2, prefix="shared")
    own = world.items(project_id, 2, prefix="ours")
    round_id = world.round(project_id, version_id, shared + own, overlap=2)
    found = Walls(world, project_id, version_id, round_id, shared, own)
    found.of_team(OURS, round_id, own)
    found.labelled(round_id, "ours-1", BENIGN, 3)
    found.labelled(round_id, "ours-2", abusive(), 3)
    return found


def addresses(app: Flask, walls: Walls) -> list[str]:
    """Return the address of every page that the objects at hand give one to."""
    with walls.world.database.read() as session:
        case_id = session.scalars(sa.select(AdjudicationCase.id)).first()
        slug = session.scalars(sa.select(Project.slug)).one()
    known = {
        "project": slug,
        "round_id": walls.round_id,
        "rubric_version_id": walls.version_id,
        "version_id": walls.version_id,
        "case_id": case_id,
    }
    bound = app.url_map.bind("localhost")
    found = list(SEARCHES)
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in NOT_COMPARED:
            continue
        for item_id in walls.shared + walls.own:
            values = {**known, "item_id": item_id}
            if rule.arguments <= values.keys():
                found.append(bound.build(rule.endpoint, {k: values[k] for k in rule.arguments}))
    return list(dict.fromkeys(found))


def read(app: Flask, cookie: str, wanted: list[str]) -> dict[str, tuple[int, str]]:
    client = app.test_client()
    client.set_cookie("touchstone", cookie)
    found = {}
    for address in wanted:
        answer = client.get(address)
        text = SECRET.sub("", MOMENT.sub("", answer.get_data(as_text=True)))
        found[address] = (answer.status_code, text)
    return found


def test_nothing_tells_one_team_of_the_other(walls: Walls, database: Database) -> None:
    app = application_on(database.settings, database)
    wanted = addresses(app, walls)
    cookies = {role: walls.world.cookie(f"our-{role}") for role in ROLES}
    before = {role: read(app, cookie, wanted) for role, cookie in cookies.items()}
    assert sum(status == 200 for status, _ in before["manager"].values()) > 20
    walls.theirs_comes_in()
    for role, cookie in cookies.items():
        after = read(app, cookie, wanted)
        told = {address for address in wanted if after[address] != before[role][address]}
        assert told == set(), role


def test_practice_takes_no_ruling_of_the_other_team(walls: Walls) -> None:
    """Its reasons would tell what they labelled, also on items that both teams have."""
    database, world = walls.world.database, walls.world
    walls.theirs_comes_in()
    ours = Scope(walls.project_id, frozenset({world.team(OURS)}))
    judge = world.actor("our-adjudicator")
    theirs = sa.select(AdjudicationCase.id).where(
        AdjudicationCase.item_id == walls.shared[0], AdjudicationCase.round_id != walls.round_id
    )
    with database.write() as session:
        case_id = session.scalars(theirs).one()
        session.execute(
            sa.update(Round).where(Round.project_id == walls.project_id).values(state="closed")
        )
        whole = Scope(walls.project_id, None)
        held = adjudication.take(session, judge, whole, case_id)
        cells = session.execute(
            sa.select(CaseCell.question, CaseCell.category).where(CaseCell.case_id == case_id)
        ).all()
        reading = {cell.question: {"state": "unsure"} for cell in cells}
        adjudication.answer(session, judge, whole, case_id, reading)
        rulings = [
            adjudication.Ruling(
                cell.question,
                cell.category,
                VALUES[cell.question],
                "genuine_pluralism",
                "A reason.",
            )
            for cell in cells
        ]
        adjudication.decide(session, judge, whole, case_id, held.fence, rulings)
    with database.write() as session:
        manager = world.actor("our-manager")
        assert practice_sets.add_decided(session, manager, ours, walls.version_id) == 0
        assert practice_sets.add_decided(session, manager, whole, walls.version_id) == 1
