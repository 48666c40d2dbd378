"""The variables of a rubric: whole questions, one against the rest, derived ones.

Missing is never negative. Unsure and cannot assess are missing; *not asked* is missing among those
who reached the question, and among all annotators it takes the structural value that the rubric
declares, or stays missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rubrics.conditions import operands
from rubrics.schema import NO_OPTION, AgreementSpec
from tasks.agreement import (
    Level,
    ReliabilityData,
)
from tasks.agreement.domain import Domain
from tasks.answer_values import ranking_groups
from tasks.label_validation import Cell, derived_cells
from tasks.reliability.table import (
    ANSWERED,
    NOT_ASKED,
    STATES,
    CellSlice,
    LabelsUnreadable,
    LabelTable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from rubrics.schema import Derived, Question, Rubric
    from tasks.records import (
        Conditioning,
        Kind,
    )

    Integers = npt.NDArray[np.int64]


BINARY: Final = ("0", "1")
COUNTED_ROLES: Final = ("label", "slice")


@dataclass(frozen=True, slots=True)
class Variable:
    """One thing agreement is measured on."""

    question: str
    category: str
    kind: Kind
    text: str
    conditioning: Conditioning
    spec: AgreementSpec
    data: ReliabilityData
    level: Level
    names: tuple[str, ...] = BINARY
    primary: bool = True

    @property
    def binary(self) -> bool:
        """Tell whether it is one value against the rest."""
        return self.data.domain.values == BINARY


def variables_of(
    rubric: Rubric, table: LabelTable, asked: Mapping[str, Level]
) -> Iterator[Variable]:
    """Yield every variable of a rubric under each of its conditionings and levels."""
    for question in rubric.questions:
        if question.role not in COUNTED_ROLES or question.type in ("span", "text"):
            continue
        for conditioning in conditionings(question):
            if question.type == "multi":
                yield from _options_of_multi(rubric, question, table, conditioning)
            elif question.type == "ranking":
                yield from _ranks_of_options(question, table, conditioning)
            else:
                yield from _of_question(rubric, question, table, conditioning, asked)
    yield from (_of_derived(rubric, one, table) for one in rubric.derived)


def conditionings(question: Question) -> tuple[Conditioning, ...]:
    """Return how a question is measured: with a condition over all and over those it reached."""
    conditional = question.ask_if is not None or question.repeat_for is not None
    return ("all", "reached") if conditional else ("all",)


def _options_of_multi(
    rubric: Rubric, question: Question, table: LabelTable, conditioning: Conditioning
) -> Iterator[Variable]:
    for option in question.options:
        closed = None
        if question.when_not_asked is not None:
            closed = int(question.when_not_asked == option.id)
        cells = table.cells(question.id, option.id)
        data = _coded(cells, BINARY, table, closed if conditioning == "all" else None)
        yield Variable(
            question.id,
            option.id,
            "category",
            option.label,
            conditioning,
            _spec(rubric, question, option.id),
            data,
            Level.NOMINAL,
        )


def _ranks_of_options(
    question: Question, table: LabelTable, conditioning: Conditioning
) -> Iterator[Variable]:
    """Yield the ranks that each option got: of one item they hang on each other."""
    cells = table.cells(question.id)
    chosen = cells.where(cells.state == ANSWERED)
    ranks = {
        code: _ranks(table.values[code] if code >= 0 else "", question)
        for code in np.unique(chosen.value).tolist()
    }
    step = 0.5 if question.ties else 1.0
    scale = np.arange(1.0, len(question.options) + step, step).tolist()
    for place, option in enumerate(question.options):
        given = np.array([ranks[code][place] for code in chosen.value.tolist()], dtype=np.float64)
        codes = ((given - 1.0) / step).astype(np.int64)
        domain = Domain.of(scale, Level.ORDINAL)
        data = ReliabilityData.from_codes(chosen.unit, chosen.rater, codes, domain)
        yield Variable(
            question.id,
            option.id,
            "category",
            option.label,
            conditioning,
            question.agreement,
            data,
            Level.ORDINAL,
            names=tuple(f"{rank:g}" for rank in scale),
        )


def _ranks(text: str, question: Question) -> list[float]:
    """Return the rank of each option; equal ones share the mean of their ranks."""
    found: dict[str, float] = {}
    for group in ranking_groups(text):
        mean = len(found) + (len(group) + 1) / 2
        found |= dict.fromkeys(group, mean)
    if found.keys() != {option.id for option in question.options}:
        raise LabelsUnreadable(f"question {question.id!r}: {text!r} is no ranking of its options")
    return [found[option.id] for option in question.options]


def _of_question(
    rubric: Rubric,
    question: Question,
    table: LabelTable,
    conditioning: Conditioning,
    asked: Mapping[str, Level],
) -> Iterator[Variable]:
    """Yield the whole question at its levels, then one option against the rest."""
    for category, text in repeats_of(rubric, question):
        cells = table.cells(question.id, category)
        whole = _whole(cells, table, question, conditioning)
        levels = _levels(question, asked)
        spec = _spec(rubric, question, category)
        for level in levels:
            data = _at(whole, question, level)
            yield Variable(
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
        if question.type in ("single", "ordinal", "preference") and not category:
            yield from _options_of_single(rubric, question, whole, conditioning)


def repeats_of(rubric: Rubric, question: Question) -> tuple[tuple[str, str], ...]:
    """Return the categories a question is asked for, with its words; one without a name if none."""
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
    cells: CellSlice, table: LabelTable, question: Question, conditioning: Conditioning
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
    return _coded(cells, values, table, None if closed is None else values.index(closed))


def _coded(
    cells: CellSlice, values: Sequence[str], table: LabelTable, closed: int | None
) -> ReliabilityData:
    """Turn cells into codes; a closed cell takes the code `closed`, or is missing."""
    kept = cells.state == ANSWERED
    if closed is not None:
        kept = kept | (cells.state == NOT_ASKED)
    chosen = cells.where(kept)
    answered = chosen.state == ANSWERED
    codes = np.where(answered, table.lookup(values)[chosen.value], -1 if closed is None else closed)
    _refuse_unknown(codes, chosen, table, values)
    domain = Domain.of(values, Level.NOMINAL)
    return ReliabilityData.from_codes(chosen.unit, chosen.rater, codes, domain)


def _refuse_unknown(
    codes: Integers, cells: CellSlice, table: LabelTable, values: Sequence[str]
) -> None:
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        given = int(cells.value[row])
        raise LabelsUnreadable(
            f"item {table.items[int(cells.unit[row])]!r}, annotator "
            f"{table.annotators[int(cells.rater[row])]!r}: "
            f"{table.values[given] if given >= 0 else None!r} is not one of {', '.join(values)}"
        )


def _numbers(cells: CellSlice, table: LabelTable, question: Question) -> ReliabilityData:
    """Return numeric answers over the numbers that occur."""
    chosen = cells.where(cells.state == ANSWERED)
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


def _over_numbers(chosen: CellSlice, given: npt.NDArray[np.float64]) -> ReliabilityData:
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
) -> Iterator[Variable]:
    binary = Domain.of(BINARY, Level.NOMINAL)
    for position, option in enumerate(question.options):
        data = replace(whole, domain=binary, code=(whole.code == position).astype(np.int64))
        spec = _spec(rubric, question, option.id)
        yield Variable(
            question.id, option.id, "option", option.label, conditioning, spec, data, Level.NOMINAL
        )


def _of_derived(rubric: Rubric, derived: Derived, table: LabelTable) -> Variable:
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
        Domain.of(BINARY, Level.NOMINAL),
    )
    return Variable(
        derived.id, "", "derived", derived.text, "all", derived.agreement, data, Level.NOMINAL
    )


def _derive(
    rubric: Rubric,
    derived: Derived,
    names: Sequence[tuple[str, str]],
    row: Sequence[int],
    table: LabelTable,
) -> int:
    cells = []
    for (question, category), packed in zip(names, row, strict=True):
        if packed >= 0:
            value, state = divmod(packed, len(STATES))
            given = table.values[value - 1] if state == ANSWERED and value else None
            cells.append(Cell(question, category, given, STATES[state]))
    for cell in derived_cells(rubric, cells):
        if cell.question == derived.id:
            return int(cell.value == "true")
    return -1
