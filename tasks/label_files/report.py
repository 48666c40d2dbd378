"""Agreement on the rows of label files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.agreement import (
    AgreementError,
    AgreementResult,
    IntervalSpec,
    Level,
    ReliabilityData,
    brennan_prediger,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_alpha,
    krippendorff_alpha,
    percent_agreement,
    positive_agreement,
)
from tasks.agreement.domain import Domain
from tasks.label_files.formats import LabelFileInvalid, header_of, rows_of
from tasks.numbering import number
from tasks.reliability import LabelColumns, pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from tasks.records import PairReport

    Integers = npt.NDArray[np.int64]


COEFFICIENTS: Final[Mapping[str, Callable[..., AgreementResult]]] = {
    "krippendorff_alpha": krippendorff_alpha,
    "fleiss_kappa": fleiss_kappa,
    "gwet_ac1": gwet_ac1,
    "percent_agreement": percent_agreement,
    "positive_agreement": positive_agreement,
    "brennan_prediger": brennan_prediger,
    "conger_kappa": conger_kappa,
    "gwet_alpha": gwet_alpha,
}


USUAL: Final = ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "percent_agreement")


_LONG_COLUMNS: Final = ("item", "annotator", "question", "category", "value", "state")


@dataclass(frozen=True, slots=True)
class FileColumns:
    """Which columns mean what.

    Attributes
    ----------
    item
        Column of the item's id.
    annotator
        Column of the annotator's id; None for a wide file.
    labels
        Value columns; in a wide file one per annotator.
    by
        Columns to cut into slices by.
    """

    item: str
    annotator: str | None
    labels: tuple[str, ...]
    by: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """All columns, each once."""
        who = () if self.annotator is None else (self.annotator,)
        return tuple(dict.fromkeys((self.item, *who, *self.labels, *self.by)))


@dataclass(frozen=True, slots=True)
class FileLabels:
    """The rows of all files together.

    Attributes
    ----------
    columns
        What was asked for.
    cells
        Text of each column, None where missing.
    places
        File and line of each row.
    """

    columns: FileColumns
    cells: Mapping[str, Sequence[str | None]]
    places: Sequence[tuple[str, int]]

    def place(self, row: int) -> str:
        """Name a row as people do."""
        name, line = self.places[row]
        return f"{name}:{line}"


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What to compute.

    Attributes
    ----------
    levels
        Level per value column, or under '' for all others.
    scales
        Value domain in the order of its scale per value column, or under ''.
    coefficients
        Names of `COEFFICIENTS`.
    interval
        How to make intervals; None for none.
    pairs
        Whether to compare every two annotators.
    """

    levels: Mapping[str, Level]
    scales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coefficients: tuple[str, ...] = USUAL
    interval: IntervalSpec | None = field(default_factory=IntervalSpec)
    pairs: bool = False


@dataclass(frozen=True, slots=True)
class FileVariable:
    """Agreement on one value column in one slice.

    Attributes
    ----------
    variable
        Name of the column; 'label' for a wide file.
    slice
        Value per `by` column; empty for all rows.
    data
        The labels, for a second opinion.
    annotators
        Names by rater id.
    results
        Results by coefficient.
    pairs
        Every two annotators with a common item, when asked for.
    domain_from_data
        Whether the domain is only the values that occur, which AC1 and Brennan-Prediger depend on.
    """

    variable: str
    slice: Mapping[str, str]
    level: Level
    data: ReliabilityData
    annotators: Sequence[str]
    results: Mapping[str, AgreementResult]
    pairs: tuple[PairReport, ...]
    domain_from_data: bool

    @property
    def title(self) -> str:
        """The variable with its slice."""
        cut = ", ".join(f"{name}={value}" for name, value in self.slice.items())
        return f"{self.variable} [{cut}]" if cut else self.variable

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "variable": self.variable,
            "slice": dict(self.slice),
            "level": self.level.value,
            "domain": list(map(str, self.data.domain.values)),
            "domain_from_data": self.domain_from_data,
            "results": {name: result.to_json() for name, result in self.results.items()},
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def read_labels(paths: Sequence[Path], columns: FileColumns) -> FileLabels:
    """Read the columns asked for from all files.

    Parameters
    ----------
    paths
        Files ending in .csv, .jsonl, .ndjson or .parquet.
    columns
        Which columns mean what.

    Returns
    -------
    FileLabels

    Raises
    ------
    LabelFileInvalid
        For a file that cannot be read, a column that is not there, or a row without an item or an
        annotator.
    """
    cells: dict[str, list[str | None]] = {name: [] for name in columns.needed}
    places: list[tuple[str, int]] = []
    for path in paths:
        for line, row in rows_of(path, columns.needed):
            for name, cell in zip(columns.needed, row, strict=True):
                cells[name].append(cell)
            places.append((path.name, line))
    labels = FileLabels(columns, cells, places)
    for who in (columns.item, columns.annotator):
        if who is not None and None in cells[who]:
            place = labels.place(cells[who].index(None))
            raise LabelFileInvalid(f"{place}: column {who!r} is empty")
    return labels


def read_label_columns(paths: Sequence[Path]) -> LabelColumns:
    """Read label cells in Touchstone's own long form, to be measured by a rubric.

    Columns are item (or item_id, as in the files of a release), annotator, question, category,
    value and state; category and state may be missing, then every label is an answer to the whole
    question.

    Raises
    ------
    LabelFileInvalid
        As for `read_labels`.
    """
    parts: dict[str, list[str | None]] = {name: [] for name in _LONG_COLUMNS}
    for path in paths:
        present = set(header_of(path))
        names = [
            name for name in _LONG_COLUMNS if name in present or name not in {"category", "state"}
        ]
        released = "item" not in present and "item_id" in present
        columns = ["item_id" if released and name == "item" else name for name in names]
        for line, row in rows_of(path, columns):
            found: dict[str, str | None] = {"category": None, "state": None}
            found |= dict(zip(names, row, strict=True))
            for name in ("item", "annotator", "question"):
                if found[name] is None:
                    raise LabelFileInvalid(f"{path.name}:{line}: column {name!r} is empty")
            found["category"] = found["category"] or ""
            found["state"] = found["state"] or "answered"
            for name in _LONG_COLUMNS:
                parts[name].append(found[name])
    return LabelColumns(*[np.array(parts[name], dtype=object) for name in _LONG_COLUMNS])


def file_report(labels: FileLabels, request: FileRequest) -> Iterator[FileVariable]:
    """Measure agreement on every value column, over all rows and in every slice.

    Parameters
    ----------
    labels
        As `read_labels` gives them.
    request
        What to compute.

    Yields
    ------
    FileVariable
        One after another, so that long work can show its progress.

    Raises
    ------
    LabelFileInvalid
        For a missing level or scale, a value outside its scale, or two labels of one annotator on
        one item.
    """
    table = _long_table(labels)
    for name, rows in table.variables:
        level, scale = _level(name, request), request.scales.get(name, request.scales.get(""))
        domain, codes = _encode(labels, name, rows, level, scale)
        for cut, chosen in _slices(labels, rows):
            kept = chosen & (codes >= 0)
            data = _data(labels, rows, codes, kept, domain)
            yield _measure(name, cut, data, rows.annotators, request, from_data=scale is None)


def n_variables(labels: FileLabels) -> int:
    """Return how many reports `file_report` will yield."""
    table = _long_table(labels)
    return sum(sum(1 for _ in _slices(labels, rows)) for _, rows in table.variables)


@dataclass(frozen=True, slots=True)
class _Rows:
    """One variable's labels: numbered items and annotators, values and the file's row of each."""

    unit: Integers
    rater: Integers
    texts: Sequence[str | None]
    row: Integers
    items: Sequence[str]
    annotators: Sequence[str]


@dataclass(frozen=True, slots=True)
class _LongTable:
    variables: tuple[tuple[str, _Rows], ...]


def _long_table(labels: FileLabels) -> _LongTable:
    columns = labels.columns
    unit, items = number(labels.cells[columns.item])
    rows = np.arange(unit.size)
    if columns.annotator is not None:
        rater, annotators = number(labels.cells[columns.annotator])
        return _LongTable(
            tuple(
                (name, _Rows(unit, rater, labels.cells[name], rows, items, annotators))
                for name in columns.labels
            )
        )
    width = len(columns.labels)
    values = [cell for name in columns.labels for cell in labels.cells[name]]
    wide = _Rows(
        np.tile(unit, width),
        np.repeat(np.arange(width), unit.size),
        values,
        np.tile(rows, width),
        items,
        columns.labels,
    )
    return _LongTable((("label", wide),))


def _level(name: str, request: FileRequest) -> Level:
    level = request.levels.get(name, request.levels.get(""))
    if level is None:
        raise LabelFileInvalid(
            f"the level of measurement of {name!r} is not given: say nominal, ordinal, interval "
            "or ratio, because the same labels give another figure at each"
        )
    return level


def _encode(
    labels: FileLabels, name: str, rows: _Rows, level: Level, scale: tuple[str, ...] | None
) -> tuple[Domain, Integers]:
    """Return the domain and the code of each label, -1 for missing."""
    distinct_codes, distinct = number(rows.texts)
    values = _domain_values(labels, name, rows, level, scale, distinct)
    place = {value: code for code, value in enumerate(values)}
    outside = [
        at for at, text in enumerate(distinct) if _read_value(text, level, scale) not in place
    ]
    if outside:
        row = int(rows.row[np.flatnonzero(distinct_codes == outside[0])[0]])
        raise LabelFileInvalid(
            f"{labels.place(row)}: {distinct[outside[0]]!r} in column {name!r} is not in the scale "
            f"{', '.join(map(str, values))}"
        )
    lookup = np.array([place[_read_value(text, level, scale)] for text in distinct] + [-1])
    try:
        domain = Domain.of(values, level)
    except AgreementError as error:
        raise LabelFileInvalid(f"column {name!r}: {error}") from error
    return domain, lookup[distinct_codes].astype(np.int64)


def _domain_values(
    labels: FileLabels,
    name: str,
    rows: _Rows,
    level: Level,
    scale: tuple[str, ...] | None,
    distinct: Sequence[str],
) -> list[Hashable]:
    if scale is not None:
        return [_read_value(text, level, scale) for text in scale]
    if level is Level.NOMINAL:
        return list(sorted(distinct) or [""])
    for text in distinct:
        if _as_number(text) is None:
            codes, _ = number(rows.texts)
            row = int(rows.row[np.flatnonzero(codes == distinct.index(text))[0]])
            raise LabelFileInvalid(
                f"{labels.place(row)}: {text!r} in column {name!r} is no number; at the {level} "
                + (
                    "level give the order of the values as a scale"
                    if level is Level.ORDINAL
                    else "level every value is one"
                )
            )
    return list(sorted({_as_number(text) for text in distinct} - {None}) or [0.0])  # type: ignore[type-var]


def _read_value(text: str, level: Level, scale: tuple[str, ...] | None) -> Hashable:
    """Compare texts as they stand at the nominal level, numbers as numbers elsewhere."""
    if level is Level.NOMINAL:
        return text
    if scale is not None and any(_as_number(value) is None for value in scale):
        return text
    number = _as_number(text)
    return text if number is None else number


def _as_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _slices(
    labels: FileLabels, rows: _Rows
) -> Iterator[tuple[dict[str, str], npt.NDArray[np.bool_]]]:
    yield {}, np.ones(rows.row.size, dtype=bool)
    if not labels.columns.by:
        return
    parts = [labels.cells[name] for name in labels.columns.by]
    keys = [tuple(cell or "" for cell in row) for row in zip(*parts, strict=True)]
    codes, found = number(keys)
    for at in sorted(range(len(found)), key=lambda one: found[one]):
        yield dict(zip(labels.columns.by, found[at], strict=True)), (codes == at)[rows.row]


def _data(
    labels: FileLabels,
    rows: _Rows,
    codes: Integers,
    kept: npt.NDArray[np.bool_],
    domain: Domain,
) -> ReliabilityData:
    unit, rater = rows.unit[kept], rows.rater[kept]
    keys = unit * max(len(rows.annotators), 1) + rater
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if again.size:
        first, second = order[again[0]], order[again[0] + 1]
        at = rows.row[kept]
        raise LabelFileInvalid(
            f"{labels.place(int(at[second]))}: annotator {rows.annotators[rater[second]]!r} labels "
            f"item {rows.items[unit[second]]!r} again, after {labels.place(int(at[first]))}; keep "
            "one label of each annotator on each item"
        )
    return ReliabilityData.from_codes(unit[order], rater[order], codes[kept][order], domain)


def _measure(
    name: str,
    cut: Mapping[str, str],
    data: ReliabilityData,
    annotators: Sequence[str],
    request: FileRequest,
    *,
    from_data: bool,
) -> FileVariable:
    try:
        results = {
            one: COEFFICIENTS[one](data, interval=request.interval) for one in request.coefficients
        }
    except AgreementError as error:
        raise LabelFileInvalid(f"column {name!r}: {error}") from error
    pairs = pairs_of(data, data.domain.level, annotators) if request.pairs else ()
    return FileVariable(name, cut, data.domain.level, data, annotators, results, pairs, from_data)
