"""Places of the shared data, which is never part of the project."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.test_exports.gold_samples import labels

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def convabuse():
    folder = SHARED / "convabuse"
    if not folder.is_dir():
        pytest.skip("the shared data (../shared/data/convabuse) is not on this machine")
    return folder


SEVERITY = {"1": "not_abusive", "0": "ambiguous", "-1": "mild", "-2": "strong", "-3": "very_strong"}


def _chosen(row, prefix):
    return [
        name[len(prefix) :]
        for name, value in row.items()
        if name.startswith(prefix) and value == "1"
    ]


@pytest.fixture(scope="session")
def convabuse_votes(convabuse):
    """Return the recorded labels as Touchstone takes them: closed follow-ups are not asked."""
    votes = []
    with (convabuse / "labels_wide.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            types, target, direction = (
                _chosen(row, prefix) for prefix in ("type_", "target_", "direction_")
            )
            severity = SEVERITY[row["severity"]]
            follow_ups = (types, *target, *direction) if int(row["severity"]) < 0 else ()
            votes += labels(row["item"], row["annotator"], severity, *follow_ups)
    return votes
