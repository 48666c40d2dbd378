"""The description of the API is committed, and it is what the code says."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING

import pytest

from annotate.web.openapi import BODIES, FILE, described
from annotate.web.routes import ROUTES

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

pytestmark = pytest.mark.db


@pytest.fixture
def database_kind() -> str:
    return "sqlite"  # the description does not depend on the database


def test_the_committed_description_is_todays(app: Flask) -> None:
    committed = json.loads(FILE.read_text(encoding="utf-8"))
    today = json.loads(json.dumps(described(app)))
    assert committed == today, "run .venv/bin/python scripts/openapi.py"


def test_every_body_that_a_view_parses_is_described(app: Flask) -> None:
    parsed = {}
    for endpoint, view in app.view_functions.items():
        found = re.search(r"json_body\((\w+)\)", inspect.getsource(inspect.unwrap(view)))
        if found:
            parsed[endpoint] = found[1]
    assert parsed == {endpoint: body.__name__ for endpoint, body in BODIES.items()}


def test_every_route_of_the_api_is_described(app: Flask) -> None:
    paths = json.loads(FILE.read_text(encoding="utf-8"))["paths"]
    described_operations = sum(len(operations) for operations in paths.values())
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and rule.endpoint != "openapi.document"
    ]
    assert described_operations == len(rules)
    assert all(ROUTES[rule.endpoint].kind == "api" for rule in rules)


def test_it_is_served(client: FlaskClient) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.get_json()["openapi"].startswith("3.1")
