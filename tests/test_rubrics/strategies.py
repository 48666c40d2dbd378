"""Valid rubrics drawn at random, as documents and as YAML, and answers to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from rubrics.schema import Question, Rubric

Document = dict[str, Any]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda text: bool(text.strip()) and not any(one in text for one in "\ufffe\uffff")
)
TYPES = (
    "single",
    "multi",
    "ordinal",
    "boolean",
    "number",
    "text",
    "span",
    "preference",
    "ranking",
)


def leaf_strategy(question: Document) -> SearchStrategy[Document]:
    """Draw a comparison with a question that can hold."""
    name = question["id"]
    if question["type"] in {"text", "span", "ranking"}:
        return st.just({"question": name, "chosen": True})
    if question["type"] == "boolean":
        return st.booleans().map(lambda value: {"question": name, "is": value})
    if question["type"] == "number":
        return st.integers(0, 5).map(lambda bound: {"question": name, "at_least": bound})
    ids = [option["id"] for option in question.get("options", ({"id": "first"},))]
    tests = [
        st.sampled_from(ids).map(lambda one: {"question": name, "is": one}),
        st.just({"question": name, "any_of": ids[:1]}),
        st.just({"question": name, "none_of": ids[:1]}),
    ]
    if question["type"] == "ordinal":
        codes = [option["code"] for option in question["options"]]
        tests.append(st.sampled_from(codes).map(lambda code: {"question": name, "at_most": code}))
    return st.one_of(tests)


@st.composite
def condition_strategy(draw: DrawFn, earlier: list[Document]) -> Document:
    """Draw a condition on earlier questions."""
    leaf = st.sampled_from(earlier).flatmap(leaf_strategy)
    shape = draw(st.sampled_from(["leaf", "leaf", "any", "not"]))
    if shape == "leaf":
        return draw(leaf)
    if shape == "not":
        return {"not": draw(leaf)}
    return {"any": draw(st.lists(leaf, min_size=1, max_size=3))}


@st.composite
def question_strategy(draw: DrawFn, number: int, earlier: list[Document]) -> Document:
    """Draw the question of that number."""
    kind = draw(st.sampled_from(TYPES))
    question: Document = {"id": f"q{number}", "text": draw(WORDS), "type": kind}
    if kind in {"preference", "ranking"}:
        question["ties"] = draw(st.booleans())
    if kind == "preference":
        question["both_bad"] = draw(st.booleans())
    if kind in {"single", "multi", "ordinal", "ranking"}:
        codes = draw(st.lists(st.integers(-5, 5), min_size=2, max_size=4, unique=True))
        options = [{"id": f"o{at}", "code": code} for at, code in enumerate(codes)]
        question["options"] = options
    if kind == "number":
        question |= {"min": 0, "max": 5}
    gated = draw(st.booleans())
    if earlier and gated:
        question["ask_if"] = draw(condition_strategy(earlier))
    parents = [one["id"] for one in earlier if one["type"] == "multi" and "repeat_for" not in one]
    repeated = draw(st.booleans())
    if parents and repeated and kind not in {"multi", "span", "ranking"}:
        question["repeat_for"] = draw(st.sampled_from(parents))
    if draw(st.booleans()):
        question["required"] = draw(st.booleans())
    return question


@st.composite
def document_strategy(draw: DrawFn) -> Document:
    """Draw a rubric document; a condition in it may turn out never to hold."""
    questions: list[Document] = []
    for number in range(draw(st.integers(1, 5))):
        questions.append(draw(question_strategy(number, questions)))
    about_responses = any(one["type"] == "preference" for one in questions)
    return {
        **({"item": {"kinds": ["responses"]}} if about_responses else {}),
        "schema": "touchstone-rubric/1",
        "id": "drawn",
        "version": "1.2.3",
        "title": draw(WORDS),
        "questions": questions,
        "derived": [{"id": "d", "text": "D", "when": draw(condition_strategy(questions))}],
    }


def shuffled(value: object, draw: Callable[[SearchStrategy[Any]], Any]) -> object:
    """Return a JSON value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(sorted(value)))
        return {key: shuffled(value[key], draw) for key in keys}
    if isinstance(value, list):
        return [shuffled(one, draw) for one in value]
    return value


def flow(document: object) -> str:
    """Return a document as YAML in flow style, which JSON is."""
    return json.dumps(document, ensure_ascii=False)


def value_strategy(question: Question) -> SearchStrategy[object]:
    """Draw a value that a question takes."""
    ids = [option.id for option in question.options]
    kinds: dict[str, Callable[[], SearchStrategy[Any]]] = {
        "single": lambda: st.sampled_from(ids),
        "ordinal": lambda: st.sampled_from(ids),
        "multi": lambda: st.lists(st.sampled_from(ids), unique=True),
        "boolean": st.booleans,
        "number": lambda: st.integers(0, 5) | st.floats(0, 5),
        "text": lambda: st.text(st.characters(codec="ascii", min_codepoint=32), max_size=5),
        "span": lambda: st.just([{"target": "text", "start": 0, "end": 1}]),
        "preference": lambda: st.sampled_from(ids),
        "ranking": lambda: st.permutations(ids),
    }
    return kinds[question.type]()


@st.composite
def answers_strategy(draw: DrawFn, rubric: Rubric) -> dict[str, object]:
    """Draw answers of the right types, without regard to what is open."""
    found: dict[str, object] = {}
    for question in rubric.questions:
        plain = value_strategy(question).map(lambda value: {"value": value})
        answer: SearchStrategy[object] = plain
        if question.repeat_for is not None:
            ids = [option.id for option in rubric.question(question.repeat_for).options]
            answer = st.dictionaries(st.sampled_from(ids), plain).map(lambda per: {"per": per})
        elif question.takes_reserved:
            answer = plain | st.just({"state": "unsure"})
        if draw(st.booleans()):
            found[question.id] = draw(answer)
    return found
