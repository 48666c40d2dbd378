"""Annotators at work, through the services: places claimed, labels submitted and edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import Assignment
from annotate.services import labeling
from tests.support.builders import BENIGN, abusive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from annotate.db import Database
    from annotate.policy import Actor, Scope
    from tests.support.builders import Standard, World


@dataclass(frozen=True)
class Seat:
    """One annotator in one round; every step is a transaction of its own."""

    database: Database
    actor: Actor
    scope: Scope
    round_id: str

    def claim(self) -> labeling.Claim:
        with self.database.write() as session:
            return labeling.claim(session, self.actor, self.scope, self.round_id)

    def held(self) -> labeling.Place:
        """Claim a place, which must be there."""
        place = self.claim().place
        assert place is not None
        return place

    def submit(
        self, place: labeling.Place, answers: Mapping[str, Any] = BENIGN, key: str | None = None
    ) -> labeling.Receipt:
        ready = self._prepared(place.id, answers, key)
        with self.database.write() as session:
            return labeling.submit(session, self.actor, self.scope, place.id, place.fence, ready)

    def revise(
        self, place: labeling.Place, base: int, answers: Mapping[str, Any]
    ) -> labeling.Receipt:
        """Edit the revision of that number."""
        ready = self._prepared(place.id, answers)
        with self.database.write() as session:
            return labeling.revise(session, self.actor, self.scope, place.id, base, ready)

    def label(self, answers: Mapping[str, Any] = BENIGN) -> labeling.Place:
        """Claim the next place, submit the answers, and return the place."""
        place = self.held()
        self.submit(place, answers)
        return place

    def _prepared(
        self, place_id: str, answers: Mapping[str, Any], key: str | None = None
    ) -> labeling.Submission:
        with self.database.read() as session:
            return labeling.prepare(
                session,
                self.actor,
                self.scope,
                place_id,
                annotation_id=key or new_id(),
                answers=answers,
            )


def seat(world: World, std: Standard, login: str) -> Seat:
    """The seat of a person in the round of the standard project."""
    return Seat(world.database, world.actor(login), std.scope, std.round_id)


def claim(world: World, std: Standard, login: str) -> labeling.Claim:
    return seat(world, std, login).claim()


def held(world: World, std: Standard, login: str) -> labeling.Place:
    return seat(world, std, login).held()


def submit(
    world: World,
    std: Standard,
    login: str,
    place: labeling.Place,
    answers: Mapping[str, Any] = BENIGN,
    key: str | None = None,
) -> labeling.Receipt:
    return seat(world, std, login).submit(place, answers, key)


def label(
    world: World, std: Standard, login: str, answers: Mapping[str, Any] = BENIGN
) -> labeling.Place:
    return seat(world, std, login).label(answers)


def disputed(world: World, items: int = 2, severity: str = "strong") -> Standard:
    """Make items that everybody labelled: of the first one person says abuse, of others nobody."""
    std = world.standard(items=items)
    world.grant("second", "adjudicator", std.project_id)
    for login, first in zip(std.annotators, (BENIGN, BENIGN, abusive(severity)), strict=True):
        own = seat(world, std, login)
        own.label(first)
        for _ in std.item_ids[1:]:
            own.label(BENIGN)
    return std


def pass_time(world: World, **span: float) -> None:
    """Let time pass for every lease: the same on both databases, whoever's clock rules."""
    with world.database.write() as session:
        for row in session.scalars(sa.select(Assignment).where(Assignment.state == "leased")):
            row.expires_at -= timedelta(**span)
            row.leased_at -= timedelta(**span)
    world.database.last_reaped -= timedelta(**span)
