"""How often intervals of alpha hold the alpha that labels were drawn with.

Run: ``PYTHONPATH=. python bench/coverage.py [--repetitions 4000] [--raters] [--write]``. Every
label says its unit's truth with chance c and is else drawn from the margin. Two labels of a unit
are then the same truth with chance c^2 and independent otherwise, so the alpha of the population is
c^2 exactly, at every level and for every margin.

With ``--raters`` it is raters who are drawn: each has an accuracy of their own, and the alpha of
the population is that of two raters drawn anew. With ``--write`` the table goes into
``bench/README.md``; ``--from FILE`` takes the lines that an earlier run printed.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.sections import surroundings, write_section
from tasks.agreement import (
    IntervalSpec,
    ReliabilityData,
    alpha_over_raters,
    gwet_alpha,
    krippendorff_alpha,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from tasks.agreement import AgreementResult

LEVELS = ("nominal", "ordinal")
UNITS = (30, 100, 400)
PREVALENCES = (0.5, 0.1, 0.02)
METHODS = ("jackknife", "bootstrap", "bca", "analytic")
ALPHA, N_RATERS, NEEDED, RESAMPLES = 0.6, 3, 40, 1000
N_CROWD, CROWD_UNITS, CROWD_RESAMPLES = (5, 10, 30), 100, 300
ACCURACIES = (0.7, 0.98)
# Two raters agree beyond chance by the product of their excesses, whose mean is the same for both.
CROWD_ALPHA = (sum(ACCURACIES) - 1) ** 2
OVER_RATERS = (
    "jackknife over units",
    "rater-jackknife",
    "two-way-jackknife",
    "rater-bootstrap",
    "two-way-bootstrap",
)
HEADER = """\
| level | units | prevalence | method | coverage | its error | no interval | 93 to 97 % |
|---|---|---|---|---|---|---|---|"""
RATER_HEADER = """\
| raters | interval | coverage | its error | no interval |
|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of the grid."""

    level: str
    n_units: int
    prevalence: float
    method: str

    @property
    def positives(self) -> float:
        """Units expected to carry the rarer answers."""
        return self.n_units * self.prevalence


@dataclass(frozen=True, slots=True)
class Covered:
    """What came of a cell."""

    cell: Cell
    held: int
    intervals: int
    repetitions: int

    def row(self) -> str:
        """Return a line of the table."""
        cell = self.cell
        start = f"| {cell.level} | {cell.n_units} | {cell.prevalence:.0%} | {cell.method} |"
        missing = (self.repetitions - self.intervals) / self.repetitions
        if not self.intervals:
            return f"{start} | | {missing:.1%} | |"
        share = self.held / self.intervals
        error = (share * (1 - share) / self.intervals) ** 0.5
        judged = ""
        if cell.method == "jackknife" and cell.positives >= NEEDED:
            tolerance = 2 * (0.95 * 0.05 / self.intervals) ** 0.5
            inside = 0.93 - tolerance <= share <= 0.97 + tolerance
            judged = "inside" if inside else "OUTSIDE"
        return f"{start} {share:.1%} | {error:.1%} | {missing:.1%} | {judged} |"


def margin(cell: Cell) -> npt.NDArray[np.float64]:
    """Return the share of each value: two at the nominal level, five at the ordinal."""
    if cell.level == "nominal":
        return np.array([1 - cell.prevalence, cell.prevalence])
    rest = np.array([0.4, 0.3, 0.2, 0.1]) * cell.prevalence
    return np.array([1 - cell.prevalence, *rest])


def drawn(cell: Cell, rng: np.random.Generator) -> ReliabilityData:
    """Draw the labels of one study."""
    shares = margin(cell)
    truth = rng.choice(shares.size, (cell.n_units, 1), p=shares)
    guess = rng.choice(shares.size, (cell.n_units, N_RATERS), p=shares)
    said = np.where(rng.random(guess.shape) < ALPHA**0.5, truth, guess)
    offset = np.arange(cell.n_units)[:, None] * shares.size
    counts = np.bincount((said + offset).ravel(), minlength=cell.n_units * shares.size)
    return ReliabilityData.from_counts(
        counts.reshape(cell.n_units, -1), values=range(shares.size), level=cell.level
    )


def estimated(cell: Cell, data: ReliabilityData, seed: int) -> AgreementResult:
    """Return alpha with the cell's interval."""
    spec = IntervalSpec(cell.method, resamples=RESAMPLES, seed=seed)
    coefficient = gwet_alpha if cell.method == "analytic" else krippendorff_alpha
    return coefficient(data, interval=spec)


def cover(cell: Cell, repetitions: int) -> Covered:
    """Draw studies and count the intervals that hold the truth; all methods see the same ones."""
    seed = [LEVELS.index(cell.level), cell.n_units, round(1000 * cell.prevalence)]
    rng = np.random.default_rng(seed)
    held = intervals = 0
    for repetition in range(repetitions):
        interval = estimated(cell, drawn(cell, rng), repetition).interval
        if interval is not None:
            intervals += 1
            held += interval.low <= ALPHA <= interval.high
    return Covered(cell, held, intervals, repetitions)


def over_units(repetitions: int, methods: list[str]) -> Iterator[str]:
    """Return the lines of the grid, each as soon as it is known."""
    for grid in itertools.product(LEVELS, UNITS, PREVALENCES, methods):
        cell = Cell(*grid)
        # The published standard error of weighted alpha is for fixed weights: nominal only.
        if cell.method != "analytic" or cell.level == "nominal":
            yield cover(cell, repetitions).row()


def over_raters(repetitions: int) -> Iterator[str]:
    """Return a line for each number of raters and each interval that may speak of others."""
    for n_raters in N_CROWD:
        rng = np.random.default_rng(n_raters)
        held = dict.fromkeys(OVER_RATERS, 0)
        made = dict.fromkeys(OVER_RATERS, 0)
        for repetition in range(repetitions):
            accuracy = rng.uniform(*ACCURACIES, n_raters)
            truth = rng.integers(0, 2, (CROWD_UNITS, 1))
            said = np.where(rng.random((CROWD_UNITS, n_raters)) < accuracy, truth, 1 - truth)
            data = ReliabilityData.from_matrix(said, values=[0, 1], level="nominal")
            for name in OVER_RATERS:
                interval = other_raters(name, data, repetition).interval
                if interval is not None:
                    made[name] += 1
                    held[name] += interval.low <= CROWD_ALPHA <= interval.high
        for name in OVER_RATERS:
            missing = 1 - made[name] / repetitions
            share = held[name] / max(made[name], 1)
            error = (share * (1 - share) / max(made[name], 1)) ** 0.5
            told = f"{share:.1%} | {error:.1%}" if made[name] else " |"
            yield f"| {n_raters} | {name} | {told} | {missing:.1%} |"


def other_raters(name: str, data: ReliabilityData, seed: int) -> AgreementResult:
    """Return alpha with the interval of a name in the table."""
    if name == "jackknife over units":
        return krippendorff_alpha(data)
    what, _, method = name.rpartition("-")
    spec = IntervalSpec(method, resamples=CROWD_RESAMPLES, seed=seed)
    return alpha_over_raters(data, units_too=what == "two-way", interval=spec)


def told(repetitions: int) -> str:
    """Say what the grid is."""
    return (
        f"## Coverage of 95 % intervals\n\nAlpha {ALPHA}, {N_RATERS} labels a unit, "
        f"{repetitions:,} studies a cell, {RESAMPLES:,} resamples. Coverage is that of the "
        "intervals there are; judged is the default where "
        f"{NEEDED} positives or more are expected, with two Monte Carlo errors of tolerance. "
        f"{surroundings('numpy')}\n\n"
    )


def told_of_raters(repetitions: int) -> str:
    """Say what the table of raters is."""
    return (
        "## Coverage for other raters\n\nRaters drawn anew for each study, with accuracies from "
        f"{ACCURACIES[0]} to {ACCURACIES[1]}; all label the same {CROWD_UNITS} units, two values "
        f"at even shares. The alpha to be held is that of other raters, {CROWD_ALPHA:.4f}. "
        f"{repetitions:,} studies for each number of raters, {CROWD_RESAMPLES} resamples. "
        f"{surroundings('numpy')}\n\n"
    )


def main() -> int:
    """Simulate, print, and write where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--raters", action="store_true")
    parser.add_argument("--from", dest="earlier", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    name = "coverage_raters" if options.raters else "coverage"
    rows = (
        over_raters(options.repetitions)
        if options.raters
        else over_units(options.repetitions, options.methods)
    )
    if options.earlier is not None:
        rows = iter(options.earlier.read_text(encoding="utf-8").splitlines())
    lines = [(RATER_HEADER if options.raters else HEADER)]
    for row in rows:
        lines.append(row)
        print(row, flush=True)
    describe = told_of_raters if options.raters else told
    if options.write:
        write_section(name, describe(options.repetitions) + "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
