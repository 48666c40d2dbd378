"""Is a release what it says it is: every byte, every count, every gold label worked out again."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, cast

from exports.card import CERTIFIED, NOT_CERTIFIED
from exports.errors import ReleaseRefused
from exports.gold_set import resolve
from exports.manifest import (
    DIGEST,
    FILE_NAME,
    ManifestBroken,
    format_of,
    read_manifest,
    sha256_of,
)
from exports.records import (
    DECISION_COLUMNS,
    GOLD_COLUMNS,
    ITEM_COLUMNS,
    RowBroken,
    decision_of,
    gold_row,
    label_columns,
    label_of,
    split_item_of,
)
from exports.release import SPLIT_HEADER
from exports.splits import SPLITS, leaks
from exports.spreadsheets import cell_reader
from exports.strict_json import canonical
from exports.tables import as_parquet_row, parquet_rows, read_rows
from rubrics.errors import RubricError
from rubrics.versioning import from_canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from exports.gold_set import Undecided
    from exports.manifest import Manifest
    from exports.records import ColumnKind, Row
    from exports.strict_json import JsonValue
    from rubrics.schema import Rubric

Code = Literal[
    "manifest",
    "missing_file",
    "extra_file",
    "truncated",
    "changed",
    "rows",
    "counts",
    "rubric",
    "broken_row",
    "unknown_item",
    "gold",
    "splits",
    "leak",
    "parquet",
    "card",
]
MAX_PER_CHECK = 20
REQUIRED = (
    "items.jsonl",
    "items.parquet",
    "labels.jsonl",
    "labels.parquet",
    "gold.jsonl",
    "gold.parquet",
    "decisions.jsonl",
    "splits.csv",
    "rubric.json",
    "card.md",
)
_TABLES = ("items", "labels", "gold", "decisions")
_COLUMNS: Mapping[str, Mapping[str, ColumnKind]] = {
    "items": ITEM_COLUMNS,
    "gold": GOLD_COLUMNS,
    "decisions": DECISION_COLUMNS,
}
_CONTENT_ERRORS = (RowBroken, ReleaseRefused, RubricError, OSError, ValueError, csv.Error)


@dataclass(frozen=True, slots=True)
class VerifyProblem:
    """One thing that is wrong with a release.

    Attributes
    ----------
    code : str
        Stable name of the kind of problem.
    path : str
        The file it was found in.
    message : str
        What is wrong.
    """

    code: Code
    path: str
    message: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes
    ----------
    problems : tuple of VerifyProblem
        Empty when the release is whole.
    files : int
        Files the manifest lists.
    gold_cells : int
        Gold cells that were worked out again.
    manifest_sha256 : str or None
        Digest of the manifest, to compare with the one the release was recorded under.
    """

    problems: tuple[VerifyProblem, ...]
    files: int = 0
    gold_cells: int = 0
    manifest_sha256: str | None = None

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.problems


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _entries(manifest: Manifest) -> dict[str, dict[str, JsonValue]]:
    files = manifest.get("files")
    listed = files if isinstance(files, list) else []
    return {str(_object(one).get("path")): _object(one) for one in listed}


def _check_files(
    directory: Path, entries: Mapping[str, Mapping[str, JsonValue]]
) -> Iterator[VerifyProblem]:
    present = {path.name for path in directory.iterdir()} - {FILE_NAME}
    for name in sorted(entries.keys() | set(REQUIRED)):
        if name not in entries:
            yield VerifyProblem("manifest", FILE_NAME, f"the manifest does not list {name}")
        elif name not in present:
            yield VerifyProblem("missing_file", name, "the file is missing")
        else:
            yield from _check_file(directory / name, entries[name])
    for name in sorted(present - entries.keys()):
        yield VerifyProblem("extra_file", name, "the manifest does not list this file")


def _check_file(path: Path, entry: Mapping[str, JsonValue]) -> Iterator[VerifyProblem]:
    if not path.is_file() or path.is_symlink():
        yield VerifyProblem("changed", path.name, "this is not a plain file")
        return
    size, stated = path.stat().st_size, entry.get("bytes")
    if isinstance(stated, int) and size < stated:
        message = f"the file is cut off: {size:,} of {stated:,} bytes"
        yield VerifyProblem("truncated", path.name, message)
    elif size != stated or sha256_of(path) != entry.get("sha256"):
        yield VerifyProblem("changed", path.name, "the bytes differ from those of the release")


@dataclass(frozen=True, slots=True)
class _Release:
    """A release whose files are the ones the manifest lists."""

    directory: Path
    manifest: Manifest
    entries: Mapping[str, Mapping[str, JsonValue]]

    def rows(self, stem: str) -> Iterator[Row]:
        """Yield the rows of a table."""
        return read_rows(self.directory / f"{stem}.jsonl", self.columns(stem))

    def columns(self, stem: str) -> Mapping[str, ColumnKind]:
        """Return the columns that a table has in the release's format."""
        if stem == "labels":
            return label_columns(format_of(self.manifest))
        return _COLUMNS[stem]

    def value(self, *keys: str) -> JsonValue:
        """Return an entry of the manifest, or None."""
        found: JsonValue = self.manifest
        for key in keys:
            found = _object(found).get(key)
        return found


def _read_rubric(release: _Release) -> Rubric:
    text = (release.directory / "rubric.json").read_text(encoding="utf-8")
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != release.value("rubric", "fingerprint"):
        raise ReleaseRefused("the rubric does not have the fingerprint the manifest names")
    return from_canonical_json(text)


@dataclass(slots=True)
class _Seen:
    """What one pass over a table saw."""

    rows: int = 0
    items: set[str] = field(default_factory=set)
    annotators: set[str] = field(default_factory=set)
    bases: Counter[str] = field(default_factory=Counter)


def _pass_over(release: _Release, stem: str) -> _Seen:
    seen = _Seen()
    for row in release.rows(stem):
        seen.rows += 1
        seen.items.add(str(row["item_id"]))
        if stem == "labels":
            seen.annotators.add(str(row["annotator"]))
        elif stem == "gold":
            seen.bases[str(row["basis"])] += 1
    return seen


def _check_tables(release: _Release) -> Iterator[VerifyProblem]:
    seen = {stem: _pass_over(release, stem) for stem in _TABLES}
    for stem, table in seen.items():
        name = f"{stem}.jsonl"
        stated = release.entries[name].get("rows")
        if table.rows != stated:
            message = f"the file has {table.rows:,} rows and the manifest says {stated}"
            yield VerifyProblem("rows", name, message)
        for one in sorted(table.items - seen["items"].items):
            yield VerifyProblem("unknown_item", name, f"item {one!r} is not in items.jsonl")
    counted: dict[str, object] = {stem: table.rows for stem, table in seen.items()}
    counted["annotators"] = len(seen["labels"].annotators)
    counted["basis"] = dict(seen["gold"].bases)
    for what, count in counted.items():
        stated = release.value("counts", what)
        if count != stated:
            message = f"the manifest counts {stated} under {what!r}, and it is {count}"
            yield VerifyProblem("counts", FILE_NAME, message)


def _check_items(release: _Release) -> Iterator[VerifyProblem]:
    for row in release.rows("items"):
        digest = hashlib.sha256(canonical(row["body"]).encode()).hexdigest()
        if digest != row["content_sha256"]:
            message = f"the content of item {row['item_id']!r} does not fit its SHA-256"
            yield VerifyProblem("broken_row", "items.jsonl", message)
        if row["canary"] != release.manifest.get("canary"):
            message = f"item {row['item_id']!r} carries another canary"
            yield VerifyProblem("broken_row", "items.jsonl", message)


def _gold_again(release: _Release, rubric: Rubric) -> Iterator[Row]:
    undecided = release.value("parameters", "undecided")
    minimum = release.value("parameters", "min_votes")
    if not isinstance(minimum, int) or minimum < 1 or undecided not in {"open", "majority"}:
        raise ReleaseRefused("the manifest does not say how the gold labels were resolved")
    cells = resolve(
        rubric,
        (label_of(row) for row in release.rows("labels")),
        (decision_of(row) for row in release.rows("decisions")),
        minimum,
        fingerprint=str(release.value("rubric", "fingerprint")),
        undecided=cast("Undecided", undecided),
    )
    return (gold_row(cell) for cell in cells)


def _cell_name(row: Row | None) -> str:
    if row is None:
        return "nothing"
    place = f"{row['item_id']}, {row['question']}"
    return place + (f"/{row['category']}" if row["category"] else "")


def _check_gold(release: _Release, rubric: Rubric) -> Iterator[VerifyProblem]:
    for written, again in zip_longest(release.rows("gold"), _gold_again(release, rubric)):
        if written == again:
            continue
        if _cell_name(written) != _cell_name(again):
            message = f"{_cell_name(again)} was expected and {_cell_name(written)} is there"
            yield VerifyProblem("gold", "gold.jsonl", message)
            return
        named = ", ".join(
            key for key in again or {} if (written or {}).get(key) != (again or {})[key]
        )
        message = f"{_cell_name(written)}: {named} does not follow from the labels and rulings"
        yield VerifyProblem("gold", "gold.jsonl", message)


def _read_splits(release: _Release) -> dict[str, tuple[str, str]]:
    with (release.directory / "splits.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        if tuple(next(reader, ())) != SPLIT_HEADER:
            raise RowBroken("the header is not item_id,split,group")
        text = cell_reader(format_of(release.manifest))
        return {text(item): (split, text(group)) for item, split, group in reader}


def _check_splits(release: _Release) -> Iterator[VerifyProblem]:
    placed = _read_splits(release)
    items = list(release.rows("items"))
    stated = {str(row["item_id"]): (str(row["split"]), str(row["group"])) for row in items}
    if placed != stated:
        yield VerifyProblem("splits", "splits.csv", "the splits differ from those in items.jsonl")
    odd = {split for split, _ in placed.values()} - set(SPLITS)
    if odd:
        message = f"there is no split called {', '.join(sorted(odd))}"
        yield VerifyProblem("splits", "splits.csv", message)
    split_of = {item: split for item, (split, _) in placed.items()}
    for leak in leaks([split_item_of(row) for row in items], split_of):
        message = f"{leak.key} lies in {' and '.join(leak.splits)}: {', '.join(leak.items[:5])}"
        yield VerifyProblem("leak", "splits.csv", message)


def _check_parquet(release: _Release) -> Iterator[VerifyProblem]:
    for stem in ("items", "labels", "gold"):
        columns, name = release.columns(stem), f"{stem}.parquet"
        rows = (as_parquet_row(row, columns) for row in release.rows(stem))
        pairs = zip_longest(rows, parquet_rows(release.directory / name, columns))
        for number, (expected, found) in enumerate(pairs, start=1):
            if expected != found:
                message = f"row {number} differs from {stem}.jsonl"
                yield VerifyProblem("parquet", name, message)
                break


def _check_card(release: _Release) -> Iterator[VerifyProblem]:
    with (release.directory / "card.md").open(encoding="utf-8") as stream:
        first = stream.readline()
    expected = CERTIFIED if release.manifest.get("certified") is True else NOT_CERTIFIED
    if not first.startswith(expected):
        message = "the first line does not say what the manifest says about certification"
        yield VerifyProblem("card", "card.md", message)


def _checks(release: _Release) -> Iterator[VerifyProblem]:
    rubric = _read_rubric(release)
    for check in (_check_tables, _check_items, _check_splits, _check_parquet):
        yield from _limited(check(release))
    yield from _limited(_check_gold(release, rubric))
    yield from _check_card(release)


def _limited(problems: Iterator[VerifyProblem]) -> Iterator[VerifyProblem]:
    for count, problem in enumerate(problems):
        if count == MAX_PER_CHECK:
            yield VerifyProblem(problem.code, problem.path, "and more of this kind")
            return
        yield problem


def verify_release(directory: Path) -> VerifyReport:
    """Check a release.

    First the bytes: every file the manifest lists is there, whole and unchanged, and no other is.
    Then, where the files can be read, the content: row counts, references, splits without leaks,
    Parquet equal to JSONL, the card's first line, and every gold label worked out again from
    labels and rulings.

    Parameters
    ----------
    directory : Path
        The folder of the release.

    Returns
    -------
    VerifyReport
        ``ok`` when nothing is wrong.
    """
    try:
        manifest = read_manifest(directory)
    except ManifestBroken as error:
        return VerifyReport((VerifyProblem("manifest", FILE_NAME, str(error)),))
    release = _Release(directory, manifest, _entries(manifest))
    problems = list(_check_files(directory, release.entries))
    gone = {one.path for one in problems if one.code in {"missing_file", "manifest"}}
    if not gone:
        try:
            problems.extend(_checks(release))
        except _CONTENT_ERRORS as error:
            message = f"the content cannot be read: {str(error)[:300]}"
            problems.append(VerifyProblem("broken_row", str(directory.name), message))
    cells = release.value("counts", "gold")
    return VerifyReport(
        tuple(problems),
        len(release.entries),
        cells if isinstance(cells, int) else 0,
        str(manifest[DIGEST]),
    )
