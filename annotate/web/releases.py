"""Gold releases: list, freeze, one release with its files, and the JSON API."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, send_file, url_for

from annotate.services import agreement, case_reading, gold, projects
from annotate.services.errors import BadInput, Conflict
from annotate.services.gold import ReleaseWish
from annotate.web import card_view
from annotate.web.projects import field_errors
from annotate.web.rendering import said
from annotate.web.requests import (
    Body,
    actor,
    form_text,
    json_body,
    read_session,
    scope,
    transaction,
)
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

MOST_DIGITS = 19
"""As many as the largest seed has; Python itself would refuse to read some thousands."""
blueprint = Blueprint("releases", __name__)
DEFAULTS = {"seed": str(gold.DEFAULT_SEED), "undecided": "open", "test": "20", "validation": "10"}


class FreezeBody(Body):
    """What a release is to be; the shares are of 1."""

    rubric_version_id: str
    seed: int = gold.DEFAULT_SEED
    undecided: str = "open"
    validation: float = 0.1
    test: float = 0.2

    def wish(self) -> ReleaseWish:
        """Return it as the service takes it."""
        return ReleaseWish(
            self.rubric_version_id, self.seed, self.undecided, self.validation, self.test
        )


@blueprint.get("/p/<project>/releases")
def index(project: str) -> str:
    """List releases, and offer to freeze one."""
    return _index(project, {}, {})


def _index(project: str, typed: dict[str, str], errors: dict[str, str]) -> str:
    session, here = read_session(), scope()
    latest = agreement.latest_version(session, here)
    return render_template(
        "releases/index.html",
        project=_crumb(),
        slug=project,
        lines=gold.listed(session, here),
        jobs=gold.running_jobs(session, here),
        versions=agreement.choices(session, here).versions,
        counts=case_reading.counts(session, here),
        typed={"version": latest or "", **DEFAULTS, **typed},
        errors=errors,
        may_release=actor().may("gold.release", here.project_id) and here.team_ids is None,
    )


def _crumb() -> SimpleNamespace:
    return SimpleNamespace(name=projects.get(read_session(), scope()).title)


@blueprint.post("/p/<project>/releases")
def freeze(project: str) -> AnyResponse | tuple[str, int]:
    """Freeze a release and start the job that writes its files."""
    typed = {name: form_text(name) for name in ("version", *DEFAULTS)}
    try:
        wish = ReleaseWish(
            typed["version"],
            _whole(typed["seed"], "seed"),
            typed["undecided"],
            _percent(typed["validation"], "validation"),
            _percent(typed["test"], "test"),
        )
        with transaction() as session:
            release_id = gold.freeze(session, actor(), scope(), wish)
            job_id = gold.enqueue(session, actor(), scope(), release_id)
    except BadInput as error:
        return _index(project, typed, field_errors(error)), 422
    except Conflict as error:
        return _index(project, typed, {"version": said(error)}), 409
    return redirect(url_for(".detail", project=project, release_id=release_id, job=job_id))


def _percent(text: str, field: str) -> float:
    return _whole(text.removesuffix("%").rstrip(), field) / 100


def _whole(text: str, field: str) -> int:
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        problem = {"field": field, "message": Sentence("Give a whole number.")}
        raise BadInput(Sentence("%(field)s: give a whole number", field=field), problems=[problem])
    return int(text)


@blueprint.get("/p/<project>/releases/<release_id>")
def detail(project: str, release_id: str) -> str:
    """Show a release: what is in it, its files with digests, and how to check it."""
    session, here = read_session(), scope()
    found = gold.view(session, here, release_id)
    card: list[card_view.Block] = []
    if found.present:
        path = gold.file_path(session, here, release_id, "card.md")
        card = card_view.blocks(path.read_text(encoding="utf-8"))
    return render_template(
        "releases/detail.html",
        project=_crumb(),
        slug=project,
        release=found,
        line=found.line,
        files=(found.manifest or {}).get("files", []),
        card=card,
        job_id=request.args.get("job") or gold.running_jobs(session, here).get(found.line.id),
        checked=request.args.get("checked"),
        problems=gold.check(session, here, release_id) if request.args.get("checked") else (),
    )


@blueprint.get("/p/<project>/releases/<release_id>/files/<name>")
def download(project: str, release_id: str, name: str) -> AnyResponse:
    """Send one file of a release, as an attachment."""
    del project
    path = gold.file_path(read_session(), scope(), release_id, name)
    return send_file(path, as_attachment=True, mimetype="application/octet-stream")


@blueprint.get("/api/v1/projects/<project>/releases")
def api_list(project: str) -> Response:
    """List releases."""
    del project
    rows = [
        {
            "id": one.id,
            "number": one.number,
            "state": one.state,
            "certified": one.certified,
            "fingerprint": one.fingerprint,
            "watermark": one.watermark.isoformat(),
            "manifest_sha256": one.manifest_hash,
            "counts": one.counts,
        }
        for one in gold.listed(read_session(), scope())
    ]
    return jsonify({"releases": rows})


@blueprint.post("/api/v1/projects/<project>/releases")
def api_freeze(project: str) -> tuple[Response, int]:
    """Freeze a release; its files are written by a job."""
    del project
    wish = json_body(FreezeBody).wish()
    with transaction() as session:
        release_id = gold.freeze(session, actor(), scope(), wish)
        job_id = gold.enqueue(session, actor(), scope(), release_id)
    return jsonify({"release_id": release_id, "job_id": job_id}), 202


@blueprint.get("/api/v1/releases/<release_id>")
def api_release(release_id: str) -> Response:
    """Return the manifest of a release."""
    found = gold.view(read_session(), scope(), release_id)
    body: dict[str, Any] = {
        "id": found.line.id,
        "number": found.line.number,
        "state": found.line.state,
        "manifest_sha256": found.line.manifest_hash,
        "manifest": found.manifest,
    }
    return jsonify(body)


@blueprint.get("/api/v1/releases/<release_id>/files/<name>")
def api_file(release_id: str, name: str) -> AnyResponse:
    """Send one file of a release."""
    path = gold.file_path(read_session(), scope(), release_id, name)
    return send_file(path, as_attachment=True, mimetype="application/octet-stream")
