"""Annotators against themselves."""

from __future__ import annotations

import json

import pytest

from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.agreement import Level, ReliabilityData, Status, krippendorff_alpha
from tasks.reliability import LabelColumns, LabelsUnreadable, repeat_agreement

RUBRIC = load_rubric(read("conversational-abuse"))
CODES = {"not_abusive": 1, "ambiguous": 0, "mild": -1, "strong": -2, "very_strong": -3}


def occasion(rows: list[tuple[str, str, str]]) -> LabelColumns:
    item, annotator, value = zip(*rows, strict=True) if rows else ((), (), ())
    n = len(rows)
    return LabelColumns(item, annotator, ["severity"] * n, [""] * n, value, ["answered"] * n)


FIRST = [
    ("i1", "ann", "mild"), ("i2", "ann", "strong"), ("i3", "ann", "not_abusive"),
    ("i1", "bob", "mild"), ("i2", "bob", "mild"), ("i4", "bob", "not_abusive"),
    ("i1", "cas", "strong"),
]  # fmt: skip
SECOND = [
    ("i1", "ann", "mild"), ("i2", "ann", "mild"), ("i3", "ann", "not_abusive"),
    ("i1", "bob", "not_abusive"), ("i2", "bob", "mild"), ("i9", "bob", "not_abusive"),
    ("i2", "cas", "mild"),
]  # fmt: skip


def severity(first: list[tuple[str, str, str]], *later: list[tuple[str, str, str]]) -> object:
    found = repeat_agreement(RUBRIC, [occasion(one) for one in (first, *later)], interval=None)
    return next(one for one in found if one.question == "severity" and one.primary)


def alpha_of(pairs: list[list[str]]) -> float | None:
    data = ReliabilityData.from_matrix(
        [[CODES[value] for value in pair] for pair in pairs],
        values=list(CODES.values()), level="ordinal",
    )  # fmt: skip
    return krippendorff_alpha(data, interval=None).value


def test_each_annotator_is_compared_with_themselves_alone() -> None:
    report = severity(FIRST, SECOND)
    assert report.level is Level.ORDINAL
    ann = [["mild", "mild"], ["strong", "mild"], ["not_abusive", "not_abusive"]]
    bob = [["mild", "not_abusive"], ["mild", "mild"]]
    assert [one.annotator for one in report.annotators] == ["ann", "bob"]
    for one, pairs in zip(report.annotators, (ann, bob), strict=True):
        assert one.results["krippendorff_alpha"].value == pytest.approx(alpha_of(pairs))
        assert one.results["krippendorff_alpha"].n_units == len(pairs)
    assert report.results["krippendorff_alpha"].value == pytest.approx(alpha_of(ann + bob))
    assert report.results["percent_agreement"].value == pytest.approx(3 / 5)
    # Cas never labelled an item again; i4 and i9 were seen once.
    assert report.results["percent_agreement"].n_labels == 10


def test_options_and_derived_variables_are_measured_too() -> None:
    found = repeat_agreement(RUBRIC, [occasion(FIRST), occasion(SECOND)], interval=None)
    abusive = next(one for one in found if one.question == "abusive")
    assert abusive.kind == "derived"
    # Of five repeats one turned: bob's i1.
    assert abusive.results["percent_agreement"].value == pytest.approx(4 / 5)
    mild = next(one for one in found if (one.question, one.category) == ("severity", "mild"))
    assert mild.results["percent_agreement"].value == pytest.approx(3 / 5)


def test_three_occasions_are_all_compared() -> None:
    report = severity(FIRST, SECOND, [("i1", "ann", "strong")])
    one = report.annotators[0].results["percent_agreement"]
    # i1: one of three pairs agrees; i2: none; i3: yes.
    assert one.value == pytest.approx((1 / 3 + 0 + 1) / 3)


def test_without_repeats_there_is_no_figure() -> None:
    report = severity(FIRST)
    assert report.results["krippendorff_alpha"].status is Status.NO_LABELS
    assert report.annotators == ()
    assert severity([]).results["percent_agreement"].status is Status.NO_LABELS


def test_the_interval_leaves_out_one_work_at_a_time() -> None:
    found = repeat_agreement(RUBRIC, [occasion(FIRST), occasion(SECOND)])
    result = found[0].results["percent_agreement"]
    assert result.interval is not None
    assert result.interval.df == 4


def test_a_level_may_be_asked_for() -> None:
    found = repeat_agreement(
        RUBRIC, [occasion(FIRST), occasion(SECOND)], interval=None, levels={"severity": "nominal"}
    )
    assert found[0].level is Level.NOMINAL


def test_one_occasion_holds_one_label_of_each() -> None:
    with pytest.raises(LabelsUnreadable, match="two current labels"):
        severity([*FIRST, ("i1", "ann", "strong")])


def test_reports_become_plain_values() -> None:
    found = repeat_agreement(RUBRIC, [occasion(FIRST), occasion(SECOND)])
    told = json.loads(json.dumps(found[0].to_json()))
    assert told["annotators"][0]["annotator"] == "ann"
    assert told["level"] == "ordinal"
    assert told["results"]["percent_agreement"]["n_units"] == 5
