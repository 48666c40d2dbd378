"""What holds when a rubric file does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rubrics.schema import Condition, Level

FORMAT: Final = "touchstone-rubric/1"
DEFAULT_LEVELS: Final[Mapping[str, Level]] = {
    "single": "nominal",
    "multi": "nominal",
    "boolean": "nominal",
    "ordinal": "ordinal",
    "number": "interval",
}
OPTIONAL_TYPES: Final = frozenset({"text", "span"})


def required_by_default(kind: str, required_if: Condition | None) -> bool:
    """Return whether a question must be answered when the file does not say."""
    return required_if is None and kind not in OPTIONAL_TYPES
