from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings

from rubrics.json_schema import json_schema
from rubrics.library import names, read
from rubrics.loader import load_rubric
from rubrics.versioning import canonical_json
from tests.test_rubrics.strategies import document_strategy
from tests.test_rubrics.texts import SMALL, changed

jsonschema = import_module("jsonschema")
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def document(text: str) -> Any:
    """Return a rubric text as the document an editor would check."""
    return json.loads(canonical_json(load_rubric(text)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", names())
def test_shipped_rubrics_fit(name: str) -> None:
    VALIDATOR.validate(document(read(name)))


@settings(max_examples=30)
@given(document_strategy())
def test_drawn_rubrics_fit(drawn: dict[str, object]) -> None:
    VALIDATOR.validate(drawn)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("titel",), "x"),
        (("id",), "so so"),
        (("version",), "1.0"),
        (("status",), "done"),
        (("questions", 0, "type"), "singel"),
        (("questions", 0, "options", 0, "id"), 3),
        (("questions", 1, "ask_if", "is"), "fine"),
        (("questions", 1, "ask_if"), {"all": []}),
        (("questions", 3, "max_chars"), 0),
        (("categories", 0, "includes", 0, "colour"), "red"),
        (("derived", 0, "when"), {"question": "rating"}),
    ],
)
def test_mistakes_of_shape_do_not_fit(path: tuple[str | int, ...], value: object) -> None:
    whole = document(SMALL)
    VALIDATOR.validate(whole)
    part = whole
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert not VALIDATOR.is_valid(whole)


def test_every_key_the_loader_reads_is_in_the_schema() -> None:
    text = changed("max_chars: 40", "max_chars: 40\n    help: Short.\n    role: metadata")
    VALIDATOR.validate(document(text))
