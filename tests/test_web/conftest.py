"""Sites that several of these tests visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.test_web.project_support import Site
from tests.test_web.seeded import Seeded, seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The application on a database of its own, with nobody but an administrator."""
    yield from Site.opened(tmp_path)


@pytest.fixture
def seeded(site: Site) -> Seeded:
    """A project with everything in it, on that site."""
    return seed(site.world)
