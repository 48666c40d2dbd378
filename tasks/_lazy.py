"""Heavy third-party packages, loaded on first use.

The kernel and everything that only counts labels must start without them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def pandas() -> Any:  # noqa: ANN401 - a module
    """Return pandas, for the tables people hand in."""
    return import_module("pandas")


@cache
def krippendorff() -> Any:  # noqa: ANN401 - a module
    """Return krippendorff, the second opinion on alpha."""
    return import_module("krippendorff")


@cache
def inter_rater() -> Any:  # noqa: ANN401 - a module
    """Return the second opinion on kappa from statsmodels."""
    return import_module("statsmodels.stats.inter_rater")
