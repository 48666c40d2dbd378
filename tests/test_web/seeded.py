"""A project with everything in it: labels, an open and a decided case, a release with files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import AdjudicationCase
from annotate.services import adjudication, gold, worker
from annotate.services.gold import ReleaseWish
from tests.support.builders import BENIGN, Standard, abusive
from tests.support.labelling import label
from tests.support.ruling import answer, decide, rulings

if TYPE_CHECKING:
    from tests.support.builders import World

UNSURE: dict[str, Any] = {"severity": {"state": "unsure", "reason": "It may be meant as a joke."}}
ANSWERS: tuple[tuple[dict[str, Any], ...], ...] = (
    # one row an annotator, one column an item
    (abusive("strong"), BENIGN, abusive("mild", ("racist",)), BENIGN, abusive("strong"), BENIGN),
    (BENIGN, BENIGN, abusive("mild", ("racist",)), BENIGN, abusive("mild"), BENIGN),
    (BENIGN, UNSURE, abusive("strong", ("racist",)), BENIGN, abusive("strong"), BENIGN),
)
FIRST, SECOND = "item-0000", "item-0001"


@dataclass(frozen=True)
class Seeded:
    """The project and the ids of what is in it."""

    world: World
    std: Standard
    open_case: str
    decided_case: str

    def case_of(self, external_id: str) -> str:
        return _case_of(self.world, self.std, external_id)

    def release(self, login: str = "reader") -> tuple[str, str]:
        """Freeze a release, write its files, and return its id and that of its job."""
        with self.world.database.write() as session:
            actor = self.world.actor(login)
            release_id = gold.freeze(
                session, actor, self.std.scope, ReleaseWish(self.std.version_id)
            )
            job_id = gold.enqueue(session, actor, self.std.scope, release_id)
        assert worker.run_until(self.world.database, job_id).state == "done"
        return release_id, job_id


def seed(world: World) -> Seeded:
    """Label six items by three people; the case of the second item is decided."""
    std = world.standard(items=6)
    world.grant("second", "adjudicator", std.project_id)
    for login, answers in zip(std.annotators, ANSWERS, strict=True):
        for one in answers:
            label(world, std, login, one)
    decided = _case_of(world, std, SECOND)
    with world.database.write() as session:
        held = adjudication.take(session, world.actor("adjudicator"), std.scope, decided)
    answer(world, std, decided)
    decide(world, std, held, rulings(world, std, decided))
    return Seeded(world, std, _case_of(world, std, FIRST), decided)


def _case_of(world: World, std: Standard, external_id: str) -> str:
    item_id = std.item_ids[int(external_id.removeprefix("item-"))]
    with world.database.read() as session:
        return session.scalars(
            sa.select(AdjudicationCase.id).where(AdjudicationCase.item_id == item_id)
        ).one()
