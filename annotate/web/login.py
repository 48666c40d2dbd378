"""flask-login over our own session rows: it asks us on every request, and keeps no cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.sessions import SessionInterface
from flask_login import LoginManager, UserMixin
from flask_login import current_user as login_user

from annotate.services import identity
from annotate.web.requests import database, end_read_session, read_session

if TYPE_CHECKING:
    from flask import Flask, Request, Response
    from flask.sessions import SessionMixin

    from annotate.policy import Actor


class SignedIn(UserMixin):  # type: ignore[misc]
    """The person or program behind a request, as flask-login wants it."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.id = actor.session_id or actor.token_id


class NoCookieSession(SessionInterface):
    """Flask's own session, left empty: who is signed in stands in rows, never in a cookie."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:  # noqa: ARG002
        """Open none; whoever writes to it is told."""
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save nothing."""


def install(app: Flask) -> None:
    """Let flask-login find the user by our cookie or bearer token."""
    app.session_interface = NoCookieSession()
    # Templates get the actor as current_user from rendering, not this adapter.
    manager = LoginManager(app, add_context_processor=False)
    manager.session_protection = None
    manager.request_loader(_load)


def cookie_name() -> str:
    """Return the session cookie's name; browsers hold ``__Host-`` to TLS and one host."""
    return "__Host-touchstone" if database().settings.https else "touchstone"


def signed_in() -> Actor | None:
    """Return the actor of this request, if any."""
    return getattr(login_user, "actor", None)  # the anonymous user has none


def _load(request: Request) -> SignedIn | None:
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        found = identity.actor_of_token(read_session(), bearer.removeprefix("Bearer ").strip())
    else:
        cookie = request.cookies.get(cookie_name())
        found = identity.actor_of_session(read_session(), cookie) if cookie else None
    if found is None:
        return None
    actor, stale = found
    if stale:
        end_read_session()
        with database().write() as session:
            identity.note_use(session, actor)
    return SignedIn(actor)
