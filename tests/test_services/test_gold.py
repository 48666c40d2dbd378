"""Gold releases: frozen first, the same bytes on both databases and every time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import GoldCell, Item
from annotate.policy import Scope
from annotate.services import gold, worker
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.gold import ReleaseWish
from tests.support.labelling import disputed
from tests.support.ruling import answer, decide, rulings, take

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.builders import Standard, World


pytestmark = pytest.mark.db


@pytest.fixture
def std(world: World) -> Standard:
    return disputed(world, items=4)


def freeze(world: World, std: Standard, **changes: object) -> str:
    wish = replace(ReleaseWish(std.version_id), **changes)
    with world.database.write() as session:
        return gold.freeze(session, world.actor("reader"), std.scope, wish)


def release(world: World, std: Standard) -> str:
    release_id = freeze(world, std)
    with world.database.write() as session:
        job_id = gold.enqueue(session, world.actor("reader"), std.scope, release_id)
    assert worker.run_until(world.database, job_id).state == "done"
    return release_id


def checked(world: World, std: Standard, release_id: str) -> tuple[str, ...]:
    with world.database.read() as session:
        return gold.check(session, std.scope, release_id)


def test_a_release_is_written_recorded_and_whole(world: World, std: Standard) -> None:
    release_id = release(world, std)
    assert checked(world, std, release_id) == ()
    with world.database.read() as session:
        found = gold.view(session, std.scope, release_id)
        bases = dict(
            session.execute(
                sa.select(GoldCell.basis, sa.func.count()).group_by(GoldCell.basis)
            ).all()
        )
    assert found.line.state == "written"
    assert found.manifest is not None
    assert found.manifest["counts"]["items"] == 4
    assert found.manifest["counts"]["annotators"] == 3
    assert bases == {
        basis: count for basis, count in found.manifest["counts"]["basis"].items() if count
    }
    assert bases["open"] >= 1


def test_the_same_release_twice_is_the_same_bytes(
    world: World, std: Standard, tmp_path: Path
) -> None:
    release_id = release(world, std)
    digests = [
        gold.write_files(world.database, std.scope, release_id, tmp_path / name)
        for name in ("one", "two")
    ]
    assert digests[0] == digests[1]
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    with world.database.read() as session:
        assert gold.view(session, std.scope, release_id).line.manifest_hash == digests[0]


def test_nothing_after_the_freeze_changes_it(world: World, std: Standard, tmp_path: Path) -> None:
    release_id = release(world, std)
    before = gold.write_files(world.database, std.scope, release_id, tmp_path / "before")
    held = take(world, std)
    answer(world, std, held.case_id)
    decide(world, std, held, rulings(world, std, held.case_id))
    after = gold.write_files(world.database, std.scope, release_id, tmp_path / "after")
    assert after == before
    second = release(world, std)
    with world.database.read() as session:
        counts = gold.view(session, std.scope, second).line.counts
    assert counts["decisions"] > 0
    assert counts["basis"]["adjudicated"] > 0
    assert checked(world, std, second) == ()


def test_pseudonyms_change_from_release_to_release(world: World, std: Standard) -> None:
    names = []
    for release_id in (release(world, std), release(world, std)):
        with world.database.read() as session:
            path = gold.file_path(session, std.scope, release_id, "labels.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        names.append({row["annotator"] for row in rows})
        assert not {world.users[login] for login in std.annotators} & names[-1]
        assert all(login not in path.read_text() for login in std.annotators)
    assert len(names[0]) == len(names[1]) == 3
    assert not names[0] & names[1]


def test_quarantined_items_are_not_released(world: World, std: Standard) -> None:
    with world.database.write() as session:
        item = session.scalars(sa.select(Item).where(Item.id == std.item_ids[0])).one()
        item.quarantined_at = item.created_at
    release_id = release(world, std)
    with world.database.read() as session:
        assert gold.view(session, std.scope, release_id).line.counts["items"] == 3


def test_a_changed_file_is_found(world: World, std: Standard) -> None:
    release_id = release(world, std)
    with world.database.read() as session:
        path = gold.file_path(session, std.scope, release_id, "gold.jsonl")
    text = path.read_text()
    path.write_text(text.replace('"unanimous"', '"majority"', 1))
    assert checked(world, std, release_id)


def test_refusals_say_what_to_do(world: World, std: Standard) -> None:
    with pytest.raises(BadInput):
        freeze(world, std, test=0.9, validation=0.2)
    with pytest.raises(BadInput, match="shares"):
        freeze(world, std, test=float("nan"))
    with pytest.raises(BadInput):
        freeze(world, std, undecided="guess")
    with pytest.raises(NotFound):
        freeze(world, std, version_id=std.project_id)
    one_team = Scope(std.project_id, frozenset({world.teams["Internal"]}))
    with pytest.raises(NotAllowed), world.database.write() as session:
        gold.freeze(session, world.actor("reader"), one_team, ReleaseWish(std.version_id))
    release_id = release(world, std)
    with pytest.raises(NotFound), world.database.read() as session:
        gold.file_path(session, std.scope, release_id, "../secret")


def test_a_project_without_labels_has_nothing_to_release(world: World) -> None:
    std = world.standard(items=1)
    with pytest.raises(Conflict):
        freeze(world, std)
