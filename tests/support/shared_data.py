"""Places of the shared data, which is never part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SEVERITY = {"1": "not_abusive", "0": "ambiguous", "-1": "mild", "-2": "strong", "-3": "very_strong"}
"""What the recorded severities are in the rubric on conversational abuse."""


def shared(name: str) -> Path:
    """Return a folder of the shared data; where it is absent, whoever needs it is skipped."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(absent(name), allow_module_level=True)
    return folder


def absent(name: str) -> str:
    """Say that a folder of the shared data is not here."""
    return f"the shared data (../shared/data/{name}) is not on this machine"
