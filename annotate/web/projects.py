"""Projects: home, list, new project, overview, settings; and their JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from pydantic import Field, JsonValue

from annotate.services import progress, projects
from annotate.services.errors import BadInput, Conflict
from annotate.services.projects import ProjectText
from annotate.web.language_names import language_name
from annotate.web.project_json import overview_json, project_json
from annotate.web.rendering import said
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

    from annotate.policy import Actor
    from annotate.services.projects import ProjectDetails

blueprint = Blueprint("projects", __name__)
API = "/api/v1/projects"


class NewProject(Body):
    """A project to make; settings left out have their defaults."""

    slug: str = Field(max_length=200)
    title: str
    description: str = ""
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class ProjectChange(Body):
    """A change of a project, made from the version named."""

    version: int
    title: str
    description: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)


# ---------------------------------------------------------------------------------------- pages


@blueprint.get("/")
def home() -> AnyResponse | str:
    """Send an annotator of one project to their work; show everyone else the projects."""
    lines = projects.listed(read_session(), actor())
    if len(lines) == 1 and only_labels(actor(), lines[0].id):
        return redirect(url_for("workbench.work", project=lines[0].slug))
    return _index(lines)


@blueprint.get("/projects")
def index() -> str:
    """List the projects the actor sees."""
    return _index(projects.listed(read_session(), actor()))


def _index(lines: list[projects.ProjectLine]) -> str:
    counts = progress.of_projects(read_session(), actor())
    nothing = progress.ProjectProgress()
    rows = [
        {
            "line": line,
            "counts": counts.get(line.id, nothing),
            "labels_only": only_labels(actor(), line.id),
        }
        for line in lines
    ]
    may_create = actor().everywhere("project.create")
    may_invite = actor().everywhere("people.manage")
    return render_template(
        "projects/index.html", rows=rows, may_create=may_create, may_invite=may_invite
    )


@blueprint.get("/projects/new")
def new() -> str:
    """Show the empty form of a new project."""
    return _form({}, {})


@blueprint.post("/projects/new")
def create() -> AnyResponse | tuple[str, int]:
    """Make a project, or show the form again with what is wrong and what was typed."""
    typed = dict(request.form)
    try:
        settings = _form_settings()
        with transaction() as session:
            project = projects.create(
                session,
                actor(),
                slug=form_text("slug"),
                title=form_text("title"),
                description=form_text("description"),
                settings=settings,
            )
    except (BadInput, Conflict) as refused:
        return _form(typed, field_errors(refused)), status_of(refused)
    return redirect(url_for("projects.overview", project=project.slug, done="created"))


def _form(typed: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template("projects/new.html", typed=typed, errors=errors)


@blueprint.get("/p/<project>/")
def overview(project: str) -> AnyResponse | str:
    """Show how far a project is and what waits."""
    if only_labels(actor(), scope().project_id):
        return redirect(url_for("workbench.work", project=project))
    found = projects.details(read_session(), scope())
    return render_template(
        "projects/overview.html",
        project=crumb(found),
        overview=progress.overview(read_session(), scope()),
        may=permissions(),
        language_name=language_name,
    )


@blueprint.get("/p/<project>/settings")
def settings(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show the settings of a project."""
    found = projects.details(read_session(), scope())
    typed = {
        **found.settings,
        "title": found.title,
        "description": found.description,
        "version": found.version,
    }
    return _settings_form(found, typed, {})


@blueprint.post("/p/<project>/settings")
def change_settings(project: str) -> AnyResponse | tuple[str, int]:
    """Change the settings, or show them again with what is wrong and what was typed."""
    try:
        version = whole_number("version")
        text = ProjectText(form_text("title"), form_text("description"), _form_settings())
        with transaction() as session:
            projects.update(session, actor(), scope(), version, text)
    except (BadInput, Conflict) as refused:
        found = projects.details(read_session(), scope())
        typed = {**request.form, "version": found.version}
        page = _settings_form(found, typed, field_errors(refused))
        return page, status_of(refused)
    return redirect(url_for("projects.settings", project=project, done="saved"))


def _settings_form(found: ProjectDetails, typed: dict[str, Any], errors: dict[str, str]) -> str:
    return render_template(
        "projects/settings.html", project=crumb(found), typed=typed, errors=errors
    )


def _form_settings() -> dict[str, Any]:
    return {
        "adjudicator_may_be_annotator": request.form.get("adjudicator_may_be_annotator") == "1",
        "min_votes": whole_number("min_votes"),
    }


# ------------------------------------------------------------------------- shared with siblings


def only_labels(who: Actor, project_id: str) -> bool:
    """Tell whether labelling is all that a person does in a project."""
    return who.roles(project_id) == {"annotator"}


def crumb(found: ProjectDetails) -> dict[str, str]:
    """Return the project as the bar and the templates name it."""
    return {"name": found.title, "slug": found.slug, "description": found.description}


def permissions() -> dict[str, bool]:
    """Return what the actor may do in this project, by the last word of the permission."""
    names = (
        "project.manage",
        "rubric.edit",
        "item.import",
        "item.view",
        "round.view",
        "round.manage",
        "agreement.view",
        "case.view",
        "gold.view",
        "job.view",
        "item.release_quarantine",
    )
    held = actor()
    return {name.replace(".", "_"): held.may(name, scope().project_id) for name in names}


def field_errors(refused: BadInput | Conflict) -> dict[str, str]:
    """Return one message a field; what belongs to no field stands under the empty name."""
    errors: dict[str, str] = {}
    for problem in refused.problems:
        errors.setdefault(str(problem.get("field", "")), said(problem["message"]))
    return errors or {"": said(refused)}


def status_of(refused: BadInput | Conflict) -> int:
    """Return the status of a form that comes back."""
    return 409 if isinstance(refused, Conflict) else 422


def whole_number(name: str) -> int:
    """Return a whole number of a form."""
    text = form_text(name)
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) < 20:
        return int(text)
    problem = {"field": name, "message": Sentence("Give a whole number.")}
    raise BadInput(Sentence("%(name)s is not a whole number", name=name), problems=[problem])


# ------------------------------------------------------------------------------------------ API


@blueprint.get(API)
def api_list() -> Response:
    """List the projects the token or person sees."""
    lines = projects.listed(read_session(), actor())
    rows = [{"id": one.id, "slug": one.slug, "title": one.title} for one in lines]
    return jsonify({"projects": rows})


@blueprint.post(API)
def api_create() -> tuple[Response, int]:
    """Make a project."""
    body = json_body(NewProject)
    with transaction() as session:
        made = projects.create(
            session,
            actor(),
            slug=body.slug,
            title=body.title,
            description=body.description,
            settings=body.settings,
        )
        found = projects.details_of(made)
    return jsonify(project_json(found)), 201


@blueprint.get(f"{API}/<project>")
def api_get(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Return a project and its settings."""
    found = projects.details(read_session(), scope())
    return jsonify(project_json(found))


@blueprint.put(f"{API}/<project>")
def api_change(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Change a project."""
    body = json_body(ProjectChange)
    text = ProjectText(body.title, body.description, body.settings)
    with transaction() as session:
        changed = projects.update(session, actor(), scope(), body.version, text)
        found = projects.details_of(changed)
    return jsonify(project_json(found))


@blueprint.get(f"{API}/<project>/progress")
def api_progress(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Return how far a project is."""
    return jsonify(overview_json(progress.overview(read_session(), scope())))
