"""What tests of people, links, roles and tokens share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import AuditEvent, UserAccount

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

STORED = "a stored hash: no service looks inside"


def administrator(world: World, login: str) -> Actor:
    world.grant(login, "administrator")
    with world.database.write() as session:
        session.get_one(UserAccount, world.users[login]).password_hash = STORED
    return world.actor(login, "web")


def holder(world: World, role: str, project_id: str | None = None) -> Actor:
    world.grant(f"only-{role}", role, project_id)
    return world.actor(f"only-{role}", "web")


def audited(world: World) -> list[str]:
    with world.database.read() as session:
        return list(session.scalars(sa.select(AuditEvent.kind).order_by(AuditEvent.id)))


def token_of(address: str) -> str:
    return address.rsplit("/", 1)[1]
