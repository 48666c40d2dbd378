"""Nothing outside the wellbeing tables tells an opt-out or a spent budget from an expiry."""

from __future__ import annotations

import ast
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import Database
from annotate.models import AuditEvent, Base, OptOut
from annotate.services import labeling, wellbeing
from tests.architecture.sources import sources, tree
from tests.support.budgeting import hint, set_policy
from tests.support.builders import Standard, World
from tests.support.databases import migrated_database, settings_for
from tests.support.labelling import claim, held, pass_time, submit

if TYPE_CHECKING:
    from pathlib import Path


def outside(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table that is not about wellbeing, as it reads to others.

    Ids and hashes are left out, times are minutes after the first of the row.
    """
    found = {}
    with world.database.read() as session:
        for table in Base.metadata.sorted_tables:
            if not table.name.startswith("wellbeing_"):
                rows = session.execute(sa.select(table)).mappings().all()
                found[table.name] = sorted((plain(dict(row)) for row in rows), key=repr)
    return found


IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")


def plain(row: dict[str, Any]) -> dict[str, Any]:
    first = min((one for one in row.values() if isinstance(one, datetime)), default=None)

    def seen(value: Any) -> Any:
        if isinstance(value, datetime):
            return round((value - first).total_seconds() / 60)
        return IDS.sub("id", value) if isinstance(value, str) else value

    return {name: seen(value) for name, value in row.items()}


def run_out(world: World, std: Standard, how: str) -> None:
    """Two people work; one leaves an item in one way or another, then time passes."""
    submit(world, std, "ann-2", held(world, std, "ann-2"))
    place = held(world, std, "ann-1")
    actor = world.actor("ann-1")
    with world.database.write() as session:
        if how == "item":
            labeling.opt_out(session, actor, std.scope, place.id, place.fence, reason="Not today")
        elif how == "category":
            labeling.opt_out(session, actor, std.scope, place.id, place.fence, category="sexist")
            wellbeing.opt_out_of(session, actor, std.scope, "sexist", out=True)
    if how == "budget":
        with world.database.write() as session:
            wellbeing.change_preference(session, actor, std.scope, {"per_shift": 1})
        assert claim(world, std, "ann-1").place is not None  # what is held stays
    pass_time(world, seconds=1801)
    submit(world, std, "ann-2", held(world, std, "ann-2"))


@pytest.mark.db
@pytest.mark.parametrize("how", ["item", "category", "budget"])
def test_nothing_outside_tells_an_opt_out_or_a_spent_budget_from_an_expiry(
    tmp_path: Path, database_kind: str, how: str
) -> None:
    told = []
    for number, one in enumerate((how, "expiry")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with migrated_database(database_kind, folder) as url:
            opened = Database(settings_for(url, folder))
            try:
                world = World(opened)
                std = world.standard(items=3, overlap=2)
                set_policy(world, std, {"per_shift": 100})
                hint(world, std, [{"categories": ["sexist"], "severity": 2}, None, None])
                run_out(world, std, one)
                told.append(outside(world))
            finally:
                opened.dispose()
    for table, rows in told[0].items():
        assert rows == told[1][table], table
    assert len(told[0]["audit_event"]) > 4


@pytest.mark.db
def test_a_refused_claim_leaves_no_trace(world: World) -> None:
    std = world.standard(items=2, overlap=2)
    set_policy(world, std, {"per_shift": 1})
    before = outside(world)
    assert claim(world, std, "ann-1").reason == "enough"
    assert outside(world) == before
    with world.database.read() as session:
        assert session.scalars(sa.select(AuditEvent.kind)).all() == []
        assert session.scalars(sa.select(OptOut.id)).all() == []


READERS = {
    # who may ask the tables about people, and nobody else in the program
    "claiming.py": {"OptOut", "WellbeingPolicy", "WellbeingPreference"},
    "claim_queries.py": {"CategoryOptOut", "OptOut"},
    "places.py": {"OptOut"},
    "exposure.py": {"Break", "Exposure"},
    "wellbeing.py": {"Break", "CategoryOptOut", "WellbeingPolicy", "WellbeingPreference"},
    "wellbeing_report.py": {"Break", "CategoryOptOut", "Exposure", "OptOut"},
}
PERSONAL = {"Break", "CategoryOptOut", "Exposure", "OptOut", "WellbeingPreference"}


def test_no_other_part_of_the_program_asks_the_wellbeing_tables() -> None:
    found = {}
    for path in sources("annotate", "exports", "tasks"):
        if "models" in path.parts or "migrations" in path.parts:
            continue
        imported = {
            name.name
            for node in ast.walk(tree(path))
            if isinstance(node, ast.ImportFrom) and node.module == "annotate.models"
            for name in node.names
        }
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bwellbeing_(opt_out|exposure|break|category)\b", text), path
        if imported & PERSONAL:
            found[path.name] = imported & PERSONAL
    assert found == {name: known & PERSONAL for name, known in READERS.items()}
