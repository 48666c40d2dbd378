"""``touchstone replay``: recorded labels, played through a running server as their annotators."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from annotate.cli.context import fail, opened
from annotate.client import ApiError, Client
from annotate.services import imports, replay_setup, worker
from annotate.services.identity import system_actor
from exports.recorded_labels import read_rows
from rubrics.library import names, read
from rubrics.loader import load_rubric

if TYPE_CHECKING:
    from annotate.db import Database
    from exports.recorded_labels import RecordedRow

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNPROCESSABLE = 422


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
    """What happened so far, over all annotators."""

    submitted: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


@click.command()
@click.argument("labels", type=FILE)
@click.option("--items", "items_file", type=FILE, required=True, help="Items, JSONL or CSV.")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The server.")
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
    """
    source = read(rubric) if rubric in names() else Path(rubric).read_text(encoding="utf-8")
    rows = read_rows(
        labels,
        load_rubric(source, rubric),
        item=item_column,
        annotator=annotator_column,
        patterns=patterns,
        ignored=ignored,
    )
    if limit is not None:
        rows = _first_items(rows, limit)
    replay_setup.require_one_row_each(rows)
    annotators = sorted({row.annotator for row in rows})
    with opened() as database:
        round_id, tokens = _set_up(database, (slug, title, source), items_file, rows, annotators)
    started = time.monotonic()
    tally = _play(url, round_id, tokens, rows, at_once)
    _tell(rows, tally, round_id, time.monotonic() - started, as_json=as_json)


def _first_items(rows: list[RecordedRow], limit: int) -> list[RecordedRow]:
    kept = list(dict.fromkeys(row.item for row in rows))[:limit]
    wanted = frozenset(kept)
    return [row for row in rows if row.item in wanted]


def _set_up(
    database: Database,
    project: tuple[str, str, str],
    items_file: Path,
    rows: list[RecordedRow],
    annotators: list[str],
) -> tuple[str, dict[str, str]]:
    slug, title, source = project
    with database.write() as session:
        actor = system_actor(session)
        prepared = replay_setup.prepare(session, actor, slug=slug, title=title, source=source)
        job_id = imports.start(
            session,
            actor,
            prepared.scope,
            path=items_file,
            format="csv" if items_file.suffix == ".csv" else "jsonl",
            filename=items_file.name,
            keep_file=True,
        )
    job = worker.run_until(database, job_id)
    if job.state != "done":
        fail(f"the items could not be imported: {job.message}")
    with database.write() as session:
        tokens = replay_setup.enlist(session, actor, prepared, slug, annotators)
    with database.write() as session:
        allocation = replay_setup.allocation_of(rows)
        round_id = replay_setup.allocate(session, actor, prepared, slug, allocation)
    return round_id, tokens


def _play(
    url: str, round_id: str, tokens: dict[str, str], rows: list[RecordedRow], at_once: int
) -> Tally:
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

        works = [
            pool.submit(
                _answer_all, Client(url, token), round_id, annotator, recorded, tally, advance
            )
            for annotator, token in tokens.items()
        ]
        for work in works:
            work.result()
    return tally


def _answer_all(
    client: Client,
    round_id: str,
    annotator: str,
    recorded: dict[tuple[str, str], RecordedRow],
    tally: Tally,
    advance: Any,  # noqa: ANN401 - a callback without arguments
) -> None:
    while (place := client.claim(round_id)["assignment"]) is not None:
        row = recorded[annotator, place["item"]["external_id"]]
        refusal = _answer(client, place, row)
        with tally.lock:
            tally.submitted += 1
            if refusal is not None:
                tally.refusals.append(refusal)
        advance()
    client.close()


def _answer(client: Client, place: dict[str, Any], row: RecordedRow) -> Refusal | None:
    try:
        client.submit(place, row.answers)
    except ApiError as error:
        closed = {
            problem["question"]
            for problem in error.problems
            if problem.get("code") == "closed_by_condition"
        }
        if error.status != UNPROCESSABLE or closed != set(row.closed):
            raise
        client.submit(place, row.open_answers())
        columns = tuple(name for names_ in row.closed.values() for name in names_)
        messages = tuple(problem["message"] for problem in error.problems)
        return Refusal(row.line, row.item, row.annotator, columns, messages)
    return None


def _tell(
    rows: list[RecordedRow], tally: Tally, round_id: str, seconds: float, *, as_json: bool
) -> None:
    refusals = sorted(tally.refusals, key=lambda refusal: refusal.line)
    cells = sum(len(refusal.columns) for refusal in refusals)
    if as_json:
        outcome = {
            "round": round_id,
            "rows": len(rows),
            "submitted": tally.submitted,
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
    if tally.submitted < len(rows):
        click.echo("The other rows were answered in an earlier run.")
