"""Checks of a rubric's meaning: what names what, and whether conditions can ever hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubrics.reader import Places
    from rubrics.schema import Rubric
    from rubrics.yaml_nodes import Problems


def lint(rubric: Rubric, problems: Problems, places: Places) -> None:
    """Note every problem of meaning."""
