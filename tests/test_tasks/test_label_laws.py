"""Laws of label validation, on rubrics drawn at random and on the recorded labels."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rubrics.conditions import Answer, asked, evaluate
from tasks.label_validation import answers_of, compile_validator
from tests.support.shared_data import shared
from tests.test_rubrics.strategies import answers_strategy, document_strategy, flow
from tests.test_rubrics.test_conditions import valid
from tests.test_tasks.test_label_validation import ABUSE, HARMFUL, SAFETY, TEXTS, problems_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rubrics.schema import Rubric


def _is_open(rubric: Rubric, answers: dict[str, Any], name: str) -> bool:
    """Tell by the condition alone whether a question is open, answers of others being sound."""
    seen: dict[str, Answer] = {}
    for question in rubric.questions:
        raw = answers.get(question.id)
        opened = question.id in asked(rubric, seen)
        if question.id == name:
            return opened
        if raw is not None and opened:
            seen[question.id] = _answer(raw)
    raise AssertionError(name)


def _answer(raw: dict[str, Any]) -> Answer:
    if "per" in raw:
        return Answer(per={key: _answer(one) for key, one in raw["per"].items()})
    value = raw.get("value")
    return Answer(tuple(value) if isinstance(value, list) else value, raw.get("state", "answered"))


@settings(max_examples=40)
@given(document_strategy(), st.data())
def test_the_validator_takes_exactly_what_the_conditions_open(
    document: dict[str, Any], data: st.DataObject
) -> None:
    for question in document["questions"]:
        question["required"] = False
    rubric = valid(flow(document))
    if rubric is None:
        return
    answers: Any = data.draw(answers_strategy(rubric))
    problems = problems_of(rubric, answers)
    refused = {one.question for one in problems if one.code == "closed_by_condition"}
    whole = {
        one.question for one in problems if one.code == "closed_by_condition" and not one.category
    }
    assert {one.code for one in problems} <= {"closed_by_condition"}
    for name in answers:
        if not any(one.category for one in problems):
            assert (name in whole) is not _is_open(rubric, answers, name)
    if not refused:
        stored = answers_of(rubric, compile_validator(rubric).validate(answers))
        for question in rubric.questions:
            state = stored[question.id].state if question.id in stored else None
            if question.ask_if is not None and question.repeat_for is None:
                assert (state == "not_asked") is not evaluate(question.ask_if, stored)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "state", "per", "clauses", "reason", "hate", "target", "start"]
            )
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from([question.id for question in SAFETY.questions]), JUNK))
def test_any_json_is_taken_or_refused_with_reasons(answers: dict[str, Any]) -> None:
    for problem in problems_of(SAFETY, {**HARMFUL, **answers}, TEXTS):
        assert problem.code
        assert problem.message.encode("utf-8")


def shared_rows() -> Iterator[dict[str, str]]:
    """Yield the recorded rows of the shared data, or skip."""
    with (shared("convabuse") / "labels_wide.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def recorded_answers(row: dict[str, str]) -> dict[str, Any]:
    """Return the answers of a recorded row; a follow-up without any mark was not answered."""
    codes = {f"{option.code:g}": option.id for option in ABUSE.question("severity").options}
    found: dict[str, Any] = {"severity": {"value": codes[row["severity"]]}}
    for name, prefix in (("types", "type_"), ("target", "target_"), ("direction", "direction_")):
        chosen = [
            key.removeprefix(prefix) for key in row if key.startswith(prefix) and row[key] == "1"
        ]
        if name == "types" and (chosen or int(row["severity"]) <= -1):
            found[name] = {"value": chosen}
        elif chosen:
            found[name] = {"value": chosen[0]}
    return found


def test_recorded_rows_that_answer_a_closed_question_are_refused() -> None:
    taken, refused, closed = 0, 0, 0
    for row in shared_rows():
        problems = problems_of(ABUSE, recorded_answers(row))
        assert {problem.code for problem in problems} <= {"closed_by_condition"}
        taken += not problems
        refused += bool(problems)
        closed += sum(
            len(recorded_answers(row)["types"]["value"]) if problem.question == "types" else 1
            for problem in problems
        )
    assert (taken, refused, closed) == (12_176, 21, 37)
