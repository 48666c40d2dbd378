"""How often intervals of alpha hold the alpha that labels were drawn with.

Run: ``PYTHONPATH=. python bench/coverage.py [--repetitions 4000] [--write]``. Every label says its
unit's truth with chance c and is else drawn from the margin. Two labels of a unit are then the same
truth with chance c^2 and independent otherwise, so the alpha of the population is c^2 exactly, at
every level and for every margin. With ``--write`` the table goes into ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.sections import surroundings, write_section
from tasks.agreement import IntervalSpec, ReliabilityData, gwet_alpha, krippendorff_alpha

if TYPE_CHECKING:
    import numpy.typing as npt

    from tasks.agreement import AgreementResult

LEVELS = ("nominal", "ordinal")
UNITS = (30, 100, 400)
PREVALENCES = (0.5, 0.1, 0.02)
METHODS = ("jackknife", "bootstrap", "bca", "analytic")
ALPHA, N_RATERS, NEEDED, RESAMPLES = 0.6, 3, 40, 1000


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


def main() -> int:
    """Simulate the grid, print it, and write it where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=4000)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = [
        "| level | units | prevalence | method | coverage | its error | no interval | 93 to 97 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    start = time.perf_counter()
    for grid in itertools.product(LEVELS, UNITS, PREVALENCES, options.methods):
        cell = Cell(*grid)
        # The published standard error of weighted alpha is for fixed weights: nominal only.
        if cell.method != "analytic" or cell.level == "nominal":
            lines.append(cover(cell, options.repetitions).row())
            print(lines[-1], flush=True)
    text = (
        f"## Coverage of 95 % intervals\n\nAlpha {ALPHA}, {N_RATERS} labels a unit, "
        f"{options.repetitions:,} studies a cell, {RESAMPLES:,} resamples; judged is the default "
        f"interval where {NEEDED} positives or more are expected, with two Monte Carlo errors of "
        f"tolerance. {time.perf_counter() - start:.0f} s. {surroundings('numpy')}\n\n"
    )
    if options.write:
        write_section("coverage", text + "\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
