"""The browser and the server agree on which questions are asked, and on what may be sent."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from rubrics.codebook import to_client
from rubrics.conditions import Answer, asked
from rubrics.library import names, read
from rubrics.loader import load_rubric
from tasks.answer_values import ranking_text
from tasks.label_validation import LabelsRefused, validate_answers
from tests.test_web import label_script

if TYPE_CHECKING:
    from rubrics.schema import Question, Rubric

RUBRIC = load_rubric((label_script.HERE / "condition_rubric.yaml").read_text(encoding="utf-8"))
VECTORS = json.loads((label_script.HERE / "condition_vectors.json").read_text(encoding="utf-8"))
TEXTS = {"text": "ten words", "prompt": "a prompt", "response": "a response"}
DRAWN: dict[str, list[Any]] = {
    "number": [0, 3, 7.5, 101, -1],
    "text": ["short", "", "long " * 3000],
}
STATES = ("answered", "answered", "answered", "answered", "unsure", "cannot_assess")


def _answer(raw: dict[str, Any]) -> Answer:
    if "per" in raw:
        return Answer(per={key: _answer(one) for key, one in raw["per"].items()})
    value = raw.get("value")
    if isinstance(value, list) and value and isinstance(value[0], list):
        value = ranking_text(value)
    return Answer(tuple(value) if isinstance(value, list) else value, raw.get("state", "answered"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_server_asks_what_the_vectors_say(vector: dict[str, Any]) -> None:
    answers = {key: _answer(raw) for key, raw in vector["answers"].items()}
    assert sorted(asked(RUBRIC, answers)) == vector["asked"]


def test_the_browser_asks_what_the_vectors_say() -> None:
    found = label_script.run(
        "conditions", rubric=to_client(RUBRIC), cases=[one["answers"] for one in VECTORS]
    )
    said = {
        vector["name"]: sorted(question for question, how in one if how == "asked")
        for vector, one in zip(VECTORS, found, strict=True)
    }
    assert said == {vector["name"]: vector["asked"] for vector in VECTORS}


def test_a_question_waits_only_while_it_may_still_open() -> None:
    cases = [{}, {"rating": {"value": "fine"}}, {"rating": {"state": "unsure"}}]
    found = [
        dict(one) for one in label_script.run("conditions", rubric=to_client(RUBRIC), cases=cases)
    ]
    assert [one["kinds"] for one in found] == ["waiting", "closed", "closed"]
    assert [one["force"] for one in found] == ["waiting", "closed", "closed"]


def _value(question: Question, draw: Random) -> object:
    ids = [option.id for option in question.options]
    match question.type:
        case "multi":
            return draw.sample(ids, draw.randint(0, min(3, len(ids))))
        case "boolean":
            return draw.random() < 0.5
        case "number" | "text":
            return draw.choice(DRAWN[question.type])
        case "span":
            label = {"label": draw.choice(ids)} if ids else {}
            part = question.target if question.target in TEXTS else "response"
            spans = [{"target": part, "start": at, "end": at + 2, **label} for at in (0, 3)]
            return spans[: draw.randint(0, 2)]
        case "ranking":
            return _ranking(ids, draw, ties=question.ties)
        case _:
            return draw.choice(ids)


def _ranking(ids: list[str], draw: Random, *, ties: bool) -> list[list[str]]:
    """Groups of options; every now and then one of them has no place yet."""
    order = draw.sample(ids, len(ids) - (draw.random() < 0.1))
    groups = [[order[0]]]
    for one in order[1:]:
        if ties and draw.random() < 0.3:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _given(question: Question, draw: Random) -> dict[str, Any]:
    state = draw.choice(STATES) if question.type != "text" else "answered"
    if state == "answered":
        return {"value": _value(question, draw)}
    return {"state": state} | ({"reason": "language"} if draw.random() < 0.7 else {})


def _answers(rubric: Rubric, draw: Random) -> dict[str, Any]:
    """Answers as a page may hold them: some missing, some stale, some for closed questions."""
    found: dict[str, Any] = {}
    for question in rubric.questions:
        if draw.random() < 0.06:
            continue
        if question.repeat_for is None:
            found[question.id] = _given(question, draw)
            continue
        ids = [option.id for option in rubric.question(question.repeat_for).options]
        found[question.id] = {"per": {one: _given(question, draw) for one in ids}}
    return found


@pytest.mark.parametrize("name", [*names(), "vectors"])
def test_what_the_page_calls_complete_is_taken_and_nothing_else(name: str) -> None:
    rubric = RUBRIC if name == "vectors" else load_rubric(read(name))
    draw = Random(f"{name} 20")  # noqa: S311 - a repeatable draw, not a secret
    cases = [_answers(rubric, draw) for _ in range(300)]
    found = label_script.run("submissions", rubric=to_client(rubric), cases=cases)
    complete = 0
    for case, said in zip(cases, found, strict=True):
        if said["lacks"]:
            with pytest.raises(LabelsRefused):
                validate_answers(rubric, said["sent"], TEXTS)
        else:
            complete += 1
            assert validate_answers(rubric, said["sent"], TEXTS), case
    assert 20 < complete < 300
