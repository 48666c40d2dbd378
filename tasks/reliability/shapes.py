"""Answers that are more than one value: the set of options chosen, the spans marked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement import (
    AgreementResult,
    ReliabilityData,
    ReliabilityDataError,
    SpanData,
    Sufficiency,
    character_f1,
    exact_span_f1,
    krippendorff_alpha,
    set_alphas,
    span_alpha,
)
from tasks.answer_values import span_places
from tasks.records import ShapedReport
from tasks.reliability.table import ANSWERED, NOT_ASKED, CellSlice, LabelsUnreadable, LabelTable
from tasks.reliability.variables import COUNTED_ROLES, conditionings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from rubrics.schema import Question, Rubric
    from tasks.agreement import IntervalSpec
    from tasks.records import Conditioning

    Integers = npt.NDArray[np.int64]

Lengths = Mapping[object, Mapping[str, int]]
_DISTANCES = ("masi", "jaccard")


def shaped_reports(
    rubric: Rubric, table: LabelTable, interval: IntervalSpec | None, lengths: Lengths | None
) -> Iterator[ShapedReport]:
    """Yield a report for every multiple choice, and for every label of every span question."""
    for question in rubric.questions:
        if question.role in COUNTED_ROLES and question.type == "multi":
            for conditioning in conditionings(question):
                yield _set_report(question, table, conditioning, interval)
        if question.role in COUNTED_ROLES and question.type == "span":
            codings = _Codings.of(question, table, lengths)
            yield from _span_reports(question, codings, interval)


def _set_report(
    question: Question,
    table: LabelTable,
    conditioning: Conditioning,
    interval: IntervalSpec | None,
) -> ShapedReport:
    unit, rater, sets = _sets(question, table, conditioning)
    found = set_alphas(unit, rater, sets, interval=interval) if sets else _no_sets()
    results = {}
    for distance, result in found.items():
        enough = Sufficiency(result.n_pairable_units, question.agreement.min_items, "units")
        results[f"{distance}_alpha"] = replace(result, sufficiency=enough)
    return ShapedReport(question.id, "", "set", question.text, conditioning, results)


def _no_sets() -> dict[str, AgreementResult]:
    none = krippendorff_alpha(ReliabilityData.from_long([], [], [], n_values=1, level="nominal"))
    return {name: replace(none, coefficient="set_alpha", weights=name) for name in _DISTANCES}


def _sets(
    question: Question, table: LabelTable, conditioning: Conditioning
) -> tuple[Integers, Integers, list[frozenset[str]]]:
    """Return who chose which options on what; a closed question stands for what it declares."""
    options = [option.id for option in question.options]
    structural = conditioning == "all" and question.when_not_asked is not None
    closed = frozenset({question.when_not_asked} & set(options)) if structural else None
    n_raters = max(len(table.annotators), 1)
    parts = [
        _kept(table.cells(question.id, option), closed=closed is not None) for option in options
    ]
    keys = [part.unit * n_raters + part.rater for part in parts]
    known = np.unique(np.concatenate(keys))
    chosen = np.zeros((known.size, len(options)), dtype=np.int64)
    for column, (part, key) in enumerate(zip(parts, keys, strict=True)):
        yes = np.where(part.state == ANSWERED, table.lookup(("0", "1"))[part.value], -1)
        chosen[np.searchsorted(known, key), column] = yes
    rows, inverse = np.unique(chosen, axis=0, return_inverse=True)
    kinds = [_as_set(row, options, closed) for row in rows.tolist()]
    sets = [kinds[kind] for kind in inverse.reshape(-1).tolist()]
    return known // n_raters, known % n_raters, sets


def _as_set(
    row: Sequence[int], options: Sequence[str], closed: frozenset[str | None] | None
) -> frozenset[str]:
    if closed is not None and min(row) < 0:
        return frozenset(option for option in closed if option is not None)
    return frozenset(option for option, yes in zip(options, row, strict=True) if yes > 0)


def _kept(cells: CellSlice, *, closed: bool) -> CellSlice:
    kept = cells.state == ANSWERED
    return cells.where(kept | (cells.state == NOT_ASKED) if closed else kept)


@dataclass(frozen=True, slots=True)
class _Codings:
    """What annotators marked: one row per annotator, item and target of spans.

    Attributes
    ----------
    unit, item, rater, length
        Numbers of the section and its item and annotator, and its code points.
    spans
        Per row the spans with their label.
    measured
        Whether the lengths are those of the texts.
    """

    unit: list[int]
    item: list[int]
    rater: list[int]
    length: list[int]
    spans: list[list[tuple[int, int, str]]]
    measured: bool

    @classmethod
    def of(cls, question: Question, table: LabelTable, lengths: Lengths | None) -> _Codings:
        kept = _kept(table.cells(question.id), closed=False)
        read = {
            code: _read(table.values[code] if code >= 0 else None)
            for code in np.unique(kept.value).tolist()
        }
        rows = list(zip(kept.unit.tolist(), kept.rater.tolist(), kept.value.tolist(), strict=True))
        marked: dict[int, dict[str, int]] = {}
        for item, _, value in rows:
            ends = marked.setdefault(item, {})
            for target, spans in read[value].items():
                ends[target] = max([ends.get(target, 0), *(end for _, end, _ in spans)])
        found = cls([], [], [], [], [], lengths is not None)
        numbers: dict[tuple[int, str], int] = {}
        for item, rater, value in rows:
            sections = marked[item]
            if lengths is not None:
                sections = _sections(question, table.items[item], lengths, marked[item])
            for target, length in sections.items():
                found.unit.append(numbers.setdefault((item, target), len(numbers)))
                found.item.append(item)
                found.rater.append(rater)
                found.length.append(length)
                found.spans.append(read[value].get(target, []))
        return found

    def of_label(self, label: str) -> SpanData:
        """Return the codings of one label; '' is what has none."""
        spans = [[(start, end) for start, end, one in row if one == label] for row in self.spans]
        return SpanData.from_codings(self.unit, self.rater, spans, self.length, item=self.item)


def _read(text: str | None) -> dict[str, list[tuple[int, int, str]]]:
    """Read the spans of a cell, by target."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    try:
        for span in json.loads(text or ""):
            place = found.setdefault(str(span["target"]), [])
            place.append((int(span["start"]), int(span["end"]), str(span.get("label", ""))))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise LabelsUnreadable(f"{text!r} is no list of spans") from None
    return found


def _sections(
    question: Question, item: object, lengths: Lengths, marked: Mapping[str, int]
) -> dict[str, int]:
    """Return the texts of an item that the question's spans may lie in, with their lengths."""
    known = lengths.get(item, {})
    unknown = [target for target in marked if target not in known]
    if unknown or not known:
        raise LabelsUnreadable(f"no length is given for {''.join(unknown[:1])} of item {item!r}")
    places = span_places(question)
    return {
        target: length
        for target, length in known.items()
        if not places or target.startswith(places)
    }


def _span_reports(
    question: Question, codings: _Codings, interval: IntervalSpec | None
) -> Iterator[ShapedReport]:
    conditioning, spec = conditionings(question)[-1], question.agreement
    functions = [character_f1, exact_span_f1, *([span_alpha] if codings.measured else [])]
    for label, name in [(one.id, one.label) for one in question.options] or [("", "")]:
        try:
            data = codings.of_label(label)
        except ReliabilityDataError as error:
            raise LabelsUnreadable(f"question {question.id!r}: {error}") from error
        enough = data.sufficiency(units_needed=spec.min_items, minority_needed=spec.min_positives)
        found = [function(data, interval=interval) for function in functions]
        results = {one.coefficient: replace(one, sufficiency=enough) for one in found}
        text = f"{question.text} — {name}" if name else question.text
        yield ShapedReport(question.id, label, "span", text, conditioning, results)
