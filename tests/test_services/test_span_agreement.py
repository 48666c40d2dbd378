"""Spans have an alpha on the page and in the release: the lengths of their texts are known here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from annotate.services import agreement, gold
from annotate.services.agreement import Slice
from annotate.services.gold import ReleaseWish
from tests.support.builders import Standard, World
from tests.support.labelling import label

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.db import Database

pytestmark = pytest.mark.db
RUBRIC = """schema: touchstone-rubric/1
id: marks
version: 1.0.0
title: Marks
description: Which words of the answer are hasty.
status: pilot
paradigm: prescriptive
languages: [en]
owner: touchstone
item:
  unit: response
  kinds: [prompt_response]
questions:
  - id: hasty
    text: Which words are hasty?
    type: span
    target: response
    min: 0
    agreement:
      target: 0.8
      floor: 0.6
"""
BODIES = [{"prompt": "Shall I water them?", "response": f"Yes, at once, all {n}."} for n in (1, 2)]


def marked(start: int, end: int) -> dict[str, Any]:
    return {"hasty": {"value": [{"target": "response", "start": start, "end": end}]}}


@pytest.fixture
def std(database: Database) -> Standard:
    """Two annotators mark nearly the same words of two answers."""
    world = World(database)
    std = world.standard(items=1)
    version_id = world.rubric(std.project_id, name="marks", source=RUBRIC)
    item_ids = world.items_of(std.project_id, "prompt_response", BODIES, "marked")
    round_id = world.round(std.project_id, version_id, item_ids, overlap=2)
    std = Standard(std.project_id, version_id, round_id, tuple(item_ids), std.annotators)
    for login, end in (("ann-1", 12), ("ann-2", 11)):
        for _item in BODIES:
            label(world, std, login, marked(5, end))
    world.grant("reader", "ml_reader", std.project_id)
    return std


def alphas(report: dict[str, Any]) -> list[float]:
    return [
        one["results"]["span_alpha"]["value"]
        for one in report["shaped"]
        if one["question"] == "hasty"
    ]


def test_span_alpha_is_measured_on_the_page_and_in_the_release(
    database: Database, std: Standard, tmp_path: Path
) -> None:
    world = World(database)
    world.grant("looker", "ml_reader", std.project_id)
    actor = world.actor("looker")
    with database.read() as session:
        found = agreement.measure(session, actor, std.scope, Slice(std.version_id))
    [shown] = alphas(found.report.to_json())
    assert 0.5 < shown < 1.0
    with database.write() as session:
        release_id = gold.freeze(session, actor, std.scope, ReleaseWish(std.version_id))
    gold.write_files(database, std.scope, release_id, tmp_path / "release")
    released = json.loads((tmp_path / "release" / "agreement.json").read_text(encoding="utf-8"))
    assert alphas(released) == [pytest.approx(shown, abs=1e-12)]


def test_lengths_are_code_points_of_every_text(std: Standard) -> None:
    assert std.item_ids
    body = json.dumps({"messages": [{"role": "user", "content": "Grüße 🌱"}], "text": ""})
    assert agreement.text_lengths([("a", body)]) == {"a": {"message:0": 7}}
    assert agreement.text_lengths([("a", body), ("b", "{}")]) is None
