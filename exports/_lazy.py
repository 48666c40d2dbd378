"""Heavy third-party packages, loaded when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def pyarrow() -> tuple[ModuleType, ModuleType]:
    """Return pyarrow and its Parquet part."""
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415

    return pa, pq


def proportion_confint() -> Any:  # noqa: ANN401 - statsmodels has no types
    """Return the interval function of statsmodels for proportions."""
    from statsmodels.stats import proportion  # type: ignore[import-untyped]  # noqa: PLC0415

    return proportion.proportion_confint
