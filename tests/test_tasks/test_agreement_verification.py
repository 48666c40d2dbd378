"""The second opinion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.agreement import (
    ReliabilityData,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    gwet_alpha,
    krippendorff_alpha,
    percent_agreement,
    scott_pi,
)
from tasks.reliability import pairs_of
from tasks.verification import Opinion, verify, verify_pairs


def labels(n_raters: int = 3, gap: float = 0.0, level: str = "nominal", seed: int = 2,
           values: object = range(3)) -> ReliabilityData:  # fmt: skip
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 50)
    given = np.where(
        rng.random((50, n_raters)) < 0.6, truth[:, None], rng.integers(0, 3, (50, n_raters))
    ).astype(float)
    given[rng.random(given.shape) < gap] = np.nan
    scale = np.array(list(values), dtype=float)  # type: ignore[call-overload]
    coded = np.where(np.isnan(given), np.nan, scale[np.nan_to_num(given).astype(int)])
    return ReliabilityData.from_matrix(coded, values=scale.tolist(), level=level)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_is_verified_at_every_level_with_gaps(level: str) -> None:
    data = labels(gap=0.3, level=level, values=(1, 2, 5))
    found = verify(data, krippendorff_alpha(data))
    assert (found.opinion, found.source) == (Opinion.VERIFIED, "krippendorff")


def test_what_statsmodels_knows_is_verified() -> None:
    three, two = labels(3), labels(2)
    for coefficient in (fleiss_kappa, brennan_prediger, gwet_alpha):
        assert verify(three, coefficient(three)).opinion is Opinion.VERIFIED
    for coefficient in (cohen_kappa, scott_pi, conger_kappa):
        found = verify(two, coefficient(two))
        assert (found.opinion, found.source) == (Opinion.VERIFIED, "statsmodels")


def test_what_nobody_else_knows_has_no_second_source() -> None:
    ragged = labels(3, gap=0.3)
    figures = [
        gwet_ac1(ragged), gwet_ac2(ragged, weights="linear"), percent_agreement(ragged),
        fleiss_kappa(ragged), brennan_prediger(ragged), conger_kappa(ragged),
        cohen_kappa(ragged, raters=(0, 1)), fleiss_kappa(labels(3), weights="linear"),
    ]  # fmt: skip
    for figure in figures:
        found = verify(ragged, figure)
        assert (found.opinion, found.theirs) == (Opinion.NO_SECOND_SOURCE, None), figure.coefficient


def test_a_figure_that_differs_is_named() -> None:
    data = labels()
    result = krippendorff_alpha(data)
    assert result.value is not None
    found = verify(data, replace(result, value=result.value + 2e-9))
    assert found.opinion is Opinion.DIFFERS
    assert verify(data, replace(result, value=None)).opinion is Opinion.DIFFERS
    assert found.to_json()["opinion"] == "differs"


@pytest.mark.parametrize("counts", [[[2, 0]] * 5, [[1, 0], [0, 1]]])
def test_undefined_for_both_is_verified(counts: list[list[int]]) -> None:
    data = ReliabilityData.from_counts(counts, values=[0, 1], level="nominal")
    found = verify(data, krippendorff_alpha(data))
    assert (found.ours, found.theirs, found.opinion) == (None, None, Opinion.VERIFIED)


def test_our_withheld_one_of_no_variation_has_no_second_source() -> None:
    data = ReliabilityData.from_counts([[2, 0]] * 5, values=[0, 1], level="nominal")
    assert verify(data, brennan_prediger(data)).opinion is Opinion.NO_SECOND_SOURCE
    assert verify(data, fleiss_kappa(data)).opinion is Opinion.VERIFIED


def test_no_labels_ask_nobody() -> None:
    data = ReliabilityData.from_long([], [], [], n_values=2, level="nominal")
    assert verify(data, krippendorff_alpha(data)).opinion is Opinion.NO_SECOND_SOURCE


def test_tables_too_large_for_the_second_source_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    given = rng.normal(size=(300, 2))
    data = ReliabilityData.from_matrix(given, values=np.unique(given).tolist(), level="interval")
    assert verify(data, krippendorff_alpha(data)).opinion is Opinion.NO_SECOND_SOURCE


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_every_pair_is_verified(level: str) -> None:
    data = labels(4, gap=0.3, level=level)
    names = ["ann", "bob", "cas", "dee"]
    pairs = pairs_of(data, data.domain.level, names)
    found = verify_pairs(data, names, pairs)
    assert len(found) == 6
    assert {one.opinion for one in found} == {Opinion.VERIFIED}
    assert found[0].figure == "cohen_kappa ann / bob"


def test_weights_over_an_uneven_scale_have_no_second_source() -> None:
    data = labels(2, level="ordinal", values=(1, 2, 9))
    pairs = pairs_of(data, data.domain.level, ["ann", "bob"])
    assert [one.opinion for one in verify_pairs(data, ["ann", "bob"], pairs)] == [
        Opinion.NO_SECOND_SOURCE
    ]


def test_pairs_without_variation_are_undefined_for_both() -> None:
    data = ReliabilityData.from_matrix([[0, 0]] * 4, values=[0, 1], level="nominal")
    pairs = pairs_of(data, data.domain.level, ["ann", "bob"])
    assert [one.opinion for one in verify_pairs(data, ["ann", "bob"], pairs)] == [Opinion.VERIFIED]
