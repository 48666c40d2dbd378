"""What exposure budgets rest on: what a project sets, and the hints at its items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import Item, WellbeingPolicy
from annotate.services import exposure
from annotate.services.text import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.builders import Standard, World


def set_policy(world: World, std: Standard, policy: dict[str, Any]) -> None:
    with world.database.write() as session:
        session.execute(
            sa.delete(WellbeingPolicy).where(WellbeingPolicy.project_id == std.project_id)
        )
        session.add(
            WellbeingPolicy(
                project_id=std.project_id,
                settings=canonical_json(policy),
                version=1,
                changed_at=world.now(),
            )
        )


def hint(world: World, std: Standard, hints: Sequence[dict[str, Any] | None]) -> None:
    """Write hints into the metadata of the items, and let the round learn them."""
    with world.database.write() as session:
        for item_id, one in zip(std.item_ids, hints, strict=True):
            attributes = canonical_json({} if one is None else {"exposure": one})
            session.execute(sa.update(Item).where(Item.id == item_id).values(attributes=attributes))
        exposure.learn_round(session, std.project_id, std.round_id)
