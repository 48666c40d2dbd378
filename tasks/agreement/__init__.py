"""The statistics kernel: codes in, numbers out. It imports numpy and nothing first-party.

Build `ReliabilityData`, call a coefficient, read an `AgreementResult`:

>>> from tasks.agreement import ReliabilityData, krippendorff_alpha
>>> data = ReliabilityData.from_matrix(
...     [[1, 1, None], [2, 2, 2], [3, 3, 2], [3, None, 3]], values=[1, 2, 3], level="ordinal",
... )
>>> result = krippendorff_alpha(data)
>>> round(result.value, 3), result.status.value, result.n_pairable_units
(0.8, 'ok', 4)
"""

from __future__ import annotations

from tasks.agreement.alpha import (
    RaterLeftOut,
    alpha_without_each_rater,
    gwet_alpha,
    krippendorff_alpha,
)
from tasks.agreement.contributions import Contributions, contributions
from tasks.agreement.data import ReliabilityData, SufficientStatistics
from tasks.agreement.differences import AgreementDifference, paired_difference
from tasks.agreement.domain import Domain
from tasks.agreement.errors import AgreementError, CoefficientError, ReliabilityDataError
from tasks.agreement.facts import sufficiency
from tasks.agreement.generalising import SampleSize, alpha_over_raters, units_for_half_width
from tasks.agreement.intervals import IntervalSpec
from tasks.agreement.intraclass import ICC_MODELS, intraclass_correlation
from tasks.agreement.levels import Level
from tasks.agreement.many_raters import (
    brennan_prediger,
    conger_kappa,
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
)
from tasks.agreement.raw_agreement import (
    negative_agreement,
    percent_agreement,
    positive_agreement,
    prevalence,
    specific_agreement,
)
from tasks.agreement.results import AgreementResult, Interval, Status, Sufficiency
from tasks.agreement.sets import jaccard_distance, masi_distance, set_alpha, set_alphas
from tasks.agreement.spans import (
    SpanData,
    character_f1,
    exact_span_f1,
    span_alpha,
    token_spans,
)
from tasks.agreement.two_raters import (
    KappaTest,
    PairAgreement,
    cohen_kappa,
    cohen_kappa_test,
    from_table,
    pair_agreements,
    scott_pi,
)
from tasks.agreement.weights import WEIGHT_NAMES, weight_matrix

__all__ = [
    "ICC_MODELS",
    "WEIGHT_NAMES",
    "AgreementDifference",
    "AgreementError",
    "AgreementResult",
    "CoefficientError",
    "Contributions",
    "Domain",
    "Interval",
    "IntervalSpec",
    "KappaTest",
    "Level",
    "PairAgreement",
    "RaterLeftOut",
    "ReliabilityData",
    "ReliabilityDataError",
    "SampleSize",
    "SpanData",
    "Status",
    "Sufficiency",
    "SufficientStatistics",
    "alpha_over_raters",
    "alpha_without_each_rater",
    "brennan_prediger",
    "character_f1",
    "cohen_kappa",
    "cohen_kappa_test",
    "conger_kappa",
    "contributions",
    "exact_span_f1",
    "fleiss_kappa",
    "from_table",
    "gwet_ac1",
    "gwet_ac2",
    "gwet_alpha",
    "intraclass_correlation",
    "jaccard_distance",
    "krippendorff_alpha",
    "masi_distance",
    "negative_agreement",
    "pair_agreements",
    "paired_difference",
    "percent_agreement",
    "positive_agreement",
    "prevalence",
    "scott_pi",
    "set_alpha",
    "set_alphas",
    "span_alpha",
    "specific_agreement",
    "sufficiency",
    "token_spans",
    "units_for_half_width",
    "weight_matrix",
]
