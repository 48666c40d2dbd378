"""An installation for the tests of `touchstone replay`, served from this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.databases import migrated_database
from tests.support.live import live
from tests.test_cli.replay_desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("replayed")
    with migrated_database("sqlite", folder) as url:
        desk = Desk(url, folder)
        with live(desk.application):
            yield desk
        desk.database.dispose()


@pytest.fixture
def desk(served: Desk) -> Iterator[Desk]:
    """The served installation; every test has a project of its own in it."""
    yield served
    served.instead = None
