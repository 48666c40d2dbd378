"""Health, readiness, static files under the build's hash, and reports of the content policy."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify, request

from annotate.services import readiness
from annotate.web import assets, label_texts
from annotate.web.requests import read_session

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as Answer

blueprint = Blueprint("health", __name__)
FOREVER = "public, max-age=31536000, immutable"
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


@blueprint.get("/static/<build>/<path:name>")
def static_file(build: str, name: str) -> Answer:
    """Serve a static file; it may be kept for a year, as the address changes with the content."""
    asset = None
    if build == assets.build_hash():
        asset = assets.find(name) or label_texts.find(name)
    if asset is None:
        abort(404)
    small = asset.small if request.accept_encodings.quality("gzip") > 0 else None
    response = Response(small or asset.plain, mimetype=asset.mimetype)
    if asset.small is not None:
        response.vary.add("Accept-Encoding")
    if small is not None:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = FOREVER
    response.set_etag(asset.etag + ("-gzip" if small is not None else ""))
    return response.make_conditional(request)


@blueprint.post("/csp-report")
def csp_report() -> tuple[str, int]:
    """Note a violation of the content policy in the log, at most 2,000 characters of it."""
    text = request.get_data(cache=False)[:2000].decode("utf-8", "replace")
    log.warning("content policy violation: %s", text.encode("unicode_escape").decode())
    return "", 204
