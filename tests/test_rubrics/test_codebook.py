from __future__ import annotations

import json
from typing import Any

import pytest

from rubrics.codebook import PAGE_KEYS, codebook_markdown, hotkeys, to_client
from rubrics.conditions import operands
from rubrics.library import names, read
from rubrics.loader import load_rubric
from rubrics.schema import Option, Question
from rubrics.versioning import canonical_json, from_canonical_json
from tests.test_rubrics.texts import SMALL, changed

RUBRICS = {name: load_rubric(read(name)) for name in names()}


def client(name: str) -> dict[str, Any]:
    """Return what the browser is given of a shipped rubric."""
    data: dict[str, Any] = json.loads(json.dumps(to_client(RUBRICS[name]), allow_nan=False))
    return data


@pytest.mark.parametrize("name", names())
def test_the_browser_gets_every_question_and_category(name: str) -> None:
    data, rubric = client(name), RUBRICS[name]
    assert [one["id"] for one in data["questions"]] == [one.id for one in rubric.questions]
    assert [one["id"] for one in data["categories"]] == [one.id for one in rubric.categories]


def test_conditions_are_data_and_words() -> None:
    question = client("conversational-abuse")["questions"][1]
    assert question["ask_if"] == {
        "test": {
            "question": "severity",
            "op": "at_most",
            "value": -1,
            "accepts": ["mild", "strong", "very_strong"],
        },
        "words": "“How abusive is the last message of the user?” is any of "
        "“Mild abuse”, “Strong abuse”, “Very strong abuse”",
    }
    over_refusal = next(
        one for one in client("llm-response-safety")["questions"] if one["id"] == "over_refusal"
    )
    assert list(over_refusal["ask_if"]["test"]) == ["all"]
    assert len(over_refusal["ask_if"]["test"]["all"]) == 2


@pytest.mark.parametrize("name", names())
def test_conditions_speak_of_questions_by_their_words(name: str) -> None:
    texts = {one.id: one.text for one in RUBRICS[name].questions}
    for data, question in zip(client(name)["questions"], RUBRICS[name].questions, strict=True):
        for told, condition in (
            (data["ask_if"], question.ask_if),
            (data["required_if"], question.required_if),
        ):
            if condition is None:
                assert told is None
                continue
            for one in operands(condition):
                assert f"“{texts[one]}”" in told["words"]
                assert f"“{one}”" not in told["words"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("question: rating\n      at_most: -2", "“How bad is it?” is “bad”"),
        (
            "not:\n        question: rating\n        at_least: -1",
            "not (“How bad is it?” is any of “fine”, “poor”)",
        ),
    ],
)
def test_a_bound_on_a_scale_is_told_by_its_options(condition: str, words: str) -> None:
    text = changed("question: rating\n      at_most: -1", condition)
    data: Any = to_client(load_rubric(text))
    question = next(one for one in data["questions"] if one["id"] == "kinds")
    assert question["ask_if"]["words"].startswith(words)


def test_an_annotator_is_not_told_targets_or_rules() -> None:
    text = json.dumps(client("llm-response-safety"))
    for secret in ("floor", "min_positives", "adjudicat", "maps_to"):
        assert f'"{secret}' not in text


def test_reserved_answers_are_offered_where_they_may_be_given() -> None:
    questions = {one["id"]: one for one in client("llm-response-safety")["questions"]}
    assert questions["severity"]["reserved"] == ["unsure", "cannot_assess"]
    assert questions["rationale"]["reserved"] == []
    closed = SMALL + "reserved:\n  unsure:\n    allowed: false\n"
    data: Any = to_client(load_rubric(closed))
    assert data["questions"][0]["reserved"] == ["cannot_assess"]


@pytest.mark.parametrize("name", names())
def test_no_two_options_of_a_question_share_a_key(name: str) -> None:
    for question in RUBRICS[name].questions:
        keys = hotkeys(question)
        assert len(set(keys.values())) == len(keys) == len(question.options)
        assert PAGE_KEYS.isdisjoint(keys.values())


def test_own_keys_come_first_and_more_options_than_keys_go_without() -> None:
    options = tuple(Option(f"o{at}", f"O{at}") for at in range(40))
    own = (Option("own", "Own", hotkey="1"), *options)
    keys = hotkeys(Question("q", "Q?", "single", "nominal", options=own))
    assert keys["own"] == "1"
    assert keys["o0"] == "2"
    assert "o39" not in keys


def test_nought_stays_free_where_it_can_mean_none_of_them() -> None:
    options = tuple(Option(f"o{at}", f"O{at}") for at in range(12))
    assert "0" not in hotkeys(Question("q", "Q?", "multi", "nominal", options=options)).values()
    least_one = Question("q", "Q?", "multi", "nominal", options=options, min=1)
    assert hotkeys(least_one)["o9"] == "0"


@pytest.mark.parametrize("name", names())
def test_the_codebook_tells_every_question_clause_and_example(name: str) -> None:
    text = codebook_markdown(RUBRICS[name])
    for question in RUBRICS[name].questions:
        assert f"(`{question.id}`)" in text
    for category in RUBRICS[name].categories:
        for clause in category.clauses:
            assert f"**{clause.id}**" in text
    assert text.endswith("\n")


def test_what_the_legal_route_takes_is_shown_as_no_label() -> None:
    text = codebook_markdown(RUBRICS["llm-response-safety"])
    section = text[text.index("(`csae`)") :]
    assert "Never chosen as a label" in section
    assert "Examples" not in section


def test_the_codebook_gives_no_markup_away() -> None:
    text = changed("A rude word.", '"<b>A</b> [rude](x) *word*\\nof | two lines."')
    line = next(one for one in codebook_markdown(load_rubric(text)).splitlines() if "RU-I1" in one)
    assert line == r"- **RU-I1** \<b\>A\</b\> \[rude\](x) \*word\* of \| two lines."


def test_notes_say_when_a_question_is_asked_and_required() -> None:
    text = codebook_markdown(load_rubric(SMALL + "adjudication:\n  when: gap\n  gap_at_least: 2\n"))
    assert "asked only when “rating” is at most −1" in text
    assert "asked once for each choice in “kinds”" in text
    assert "required when “force” is at least 2" in text
    assert "when answers lie 2 or more apart, and when someone is unsure" in text
    assert "- **awful**: Rude and bad. True when" in text


def test_anchors_stand_in_the_order_of_the_scale() -> None:
    """A canonical rubric, which the server keeps, has them by name."""
    kept = from_canonical_json(canonical_json(RUBRICS["llm-response-safety"]))
    [hate] = [one for one in to_client(kept)["categories"] if one["id"] == "hate"]
    assert list(hate["severity_anchors"]) == ["low", "medium", "high", "critical"]
    text = codebook_markdown(kept)
    assert text.index("**medium**") < text.index("**critical**")
