from __future__ import annotations

import pytest

from rubrics.errors import RubricInvalid, UnknownElement
from rubrics.library import names, read
from rubrics.loader import load_rubric
from rubrics.taxonomy import core, load_taxonomy

TEXT = """\
schema: touchstone-taxonomy/1
id: small
version: 1.0.0
title: Small
lists:
  - id: other
    version: "1"
    codes:
      - A
      - B
categories:
  - id: rude
    name: Rude
    definition: Rude words.
    maps_to:
      - list: other
        code: A
        relation: broader
"""


def test_the_categories_of_the_shipped_rubric_are_the_core_ones() -> None:
    rubric = load_rubric(read("llm-response-safety"))
    assert rubric.taxonomy_refs == (f"{core().id}@{core().version}",)
    assert {one.id for one in rubric.categories} == {one.id for one in core().categories}


def test_a_category_is_found_in_another_list_and_back() -> None:
    links = core().to_list("weapons", "llama_guard")
    assert [(link.code, link.relation) for link in links] == [("S9", "narrower")]
    assert {link.category for link in core().from_list("llama_guard", "S2")} == {
        "cyber_abuse",
        "fraud",
        "regulated_goods",
    }
    with pytest.raises(UnknownElement):
        core().category("nothing")


def test_codes_without_a_category_are_named() -> None:
    assert "S5" in core().unmapped("llama_guard")
    assert "S10" not in core().unmapped("llama_guard")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("list: other", "list: othr", "dangling_reference", 16),
        ("code: A", "code: C", "dangling_reference", 16),
        ("relation: broader", "relation: wider", "not_allowed", 18),
        ("    name: Rude\n", "", "missing_key", 12),
        ("title: Small", "titel: Small", "unknown_key", 4),
        ("  - id: rude", "  - id: no", "unquoted_boolean", 12),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, code: str, line: int) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(RubricInvalid) as caught:
        load_taxonomy(TEXT.replace(old, new))
    assert (code, line) in {(one.code, one.line) for one in caught.value.problems}


def test_a_category_stands_once() -> None:
    with pytest.raises(RubricInvalid, match="twice"):
        load_taxonomy(TEXT + "  - id: rude\n    name: R\n    definition: D.\n")


def test_an_empty_taxonomy_is_told() -> None:
    with pytest.raises(RubricInvalid, match="empty"):
        load_taxonomy("")


@pytest.mark.parametrize("name", names())
def test_child_sexual_abuse_is_never_a_label_and_never_illustrated(name: str) -> None:
    rubric = load_rubric(read(name))
    for category in rubric.categories:
        if category.legal_route is None:
            assert category.labelable
            continue
        assert not category.labelable
        assert category.examples + category.counterexamples == ()
        assert category.clauses == ()
        assert not category.severity_anchors
        assert category.id in rubric.display.never_render
        for question in rubric.questions:
            assert category.id not in {option.id for option in question.options}


def test_an_unknown_shipped_rubric_is_told_with_a_hint() -> None:
    with pytest.raises(UnknownElement, match="did you mean 'conversational-abuse'"):
        read("conversational-abus")
    with pytest.raises(UnknownElement, match="there are: llm"):
        read("../secrets")


def test_elements_are_found_by_id_or_named_as_missing() -> None:
    rubric = load_rubric(read("conversational-abuse"))
    assert rubric.question("severity").option("mild").code == -1
    assert rubric.category("racist").exposure_weight == 2
    assert rubric.rule_for(rubric.question("types")) is rubric.adjudication
    assert rubric.rule_for(rubric.question("severity")) is rubric.question("severity").adjudicate
    for look_up in (rubric.question, rubric.category, rubric.question("severity").option):
        with pytest.raises(UnknownElement, match="nothing"):
            look_up("nothing")
