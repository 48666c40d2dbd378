"""From a rubric and its labels to agreement reports: levels, conditions, one-vs-rest.

Columns of ids are numbered once and sorted once; every variable is then a slice of integers that
goes to the kernel. Rule of this room: missing is never negative. Unsure and cannot assess are
missing; *not asked* is missing among those who reached the question, and among all annotators it
takes the structural value that the rubric declares, or stays missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from rubrics.conditions import operands
from rubrics.schema import NO_OPTION, AgreementSpec
from rubrics.versioning import fingerprint
from tasks import _lazy
from tasks.agreement import (
    AgreementResult,
    IntervalSpec,
    Level,
    ReliabilityData,
    Status,
    Sufficiency,
    contributions,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    pair_agreements,
    percent_agreement,
    positive_agreement,
    sufficiency,
)
from tasks.agreement.data import Domain
from tasks.agreement.intervals import NO_SPREAD
from tasks.errors import TaskError
from tasks.label_validation import Cell, derived_cells
from tasks.records import (
    AnswerStates,
    Conditioning,
    ItemDisagreement,
    Kind,
    LabelColumns,
    PairReport,
    Report,
    VariableReport,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from rubrics.schema import Derived, Question, Rubric
    from tasks.agreement.intervals import IntervalChoice
    from tasks.records import Column

    Integers = npt.NDArray[np.int64]

STATES: Final = ("answered", "unsure", "cannot_assess", "not_asked")
_ANSWERED, _NOT_ASKED = 0, 3
_BINARY: Final = ("0", "1")
_COUNTED_ROLES: Final = ("label", "slice")

__all__ = [
    "AnswerStates",
    "ItemDisagreement",
    "LabelColumns",
    "LabelsUnreadable",
    "PairReport",
    "Report",
    "VariableReport",
    "VariableUnknown",
    "agreement_report",
    "disputed_items",
    "interval_choice",
    "items_behind",
    "pairs_of",
    "variable_data",
    "verdict",
]


class LabelsUnreadable(TaskError):
    """Label columns do not fit the rubric or each other; the message names the cell."""


class VariableUnknown(TaskError):
    """The rubric has no such question, category, option or derived variable."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """The cells of one question and category, ordered by item and annotator."""

    unit: Integers
    rater: Integers
    value: Integers
    state: Integers

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Slice:
        return _Slice(self.unit[chosen], self.rater[chosen], self.value[chosen], self.state[chosen])


@dataclass(frozen=True, slots=True)
class _Table:
    """Numbered label columns."""

    items: Sequence[object]
    annotators: Sequence[object]
    values: Sequence[str]
    slices: Mapping[tuple[str, str], _Slice]
    n_annotations: int

    def cells(self, question: str, category: str = "") -> _Slice:
        empty = np.zeros(0, dtype=np.int64)
        return self.slices.get((question, category), _Slice(empty, empty, empty, empty))

    def lookup(self, values: Sequence[str]) -> Integers:
        """Return the position in `values` of every value of the table, -1 for the others."""
        place = {value: position for position, value in enumerate(values)}
        # One more at the end, where the number -1 of an absent value points.
        found = [*(place.get(value, -1) for value in self.values), -1]
        return np.array(found, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Variable:
    """One thing agreement is measured on."""

    question: str
    category: str
    kind: Kind
    text: str
    conditioning: Conditioning
    spec: AgreementSpec
    data: ReliabilityData
    level: Level
    names: tuple[str, ...] = _BINARY
    primary: bool = True

    @property
    def binary(self) -> bool:
        return self.data.domain.values == _BINARY


def agreement_report(  # noqa: PLR0913 - the settings of a report
    rubric: Rubric,
    labels: LabelColumns,
    *,
    interval: IntervalChoice = "jackknife",
    seed: int = 0,
    resamples: int = 1000,
    levels: Mapping[str, Level | str] | None = None,
    pairs: bool = True,
) -> Report:
    """Measure agreement on every question, category, option and derived variable.

    Parameters
    ----------
    rubric
        The rubric version that made the labels.
    labels
        Current labels made under it, or under versions comparable with it.
    interval, seed, resamples
        How intervals are made; None for none.
    levels
        Levels of measurement to use instead of the rubric's, by question.
    pairs
        Whether to report every two annotators.

    Returns
    -------
    Report

    Raises
    ------
    LabelsUnreadable
        For columns of different length, an unknown state, an answered value that the rubric does
        not know, or two labels of one annotator in one cell.
    """
    table = _read(labels)
    choice = interval_choice(interval, seed=seed, resamples=resamples)
    asked = {question: Level(level) for question, level in (levels or {}).items()}
    variables = tuple(
        _report(one, choice, table.annotators if pairs else None)
        for one in _variables(rubric, table, asked)
    )
    return Report(
        fingerprint=fingerprint(rubric),
        rubric_id=rubric.id,
        rubric_version=rubric.version,
        n_items=len(table.items),
        n_annotators=len(table.annotators),
        n_annotations=table.n_annotations,
        n_labels=sum(int((cells.state == _ANSWERED).sum()) for cells in table.slices.values()),
        variables=variables,
        states=tuple(_states(rubric, table)),
    )


def variable_data(
    rubric: Rubric, labels: LabelColumns, *, levels: Mapping[str, Level | str] | None = None
) -> tuple[tuple[ReliabilityData, ...], Sequence[object]]:
    """Return the labels behind each variable of a report, for a second opinion on its figures.

    Parameters
    ----------
    rubric, labels, levels
        As for `agreement_report`.

    Returns
    -------
    tuple
        One `ReliabilityData` per variable, in the order of the report; annotators by rater id.
    """
    table = _read(labels)
    asked = {question: Level(level) for question, level in (levels or {}).items()}
    return tuple(one.data for one in _variables(rubric, table, asked)), table.annotators


def items_behind(
    rubric: Rubric,
    labels: LabelColumns,
    question: str,
    category: str = "",
    conditioning: Conditioning = "all",
    *,
    level: Level | str | None = None,
) -> tuple[ItemDisagreement, ...]:
    """Return the items a figure was computed from, the most disputed first.

    Parameters
    ----------
    rubric, labels
        As for `agreement_report`.
    question, category, conditioning
        As the variable's report names it.
    level
        Level of the figure; the rubric's by default.

    Returns
    -------
    tuple of ItemDisagreement
        Items with two labels or more.

    Raises
    ------
    VariableUnknown
        If nothing in the rubric is called that.
    """
    table = _read(labels)
    asked = {} if level is None else {question: Level(level)}
    found = [
        one
        for one in _variables(rubric, table, asked)
        if (one.question, one.category) == (question, category) and one.primary
    ]
    exact = [one for one in found if one.conditioning == conditioning] or found
    if not exact:
        raise VariableUnknown(
            f"rubric {rubric.id!r} measures no agreement on question {question!r}"
            + (f", category {category!r}" if category else "")
        )
    return disputed_items(exact[0].data, table.items, exact[0].level, exact[0].names)


def disputed_items(
    data: ReliabilityData, items: Sequence[object], level: Level, names: Sequence[str]
) -> tuple[ItemDisagreement, ...]:
    """Return the units with two labels or more, the most disputed first.

    Parameters
    ----------
    data
        Labels.
    items
        Names by unit id.
    level
        Level of measurement of the disagreement.
    names
        What to call the values of the domain; further ones that no item has are ignored.
    """
    parts = contributions(data, level=level)
    total = float(parts.units.sum())
    share = parts.units / total if total > 0.0 else parts.units
    patterns = data.patterns
    pairable = np.flatnonzero(patterns.labels_per_unit[data.unit_pattern] > 1)
    order = pairable[np.lexsort((parts.unit_ids[pairable], -share[pairable]))]
    counts = [
        {name: count for name, count in zip(names, row, strict=False) if count}
        for row in patterns.patterns.tolist()
    ]
    return tuple(
        ItemDisagreement(items[unit_id], counts[pattern], contribution)
        for unit_id, pattern, contribution in zip(
            parts.unit_ids[order].tolist(),
            data.unit_pattern[order].tolist(),
            share[order].tolist(),
            strict=True,
        )
    )


def interval_choice(interval: IntervalChoice, *, seed: int, resamples: int) -> IntervalSpec | None:
    """Return the interval's full specification."""
    if interval is None or isinstance(interval, IntervalSpec):
        return interval
    return IntervalSpec(interval, resamples=resamples, seed=seed)


def pairs_of(
    data: ReliabilityData, level: Level, annotators: Sequence[object]
) -> tuple[PairReport, ...]:
    """Return Cohen's kappa of every two annotators with a common item.

    It is unweighted at the nominal level and quadratically weighted above.
    """
    weights = "identity" if level is Level.NOMINAL else "quadratic"
    return tuple(
        PairReport(
            annotators[one.rater_a],
            annotators[one.rater_b],
            one.n_units,
            one.kappa,
            one.status,
            one.percent,
            weights,
        )
        for one in pair_agreements(data, weights=weights)
    )


def verdict(alpha: AgreementResult, target: float, floor: float) -> Verdict:
    """Compare the lower bound of alpha with what is demanded.

    Where the items show no spread at all there is no bound, and alpha itself is taken: nothing
    but enough perfect agreement comes to that.
    """
    if alpha.status is not Status.OK or alpha.value is None:
        return "undefined"
    if not alpha.sufficiency.enough:
        return "not_enough"
    if alpha.interval is None and alpha.interval_reason != NO_SPREAD:
        return "not_judged"
    bound = alpha.value if alpha.interval is None else alpha.interval.low
    if bound >= target:
        return "meets_target"
    return "above_floor" if bound >= floor else "below_floor"


def _read(labels: LabelColumns) -> _Table:
    """Give columns numbers and cut them into one slice per question and category."""
    columns = (labels.item, labels.annotator, labels.question, labels.category)
    sizes = {len(column) for column in (*columns, labels.value, labels.state)}
    if len(sizes) > 1:
        raise LabelsUnreadable(f"the label columns differ in length: {sorted(sizes)}")
    unit, items = _number(labels.item)
    rater, annotators = _number(labels.annotator)
    question, questions = _number(labels.question)
    category, categories = _number(labels.category)
    value, values = _number(labels.value)
    state = _state_codes(labels.state)
    cell = question * len(categories) + category
    key = (cell * max(len(items), 1) + unit) * max(len(annotators), 1) + rater
    order = np.argsort(key, kind="stable")
    _refuse_repeats(labels, key[order], order)
    ordered = _Slice(unit[order], rater[order], value[order], state[order])
    cell = cell[order]
    edges = np.append(np.flatnonzero(np.diff(cell, prepend=-1)), cell.size).tolist()
    slices = {}
    for start, stop in pairwise(edges):
        name = divmod(int(cell[start]), len(categories))
        part = slice(start, stop)
        slices[str(questions[name[0]]), str(categories[name[1]])] = _Slice(
            ordered.unit[part], ordered.rater[part], ordered.value[part], ordered.state[part]
        )
    n_annotations = np.unique(unit * max(len(annotators), 1) + rater).size
    return _Table(items, annotators, [str(one) for one in values], slices, n_annotations)


def _number(column: Column) -> tuple[Integers, Sequence[object]]:
    """Give equal entries equal numbers, in order of appearance; -1 for None."""
    codes, uniques = _lazy.pandas().factorize(np.asarray(column, dtype=object))
    return codes.astype(np.int64), list(uniques)


def _state_codes(column: Column) -> Integers:
    codes, names = _number(column)
    unknown = [name for name in names if name not in STATES]
    if unknown or (codes < 0).any():
        raise LabelsUnreadable(
            f"unknown state {unknown[0] if unknown else None!r}: expected {', '.join(STATES)}"
        )
    place = np.array([STATES.index(str(name)) for name in names] or [0], dtype=np.int64)
    return place[codes]


def _refuse_repeats(labels: LabelColumns, keys: Integers, order: Integers) -> None:
    again = np.flatnonzero(keys[1:] == keys[:-1])
    if again.size:
        row = int(order[again[0]])
        raise LabelsUnreadable(
            f"annotator {labels.annotator[row]!r} has two current labels on item "
            f"{labels.item[row]!r} for question {labels.question[row]!r}"
            + (f", category {labels.category[row]!r}" if labels.category[row] else "")
        )


def _variables(rubric: Rubric, table: _Table, asked: Mapping[str, Level]) -> Iterator[_Variable]:
    for question in rubric.questions:
        if question.role not in _COUNTED_ROLES or question.type in ("span", "text"):
            continue
        for conditioning in _conditionings(question):
            if question.type == "multi":
                yield from _options_of_multi(rubric, question, table, conditioning)
            else:
                yield from _of_question(rubric, question, table, conditioning, asked)
    yield from (_of_derived(rubric, one, table) for one in rubric.derived)


def _conditionings(question: Question) -> tuple[Conditioning, ...]:
    conditional = question.ask_if is not None or question.repeat_for is not None
    return ("all", "reached") if conditional else ("all",)


def _options_of_multi(
    rubric: Rubric, question: Question, table: _Table, conditioning: Conditioning
) -> Iterator[_Variable]:
    for option in question.options:
        closed = None
        if question.when_not_asked is not None:
            closed = int(question.when_not_asked == option.id)
        cells = table.cells(question.id, option.id)
        data = _data(cells, _BINARY, table, closed if conditioning == "all" else None)
        yield _Variable(
            question.id,
            option.id,
            "category",
            option.label,
            conditioning,
            _spec(rubric, question, option.id),
            data,
            Level.NOMINAL,
        )


def _of_question(
    rubric: Rubric,
    question: Question,
    table: _Table,
    conditioning: Conditioning,
    asked: Mapping[str, Level],
) -> Iterator[_Variable]:
    """Yield the whole question at its levels, then one option against the rest."""
    for category, text in _repeats(rubric, question):
        cells = table.cells(question.id, category)
        whole = _whole(cells, table, question, conditioning)
        levels = _levels(question, asked)
        spec = _spec(rubric, question, category)
        for level in levels:
            data = _at(whole, question, level)
            yield _Variable(
                question.id,
                category,
                "question",
                text,
                conditioning,
                spec,
                data,
                level,
                names=tuple(map(str, whole.domain.values)),
                primary=level is levels[0],
            )
        if question.type in ("single", "ordinal") and not category:
            yield from _options_of_single(rubric, question, whole, conditioning)


def _repeats(rubric: Rubric, question: Question) -> tuple[tuple[str, str], ...]:
    if question.repeat_for is None:
        return (("", question.text),)
    options = rubric.question(question.repeat_for).options
    return tuple((option.id, f"{question.text} — {option.label}") for option in options)


def _levels(question: Question, asked: Mapping[str, Level]) -> tuple[Level, ...]:
    """Return the levels to report: the one to judge by first, each once."""
    own = Level(question.level or ("interval" if question.type == "number" else "nominal"))
    first = asked.get(question.id, own)
    return tuple(dict.fromkeys((first, own, *map(Level, question.agreement.levels))))


def _spec(rubric: Rubric, question: Question, category: str) -> AgreementSpec:
    """Return what is demanded: the category's own demand before the question's."""
    own = {one.id: one.agreement for one in rubric.categories}.get(category)
    of_categories = question.options_from == "categories" or question.repeat_for is not None
    return own if own is not None and of_categories else question.agreement


def _whole(
    cells: _Slice, table: _Table, question: Question, conditioning: Conditioning
) -> ReliabilityData:
    """Return a question's answers over its options, and a structural *none* where declared."""
    if question.type == "number":
        return _numbers(cells, table, question)
    values = (
        ("false", "true")
        if question.type == "boolean"
        else tuple(option.id for option in question.options)
    )
    closed = question.when_not_asked if conditioning == "all" else None
    if closed == NO_OPTION and NO_OPTION not in values:
        values = (*values, NO_OPTION)
    return _data(cells, values, table, None if closed is None else values.index(closed))


def _data(
    cells: _Slice, values: Sequence[str], table: _Table, closed: int | None
) -> ReliabilityData:
    """Turn cells into codes; a closed cell takes the code `closed`, or is missing."""
    kept = cells.state == _ANSWERED
    if closed is not None:
        kept = kept | (cells.state == _NOT_ASKED)
    chosen = cells.where(kept)
    answered = chosen.state == _ANSWERED
    codes = np.where(answered, table.lookup(values)[chosen.value], -1 if closed is None else closed)
    _refuse_unknown(codes, chosen, table, values)
    domain = Domain.of(values, Level.NOMINAL)
    return ReliabilityData.from_codes(chosen.unit, chosen.rater, codes, domain)


def _refuse_unknown(codes: Integers, cells: _Slice, table: _Table, values: Sequence[str]) -> None:
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        given = int(cells.value[row])
        raise LabelsUnreadable(
            f"item {table.items[int(cells.unit[row])]!r}, annotator "
            f"{table.annotators[int(cells.rater[row])]!r}: "
            f"{table.values[given] if given >= 0 else None!r} is not one of {', '.join(values)}"
        )


def _numbers(cells: _Slice, table: _Table, question: Question) -> ReliabilityData:
    """Return numeric answers over the numbers that occur."""
    chosen = cells.where(cells.state == _ANSWERED)
    numbers = np.zeros(max(len(table.values), 1))
    for code in np.unique(chosen.value).tolist():
        numbers[code] = _number_of(table.values[code] if code >= 0 else "", question)
    return _over_numbers(chosen, numbers[chosen.value])


def _number_of(text: str, question: Question) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise LabelsUnreadable(f"question {question.id!r}: {text!r} is no number")
    return number


def _over_numbers(chosen: _Slice, given: npt.NDArray[np.float64]) -> ReliabilityData:
    values, codes = np.unique(given, return_inverse=True)
    domain = Domain.of(values.tolist() or [0.0], Level.INTERVAL)
    codes = codes.reshape(-1).astype(np.int64)
    return ReliabilityData.from_codes(chosen.unit, chosen.rater, codes, domain)


def _at(data: ReliabilityData, question: Question, level: Level) -> ReliabilityData:
    """Give the options their codes as numbers, which levels above the nominal compute with."""
    if level is Level.NOMINAL or question.type in ("number", "boolean"):
        return data.at(level)
    # A structural *none* has no place on a scale: there it stays missing.
    kept = data.code < len(question.options)
    codes = tuple(option.code for option in question.options if option.code is not None)
    numbered = len(codes) == len(question.options)
    if level is Level.ORDINAL and not (numbered and _monotone(codes)):
        codes = tuple(range(len(question.options)))
    elif not numbered:
        raise LabelsUnreadable(
            f"question {question.id!r}: the {level} level needs a number as code of every option"
        )
    return ReliabilityData.from_codes(
        data.unit_ids[data.unit[kept]],
        data.rater_ids[data.rater[kept]],
        data.code[kept],
        Domain.of(codes, level),
    )


def _monotone(codes: Sequence[float]) -> bool:
    steps = np.diff(np.array(codes, dtype=np.float64))
    return bool((steps > 0).all() or (steps < 0).all())


def _options_of_single(
    rubric: Rubric, question: Question, whole: ReliabilityData, conditioning: Conditioning
) -> Iterator[_Variable]:
    binary = Domain.of(_BINARY, Level.NOMINAL)
    for position, option in enumerate(question.options):
        data = replace(whole, domain=binary, code=(whole.code == position).astype(np.int64))
        spec = _spec(rubric, question, option.id)
        yield _Variable(
            question.id, option.id, "option", option.label, conditioning, spec, data, Level.NOMINAL
        )


def _of_derived(rubric: Rubric, derived: Derived, table: _Table) -> _Variable:
    """Derive once for every distinct combination of answers."""
    names = [name for name in table.slices if name[0] in operands(derived.when)]
    parts = [table.slices[name] for name in names]
    n_raters = max(len(table.annotators), 1)
    keys = [part.unit * n_raters + part.rater for part in parts]
    known = np.unique(np.concatenate(keys)) if keys else np.zeros(0, dtype=np.int64)
    answers = np.full((known.size, len(names)), -1, dtype=np.int64)
    for column, (part, key) in enumerate(zip(parts, keys, strict=True)):
        answers[np.searchsorted(known, key), column] = (part.value + 1) * len(STATES) + part.state
    combinations, inverse = np.unique(answers, axis=0, return_inverse=True)
    truths = [_derive(rubric, derived, names, row, table) for row in combinations.tolist()]
    codes = np.array(truths or [-1], dtype=np.int64)[inverse.reshape(-1)]
    settled = codes >= 0
    data = ReliabilityData.from_codes(
        known[settled] // n_raters,
        known[settled] % n_raters,
        codes[settled],
        Domain.of(_BINARY, Level.NOMINAL),
    )
    return _Variable(
        derived.id, "", "derived", derived.text, "all", derived.agreement, data, Level.NOMINAL
    )


def _derive(
    rubric: Rubric,
    derived: Derived,
    names: Sequence[tuple[str, str]],
    row: Sequence[int],
    table: _Table,
) -> int:
    cells = []
    for (question, category), packed in zip(names, row, strict=True):
        if packed >= 0:
            value, state = divmod(packed, len(STATES))
            given = table.values[value - 1] if state == _ANSWERED and value else None
            cells.append(Cell(question, category, given, STATES[state]))
    for cell in derived_cells(rubric, cells):
        if cell.question == derived.id:
            return int(cell.value == "true")
    return -1


def _report(
    variable: _Variable, interval: IntervalSpec | None, annotators: Sequence[object] | None
) -> VariableReport:
    data, spec = variable.data, variable.spec
    enough = sufficiency(
        data.patterns, units_needed=spec.min_items, minority_needed=spec.min_positives
    )
    results = {
        "krippendorff_alpha": krippendorff_alpha(data, level=variable.level, interval=interval),
        "fleiss_kappa": fleiss_kappa(data, interval=interval),
        "gwet_ac1": gwet_ac1(data, interval=interval),
        "percent_agreement": percent_agreement(data, interval=interval),
    }
    results = {name: _judged(result, enough) for name, result in results.items()}
    positive = positive_agreement(data, interval=interval) if variable.binary else None
    shares = results["krippendorff_alpha"].prevalence
    return VariableReport(
        question=variable.question,
        category=variable.category,
        kind=variable.kind,
        text=variable.text,
        level=variable.level,
        primary=variable.primary,
        conditioning=variable.conditioning,
        results=results,
        positive_agreement=None if positive is None else _judged(positive, enough),
        prevalence=shares[1] if variable.binary and shares else None,
        target=spec.target,
        floor=spec.floor,
        verdict=verdict(results["krippendorff_alpha"], spec.target, spec.floor),
        pairs=() if annotators is None else pairs_of(data, variable.level, annotators),
    )


def _judged(result: AgreementResult, enough: Sufficiency) -> AgreementResult:
    return replace(result, sufficiency=enough)


def _states(rubric: Rubric, table: _Table) -> Iterator[AnswerStates]:
    for question in rubric.questions:
        if question.repeat_for is not None:
            names = [(category, category) for category, _ in _repeats(rubric, question)]
        elif question.type == "multi":
            # Every option of a multiple choice carries the state of the whole question.
            names = [("", question.options[0].id)]
        else:
            names = [("", "")]
        for shown, category in names:
            state = table.cells(question.id, category).state
            counts = np.bincount(state, minlength=len(STATES)).tolist()
            yield AnswerStates(question.id, shown, *counts)
