"""Reports: every variable with its figures, and the items behind each figure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rubrics.versioning import fingerprint
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
from tasks.agreement.intervals import NO_SPREAD
from tasks.errors import TaskError
from tasks.records import (
    AnswerStates,
    Conditioning,
    ItemDisagreement,
    LabelColumns,
    PairReport,
    Report,
    VariableReport,
    Verdict,
)
from tasks.reliability.shapes import Lengths, shaped_reports
from tasks.reliability.table import (
    ANSWERED,
    STATES,
    LabelTable,
    read_table,
)
from tasks.reliability.variables import Variable, repeats_of, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from rubrics.schema import Rubric
    from tasks.agreement.intervals import IntervalChoice

    Integers = npt.NDArray[np.int64]


class VariableUnknown(TaskError):
    """The rubric has no such question, category, option or derived variable."""


def agreement_report(  # noqa: PLR0913 - the settings of a report
    rubric: Rubric,
    labels: LabelColumns,
    *,
    interval: IntervalChoice = "jackknife",
    seed: int = 0,
    resamples: int = 1000,
    levels: Mapping[str, Level | str] | None = None,
    pairs: bool = True,
    lengths: Lengths | None = None,
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
    lengths
        Per item the code points of each of its texts by the name that spans give it as target.
        Without them spans have no alpha, which must know how much was left unmarked.

    Returns
    -------
    Report

    Raises
    ------
    LabelsUnreadable
        For columns of different length, an unknown state, an answered value that the rubric does
        not know, two labels of one annotator in one cell, or spans that do not fit the lengths.
    """
    table = read_table(labels)
    choice = interval_choice(interval, seed=seed, resamples=resamples)
    asked = {question: Level(level) for question, level in (levels or {}).items()}
    variables = tuple(
        _report(one, choice, table.annotators if pairs else None)
        for one in variables_of(rubric, table, asked)
    )
    return Report(
        fingerprint=fingerprint(rubric),
        rubric_id=rubric.id,
        rubric_version=rubric.version,
        n_items=len(table.items),
        n_annotators=len(table.annotators),
        n_annotations=table.n_annotations,
        n_labels=sum(int((cells.state == ANSWERED).sum()) for cells in table.slices.values()),
        variables=variables,
        states=tuple(_states(rubric, table)),
        shaped=tuple(shaped_reports(rubric, table, choice, lengths)),
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
    table = read_table(labels)
    asked = {question: Level(level) for question, level in (levels or {}).items()}
    return tuple(one.data for one in variables_of(rubric, table, asked)), table.annotators


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
    table = read_table(labels)
    asked = {} if level is None else {question: Level(level)}
    found = [
        one
        for one in variables_of(rubric, table, asked)
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


def _report(
    variable: Variable, interval: IntervalSpec | None, annotators: Sequence[object] | None
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


def _states(rubric: Rubric, table: LabelTable) -> Iterator[AnswerStates]:
    for question in rubric.questions:
        if question.repeat_for is not None:
            names = [(category, category) for category, _ in repeats_of(rubric, question)]
        elif question.type == "multi":
            # Every option of a multiple choice carries the state of the whole question.
            names = [("", question.options[0].id)]
        else:
            names = [("", "")]
        for shown, category in names:
            state = table.cells(question.id, category).state
            counts = np.bincount(state, minlength=len(STATES)).tolist()
            yield AnswerStates(question.id, shown, *counts)
