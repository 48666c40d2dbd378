"""Answers of irrCAC, NLTK and crowd-kit, made in environments of their own by bench/oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.agreement import (
    AgreementResult,
    ReliabilityData,
    SufficientStatistics,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    from_table,
    gwet_ac2,
    gwet_alpha,
    krippendorff_alpha,
    pair_agreements,
    percent_agreement,
    scott_pi,
    set_alpha,
)
from tasks.agreement.models import dawid_skene, one_coin_dawid_skene, vote_shares

pytestmark = pytest.mark.oracle
FOLDER = Path(__file__).with_name("oracle")
GWET_FAMILY = {
    "gwet": gwet_ac2,
    "fleiss": fleiss_kappa,
    "conger": conger_kappa,
    "bp": brennan_prediger,
    "krippendorff": gwet_alpha,
    "cohen": cohen_kappa,
    "scott": scott_pi,
}


def cases(peer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{peer}.json").read_text("utf-8"))["cases"]
    return found


def gwet_data(case: dict[str, Any]) -> ReliabilityData | SufficientStatistics:
    if "table" in case:
        domain: list[object] = list(range(1, len(case["table"]) + 1))
        return from_table(case["table"], values=domain, level="nominal")
    values = range(1, case["values"] + 1)
    return ReliabilityData.from_matrix(case["matrix"], values=values, level="nominal")


@pytest.mark.parametrize("case", cases("irrcac"), ids=lambda case: case["name"])
def test_estimate_error_and_interval_are_those_of_irrcac(case: dict[str, Any]) -> None:
    data = gwet_data(case)
    for name, expected in case["answer"].items():
        result: AgreementResult = GWET_FAMILY[name](  # type: ignore[operator]
            data, weights=case["weights"], interval="analytic"
        )
        assert result.value == pytest.approx(expected["estimate"], abs=1e-10), name
        if "pe" in expected:
            pa, pe = (
                1 - (result.observed_disagreement or 0),
                1 - (result.expected_disagreement or 0),
            )
            assert (pa, pe) == pytest.approx((expected["pa"], expected["pe"]), abs=1e-10), name
        assert result.interval is not None
        assert result.interval.standard_error == pytest.approx(expected["se"], abs=1e-10), name
        bounds = [result.interval.low, result.interval.high]
        assert bounds == pytest.approx(expected["ci95"], abs=1e-8), name


@pytest.mark.parametrize("case", cases("nltk"), ids=lambda case: case["name"])
def test_figures_are_those_of_nltk(case: dict[str, Any]) -> None:
    found: dict[str, float | None] = {}
    if "sets" in case:
        unit, rater = ([row[at] for row in case["sets"]] for at in (0, 1))
        sets = [frozenset(row[2]) for row in case["sets"]]
        for name in ("masi", "jaccard"):
            found[f"alpha_{name}"] = set_alpha(unit, rater, sets, distance=name).value
    else:
        data = ReliabilityData.from_matrix(case["matrix"], values=range(1, 5), level="nominal")
        pairs = [pair.kappa for pair in pair_agreements(data)]
        found |= {
            "alpha_nominal": krippendorff_alpha(data).value,
            "alpha_interval": krippendorff_alpha(data, level="interval").value,
            "percent": percent_agreement(data).value,
            "fleiss": fleiss_kappa(data).value,
            "conger": conger_kappa(data).value,
            "mean_cohen": float(np.mean([kappa for kappa in pairs if kappa is not None])),
            "brennan_prediger": brennan_prediger(data).value,
        }
    for name, expected in case["answer"].items():
        assert found[name] == pytest.approx(expected, abs=1e-10), name


@pytest.mark.parametrize("case", cases("crowdkit"), ids=lambda case: case["name"])
def test_posteriors_are_those_of_crowd_kit(case: dict[str, Any]) -> None:
    unit, rater, code = np.array(case["triples"]).T
    data = ReliabilityData.from_long(unit, rater, code, n_values=case["values"], level="nominal")
    answer = case["answer"]
    settings: dict[str, Any] = {"iterations": answer["iterations"], "tolerance": -1.0}
    assert krippendorff_alpha(data).value == pytest.approx(answer["alpha_nominal"], abs=1e-10)
    assert vote_shares(data) == pytest.approx(np.array(answer["vote_shares"]), abs=1e-10)
    for name, model in (("dawid_skene", dawid_skene), ("one_coin", one_coin_dawid_skene)):
        posterior = model(data, **settings).posterior
        assert posterior == pytest.approx(np.array(answer[name]), abs=1e-6), name
