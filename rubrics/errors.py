"""Problems of a rubric file, each with its place and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Gravity = Literal["error", "warning"]


class RubricError(Exception):
    """The root of every error this room raises."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a rubric file.

    Attributes
    ----------
    code : str
        Stable name of the kind of mistake, e.g. ``unknown_key``.
    message : str
        What is wrong, in one sentence.
    source : str
        Name of the file.
    line, column : int
        Place in the file, both from 1; 0 when the rubric did not come from a file.
    suggestion : str or None
        What to write instead.
    severity : {"error", "warning"}
        Whether the rubric can be used all the same.
    """

    code: str
    message: str
    source: str
    line: int
    column: int
    suggestion: str | None = None
    severity: Gravity = "error"

    def __str__(self) -> str:
        """Return the problem in the form compilers use: ``file:line:column: message``."""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.source}:{self.line}:{self.column}: {self.message}{hint}"


class RubricInvalid(RubricError):
    """A rubric that cannot be used; carries every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems in the order of the file."""
        self.problems: tuple[Problem, ...] = tuple(
            sorted(problems, key=lambda problem: (problem.line, problem.column))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownElement(RubricError):
    """A question, category or shipped rubric of that name does not exist."""
