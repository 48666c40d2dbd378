"""Adjudication: the list of cases, one case, and the JSON API."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from pydantic import Field, JsonValue

from annotate.services import adjudication, case_reading, projects
from annotate.services.adjudication import Ruling
from annotate.services.case_reading import CaseFilter
from annotate.services.errors import BadInput
from annotate.web import case_view
from annotate.web.language_names import language_name
from annotate.web.rendering import said
from annotate.web.rendering import translate as _
from annotate.web.requests import (
    Body,
    actor,
    form_text,
    json_body,
    read_session,
    scope,
    transaction,
)
from tasks.adjudication import CAUSE_WORDS, causes

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from annotate.services.case_reading import CaseView

blueprint = Blueprint("cases", __name__)
NOTICES = {
    "decided": ("met", "Decided. The decision is in force and can be superseded."),
    "none": ("plain", "No case waits for you."),
    "revoked": ("met", "The decision is revoked and the case is open again."),
    "back": ("plain", "The case is free for others again."),
}


class RulingBody(Body):
    """A decision on one cell."""

    question: str
    category: str = ""
    value: str | None = None
    closed: bool = False
    clause: str | None = None
    cause: str
    rationale: str = Field(default="", max_length=4000)

    def ruling(self) -> Ruling:
        """Return it as the service takes it."""
        return Ruling(**self.model_dump())


class DecideBody(Body):
    """Decisions on cells of a case that is held under the fence."""

    fence: int
    rulings: list[RulingBody]


class OwnAnswerBody(Body):
    """The adjudicator's own answer, by ``question`` or ``question/category``.

    A multiple choice can be answered whole: ``{"values": [category, …]}``.
    """

    answers: dict[str, dict[str, JsonValue]]


class RevokeBody(Body):
    """Which decision is revoked, and why."""

    question: str
    category: str = ""
    rationale: str = Field(max_length=4000)


def _filter() -> CaseFilter:
    state = request.args.get("state", "open")
    gap = request.args.get("gap", "")
    question, _slash, category = request.args.get("cell", "").partition("/")
    return CaseFilter(
        state=state if state in case_reading.STATES else None,
        question=question or None,
        category=category or None,
        least_gap=float(gap) if gap.replace(".", "", 1).isdecimal() else None,
        reason=request.args.get("reason") or None,
        cause=request.args.get("cause") or None,
    )


def _crumb() -> SimpleNamespace:
    return SimpleNamespace(name=projects.get(read_session(), scope()).title)


@blueprint.get("/p/<project>/cases")
def index(project: str) -> str:
    """List cases with filters."""
    session, here = read_session(), scope()
    chosen = _filter()
    lines = case_reading.listed(session, actor(), here, chosen, after=request.args.get("after"))
    more = None
    if len(lines) == case_reading.PAGE:
        kept: dict[str, Any] = {**request.args, "project": project, "after": lines[-1].id}
        more = url_for(".index", **kept)
    return render_template(
        "cases/index.html",
        project=_crumb(),
        slug=project,
        lines=lines,
        language_name=language_name,
        chosen=chosen,
        counts=case_reading.counts(session, here),
        cells=case_reading.cells_at_issue(session, actor(), here),
        causes=[(one, _(CAUSE_WORDS[one])) for one in causes],
        query=request.args,
        more=more,
        may_decide=actor().may("case.decide", here.project_id),
        notices=_notices(),
    )


def _notices() -> list[tuple[str, str]]:
    found = NOTICES.get(request.args.get("done", ""))
    return [(found[0], _(found[1]))] if found else []


@blueprint.post("/p/<project>/cases/next")
def take_next(project: str) -> AnyResponse:
    """Take the longest waiting case and open it."""
    with transaction() as session:
        held = adjudication.take_next(session, actor(), scope())
    if held is None:
        return redirect(url_for(".index", project=project, done="none"))
    return redirect(url_for(".detail", project=project, case_id=held.case_id))


@blueprint.get("/p/<project>/cases/<case_id>")
def detail(project: str, case_id: str) -> str:
    """Show a case: item and own answer first, then the labels side by side, then the decision."""
    return _page(project, case_id, {}, [])


def _page(project: str, case_id: str, typed: dict[str, str], problems: list[dict[str, Any]]) -> str:
    session, here = read_session(), scope()
    case = case_reading.view(session, actor(), here, case_id)
    letters, rows = case_view.comparison(case)
    may_decide = actor().may("case.decide", here.project_id)
    again = request.args.get("again", "")
    blind = case.votes is None
    fields = () if blind else case_view.fields(case)
    return render_template(
        "cases/case.html",
        project=_crumb(),
        slug=project,
        case=case,
        item=SimpleNamespace(**case.item, concealed=case.item["needs_reveal"]),
        language_name=language_name,
        fields=fields,
        questions=case_view.blind_fields(case) if blind else (),
        picked=_picked(),
        open_fields=[one for one in fields if one.decided is None or one.key == again],
        letters=letters,
        rows=rows,
        decisions=[(one, case_view.ruling_words(case, one)) for one in case.decisions],
        titles={one.key: one.title for one in fields},
        in_force={cell.decision_id for cell in case.cells},
        causes=[(one, _(CAUSE_WORDS[one])) for one in causes],
        may_decide=may_decide,
        typed=typed or _prefilled(case),
        errors={str(one.get("place", "")): said(one["message"]) for one in problems},
        problems=problems,
        again=again,
        notices=_notices(),
    )


def _picked() -> dict[str, list[str]]:
    """Return the boxes that were chosen, by question."""
    names = [name for name in request.form if name.startswith("pick:")]
    return {name.removeprefix("pick:"): request.form.getlist(name) for name in names}


def _prefilled(case: CaseView) -> dict[str, str]:
    """Start the decision from the adjudicator's own answer."""
    if case.votes is None:
        return case_view.unasked(case)
    return {
        f"value:{key}": str(own.get("value") or own.get("state") or "")
        for key, own in (case.own or {}).items()
    }


@blueprint.post("/p/<project>/cases/<case_id>/take")
def take(project: str, case_id: str) -> AnyResponse:
    """Take a case, or take it up again."""
    with transaction() as session:
        adjudication.take(session, actor(), scope(), case_id)
    again = request.form.get("again") or None
    return redirect(url_for(".detail", project=project, case_id=case_id, again=again))


@blueprint.post("/p/<project>/cases/<case_id>/back")
def give_back(project: str, case_id: str) -> AnyResponse:
    """Let a case go undecided."""
    with transaction() as session:
        adjudication.give_back(session, actor(), scope(), case_id)
    return redirect(url_for(".index", project=project, done="back"))


@blueprint.post("/p/<project>/cases/<case_id>/answer")
def answer(project: str, case_id: str) -> AnyResponse | tuple[str, int]:
    """Keep one's own answer; after it the labels are shown."""
    typed = {name: form_text(name, limit=4000) for name in request.form}
    answers: dict[str, dict[str, Any]] = {}
    for name, value in typed.items():
        if name.startswith("value:") and value:
            key = name.removeprefix("value:")
            answers[key] = {"state": "unsure"} if value == case_view.UNSURE else {"value": value}
    answers |= {name: case_view.whole_answer(picked) for name, picked in _picked().items()}
    try:
        with transaction() as session:
            adjudication.answer(session, actor(), scope(), case_id, answers)
    except BadInput as error:
        return _page(project, case_id, typed, list(error.problems)), 422
    return redirect(url_for(".detail", project=project, case_id=case_id))


@blueprint.post("/p/<project>/cases/<case_id>/decide")
def decide(project: str, case_id: str) -> AnyResponse | tuple[str, int]:
    """Keep decisions and go on with the next case."""
    typed = {name: form_text(name, limit=4000) for name in request.form}
    try:
        with transaction() as session:
            adjudication.decide(session, actor(), scope(), case_id, _fence(typed), _rulings(typed))
    except BadInput as error:
        return _page(project, case_id, typed, list(error.problems)), 422
    if "stay" in request.form:
        return redirect(url_for(".detail", project=project, case_id=case_id, done="decided"))
    return take_next(project)


def _fence(typed: dict[str, str]) -> int:
    """Return the fence of the page; what is no number is no fence that anybody holds."""
    text = typed.get("fence", "")
    return int(text) if text.isdecimal() and len(text) < 16 else -1


def _rulings(typed: dict[str, str]) -> list[Ruling]:
    rulings = []
    for name, value in typed.items():
        if not name.startswith("value:") or not value:
            continue
        key = name.removeprefix("value:")
        question, _slash, category = key.partition("/")
        rulings.append(
            Ruling(
                question,
                category,
                None if value in {case_view.KEEP, case_view.NOT_ASKED, case_view.UNSURE} else value,
                typed.get("cause", ""),
                typed.get("rationale", ""),
                typed.get(f"clause:{key}") or None,
                closed=value == case_view.NOT_ASKED,
            )
        )
    return rulings


@blueprint.post("/p/<project>/cases/<case_id>/revoke")
def revoke(project: str, case_id: str) -> AnyResponse | tuple[str, int]:
    """Revoke a decision by a superseding one."""
    question, _slash, category = form_text("cell", required=True).partition("/")
    try:
        with transaction() as session:
            adjudication.revoke(
                session,
                actor(),
                scope(),
                case_id,
                question=question,
                category=category,
                rationale=form_text("rationale", limit=4000),
            )
    except BadInput as error:
        return _page(project, case_id, {}, [{"place": "revoke", "message": str(error)}]), 422
    return redirect(url_for(".detail", project=project, case_id=case_id, done="revoked"))


@blueprint.get("/api/v1/projects/<project>/cases")
def api_list(project: str) -> Response:
    """List cases; the query takes state, cell, gap, reason, cause and after.

    What is at issue is null for an adjudicator who has yet to answer the case, and the query finds
    such cases by state and question alone.
    """
    del project
    after = request.args.get("after")
    lines = case_reading.listed(read_session(), actor(), scope(), _filter(), after=after)
    rows = [{**asdict(one), "opened_at": one.opened_at.isoformat()} for one in lines]
    return jsonify({"cases": rows, "after": rows[-1]["id"] if rows else None})


@blueprint.post("/api/v1/projects/<project>/cases/next")
def api_next(project: str) -> Response:
    """Take the longest waiting case."""
    del project
    with transaction() as session:
        held = adjudication.take_next(session, actor(), scope())
    return jsonify({"case": None if held is None else _held(held)})


def _held(held: adjudication.Held) -> dict[str, Any]:
    return {**asdict(held), "expires_at": held.expires_at.isoformat()}


@blueprint.get("/api/v1/cases/<case_id>")
def api_case(case_id: str) -> Response:
    """Return a case; its labels are null until the adjudicator has answered."""
    case = case_reading.view(read_session(), actor(), scope(), case_id)
    return jsonify(
        {
            "id": case.id,
            "state": case.state,
            "fence": case.fence,
            "item": case.item,
            "cells": [asdict(one) for one in case.cells],
            "own_answer": case.own,
            "labels": None if case.votes is None else [asdict(one) for one in case.votes],
            "decisions": [
                {**asdict(one), "created_at": one.created_at.isoformat()} for one in case.decisions
            ],
        }
    )


@blueprint.post("/api/v1/cases/<case_id>/take")
def api_take(case_id: str) -> Response:
    """Take a case."""
    with transaction() as session:
        held = adjudication.take(session, actor(), scope(), case_id)
    return jsonify({"case": _held(held)})


@blueprint.post("/api/v1/cases/<case_id>/answer")
def api_answer(case_id: str) -> Response:
    """Keep one's own answer."""
    body = json_body(OwnAnswerBody)
    with transaction() as session:
        adjudication.answer(session, actor(), scope(), case_id, body.answers)
    return jsonify({})


@blueprint.post("/api/v1/cases/<case_id>/decide")
def api_decide(case_id: str) -> Response:
    """Decide cells."""
    body = json_body(DecideBody)
    rulings = [one.ruling() for one in body.rulings]
    with transaction() as session:
        made = adjudication.decide(session, actor(), scope(), case_id, body.fence, rulings)
    return jsonify({"decisions": list(made)})


@blueprint.post("/api/v1/cases/<case_id>/revoke")
def api_revoke(case_id: str) -> Response:
    """Revoke a decision."""
    body = json_body(RevokeBody)
    with transaction() as session:
        made = adjudication.revoke(
            session,
            actor(),
            scope(),
            case_id,
            question=body.question,
            category=body.category,
            rationale=body.rationale,
        )
    return jsonify({"decision": made})
