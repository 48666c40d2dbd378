from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubrics.document import to_document
from rubrics.errors import RubricInvalid, UnknownElement
from rubrics.library import names, read
from rubrics.loader import load_rubric
from rubrics.versioning import (
    bump_between,
    bump_problem,
    canonical_json,
    diff,
    fingerprint,
    from_canonical_json,
    meaning_hash,
    next_version,
)
from tests.test_rubrics.strategies import document_strategy, flow, shuffled
from tests.test_rubrics.test_conditions import valid
from tests.test_rubrics.texts import SMALL, changed

if TYPE_CHECKING:
    from rubrics.schema import Rubric

OLD = load_rubric(SMALL)
QUESTIONS = [question.id for question in OLD.questions]


@pytest.mark.parametrize("name", names())
def test_a_shipped_rubric_survives_its_canonical_json(name: str) -> None:
    rubric = load_rubric(read(name))
    text = canonical_json(rubric)
    assert from_canonical_json(text) == rubric
    assert canonical_json(from_canonical_json(text)) == text
    assert len(fingerprint(rubric)) == 64


@settings(max_examples=30)
@given(document_strategy())
def test_reading_and_writing_are_inverse(document: dict[str, object]) -> None:
    rubric = valid(flow(document))
    if rubric is not None:
        again = from_canonical_json(canonical_json(rubric))
        assert again == rubric
        assert canonical_json(again) == canonical_json(rubric)
        assert [one.ask_if for one in again.questions] == [one.ask_if for one in rubric.questions]


@settings(max_examples=30)
@given(document_strategy(), st.data())
def test_the_fingerprint_ignores_the_order_of_keys(
    document: dict[str, object], data: st.DataObject
) -> None:
    rubric = valid(flow(document))
    if rubric is not None:
        other = load_rubric(flow(shuffled(document, data.draw)))
        assert fingerprint(other) == fingerprint(rubric)


def test_the_fingerprint_ignores_formatting_and_what_is_as_by_default() -> None:
    text = "# a comment\n" + SMALL.replace("How bad is it?", '"How bad is it?"')
    text = text.replace("code: 1\n      - id: poor", "code: 1.0\n      - id: poor")
    text = text.replace("id: small", "id: small\nstatus: draft\nlanguages: [en]")
    text = text.replace("text: How strong?", "text: >-\n      How\n      strong?")
    assert fingerprint(load_rubric(text)) == fingerprint(OLD)
    assert fingerprint(load_rubric(json.dumps(to_document(OLD)))) == fingerprint(OLD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Small", "title: Smaller"),
        ("code: -2", "code: -3"),
        ("at_most: -1", "at_most: -2"),
        ("A rude word.", "A rude word!"),
        ("version: 1.0.0", "version: 1.0.1"),
    ],
)
def test_the_fingerprint_sees_every_word(old: str, new: str) -> None:
    assert fingerprint(load_rubric(changed(old, new))) != fingerprint(OLD)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"id": NaN}', "9" * 5000]
)
def test_json_that_holds_no_rubric_is_refused(text: str) -> None:
    with pytest.raises(RubricInvalid):
        from_canonical_json(text)


WORSE = "        code: -2\n      - id: worse\n        code: -3\n"
OK = "  - id: ok\n    text: Ok?\n    type: "
SHOUTING = "    definition: Shouting."
EXAMPLE = f"{SHOUTING}\n    examples:\n      - text: HEY"
EDGE = f"{SHOUTING}\n    edge_cases:\n      - id: LO-X1\n        text: One\n        ruling: out"
CASES = [
    # old, new, impact, questions whose meaning changed
    ("title: Small", "title: Other", "patch", []),
    ("How bad is it?", "How bad — is it", "patch", []),
    ("How bad is it?", "How good is it?", "major", ["rating"]),
    ("code: -2", "code: -3", "major", ["rating"]),
    ("        code: -2\n", WORSE, "major", ["rating"]),
    ("at_most: -1", "at_most: -2", "major", ["kinds"]),
    ("A rude word.", "a rude word", "patch", []),
    ("A rude word.", "A rude word or gesture.", "major", ["kinds", "force"]),
    ("id: LO-I1", "id: LO-I2", "major", ["kinds", "force"]),
    ("definition: Rude words.", "definition: Rudeness.", "major", ["kinds", "force"]),
    ("max_chars: 40", "max_chars: 50", "minor", []),
    ("when_not_asked: none", "when_not_asked: rude", "major", ["kinds"]),
    ("id: fine", "id: fine\n        hotkey: f", "patch", []),
    ("id: fine", "id: fine\n        help: All is well.", "major", ["rating"]),
    ("cite: true", "cite: true\n    agreement:\n      target: 0.9", "minor", []),
    ("derived:", "paradigm: descriptive\nderived:", "major", QUESTIONS),
    ("derived:", "item:\n  blind: [model]\nderived:", "major", QUESTIONS),
    ("derived:", "item:\n  group_keys: [author]\nderived:", "minor", []),
    ("derived:", "languages: [en, fr]\nderived:", "minor", []),
    ("derived:", "reserved:\n  unsure:\n    allowed: false\nderived:", "major", []),
    ("derived:", "adjudication:\n  when: never\nderived:", "major", []),
    ("is: bad", "is: poor", "major", []),
    ("derived:", "  - id: sly\n    definition: Hints.\nderived:", "minor", ["kinds", "force"]),
    ("categories:", f"{OK}boolean\n    required: false\ncategories:", "minor", []),
    ("categories:", f"{OK}boolean\ncategories:", "major", []),
    ("categories:", f"{OK}text\ncategories:", "minor", []),
    (SHOUTING, EXAMPLE, "patch", []),
    (SHOUTING, EDGE, "minor", ["kinds", "force"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "impact", "meanings"), CASES)
def test_a_change_has_its_impact_and_touches_only_the_meanings_it_should(
    old: str, new: str, impact: str, meanings: list[str]
) -> None:
    rubric = load_rubric(changed(old, new))
    found = diff(OLD, rubric)
    assert found.required_bump == impact, str(found)
    touched = [one for one in QUESTIONS if meaning_hash(OLD, one) != meaning_hash(rubric, one)]
    assert touched == meanings


def test_a_new_category_leaves_the_meaning_of_the_others() -> None:
    rubric = load_rubric(SMALL.replace("derived:", "  - id: sly\n    definition: Hints.\nderived:"))
    assert meaning_hash(OLD, "kinds", "rude") == meaning_hash(rubric, "kinds", "rude")
    assert meaning_hash(OLD, "kinds", "rude") != meaning_hash(OLD, "kinds", "loud")
    assert len(meaning_hash(OLD, "kinds")) == 16


def test_the_meaning_of_an_unknown_question_is_an_error() -> None:
    with pytest.raises(UnknownElement, match="nobody"):
        meaning_hash(OLD, "nobody")


def test_a_diff_names_elements_and_can_be_read() -> None:
    rubric = load_rubric(changed("code: -2", "code: -3").replace("Rude words.", "Rudeness."))
    found = diff(OLD, rubric)
    assert str(found) == (
        "major: questions[rating].options[bad].code: -2 → -3\n"
        "major: categories[rude].definition: Rude words. → Rudeness."
    )
    assert [change.element for change in found.changes] == ["question rating", "category rude"]


def test_the_reverse_of_an_addition_is_a_removal_and_breaks() -> None:
    rubric = load_rubric(SMALL.replace("derived:", "  - id: sly\n    definition: Hints.\nderived:"))
    assert [(one.kind, one.impact) for one in diff(OLD, rubric).changes] == [("added", "minor")]
    assert [(one.kind, one.impact) for one in diff(rubric, OLD).changes] == [("removed", "major")]


def test_another_order_of_options_is_a_small_change() -> None:
    old, new = (
        "- id: poor\n        code: -1\n      - id: bad\n        code: -2",
        ("- id: bad\n        code: -2\n      - id: poor\n        code: -1"),
    )
    found = diff(OLD, load_rubric(changed(old, new)))
    assert [(one.kind, one.impact) for one in found.changes] == [("moved", "patch")]


@settings(max_examples=30)
@given(document_strategy(), document_strategy())
def test_a_diff_is_empty_exactly_for_equal_rubrics(
    one: dict[str, object], other: dict[str, object]
) -> None:
    first, second = valid(flow(one)), valid(flow(other))
    if first is None or second is None:
        return
    assert diff(first, first).required_bump == "none"
    assert bool(diff(first, second).changes) is (first != second)
    assert str(diff(first, second)).count("\n") + 1 >= len(diff(first, second).changes)


def version(rubric_text: str, number: str) -> Rubric:
    """Return a rubric under another version number."""
    return load_rubric(rubric_text.replace("version: 1.0.0", f"version: {number}"))


def test_the_version_must_rise_as_far_as_the_changes_ask() -> None:
    text = changed("code: -2", "code: -3")
    assert bump_problem(OLD, version(text, "2.0.0")) is None
    assert "2.0.0" in (bump_problem(OLD, version(text, "1.1.0")) or "")
    assert "no step" in (bump_problem(OLD, load_rubric(text)) or "")
    assert "comes before" in (bump_problem(OLD, version(SMALL, "0.9.0")) or "")
    assert bump_problem(OLD, OLD) is None
    assert bump_problem(OLD, version(SMALL, "1.0.1")) is None


@pytest.mark.parametrize(
    ("old", "new", "bump"),
    [
        ("1.2.3", "1.2.3", "none"),
        ("1.2.3", "1.2.10", "patch"),
        ("1.2.3", "1.10.0", "minor"),
        ("1.2.3", "2.0.0", "major"),
        ("1.10.0", "1.9.9", None),
    ],
)
def test_versions_are_compared_as_numbers(old: str, new: str, bump: str | None) -> None:
    assert bump_between(old, new) == bump


def test_the_next_version_resets_what_follows() -> None:
    assert next_version("1.2.3", "none") == "1.2.3"
    assert next_version("1.2.3", "patch") == "1.2.4"
    assert next_version("1.2.3", "minor") == "1.3.0"
    assert next_version("1.2.3", "major") == "2.0.0"
