"""The files that rows of an import ask for: taken in before the row, refused with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from annotate.db import new_id
from annotate.services import media
from annotate.services.containers import FileRefused
from annotate.services.file_sources import readable, source_of
from exports.item_rows import BadRow, ItemRow
from exports.row_files import files_of, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from annotate.services.file_sources import Files
    from annotate.services.job_running import JobRun
    from exports.message_parts import FileFacts

BEAT_SECONDS = 10.0


def with_files(job: JobRun, rows: Iterator[ItemRow | BadRow]) -> Iterator[ItemRow | BadRow]:
    """Give the rows with their files taken in; a row whose file is refused becomes a bad row.

    Parameters
    ----------
    job
        The import; its lease is kept while many files are looked into.
    rows
        As read from the item file.
    """
    source: Files | None = None
    beat = time.monotonic()
    for row in rows:
        if isinstance(row, BadRow) or not files_of(row):
            yield row
            continue
        if source is None:
            source = source_of(job.parameters.get("media"))
        if time.monotonic() - beat > BEAT_SECONDS:
            job.heartbeat()
            beat = time.monotonic()
        yield _row(job, source, row)


def _row(job: JobRun, source: Files, row: ItemRow) -> ItemRow | BadRow:
    facts: dict[str, FileFacts] = {}
    for name in dict.fromkeys(files_of(row)):
        try:
            facts[name] = _take(job, source, name)
        except FileRefused as refused:
            reason = str(refused)
            told = reason if name in reason else f"the file {name} is not taken: {reason}"
            return BadRow(
                row.line, row.end_offset, row.next_line, None, told, external_id=row.external_id
            )
    return resolved(row, facts)


def _take(job: JobRun, source: Files, name: str) -> FileFacts:
    with source.open(name) as stream, readable(name):
        return media.keep(job.database.settings, job.scope.project_id, stream)


def media_rows(
    row: ItemRow, item_id: str, project_id: str, at: datetime
) -> Iterator[dict[str, Any]]:
    """Give the rows that say which files an item has."""
    known = {facts.sha256: facts for facts in row.files}
    for facts in known.values():
        yield {
            "id": new_id(),
            "project_id": project_id,
            "item_id": item_id,
            "content_hash": facts.sha256,
            "original_hash": facts.original_sha256,
            "media_type": facts.media_type,
            "size": facts.size,
            "created_at": at,
        }
