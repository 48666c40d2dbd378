"""What a rubric does not show by name never reaches whoever is to judge the item."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from annotate.models import Item
from annotate.services import adjudication, case_reading, item_detail, labeling
from annotate.services.text import canonical_json
from rubrics.library import read
from tests.support.builders import ABUSE, BENIGN, Standard, World, abusive
from tests.support.labelling import label

pytestmark = pytest.mark.db
METADATA = {"bot": "garden-bot-2", "channel": "kitchen", "model_score": 0.93}
SHOWN = {"channel": "kitchen"}


@pytest.fixture
def std(world: World) -> Standard:
    """One item whose rubric shows one of its three metadata keys and one that it lacks."""
    std = world.standard(items=1)
    source = read(ABUSE).replace("  blind: [bot", "  show: [channel, floor]\n  blind: [bot")
    version_id = world.rubric(std.project_id, name="blind", source=source)
    item_ids = world.items(std.project_id, 1, prefix="blind")
    with world.database.write() as session:
        session.execute(
            sa.update(Item).where(Item.id.in_(item_ids)).values(attributes=canonical_json(METADATA))
        )
    round_id = world.round(std.project_id, version_id, item_ids, overlap=2)
    return Standard(std.project_id, version_id, round_id, tuple(item_ids), std.annotators)


def test_an_annotator_gets_only_what_the_rubric_shows(world: World, std: Standard) -> None:
    actor = world.actor("ann-1")
    with world.database.write() as session:
        claimed = labeling.claim(session, actor, std.scope, std.round_id).place
        again = labeling.claim(session, actor, std.scope, std.round_id).place
    assert claimed is not None
    assert again is not None
    with world.database.read() as session:
        own = labeling.own_assignment(session, actor, std.scope, claimed.id)
    for place in (claimed, again, own):
        assert place.item["metadata"] == SHOWN
        assert "garden-bot-2" not in str(place.item)


def test_an_adjudicator_gets_only_what_the_rubric_shows(world: World, std: Standard) -> None:
    label(world, std, "ann-1", BENIGN)
    label(world, std, "ann-2", abusive())
    actor = world.actor("adjudicator")
    with world.database.write() as session:
        held = adjudication.take_next(session, actor, std.scope)
    assert held is not None
    with world.database.read() as session:
        case = case_reading.view(session, actor, std.scope, held.case_id)
    assert case.item["metadata"] == SHOWN
    assert "garden-bot-2" not in str(case.item)


def test_an_expert_sees_all_of_it_on_the_page_of_the_item(world: World, std: Standard) -> None:
    with world.database.read() as session:
        found = item_detail.detail(session, world.actor("designer"), std.scope, std.item_ids[0])
    assert found.metadata == METADATA
