"""Annotators against themselves: the same items, labelled again on another occasion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement import (
    AgreementResult,
    Level,
    ReliabilityData,
    krippendorff_alpha,
    percent_agreement,
)
from tasks.records import AnnotatorRepeats, LabelColumns, RepeatReport
from tasks.reliability.table import read_table
from tasks.reliability.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from rubrics.schema import Rubric
    from tasks.agreement.intervals import IntervalChoice
    from tasks.reliability.variables import Variable

    Integers = npt.NDArray[np.int64]


def repeat_agreement(
    rubric: Rubric,
    occasions: Sequence[LabelColumns],
    *,
    interval: IntervalChoice = "jackknife",
    levels: Mapping[str, Level | str] | None = None,
) -> tuple[RepeatReport, ...]:
    """Measure how far annotators agree with themselves.

    Parameters
    ----------
    rubric
        The rubric version that made the labels.
    occasions
        Current labels of each occasion (round), at least one; only what an annotator labelled on
        two occasions or more counts.
    interval
        Method or specification; None for none. An annotator's work on an item is left out at once.
    levels
        Levels of measurement to use instead of the rubric's, by question.

    Returns
    -------
    tuple of RepeatReport
        One per variable, in the order of `agreement_report`.

    Raises
    ------
    LabelsUnreadable
        As for `agreement_report`.

    Notes
    -----
    Intra-observer reliability (stability) in the words of Krippendorff (2018, chapter 12).

    Examples
    --------
    >>> from rubrics.library import read
    >>> from rubrics.loader import load_rubric
    >>> rubric = load_rubric(read("conversational-abuse"))
    >>> def on_one_day(*values):
    ...     n = len(values)
    ...     return LabelColumns(
    ...         ["i", "j", "k"], ["ann"] * n, ["severity"] * n, [""] * n, values, ["answered"] * n)
    >>> first = on_one_day("mild", "mild", "not_abusive")
    >>> second = on_one_day("mild", "strong", "not_abusive")
    >>> found = repeat_agreement(rubric, [first, second], interval=None)
    >>> round(found[0].results["percent_agreement"].value, 4), found[0].level.value
    (0.6667, 'ordinal')
    """
    table = read_table(_together(occasions))
    asked = {question: Level(level) for question, level in (levels or {}).items()}
    people: dict[object, int] = {}
    who = [people.setdefault(person, len(people)) for person, _ in _works(table.annotators)]
    when = [occasion for _, occasion in _works(table.annotators)]
    numbers = np.array(who, dtype=np.int64), np.array(when, dtype=np.int64)
    return tuple(
        _report(variable, numbers, tuple(people), interval)
        for variable in variables_of(rubric, table, asked)
    )


def _works(annotators: Sequence[object]) -> list[tuple[object, int]]:
    return [one for one in annotators if isinstance(one, tuple)]


def _together(occasions: Sequence[LabelColumns]) -> LabelColumns:
    """Join the columns; every annotator on every occasion is somebody else."""
    columns = {
        name: [value for one in occasions for value in getattr(one, name)]
        for name in ("item", "question", "category", "value", "state")
    }
    works = [(person, at) for at, one in enumerate(occasions) for person in one.annotator]
    annotator = np.empty(len(works), dtype=np.object_)
    for row, work in enumerate(works):
        annotator[row] = work
    return LabelColumns(annotator=annotator, **columns)


def _report(
    variable: Variable,
    numbers: tuple[Integers, Integers],
    people: Sequence[object],
    interval: IntervalChoice,
) -> RepeatReport:
    data = variable.data
    work = data.rater_ids[data.rater]
    person, occasion = numbers[0][work], numbers[1][work]
    key = data.unit * max(len(people), 1) + person
    repeated = np.bincount(key, minlength=1)[key] > 1

    def measured(chosen: npt.NDArray[np.bool_]) -> dict[str, AgreementResult]:
        labels = ReliabilityData.from_codes(
            key[chosen], occasion[chosen], data.code[chosen], data.domain
        )
        return {
            "krippendorff_alpha": krippendorff_alpha(
                labels, level=variable.level, interval=interval
            ),
            "percent_agreement": percent_agreement(labels, interval=interval),
        }

    return RepeatReport(
        question=variable.question,
        category=variable.category,
        kind=variable.kind,
        text=variable.text,
        level=variable.level,
        primary=variable.primary,
        conditioning=variable.conditioning,
        results=measured(repeated),
        annotators=tuple(
            AnnotatorRepeats(people[one], measured(repeated & (person == one)))
            for one in np.unique(person[repeated]).tolist()
        ),
    )
