"""Watches every statement: over rows of a project, it must say which project.

A statement of the application over a table of content, work or labels has ``project_id`` in its
conditions, or the execution option ``unscoped`` with the reason why not.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

SCOPED = frozenset(
    {
        *("item", "media", "item_report", "wellbeing_opt_out", "import_problem"),
        *("wellbeing_exposure", "wellbeing_category_opt_out", "wellbeing_break", "task_exposure"),
        *("wellbeing_policy", "wellbeing_preference"),
        *("labelling_round", "rubric", "rubric_version"),
        *("task", "reservation", "assignment", "annotator_cursor", "annotation", "label"),
        *("adjudication_case", "case_cell", "adjudicator_answer", "decision"),
        *("agreement_report", "gold_release", "gold_cell", "label_map"),
        *("practice_item", "practice_answer", "rubric_acknowledgement"),
    }
)
APPLICATION = str(Path(__file__).resolve().parents[2] / "annotate")
MIGRATIONS = str(Path(APPLICATION) / "migrations")
_TABLES = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+\"?(\w+)")
_CONDITIONS = re.compile(r"\b(?:WHERE|ON)\b")


class Unscoped(AssertionError):
    """A statement of the application asks over all projects and does not say why."""


@lru_cache(maxsize=4096)
def lacks_scope(statement: str) -> bool:
    """Tell whether a statement over rows of a project does not say which."""
    if statement.lstrip().upper().startswith(("INSERT", "PRAGMA", "EXPLAIN", "CREATE", "ALTER")):
        return False
    if SCOPED.isdisjoint(_TABLES.findall(statement)):
        return False
    conditions = _CONDITIONS.search(statement)
    return conditions is None or "project_id" not in statement[conditions.start() :]


def watch() -> None:
    """Look at every statement of every engine of this process from now on."""
    if not event.contains(sa.Engine, "before_cursor_execute", _look):
        event.listen(sa.Engine, "before_cursor_execute", _look)


def _look(
    _connection: sa.Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    context: Any,
    _many: bool,  # noqa: FBT001
) -> None:
    if not lacks_scope(statement):
        return
    if context is not None and context.execution_options.get("unscoped"):
        return
    where = _asked_by()
    if where is not None:
        raise Unscoped(f"{where} asks over all projects: {statement}")


def _asked_by() -> str | None:
    """Name the place in the application that asked; None when a test did."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.endswith("orm/persistence.py"):
            return None  # a flush writes rows that the session has read, by their ids
        if file.startswith(APPLICATION) and not file.startswith(MIGRATIONS):
            return f"{file.removeprefix(APPLICATION)}:{frame.f_lineno}"
        if "/tests/" in file:
            return None
        frame = frame.f_back
    return None
