"""What a person has for themselves beside the account: keys, changed rules, feedback."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, render_template, request, url_for
from pydantic import Field

from annotate.services import feedback, key_bindings, projects, rule_changes
from annotate.web.case_view import title_of, value_words
from annotate.web.requests import Body, actor, json_body, read_session, scope, transaction

if TYPE_CHECKING:
    from flask import Response

blueprint = Blueprint("personal", __name__)
API = "/api/v1"


class KeysBody(Body):
    """All keys of a person; what is not named has its usual key."""

    actions: dict[str, str] = Field(default_factory=dict, max_length=100)
    options: dict[str, str] = Field(default_factory=dict, max_length=key_bindings.MOST_OPTIONS)


@blueprint.get(f"{API}/me/keys")
def keys() -> Response:
    """Return the keys that the person chose."""
    return jsonify(key_bindings.own(read_session(), actor()))


@blueprint.put(f"{API}/me/keys")
def store_keys() -> Response:
    """Keep the person's keys, all at once; none of them restores the usual ones."""
    body = json_body(KeysBody)
    with transaction() as session:
        key_bindings.store(session, actor(), body.actions, body.options)
    return jsonify({})


@blueprint.post(f"{API}/rubric-versions/<rubric_version_id>/acknowledge")
def acknowledge(rubric_version_id: str) -> Response:
    """Keep that the person was shown what this version changed."""
    with transaction() as session:
        rule_changes.acknowledge(session, actor(), scope(), rubric_version_id)
    return jsonify({})


@blueprint.get("/p/<project>/feedback")
def changed(project: str) -> str:
    """Show what one's own labels changed, and the rulings that differ from them."""
    session = read_session()
    before = request.args.get("before")
    found = feedback.overruled(session, actor(), scope(), before=before)
    older = None
    if len(found) == feedback.PAGE:
        older = url_for(".changed", project=project, before=found[-1].decision_id)
    return render_template(
        "feedback.html",
        project=SimpleNamespace(name=projects.get(session, scope()).title),
        changed=feedback.changed(session, actor(), scope()),
        rulings=[_ruling(one) for one in found],
        older=older,
    )


def _ruling(one: feedback.Overruled) -> dict[str, Any]:
    cell = (one.rubric, one.question, one.category)
    return {
        "external_id": one.external_id,
        "title": title_of(*cell),
        "own": value_words(*cell, one.own_value, one.own_state),
        "ruled": value_words(*cell, one.value, one.state),
        "not_asked": one.state == "not_asked",
        "kept": one.state == "cannot_assess",
        "clause": one.clause,
        "clause_text": one.clause_text,
        "rationale": one.rationale,
        "at": one.decided_at,
    }
