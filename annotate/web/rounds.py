"""Rounds: plan, confirm, watch, pause and close; as pages and as JSON API."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from pydantic import Field

from annotate.services import allocation_files, progress, projects, rounds, rubrics
from annotate.services.errors import BadInput, Conflict
from annotate.services.rounds import RoundDesign
from annotate.web.language_names import language_name
from annotate.web.plan_view import plan_view
from annotate.web.project_json import generated_json, plan_json, round_json
from annotate.web.projects import crumb, field_errors, permissions, status_of, whole_number
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

    from tasks.generation import Plan

blueprint = Blueprint("rounds", __name__)
API = "/api/v1"
MAX_FILE_BYTES = 4_000_000


class DesignBody(Body):
    """The design of a round. ``allocation`` maps external item ids to logins."""

    rubric_version_id: str
    name: str
    phase: str = "production"
    overlap: int = 3
    seed: int = 1
    team_ids: list[str] = Field(default_factory=list)
    allocation: dict[str, list[str]] | None = None
    minutes_per_item: float = 1.0
    reserve: bool = False

    def design(self) -> RoundDesign:
        """Return the design as the services take it."""
        values = self.model_dump()
        return RoundDesign(**{**values, "team_ids": tuple(self.team_ids)})


class StateBody(Body):
    """Where a round is to go: open, paused or closed."""

    state: str


class MoreBody(Body):
    """People for the new items of a round that was made from an allocation."""

    allocation: dict[str, list[str]] | None = None


# ---------------------------------------------------------------------------------------- pages


@blueprint.get("/p/<project>/rounds")
def index(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """List the rounds with how far each is."""
    session = read_session()
    found = projects.details(session, scope())
    lines = rubrics.versions(session, scope())
    return render_template(
        "rounds/index.html",
        project=crumb(found),
        may=permissions(),
        rounds=progress.rounds(session, scope()),
        teams=_team_names(),
        current=rubrics.current(lines),
        waiting_items=progress.unplanned(session, scope()),
    )


@blueprint.get("/p/<project>/rounds/<round_id>")
def detail(project: str, round_id: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show one round."""
    session = read_session()
    found = projects.details(session, scope())
    one = rounds.get(session, scope(), round_id)
    return render_template(
        "rounds/detail.html",
        project=crumb(found),
        may=permissions(),
        round=one,
        teams=_team_names(),
        next_states=rounds.NEXT_STATES[one.state],
        missing=progress.unplanned(session, scope(), one.id),
    )


def _team_names() -> dict[str, str]:
    people = rounds.workers(read_session(), scope())
    return {team_id: name for team_id, name, _ in rounds.teams_of(people)}


@blueprint.get("/p/<project>/rounds/new")
def new(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show the form of a round, filled with what is usual."""
    count = len(progress.rounds(read_session(), scope()))
    typed = {
        "name": f"Round {count + 1}",
        "phase": "pilot" if count == 0 else "production",
        "overlap": "3",
        "seed": str(secrets.randbelow(1_000_000)),
        "minutes_per_item": "1",
        "places": "open",
    }
    return _form(typed, {})


@blueprint.post("/p/<project>/rounds/new")
def plan(project: str) -> AnyResponse | str | tuple[str, int]:
    """Show the plan; make it when it was shown before and is confirmed."""
    typed: dict[str, Any] = {**request.form, "team_ids": request.form.getlist("team_ids")}
    try:
        text = _allocation_text()
        typed["allocation"] = text
        design = _design(text)
        if request.form.get("do") == "confirm":
            with transaction() as session:
                made = rounds.generate(session, actor(), scope(), design)
            target = url_for("rounds.detail", project=project, round_id=made.round_id)
            return redirect(f"{target}?done=created")
        planned = rounds.plan(read_session(), actor(), scope(), design)
    except (BadInput, Conflict) as refused:
        page = _form(typed, field_errors(refused), problems=refused.problems)
        return page, status_of(refused)
    if request.form.get("do") == "edit":
        return _form(typed, {})
    return _plan_page(typed, planned)


def _allocation_text() -> str:
    """Return the allocation that was uploaded now, or before the plan was shown."""
    if request.form.get("places") != "file":
        return ""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return request.form.get("allocation", "").replace("\r\n", "\n")
    data = upload.stream.read(MAX_FILE_BYTES + 1)
    problem = None
    if len(data) > MAX_FILE_BYTES:
        problem = Sentence("The file is larger than %(n)s bytes.", n=f"{MAX_FILE_BYTES:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Sentence(
            "The file is not UTF-8: byte %(place)s cannot be read.", place=error.start + 1
        )
        text = ""
    if problem is not None:
        raise BadInput(problem, problems=[{"field": "allocation", "message": problem}])
    return text.replace("\r\n", "\n")


def _design(allocation: str) -> RoundDesign:
    places = request.form.get("places", "open")
    if places == "file" and not allocation.strip():
        problem = {
            "field": "allocation",
            "message": Sentence("Choose the file with the allocation."),
        }
        raise BadInput("There is no allocation", problems=[problem])
    return RoundDesign(
        rubric_version_id=form_text("rubric_version_id"),
        name=form_text("name"),
        phase=form_text("phase"),
        overlap=whole_number("overlap"),
        seed=whole_number("seed"),
        team_ids=tuple(request.form.getlist("team_ids")),
        allocation=allocation_files.read(allocation) if places == "file" else None,
        minutes_per_item=_minutes(),
        reserve=places == "reserve",
    )


def _minutes() -> float:
    text = form_text("minutes_per_item").replace(",", ".")
    try:
        return float(text)
    except ValueError as error:
        problem = {"field": "minutes_per_item", "message": Sentence("Give a number of minutes.")}
        raise BadInput("minutes_per_item is not a number", problems=[problem]) from error


def _form(
    typed: dict[str, Any], errors: dict[str, str], problems: tuple[dict[str, Any], ...] = ()
) -> str:
    session = read_session()
    found = projects.details(session, scope())
    lines = rubrics.versions(session, scope())
    people = rounds.workers(session, scope())
    return render_template(
        "rounds/new.html",
        project=crumb(found),
        may=permissions(),
        typed=typed,
        errors=errors,
        problems=[one for one in problems if one.get("line") or "code" in one],
        versions=[line for line in lines if line.status == "published"],
        current=rubrics.current(lines),
        draft=next((line for line in lines if line.status == "draft"), None),
        people=people,
        teams=rounds.teams_of(people),
        phases=rounds.PHASES,
        items=progress.item_count(session, scope()),
    )


def _plan_page(typed: dict[str, Any], planned: Plan) -> str:
    session = read_session()
    found = projects.details(session, scope())
    version = rubrics.get(session, scope(), typed["rubric_version_id"])
    people = rounds.workers(session, scope())
    view = plan_view(planned, people, rubrics.from_version(version))
    return render_template(
        "rounds/plan.html",
        project=crumb(found),
        typed=typed,
        plan=planned,
        view=view,
        version=version,
        language_name=language_name,
    )


@blueprint.post("/p/<project>/rounds/<round_id>/state")
def change_state(project: str, round_id: str) -> AnyResponse:
    """Pause, resume or close a round."""
    state = form_text("state", required=True)
    with transaction() as session:
        rounds.set_state(session, actor(), scope(), round_id, state)
    return redirect(url_for("rounds.detail", project=project, round_id=round_id, done=state))


@blueprint.post("/p/<project>/rounds/<round_id>/generate")
def extend(project: str, round_id: str) -> AnyResponse:
    """Add tasks for the items that came in since."""
    with transaction() as session:
        made = rounds.extend(session, actor(), scope(), round_id)
    target = url_for("rounds.detail", project=project, round_id=round_id)
    return redirect(f"{target}?done=extended&added={made.tasks}")


# ------------------------------------------------------------------------------------------ API


@blueprint.get(f"{API}/projects/<project>/rounds")
def api_list(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """List the rounds of a project, newest first."""
    found = progress.rounds(read_session(), scope())
    return jsonify({"rounds": [round_json(one) for one in found]})


@blueprint.post(f"{API}/projects/<project>/rounds/plan")
def api_plan(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Plan a round; nothing is made."""
    body = json_body(DesignBody)
    session = read_session()
    planned = rounds.plan(session, actor(), scope(), body.design())
    return jsonify(plan_json(planned, rounds.workers(session, scope())))


@blueprint.post(f"{API}/projects/<project>/rounds")
def api_create(project: str) -> tuple[Response, int]:  # noqa: ARG001 - the guard resolves it
    """Make a round with its tasks, or complete the one of that name and design."""
    body = json_body(DesignBody)
    with transaction() as session:
        made = rounds.generate(session, actor(), scope(), body.design())
    return jsonify(generated_json(made)), 201 if made.is_new else 200


@blueprint.get(f"{API}/rounds/<round_id>")
def api_get(round_id: str) -> Response:
    """Return one round with how far it is."""
    return jsonify(round_json(rounds.get(read_session(), scope(), round_id)))


@blueprint.post(f"{API}/rounds/<round_id>/state")
def api_state(round_id: str) -> Response:
    """Pause, resume or close a round."""
    body = json_body(StateBody)
    with transaction() as session:
        rounds.set_state(session, actor(), scope(), round_id, body.state)
        found = rounds.get(session, scope(), round_id)
    return jsonify(round_json(found))


@blueprint.post(f"{API}/rounds/<round_id>/generate")
def api_extend(round_id: str) -> Response:
    """Add tasks for the items that came in since the round was made."""
    body = json_body(MoreBody)
    with transaction() as session:
        made = rounds.extend(session, actor(), scope(), round_id, body.allocation)
    return jsonify(generated_json(made))
