"""What a model of annotators returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.agreement.levels import Floats, Integers


@dataclass(frozen=True, slots=True)
class AnnotatorModel:
    """A fitted model.

    Attributes
    ----------
    model
        Name of the function that made it.
    unit_ids, rater_ids
        Ids, shapes (U,) and (R,).
    posterior
        Probability of each value per unit, shape (U, V).
    prior
        Probability of each value before any label, shape (V,).
    confusion
        Per rater, the probability of each answer (last axis) given the true value, shape
        (R, V, V).
    trace
        Log-posterior after each iteration; it never falls.
    converged
        Whether it stopped because it no longer moved.
    """

    model: str
    unit_ids: Integers
    rater_ids: Integers
    posterior: Floats
    prior: Floats
    confusion: Floats
    trace: tuple[float, ...]
    converged: bool

    @property
    def labels(self) -> Integers:
        """Most probable code per unit, the lower one on a tie, shape (U,)."""
        return np.asarray(self.posterior.argmax(axis=1), dtype=np.int64)

    @property
    def accuracy(self) -> Floats:
        """Per rater the chance of the right answer, weighted by the prior, shape (R,)."""
        diagonal = np.diagonal(self.confusion, axis1=1, axis2=2)
        return np.asarray(diagonal @ self.prior, dtype=np.float64)
