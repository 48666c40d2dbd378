"""Labels to measure with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement import ReliabilityData

if TYPE_CHECKING:
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

N_VALUES = 5


def labels(n_units: int, n_labels: int, n_raters: int) -> tuple[Integers, Integers, Integers]:
    """Draw labels: seven in ten say the truth; raters take turns, rows are shuffled."""
    rng = np.random.default_rng(11)
    truth = rng.integers(0, N_VALUES, n_units)
    said = np.where(
        rng.random((n_units, n_labels)) < 0.7,
        truth[:, None],
        rng.integers(0, N_VALUES, (n_units, n_labels)),
    )
    # Steps that together go round less than once: nobody rates a unit twice, all pairs come about.
    steps = rng.integers(1, n_raters // n_labels + 1, (n_units, n_labels))
    steps[:, 0] = rng.integers(0, n_raters, n_units)
    rater = steps.cumsum(axis=1) % n_raters
    unit = np.repeat(np.arange(n_units), n_labels)
    order = rng.permutation(unit.size)
    return unit[order], rater.ravel()[order], said.ravel()[order]


def built(triples: tuple[Integers, Integers, Integers], level: str = "ordinal") -> ReliabilityData:
    """Return labels as the kernel takes them."""
    unit, rater, value = triples
    return ReliabilityData.from_long(unit, rater, value, n_values=N_VALUES, level=level)
