"""Conditions read as the kernel describes them, and in the language of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from annotate.web.condition_words import condition_words
from rubrics.conditions import describe
from rubrics.library import names, read
from rubrics.loader import load_rubric
from tests.test_web import label_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rubrics.schema import Condition, Rubric

EVERY_KIND = (label_script.HERE / "condition_rubric.yaml").read_text(encoding="utf-8")


def conditions(rubric: Rubric) -> Iterator[Condition]:
    for question in rubric.questions:
        for one in (question.ask_if, question.required_if):
            if one is not None:
                yield one


@pytest.mark.parametrize("source", [EVERY_KIND, *map(read, names())], ids=["every", *names()])
def test_english_says_what_the_kernel_says(source: str) -> None:
    rubric = load_rubric(source)
    texts = {one.id: one.text for one in rubric.questions}
    found = list(conditions(rubric))
    assert found
    with Flask("x").test_request_context(headers={"Accept-Language": "en"}):
        said = [condition_words(one, rubric) for one in found]
    assert said == [describe(one, rubric, texts) for one in found]


def test_the_viewer_reads_the_words_between_in_their_language() -> None:
    rubric = load_rubric(EVERY_KIND)
    with Flask("x").test_request_context(headers={"Accept-Language": "ar"}):
        asked = rubric.question("kinds").ask_if
        assert asked is not None
        said = condition_words(asked, rubric)
    assert "How bad is it?" in said
    assert "at most" not in said
