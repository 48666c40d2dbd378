"""What tests of items, imports and jobs share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from annotate.policy import Scope
from annotate.services import imports, jobs, projects, worker
from annotate.services.identity import system_actor

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.db import Database


def new_project(database: Database, slug: str = "tested") -> Scope:
    """A project without anything, as a scope of all its teams."""
    with database.write() as session:
        made = projects.create(session, system_actor(session), slug=slug, title=slug.title())
        return Scope(made.id)


def jsonl(path: Path, rows: list[Any]) -> Path:
    """A JSONL file of the rows."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def start_import(database: Database, scope: Scope, path: Path, **options: Any) -> str:
    """Write down an import of a file that stays."""
    with database.write() as session:
        return imports.start(
            session,
            system_actor(session),
            scope,
            path=path,
            format=imports.format_of(path.name),
            filename=path.name,
            **{"keep_file": True, **options},
        )


def import_file(database: Database, scope: Scope, path: Path, **options: Any) -> jobs.JobView:
    """Import a file to the end and return its job."""
    return worker.run_until(database, start_import(database, scope, path, **options))


def problems(database: Database, scope: Scope, job: jobs.JobView) -> list[imports.Problem]:
    """The listed problems of an import."""
    with database.read() as session:
        return imports.problems(session, scope, job.id, limit=1000)
