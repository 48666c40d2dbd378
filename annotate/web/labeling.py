"""The labelling API: what the labelling page and ``touchstone replay`` speak."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, Annotated, Any

from flask import Blueprint, jsonify, request
from pydantic import AfterValidator, Field, JsonValue

from annotate.services import labeling
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput
from annotate.web.requests import (
    Body,
    actor,
    json_body,
    read_session,
    scope,
    transaction,
)
from rubrics.codebook import to_client
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from flask import Response

    from annotate.services.labeling import Place

blueprint = Blueprint("labeling", __name__, url_prefix="/api/v1")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IMMUTABLE = "private, max-age=31536000, immutable"
MOST_IN_HAND = 50
"""Places that a page may name at once: what it holds and what waits in its queue."""


def _uuid7(text: str) -> str:
    if UUID7.fullmatch(text) is None:
        raise ValueError("mint a UUIDv7 in lower case when the form opens")
    return text


def _uuid(text: str) -> str:
    if UUID.fullmatch(text) is None:
        raise ValueError("is no id of a place")
    return text


Key = Annotated[str, AfterValidator(_uuid7)]
PlaceId = Annotated[str, AfterValidator(_uuid)]


class ClaimBody(Body):
    """What a page has in its hands, and whether it asks for later."""

    have: list[PlaceId] = Field(default=[], max_length=MOST_IN_HAND)
    prefetch: int = Field(default=0, ge=0, le=labeling.MOST_AHEAD)


class ReleaseBody(Body):
    """Places that were fetched ahead and never shown, with their fences."""

    places: dict[PlaceId, int] = Field(max_length=MOST_IN_HAND)


class Fenced(Body):
    """A request on a held place; the fence came with the claim."""

    fence: int


class OptOutBody(Fenced):
    """Neither field is needed."""

    category: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=2000)


class ReportBody(Fenced):
    """What kind of concern, and a note that quotes nothing."""

    kind: str
    note: str | None = Field(default=None, max_length=2000)


class SubmitBody(Fenced):
    """Answers of one item under a key that the client minted.

    A preference is ``first``, ``second``, ``tie`` or ``both_bad``; a ranking is a list of option
    ids, the best first, with a list in it where several share a place. Responses are called
    ``r1``, ``r2``, … by their place in the item, in whatever order a place lists them.
    """

    annotation_id: Key
    answers: dict[str, JsonValue]


class ReviseBody(Body):
    """An edit of one's own submission, on top of the revision it was read at."""

    annotation_id: Key
    base_revision: int = Field(ge=1)
    answers: dict[str, JsonValue]


def place_view(place: Place | None) -> dict[str, Any] | None:
    """Return a place as JSON."""
    if place is None:
        return None
    return {
        "id": place.id,
        "fence": place.fence,
        "expires_at": place.expires_at.isoformat(),
        "round_id": place.round_id,
        "rubric_version_id": place.rubric_version_id,
        "fingerprint": place.fingerprint,
        "state": place.state,
        "revision": place.revision,
        "answers": place.answers,
        "needs_reveal": place.item["needs_reveal"],
        "item": place.item,
    }


@blueprint.get("/me")
def me() -> Response:
    """Say who the session or token stands for."""
    person = actor()
    return jsonify(
        {
            "id": person.user_id,
            "login": person.login,
            "display_name": person.display_name,
            "roles": sorted(person.roles()),
            "scopes": sorted(person.token_scopes) if person.token_scopes is not None else None,
        }
    )


@blueprint.post("/rounds/<round_id>/claim")
def claim(round_id: str) -> Response:
    """Hand out the next place of a round, or the one already held; or some places for later."""
    body = json_body(ClaimBody) if request.content_length else ClaimBody()
    if body.prefetch:
        with transaction() as session:
            places = labeling.claim_ahead(
                session, actor(), scope(), round_id, body.prefetch, have=body.have
            )
        return jsonify({"assignment": None, "prefetched": [place_view(one) for one in places]})
    with transaction() as session:
        handed = labeling.claim(session, actor(), scope(), round_id, have=body.have)
    return jsonify(
        {
            "assignment": place_view(handed.place),
            "reason": handed.reason,
            "retry_after": handed.retry_after,
            "enough": handed.enough,
        }
    )


@blueprint.post("/rounds/<round_id>/release")
def release(round_id: str) -> Response:
    """Give places back that were fetched ahead and never shown."""
    body = json_body(ReleaseBody)
    with transaction() as session:
        count = labeling.give_back(session, actor(), scope(), round_id, body.places)
    return jsonify({"released": count})


@blueprint.get("/assignments/state")
def standing() -> Response:
    """Say which of one's own places still stand; what is missing is gone."""
    ids = [one for one in request.args.get("ids", "").split(",") if one]
    if len(ids) > MOST_IN_HAND or not all(UUID.fullmatch(one) for one in ids):
        raise BadInput(
            Sentence(
                "ids takes up to %(n)s ids of places, with commas between them",
                n=MOST_IN_HAND,
            )
        )
    rows = labeling.standing(read_session(), actor(), ids)
    return jsonify(
        {
            "assignments": [
                {
                    "id": row.id,
                    "state": row.state,
                    "fence": row.fence,
                    "revision": row.current_revision,
                    "expires_at": row.expires_at.isoformat(),
                }
                for row in rows
            ]
        }
    )


@blueprint.get("/rounds/<round_id>/mine")
def mine(round_id: str) -> Response:
    """List one's own submissions of a round, newest first."""
    before = request.args.get("before")
    done = labeling.mine(read_session(), actor(), scope(), round_id, before=before)
    rows = [
        {
            "assignment_id": one.assignment_id,
            "external_id": one.external_id,
            "submitted_at": one.submitted_at.isoformat(),
            "revision": one.revision,
            "editable": one.editable,
        }
        for one in done
    ]
    return jsonify({"submissions": rows, "before": rows[-1]["assignment_id"] if rows else None})


@blueprint.get("/assignments/<assignment_id>")
def assignment(assignment_id: str) -> Response:
    """Return one's own assignment with its item and current answers."""
    place = labeling.own_assignment(read_session(), actor(), scope(), assignment_id)
    return jsonify({"assignment": place_view(place)})


@blueprint.post("/assignments/<assignment_id>/heartbeat")
def heartbeat(assignment_id: str) -> Response:
    """Keep a place."""
    body = json_body(Fenced)
    with transaction() as session:
        until = labeling.heartbeat(session, actor(), scope(), assignment_id, body.fence)
    return jsonify({"expires_at": until.isoformat()})


@blueprint.post("/assignments/<assignment_id>/skip")
def skip(assignment_id: str) -> Response:
    """Give a place back unanswered."""
    body = json_body(Fenced)
    with transaction() as session:
        labeling.skip(session, actor(), scope(), assignment_id, body.fence)
    return jsonify({})


@blueprint.post("/assignments/<assignment_id>/opt-out")
def opt_out(assignment_id: str) -> Response:
    """Leave an item; nobody is told."""
    body = json_body(OptOutBody)
    with transaction() as session:
        labeling.opt_out(
            session,
            actor(),
            scope(),
            assignment_id,
            body.fence,
            category=body.category,
            reason=body.reason,
        )
    return jsonify({})


@blueprint.post("/assignments/<assignment_id>/report")
def report(assignment_id: str) -> Response:
    """Stop an item for everybody."""
    body = json_body(ReportBody)
    with transaction() as session:
        labeling.report(
            session, actor(), scope(), assignment_id, body.fence, kind=body.kind, note=body.note
        )
    return jsonify({})


@blueprint.post("/assignments/<assignment_id>/submit")
def submit(assignment_id: str) -> Response:
    """Store a submission; the same key may be sent again and again."""
    body = json_body(SubmitBody)
    prepared = labeling.prepare(
        read_session(),
        actor(),
        scope(),
        assignment_id,
        annotation_id=body.annotation_id,
        answers=body.answers,
    )
    with transaction() as session:
        receipt = labeling.submit(session, actor(), scope(), assignment_id, body.fence, prepared)
    return _receipt(receipt)


@blueprint.post("/assignments/<assignment_id>/revise")
def revise(assignment_id: str) -> Response:
    """Store an edit as the next revision."""
    body = json_body(ReviseBody)
    prepared = labeling.prepare(
        read_session(),
        actor(),
        scope(),
        assignment_id,
        annotation_id=body.annotation_id,
        answers=body.answers,
    )
    with transaction() as session:
        receipt = labeling.revise(
            session, actor(), scope(), assignment_id, body.base_revision, prepared
        )
    return _receipt(receipt)


def _receipt(receipt: labeling.Receipt) -> Response:
    response = jsonify(
        {
            "annotation_id": receipt.annotation_id,
            "revision": receipt.revision,
            "replayed": receipt.replayed,
        }
    )
    if receipt.replayed:
        response.headers["Idempotent-Replay"] = "true"
    return response


@blueprint.get("/rubric-versions/<rubric_version_id>")
def rubric_version(rubric_version_id: str) -> Response:
    """Return a rubric version as the labelling page needs it; it never changes."""
    compiled = compiled_rubric(read_session(), scope().project_id, rubric_version_id)
    body = {"id": rubric_version_id, "fingerprint": compiled.fingerprint}
    response = jsonify({**body, **to_client(compiled.rubric)})
    response.set_etag(compiled.fingerprint)
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") > 0:  # it holds no secret and nothing of the asker
        response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{compiled.fingerprint}-gzip")
    response.headers["Cache-Control"] = IMMUTABLE
    response.make_conditional(request)
    return response
