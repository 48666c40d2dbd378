"""Files of items: sent to whoever may see the item, asked anew for every request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, send_file

from annotate.services import media
from annotate.web.requests import actor, end_read_session, read_session, scope

if TYPE_CHECKING:
    from flask import Response

    from annotate.services.media import Served

blueprint = Blueprint("media", __name__, url_prefix="/api/v1")
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


@blueprint.get("/items/<item_id>/media/<digest>")
def of_item(item_id: str, digest: str) -> Response:
    """Send a file of an item."""
    return _send(media.of_item(read_session(), scope(), item_id, digest))


@blueprint.get("/assignments/<assignment_id>/media/<digest>")
def of_assignment(assignment_id: str, digest: str) -> Response:
    """Send a file of the item of one's own assignment."""
    return _send(media.of_assignment(read_session(), actor(), scope(), assignment_id, digest))


@blueprint.get("/projects/<project>/practice/<practice_item_id>/media/<digest>")
def of_practice_item(project: str, practice_item_id: str, digest: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Send a file of an item that people practise on."""
    return _send(media.of_practice_item(read_session(), scope(), practice_item_id, digest))


def _send(file: Served) -> Response:
    """Send a file, or the range of it that was asked for.

    Nothing may keep it: a report closes the item for everybody. Opened by itself it is saved and
    not shown, and were it shown it could do nothing.
    """
    end_read_session()  # a long film must not hold a connection
    response = send_file(
        file.path,
        mimetype=file.media_type,
        as_attachment=True,
        download_name=file.name,
        conditional=True,
        etag=False,
        last_modified=None,
    )
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cache-Control"] = "private, no-store"
    response.headers.pop("Last-Modified", None)
    return response
