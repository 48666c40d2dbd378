"""Labels that are sets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.agreement import CoefficientError, ReliabilityDataError, Status
from tasks.agreement.sets import jaccard_distance, masi_distance, set_alpha
from tests.support.shared_data import shared

SETS = st.frozensets(st.integers(0, 4))


@pytest.mark.parametrize(
    ("a", "b", "jaccard", "masi"),
    [
        ({1, 2}, {1, 2}, 0.0, 0.0),
        ({1, 2}, {1, 2, 3, 4}, 0.5, 1 - 0.5 * 2 / 3),
        ({1, 2}, {2, 3}, 2 / 3, 1 - 1 / 9),
        ({1}, {2}, 1.0, 1.0),
        (set(), {1}, 1.0, 1.0),
        (set(), set(), 0.0, 0.0),
    ],
)
def test_distances(a: set[int], b: set[int], jaccard: float, masi: float) -> None:
    assert jaccard_distance(a, b) == pytest.approx(jaccard)
    assert masi_distance(a, b) == pytest.approx(masi)


@given(SETS, SETS)
def test_distances_are_symmetric_and_masi_is_the_stricter(
    a: frozenset[int], b: frozenset[int]
) -> None:
    for distance in (jaccard_distance, masi_distance):
        assert distance(a, b) == distance(b, a)
        assert 0 <= distance(a, b) <= 1
        assert (distance(a, b) == 0) == (a == b)
    assert masi_distance(a, b) >= jaccard_distance(a, b) - 1e-15


@given(st.lists(SETS, min_size=2, max_size=12))
def test_alpha_takes_the_distances_of_the_functions(sets: list[frozenset[int]]) -> None:
    unit, rater = [at // 2 for at in range(len(sets))], [at % 2 for at in range(len(sets))]
    pairs = [(sets[at], sets[at + 1]) for at in range(0, len(sets) - 1, 2)]
    paired = [one for pair in pairs for one in pair]
    for name, distance in (("jaccard", jaccard_distance), ("masi", masi_distance)):
        result = set_alpha(unit, rater, sets, distance=name, interval=None)
        expected = sum(distance(a, b) for a in paired for b in paired)
        if not expected:
            assert result.status is Status.NO_VARIATION
            continue
        observed = sum(2 * distance(a, b) for a, b in pairs) / len(paired)
        expected /= len(paired) * (len(paired) - 1)
        assert result.value == pytest.approx(1 - observed / expected, abs=1e-12)


def test_the_shared_pair() -> None:
    path = shared("agreement_reference") / "sets.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    case = next(one for one in cases if one["metric"] == "masi_distance")
    (a,), (b,) = case["ratings"]
    assert masi_distance(set(a), set(b)) == pytest.approx(case["expected"], abs=case["tolerance"])


def test_alpha_of_sets_by_hand() -> None:
    # Four labels: {1}, {1} | {2}, {1, 2}. Jaccard: {1}-{2} 1, {1}-{1,2} .5, {2}-{1,2} .5.
    result = set_alpha(
        [0, 0, 1, 1], [0, 1, 0, 1], [{1}, {1}, {2}, {1, 2}], distance="jaccard", interval=None
    )
    observed, expected = 2 * 0.5 / 4, 2 * (2 * 1 + 2 * 0.5 + 0.5) / (4 * 3)
    assert result.value == pytest.approx(1 - observed / expected)


def test_singletons_make_it_nominal_alpha_and_empty_sets_are_answers() -> None:
    empty = set_alpha([0, 0, 1, 1], [0, 1, 0, 1], [set(), set(), {1}, {1}], distance="masi")
    assert empty.value == 1
    same = set_alpha([0, 0], [0, 1], [set(), set()], distance="masi")
    assert same.status is Status.NO_VARIATION


def test_what_is_refused() -> None:
    with pytest.raises(CoefficientError, match="unknown distance"):
        set_alpha([0], [0], [{1}], distance="dice")
    with pytest.raises(ReliabilityDataError, match="no labels"):
        set_alpha([], [], [], distance="masi")


def test_a_set_alpha_says_what_it_is_and_has_an_interval() -> None:
    unit, rater = [at // 2 for at in range(20)], [at % 2 for at in range(20)]
    sets = [{at // 2 % 3, at * at % 5} for at in range(20)]
    result = set_alpha(unit, rater, sets, distance="masi")
    assert (result.coefficient, result.weights) == ("set_alpha", "masi")
    assert result.interval is not None
    assert result.interval.method == "jackknife"
    drawn = set_alpha(unit, rater, sets, distance="jaccard", interval="bootstrap")
    assert drawn.interval is not None
    assert (drawn.weights, drawn.interval.method) == ("jaccard", "bootstrap")
