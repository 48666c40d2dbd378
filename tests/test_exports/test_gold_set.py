"""Why a gold label is what it is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.errors import ReleaseRefused
from exports.gold_set import BASES, Vote, resolve
from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.schema import AdjudicationRule, Question
from tasks.label_validation import validate_answers
from tests.test_exports.gold_samples import labels, mark, project, rubric, ruling

SEVERITIES = ["not_abusive", "ambiguous", "mild", "strong", "very_strong"]


def gold(votes, decisions=(), *, minimum=2, source=None, **options):
    cells = resolve(source or rubric(), votes, decisions, minimum, fingerprint=mark(), **options)
    return {(cell.item_id, cell.question, cell.category): cell for cell in cells}


def severity(votes, decisions=(), **options):
    return gold(votes, decisions, **options)["i", "severity", ""]


def with_rule(**rule):
    questions = tuple(
        replace(one, adjudicate=AdjudicationRule(**rule)) for one in rubric().questions
    )
    return replace(rubric(), questions=questions)


def two(first, second, *more):
    votes = [*labels("i", "a0", *first), *labels("i", "a1", *second)]
    for number, one in enumerate(more, start=2):
        votes += labels("i", f"a{number}", *one)
    return votes


def test_unanimous():
    cell = severity(two(("mild",), ("mild",)))
    assert (cell.value, cell.basis, cell.n, cell.distribution) == (
        "mild",
        "unanimous",
        2,
        {"mild": 2},
    )
    assert cell.fingerprint == mark()


def test_open_until_ruled():
    votes = two(("mild",), ("strong",))
    cell = severity(votes)
    assert (cell.value, cell.basis, cell.distribution) == (None, "open", {"mild": 1, "strong": 1})
    cell = severity(votes, [ruling("i", "strong", cause="guideline_gap")])
    assert (cell.value, cell.basis, cell.cause) == ("strong", "adjudicated", "guideline_gap")
    assert cell.decision == "d-i-severity--1"


def test_a_later_ruling_replaces_an_earlier_one_and_a_revocation_reopens():
    votes = two(("mild",), ("strong",))
    first = ruling("i", "mild")
    second = ruling("i", "strong", number=2, supersedes=first.id)
    revoked = ruling("i", None, number=3, supersedes=second.id, kind="revoke")
    assert severity(votes, [second, first]).value == "strong"
    assert severity(votes, [revoked, second, first]).basis == "open"


def test_two_rulings_that_both_hold_are_refused():
    with pytest.raises(ReleaseRefused, match="one must supersede"):
        severity([], [ruling("i", "mild"), ruling("i", "strong", number=2)])


def test_a_ruling_may_keep_the_distribution():
    votes = two(("mild",), ("strong",))
    cell = severity(votes, [ruling("i", None, state="cannot_assess", cause="genuine_pluralism")])
    assert (cell.value, cell.basis, cell.cause) == (None, "adjudicated", "genuine_pluralism")
    assert cell.distribution == {"mild": 1, "strong": 1}
    kept = ruling("i", None, state="cannot_assess")
    assert gold(votes, [kept])["i", "abusive", ""].basis == "unanimous"
    split = two(("mild",), ("not_abusive",))
    derived = gold(split, [kept])["i", "abusive", ""]
    assert (derived.value, derived.basis) == (None, "adjudicated")


def test_too_few_votes_settle_nothing():
    cell = severity(labels("i", "a", "mild"))
    assert (cell.value, cell.basis, cell.n) == (None, "too_few", 1)
    assert severity(labels("i", "a", "mild"), minimum=1).basis == "unanimous"


def test_majority_and_no_majority_where_the_rubric_opens_no_case():
    votes = two(("mild",), ("mild",), ("strong",))
    assert severity(votes).basis == "open"
    cell = severity(votes, source=with_rule(when="never"))
    assert (cell.value, cell.basis) == ("mild", "majority")
    cell = severity(two(("mild",), ("strong",)), source=with_rule(when="never"))
    assert (cell.value, cell.basis) == (None, "no_majority")
    cell = severity(votes, source=with_rule(when="gap", gap_at_least=2))
    assert (cell.value, cell.basis) == ("mild", "majority")


def test_undecided_cases_may_take_their_majority():
    votes = two(("mild",), ("mild",), ("strong",))
    assert severity(votes, undecided="majority").value == "mild"
    tied = severity(two(("mild",), ("strong",)), undecided="majority")
    assert (tied.value, tied.basis) == (None, "no_majority")


def test_a_closed_question_counts_as_what_the_rubric_declares():
    cells = gold(two(("not_abusive",), ("not_abusive",)))
    sexist = cells["i", "types", "sexist"]
    assert (sexist.value, sexist.basis, sexist.n, sexist.not_asked) == ("0", "unanimous", 2, 2)
    assert cells["i", "target", ""].value == "none"
    assert cells["i", "abusive", ""].value == "false"


def test_without_a_declared_value_a_closed_question_is_missing():
    questions = tuple(replace(one, when_not_asked=None) for one in rubric().questions)
    source = replace(rubric(), questions=questions)
    cell = gold(two(("not_abusive",), ("not_abusive",)), source=source)["i", "target", ""]
    assert (cell.value, cell.basis, cell.n, cell.not_asked) == (None, "too_few", 0, 2)


def test_unsure_and_cannot_assess_are_counted_and_never_a_value():
    votes = [
        Vote("i", "a", "severity", "", "mild", "answered"),
        Vote("i", "b", "severity", "", "mild", "answered"),
        Vote("i", "c", "severity", "", None, "cannot_assess"),
    ]
    cell = severity(votes)
    assert (cell.value, cell.n, cell.cannot_assess) == ("mild", 2, 1)
    votes.append(Vote("i", "d", "severity", "", None, "unsure"))
    cell = severity(votes)
    assert (cell.value, cell.basis, cell.n, cell.unsure) == (None, "open", 2, 1)


def test_a_ruling_that_closes_a_follow_up_settles_it():
    votes = two(("mild", ["sexist"]), ("not_abusive",))
    assert gold(votes)["i", "types", "sexist"].basis == "open"
    cells = gold(votes, [ruling("i", "not_abusive")])
    sexist = cells["i", "types", "sexist"]
    assert (sexist.value, sexist.basis, sexist.decision) == ("0", "adjudicated", "d-i-severity--1")
    assert cells["i", "target", ""].value == "none"
    derived = cells["i", "abusive", ""]
    assert (derived.value, derived.basis) == ("false", "adjudicated")


def test_a_ruling_that_opens_a_follow_up_leaves_it_open():
    votes = two(("mild", ["sexist"]), ("not_abusive",))
    cells = gold(votes, [ruling("i", "mild")])
    assert cells["i", "types", "sexist"].basis == "open"
    assert cells["i", "abusive", ""].value == "true"
    ruled = gold(votes, [ruling("i", "mild"), ruling("i", "1", "types", "sexist")])
    assert ruled["i", "types", "sexist"].value == "1"


def test_a_follow_up_ruled_not_to_be_asked_takes_the_declared_value():
    votes = two(("mild",), ("not_abusive",))
    cells = gold(votes, [ruling("i", None, "target", state="not_asked")])
    cell = cells["i", "target", ""]
    assert (cell.value, cell.basis) == ("none", "adjudicated")


def test_a_derived_variable_can_be_settled_where_its_question_is_not():
    cells = gold(two(("mild",), ("very_strong",)))
    assert cells["i", "severity", ""].basis == "open"
    derived = cells["i", "abusive", ""]
    assert (derived.value, derived.basis, derived.distribution) == (
        "true",
        "unanimous",
        {"true": 2},
    )
    assert gold(two(("mild",), ("ambiguous",)))["i", "abusive", ""].basis == "open"
    alone = gold(labels("i", "a", "mild"))["i", "abusive", ""]
    assert alone.basis == "too_few"


def test_rulings_reach_derived_variables_through_every_type_of_question():
    flag = Question("flag", "?", "boolean", "nominal")
    number = Question("number", "?", "number", "ratio")
    source = replace(rubric(), questions=(*rubric().questions, flag, number))
    votes = [
        *two(("mild",), ("strong",)),
        *(
            Vote("i", who, name, "", value, "answered")
            for who in ("a0", "a1")
            for name, value in (("flag", "true"), ("number", "2.5"))
        ),
    ]
    cells = gold(votes, [ruling("i", "ambiguous")], source=source)
    assert cells["i", "flag", ""].value == "true"
    assert cells["i", "number", ""].value == "2.5"
    assert cells["i", "abusive", ""].value == "false"


def test_free_text_and_metadata_have_no_gold():
    note = Question("note", "?", "text", None)
    sure = Question("sure", "?", "boolean", "nominal", role="metadata")
    spans = Question("where", "?", "span", "nominal")
    source = replace(rubric(), questions=(note, sure, spans), derived=())
    votes = [
        Vote("i", who, name, "", "true" if name == "sure" else "[]", "answered")
        for who in ("a", "b")
        for name in ("note", "sure", "where")
    ]
    assert set(gold(votes, source=source)) == {("i", "where", "")}


def test_two_current_labels_of_one_annotator_are_refused():
    with pytest.raises(ReleaseRefused, match="two current labels"):
        severity([*labels("i", "a", "mild"), *labels("i", "a", "strong")])


def _most(cell):
    return max(cell.distribution.values(), default=0)


def _unanimous(cell, minimum):
    assert cell.distribution == {cell.value: cell.n}
    assert cell.n >= minimum


def _majority(cell, minimum):
    assert cell.distribution[cell.value] == _most(cell) > cell.n / 2
    assert _most(cell) < cell.n >= minimum


def _adjudicated(cell, _):
    assert cell.decision == "d-i-severity--1"


def _open(cell, _):
    assert cell.value is None
    assert len(cell.distribution) > 1


def _too_few(cell, minimum):
    assert cell.value is None
    assert cell.n < minimum


def _no_majority(cell, minimum):
    assert cell.value is None
    assert _most(cell) * 2 <= cell.n >= minimum


HOLDS = {
    "unanimous": _unanimous,
    "majority": _majority,
    "adjudicated": _adjudicated,
    "open": _open,
    "too_few": _too_few,
    "no_majority": _no_majority,
}
VOTES = st.lists(
    st.tuples(st.sampled_from(SEVERITIES), st.sets(st.sampled_from(["sexist", "racist"]))),
    min_size=1,
    max_size=5,
)
RULINGS = st.none() | st.sampled_from(SEVERITIES)


@given(
    VOTES,
    RULINGS,
    st.integers(1, 4),
    st.sampled_from(["open", "majority"]),
    st.randoms(use_true_random=False),
)
def test_the_rules_of_the_bases_hold(submissions, ruled, minimum, undecided, shuffler):
    votes = [
        label
        for number, (level, types) in enumerate(submissions)
        for label in labels("i", f"a{number}", level, types)
    ]
    decisions = [] if ruled is None else [ruling("i", ruled)]
    cells = gold(votes, decisions, minimum=minimum, undecided=undecided)
    shuffler.shuffle(votes)
    assert gold(votes, decisions, minimum=minimum, undecided=undecided) == cells
    assert len(cells) == 11
    for cell in cells.values():
        assert cell.n == sum(cell.distribution.values()) <= len(submissions)
        HOLDS[cell.basis](cell, minimum)
    allowed = {"open"} if undecided == "open" else {"majority", "no_majority"}
    found = {cell.basis for cell in cells.values()}
    assert found <= {"unanimous", "too_few", "adjudicated"} | allowed
    assert ruled is not None or "adjudicated" not in found
    if ruled is not None:
        assert cells["i", "severity", ""].value == ruled


def test_gold_comes_by_item_and_in_the_order_of_the_rubric():
    _, votes, rulings = project()
    cells = list(resolve(rubric(), votes[::-1], rulings, 2, fingerprint=mark()))
    assert [cell.item_id for cell in cells] == sorted(cell.item_id for cell in cells)
    first = [(cell.question, cell.category) for cell in cells if cell.item_id == "i0"]
    assert first[0] == ("severity", "")
    assert first[-1] == ("abusive", "")


def test_the_recorded_labels_agree_where_they_should(convabuse_votes):
    cells = gold(convabuse_votes)
    counts = Counter(cell.basis for cell in cells.values())
    assert set(counts) == {"unanimous", "open"}
    items_open = {cell.item_id for cell in cells.values() if cell.basis == "open"}
    assert len(items_open) == 1207


def test_every_basis_is_checked():
    assert set(HOLDS) == set(BASES)


SAFETY = load_rubric(read("llm-response-safety"))


def safety_votes(annotator, categories=(), response="harmful", refusal="full_compliance"):
    """Return a submission; ``categories`` maps harm categories to severities."""
    answers = {
        "prompt_harm": {"value": "harmful"},
        "response_harm": {"value": response},
        "categories": {"value": list(categories)},
        "severity": {"per": {name: {"value": level} for name, level in categories.items()}},
        "refusal": {"value": refusal},
        "attack": {"value": []},
        "confidence": {"value": "sure"},
        "rationale": {"value": "Says how."},
    }
    if response == "harmful":
        span = {"target": "response", "start": 0, "end": 3, "label": next(iter(categories))}
        answers["evidence"] = {"value": [span]}
    if {"hate", "harassment", "self_harm", "violent_extremism"} & set(categories):
        answers["reference_style"] = {"value": "direct"}
    cells = validate_answers(SAFETY, answers)
    return [
        Vote("i", annotator, cell.question, cell.category, cell.value, cell.state) for cell in cells
    ]


def test_a_question_repeated_per_category_is_resolved_per_category():
    votes = [
        *safety_votes("a", {"hate": "high", "fraud": "low"}),
        *safety_votes("b", {"hate": "high"}),
    ]
    cells = gold(votes, source=SAFETY)
    assert cells["i", "severity", "hate"].value == "high"
    fraud = cells["i", "severity", "fraud"]
    assert (fraud.value, fraud.basis) == (None, "no_majority")
    assert fraud.distribution == {"harmless": 1, "low": 1}
    assert cells["i", "severity", "privacy"].value == "harmless"
    assert cells["i", "categories", "fraud"].basis == "open"
    assert cells["i", "severe", ""].value == "true"
    assert cells["i", "harmful_compliance", ""].value == "true"
    assert cells["i", "declined", ""].value == "false"
    assert ("i", "confidence", "") not in cells
    assert ("i", "rationale", "") not in cells


def test_a_ruling_against_a_category_closes_what_was_asked_about_it():
    votes = [
        *safety_votes("a", {"hate": "high", "fraud": "critical"}),
        *safety_votes("b", {"hate": "high"}),
    ]
    assert gold(votes, source=SAFETY)["i", "severity", "fraud"].basis == "open"
    ruled = gold(votes, [ruling("i", "0", "categories", "fraud")], source=SAFETY)
    fraud = ruled["i", "severity", "fraud"]
    assert (fraud.value, fraud.basis) == ("harmless", "adjudicated")
    assert fraud.decision == "d-i-categories-fraud-1"


def test_a_ruling_on_one_category_reaches_the_derived_variable():
    votes = [*safety_votes("a", {"hate": "low"}), *safety_votes("b", {"hate": "critical"})]
    assert gold(votes, source=SAFETY)["i", "severe", ""].basis == "open"
    ruled = gold(votes, [ruling("i", "critical", "severity", "hate")], source=SAFETY)
    severe = ruled["i", "severe", ""]
    assert (severe.value, severe.basis) == ("true", "adjudicated")
    mild = gold(votes, [ruling("i", "low", "severity", "hate")], source=SAFETY)
    assert mild["i", "severe", ""].value == "false"


def test_a_derived_variable_waits_for_the_open_part_of_its_condition():
    votes = [
        *safety_votes("a", {"hate": "low"}),
        *safety_votes("b", {"hate": "low"}, response="unharmful"),
    ]
    cells = gold(votes, source=SAFETY)
    assert cells["i", "harmful_exchange", ""].value == "true"
    assert cells["i", "harmful_compliance", ""].basis == "open"
    ruled = gold(votes, [ruling("i", "unharmful", "response_harm")], source=SAFETY)
    assert ruled["i", "harmful_compliance", ""].value == "false"
    no_vote = [vote for vote in votes if vote.question != "refusal"]
    assert ("i", "declined", "") not in gold(no_vote, source=SAFETY)
