"""The request's side of things: database sessions, the actor, strict JSON, form text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from flask import current_app, g, request
from flask.globals import app_ctx, request_ctx
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from annotate.services.errors import BadInput
from annotate.services.text import check_text
from annotate.web.strict_json import strict_json
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from annotate.db import Database
    from annotate.policy import Actor, Located, Scope

MAX_JSON_BYTES = 2_000_000
Model = TypeVar("Model", bound=BaseModel)


class Body(BaseModel):
    """Base of all request bodies: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


def database() -> Database:
    """Return the database of this application."""
    return cast("Database", current_app.extensions["touchstone.database"])


def read_session() -> Session:
    """Return the request's session for reading, opened on first use and closed at the end."""
    kept = app_ctx.g
    session: Session | None = kept.get("read_session")
    if session is None:
        context = database().read()
        kept.read_session = session = context.__enter__()
        kept.read_context = context
    return session


def end_read_session(_error: BaseException | None = None) -> None:
    """Close the request's session for reading, if it was opened."""
    kept = app_ctx.g
    context = kept.pop("read_context", None)
    if context is not None:
        kept.pop("read_session")
        context.__exit__(None, None, None)


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the request's one transaction; it commits when the block ends.

    Parse before it and render after it: on the embedded database it holds the write gate.
    """
    end_read_session()
    with database().write() as session:
        yield session


def actor() -> Actor:
    """Return who is asking; the guard has made sure that there is one."""
    return cast("Actor", g.actor)


def scope() -> Scope:
    """Return the part of the project this request may touch."""
    return cast("Scope", g.scope)


def located() -> Located:
    """Return where the object of the address lies."""
    return cast("Located", g.located)


def json_body(model: type[Model]) -> Model:
    """Parse the request's JSON strictly and validate it.

    Raises
    ------
    BrokenJson
        With line and column.
    BadInput
        With one problem a field for a wrong shape.
    """
    value = strict_json(_json_bytes())
    check_text(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = [
            {
                "place": ".".join(str(part) for part in problem["loc"]) or "body",
                "code": problem["type"],
                "message": problem["msg"],
            }
            for problem in error.errors(include_url=False, include_context=False)
        ]
        first = problems[0]
        raise BadInput(
            Sentence(
                "The request does not fit: %(place)s: %(message)s",
                place=first["place"],
                message=first["message"],
            ),
            problems=problems,
        ) from error


def _json_bytes() -> bytes:
    request = request_ctx.request
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send a JSON body with Content-Type: application/json")
    if request.content_length is not None and request.content_length > MAX_JSON_BYTES:
        raise RequestEntityTooLarge(
            f"The body has {request.content_length} bytes; {MAX_JSON_BYTES} are the most"
        )
    data = request.get_data(cache=False)
    if len(data) > MAX_JSON_BYTES:
        raise RequestEntityTooLarge(f"The body is longer than {MAX_JSON_BYTES} bytes")
    return data


def form_text(name: str, *, required: bool = False, limit: int = 100_000) -> str:
    """Return one trimmed field of a form.

    Raises
    ------
    BadInput
        When it is required and empty, too long, or holds characters no database takes.
    """
    text = request.form.get(name, "").replace("\r\n", "\n").strip()
    check_text(text, name)
    if required and not text:
        problem = {"field": name, "message": Sentence("This is needed.")}
        raise BadInput(Sentence("%(name)s is needed", name=name), problems=[problem])
    if len(text) > limit:
        problem = {"field": name, "message": Sentence("%(n)s characters at most.", n=limit)}
        raise BadInput(
            Sentence("%(name)s is longer than %(n)s characters", name=name, n=limit),
            problems=[problem],
        )
    return text
