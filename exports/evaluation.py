"""How a classifier does against gold labels: per category, with intervals, beside a baseline.

A figure never travels alone: every proportion carries its counts and its Wilson interval, and every
score says whether the held-out split has enough positives to judge by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports._lazy import proportion_confint
from exports.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.records import Row
    from exports.strict_json import JsonValue
    from rubrics.schema import Question, Rubric

CONFIDENCE = 0.95
ENOUGH_POSITIVES = 40


class EvaluationRefused(ExportError):
    """Predictions and gold labels do not fit together."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share with its counts and interval.

    Attributes
    ----------
    successes, n : int
        The share is ``successes / n``.
    value, low, high : float or None
        Share and Wilson interval; None exactly when ``n`` is 0.
    """

    successes: int
    n: int
    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """Return share, interval and counts, or that there is nothing to share out."""
        if self.value is None:
            return "undefined (0/0)"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}] ({self.successes}/{self.n})"


@dataclass(frozen=True, slots=True)
class Score:
    """How predictions of one target do on held-out items.

    Attributes
    ----------
    items, positives, predicted : int
        Held-out items; how many are positive by the gold labels, and by the predictions.
    precision, recall : Proportion
        Of the predicted positives; of the gold positives.
    need : int
        Positives it takes before the score may be judged.
    """

    items: int
    positives: int
    predicted: int
    precision: Proportion
    recall: Proportion
    need: int

    @property
    def enough(self) -> bool:
        """Return whether there are enough positives to judge by."""
        return self.positives >= self.need

    @property
    def verdict(self) -> str:
        """Return ``sufficient``, or what is missing."""
        if self.enough:
            return "sufficient"
        return f"insufficient positives ({self.positives} of {self.need})"


@dataclass(frozen=True, slots=True)
class Target:
    """One yes-or-no thing to be learned.

    Attributes
    ----------
    question, category : str
        The gold cells it is made of; for a single choice the category is the option.
    gold : mapping of item id to bool
        Items with a gold label; the others are left out, never counted as negative.
    """

    question: str
    category: str
    gold: Mapping[str, bool]

    @property
    def name(self) -> str:
        """Return question and category in one word."""
        return f"{self.question}/{self.category}" if self.category else self.question


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Proportion:
    """Return a share with its Wilson interval, as statsmodels computes it.

    Parameters
    ----------
    successes, n : int
        Counts.
    confidence : float
        Nominal coverage.

    Examples
    --------
    >>> str(wilson(8, 10))
    '0.80 [0.49, 0.94] (8/10)'
    """
    if not 0 <= successes <= n:
        raise EvaluationRefused(f"{successes} of {n} is no share")
    if n == 0:
        return Proportion(0, 0, None, None, None)
    low, high = proportion_confint()(successes, n, alpha=1 - confidence, method="wilson")
    return Proportion(successes, n, successes / n, float(low), float(high))


def score(gold: Sequence[bool], predicted: Sequence[bool], need: int = ENOUGH_POSITIVES) -> Score:
    """Return precision and recall of predictions against gold labels.

    Parameters
    ----------
    gold, predicted : sequence of bool
        In the same order of items.
    need : int
        Positives it takes before the score may be judged.
    """
    if len(gold) != len(predicted):
        message = f"there are {len(gold)} gold labels and {len(predicted)} predictions"
        raise EvaluationRefused(message)
    hits = sum(a and b for a, b in zip(gold, predicted, strict=True))
    positives, named = sum(map(bool, gold)), sum(map(bool, predicted))
    return Score(len(gold), positives, named, wilson(hits, named), wilson(hits, positives), need)


def majority_baseline(
    training: Sequence[bool], gold: Sequence[bool], need: int = ENOUGH_POSITIVES
) -> Score:
    """Return the score of always answering what most training items are; a tie answers no."""
    answer = 2 * sum(map(bool, training)) > len(training)
    return score(gold, [answer] * len(gold), need)


def item_text(body: Mapping[str, JsonValue], part: str = "all") -> str:
    """Return the words of an item.

    Parameters
    ----------
    body : mapping
        As `items.jsonl` has it: ``text``; ``prompt``, ``response`` and perhaps ``system``; or
        ``messages``; with ``responses`` where there are several.
    part : {"all", "last"}
        Of a conversation or a pair, everything or what was said last.
    """
    messages = body.get("messages")
    if isinstance(messages, list):
        said = [str(one["content"]) for one in messages if isinstance(one, dict)]
    elif "text" in body:
        said = [str(body["text"])]
    else:
        said = [str(body[key]) for key in ("system", "prompt", "response") if key in body]
    responses = body.get("responses")
    if isinstance(responses, list):
        said += [str(one["text"]) for one in responses if isinstance(one, dict)]
    return said[-1] if part == "last" and said else "\n".join(said)


def settled_value(row: Row, *, use_majority: bool = False) -> str | None:
    """Return the value of a gold row; where it is open, the strict majority if that is wanted."""
    value, distribution, n = row["value"], row["distribution"], row["n"]
    if isinstance(value, str):
        return value
    if not use_majority or row["basis"] != "open" or not isinstance(distribution, dict):
        return None
    for name, count in distribution.items():
        if isinstance(count, int) and isinstance(n, int) and 2 * count > n:
            return name
    return None


def _one_row(question: Question | None, category: str, value: str) -> dict[str, bool]:
    """Return the target categories one gold value says something about."""
    kind = "boolean" if question is None else question.type  # derived variables are yes or no
    if kind == "multi":
        return {category: value == "1"}
    if kind == "boolean" and not category:
        return {"": value == "true"}
    if kind == "single" and question is not None and not category:
        return {option.id: value == option.id for option in question.options}
    return {}


def targets(
    rubric: Rubric, gold_rows: Iterable[Row], *, use_majority: bool = False
) -> tuple[Target, ...]:
    """Return what can be learned from a gold set, one yes-or-no target at a time.

    Parameters
    ----------
    rubric : Rubric
        The rubric of the release.
    gold_rows : iterable of dict
        Rows of `gold.jsonl`.
    use_majority : bool
        Let open cells count with the strict majority of their votes.

    Returns
    -------
    tuple of Target
        Every category of a multiple choice, every option of a single choice, every boolean
        question and derived variable; in the order of the rubric.
    """
    questions = {question.id: question for question in rubric.questions}
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for row in gold_rows:
        value = settled_value(row, use_majority=use_majority)
        if value is None:
            continue
        name = str(row["question"])
        said = _one_row(questions.get(name), str(row["category"]), value)
        for category, holds in said.items():
            found.setdefault((name, category), {})[str(row["item_id"])] = holds
    names = [*questions, *(derived.id for derived in rubric.derived)]
    ordered = sorted(found, key=lambda key: names.index(key[0]))
    return tuple(Target(*key, found[key]) for key in ordered)
