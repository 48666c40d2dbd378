"""Items: the list, one item, import from a file, quarantine; and their JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import UnsupportedMediaType

from annotate.services import (
    file_sources,
    imports,
    item_detail,
    item_filters,
    items,
    projects,
    reported_items,
    uploads,
)
from annotate.services.errors import BadInput
from annotate.services.text import check_text
from annotate.web import case_view, import_form
from annotate.web.forms import field_errors
from annotate.web.language_names import language_name
from annotate.web.rendering import said
from annotate.web.rendering import translate as _
from annotate.web.requests import actor, database, read_session, scope, transaction
from tasks.adjudication import CAUSE_WORDS, causes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

blueprint = Blueprint("items", __name__)
API = "/api/v1/projects/<project>/items"
PAGING = ("before", "after", "words", "done")
JSONL_TYPES = frozenset({"application/x-ndjson", "application/jsonl", "application/x-jsonlines"})
CSV_TYPES = frozenset({"text/csv", "text/tab-separated-values"})
ZIP_TYPE = "application/zip"


def _filters() -> dict[str, str]:
    return {name: text for name, text in request.args.items() if name not in PAGING}


def _page(project: str, **values: object) -> dict[str, Any]:
    """Return what every page of this blueprint needs."""
    found = projects.get(read_session(), scope())
    may_import = actor().may("item.import", scope().project_id)
    crumb = {"name": found.title, "slug": project}
    return {"project": crumb, "may_import": may_import, **values}


# ------------------------------------------------------------------------------------------ pages


@blueprint.get("/p/<project>/items")
def index(project: str) -> str:
    """List the items of a project."""
    given = {name: text for name, text in _filters().items() if text}
    wanted, problem = _wanted(given)
    words = "words" in request.args
    found = items.page(
        read_session(),
        scope(),
        wanted,
        before=request.args.get("before"),
        after=request.args.get("after"),
        excerpts=words,
    )
    may_release = actor().may("item.release_quarantine", scope().project_id)
    context = _page(
        project,
        page=found,
        given=given,
        problem=problem,
        words=words,
        choices=item_filters.choices(read_session(), scope()),
        total=items.total(read_session(), scope()),
        stopped=len(reported_items.quarantined(read_session(), scope())) if may_release else 0,
        link=_page_link(project, given, words=words),
    )
    return render_template("items/index.html", **context)


def _wanted(given: dict[str, str]) -> tuple[item_filters.ItemFilter, str | None]:
    """Return the filter, or the whole list and what was wrong with the filter."""
    try:
        return item_filters.parse_filter(given), None
    except BadInput as refused:
        return item_filters.ItemFilter(), str(refused)


def _page_link(project: str, given: dict[str, str], *, words: bool) -> Callable[..., str]:
    kept: dict[str, Any] = {**given, **({"words": "1"} if words else {})}
    return lambda **key: url_for("items.index", project=project, **kept, **key)


@blueprint.get("/p/<project>/items/<item_id>")
def detail(project: str, item_id: str) -> str:
    """Show one item with all that is known about it."""
    item = item_detail.detail(read_session(), actor(), scope(), item_id)
    may_case = actor().may("case.view", scope().project_id)
    context = {
        "item": item,
        "may_case": may_case,
        "value_words": case_view.value_words,
        "language_name": language_name,
        "causes": {one: _(CAUSE_WORDS[one]) for one in causes},
    }
    return render_template("items/detail.html", **_page(project, **context))


@blueprint.get("/p/<project>/import")
def upload(project: str) -> str:
    """Show the form that imports items."""
    return _import_form(project, {}, {})


@blueprint.post("/p/<project>/import")
def upload_submit(project: str) -> AnyResponse | tuple[str, int]:
    """Take the file and start its import, or show the form again with what is wrong."""
    typed: dict[str, str] = {}
    try:
        job_id = _import_from_form(typed)
    except BadInput as refused:
        errors = field_errors(refused) or {"file": said(refused)}
        return _import_form(project, typed, errors), 422
    return redirect(url_for("jobs.detail", project=project, job_id=job_id))


def _import_form(project: str, typed: dict[str, str], errors: dict[str, str]) -> str:
    limit = database().settings.max_upload_bytes
    context = _page(project, typed=typed, errors=errors, limit_gb=limit // 1024**3)
    return render_template("items/import.html", **context)


def _import_from_form(typed: dict[str, str]) -> str:
    """Stream the form's files to disk and start the import."""
    settings = database().settings
    uploads.check_room(settings, request.content_length)
    with import_form.received(settings, request.environ) as sent:
        typed.update({"format": sent.form.get("format", "")})
        wanted = import_form.wanted(settings, sent)
        kind = imports.format_of(wanted.name, typed["format"])
        job_id = _start(wanted.path, kind, wanted.name, wanted.media)
        sent.keep(wanted.path, wanted.media)
    return job_id


def _start(path: Path, kind: imports.Format, name: str, media: Path | None = None) -> str:
    with transaction() as session:
        return imports.start(
            session, actor(), scope(), path=path, format=kind, filename=name, media=media
        )


@blueprint.get("/p/<project>/quarantine")
def quarantine(project: str) -> str:
    """List reported items, without their content."""
    rows = reported_items.quarantined(read_session(), scope())
    return render_template(
        "items/quarantine.html", **_page(project, rows=rows, done=request.args.get("done"))
    )


@blueprint.post("/p/<project>/quarantine/<item_id>/release")
def release(project: str, item_id: str) -> AnyResponse:
    """Put a reported item back to work."""
    with transaction() as session:
        reported_items.release(session, actor(), scope(), item_id)
    return redirect(url_for("items.quarantine", project=project, done="released"))


# ------------------------------------------------------------------------------------------- JSON


@blueprint.get(API)
def api_list(project: str) -> Response:
    """List items; ``next`` is the address of the following page."""
    given = _filters()
    before = request.args.get("before")
    found = items.page(read_session(), scope(), item_filters.parse_filter(given), before=before)
    following = None
    if found.older is not None:
        values: dict[str, Any] = {**given, "before": found.older}
        following = url_for("items.api_list", project=project, **values)
    return jsonify({"items": [line.to_json() for line in found.lines], "next": following})


@blueprint.post(API)
def api_import(project: str) -> tuple[Response, int]:  # noqa: ARG001 - the guard resolves it
    """Take a file's content as the body and start its import."""
    if request.mimetype == ZIP_TYPE:
        return _import_zip()
    kind = _format_of_body()
    settings = database().settings
    received = uploads.receive(settings, request.stream, request.content_length)  # type: ignore[arg-type]
    try:
        name = request.args.get("filename", "") or f"body.{kind}"
        check_text(name, "filename")
        job_id = _start(received.path, kind, name)
    except BaseException:
        received.discard()
        raise
    location = url_for("jobs.api_job", job_id=job_id)
    return jsonify({"job_id": job_id, "job": location}), 202


def _import_zip() -> tuple[Response, int]:
    """Take a zip of one item file and the files its rows ask for."""
    settings = database().settings
    received = uploads.receive(settings, request.stream, request.content_length)  # type: ignore[arg-type]
    items_file: Path | None = None
    try:
        items_file, name = file_sources.unpack_items(settings, received.path)
        job_id = _start(items_file, imports.format_of(name), name, received.path)
    except BaseException:
        received.discard()
        if items_file is not None:
            items_file.unlink(missing_ok=True)
        raise
    return jsonify({"job_id": job_id, "job": url_for("jobs.api_job", job_id=job_id)}), 202


def _format_of_body() -> imports.Format:
    if request.mimetype in JSONL_TYPES:
        return "jsonl"
    if request.mimetype in CSV_TYPES:
        return "csv"
    raise UnsupportedMediaType(
        "Send the file's content with Content-Type: application/x-ndjson, text/csv, or "
        "application/zip for a zip that holds an item file beside the files of its items"
    )


@blueprint.get("/api/v1/items/<item_id>")
def api_item(item_id: str) -> Response:
    """Return one item with its annotations."""
    return jsonify(item_detail.detail(read_session(), actor(), scope(), item_id).to_json())
