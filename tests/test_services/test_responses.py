"""Items with several responses: fitting rounds, shown orders, answers kept by place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from annotate.db import Database
from annotate.models import AdjudicationCase, Annotation, Label
from annotate.services import adjudication, case_reading, gold, labeling, rounds, side_lean
from annotate.services.adjudication import Ruling
from annotate.services.agreement import Slice
from annotate.services.migration import SCRIPTS
from annotate.services.response_order import kept_order
from exports.verify import verify_release
from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.shown_order import shown_order
from tests.support.databases import empty_database, settings_for
from tests.support.labelling import Seat

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.policy import Scope
    from tests.support.builders import World

pytestmark = pytest.mark.db
PAIRS = "refusal-pairs"
RULED = {"better": "tie", "request": "benign"}
ANSWERS: dict[str, Any] = {
    "request": {"value": "benign"},
    "better": {"value": "second"},
    "reasons": {"value": [["use"], ["safety", "manner"]]},
    "faults": {"value": ["over_refusal"]},
    "over_refuses": {"value": ["r1"]},
    "withheld": {"per": {"r1": {"value": "much"}}},
}


def _round(world: World, items: int = 8) -> tuple[Scope, str]:
    std = world.standard(items=1)
    version = world.rubric(std.project_id, PAIRS)
    round_id = world.round(std.project_id, version, world.pairs(std.project_id, items), overlap=2)
    return std.scope, round_id


def _seat(world: World, scope: Scope, round_id: str, login: str) -> Seat:
    return Seat(world.database, world.actor(login), scope, round_id)


def test_responses_come_in_an_order_of_the_place_and_without_their_names(world: World) -> None:
    scope, round_id = _round(world)
    seat = _seat(world, scope, round_id, "ann-1")
    orders = set()
    for _ in range(8):
        place = seat.held()
        shown = place.item["body"]["responses"]
        assert "model" not in json.dumps(place.item)
        assert {one["id"]: one["text"][:8] for one in shown} == {"r1": "Answer 1", "r2": "Answer 2"}
        order = tuple(one["id"] for one in shown)
        assert order == shown_order(place.id, 2)
        with world.database.read() as session:
            again = labeling.own_assignment(session, world.actor("ann-1"), scope, place.id)
        assert again.item["body"] == place.item["body"]
        orders.add(order)
        seat.submit(place, ANSWERS)
    assert len(orders) == 2


def test_answers_are_kept_by_place_in_the_item_beside_the_order_shown(world: World) -> None:
    scope, round_id = _round(world, items=1)
    place = _seat(world, scope, round_id, "ann-1").label(ANSWERS)
    with world.database.read() as session:
        kept = session.execute(sa.select(Annotation.shown_order)).scalar_one()
        cells = {
            (row.question, row.category): row.value
            for row in session.execute(sa.select(Label.question, Label.category, Label.value))
        }
    assert kept == ",".join(one["id"] for one in place.item["body"]["responses"])
    assert cells["better", ""] == "second"
    assert cells["reasons", ""] == "use>safety=manner"
    assert (cells["over_refuses", "r1"], cells["over_refuses", "r2"]) == ("1", "0")
    assert (cells["withheld", "r1"], cells["withheld", "r2"]) == ("much", None)


def test_preferences_are_ruled_on_and_released(world: World, tmp_path: Path) -> None:
    scope, round_id = _round(world, items=2)
    for login, better in (("ann-1", "second"), ("ann-2", "first")):
        seat = _seat(world, scope, round_id, login)
        seat.label({**ANSWERS, "better": {"value": better}})
        seat.label(ANSWERS)
    with world.database.write() as session:
        [case_id] = session.scalars(sa.select(AdjudicationCase.id)).all()
        judge = world.actor("adjudicator")
        held = adjudication.take(session, judge, scope, case_id)
        cells = [cell.question for cell in case_reading.cells_of(session, scope, case_id)]
        answers = {one: {"value": RULED[one]} for one in cells}
        adjudication.answer(session, judge, scope, case_id, answers)
        rulings = [Ruling(one, "", RULED[one], "genuine_pluralism", "Alike.") for one in cells]
        adjudication.decide(session, judge, scope, case_id, held.fence, rulings)
        version = session.scalars(sa.select(Annotation.rubric_version_id)).first()
        reader = world.actor("reader")
        release_id = gold.freeze(session, reader, scope, gold.ReleaseWish(str(version)))
    gold.write_files(world.database, scope, release_id, tmp_path / "release")
    assert verify_release(tmp_path / "release").problems == ()
    rows = [
        json.loads(line)
        for line in (tmp_path / "release" / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    said = {row["value"] for row in rows if row["question"] == "better"}
    assert said == {"second", "tie"}
    assert {row["value"] for row in rows if row["question"] == "reasons"} >= {"use>safety=manner"}


def test_a_lean_to_the_response_shown_first_is_counted(world: World) -> None:
    scope, round_id = _round(world)
    seat = _seat(world, scope, round_id, "ann-1")
    first = 0
    for _ in range(8):
        place = seat.label(ANSWERS)
        first += place.item["body"]["responses"][0]["id"] == "r2"
    with world.database.read() as session:
        version = session.scalars(sa.select(Annotation.rubric_version_id)).first()
        rubric = load_rubric(read(PAIRS))
        [lean] = side_lean.leans(session, scope, rubric, Slice(str(version)))
    assert (lean.question, lean.shown_first.n) == ("better", 8)
    assert lean.shown_first.successes == first
    assert lean.to_json()["share"] == first / 8


def test_a_rubric_may_keep_the_order_of_the_item() -> None:
    still = load_rubric(read(PAIRS).replace("shuffle_responses: true", "shuffle_responses: false"))
    assert kept_order(still, "any") == "r1,r2"
    assert kept_order(load_rubric(read("conversational-abuse")), "any") is None


def test_a_round_takes_only_items_that_its_rubric_can_judge(world: World) -> None:
    std = world.standard(items=2)
    world.pairs(std.project_id, 3)
    world.pairs(std.project_id, 4, responses=3)
    versions = {std.version_id: 2, world.rubric(std.project_id, PAIRS): 3}
    for version, expected in versions.items():
        design = rounds.RoundDesign(version, f"Round of {expected}", overlap=2)
        with world.database.read() as session:
            plan = rounds.plan(session, world.actor("manager"), std.scope, design)
        assert len(plan.tasks) == expected


KEY = "0198f2c0-0000-7000-8000-000000000001"
KNOWN = {"item.kind": "text", "item.body": '{"text":"Leaves"}', "user_account.kind": "person"}


def test_a_database_with_items_takes_the_new_kind(tmp_path: Path, database_kind: str) -> None:
    with empty_database(database_kind, tmp_path) as url:
        database = Database(settings_for(url, tmp_path))
        _upgrade(database, "0004")
        for name in ("user_account", "project", "item", "media"):
            _fill(database, name)
        _upgrade(database, "0005")
        with database.write() as session:
            items = sa.Table("item", sa.MetaData(), autoload_with=session.connection())
            session.execute(sa.update(items).values(kind="responses"))
        with pytest.raises(sa.exc.IntegrityError), database.write() as session:
            session.execute(sa.update(items).values(kind="poem"))
        with database.read() as session:
            assert session.execute(sa.select(items.c.kind)).scalars().all() == ["responses"]
        database.dispose()


def _upgrade(database: Database, revision: str) -> None:
    with database.write() as session:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = session.connection()
        command.upgrade(config, revision)


def _fill(database: Database, name: str) -> None:
    """Write one row with something in every column that needs it, as the tables were then."""
    with database.write() as session:
        table = sa.Table(name, sa.MetaData(), autoload_with=session.connection())
        row = {column.name: _something(column) for column in table.c if not column.nullable}
        session.execute(sa.insert(table).values(row))


def _something(column: sa.Column[Any]) -> object:
    if column.name == "id" or column.foreign_keys:
        return KEY
    if isinstance(column.type, sa.DateTime):
        return datetime(2026, 1, 1, tzinfo=UTC)
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.Integer):
        return 1
    return KNOWN.get(f"{column.table.name}.{column.name}", "x")
