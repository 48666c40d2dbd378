"""The description of the JSON API, made from the routes, the policy table and the request bodies.

Documentation is made on an application of its own, so that serving pays nothing for it: requests
are parsed and validated by ``web.requests``, which is stricter about JSON than any description.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response
from pydantic import BaseModel
from spectree import Response as Responses
from spectree import SpecTree

from annotate.web import (
    cases,
    labeling,
    personal,
    practice,
    projects,
    releases,
    rounds,
    rubrics,
    wellbeing,
)
from annotate.web.routes import ROUTES

if TYPE_CHECKING:
    from annotate.policy import Rule

blueprint = Blueprint("openapi", __name__)
PREFIX = "/api/v1"
FILE = Path(__file__).parent / "openapi.json"
TITLE = "Touchstone"
VERSION = "1"

BODIES: dict[str, type[BaseModel]] = {
    "labeling.claim": labeling.ClaimBody,
    "labeling.release": labeling.ReleaseBody,
    "labeling.heartbeat": labeling.Fenced,
    "labeling.skip": labeling.Fenced,
    "labeling.opt_out": labeling.OptOutBody,
    "labeling.report": labeling.ReportBody,
    "labeling.submit": labeling.SubmitBody,
    "labeling.revise": labeling.ReviseBody,
    "wellbeing.api_exposure": wellbeing.ExposureBody,
    "wellbeing.api_begin_break": wellbeing.BreakBody,
    "cases.api_answer": cases.OwnAnswerBody,
    "cases.api_decide": cases.DecideBody,
    "cases.api_revoke": cases.RevokeBody,
    "personal.store_keys": personal.KeysBody,
    "practice.answer": practice.AnswerBody,
    "practice.next_item": practice.NextBody,
    "projects.api_create": projects.NewProject,
    "projects.api_change": projects.ProjectChange,
    "releases.api_freeze": releases.FreezeBody,
    "rounds.api_plan": rounds.DesignBody,
    "rounds.api_create": rounds.DesignBody,
    "rounds.api_state": rounds.StateBody,
    "rounds.api_extend": rounds.MoreBody,
    "rubrics.api_add": rubrics.Source,
    "rubrics.api_check": rubrics.Source,
}
"""The JSON body of each route that takes one. A test compares this with the views' source."""


class ProblemBody(BaseModel):
    """One mistake; which keys it has depends on what was wrong."""

    message: str
    place: str | None = None
    field: str | None = None
    code: str | None = None
    line: int | None = None
    column: int | None = None
    question: str | None = None
    category: str | None = None


class ErrorFacts(BaseModel):
    """What was refused, in words that say what to do."""

    code: str
    message: str
    problems: list[ProblemBody]


class ErrorBody(BaseModel):
    """Every refusal of the API."""

    error: ErrorFacts


def described(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI description of an application's JSON API."""
    spec = SpecTree(
        "flask", title=TITLE, version=VERSION, page_templates={}, annotations=False, path="apidoc"
    )
    shadow = Flask("openapi")
    for route in app.url_map.iter_rules():
        if route.rule.startswith(PREFIX) and route.endpoint != "openapi.document":
            view = _described(spec, app, route.endpoint)
            methods = sorted((route.methods or set()) - {"HEAD", "OPTIONS"})
            shadow.add_url_rule(route.rule, route.endpoint, view, methods=methods)
    spec.register(shadow)
    with shadow.app_context():
        document: dict[str, Any] = _stable(spec.spec)
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document


def _described(spec: SpecTree, app: Flask, endpoint: str) -> Any:  # noqa: ANN401 - a view
    rule = ROUTES[endpoint]

    def view(**_arguments: str) -> None:
        """Stand in for the view in the documentation."""

    view.__doc__ = app.view_functions[endpoint].__doc__
    return spec.validate(
        json=BODIES.get(endpoint),
        resp=Responses(**{f"HTTP_{status}": ErrorBody for status in _refusals(rule, endpoint)}),
        tags=[endpoint.split(".", maxsplit=1)[0]],
        skip_validation=True,
    )(view)


def _refusals(rule: Rule, endpoint: str) -> list[int]:
    """Return the refusals a route can answer with, from what it needs."""
    statuses = [] if rule.permission == "public" else [401, 403]
    if rule.locates is not None:
        statuses.append(404)
    if endpoint in BODIES:
        statuses += [400, 413, 415, 422]
    return sorted(statuses)


def _stable(document: dict[str, Any]) -> dict[str, Any]:
    """Take the hashes out of the models' names, and put everything in one order."""
    text = json.dumps(document, sort_keys=True)
    cleaned: dict[str, Any] = json.loads(re.sub(r"\b([A-Z]\w*)\.[0-9a-f]{7}\b", r"\1", text))
    return cleaned


@blueprint.get(f"{PREFIX}/openapi.json")
def document() -> Response:
    """Return this description."""
    return Response(FILE.read_text(encoding="utf-8"), mimetype="application/json")
