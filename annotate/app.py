"""The application factory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from annotate.config import Settings
from annotate.db import Database
from annotate.services import worker
from annotate.web import BLUEPRINTS, guard, headers, login, rendering
from annotate.web import errors as web_errors

if TYPE_CHECKING:
    from collections.abc import Callable


class Application(Flask):
    """Flask without its look, ten times a request, whether a function is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: none of ours is a coroutine."""
        return func


def create_app(settings: Settings | None = None, database: Database | None = None) -> Flask:
    """Return the WSGI application.

    Parameters
    ----------
    settings
        Read from the environment when not given.
    database
        Given by tests that hold the clock; made from the settings otherwise.
    """
    chosen = settings if settings is not None else Settings.from_env()
    app = Application("annotate.web", static_folder=None, template_folder="templates")
    app.config.update(
        SECRET_KEY=chosen.secret,
        MAX_CONTENT_LENGTH=chosen.max_upload_bytes,
        MAX_FORM_MEMORY_SIZE=4_000_000,
        MAX_FORM_PARTS=2000,
        TRUSTED_HOSTS=None,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    opened = database or Database(chosen)
    app.extensions["touchstone.database"] = opened
    if chosen.inline_jobs:
        worker.start_worker(opened)
    logging.getLogger("touchstone").setLevel(logging.INFO)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    rendering.install(app)
    web_errors.install(app)
    login.install(app)
    guard.install(app)
    headers.install(app, https=chosen.https)
    _trust_proxies(app, chosen.trusted_proxies)
    return app


def _trust_proxies(app: Flask, count: int) -> None:
    """Take a caller's address from the proxies in front, when the settings name any.

    Only the address, which the throttle of sign-ins counts by: host and scheme stay those of the
    configured public address.
    """
    if count:
        fixed = ProxyFix(app.wsgi_app, x_for=count, x_proto=0, x_host=0)
        app.wsgi_app = fixed  # type: ignore[method-assign]
