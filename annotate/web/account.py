"""Sign in and out, one-time links, and the page of one's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, url_for

from annotate.policy import TOKEN_SCOPES
from annotate.services import accounts, identity, links, passwords, tokens
from annotate.services.errors import (
    ApplicationError,
    BadCredentials,
    BadInput,
    Conflict,
    NotFound,
    TooManyAttempts,
)
from annotate.web import account_words, forms
from annotate.web.login import signed_in
from annotate.web.requests import (
    actor,
    end_read_session,
    form_text,
    read_session,
    transaction,
)
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("account", __name__)
BEFORE_SESSION = frozenset({"account.login_submit", "account.link_submit"})
Page = tuple[str, int]


@blueprint.before_request
def _csrf() -> None:
    if request.method == "POST" and request.endpoint not in BEFORE_SESSION:
        forms.check_csrf()


# ---------------------------------------------------------------------------------- in and out


@blueprint.get("/login")
def login() -> str | Response:
    """Show the sign-in form; whoever is signed in goes on."""
    target = forms.own_path(request.args.get("next", ""))
    if signed_in() is not None:
        return redirect(target)
    return _login_page(target)


@blueprint.post("/login")
def login_submit() -> Page | Response:
    """Verify login and password and open a session."""
    target = forms.own_path(request.form.get("next", ""))
    try:
        name = form_text("login", required=True, limit=200)
        token = _signed_in(name, request.form.get("password", ""))
    except (BadCredentials, TooManyAttempts, BadInput) as error:
        return _login_page(target, error), forms.status_of(error)
    response = redirect(target)
    forms.set_session_cookie(response, token)
    return response


@blueprint.post("/logout")
def logout() -> Response:
    """End this session; its cookie is worthless from now on."""
    session_id = actor().session_id
    if session_id is not None:
        with transaction() as session:
            identity.close_session(session, actor(), session_id)
    response = redirect(url_for("account.login", done="signed-out"))
    forms.drop_session_cookie(response)
    return response


def _login_page(target: str, error: ApplicationError | None = None) -> str:
    return render_template(
        "login.html",
        target=target,
        error=error,
        typed=request.form.get("login", ""),
        done=request.args.get("done"),
    )


def _signed_in(name: str, password: str) -> str:
    """Return the token of a new session. The password is verified outside of any transaction."""
    candidate = _verified(name, password)
    new_hash = None
    if candidate.password_hash is not None and passwords.needs_rehash(candidate.password_hash):
        new_hash = passwords.hash_password(password)
    with transaction() as session:
        return accounts.sign_in(session, candidate, forms.browser(), login=name, new_hash=new_hash)


def _verified(name: str, password: str) -> identity.Candidate:
    """Return the account that login and password fit, or count a failed attempt."""
    candidate = identity.find_candidate(read_session(), name, forms.address())
    end_read_session()
    if not passwords.verify_password(candidate.password_hash, password):
        with transaction() as session:
            identity.login_failed(session, name, forms.address())
        identity.require_candidate(candidate, fits=False)
    return candidate


# ------------------------------------------------------------------------------- one-time links


@blueprint.get("/link/<token>")
def link(token: str) -> Page:
    """Show the form in which the person behind a link chooses a password."""
    return _link_page(token)


@blueprint.post("/link/<token>")
def link_submit(token: str) -> Page | Response:
    """Use up a link, set the password and sign in."""
    try:
        found = links.find(read_session(), token)
        chosen = _chosen(found)
        with transaction() as session:
            user_id = links.use(session, token, chosen)
            cookie = accounts.open_session(session, user_id, forms.browser())
    except (BadInput, Conflict) as error:
        return _link_page(token, error)
    except NotFound:
        return _link_page(token)
    response = redirect(forms.HOME)
    forms.set_session_cookie(response, cookie)
    return response


def _chosen(link: links.OpenLink) -> links.Chosen:
    name = display_name = ""
    if link.purpose == links.FIRST_ADMINISTRATOR:
        name = accounts.checked_login(request.form.get("login", ""))
        display_name = form_text("display_name", required=True, limit=200)
    new_hash = _new_hash()
    return links.Chosen(new_hash, name, display_name)


def _link_page(token: str, error: ApplicationError | None = None) -> Page:
    try:
        found = links.find(read_session(), token)
    except NotFound as gone:
        return render_template("link.html", link=None, gone=str(gone)), 404
    page = render_template(
        "link.html",
        link=found,
        token=token,
        error=error,
        errors=forms.field_errors(error) if error else {},
        typed=request.form,
        shortest=passwords.MIN_PASSWORD,
    )
    return page, 200 if error is None else forms.status_of(error)


def _new_hash() -> str:
    """Return the hash of the new password of a form that asks for it twice."""
    password = request.form.get("new_password", "")
    try:
        passwords.check_password(password)
    except BadInput as error:
        problem = {"field": "new_password", "message": str(error)}
        raise BadInput(str(error), problems=[problem]) from error
    if password != request.form.get("repeated", ""):
        problem = {
            "field": "repeated",
            "message": Sentence("This differs from the password above."),
        }
        raise BadInput("The two passwords differ.", problems=[problem])
    end_read_session()
    return passwords.hash_password(password)


# ---------------------------------------------------------------------------------- own account


@blueprint.get("/account")
def index() -> Page:
    """Show one's own account."""
    return _account_page()


@blueprint.post("/account/settings")
def settings() -> Page | Response:
    """Store name, language, time zone and reading preferences."""
    given = request.form
    wanted = accounts.OwnSettings(
        given.get("display_name", ""),
        given.get("language", ""),
        given.get("time_zone", "").strip(),
        {key: given.get(key, values[0]) for key, values in accounts.PREFERENCES.items()},
    )
    try:
        with transaction() as session:
            accounts.change_settings(
                session, actor(), wanted, languages=account_words.languages().keys()
            )
    except BadInput as error:
        return _account_page("settings", error, settings=wanted)
    return redirect(url_for("account.index", done="settings"))


@blueprint.post("/account/password")
def password() -> Page | Response:
    """Change the password; all other sessions end."""
    try:
        candidate = _verified(actor().login, request.form.get("current_password", ""))
        new_hash = _new_hash()
        with transaction() as session:
            accounts.change_password(session, actor(), candidate, new_hash)
    except (BadInput, BadCredentials, TooManyAttempts, Conflict) as error:
        return _account_page("password", error)
    return redirect(url_for("account.index", done="password"))


@blueprint.post("/account/sessions/<session_id>/end")
def end_session(session_id: str) -> Response:
    """End one of one's own sessions; ending this one signs out."""
    with transaction() as session:
        identity.close_session(session, actor(), session_id)
    return redirect(url_for("account.index", done="session"))


@blueprint.post("/account/sessions/end-others")
def end_other_sessions() -> Response:
    """End all of one's sessions but this one."""
    with transaction() as session:
        accounts.end_other_sessions(session, actor())
    return redirect(url_for("account.index", done="sessions"))


@blueprint.post("/account/tokens")
def create_token() -> Page:
    """Make an API token and show it, this once."""
    given = request.form
    days = given.get("days", "")
    wanted = tokens.NewToken(
        name=given.get("name", ""),
        scopes=tuple(given.getlist("scopes")),
        days=int(days) if days.isdecimal() and len(days) < 6 else 0,
        project_id=given.get("project_id") or None,
    )
    try:
        with transaction() as session:
            token = tokens.create(session, actor(), wanted)
    except (BadInput, Conflict) as error:
        return _account_page("token", error)
    return _account_page(new_token=token)


@blueprint.post("/account/tokens/<token_id>/revoke")
def revoke_token(token_id: str) -> Response:
    """Revoke one of one's own tokens."""
    with transaction() as session:
        tokens.revoke(session, actor(), token_id)
    return redirect(url_for("account.index", done="token"))


def _account_page(
    section: str | None = None, error: ApplicationError | None = None, **more: object
) -> Page:
    session = read_session()
    context = {
        "settings": accounts.own_settings(session, actor()),
        "sessions": accounts.own_sessions(session, actor()),
        "tokens": tokens.of_person(session, actor().user_id),
        "projects": accounts.visible_projects(session, actor()),
        "errors": forms.field_errors(error) if error else {},
        "typed": request.form if section == "token" else {},
        **more,
    }
    page = render_template(
        "account.html",
        section=section,
        error=error,
        scopes=list(TOKEN_SCOPES),
        languages=account_words.languages(),
        time_zones=accounts.time_zones(),
        longest=tokens.MAX_DAYS,
        shortest=passwords.MIN_PASSWORD,
        done=request.args.get("done"),
        browser=account_words.browser,
        **context,
    )
    return page, 200 if error is None else forms.status_of(error)
