"""Items from a file, as a resumable job: good rows go in, bad rows are listed with their place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite

from annotate.db import is_embedded, new_id, now
from annotate.models import ImportProblem, Item, Media
from annotate.services import audit, jobs
from annotate.services.errors import BadInput
from annotate.services.import_files import media_rows, with_files
from annotate.services.import_report import KEPT_PROBLEMS, PAGE, Problem, problems, problems_csv
from annotate.services.job_running import Progress
from annotate.services.scoping import visible_items
from annotate.services.text import canonical_json
from exports.item_files import BadRow, ItemRow, read_items
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    import io
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.job_running import Finish, JobRun, Step

KIND = "items.import"
Format = Literal["jsonl", "csv"]
FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
CHUNK_ROWS = 500
CHUNK_BYTES = 4 * 1024 * 1024
KEPT_TWINS = 50
_SHORT, _NAME = 64, 200
_DETAILS = ("kind", "language", "source", "licence", "group_keys", "slices", "attributes")


@dataclass(frozen=True, slots=True)
class Tally:
    """The checkpoint: where reading goes on, and what became of the rows so far."""

    offset: int = 0
    line: int = 1
    rows: int = 0
    added: int = 0
    unchanged: int = 0
    refused: int = 0
    listed: int = 0
    same_content: int = 0
    twins: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, checkpoint: dict[str, Any]) -> Tally:
        """Read a checkpoint; an empty one is the beginning."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in checkpoint.items() if name in known}
        values["twins"] = tuple((one, other) for one, other in values.get("twins", ()))
        return cls(**values)

    def words(self) -> str:
        """Tell people how far it is."""
        parts = [
            "one row read" if self.rows == 1 else f"{self.rows:,} rows read",
            "one item added" if self.added == 1 else f"{self.added:,} items added",
        ]
        if self.unchanged:
            parts.append(f"{self.unchanged:,} were there already")
        if self.refused:
            parts.append(f"{self.refused:,} refused")
        return ", ".join(parts) + "."

    def conclusion(self) -> str:
        """Tell people what came out of it."""
        if self.rows == 0:
            return "The file holds no rows. Nothing was added."
        if self.added == 0 and self.refused == 0:
            return f"Nothing was added: all {self.unchanged:,} items were there already."
        if self.added == 0:
            return f"Nothing was added. {self.words()}"
        return self.words()


def format_of(filename: str, wanted: str = "") -> Format:
    """Return the format a file is read in: the one asked for, or by its name's ending.

    Raises
    ------
    BadInput
        When neither tells.
    """
    if wanted in {"jsonl", "csv"}:
        return cast("Format", wanted)
    found = FORMATS.get(Path(filename).suffix.lower())
    if found is None or wanted:
        raise BadInput(
            Sentence(
                "The format of %(file)s is not known: choose JSONL or CSV",
                file=filename[:100] or Sentence("the file"),
            ),
            problems=[{"field": "format", "message": Sentence("Choose JSONL or CSV.")}],
        )
    return found


def start(  # noqa: PLR0913 - one argument a fact about the file
    session: Session,
    actor: Actor,
    scope: Scope,
    *,
    path: Path,
    format: Format,  # noqa: A002 - the word of the contract
    filename: str,
    media: Path | None = None,
    keep_file: bool = False,
    held_for: float = 0,
) -> str:
    """Write down an import; a worker runs it.

    Parameters
    ----------
    session, actor, scope
        The transaction, who imports, and where to. Items belong to the team of a scope of one team.
    path, format
        The file on this machine, and how to read it.
    filename
        Its name as the person knows it.
    media
        The zip or folder with the files that rows ask for.
    keep_file
        Whether file and media stay after the import, because they are the person's own.
    held_for
        Seconds in which only a worker that asks for this job gets it.

    Returns
    -------
    str
        The job's id.
    """
    if scope.team_ids is not None and len(scope.team_ids) != 1:
        raise BadInput("Your role reaches several teams: import with a role of one team, or of all")
    status = path.stat()
    parameters = {
        "path": str(path.absolute()),
        "format": format,
        "filename": filename[:_NAME],
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "media": None if media is None else str(media.absolute()),
        "keep_file": keep_file,
    }
    return jobs.enqueue(session, actor, KIND, parameters, scope=scope, held_for=held_for)


# ------------------------------------------------------------------------------------- the handler


def run(job: JobRun) -> Generator[Step, Progress, Finish]:
    """Read the file chunk by chunk from where the checkpoint says."""
    tally = Tally.of(job.checkpoint)
    path = Path(job.parameters["path"])
    total = job.parameters["size"]
    with _open_unchanged(path, job.parameters) as stream:
        rows = read_items(
            stream, job.parameters["format"], start_offset=tally.offset, start_line=tally.line
        )
        for chunk in _chunks(with_files(job, rows), tally.offset):
            progress = yield partial(_store, job, chunk, tally, total)
            tally = Tally.of(progress.checkpoint)
    return partial(_finish, job, tally)


def _open_unchanged(path: Path, parameters: dict[str, Any]) -> io.BufferedReader:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BadInput(
            f"{parameters['filename']} cannot be read any more ({error.strerror}). Import it "
            "again: rows that are in already stay and are not added twice."
        ) from error
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) != (parameters["size"], parameters["mtime_ns"]):
        stream.close()
        raise BadInput(
            f"{parameters['filename']} was changed during the import. Import it again: rows that "
            "are in already stay and are not added twice."
        )
    return stream


def _chunks(rows: Iterator[ItemRow | BadRow], offset: int) -> Iterator[list[ItemRow | BadRow]]:
    """Group rows so that neither their number nor their bytes grow without bound."""
    chunk: list[ItemRow | BadRow] = []
    begin = offset
    for row in rows:
        chunk.append(row)
        if len(chunk) >= CHUNK_ROWS or row.end_offset - begin >= CHUNK_BYTES:
            yield chunk
            chunk, begin = [], row.end_offset
    if chunk:
        yield chunk


def _store(
    job: JobRun,
    chunk: Sequence[ItemRow | BadRow],
    tally: Tally,
    total: int,
    session: Session,
) -> Progress:
    good, problems = _separate(chunk)
    added, unchanged, clashes = _insert(session, job, good)
    problems += clashes
    twins = _twins(session, job.scope, added)
    listed = _list_problems(session, job, problems, KEPT_PROBLEMS - tally.listed)
    last = chunk[-1]
    after = replace(
        tally,
        offset=last.end_offset,
        line=last.next_line,
        rows=tally.rows + len(chunk),
        added=tally.added + len(added),
        unchanged=tally.unchanged + unchanged,
        refused=tally.refused + len(problems),
        listed=tally.listed + listed,
        same_content=tally.same_content + len(twins),
        twins=(*tally.twins, *twins)[:KEPT_TWINS],
    )
    return Progress(
        asdict(after),
        done=_kilobytes(after.offset),
        total=_kilobytes(total),
        message=after.words(),
    )


def _kilobytes(size: int) -> int:
    return -(-size // 1024)


def _separate(chunk: Iterable[ItemRow | BadRow]) -> tuple[list[ItemRow], list[Problem]]:
    good: list[ItemRow] = []
    problems: list[Problem] = []
    for row in chunk:
        if isinstance(row, BadRow):
            problems.append(Problem(row.line, row.column, row.external_id, row.reason))
            continue
        reason = _too_long(row)
        if reason is None:
            good.append(row)
        else:
            problems.append(Problem(row.line, None, row.external_id, reason))
    return good, problems


def _too_long(row: ItemRow) -> str | None:
    limits = (("language", row.language, _SHORT), ("source", row.source, _NAME))
    for name, value, limit in (*limits, ("licence", row.licence, _NAME)):
        if value is not None and len(value) > limit:
            return f"{name!r} has {len(value)} characters; at most {limit} are allowed"
    return None


def _values(row: ItemRow) -> dict[str, Any]:
    return {
        "external_id": row.external_id,
        "kind": row.kind,
        "content_hash": row.content_hash,
        "body": row.canonical_body,
        "language": row.language,
        "source": row.source,
        "licence": row.licence,
        "group_keys": canonical_json(row.group_keys),
        "slices": canonical_json(row.slices),
        "attributes": canonical_json(row.metadata),
    }


def _insert(
    session: Session, job: JobRun, rows: Sequence[ItemRow]
) -> tuple[list[ItemRow], int, list[Problem]]:
    """Insert what is new; tell rows that are there already from rows that clash."""
    firsts: dict[str, ItemRow] = {}
    rest = [row for row in rows if firsts.setdefault(row.external_id, row) is not row]
    taken = _insert_new(session, job, list(firsts.values()))
    added = [row for row in firsts.values() if row.external_id in taken]
    rest += [row for row in firsts.values() if row.external_id not in taken]
    clashes = _clashes(session, job.scope, rest)
    return added, len(rest) - len(clashes), clashes


def _insert_new(session: Session, job: JobRun, rows: Sequence[ItemRow]) -> set[str]:
    if not rows:
        return set()
    moment = now(session)
    # Ids in ascending order, so that a list by id shows the rows in the order of the file.
    ids = sorted(new_id() for _ in rows)
    common = {
        "project_id": job.claim.project_id,
        "team_id": job.claim.team_id,
        "import_job_id": job.claim.job_id,
        "created_at": moment,
    }
    insert = sqlite.insert if is_embedded(session) else postgresql.insert
    statement = (
        insert(Item.__table__)  # type: ignore[arg-type]
        .on_conflict_do_nothing(index_elements=["project_id", "external_id"])
        .returning(Item.__table__.c.external_id)
    )
    values = [{"id": key, **common, **_values(row)} for key, row in zip(ids, rows, strict=True)]
    taken = set(session.connection().execute(statement, values).scalars())
    files = [
        file
        for key, row in zip(ids, rows, strict=True)
        if row.external_id in taken
        for file in media_rows(row, key, job.scope.project_id, moment)
    ]
    if files:
        session.execute(sa.insert(Media), files)
    return taken


def _clashes(session: Session, scope: Scope, rows: Sequence[ItemRow]) -> list[Problem]:
    if not rows:
        return []
    stored = {
        found.external_id: found
        for found in session.execute(
            sa.select(
                Item.external_id,
                Item.content_hash,
                *(getattr(Item, name) for name in _DETAILS),
            ).where(
                # Quarantined items count here: their ids stay taken.
                Item.project_id == scope.project_id,
                Item.external_id.in_(sorted({row.external_id for row in rows})),
            )
        )
    }
    problems = []
    for row in rows:
        reason = _difference(row, stored[row.external_id])
        if reason is not None:
            problems.append(Problem(row.line, None, row.external_id, reason))
    return problems


def _difference(row: ItemRow, stored: Any) -> str | None:  # noqa: ANN401 - a row of the query above
    if row.content_hash != stored.content_hash:
        return (
            "this id is taken by an item with other content, which stays as it is; "
            "give this one an id of its own"
        )
    values = _values(row)
    other = [name for name in _DETAILS if values[name] != getattr(stored, name)]
    if not other:
        return None
    names = ", ".join("metadata" if name == "attributes" else name for name in other)
    return f"this id is there with the same content but other {names}; the stored item stays as is"


def _twins(session: Session, scope: Scope, added: Sequence[ItemRow]) -> list[tuple[str, str]]:
    """Return pairs of ids with the same content, for rows just added; both are kept."""
    if not added:
        return []
    own = {row.external_id: row.content_hash for row in added}
    oldest: dict[str, tuple[str, str]] = {}
    for found in session.execute(same_content(scope, own.values())):
        first = oldest.setdefault(found.content_hash, (found.id, found.external_id))
        oldest[found.content_hash] = min(first, (found.id, found.external_id))
    pairs = [(one, oldest[content][1]) for one, content in own.items() if content in oldest]
    return [(one, other) for one, other in pairs if one != other]


def same_content(scope: Scope, hashes: Iterable[str]) -> sa.Select[str, str, str]:
    """Return the query for visible items with these contents.

    It has no order: SQLite would then walk the whole project in that order, for every chunk,
    instead of looking the hashes up.
    """
    return sa.select(Item.content_hash, Item.id, Item.external_id).where(
        *visible_items(scope),
        Item.content_hash.in_(sorted(set(hashes))),
    )


def _list_problems(session: Session, job: JobRun, problems: Sequence[Problem], room: int) -> int:
    kept = sorted(problems, key=lambda problem: problem.line)[: max(0, room)]
    if kept:
        session.execute(
            sa.insert(ImportProblem),
            [
                {
                    "job_id": job.claim.job_id,
                    "line": problem.line,
                    "project_id": job.claim.project_id,
                    "column_number": problem.column,
                    "external_id": problem.external_id[:_NAME] if problem.external_id else None,
                    "reason": problem.reason,
                }
                for problem in kept
            ],
        )
    return len(kept)


def _finish(job: JobRun, tally: Tally, session: Session) -> dict[str, Any]:
    counts = {
        "rows": tally.rows,
        "added": tally.added,
        "unchanged": tally.unchanged,
        "refused": tally.refused,
        "listed": tally.listed,
        "same_content": tally.same_content,
    }
    audit.record(
        session,
        job.actor,
        "item.imported",
        "job",
        job.claim.job_id,
        project_id=job.claim.project_id,
        body=counts,
        outbox=True,
    )
    # Not before the commit: an attempt that follows a failed one reads the file again.
    event.listen(session, "after_commit", lambda _: discard_file(job.parameters), once=True)
    twins = [list(pair) for pair in tally.twins]
    return {**counts, "twins": twins, "message": tally.conclusion()}


def discard_file(parameters: dict[str, Any]) -> None:
    """Remove an upload that is no longer needed; a person's own file stays."""
    if parameters["keep_file"]:
        return
    for name in ("path", "media"):
        if parameters.get(name) is not None:
            Path(parameters[name]).unlink(missing_ok=True)


__all__ = [
    "KEPT_PROBLEMS",
    "KIND",
    "PAGE",
    "Problem",
    "Tally",
    "discard_file",
    "format_of",
    "problems",
    "problems_csv",
    "run",
    "start",
]
