"""The recorded labels of the shared data."""

from __future__ import annotations

import csv

import pytest

from tests.support.shared_data import SEVERITY, shared
from tests.test_exports.gold_samples import labels


@pytest.fixture(scope="session")
def convabuse():
    return shared("convabuse")


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
