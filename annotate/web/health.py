"""Health, readiness, static files under the build's hash, and reports of the content policy."""

from __future__ import annotations

import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, abort, jsonify, request, send_from_directory

from annotate.services import readiness
from annotate.web.requests import read_session

if TYPE_CHECKING:
    from flask import Response

blueprint = Blueprint("health", __name__)
STATIC = Path(__file__).parent / "static"
YEAR = 31_536_000
log = logging.getLogger("touchstone")


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether the database answers and is migrated to this release."""
    state = readiness.check(read_session())
    return jsonify({"status": state.status, "reason": state.reason}), 200 if state.ready else 503


@cache
def build_hash() -> str:
    """Return a hash over all static files; it stands in their address, so they never go stale."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static_path(name: str) -> str:
    """Return the address of a static file."""
    return f"/static/{build_hash()}/{name}"


@blueprint.get("/static/<build>/<path:name>")
def static_file(build: str, name: str) -> Response:
    """Serve a static file; it may be kept for a year, as the address changes with the content."""
    if build != build_hash():
        abort(404)
    return send_from_directory(STATIC, name, max_age=YEAR)


@blueprint.post("/csp-report")
def csp_report() -> tuple[str, int]:
    """Note a violation of the content policy in the log, at most 2,000 characters of it."""
    text = request.get_data(cache=False)[:2000].decode("utf-8", "replace")
    log.warning("content policy violation: %s", text.encode("unicode_escape").decode())
    return "", 204
