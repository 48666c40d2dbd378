"""Every statement stays in its project, and the search for work reads no table from end to end."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from annotate.app import create_app
from annotate.db import new_id
from annotate.models import Assignment, CategoryOptOut, OptOut, Task, TaskExposure
from annotate.services.claim_queries import claim_query, place_of_others
from annotate.services.prepared import Prepared
from tests.support import scope_guard
from tests.support.builders import Standard, World

if TYPE_CHECKING:
    from datetime import datetime

    from annotate.config import Settings
    from annotate.db import Database

TASKS = 20_000
DONE = 2_000
ALLOTTED = 5_000


@pytest.mark.db
def test_every_prepared_statement_names_the_project(settings: Settings, database: Database) -> None:
    create_app(settings, database)  # loads every module that prepares one
    for allocation in ("open", "explicit"):
        Prepared(claim_query(allocation, embedded=True, locking=False))
        place_of_others(allocation, embedded=True)
    dialect = database.write_engine.dialect
    assert len(Prepared.known) > 20
    for prepared in Prepared.known:
        if _other_dialect(prepared, embedded=database.embedded):
            continue
        text = prepared.form_for(dialect).sql
        excused = prepared.statement.get_execution_options().get("unscoped")
        assert excused or not scope_guard.lacks_scope(text), text


def _other_dialect(prepared: Prepared, *, embedded: bool) -> bool:
    """An insert with a conflict clause is made for one database alone."""
    kind = type(prepared.statement)
    return (
        kind is not sa.Insert
        and isinstance(prepared.statement, sa.Insert)
        and (kind is sqlite.Insert) is not embedded
    )


@pytest.mark.parametrize(
    ("statement", "lacks"),
    [
        ("SELECT item.id FROM item WHERE item.id = ?", True),
        ("SELECT item.project_id FROM item", True),
        ("SELECT item.project_id FROM item WHERE item.id = ?", True),
        ("UPDATE task SET open_slots=? WHERE task.id = ?", True),
        ("DELETE FROM label WHERE label.annotation_id = ?", True),
        ("SELECT u.id FROM user_account u JOIN item ON item.id = u.id", True),
        ("SELECT item.id FROM item WHERE item.project_id = ?", False),
        ("SELECT user_account.id FROM user_account WHERE user_account.id = ?", False),
        ("INSERT INTO item (id, project_id) VALUES (?, ?)", False),
    ],
)
def test_the_guard_of_scopes_sees_what_it_should(statement: str, *, lacks: bool) -> None:
    assert scope_guard.lacks_scope(statement) is lacks


@pytest.fixture
def crowd(database: Database) -> tuple[World, Standard]:
    """A round of twenty thousand tasks in which one annotator has done some of them."""
    world = World(database)
    demo = world.standard(items=TASKS, annotators=2)
    allotted = {item_id: [world.users["ann-1"]] for item_id in demo.item_ids[:ALLOTTED]}
    explicit = world.round(demo.project_id, demo.version_id, list(allotted), allocation=allotted)
    with database.write() as session:
        rows = session.execute(
            sa.select(Task.id, Task.item_id, Task.round_id)
            .where(Task.round_id == demo.round_id)
            .order_by(Task.ord)
            .limit(DONE)
        ).all()
        moment = world.now()
        places = [_done(world, demo, row, moment) for row in rows]
        session.execute(sa.insert(Assignment), places)
        session.execute(sa.insert(OptOut), [_opt_out(world, place) for place in places])
        tasks = session.scalars(sa.select(Task.id).limit(ALLOTTED)).all()
        facts = [_fact(demo, task_id, name) for task_id in tasks for name in ("", "sexist")]
        session.execute(sa.insert(TaskExposure), facts)
        session.execute(sa.insert(CategoryOptOut), _category_opt_outs(world, demo, moment))
    with database.write_engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    return world, Standard(
        demo.project_id, demo.version_id, explicit, demo.item_ids, (demo.round_id, "ann-1")
    )


def _done(world: World, demo: Standard, task: Any, moment: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "project_id": demo.project_id,
        "round_id": task.round_id,
        "task_id": task.id,
        "item_id": task.item_id,
        "annotator_id": world.users["ann-1"],
        "state": "submitted",
        "fence": 1,
        "current_revision": 1,
        "leased_at": moment,
        "expires_at": moment,
        "closed_at": moment,
    }


def _opt_out(world: World, place: dict[str, Any]) -> dict[str, Any]:
    """Somebody else's, so that the table is not empty."""
    return {
        "id": new_id(),
        "project_id": place["project_id"],
        "user_id": world.users["ann-2"],
        "assignment_id": place["id"],
        "created_at": place["closed_at"],
    }


def _fact(demo: Standard, task_id: str, category: str) -> dict[str, Any]:
    common = {"task_id": task_id, "category": category, "project_id": demo.project_id}
    return {**common, "points": 2, "severity": 1, "source": "hint"}


def _category_opt_outs(world: World, demo: Standard, moment: datetime) -> list[dict[str, Any]]:
    """Those of others, enough of them that an index is worth using."""
    common = {"user_id": world.users["ann-2"], "project_id": demo.project_id, "created_at": moment}
    return [{**common, "category": f"category-{number}"} for number in range(DONE)]


@pytest.mark.db
@pytest.mark.slow
def test_the_next_place_is_found_without_reading_a_table(crowd: tuple[World, Standard]) -> None:
    world, demo = crowd
    open_round, login = demo.annotators
    embedded = {"embedded": world.database.embedded}
    rounds = {"open": open_round, "explicit": demo.round_id}
    budgets = (None, ("sexist", "racist"))
    for (allocation, round_id), budgeted in itertools.product(rounds.items(), budgets):
        values = {
            "project_id": demo.project_id,
            "round_id": round_id,
            "annotator_id": world.users[login],
            "team_id": world.team(),
            "priority": 0,
            "ord": DONE - 1,
            "task_id": "ffffffff-ffff-7fff-bfff-ffffffffffff",
            **dict.fromkeys(("room", "room_0", "room_1", "assumed_points"), 7),
            **dict.fromkeys(("below", "assumed_severity"), 2),
        }
        for statement in (
            claim_query(allocation, **embedded, budgeted=budgeted),
            place_of_others(allocation, **embedded, budgeted=budgeted).statement,
        ):
            lines = _plan(world.database, statement, values)
            whole = [line for line in lines if _reads_all(line)]
            assert not whole, "\n".join(lines)
            assert any("index" in line.lower() for line in lines)


def _reads_all(line: str) -> bool:
    # SQLite calls an expression list of one row a scan, too. No item here has a file.
    if " on media" in line:
        return False
    return "Seq Scan" in line or (line.startswith("SCAN ") and "CONSTANT ROW" not in line)


def _plan(database: Database, statement: Any, values: dict[str, Any]) -> list[str]:
    form = Prepared(statement).form_for(database.write_engine.dialect)
    explain = "EXPLAIN QUERY PLAN" if database.embedded else "EXPLAIN"
    with database.write_engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        cursor = driver.cursor()
        cursor.execute(f"{explain} {form.sql}", form.bind(values))
        lines = [row[-1] for row in cursor.fetchall()]
        cursor.close()
    return lines
