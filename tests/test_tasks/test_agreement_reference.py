"""Every published or independently computed case of the shared reference set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.agreement import (
    AgreementResult,
    ReliabilityData,
    Status,
    SufficientStatistics,
    brennan_prediger,
    cohen_kappa,
    cohen_kappa_test,
    conger_kappa,
    fleiss_kappa,
    from_table,
    gwet_ac2,
    gwet_alpha,
    krippendorff_alpha,
    percent_agreement,
    scott_pi,
)
from tests.support.shared_data import shared

FOLDER = shared("agreement_reference")
# Sets and aggregation have functions and tests of their own.
METRICS = {
    "krippendorff_alpha": krippendorff_alpha,
    "krippendorff_alpha_gwet": gwet_alpha,
    "cohen_kappa": cohen_kappa,
    "scott_pi": scott_pi,
    "fleiss_kappa": fleiss_kappa,
    "conger_kappa": conger_kappa,
    "brennan_prediger": brennan_prediger,
    "gwet_ac": gwet_ac2,
    "percent_agreement": percent_agreement,
}


def cases() -> list[dict[str, Any]]:
    found = [
        case
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
    ]
    return [case for case in found if case["metric"] in METRICS]


def build(case: dict[str, Any]) -> ReliabilityData | SufficientStatistics:
    if "table" in case:
        return from_table(case["table"], values=range(1, len(case["table"]) + 1), level="nominal")
    if "counts" in case:
        domain = range(1, len(case["counts"][0]) + 1)
        return ReliabilityData.from_counts(case["counts"], values=domain, level="nominal")
    level = case["level"] if case["level"] in {"ordinal", "interval", "ratio"} else "nominal"
    matrix = [list(unit) for unit in zip(*case["ratings"], strict=True)]
    params = case["params"]
    stated = [params.get(name) for name in ("categories", "value_domain")]
    domain = next((one for one in stated if isinstance(one, list)), None)
    if domain is None:
        domain = sorted({cell for row in matrix for cell in row if cell is not None})
    if case["metric"] == "cohen_kappa":
        # These sources weight by the index of a category, not by its number.
        place = {value: index for index, value in enumerate(domain)}
        matrix = [[None if cell is None else place[cell] for cell in row] for row in matrix]
        domain = range(len(domain))
    return ReliabilityData.from_matrix(matrix, values=domain, level=level)


def compute(case: dict[str, Any], data: Any, interval: str | None) -> AgreementResult:
    if case["metric"] == "krippendorff_alpha":
        return krippendorff_alpha(data, interval=interval)
    return METRICS[case["metric"]](data, weights=case["params"].get("weights"), interval=interval)


def figures(result: AgreementResult) -> dict[str, Any]:
    assert result.observed_disagreement is not None
    found: dict[str, Any] = {"estimate": result.value, "pa": 1 - result.observed_disagreement}
    if result.expected_disagreement is not None:
        found["pe"] = 1 - result.expected_disagreement
    if result.interval is not None:
        found["se"] = result.interval.standard_error
        found["ci95"] = [result.interval.low, result.interval.high]
    return found


def expected_bounds(case: dict[str, Any], bounds: list[float]) -> list[float]:
    """Replace a printed bound above 1, which is a gap in the source, by irrCAC's own figure."""
    own = case["verified_by"].get("irrCAC_py_0.4.4", {}).get("ci95", bounds)
    return [own[side] if bound > 1 else bound for side, bound in enumerate(bounds)]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    data, expected = build(case), case["expected"]
    if expected == "undefined":
        result = compute(case, data, "jackknife")
        assert result.value is None
        assert result.status is Status.NO_VARIATION
        return
    expected = expected if isinstance(expected, dict) else {"estimate": expected}
    # SAS prints an interval with the normal quantile, irrCAC with t.
    method = "asymptotic" if case["name"].startswith("sas") else "analytic"
    result = compute(case, data, method if {"se", "ci95"} & expected.keys() else None)
    found = figures(result)
    if "z0" in expected:
        test = cohen_kappa_test(data)
        assert test is not None
        found |= {"z0": test.z, "se0": test.null_standard_error}
    for name, value in expected.items():
        target = expected_bounds(case, value) if name == "ci95" else value
        assert found[name] == pytest.approx(target, abs=case["tolerance"]), name


@pytest.mark.parametrize(
    "case",
    [one for one in cases() if one.get("verified_ok", {}).get("irrCAC_py_0.4.4.se")],
    ids=lambda case: case["name"],
)
def test_published_standard_error_to_seven_digits(case: dict[str, Any]) -> None:
    result = compute(case, build(case), "analytic")
    assert result.interval is not None
    oracle = case["verified_by"]["irrCAC_py_0.4.4"]
    assert result.interval.standard_error == pytest.approx(oracle["se"], abs=2e-7)
    assert [result.interval.low, result.interval.high] == pytest.approx(oracle["ci95"], abs=1e-6)


def test_the_set_is_whole() -> None:
    assert len(cases()) == 169
