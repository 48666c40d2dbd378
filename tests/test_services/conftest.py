"""People whom several of these tests meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.test_services.people_support import administrator

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World


@pytest.fixture
def admin(world: World) -> Actor:
    """An administrator who can sign in."""
    return administrator(world, "root")
