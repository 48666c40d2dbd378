"""Answer for crowd-kit: cases as JSON on standard input, answers on standard output.

With a file of labels as argument it is a stopwatch instead: for every line on standard input it
fits Dawid and Skene's model once and prints the seconds of processors it took.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote, OneCoinDawidSkene
from crowdkit.metrics.data import alpha_krippendorff

ITERATIONS = 20
COLUMNS = ["task", "worker", "label"]


def answer(case: dict) -> dict:
    """Return posteriors after twenty iterations, vote shares and alpha."""
    frame = pd.DataFrame(case["triples"], columns=COLUMNS)
    found = {"iterations": ITERATIONS, "alpha_nominal": float(alpha_krippendorff(frame))}
    for name, model in (("dawid_skene", DawidSkene), ("one_coin", OneCoinDawidSkene)):
        fitted = model(n_iter=ITERATIONS, tol=-1).fit(frame)
        found[name] = _rows(fitted.probas_, case["values"])
    found["vote_shares"] = _rows(MajorityVote().fit_predict_proba(frame), case["values"])
    return found


def _rows(probas: pd.DataFrame, n_values: int) -> list[list[float]]:
    return probas.sort_index().reindex(columns=range(n_values)).fillna(0.0).to_numpy().tolist()


def stopwatch(path: Path) -> None:
    """Fit as often as asked."""
    frame = pd.DataFrame(np.load(path), columns=COLUMNS)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        DawidSkene(n_iter=ITERATIONS, tol=-1).fit(frame)
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        stopwatch(Path(sys.argv[1]))
    else:
        cases = json.load(sys.stdin)
        packages = ("crowd-kit", "numpy", "pandas")
        json.dump(
            {
                "versions": {name: version(name) for name in packages},
                "answers": [answer(case) for case in cases],
            },
            sys.stdout,
        )
