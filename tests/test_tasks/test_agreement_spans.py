"""Spans: a calculation by hand, the definition as a double loop, laws."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import IntervalSpec, ReliabilityDataError, Status
from tasks.agreement.spans import (
    SpanData,
    character_f1,
    exact_span_f1,
    span_alpha,
    token_spans,
)

Spans = list[tuple[int, int]]
# Per item its length and one list of spans per annotator.
Study = list[tuple[int, list[Spans]]]


@st.composite
def studies(draw: st.DrawFn) -> Study:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 8))
        span = st.integers(0, length - 1).flatmap(
            lambda start, length=length: st.tuples(st.just(start), st.integers(start + 1, length))
        )
        found.append((length, draw(st.lists(st.lists(span, max_size=3), min_size=1, max_size=4))))
    return found


def data_of(study: Study) -> SpanData:
    rows = [
        (unit, rater, spans, length)
        for unit, (length, codings) in enumerate(study)
        for rater, spans in enumerate(codings)
    ]
    return SpanData.from_codings(*zip(*rows, strict=True))


def coded(length: int, spans: Spans) -> list[int]:
    return [int(any(start <= at < end for start, end in spans)) for at in range(length)]


def segments(row: list[int]) -> list[int]:
    """Number the segments of a coding: a unit is one, every point of a gap stands for itself."""
    opens = [int(not (value and at and row[at - 1])) for at, value in enumerate(row)]
    return np.cumsum(opens).tolist()


def by_definition(study: Study) -> float | None:
    """Compare every point with every point that is not in the same unit."""
    points: list[tuple[object, int]] = []
    observed = 0.0
    for unit, (length, codings) in enumerate(study):
        rows = [coded(length, spans) for spans in codings if len(codings) > 1]
        for one, other in permutations(rows, 2):
            observed += sum(a != b for a, b in zip(one, other, strict=True)) / (len(rows) - 1)
        for rater, row in enumerate(rows):
            keys = [(unit, rater, segment) for segment in segments(row)]
            points += zip(keys, row, strict=True)
    pairs = [(a != b) for (one, a), (other, b) in product(points, points) if one != other]
    return 1 - (observed / len(points)) / (sum(pairs) / len(pairs)) if any(pairs) else None


def test_alpha_by_hand() -> None:
    # Ten points, two annotators: ..####.... and ...####...
    # Points in all codings: l = 20, in units u = 4 + 4 = 8, in gaps g = 12.
    # Both mark three points, so each coding has one marked point that the other has not:
    # D_o = (1 + 1) * 2 / 20 = .2 (every unlike pair is counted from both sides).
    # Of all 20 * 20 pairs, a unit with itself (4 * 4 + 4 * 4 = 32) and a point of a gap with
    # itself (12) are no pairs: 400 - 32 - 12 = 356. Unlike: 2 * 8 * 12 = 192.
    # alpha = 1 - .2 * 356 / 192 = 1 - 71.2 / 192 = .629166...
    data = SpanData.from_codings([0, 0], [0, 1], [[(2, 6)], [(3, 7)]], [10, 10])
    result = span_alpha(data, interval=None)
    assert result.value == pytest.approx(1 - 71.2 / 192, abs=1e-15)
    assert result.observed_disagreement == pytest.approx(0.2)
    assert result.expected_disagreement == pytest.approx(192 / 356)
    assert result.prevalence == pytest.approx((0.6, 0.4))
    # F1 over points: 2 * 3 / (4 + 4). No span is the same.
    assert character_f1(data, interval=None).value == pytest.approx(0.75)
    assert exact_span_f1(data, interval=None).value == 0


def test_three_annotators_by_hand() -> None:
    # Six points: ##...., ##.##., ...... ; l = 18, u = 6, g = 12, squares 4 + 4 + 4 = 12.
    # Point by point the coding differs from the two others: points 0, 1: two mark, one does not,
    # 2 * (2 * 1) unlike pairs in order each over m - 1 = 2 is 2; points 3, 4: the same 2 each.
    # Sum 8, D_o = 8 / 18; D_e = 2 * 6 * 12 / (324 - 12 - 12) = 144 / 300 = .48
    data = SpanData.from_codings([7] * 3, [1, 2, 3], [[(0, 2)], [(0, 2), (3, 5)], []], [6] * 3)
    assert span_alpha(data, interval=None).value == pytest.approx(1 - (8 / 18) / 0.48)
    # Three spans; (0, 2) was marked by one of the two others, twice over: 2 * 1 / 2 = 1 of 3.
    assert exact_span_f1(data, interval=None).value == pytest.approx(1 / 3)
    # Six marked points, of which 2 * 2 * 1 / 2 = 2 are marked by another.
    assert character_f1(data, interval=None).value == pytest.approx(1 / 3)


def test_an_independent_program_finds_the_same() -> None:
    # Three coders of key phrases in 56 characters; the open implementation of the 2016 form by
    # Z. Bekcic (KrippendorffUnitizedAlpha) documents .56 for them.
    spans: list[Spans] = [[(3, 15), (22, 53)], [(3, 10), (22, 53)], [(22, 46)]]
    data = SpanData.from_codings([0] * 3, [0, 1, 2], spans, [56] * 3)
    assert span_alpha(data, interval=None).value == pytest.approx(0.56, abs=0.01)


@settings(max_examples=80)
@given(studies())
def test_alpha_is_its_definition(study: Study) -> None:
    expected = by_definition(study)
    result = span_alpha(data_of(study), interval=None)
    if expected is None:
        assert result.value is None
        assert result.status in {Status.NO_PAIRABLE_UNITS, Status.NO_VARIATION}
    else:
        assert result.status is Status.OK
        assert result.value == pytest.approx(expected, abs=1e-12)


@settings(max_examples=80)
@given(studies())
def test_f1_is_the_mean_over_the_others(study: Study) -> None:
    hit = marked = same = spans = 0.0
    for length, codings in study:
        others = len(codings) - 1
        for one, mine in enumerate(codings if others else []):
            for two, theirs in enumerate(codings):
                if one != two:
                    pairs = zip(coded(length, mine), coded(length, theirs), strict=True)
                    hit += sum(a and b for a, b in pairs) / others
                    same += len(set(mine) & set(theirs)) / others
            marked += sum(coded(length, mine))
            spans += len(set(mine))
    data = data_of(study)
    for function, part, whole in ((character_f1, hit, marked), (exact_span_f1, same, spans)):
        result = function(data, interval=None)
        if whole:
            assert result.value == pytest.approx(part / whole, abs=1e-12)
        else:
            assert result.value is None


@settings(max_examples=60)
@given(studies(), st.randoms(use_true_random=False))
def test_annotators_have_no_order_and_overlaps_no_weight(
    study: Study, random: np.random.Generator
) -> None:
    before = span_alpha(data_of(study)).to_json()
    shuffled = []
    for length, codings in study:
        mixed = [[(a, b) for a, b in spans for _ in range(2)] for spans in codings]
        random.shuffle(mixed)
        shuffled.append((length, mixed))
    after = span_alpha(data_of(shuffled)).to_json()
    assert after["value"] == pytest.approx(before["value"], abs=1e-12)
    assert after["status"] == before["status"]


@given(st.integers(2, 5), st.integers(1, 4))
def test_the_same_spans_are_perfect_agreement(n_raters: int, n_items: int) -> None:
    study: Study = [(9, [[(1, 4), (6, 7)]] * n_raters)] * n_items
    data = data_of(study)
    assert [f(data).value for f in (span_alpha, character_f1, exact_span_f1)] == [1, 1, 1]
    result = span_alpha(data)
    assert result.interval is None
    assert result.interval_reason


def test_touching_spans_are_one_unit_but_two_spans() -> None:
    apart = SpanData.from_codings([0, 0], [0, 1], [[(0, 2), (2, 4)], [(0, 4)]], [9, 9])
    assert span_alpha(apart, interval=None).value == 1
    assert exact_span_f1(apart, interval=None).value == 0


def test_sections_of_an_item_are_apart_but_resampled_together() -> None:
    unit, rater = [0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4
    spans = [[(3, 5)], [(3, 5)], [(0, 2)], [], [(1, 2)], [(0, 2)], [], [(2, 4)]]
    whole = SpanData.from_codings(unit, rater, spans, [5] * 8)
    parts = SpanData.from_codings(unit, rater, spans, [5] * 8, item=[0, 0, 0, 0, 1, 1, 1, 1])
    assert (parts.n_items, parts.n_codings, whole.n_items, whole.n_codings) == (2, 4, 4, 8)
    one, other = span_alpha(whole), span_alpha(parts)
    assert one.value == pytest.approx(other.value)
    assert one.interval is not None
    assert other.interval is not None
    assert one.interval.df == 3
    assert other.interval.df == 1


def test_intervals_leave_items_out_and_draw_them() -> None:
    rng = np.random.default_rng(3)
    study: Study = []
    for _ in range(60):
        start = int(rng.integers(0, 20))
        shift = rng.integers(0, 3, 3).tolist()
        study.append((40, [[(start + by, start + by + 8)] if by < 2 else [] for by in shift]))
    data = data_of(study)
    jackknife = span_alpha(data)
    drawn = span_alpha(data, interval=IntervalSpec("bootstrap", resamples=2000, seed=5))
    assert jackknife.interval is not None
    assert drawn.interval is not None
    assert drawn.interval.standard_error == pytest.approx(
        jackknife.interval.standard_error, rel=0.15
    )
    # Without one item, computed anew, for every item.
    without = [
        span_alpha(data_of(study[:at] + study[at + 1 :]), interval=None).value
        for at in range(len(study))
    ]
    spread = ((np.array(without) - np.mean(without)) ** 2).sum() * (len(study) - 1) / len(study)
    assert jackknife.interval.standard_error == pytest.approx(spread**0.5, rel=1e-9)
    assert jackknife.sufficiency.need == 40
    assert jackknife.sufficiency.measure == "minority"


def test_what_is_undefined_says_why() -> None:
    empty = SpanData.from_codings([], [], [], [])
    alone = SpanData.from_codings([0, 1], [0, 1], [[(0, 1)], []], [4, 4])
    nothing = SpanData.from_codings([0, 0], [0, 1], [[], []], [4, 4])
    everything = SpanData.from_codings([0, 0], [0, 1], [[(0, 4)], [(0, 4)]], [4, 4])
    assert span_alpha(empty).status is Status.NO_LABELS
    assert span_alpha(alone).status is Status.NO_PAIRABLE_UNITS
    assert span_alpha(nothing).status is Status.NO_VARIATION
    assert span_alpha(everything).status is Status.NO_VARIATION
    assert character_f1(nothing).status is Status.NO_POSITIVES
    assert exact_span_f1(nothing).status is Status.NO_POSITIVES
    assert character_f1(alone).status is Status.NO_PAIRABLE_UNITS
    assert character_f1(everything).value == 1
    assert span_alpha(empty).prevalence == ()
    assert span_alpha(everything).sufficiency.have == 0


def test_enough_items_with_and_without_marks_are_counted_as_units() -> None:
    study: Study = [(5, [[(0, 1)], [(0, 1)]]), (5, [[], []])] * 60
    result = span_alpha(data_of(study))
    assert (result.sufficiency.have, result.sufficiency.measure) == (120, "units")


@pytest.mark.parametrize(
    ("unit", "rater", "spans", "length", "message"),
    [
        ([0, 0], [0], [[], []], [4, 4], "equally long"),
        ([0], [0], [[(2, 2)]], [4], "row 0: the span from 2 to 2 is empty"),
        ([0], [0], [[(-1, 2)]], [4], "outside its continuum of 4"),
        ([0], [0], [[(1, 5)]], [4], "outside its continuum of 4"),
        ([0], [0], [[(1, 2, 3)]], [4], "a pair"),
        ([3, 3], [0, 0], [[], []], [4, 4], "rater 0 has two rows on unit 3"),
        ([3, 3], [0, 1], [[], []], [4, 5], "unit 3 has more than one length"),
    ],
)
def test_what_is_refused(
    unit: list[int], rater: list[int], spans: list[Spans], length: list[int], message: str
) -> None:
    with pytest.raises(ReliabilityDataError, match=message):
        SpanData.from_codings(unit, rater, spans, length)


def test_a_section_belongs_to_one_item() -> None:
    with pytest.raises(ReliabilityDataError, match="more than one item"):
        SpanData.from_codings([0, 0], [0, 1], [[], []], [4, 4], item=[0, 1])


def test_spans_become_the_tokens_they_touch() -> None:
    tokens = [(0, 3), (4, 6), (7, 9)]
    assert token_spans([(0, 9)], tokens) == [(0, 3)]
    assert token_spans([(3, 4), (5, 6), (8, 20)], tokens) == [(1, 2), (2, 3)]
    assert token_spans([(0, 1)], []) == []
