"""Releases of several responses: the order shown goes along, and old rows give their old bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import Annotation, GoldRelease, UserAccount
from annotate.services import gold
from annotate.services.text import canonical_json
from exports.manifest import read_manifest
from exports.records import pseudonym
from exports.verify import verify_release
from tests.support.labelling import Seat

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.policy import Scope
    from tests.support.builders import World

pytestmark = pytest.mark.db
ANSWERS: dict[str, Any] = {
    "request": {"value": "benign"},
    "better": {"value": "second"},
    "reasons": {"value": [["use"], ["safety", "manner"]]},
    "faults": {"value": []},
}


def frozen(world: World) -> tuple[Scope, str]:
    """Three pairs, each judged by two people, and a release of them."""
    std = world.standard(items=1)
    version = world.rubric(std.project_id, "refusal-pairs")
    pairs = world.pairs(std.project_id, 3)
    round_id = world.round(std.project_id, version, pairs, overlap=2)
    for login in std.annotators[:2]:
        for _ in pairs:
            Seat(world.database, world.actor(login), std.scope, round_id).label(ANSWERS)
    with world.database.write() as session:
        wish = gold.ReleaseWish(version)
        return std.scope, gold.freeze(session, world.actor("reader"), std.scope, wish)


def labels(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "labels.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_each_label_has_the_order_that_its_annotator_saw(world: World, tmp_path: Path) -> None:
    scope, release_id = frozen(world)
    digests = [
        gold.write_files(world.database, scope, release_id, tmp_path / name) for name in "ab"
    ]
    assert digests[0] == digests[1]
    assert verify_release(tmp_path / "a").problems == ()
    with world.database.read() as session:
        salt = session.scalars(sa.select(GoldRelease.salt)).one()
        kept = {
            (pseudonym(salt, str(row.id)), row.shown_order)
            for row in session.execute(
                sa.select(UserAccount.id, Annotation.shown_order).join(
                    Annotation, Annotation.annotator_id == UserAccount.id
                )
            )
        }
    assert {(one["annotator"], one["shown_order"]) for one in labels(tmp_path / "a")} == kept
    assert {order for _, order in kept} <= {"r1,r2", "r2,r1"}


def test_a_row_frozen_before_formats_were_counted_gives_the_first(
    world: World, tmp_path: Path
) -> None:
    scope, release_id = frozen(world)
    with world.database.write() as session:
        release = session.get_one(GoldRelease, release_id)
        parameters = json.loads(release.parameters)
        assert parameters.pop("format") == 2
        release.parameters = canonical_json(parameters)
    gold.write_files(world.database, scope, release_id, tmp_path / "old")
    assert read_manifest(tmp_path / "old")["format"] == "touchstone-gold-release/1"
    assert "shown_order" not in labels(tmp_path / "old")[0]
    assert verify_release(tmp_path / "old").problems == ()
