"""``touchstone replay``: recorded labels, played through a running server as their annotators."""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from annotate.cli.context import fail, opened, writing
from annotate.client import ApiError, Client
from annotate.services import imports, replay_setup, worker
from annotate.services.errors import BadInput, Conflict
from annotate.services.identity import system_actor
from exports.recorded_labels import read_rows
from rubrics.library import names, read
from rubrics.loader import load_rubric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from annotate.db import Database
    from annotate.services.replay_setup import Prepared
    from exports.recorded_labels import RecordedRow
    from rubrics.schema import Rubric

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNPROCESSABLE = 422
SHOWN_LINES = 10
AGAIN = "Run the same command again afterwards: what is answered stays."


@dataclass
class Refusal:
    """A recorded row that the server refused, and the questions that it named."""

    line: int
    item: str
    annotator: str
    columns: tuple[str, ...]
    messages: tuple[str, ...]


@dataclass
class Tally:
    """What happened so far, over all annotators; why the server had nothing more for them."""

    submitted: int = 0
    reasons: set[str] = field(default_factory=set)
    refusals: list[Refusal] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    over: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Played:
    """Where labels are played: the project, the round, and a token for each annotator."""

    prepared: Prepared
    round_id: str
    tokens: dict[str, str] = field(repr=False)


def _address(_context: click.Context, _option: click.Parameter, url: str) -> str:
    """Refuse what is no address of a server before anything is made."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter(f"{url} is not an address such as http://127.0.0.1:8000")
    return url


@click.command()
@click.argument("labels", type=FILE)
@click.option("--items", "items_file", type=FILE, required=True, help="Items, JSONL or CSV.")
@click.option(
    "--url",
    default="http://127.0.0.1:8000",
    show_default=True,
    callback=_address,
    help="The server.",
)
@click.option("--rubric", default="conversational-abuse", show_default=True, help="Name or file.")
@click.option("--project", "slug", default="replay", show_default=True, help="Slug to make or use.")
@click.option("--title", default="Replayed labels", show_default=True)
@click.option("--map", "patterns", multiple=True, metavar="COLUMN=QUESTION", help="'type_*=types'.")
@click.option("--ignore", "ignored", multiple=True, metavar="COLUMN", help="A column to leave out.")
@click.option("--item", "item_column", default="item", show_default=True)
@click.option("--annotator", "annotator_column", default="annotator", show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many items.")
@click.option("--at-once", default=4, show_default=True, type=click.IntRange(1, 32))
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def replay(  # noqa: PLR0913, PLR0917 - one argument an option
    labels: Path,
    items_file: Path,
    url: str,
    rubric: str,
    slug: str,
    title: str,
    patterns: tuple[str, ...],
    ignored: tuple[str, ...],
    item_column: str,
    annotator_column: str,
    limit: int | None,
    at_once: int,
    *,
    as_json: bool,
) -> None:
    """Play a recorded label file through a running server's public API.

    Each recorded annotator gets an account and a token of its own and is handed exactly the items
    that it labelled. Answers that the rubric's conditions close are sent as recorded first, so
    that the server refuses them by name; then the row is sent without them.

    When it ends, also when it fails or is interrupted, the tokens are revoked. The same command
    goes on from there with tokens of its own.
    """
    source, loaded = _rubric(rubric)
    rows = read_rows(
        labels,
        loaded,
        item=item_column,
        annotator=annotator_column,
        patterns=patterns,
        ignored=ignored,
    )
    if not rows:
        fail(f"{labels.name}: there is no row under the header")
    if limit is not None:
        rows = _first_items(rows, limit)
    replay_setup.require_one_row_each(rows)
    replay_setup.require_logins(slug, rows)
    with _at_the_table((slug, title, source), items_file, rows) as played:
        started = time.monotonic()
        tally = _play(url, played, rows, at_once)
        seconds = time.monotonic() - started
    with opened() as database:
        left = _left(database, played, slug, rows)
    _tell(rows, tally, left, (played.round_id, seconds), as_json=as_json)
    if left:
        _fail_left(left, tally)


def _rubric(name: str) -> tuple[str, Rubric]:
    """Return a shipped rubric or one from a file, as text and as loaded."""
    if name in names():
        return read(name), load_rubric(read(name), name)
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        fail(
            f"{name}: neither a shipped rubric ({', '.join(names())}) nor a file: {error.strerror}"
        )
    loaded = load_rubric(data, name)
    return data.decode("utf-8-sig"), loaded


def _first_items(rows: list[RecordedRow], limit: int) -> list[RecordedRow]:
    kept = list(dict.fromkeys(row.item for row in rows))[:limit]
    wanted = frozenset(kept)
    return [row for row in rows if row.item in wanted]


@contextmanager
def _at_the_table(
    project: tuple[str, str, str], items_file: Path, rows: list[RecordedRow]
) -> Iterator[Played]:
    """Set a replay up, and revoke its tokens however it ends."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with opened() as database:
            played = _set_up(database, project, items_file, rows)
        try:
            yield played
        finally:
            with writing() as (session, actor):
                replay_setup.dismiss(session, actor, played.tokens.values())
    finally:
        signal.signal(signal.SIGTERM, before)


def _set_up(
    database: Database,
    project: tuple[str, str, str],
    items_file: Path,
    rows: list[RecordedRow],
) -> Played:
    slug, title, source = project
    with database.write() as session:
        actor = system_actor(session)
        prepared = replay_setup.prepare(session, actor, slug=slug, title=title, source=source)
        job_id = imports.start(
            session,
            actor,
            prepared.scope,
            path=items_file,
            format=imports.FORMATS.get(items_file.suffix.lower(), "jsonl"),
            filename=items_file.name,
            keep_file=True,
        )
    job = worker.run_until(database, job_id)
    if job.state != "done":
        fail(f"the items could not be imported: {job.message}")
    annotators = sorted({row.annotator for row in rows})
    with database.write() as session:
        # One transaction: a round that cannot be made leaves no tokens behind.
        tokens = replay_setup.enlist(session, actor, prepared, slug, annotators)
        allocation = replay_setup.allocation_of(rows)
        round_id = replay_setup.allocate(session, actor, prepared, slug, allocation)
    return Played(prepared, round_id, tokens)


def _left(
    database: Database, played: Played, slug: str, rows: list[RecordedRow]
) -> list[RecordedRow]:
    """Return the rows that the server has no answer for."""
    with database.read() as session:
        have = replay_setup.answered(session, played.prepared, played.round_id)
    return [
        row for row in rows if (row.item, replay_setup.login_of(slug, row.annotator)) not in have
    ]


def _play(url: str, played: Played, rows: list[RecordedRow], at_once: int) -> Tally:
    """Let every annotator answer, some at once, or leave with what went wrong first."""
    try:
        return _answer_everything(url, played, rows, at_once)
    except ApiError as error:
        fail(f"the server at {url} refused: {error}. {AGAIN}")
    except (OSError, HTTPException) as error:
        fail(f"the server at {url} cannot be reached: {error}. Start it, or name it with --url")
    except (json.JSONDecodeError, UnicodeDecodeError):
        fail(f"what answers at {url} is no Touchstone server. Name it with --url")


def _answer_everything(url: str, played: Played, rows: list[RecordedRow], at_once: int) -> Tally:
    tally = Tally()
    recorded = {(row.annotator, row.item): row for row in rows}
    bar = Progress(
        TextColumn("Replaying labels"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        transient=True,
    )
    with bar, ThreadPoolExecutor(at_once) as pool:
        task = bar.add_task("labels", total=len(rows))

        def advance() -> None:
            bar.advance(task)

        try:
            works = [
                pool.submit(
                    _answer_all,
                    Client(url, token),
                    (played.round_id, annotator),
                    recorded,
                    tally,
                    advance,
                )
                for annotator, token in played.tokens.items()
            ]
            for work in works:
                work.result()
        finally:
            tally.over.set()
            pool.shutdown(cancel_futures=True)
    return tally


def _answer_all(
    client: Client,
    where: tuple[str, str],
    recorded: dict[tuple[str, str], RecordedRow],
    tally: Tally,
    advance: Callable[[], None],
) -> None:
    round_id, annotator = where
    with closing(client):
        while not tally.over.is_set():
            handed = client.claim(round_id)
            place = handed["assignment"]
            if place is None:
                with tally.lock:
                    tally.reasons.add(handed["reason"])
                return
            refusal = _answer(client, place, _row_for(place, annotator, recorded))
            with tally.lock:
                tally.submitted += 1
                if refusal is not None:
                    tally.refusals.append(refusal)
            advance()


def _row_for(
    place: dict[str, Any], annotator: str, recorded: dict[tuple[str, str], RecordedRow]
) -> RecordedRow:
    item = place["item"]["external_id"]
    row = recorded.get((annotator, item))
    if row is None:
        raise Conflict(
            f"the round hands {item} to {annotator}, and no row answers it: another file was "
            "replayed into this project and is not done. Replay that one to its end, or choose "
            "another --project"
        )
    return row


def _answer(client: Client, place: dict[str, Any], row: RecordedRow) -> Refusal | None:
    try:
        return _send(client, place, row)
    except ApiError as error:
        problems = [
            {"place": problem.get("question", ""), "message": problem.get("message", "")}
            for problem in error.problems
        ]
        raise BadInput(
            f"line {row.line}: {row.annotator} on {row.item}: the server refused it, {error}",
            problems=problems,
        ) from error


def _send(client: Client, place: dict[str, Any], row: RecordedRow) -> Refusal | None:
    """Send a row, and again without the answers to closed questions when it names just those."""
    try:
        client.submit(place, row.answers)
    except ApiError as error:
        closed = {
            problem["question"]
            for problem in error.problems
            if problem.get("code") == "closed_by_condition"
        }
        if error.status != UNPROCESSABLE or not closed or closed != set(row.closed):
            raise
        client.submit(place, row.open_answers())
        columns = tuple(name for names_ in row.closed.values() for name in names_)
        messages = tuple(problem["message"] for problem in error.problems)
        return Refusal(row.line, row.item, row.annotator, columns, messages)
    return None


def _tell(
    rows: list[RecordedRow],
    tally: Tally,
    left: list[RecordedRow],
    done: tuple[str, float],
    *,
    as_json: bool,
) -> None:
    round_id, seconds = done
    refusals = sorted(tally.refusals, key=lambda refusal: refusal.line)
    cells = sum(len(refusal.columns) for refusal in refusals)
    if as_json:
        outcome = {
            "round": round_id,
            "rows": len(rows),
            "submitted": tally.submitted,
            "left_lines": [row.line for row in left],
            "refused_rows": len(refusals),
            "refused_cells": cells,
            "refusals": [asdict(refusal) for refusal in refusals],
            "seconds": round(seconds, 1),
        }
        click.echo(json.dumps(outcome))
        return
    for refusal in refusals:
        where = f"line {refusal.line}: {refusal.annotator} on {refusal.item}"
        click.echo(f"{where}: refused {', '.join(refusal.columns)}")
        for message in refusal.messages:
            click.echo(f"    {message}")
    click.echo(
        f"{tally.submitted} of {len(rows)} rows submitted in {seconds:.0f} s, "
        f"{len(refusals)} of them without {cells} answers to closed questions. Round {round_id}."
    )
    earlier = len(rows) - tally.submitted - len(left)
    if earlier:
        click.echo(f"{earlier} rows were answered in an earlier run.")


def _fail_left(left: list[RecordedRow], tally: Tally) -> None:
    lines = ", ".join(str(row.line) for row in left[:SHOWN_LINES])
    more = ", …" if len(left) > SHOWN_LINES else ""
    if tally.reasons == {"exhausted"}:
        why = (
            "The round was made without these annotators on these items, or an item is not "
            "handed out any more: choose another --project"
        )
    else:
        why = f"The server said: {', '.join(sorted(tally.reasons))}. {AGAIN}"
    fail(f"{len(left)} rows are not answered, lines {lines}{more}. {why}", code=1)
