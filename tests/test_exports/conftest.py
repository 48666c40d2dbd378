"""Places of the shared data, which is never part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def convabuse():
    folder = SHARED / "convabuse"
    if not folder.is_dir():
        pytest.skip("the shared data (../shared/data/convabuse) is not on this machine")
    return folder
