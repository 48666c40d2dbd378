"""People, their roles, and teams: for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, url_for

from annotate.services import people as service
from annotate.services import roles
from annotate.services.errors import BadInput, Conflict
from annotate.web import forms
from annotate.web.requests import actor, form_text, read_session, transaction

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from annotate.services.errors import ApplicationError
    from annotate.services.links import Issued

blueprint = Blueprint("people", __name__)
Page = tuple[str, int]


@blueprint.before_request
def _csrf() -> None:
    if request.method == "POST":
        forms.check_csrf()


@blueprint.get("/people")
def index() -> Page:
    """List people, the newest first."""
    return _index_page()


@blueprint.post("/people")
def invite() -> Page:
    """Make an account and show its one-time link, this once."""
    try:
        wanted = _wanted() if request.form.get("role") else None
        with transaction() as session:
            issued = service.invite(
                session,
                actor(),
                login=request.form.get("login", ""),
                display_name=request.form.get("display_name", ""),
                wanted=wanted,
            )
    except (BadInput, Conflict) as error:
        return _index_page(error)
    return _person_page(str(issued.user_id), issued=issued)


@blueprint.get("/people/<user_id>")
def person(user_id: str) -> Page:
    """Show one person: state, roles, and what can be done."""
    return _person_page(user_id)


@blueprint.post("/people/<user_id>/roles")
def grant(user_id: str) -> Page | Response:
    """Give a person a role."""
    try:
        with transaction() as session:
            roles.grant(session, actor(), user_id, _wanted())
    except (BadInput, Conflict) as error:
        return _person_page(user_id, error)
    return _done(user_id, "granted")


@blueprint.post("/people/<user_id>/roles/<grant_id>/revoke")
def revoke(user_id: str, grant_id: str) -> Page | Response:
    """Take a role back."""
    try:
        with transaction() as session:
            roles.revoke(session, actor(), user_id, grant_id)
    except Conflict as error:
        return _person_page(user_id, error)
    return _done(user_id, "revoked")


@blueprint.post("/people/<user_id>/reset")
def reset(user_id: str) -> Page:
    """Make a link with which a person sets a new password, and show it, this once."""
    try:
        with transaction() as session:
            issued = service.ask_reset(session, actor(), user_id)
    except Conflict as error:
        return _person_page(user_id, error)
    return _person_page(user_id, issued=issued)


@blueprint.post("/people/<user_id>/deactivate")
def deactivate(user_id: str) -> Page | Response:
    """Close an account."""
    try:
        with transaction() as session:
            service.deactivate(session, actor(), user_id)
    except Conflict as error:
        return _person_page(user_id, error)
    return _done(user_id, "deactivated")


@blueprint.post("/people/<user_id>/reactivate")
def reactivate(user_id: str) -> Page | Response:
    """Open a closed account again."""
    try:
        with transaction() as session:
            service.reactivate(session, actor(), user_id)
    except Conflict as error:
        return _person_page(user_id, error)
    return _done(user_id, "reactivated")


@blueprint.get("/teams")
def teams() -> Page:
    """List teams."""
    return _teams_page()


@blueprint.post("/teams")
def add_team() -> Page | Response:
    """Make a team."""
    try:
        with transaction() as session:
            name, kind = request.form.get("name", ""), request.form.get("kind", "")
            roles.add_team(session, actor(), name=name, kind=kind)
    except (BadInput, Conflict) as error:
        return _teams_page(error)
    return redirect(url_for("people.teams", done="team"))


def _wanted() -> roles.Wanted:
    return roles.Wanted(
        role=form_text("role", limit=64),
        project_id=form_text("project_id", limit=64) or None,
        team_id=form_text("team_id", limit=64) or None,
    )


def _done(user_id: str, code: str) -> Response:
    return redirect(url_for("people.person", user_id=user_id, done=code))


def _choices(*, refused: bool) -> dict[str, object]:
    """Return what the forms offer: roles, projects, teams."""
    session = read_session()
    return {
        "roles": roles.NAMES,
        "projects": roles.projects(session),
        "teams": roles.teams(session),
        "typed": request.form if refused else {},
        "done": request.args.get("done"),
    }


def _index_page(error: ApplicationError | None = None) -> Page:
    words = request.args.get("q", "").replace("\x00", "").strip()[:200]
    before = request.args.get("before")
    listed, older = service.people(read_session(), actor(), words=words, before=before)
    page = render_template(
        "people.html",
        people=listed,
        words=words,
        before=before,
        older=older,
        error=error,
        errors=forms.field_errors(error) if error else {},
        **_choices(refused=error is not None),
    )
    return page, 200 if error is None else forms.status_of(error)


def _person_page(
    user_id: str, error: ApplicationError | None = None, issued: Issued | None = None
) -> Page:
    page = render_template(
        "person.html",
        subject=service.person(read_session(), actor(), user_id),
        issued=issued,
        error=error,
        errors=forms.field_errors(error) if error else {},
        **_choices(refused=error is not None),
    )
    return page, 200 if error is None else forms.status_of(error)


def _teams_page(error: ApplicationError | None = None) -> Page:
    roles.require_administrator(actor())
    page = render_template(
        "teams.html",
        error=error,
        errors=forms.field_errors(error) if error else {},
        **_choices(refused=error is not None),
    )
    return page, 200 if error is None else forms.status_of(error)
