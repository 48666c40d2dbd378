"""What holds when a rubric file does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rubrics.schema import Option

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
    "preference": "nominal",
    "ranking": "ordinal",
}
OPTIONAL_TYPES: Final = frozenset({"text", "span"})


def required_by_default(kind: str, required_if: Condition | None) -> bool:
    """Return whether a question must be answered when the file does not say."""
    return required_if is None and kind not in OPTIONAL_TYPES


FEWEST_RESPONSES: Final = 2
MOST_RESPONSES: Final = 9
"""Beyond nine there is no digit left to name a response by."""


def preference_options(*, ties: bool, both_bad: bool) -> tuple[Option, ...]:
    """Return what a preference between two responses can be."""
    found = [Option("first", "First response"), Option("second", "Second response")]
    if ties:
        found.append(Option("tie", "Equally good"))
    if both_bad:
        found.append(Option("both_bad", "Both bad"))
    return tuple(found)


def response_options(count: int) -> tuple[Option, ...]:
    """Return the responses of an item as options, by their place in the item."""
    return tuple(Option(f"r{place}", f"Response {place}") for place in range(1, count + 1))
