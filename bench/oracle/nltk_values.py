"""Answer for NLTK: cases as JSON on standard input, answers on standard output."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import (
    binary_distance,
    interval_distance,
    jaccard_distance,
    masi_distance,
)


def answer(case: dict) -> dict:
    """Return what NLTK defines; kappas and pi only where everybody rated everything."""
    if "sets" in case:
        rows = [(str(rater), str(unit), frozenset(one)) for unit, rater, one in case["sets"]]
        return {
            "alpha_masi": AnnotationTask(rows, distance=masi_distance).alpha(),
            "alpha_jaccard": AnnotationTask(rows, distance=jaccard_distance).alpha(),
        }
    rows = [
        (str(rater), str(unit), one)
        for unit, row in enumerate(case["matrix"])
        for rater, one in enumerate(row)
        if one is not None
    ]
    nominal = AnnotationTask(rows, distance=binary_distance)
    interval = AnnotationTask(rows, distance=interval_distance)
    found = {"alpha_nominal": nominal.alpha(), "alpha_interval": interval.alpha()}
    if not case.get("gaps"):
        found |= {
            "percent": nominal.avg_Ao(),
            "fleiss": nominal.pi(),
            "conger": nominal.multi_kappa(),
            "mean_cohen": nominal.kappa(),
            "brennan_prediger": nominal.S(),
        }
    return found


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    json.dump(
        {
            "versions": {"nltk": version("nltk")},
            "answers": [answer(case) for case in cases],
        },
        sys.stdout,
    )
