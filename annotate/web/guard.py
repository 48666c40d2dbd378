"""Before any view: host, origin, who asks, and whether the policy table lets them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import abort, redirect, url_for
from flask.globals import app_ctx, request_ctx

from annotate.policy import Rule, Verdict, decide
from annotate.services.errors import OtherAccount
from annotate.services.locate import locate
from annotate.web.login import cookie_name, signed_in
from annotate.web.requests import end_read_session, read_session
from annotate.web.routes import ROUTES

if TYPE_CHECKING:
    from flask import Flask, Request
    from werkzeug.wrappers import Response

    from annotate.policy import Actor

ACCOUNT_HEADER = "X-Touchstone-Account"
"""Names the person whom a page was served to; its scripts send it with every request."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    """Put the guard in front of every route.

    Raises
    ------
    RuntimeError
        At start, when a route is missing in the policy table or the table names no route.
    """
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    undeclared = endpoints - ROUTES.keys()
    unknown = ROUTES.keys() - endpoints
    if undeclared or unknown:
        raise RuntimeError(
            f"routes without a rule in the policy table: {sorted(undeclared)}; "
            f"rules without a route: {sorted(unknown)}"
        )
    app.before_request(_guard)
    app.teardown_request(end_read_session)


def _guard() -> Response | None:
    request = request_ctx.request
    if request.endpoint is None:
        return None  # no such address: the error handler answers
    rule = ROUTES[request.endpoint]
    kept = app_ctx.g
    kept.rule = rule
    kept.actor = None
    _refuse_cross_site(rule, request)
    kept.actor = actor = signed_in()
    _refuse_other_account(actor, request)
    located = None
    if rule.locates is not None and actor is not None:
        key = (request.view_args or {}).get(rule.locates, "")
        located = locate(read_session(), rule.locates, key) if _plausible(rule, key) else None
    verdict = decide(rule, actor, located)
    if verdict is not Verdict.ALLOWED:
        return _refuse(verdict, rule, request)
    kept.located = located
    if actor is not None and located is not None and located.project_id is not None:
        wanted = rule.permission if rule.permission != "self" else "project.view"
        kept.scope = actor.scope(wanted, located.project_id)
    return None


def _plausible(rule: Rule, key: str) -> bool:
    """PostgreSQL refuses a malformed UUID with an error; here it is simply not there."""
    if rule.locates == "project":
        return key.isascii() and "\x00" not in key
    parts = key.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        character in "0123456789abcdef-" for character in key
    )


def _refuse_cross_site(rule: Rule, request: Request) -> None:
    """Let unsafe methods come from our own pages only, or from programs without cookies.

    After Go's CrossOriginProtection: Sec-Fetch-Site decides; without it, Origin must be our host.
    """
    if request.method in SAFE_METHODS:
        return
    if request.cookies.get(cookie_name()) is None and rule.kind == "api":
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site in {"same-origin", "none"}:
            return
        abort(403, "This request came from another site and was refused.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403, "This request came from another site and was refused.")


def _refuse_other_account(actor: Actor | None, request: Request) -> None:
    """Refuse a page that was served to somebody else, before it learns or stores anything."""
    meant = request.headers.get(ACCOUNT_HEADER)
    if meant is not None and actor is not None and meant != actor.user_id:
        raise OtherAccount("Somebody else is signed in in this browser now. Sign in as yourself.")


def _refuse(verdict: Verdict, rule: Rule, request: Request) -> Response | None:
    if verdict is Verdict.NOT_FOUND:
        abort(404)
    if verdict is Verdict.FORBIDDEN:
        abort(403)
    if rule.kind == "api":
        abort(401)
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("account.login", next=target))
