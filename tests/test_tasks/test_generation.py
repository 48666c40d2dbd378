"""Plans: the same every time, complete, balanced, and honest about what is wrong."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.allocation import Person
from tasks.generation import Design, PlanItem, not_yet_made, plan

RUBRIC = load_rubric(read("conversational-abuse"))
PEOPLE = [Person(f"p{number}", "north" if number < 4 else "south") for number in range(6)]


def items(count, language=None):
    return [
        PlanItem(f"i{number:04}", language, {"bot": f"b{number % 2}"}) for number in range(count)
    ]


def codes(planned, severity=None):
    return {one.code for one in planned.problems if severity in {None, one.severity}}


@given(
    st.integers(0, 30), st.integers(1, 5), st.integers(0, 2**32), st.randoms(use_true_random=False)
)
def test_the_plan_is_the_same_whatever_the_order_of_its_input(count, overlap, seed, shuffler):
    design = Design(overlap, seed, reserve=True)
    first = plan(items(count), PEOPLE, design, RUBRIC)
    mixed_items, mixed_people = items(count), list(PEOPLE)
    shuffler.shuffle(mixed_items)
    shuffler.shuffle(mixed_people)
    assert plan(mixed_items, mixed_people, design, RUBRIC) == first


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32))
def test_every_item_gets_its_people_and_the_load_is_even(count, overlap, seed):
    planned = plan(items(count), PEOPLE, Design(overlap, seed, reserve=True), RUBRIC)
    assert planned.ok
    assert {task.item_id for task in planned.tasks} == {item.id for item in items(count)}
    assert all(len(set(task.people)) == task.needed == overlap for task in planned.tasks)
    assert sum(planned.load.values()) == count * overlap
    assert max(planned.load.values()) - min(planned.load.values()) <= 1
    assert all(0 <= task.ord < 2**63 for task in planned.tasks)
    assert [task.ord for task in planned.tasks] == sorted(task.ord for task in planned.tasks)
    for row in planned.coverage:
        assert (row.items, row.labels) == (count, count * overlap)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 2**32))
def test_generating_again_adds_nothing_and_later_items_move_none(count, more, seed):
    design = Design(2, seed)
    first = plan(items(count), PEOPLE, design, RUBRIC)
    made = {task.item_id for task in first.tasks}
    assert not_yet_made(first, made) == ()
    grown = plan(items(count + more), PEOPLE, design, RUBRIC)
    assert len(not_yet_made(grown, made)) == more
    order = {task.item_id: task.ord for task in grown.tasks}
    assert all(order[task.item_id] == task.ord for task in first.tasks)


def test_open_places_are_kept_for_nobody_and_another_seed_is_another_order():
    first = plan(items(50), PEOPLE, Design(3, 1), RUBRIC)
    second = plan(items(50), PEOPLE, Design(3, 2), RUBRIC)
    assert all(task.people is None for task in first.tasks)
    assert [task.item_id for task in first.tasks] != [task.item_id for task in second.tasks]


def test_teams_limit_who_is_asked():
    planned = plan(items(8), PEOPLE, Design(2, 1, teams=("south",), reserve=True), RUBRIC)
    assert planned.ok
    assert planned.load == {"p4": 8, "p5": 8}


def test_an_explicit_allocation_is_kept_as_given():
    allocation = {"i0001": ["p5", "p0"], "i0000": ["p1"]}
    planned = plan(items(3), PEOPLE, Design(9, 1, allocation=allocation), RUBRIC)
    assert planned.ok
    assert {task.item_id: task.people for task in planned.tasks} == {
        "i0001": ("p5", "p0"),
        "i0000": ("p1",),
    }
    assert {task.item_id: task.needed for task in planned.tasks} == {"i0001": 2, "i0000": 1}
    assert codes(planned, "warning") == {"left_out", "few_items"}
    assert planned.load == {"p0": 1, "p1": 1, "p2": 0, "p3": 0, "p4": 0, "p5": 1}


def test_a_wrong_allocation_is_refused_with_everything_wrong_with_it():
    allocation = {"i0000": ["p1", "p1"], "nowhere": ["p0"], "i0001": ["stranger"]}
    planned = plan(items(2), PEOPLE, Design(1, 1, allocation=allocation), RUBRIC)
    assert not planned.ok
    assert codes(planned, "error") == {"unknown_item", "unknown_person", "person_twice_on_item"}


def test_people_get_items_in_their_languages_only():
    people = [
        Person("de", languages=frozenset({"de"})),
        Person("any"),
        Person("en-GB", None, frozenset({"en-GB"})),
    ]
    both = [*items(4, "de-AT"), PlanItem("x", "en")]
    planned = plan(both, people, Design(2, 3, reserve=True), RUBRIC)
    assert planned.ok
    assert {task.item_id: task.people for task in planned.tasks}["x"] == ("any", "en-GB")
    assert planned.load == {"any": 5, "de": 4, "en-GB": 1}
    assert planned.slices["language"] == {"de-AT": 4, "en": 1}


def test_an_allocation_across_languages_is_allowed_and_said():
    people = [Person("de", languages=frozenset({"de"}))]
    design = Design(1, 1, allocation={"x": ["de"]})
    planned = plan([PlanItem("x", "fr")], people, design, RUBRIC)
    assert planned.ok
    assert "language" in codes(planned, "warning")


@pytest.mark.parametrize(
    ("given_items", "people", "design", "code"),
    [
        ([], PEOPLE, Design(2, 1), "no_items"),
        (items(2), [], Design(2, 1), "no_people"),
        (items(2), PEOPLE, Design(2, 1, teams=("west",)), "no_people"),
        (items(2), PEOPLE, Design(7, 1), "too_few_people"),
        (items(2), PEOPLE, Design(0, 1), "overlap"),
        (items(2), PEOPLE, Design(2, 1, minutes_per_item=0), "minutes"),
        (items(2) * 2, PEOPLE, Design(2, 1), "item_twice"),
        (items(2), PEOPLE * 2, Design(2, 1), "person_twice"),
        (items(2, "fr"), [Person("a", None, frozenset({"de"}))], Design(1, 1), "too_few_people"),
    ],
)
def test_what_forbids_a_plan(given_items, people, design, code):
    planned = plan(given_items, people, design, RUBRIC)
    assert not planned.ok
    assert code in codes(planned, "error")


def test_coverage_says_what_the_rubric_needs_before_agreement_may_be_judged():
    planned = plan(items(100), PEOPLE, Design(1, 1, minutes_per_item=1.5), RUBRIC)
    rows = {(row.question, row.category): row for row in planned.coverage}
    assert not rows["severity", ""].conditional
    sexist = rows["types", "sexist"]
    assert sexist.conditional
    assert sexist.prevalence_needed == pytest.approx(sexist.need_positives / 100)
    assert {"overlap_one", "few_items"} <= codes(planned, "warning")
    assert planned.people_hours == pytest.approx(2.5)
    assert planned.slices["bot"] == {"b0": 50, "b1": 50}


def test_free_text_and_metadata_questions_are_not_covered():
    rubric = load_rubric(read("llm-response-safety"))
    planned = plan(items(10), PEOPLE, Design(2, 1), rubric)
    covered = {row.question for row in planned.coverage}
    kinds = {question.id: question for question in rubric.questions}
    assert all(kinds[one].type != "text" and kinds[one].role != "metadata" for one in covered)


def test_pairs_of_people_are_mixed():
    planned = plan(items(600), PEOPLE, Design(2, 5, reserve=True), RUBRIC)
    pairs = Counter(task.people for task in planned.tasks)
    assert len(pairs) == 15
    assert min(pairs.values()) >= 10


def test_items_in_languages_that_the_rubric_does_not_name_are_told():
    given_items = [*items(3, "en-GB"), PlanItem("x", "fr"), PlanItem("y", "sw"), PlanItem("z")]
    planned = plan(given_items, PEOPLE, Design(2, 1), RUBRIC)
    [told] = [one for one in planned.problems if one.code == "rubric_language"]
    assert planned.ok
    assert told.severity == "warning"
    assert "2 items" in told.message
    assert "fr: 1, sw: 1" in told.message
    assert "it names en" in told.message
    assert "rubric_language" not in codes(plan(items(3, "en"), PEOPLE, Design(2, 1), RUBRIC))
