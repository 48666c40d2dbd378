"""Answers to the rubric on conversational abuse, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def answers_of(
    severity: str,
    types: Sequence[str] = (),
    target: str = "system",
    direction: str = "explicit",
) -> dict[str, Any]:
    """Answer the severity, and what follows where it is abuse."""
    answers: dict[str, Any] = {"severity": {"value": severity}}
    if severity in {"mild", "strong", "very_strong"}:
        answers |= {
            "types": {"value": list(types)},
            "target": {"value": target},
            "direction": {"value": direction},
        }
    return answers
