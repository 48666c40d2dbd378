"""The one place that turns refusals into HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import g, jsonify, render_template, request
from sqlalchemy.exc import DataError, DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError

from annotate.services import errors as refused
from annotate.web.rendering import said
from exports.errors import ExportError
from rubrics.errors import RubricError
from tasks.errors import TaskError

if TYPE_CHECKING:
    from flask import Flask, Response

STATUS: dict[type[Exception], int] = {
    refused.NotFound: 404,
    refused.NotAllowed: 403,
    refused.BadInput: 422,
    refused.Conflict: 409,
    refused.LeaseLost: 410,
    refused.TooManyAttempts: 429,
    refused.BadCredentials: 401,
    refused.OtherAccount: 401,
    refused.ApplicationError: 400,
    RubricError: 422,
    TaskError: 422,
    ExportError: 422,
}
HTTP_WORDS = {
    400: ("bad_request", "The request could not be read."),
    401: ("login_needed", "Log in, or send an API token that is still valid."),
    403: ("not_allowed", "Your roles do not allow this. Ask an administrator for the role."),
    404: ("not_found", "There is nothing here, or nothing that you may see."),
    405: ("method_not_allowed", "This address does not take that method."),
    413: ("too_large", "The body is larger than this address takes."),
    415: ("wrong_content_type", "Send a JSON body with Content-Type: application/json."),
}
log = logging.getLogger("touchstone")


def install(app: Flask) -> None:
    """Register the handlers."""
    for kind in (refused.ApplicationError, RubricError, TaskError, ExportError):
        app.register_error_handler(kind, _refused)
    app.register_error_handler(DBAPIError, _database_failed)
    app.register_error_handler(HTTPException, _http)


def _refused(error: Exception) -> tuple[Response | str, int]:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    problems = [_plain(problem) for problem in getattr(error, "problems", ())]
    code = getattr(error, "code", "refused")
    return _answer(status, str(code), str(error), problems)


def _plain(problem: Any) -> dict[str, Any]:  # noqa: ANN401 - dicts and the libraries' dataclasses
    if isinstance(problem, dict):
        return problem
    return {name: getattr(problem, name) for name in problem.__dataclass_fields__}


def _http(error: HTTPException) -> tuple[Response | str, int]:
    status = error.code or 500
    if isinstance(error, InternalServerError):
        return _answer(500, "internal", "Something failed on our side. Nothing was saved.", [])
    code, words = HTTP_WORDS.get(status, ("refused", error.description or error.name))
    given = error.description if status in {403, 413, 415} and _is_own(error) else None
    return _answer(status, code, given or words, [])


def _is_own(error: HTTPException) -> bool:
    return error.description != type(error).description


def _database_failed(error: DBAPIError) -> tuple[Response | str, int]:
    log.error("database error on %s: %s", request.endpoint, error.orig)
    if isinstance(error, DataError):
        return _answer(422, "bad_value", "A value of the request is not one of its kind.", [])
    words = "The database did not take this now. Nothing was saved; try again in a moment."
    return _answer(503, "database_unavailable", words, [])


def _answer(
    status: int, code: str, message: str, problems: list[dict[str, Any]]
) -> tuple[Response | str, int]:
    message = said(message)
    problems = [
        {**one, "message": said(one["message"])} if isinstance(one.get("message"), str) else one
        for one in problems
    ]
    if _wants_json():
        body = {"error": {"code": code, "message": message, "problems": problems}}
        return jsonify(body), status
    context = {"status": status, "code": code, "message": message, "problems": problems}
    return render_template("error.html", **context), status


def _wants_json() -> bool:
    rule = g.get("rule")
    if rule is not None:
        return bool(rule.kind == "api")
    return request.path.startswith("/api/")
