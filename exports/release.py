"""A gold release: files that are a pure function of a frozen row, items, labels and rulings.

Nothing here looks at a clock, at the environment or at the order in which it is given its input:
the same input gives the same bytes, so that a release can be made again and compared.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.card import CardFacts, CellCounts, write_card
from exports.errors import ReleaseRefused
from exports.gold_set import Decision, gold_order, resolve
from exports.manifest import NEWEST, Manifest, file_entries, write_manifest
from exports.records import (
    DECISION_COLUMNS,
    GOLD_COLUMNS,
    ITEM_COLUMNS,
    ReleaseItem,
    ReleaseLabel,
    canary,
    decision_row,
    gold_row,
    item_row,
    label_columns,
    label_row,
    pseudonym,
)
from exports.splits import DEFAULT_FRACTIONS, Fractions, Placed, SplitItem, make_splits
from exports.spreadsheets import cell_writer
from exports.strict_json import JsonRefused, JsonValue, canonical, parse
from exports.tables import TableWriter
from rubrics.versioning import from_canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from exports.gold_set import Undecided
    from rubrics.schema import Rubric

    Progress = Callable[[str, int, int], None]

SPLIT_HEADER = ("item_id", "split", "group")
MEDIA_FILE = "media.csv"
MEDIA_HEADER = ("item_id", "part", "sha256", "type", "bytes")
STEPS = ("items", "labels", "gold", "decisions", "card", "manifest")


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """What freezes a release.

    Attributes
    ----------
    project : str
        Name of the project.
    number : int
        Number of the release within it.
    rubric_canonical : str
        The rubric version as canonical JSON; its SHA-256 is the fingerprint.
    fingerprint : str
        Of that version.
    certified : bool
        Whether the version had passed its gates.
    watermark, created_at : str
        ISO 8601 in UTC: up to when labels count, and when the release was frozen.
    salt : str
        Secret of this release, from which pseudonyms and canary are made; written nowhere.
    seed : int
        Decides the splits.
    min_votes : int
        Fewer votes settle nothing.
    undecided : {"open", "majority"}
        What an undecided case gives.
    fractions : Fractions
        Expected shares of validation and test.
    earlier_test : tuple of str
        Item ids that were test in an earlier release.
    versions : mapping of str to str
        Of Touchstone and of what it was run with.
    rubric_yaml : str or None
        The text the rubric designer wrote.
    agreement : str or None
        The agreement report as JSON; annotators in it become pseudonyms.
    """

    project: str
    number: int
    rubric_canonical: str
    fingerprint: str
    certified: bool
    watermark: str
    created_at: str
    salt: str
    seed: int
    min_votes: int = 2
    undecided: Undecided = "open"
    fractions: Fractions = DEFAULT_FRACTIONS
    earlier_test: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    rubric_yaml: str | None = None
    agreement: str | None = None
    format: int = NEWEST


@dataclass(frozen=True, slots=True)
class _Input:
    """The input of a release, checked and in canonical order."""

    row: ReleaseRow
    rubric: Rubric
    items: list[ReleaseItem]
    labels: list[ReleaseLabel]
    decisions: list[Decision]
    names: Mapping[str, str]
    agreement: JsonValue


def _rubric(row: ReleaseRow) -> Rubric:
    if hashlib.sha256(row.rubric_canonical.encode()).hexdigest() != row.fingerprint:
        raise ReleaseRefused("the rubric does not fit its fingerprint; release the stored version")
    if row.min_votes < 1:
        raise ReleaseRefused("at least one vote is needed for a gold label; raise min_votes to 1")
    return from_canonical_json(row.rubric_canonical)


def _ordered_items(items: Iterable[ReleaseItem]) -> list[ReleaseItem]:
    ordered = sorted(items, key=lambda item: item.id)
    if not ordered:
        raise ReleaseRefused("there are no items to release")
    twice = [one for one, count in Counter(item.id for item in ordered).items() if count > 1]
    if twice:
        raise ReleaseRefused(f"items are given twice: {', '.join(sorted(twice)[:5])}")
    return ordered


def _check_cell(
    one: ReleaseLabel | Decision, what: str, items: set[str], cells: Mapping[tuple[str, str], int]
) -> None:
    if one.item not in items:
        raise ReleaseRefused(f"a {what} is on item {one.item!r}, which is not in the release")
    if (one.question, one.category) not in cells:
        raise ReleaseRefused(
            f"a {what} on item {one.item!r} is for question {one.question!r}, category "
            f"{one.category!r}, which the rubric does not have"
        )


def _check_label(label: ReleaseLabel, fingerprint: str) -> None:
    if label.fingerprint != fingerprint:
        raise ReleaseRefused(
            f"a label on item {label.item!r} was made under rubric version "
            f"{label.fingerprint[:12]}…, not {fingerprint[:12]}…; release one version at a time"
        )
    if (label.state == "answered") != (label.value is not None):
        raise ReleaseRefused(
            f"a label on item {label.item!r} is {label.state} and its value is {label.value!r}"
        )


def _agreement(row: ReleaseRow, names: Mapping[str, str]) -> JsonValue:
    """Return the agreement report with pseudonyms in place of annotators."""
    if row.agreement is None:
        return None
    try:
        report = parse(row.agreement)
    except JsonRefused as error:
        raise ReleaseRefused(f"the agreement report is not valid: {error.reason}") from None
    return _renamed(report, names, row.salt)


def _renamed(value: JsonValue, names: Mapping[str, str], salt: str) -> JsonValue:
    if isinstance(value, list):
        return [_renamed(one, names, salt) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _name(part, names, salt)
        if key in {"rater_a", "rater_b", "annotator"}
        else _renamed(part, names, salt)
        for key, part in value.items()
    }


def _name(value: JsonValue, names: Mapping[str, str], salt: str) -> str:
    return names.get(str(value)) or pseudonym(salt, str(value))


def _names(salt: str, people: Iterable[str]) -> dict[str, str]:
    names = {person: pseudonym(salt, person) for person in sorted(set(people))}
    if len(set(names.values())) != len(names):
        raise ReleaseRefused("two people would get the same pseudonym; freeze with another salt")
    return names


def _prepare(
    row: ReleaseRow,
    items: Iterable[ReleaseItem],
    labels: Iterable[ReleaseLabel],
    decisions: Iterable[Decision],
) -> _Input:
    rubric = _rubric(row)
    ordered = _ordered_items(items)
    known, order = {item.id for item in ordered}, gold_order(rubric)
    votes, rulings = list(labels), list(decisions)
    for label in votes:
        _check_cell(label, "label", known, order)
        _check_label(label, row.fingerprint)
    for ruling in rulings:
        _check_cell(ruling, "ruling", known, order)
    names = _names(
        row.salt,
        [label.annotator for label in votes] + [ruling.adjudicator for ruling in rulings],
    )
    votes.sort(
        key=lambda vote: (
            vote.item,
            order[vote.question, vote.category],
            names[vote.annotator],
        )
    )
    rulings.sort(
        key=lambda one: (one.item, order[one.question, one.category], one.created_at, one.id)
    )
    return _Input(row, rubric, ordered, votes, rulings, names, _agreement(row, names))


def _split_items(items: Sequence[ReleaseItem]) -> list[SplitItem]:
    return [SplitItem(item.id, item.content_hash, item.group_keys) for item in items]


def _write_items(given: _Input, placed: Sequence[Placed], directory: Path) -> int:
    mark = canary(given.row.salt)
    with TableWriter(directory, "items", ITEM_COLUMNS, parquet=True) as table:
        for item, place in zip(given.items, placed, strict=True):
            table.add(item_row(item, place, mark))
    with (directory / "splits.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(SPLIT_HEADER)
        cell = cell_writer(given.row.format)
        writer.writerows((cell(one.item_id), one.split, cell(one.group)) for one in placed)
    _write_files(given, directory)
    return table.rows


def _write_files(given: _Input, directory: Path) -> None:
    """List the files of items; they themselves are not part of a release."""
    cell = cell_writer(given.row.format)
    found = [
        (cell(item.id), one["target"], one["sha256"], one["type"], one["bytes"])
        for item in given.items
        for one in json.loads(item.canonical_body).get("media", ())
    ]
    if found:
        with (directory / MEDIA_FILE).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(MEDIA_HEADER)
            writer.writerows(found)


def _write_labels(given: _Input, directory: Path) -> int:
    columns = label_columns(given.row.format)
    with TableWriter(directory, "labels", columns, parquet=True) as table:
        for label in given.labels:
            table.add(label_row(label, given.names[label.annotator], columns))
    return table.rows


def _write_gold(given: _Input, directory: Path) -> tuple[int, dict[tuple[str, str], CellCounts]]:
    row = given.row
    counts: dict[tuple[str, str], CellCounts] = {}
    with TableWriter(directory, "gold", GOLD_COLUMNS, parquet=True) as table:
        for cell in resolve(
            given.rubric,
            given.labels,
            given.decisions,
            row.min_votes,
            fingerprint=row.fingerprint,
            undecided=row.undecided,
        ):
            table.add(gold_row(cell))
            counts.setdefault((cell.question, cell.category), CellCounts()).add(cell)
    order = gold_order(given.rubric)
    return table.rows, {key: counts[key] for key in sorted(counts, key=order.__getitem__)}


def _write_decisions(given: _Input, directory: Path) -> int:
    with TableWriter(directory, "decisions", DECISION_COLUMNS, parquet=False) as table:
        for one in given.decisions:
            table.add(decision_row(one, given.names[one.adjudicator], given.row.fingerprint))
    return table.rows


def _write_texts(given: _Input, directory: Path, card: str) -> None:
    texts = {"rubric.json": given.row.rubric_canonical, "card.md": card}
    if given.row.rubric_yaml is not None:
        texts["rubric.yaml"] = given.row.rubric_yaml
    if given.agreement is not None:
        texts["agreement.json"] = canonical(given.agreement) + "\n"
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8", newline="")


def _facts(
    given: _Input, placed: Sequence[Placed], cells: Mapping[tuple[str, str], CellCounts]
) -> CardFacts:
    row = given.row
    return CardFacts(
        project=row.project,
        number=row.number,
        created_at=row.created_at,
        watermark=row.watermark,
        canary=canary(row.salt),
        fingerprint=row.fingerprint,
        certified=row.certified,
        min_votes=row.min_votes,
        undecided=row.undecided,
        seed=row.seed,
        items=given.items,
        placed=placed,
        annotators=len({label.annotator for label in given.labels}),
        labels=len(given.labels),
        decisions=len(given.decisions),
        cells=cells,
        agreement=given.agreement,
    )


def _manifest(
    given: _Input, directory: Path, rows: Mapping[str, int], bases: Mapping[str, int]
) -> Manifest:
    row, rubric = given.row, given.rubric
    files = {
        f"{stem}.{kind}": count for stem, count in rows.items() for kind in ("jsonl", "parquet")
    }
    files["splits.csv"] = rows["items"]
    return write_manifest(
        directory,
        {
            "project": row.project,
            "number": row.number,
            "created_at": row.created_at,
            "watermark": row.watermark,
            "certified": row.certified,
            "rubric": {
                "id": rubric.id,
                "version": rubric.version,
                "title": rubric.title,
                "status": rubric.status,
                "fingerprint": row.fingerprint,
            },
            "canary": canary(row.salt),
            "parameters": {
                "seed": row.seed,
                "min_votes": row.min_votes,
                "undecided": row.undecided,
                "validation": row.fractions.validation,
                "test": row.fractions.test,
            },
            "counts": {
                "items": rows["items"],
                "labels": rows["labels"],
                "gold": rows["gold"],
                "decisions": rows["decisions"],
                "annotators": len({label.annotator for label in given.labels}),
                "basis": dict(bases),
            },
            "versions": dict(row.versions),
            "files": file_entries(directory, files),
        },
        row.format,
    )


def _write(given: _Input, directory: Path, progress: Progress) -> Manifest:
    placed = make_splits(
        _split_items(given.items), given.row.seed, given.row.fractions, given.row.earlier_test
    )
    rows = {}
    progress("items", 0, len(STEPS))
    rows["items"] = _write_items(given, placed, directory)
    progress("labels", 1, len(STEPS))
    rows["labels"] = _write_labels(given, directory)
    progress("gold", 2, len(STEPS))
    rows["gold"], cells = _write_gold(given, directory)
    progress("decisions", 3, len(STEPS))
    rows["decisions"] = _write_decisions(given, directory)
    progress("card", 4, len(STEPS))
    _write_texts(given, directory, write_card(given.rubric, _facts(given, placed, cells)))
    progress("manifest", 5, len(STEPS))
    bases: Counter[str] = Counter()
    for counts in cells.values():
        bases.update(counts.bases)
    manifest = _manifest(given, directory, rows, bases)
    progress("done", len(STEPS), len(STEPS))
    return manifest


def _silent(_step: str, _done: int, _total: int) -> None:
    """Report nothing."""


def _fresh_folder(directory: Path) -> Path:
    """Return an empty folder beside the target, which must not hold anything."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ReleaseRefused(f"{directory} is there already; a release is never overwritten")
    partial = directory.with_name(f".{directory.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    return partial


def write_release(
    row: ReleaseRow,
    items: Iterable[ReleaseItem],
    labels: Iterable[ReleaseLabel],
    decisions: Iterable[Decision],
    directory: Path,
    progress: Progress | None = None,
) -> Manifest:
    """Write a release; the folder appears whole or not at all.

    Parameters
    ----------
    row : ReleaseRow
        What freezes the release.
    items : iterable of ReleaseItem
        What is released, quarantined items left out, in any order.
    labels : iterable of ReleaseLabel
        Current labels of these items, in any order.
    decisions : iterable of Decision
        All rulings on these items, superseded ones included, in any order.
    directory : Path
        Where to; must not exist, or be empty.
    progress : callable or None
        Called with step, steps done and steps in all.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ReleaseRefused
        When the inputs contradict each other or the place is taken.
    """
    given = _prepare(row, items, labels, decisions)
    partial = _fresh_folder(directory)
    try:
        manifest = _write(given, partial, progress or _silent)
        if directory.exists():
            directory.rmdir()
        partial.rename(directory)
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    return manifest


__all__ = ["Decision", "ReleaseItem", "ReleaseLabel", "ReleaseRow", "write_release"]
