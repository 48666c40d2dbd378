from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubrics.conditions import Answer, asked, describe, evaluate, operands, structural, truth
from rubrics.errors import RubricInvalid
from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.schema import AllOf, AnyOf, Compare, Not, Rubric
from tests.test_rubrics.strategies import document_strategy, flow
from tests.test_rubrics.texts import SMALL, changed

SMALL_RUBRIC = load_rubric(SMALL)
IS_RUDE = Compare("kinds", "is", "rude", frozenset({"rude"}))
IS_BAD = Compare("rating", "is", "bad", frozenset({"bad"}))


@pytest.mark.parametrize(("option", "expected"), [("fine", False), ("poor", True), ("bad", True)])
def test_order_is_compared_by_codes_also_negative_ones(option: str, *, expected: bool) -> None:
    condition = SMALL_RUBRIC.question("kinds").ask_if
    assert condition is not None
    assert evaluate(condition, {"rating": Answer(option)}) is expected


@pytest.mark.parametrize("state", ["unsure", "cannot_assess", "not_asked"])
def test_an_operand_without_an_answer_settles_nothing(state: str) -> None:
    answers = {"rating": Answer(None, state)}
    assert truth(IS_BAD, answers) is None
    assert truth(Not(IS_BAD), answers) is None
    assert evaluate(IS_BAD, answers) is False
    assert evaluate(Not(IS_BAD), answers) is False
    assert evaluate(Not(IS_BAD), {}) is False


def test_an_unsettled_part_gives_way_to_one_that_decides() -> None:
    answers = {"rating": Answer("bad")}
    assert truth(AnyOf((IS_RUDE, IS_BAD)), answers) is True
    assert truth(AllOf((IS_RUDE, IS_BAD)), answers) is None
    assert truth(AllOf((IS_RUDE, Not(IS_BAD))), answers) is False
    assert truth(AnyOf((IS_RUDE, Not(IS_BAD))), answers) is None


@pytest.mark.parametrize(
    ("op", "value", "chosen", "expected"),
    [
        ("is", "rude", ("rude", "loud"), True),
        ("is", "rude", ("loud",), False),
        ("is", "rude", (), False),
        ("any_of", ("rude", "loud"), ("loud",), True),
        ("none_of", ("rude",), ("loud",), True),
        ("none_of", ("rude",), ("loud", "rude"), False),
        ("none_of", ("rude",), (), True),
        ("chosen", True, ("loud",), True),
        ("chosen", True, (), False),
        ("chosen", False, (), True),
    ],
)
def test_several_choices_are_looked_at_together(
    op: str, *, value: str | bool | tuple[str, ...], chosen: tuple[str, ...], expected: bool
) -> None:
    accepts = frozenset(value) if isinstance(value, tuple) else frozenset({str(value)})
    test = Compare("kinds", op, value, accepts)  # type: ignore[arg-type]
    assert truth(test, {"kinds": Answer(chosen)}) is expected


@pytest.mark.parametrize(
    ("op", "bound", "value", "expected"),
    [
        ("at_least", 2, 2, True),
        ("at_least", 2, 1.5, False),
        ("at_most", 2, 2.0, True),
        ("at_most", -1, 0, False),
        ("is", 2, 2.0, True),
        ("chosen", True, 0, True),
    ],
)
def test_numbers_are_compared_as_numbers(
    op: str, bound: float, value: float, *, expected: bool
) -> None:
    test = Compare("n", op, bound)  # type: ignore[arg-type]
    assert truth(test, {"n": Answer(value)}) is expected


def test_no_is_an_answer() -> None:
    test = Compare("ok", "is", value=False, accepts=frozenset({"false"}))
    assert truth(test, {"ok": Answer(value=False)}) is True
    assert truth(test, {"ok": Answer(value=True)}) is False


def test_a_repeated_question_meets_a_condition_in_any_category() -> None:
    condition = SMALL_RUBRIC.question("why").required_if
    assert condition is not None
    both = {"rude": Answer("weak"), "loud": Answer("strong")}
    assert evaluate(condition, {"force": Answer(per=both)})
    assert not evaluate(condition, {"force": Answer(per={"rude": Answer("weak")})})
    assert not evaluate(condition, {"force": Answer(per={})})
    unsure = {"rude": Answer("weak"), "loud": Answer(None, "unsure")}
    assert truth(condition, {"force": Answer(per=unsure)}) is None


def test_closing_a_question_closes_what_hangs_on_it() -> None:
    everything = {
        "rating": Answer("fine"),
        "kinds": Answer(("rude",)),
        "force": Answer(per={"rude": Answer("strong")}),
    }
    assert asked(SMALL_RUBRIC, everything) == {"rating", "why"}
    opened = {**everything, "rating": Answer("bad")}
    assert asked(SMALL_RUBRIC, opened) == {"rating", "kinds", "force", "why"}
    assert "force" not in asked(SMALL_RUBRIC, {**opened, "kinds": Answer(())})
    assert "force" not in asked(SMALL_RUBRIC, {**opened, "kinds": Answer(None, "unsure")})


def test_a_closed_question_stands_for_what_the_rubric_declares() -> None:
    assert structural(SMALL_RUBRIC.question("kinds")) == Answer(())
    assert structural(SMALL_RUBRIC.question("force")) is None
    rubric = load_rubric(read("llm-response-safety"))
    assert structural(rubric.question("severity")) == Answer("harmless")


def test_conditions_are_described_by_labels() -> None:
    rubric = load_rubric(read("conversational-abuse"))
    condition = rubric.question("types").ask_if
    assert condition is not None
    assert describe(condition, rubric) == "“severity” is at most −1 (“Mild abuse”)"
    rubric = load_rubric(read("llm-response-safety"))
    condition = rubric.question("over_refusal").ask_if
    assert condition is not None
    assert describe(condition, rubric) == (
        "“prompt_harm” is “Not harmful” and "
        "“refusal” is any of “Refused in part”, “Refused”, “Redirected to help”"
    )
    assert operands(condition) == {"prompt_harm", "refusal"}
    named = describe(condition, rubric, {"refusal": "What was done?"})
    assert named.startswith("“prompt_harm” is “Not harmful” and “What was done?” is any of")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("      not:\n        question: rating\n        is: fine", "not (“rating” is “fine”)"),
        (
            "      question: rating\n      none_of: [fine, poor]",
            "“rating” is none of “fine”, “poor”",
        ),
        ("      question: rating\n      chosen: true", "“rating” has an answer"),
        ("      question: rating\n      at_most: -1.5", "“rating” is at most −1.5"),
    ],
)
def test_every_kind_of_condition_has_words(condition: str, words: str) -> None:
    text = changed("      question: rating\n      at_most: -1", condition)
    rubric = load_rubric(text)
    found = rubric.question("kinds").ask_if
    assert found is not None
    assert describe(found, rubric) == words


def valid(text: str) -> Rubric | None:
    """Return the rubric of a text, or None when it is refused."""
    try:
        return load_rubric(text)
    except RubricInvalid as error:
        others = [problem for problem in error.problems if problem.code != "never_holds"]
    assert not others
    return None


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["o0", "o1"])
STATES = st.sampled_from(["answered", "unsure", "cannot_assess", "not_asked"])
PLAIN = st.builds(Answer, SCALARS | st.lists(st.sampled_from(["o0", "o1"])).map(tuple), STATES)
ANSWER = PLAIN | st.dictionaries(st.sampled_from(["o0", "o1"]), PLAIN).map(
    lambda per: Answer(per=per)
)
NAMES = st.sampled_from(["q0", "q1", "q2", "q3", "q4"])


@settings(max_examples=40)
@given(document_strategy(), st.dictionaries(NAMES, ANSWER))
def test_evaluating_a_validated_rubric_never_raises(
    document: dict[str, object], answers: dict[str, Answer]
) -> None:
    rubric = valid(flow(document))
    if rubric is None:
        return
    opened = asked(rubric, answers)
    assert opened <= {question.id for question in rubric.questions}
    for question in rubric.questions:
        if question.ask_if is not None:
            assert evaluate(question.ask_if, answers) in {True, False}
            assert describe(question.ask_if, rubric)
            assert evaluate(Not(question.ask_if), answers) is (
                truth(question.ask_if, answers) is False
            )
