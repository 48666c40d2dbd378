from __future__ import annotations

import re
from pathlib import Path

import pytest

from rubrics.codebook import PAGE_KEYS
from rubrics.condition_reader import OPERATORS
from rubrics.loader import CATEGORY_KEYS, QUESTION_KEYS, RUBRIC_KEYS, load_rubric, warnings_of
from rubrics.schema import Rubric

PAGE = (Path(__file__).parents[2] / "docs" / "rubric-format.md").read_text(encoding="utf-8")
WHOLE = next(
    block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "schema:" in block
)


def test_the_rubric_in_the_documentation_loads_without_a_warning() -> None:
    assert isinstance(load_rubric(WHOLE), Rubric)
    assert warnings_of(WHOLE) == ()


@pytest.mark.parametrize(
    "key", sorted({*RUBRIC_KEYS, *QUESTION_KEYS, *CATEGORY_KEYS, *OPERATORS, "all", "any", "not"})
)
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


def test_the_keys_of_the_page_are_documented() -> None:
    assert f"`{' '.join(sorted(PAGE_KEYS))}`" in PAGE
