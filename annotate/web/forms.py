"""What forms need: the per-session token, the session cookie, and safe ways onward."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import abort, current_app, g, request
from werkzeug.exceptions import HTTPException

from annotate.services import accounts
from annotate.services.errors import ApplicationError, BadCredentials, Conflict, TooManyAttempts
from annotate.web.login import cookie_name
from annotate.web.rendering import said
from annotate.web.requests import database
from annotate.web.routes import ROUTES

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

HOME = "/"
STATUS = {BadCredentials: 401, Conflict: 409, TooManyAttempts: 429}


def check_csrf() -> None:
    """Refuse a form that does not carry the token of the session it comes with.

    The guard has looked at the browser's own headers already; this is the second lock on the
    forms that could take an account over.
    """
    expected = g.actor.csrf_token or ""
    given = request.form.get("csrf_token", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        abort(
            403, "This form is not of your present session. Load the page again and send it anew."
        )


def own_path(target: str) -> str:
    """Return the address if it is one of our own pages, and the start page otherwise.

    Nobody can send a person elsewhere, or to a page that acts, through a login address.
    """
    if not target.startswith("/") or target.startswith("//") or not target.isprintable():
        return HOME
    if "\\" in target or not target.isascii():
        return HOME
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return HOME
    adapter = current_app.url_map.bind(request.host)
    try:
        endpoint, _arguments = adapter.match(parts.path, method="GET")
    except HTTPException:
        return HOME
    rule = ROUTES[endpoint]
    return target if rule.kind == "page" and rule.permission != "public" else HOME


def set_session_cookie(response: Response, token: str) -> None:
    """Hand the session to the browser; it ends with the browser or on the server."""
    response.set_cookie(
        cookie_name(),
        token,
        path="/",
        secure=database().settings.https,
        httponly=True,
        samesite="Lax",
    )


def drop_session_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(
        cookie_name(),
        path="/",
        secure=database().settings.https,
        httponly=True,
        samesite="Lax",
    )


def field_errors(error: ApplicationError) -> dict[str, str]:
    """Return what is wrong with each field, to stand beside it."""
    return {str(p["field"]): said(str(p["message"])) for p in error.problems if "field" in p}


def status_of(error: ApplicationError) -> int:
    """Return the status of a form that is shown again with what is wrong."""
    return STATUS.get(type(error), 422)


def address() -> str:
    """Return where the request comes from, for the throttle and the list of sessions."""
    return request.remote_addr or ""


def browser() -> accounts.Browser:
    """Return where a sign-in comes from."""
    agent = request.headers.get("User-Agent", "")[:300]
    return accounts.Browser(address(), agent, request.cookies.get(cookie_name()))
