"""Scores with their counts and intervals, and the example that prints them."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.evaluation import (
    EvaluationRefused,
    item_text,
    majority_baseline,
    score,
    settled_value,
    targets,
    wilson,
)
from exports.release import write_release
from rubrics.schema import Question
from tests.test_exports.gold_samples import item, labels, row, rubric

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_classifier.py"


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_is_that_of_the_formula(drawn):
    successes, n = drawn
    found = wilson(successes, n)
    if n == 0:
        assert (found.value, found.low, found.high) == (None, None, None)
        return
    z, share = 1.959963984540054, successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    assert found.low == pytest.approx(max(0, middle - half), abs=1e-9)
    assert found.high == pytest.approx(min(1, middle + half), abs=1e-9)
    assert found.low <= found.value + 1e-12
    assert found.value <= found.high + 1e-12


def test_a_published_interval():
    """Newcombe (1998), method 3: 81 of 263 gives .2553 to .3662."""
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_impossible_counts_are_refused():
    with pytest.raises(EvaluationRefused, match="no share"):
        wilson(3, 2)
    with pytest.raises(EvaluationRefused, match="1 gold labels and 2 predictions"):
        score([True], [True, False])


def test_precision_and_recall():
    found = score([True, True, False, False, True], [True, False, True, False, False], need=3)
    assert (found.precision.successes, found.precision.n) == (1, 2)
    assert (found.recall.successes, found.recall.n) == (1, 3)
    assert (found.items, found.positives, found.predicted) == (5, 3, 2)
    assert found.enough
    assert found.verdict == "sufficient"
    assert "insufficient positives (3 of 40)" in replace(found, need=40).verdict
    assert str(score([False], [False]).precision) == "undefined (0/0)"


@given(st.lists(st.booleans()), st.lists(st.booleans()))
def test_the_baseline_always_says_the_same(training, gold):
    found = majority_baseline(training, gold)
    assert found.predicted in {0, len(gold)}
    says_yes = training.count(True) > training.count(False)
    assert found.predicted == (len(gold) if says_yes else 0)


@pytest.mark.parametrize(
    ("body", "whole", "last"),
    [
        ({"text": "a"}, "a", "a"),
        ({"prompt": "p", "response": "r", "system": "s"}, "s\np\nr", "r"),
        ({"messages": [{"content": "a"}, {"content": "b"}]}, "a\nb", "b"),
        ({"messages": []}, "", ""),
    ],
)
def test_the_words_of_an_item(body, whole, last):
    assert item_text(body) == whole
    assert item_text(body, "last") == last


def gold_line(question, value, category="", item_id="i", **options):
    return {
        "item_id": item_id,
        "question": question,
        "category": category,
        "value": value,
        "distribution": {},
        "n": 0,
        "basis": "unanimous",
    } | options


def test_open_cells_count_only_when_asked_for_and_only_with_a_majority():
    tally = {"distribution": {"1": 2, "0": 1}, "n": 3, "basis": "open"}
    assert settled_value(gold_line("types", None, **tally)) is None
    assert settled_value(gold_line("types", None, **tally), use_majority=True) == "1"
    tie = tally | {"distribution": {"1": 1, "0": 1}, "n": 2}
    assert settled_value(gold_line("types", None, **tie), use_majority=True) is None
    few = tally | {"basis": "too_few"}
    assert settled_value(gold_line("types", None, **few), use_majority=True) is None
    assert settled_value(gold_line("types", "0", **tally), use_majority=True) == "0"


def test_targets_are_made_of_what_is_known_and_missing_is_never_negative():
    flag = Question("flag", "?", "boolean", "nominal")
    source = replace(rubric(), questions=(*rubric().questions, flag))
    found = {
        one.name: one.gold
        for one in targets(
            source,
            [
                gold_line("abusive", "true"),
                gold_line("types", "1", "sexist"),
                gold_line("types", None, "racist"),
                gold_line("types", "0", "racist", "j"),
                gold_line("target", "none"),
                gold_line("severity", "mild"),
                gold_line("flag", "false"),
            ],
        )
    }
    assert found == {
        "types/sexist": {"i": True},
        "types/racist": {"j": False},
        "target/generalised": {"i": False},
        "target/individual": {"i": False},
        "target/system": {"i": False},
        "flag": {"i": False},
        "abusive": {"i": True},
    }
    assert list(found)[-1] == "abusive"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("train_classifier", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_classifier"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["train_classifier"]


@pytest.fixture(scope="module")
def garden(tmp_path_factory):
    """Return a release that is easy to learn: rude texts name turnips, kind ones tulips."""
    items, votes = [], []
    for number in range(240):
        rude = number % 3 == 0
        word = "turnip" if rude else "tulip"
        name = f"i{number:03}"
        groups = {"conversation_id": f"c{number // 2}"}
        items.append(item(name, f"you {word} number {number}", group_keys=groups))
        types = ["sexist"] if rude else []
        for who in ("ann", "ben"):
            votes += labels(name, who, "mild" if rude else "not_abusive", types)
    votes += labels("i001", "cem", "mild", ["racist"])
    directory = tmp_path_factory.mktemp("garden") / "release"
    write_release(row(), items, votes, [], directory)
    return directory


def test_the_example_prints_precision_and_recall_beside_the_baseline(example, garden, capsys):
    assert example.main([str(garden), "--need", "5"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("**Not certified:**")
    blocks = {block.split(":")[0]: block for block in out.split("\n\n")[1:]}
    sexist = blocks["types/sexist"].splitlines()
    assert sexist[1].startswith("  classifier  precision 1.00 [0.")
    assert sexist[2].startswith("              recall    1.00 [0.")
    assert sexist[3] == "  majority    precision undefined (0/0)"
    assert sexist[4].startswith("              recall    0.00 [0.00, ")
    assert len(sexist) == 5
    assert "insufficient positives (or negatives) to learn from" in blocks["types/racist"]
    assert "insufficient positives (0 of 5)" in blocks["types/racist"]


def test_the_example_says_when_positives_are_too_few_to_judge_by(example, garden, capsys):
    assert example.main([str(garden), "--need", "1000", "--open-cells", "majority"]) == 0
    out = capsys.readouterr().out
    assert "of 1000): nothing can be judged by these figures" in out


def test_the_example_twice_is_the_same(example, garden, capsys):
    arguments = [str(garden), "--held-out", "test,validation", "--part", "last"]
    assert example.main(arguments) == 0
    first = capsys.readouterr().out
    assert example.main(arguments) == 0
    assert capsys.readouterr().out == first


def test_the_example_refuses_what_is_no_release_and_a_split_without_items(
    example, garden, tmp_path, capsys
):
    assert example.main([str(tmp_path)]) == 2
    assert "this is not a release" in capsys.readouterr().err
    assert example.main([str(garden), "--held-out", "exam"]) == 2
    assert "no items in one of these splits" in capsys.readouterr().err
