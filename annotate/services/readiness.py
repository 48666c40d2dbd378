"""Whether the installation can serve: the database answers and its schema is this release's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

HEAD_FILE = Path(__file__).parent.parent / "migrations" / "HEAD"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer, with a reason when it is no."""

    ready: bool
    status: str
    reason: str | None = None


def expected_revision() -> str:
    """Return the migration that this release needs."""
    return HEAD_FILE.read_text().strip()


def check(session: Session) -> Readiness:
    """Ask the database for its revision."""
    try:
        found = session.scalar(sa.text("SELECT version_num FROM alembic_version"))
    except DBAPIError:
        return Readiness(ready=False, status="unavailable", reason="the database does not answer")
    if found != expected_revision():
        reason = f"the database is at revision {found}; run touchstone migrate"
        return Readiness(ready=False, status="unmigrated", reason=reason)
    return Readiness(ready=True, status="ready")
