"""The rubrics that come with Touchstone."""

from __future__ import annotations

import difflib
from importlib import resources
from typing import Final

from rubrics.errors import UnknownElement

_NAMES: Final = ("llm-response-safety", "conversational-abuse", "refusal-pairs")


def names() -> tuple[str, ...]:
    """Return the names of the shipped rubrics."""
    return _NAMES


def read(name: str) -> str:
    """Return the YAML of a shipped rubric.

    Raises
    ------
    UnknownElement
        When no rubric of that name is shipped.
    """
    if name not in _NAMES:
        near = difflib.get_close_matches(name, _NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "there are: " + ", ".join(_NAMES)
        message = f"no shipped rubric is called {name!r}; {hint}"
        raise UnknownElement(message)
    file = resources.files("rubrics") / "library" / f"{name}.yaml"
    return file.read_text(encoding="utf-8")
