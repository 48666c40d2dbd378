"""The rows of an import that did not go in: listed, and given as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import ImportProblem
from exports.spreadsheets import guarded

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.policy import Scope

KEPT_PROBLEMS = 10_000
PAGE = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One row that did not go in."""

    line: int
    column: int | None
    external_id: str | None
    reason: str


def problems(
    session: Session, scope: Scope, job_id: str, after: int = 0, limit: int = PAGE
) -> list[Problem]:
    """Return the refused rows of an import by line, from after a line on."""
    statement = (
        sa.select(
            ImportProblem.line,
            ImportProblem.column_number,
            ImportProblem.external_id,
            ImportProblem.reason,
        )
        .where(
            ImportProblem.project_id == scope.project_id,
            ImportProblem.job_id == job_id,
            ImportProblem.line > after,
        )
        .order_by(ImportProblem.line)
        .limit(limit)
    )
    return [
        Problem(row.line, row.column_number, row.external_id, row.reason)
        for row in session.execute(statement)
    ]


def problems_csv(session: Session, scope: Scope, job_id: str) -> str:
    """Return all listed problems of an import as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("line", "column", "id", "reason"))
    for problem in problems(session, scope, job_id, limit=KEPT_PROBLEMS):
        cells = (problem.line, problem.column, problem.external_id, problem.reason)
        writer.writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def _harmless(cell: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    return guarded(cell) if isinstance(cell, str) else cell
