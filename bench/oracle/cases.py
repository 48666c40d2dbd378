"""Labels to ask the peers about: drawn here once, and kept beside the answers."""

from __future__ import annotations

from typing import Any

import numpy as np

Case = dict[str, Any]


def _matrix(
    seed: int, n_units: int, n_raters: int, n_values: int, gap: float
) -> list[list[int | None]]:
    """Draw units x raters; every unit keeps a label, None is missing, values start at 1."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_values, (n_units, 1), p=_falling(n_values))
    guess = rng.choice(n_values, (n_units, n_raters), p=_falling(n_values))
    said = np.where(rng.random(guess.shape) < 0.6, truth, guess) + 1
    missing = rng.random(said.shape) < gap
    missing[np.arange(n_units), rng.integers(0, n_raters, n_units)] = False
    # Every rater keeps something, so that each has a margin.
    missing[np.arange(n_raters), np.arange(n_raters)] = False
    rows = zip(said.tolist(), missing.tolist(), strict=True)
    return [
        [None if out else one for one, out in zip(row, outs, strict=True)] for row, outs in rows
    ]


def _falling(n_values: int) -> np.ndarray:
    shares = np.arange(n_values, 0, -1.0)
    return shares / shares.sum()


def irrcac() -> list[Case]:
    """Draw matrices with and without gaps, and two raters' tables; all of Gwet's weights."""
    weights = ("identity", "linear", "quadratic", "radical", "ordinal", "ratio", "circular")
    weights = (*weights, "bipolar")
    shapes = [
        (1, 20, 3, 4, 0.0), (2, 25, 5, 4, 0.3), (3, 30, 4, 3, 0.5), (4, 40, 3, 2, 0.2),
        (5, 15, 6, 5, 0.4), (6, 60, 4, 4, 0.1), (7, 25, 2, 3, 0.2),
    ]  # fmt: skip
    cases = [
        {
            "name": f"{units} x {raters}, {values} values, {gap:.0%} missing, {name}",
            "matrix": _matrix(seed, units, raters, values, gap),
            "values": values + (seed == 6),  # the last one has a value that nobody chose
            "weights": name,
        }
        for seed, units, raters, values, gap in shapes
        for name in (weights if seed in (2, 6) else ("identity", "quadratic"))
    ]
    for seed, size in ((11, 2), (12, 3), (13, 5)):
        rng = np.random.default_rng(seed)
        table = rng.integers(0, 9, (size, size)) + 25 * np.eye(size, dtype=int)
        cases += [
            {"name": f"table of {size}, {name}", "table": table.tolist(), "weights": name}
            for name in ("identity", "linear", "quadratic", "ordinal")
        ]
    return cases


def nltk() -> list[Case]:
    """Draw matrices for names and distances, and sets with gaps."""
    cases: list[Case] = [
        {"name": f"whole, seed {seed}", "matrix": _matrix(seed, 25, raters, 4, 0.0)}
        for seed, raters in ((21, 2), (22, 3), (23, 5))
    ]
    cases += [
        {"name": f"with gaps, seed {seed}", "matrix": _matrix(seed, 40, 5, 4, 0.5), "gaps": True}
        for seed in (31, 32, 33)
    ]
    for seed in (41, 42):
        rng = np.random.default_rng(seed)
        truth = rng.random((25, 1, 4)) < 0.4
        said = np.where(rng.random((25, 4, 4)) < 0.8, truth, rng.random((25, 4, 4)) < 0.4)
        triples = [
            [unit, rater, np.flatnonzero(said[unit, rater]).tolist()]
            for unit in range(25)
            for rater in range(4)
            # An empty set is a label here; nltk divides by nothing where both are empty.
            if rng.random() < 0.7 and said[unit, rater].any()
        ]
        cases.append({"name": f"sets, seed {seed}", "sets": triples})
    return cases


def crowdkit() -> list[Case]:
    """Draw labels of raters of different accuracy, with gaps."""
    cases = []
    for seed, values in ((51, 2), (52, 3), (53, 4)):
        rng = np.random.default_rng(seed)
        accuracy = rng.uniform(0.5, 0.95, 6)
        truth = rng.choice(values, 30, p=_falling(values))
        triples = [
            [unit, rater, int(truth[unit] if rng.random() < accuracy[rater] else
                              rng.integers(0, values))]
            for unit in range(30)
            for rater in rng.permutation(6)[:4].tolist()
        ]  # fmt: skip
        cases.append({"name": f"{values} values", "triples": triples, "values": values})
    return cases
