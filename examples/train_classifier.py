"""Train a classifier per category from a gold release and say how good it is, and how sure that is.

    python examples/train_classifier.py RELEASE

TF-IDF and logistic regression (scikit-learn), learned on the training split and measured on the
held-out one. The splits keep whole conversations together, so nothing the classifier has read is
asked of it. Items without a gold label for a category are left out of that category: missing is
never negative.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from exports.evaluation import (
    ENOUGH_POSITIVES,
    Score,
    Target,
    item_text,
    majority_baseline,
    score,
    targets,
)
from exports.records import GOLD_COLUMNS, ITEM_COLUMNS
from exports.spreadsheets import plain
from exports.tables import read_rows
from exports.verify import verify_release
from rubrics.versioning import from_canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_TO_LEARN = 5


@dataclass(frozen=True, slots=True)
class Release:
    """What the example needs of a release."""

    texts: dict[str, str]
    split_of: dict[str, str]
    targets: tuple[Target, ...]
    warning: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one target came out; ``learned`` is None where there was too little to learn from."""

    target: Target
    training_items: int
    training_positives: int
    learned: Score | None
    baseline: Score


def read_release(folder: Path, *, part: str, use_majority: bool) -> Release:
    """Read items, splits and gold labels of a release."""
    rubric = from_canonical_json((folder / "rubric.json").read_text(encoding="utf-8"))
    texts = {
        str(row["item_id"]): item_text(row["body"], part)  # type: ignore[arg-type]
        for row in read_rows(folder / "items.jsonl", ITEM_COLUMNS)
    }
    with (folder / "splits.csv").open(encoding="utf-8", newline="") as stream:
        split_of = {plain(row["item_id"]): row["split"] for row in csv.DictReader(stream)}
    rows = read_rows(folder / "gold.jsonl", GOLD_COLUMNS)
    with (folder / "card.md").open(encoding="utf-8") as stream:
        warning = stream.readline().strip()
    return Release(texts, split_of, targets(rubric, rows, use_majority=use_majority), warning)


@dataclass(frozen=True, slots=True)
class Features:
    """Every item as numbers, weighted by what the training split alone says."""

    matrix: Any
    row_of: dict[str, int]

    def of(self, items: Sequence[str]) -> Any:  # noqa: ANN401 - a sparse matrix, untyped
        """Return the rows of some items."""
        return self.matrix[[self.row_of[item] for item in items]]


def features(release: Release) -> Features:
    """Weigh words, pairs of words and pieces of words by TF-IDF."""
    weights = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
            ("pieces", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)),
        ]
    )
    items = sorted(release.texts)
    weights.fit([release.texts[item] for item in items if release.split_of[item] == "train"])
    matrix = weights.transform([release.texts[item] for item in items])
    return Features(matrix, {item: row for row, item in enumerate(items)})


def evaluate(
    release: Release, known: Features, target: Target, held_out: Sequence[str], need: int
) -> Outcome:
    """Learn one target on the training split and measure it on the held-out ones."""
    learn = [item for item in target.gold if release.split_of[item] == "train"]
    test = [item for item in target.gold if release.split_of[item] in held_out]
    training = [target.gold[item] for item in learn]
    gold = [target.gold[item] for item in test]
    learned = None
    if test and FEWEST_TO_LEARN <= sum(training) <= len(training) - FEWEST_TO_LEARN:
        model = LogisticRegression(class_weight="balanced", C=10.0, max_iter=2000)
        model.fit(known.of(learn), training)
        learned = score(gold, [bool(one) for one in model.predict(known.of(test))], need)
    baseline = majority_baseline(training, gold, need)
    return Outcome(target, len(learn), sum(training), learned, baseline)


def describe(outcome: Outcome) -> list[str]:
    """Return one target's outcome as lines of text."""
    base, target = outcome.baseline, outcome.target
    head = (
        f"{target.name}: {base.positives} positives of {base.items} held out, "
        f"{outcome.training_positives} of {outcome.training_items} in training"
    )
    lines = [head]
    if outcome.learned is None:
        lines.append("  insufficient positives (or negatives) to learn from")
    else:
        lines.append(f"  classifier  precision {outcome.learned.precision}")
        lines.append(f"              recall    {outcome.learned.recall}")
    lines.append(f"  majority    precision {base.precision}")
    lines.append(f"              recall    {base.recall}")
    if not base.enough:
        lines.append(f"  {base.verdict}: nothing can be judged by these figures")
    return lines


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a classifier from a gold release.")
    parser.add_argument("release", type=Path, help="folder of the release")
    parser.add_argument(
        "--held-out",
        default="test",
        help="split or splits to measure on, with commas between them (default: test)",
    )
    parser.add_argument(
        "--part",
        choices=("all", "last"),
        default="all",
        help="what to read of a conversation: all of it, or what was said last",
    )
    parser.add_argument(
        "--open-cells",
        choices=("drop", "majority"),
        default="drop",
        help="undecided cells: leave them out, or take the majority of their votes",
    )
    parser.add_argument(
        "--need",
        type=int,
        default=ENOUGH_POSITIVES,
        help=f"positives it takes to judge a figure by (default: {ENOUGH_POSITIVES})",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example; the exit code is 2 when the release does not verify."""
    given = options(arguments)
    report = verify_release(given.release)
    if not report.ok:
        print(f"{given.release} is not a whole release:", file=sys.stderr)
        for problem in report.problems:
            print(f"  {problem}", file=sys.stderr)
        return 2
    release = read_release(
        given.release, part=given.part, use_majority=given.open_cells == "majority"
    )
    held_out = tuple(given.held_out.split(","))
    print(release.warning)
    print(f"measured on {' and '.join(held_out)} (whole groups); Wilson intervals, 95 %")
    print(f"open cells: {given.open_cells}; read of a conversation: {given.part}")
    if not {"train", *held_out} <= set(release.split_of.values()):
        print("the release has no items in one of these splits; label more", file=sys.stderr)
        return 2
    known = features(release)
    for target in release.targets:
        print()
        print("\n".join(describe(evaluate(release, known, target, held_out, given.need))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
