"""One's own limits, breaks and support; the project's; and what may be known of all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from pydantic import Field

from annotate.services import exposure, projects, wellbeing, wellbeing_report
from annotate.services.errors import BadInput, Conflict
from annotate.web import forms
from annotate.web.projects import crumb, field_errors, status_of
from annotate.web.requests import (
    Body,
    actor,
    form_text,
    json_body,
    read_session,
    scope,
    transaction,
)
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from annotate.services.wellbeing import Own
    from annotate.services.wellbeing_report import Aggregates, Share

blueprint = Blueprint("wellbeing", __name__)
API = "/api/v1/projects/<project>/wellbeing"
MOST_PARTS = 500
SUPPORT_ROWS = 2
"""Empty rows for support that the form offers beyond those that are filled."""
OPEN_NUMBERS = ("per_shift", "per_week", "max_consecutive")
CLOSED_NUMBERS = ("assumed_severity", "break_minutes", "break_severity", "idle_minutes", "blur")
FLAGS = ("conceal", "hold", "grey", "mute")


class ExposureBody(Body):
    """Which parts of an item were shown just now, and in what medium."""

    parts: list[str] = Field(min_length=1, max_length=MOST_PARTS)
    modality: Literal["text", "image", "audio", "video"] = "text"


class BreakBody(Body):
    """Why a break begins: it was time, after something severe, or by one's own wish."""

    reason: Literal["time", "severity", "own"] = "own"


@blueprint.before_request
def _csrf() -> None:
    if request.method == "POST" and not request.path.startswith("/api/"):
        forms.check_csrf()


# ------------------------------------------------------------------------------------- one's own


@blueprint.get("/p/<project>/wellbeing")
def own(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show one's own limits, breaks, opt-outs and support."""
    return _own_page({})


@blueprint.post("/p/<project>/wellbeing")
def change_own(project: str) -> AnyResponse | tuple[str, int]:
    """Keep what one makes stricter for oneself."""
    try:
        given = _personal()
        with transaction() as session:
            wellbeing.change_preference(session, actor(), scope(), given)
    except BadInput as refused:
        return _own_page(field_errors(refused)), status_of(refused)
    return redirect(url_for(".own", project=project, done="saved"))


@blueprint.post("/p/<project>/wellbeing/categories")
def change_category(project: str) -> AnyResponse | tuple[str, int]:
    """Stay away from a category, or take that back."""
    out = request.form.get("out") == "1"
    try:
        name = form_text("category", required=True, limit=64)
        with transaction() as session:
            wellbeing.opt_out_of(session, actor(), scope(), name, out=out)
    except BadInput as refused:
        return _own_page(field_errors(refused)), status_of(refused)
    return redirect(url_for(".own", project=project, done="away" if out else "back"))


def _own_page(errors: dict[str, str]) -> str:
    session = read_session()
    found = wellbeing.own(session, actor(), scope())
    return render_template(
        "wellbeing/own.html",
        project=crumb(projects.details(session, scope())),
        own=found,
        project_rules=wellbeing.policy(session, scope()).settings,
        categories=[one for one in wellbeing.categories(session, scope()) if one.weight],
        support=wellbeing.support(found.rules, actor().language),
        typed=request.form if errors else found.preference,
        errors=errors,
    )


def _personal() -> dict[str, Any]:
    numbers = {name: _number(name) for name in OPEN_NUMBERS}
    more = {name: _number(name) for name in ("idle_minutes", "blur") if form_text(name)}
    flags = {name: request.form.get(name) == "1" for name in FLAGS}
    return {**{key: value for key, value in numbers.items() if value is not None}, **more, **flags}


def _number(name: str) -> int | None:
    text = form_text(name, limit=12)
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return int(text)
    problem = {"field": name, "message": Sentence("Give a whole number, or leave it empty.")}
    raise BadInput(Sentence("%(name)s is not a whole number", name=name), problems=[problem])


# ------------------------------------------------------------------------------------ the project


@blueprint.get("/p/<project>/wellbeing/rules")
def rules(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show the budgets, breaks, display and support of the project."""
    return _rules_page({})


@blueprint.post("/p/<project>/wellbeing/rules")
def change_rules(project: str) -> AnyResponse | tuple[str, int]:
    """Change them."""
    try:
        version = _number("version") or 0
        given = _policy()
        with transaction() as session:
            wellbeing.change_policy(session, actor(), scope(), version, given)
    except (BadInput, Conflict) as refused:
        return _rules_page(field_errors(refused)), status_of(refused)
    return redirect(url_for(".rules", project=project, done="saved"))


def _policy() -> dict[str, Any]:
    settings: dict[str, Any] = {name: _number(name) for name in OPEN_NUMBERS}
    settings |= {name: _number(name) for name in (*CLOSED_NUMBERS, "retention_days")}
    settings |= {name: request.form.get(name) == "1" for name in FLAGS}
    prefix = "category:"
    settings["categories"] = {
        name.removeprefix(prefix): points
        for name in request.form
        if name.startswith(prefix) and (points := _number(name)) is not None
    }
    settings["support"] = _support_entries()
    return settings


def _support_entries() -> list[dict[str, str]]:
    found = []
    for at in range(wellbeing.MOST_SUPPORT):
        entry = {key: form_text(f"support-{at}-{key}") for key in wellbeing.SUPPORT_KEYS}
        if any(entry.values()):
            found.append(entry)
    return found


def _rules_page(errors: dict[str, str]) -> str:
    session = read_session()
    found = wellbeing.policy(session, scope())
    typed = request.form if errors else found.settings
    entries = _support_entries() if errors else list(found.settings["support"])
    return render_template(
        "wellbeing/rules.html",
        project=crumb(projects.details(session, scope())),
        settings=found.settings,
        version=found.version,
        categories=[one for one in wellbeing.categories(session, scope()) if one.weight],
        entries=[*entries, *({} for _ in range(SUPPORT_ROWS))][: wellbeing.MOST_SUPPORT],
        typed=typed,
        errors=errors,
    )


# ------------------------------------------------------------------------------- all together


@blueprint.get("/p/<project>/wellbeing/together")
def together(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show what may be known of all people together."""
    session = read_session()
    return render_template(
        "wellbeing/together.html",
        project=crumb(projects.details(session, scope())),
        figures=wellbeing_report.aggregates(session, scope()),
        fewest=wellbeing_report.FEWEST,
        may_change=actor().may("wellbeing.manage", scope().project_id),
    )


# ------------------------------------------------------------------------------------------ API


@blueprint.post("/api/v1/assignments/<assignment_id>/exposure")
def api_exposure(assignment_id: str) -> Response:
    """Note that parts of an item were shown; once for each medium, however often it is told."""
    body = json_body(ExposureBody)
    with transaction() as session:
        exposure.credit(session, actor(), scope(), assignment_id, body.modality)
    return jsonify({})


@blueprint.get(API)
def api_own(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Return one's own limits, what is left of them, and support."""
    session = read_session()
    found = wellbeing.own(session, actor(), scope())
    return jsonify(_own_json(found))


@blueprint.post(f"{API}/breaks")
def api_begin_break(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Note that one's break begins, as paid time; nobody else sees it."""
    body = json_body(BreakBody)
    with transaction() as session:
        wellbeing.begin_break(session, actor(), scope(), body.reason)
    return jsonify({})


@blueprint.post(f"{API}/breaks/end")
def api_end_break(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Note that one's break is over."""
    with transaction() as session:
        wellbeing.end_break(session, actor(), scope())
    return jsonify({})


@blueprint.get(f"{API}/together")
def api_together(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Return figures of ten people or more, or say that there are too few."""
    return jsonify(_together_json(wellbeing_report.aggregates(read_session(), scope())))


def _own_json(found: Own) -> dict[str, Any]:
    rules = found.rules
    return {
        "per_shift": rules.per_shift,
        "per_week": rules.per_week,
        "categories": dict(rules.categories),
        "opted_out": sorted(found.opted_out),
        "enough": found.room.points <= 0,
        "break_minutes": rules.break_minutes,
        "break_severity": rules.break_severity,
        "display": {name: getattr(rules, name) for name in (*FLAGS, "blur", "idle_minutes")},
        "support": [dict(one) for one in wellbeing.support(rules, actor().language)],
    }


def _together_json(found: Aggregates) -> dict[str, Any]:
    shares = ("near_budget", "not_revealed", "left_items", "took_breaks")
    return {
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "enough": found.enough,
        "median_points": found.median_points,
        **{name: _share_json(getattr(found, name)) for name in shares},
        "categories": [
            {"id": one.id, "opted_out": _share_json(one.opted_out)} for one in found.categories
        ],
    }


def _share_json(found: Share | None) -> list[int] | None:
    return None if found is None else [found.least, found.most]
