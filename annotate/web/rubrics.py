"""Rubric versions: read, add, compare, publish; as pages and as JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from annotate.services import projects, rubrics
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.text import check_text
from annotate.web.language_names import language_name
from annotate.web.project_json import comparison_json, problem_json, version_json
from annotate.web.projects import crumb, permissions, status_of
from annotate.web.rendering import said
from annotate.web.requests import Body, actor, json_body, read_session, scope, transaction
from annotate.web.rubric_view import (
    form_questions,
    problem_words,
    source_lines,
    words_of_change,
)
from rubrics import library
from rubrics.errors import RubricInvalid, UnknownElement
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from annotate.services.projects import ProjectDetails
    from annotate.services.rubrics import VersionLine
    from rubrics.errors import Problem

blueprint = Blueprint("rubrics", __name__)
API = "/api/v1"
MAX_FILE_BYTES = 1_000_000


class Source(Body):
    """A rubric as YAML text."""

    source: str
    filename: str = "rubric.yaml"


# ---------------------------------------------------------------------------------------- pages


@blueprint.get("/p/<project>/rubric")
def index(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show a version: source, rendered form, problems, what it changes, all versions."""
    session = read_session()
    found = projects.details(session, scope())
    lines = _visible(rubrics.versions(session, scope()))
    shown = _chosen(lines)
    if shown is None:
        return render_template("rubrics/empty.html", **_context(found), shipped=_shipped())
    version = rubrics.get(session, scope(), shown.id)
    rubric = rubrics.from_version(version)
    warnings = rubrics.read_source(version.source).warnings
    return render_template(
        "rubrics/index.html",
        **_context(found),
        lines=lines,
        shown=shown,
        current=rubrics.current(lines),
        rubric=rubric,
        questions=form_questions(rubric),
        languages=[language_name(tag) for tag in rubric.languages],
        source=source_lines(version.source, warnings),
        warnings=problem_words(warnings),
        change=_change(lines, shown),
        view=request.args.get("view", "form"),
    )


def _context(found: ProjectDetails) -> dict[str, Any]:
    return {"project": crumb(found), "may": permissions()}


def _visible(lines: list[VersionLine]) -> list[VersionLine]:
    """Drafts are for those who write or run projects; annotators read what is in force."""
    if permissions()["round_view"]:
        return lines
    return [line for line in lines if line.status != "draft"]


def _chosen(lines: list[VersionLine]) -> VersionLine | None:
    wanted = request.args.get("version")
    if wanted is not None:
        found = next((line for line in lines if wanted in {line.id, line.version}), None)
        if found is None:
            raise NotFound("There is no such rubric version here.")
        return found
    return rubrics.current(lines) or (lines[0] if lines else None)


def _change(lines: list[VersionLine], shown: VersionLine) -> dict[str, Any] | None:
    """Return what the shown version changes against the one asked for, or the one before it."""
    against = request.args.get("against")
    old = rubrics.before(lines, shown)
    if against:
        old = next((line for line in lines if against in {line.id, line.version}), None)
        if old is None:
            raise NotFound("There is no such rubric version here.")
    if old is None:
        return None
    comparison = rubrics.compare(read_session(), scope(), old.id, shown.id)
    return {"comparison": comparison, "rows": words_of_change(comparison.diff)}


@blueprint.get("/p/<project>/rubric/new")
def new(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """Show the editor: empty, with a shipped rubric, or with the text of a version."""
    start = request.args.get("start")
    based_on = request.args.get("from")
    typed = ""
    if start:
        try:
            typed = library.read(start)
        except UnknownElement as error:
            raise NotFound(str(error)) from error
    elif based_on:
        typed = rubrics.get(read_session(), scope(), based_on).source
    return _editor(typed)


@blueprint.post("/p/<project>/rubric/new")
def create(project: str) -> AnyResponse | tuple[str, int] | str:
    """Check the text, or add it as a draft; what was typed always comes back."""
    typed = ""
    try:
        typed = _typed()
        reading = rubrics.read_source(typed)
        if request.form.get("do") == "check":
            return _editor(typed, reading.warnings, checked=True)
        with transaction() as session:
            version = rubrics.add_version(session, actor(), scope(), typed)
    except RubricInvalid as invalid:
        return _editor(typed, invalid.problems), 422
    except (BadInput, Conflict) as refused:
        return _editor(typed, refused=str(refused)), status_of(refused)
    return redirect(url_for("rubrics.index", project=project, version=version.id, done="added"))


def _typed() -> str:
    """Return the uploaded file, else the text of the field."""
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        data = upload.stream.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BadInput(
                Sentence(
                    "The file is larger than %(n)s bytes: no rubric is.", n=f"{MAX_FILE_BYTES:,}"
                )
            )
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(
                Sentence(
                    "The file is not UTF-8: byte %(place)s cannot be read. Save it as UTF-8.",
                    place=error.start + 1,
                )
            ) from error
    return request.form.get("source", "").replace("\r\n", "\n")


def _editor(
    typed: str,
    problems: tuple[Problem, ...] = (),
    *,
    refused: str | None = None,
    checked: bool = False,
) -> str:
    found = projects.details(read_session(), scope())
    return render_template(
        "rubrics/new.html",
        **_context(found),
        typed=typed,
        problems=problem_words(problems),
        source=source_lines(typed, problems) if problems else (),
        refused=refused,
        checked=checked,
        shipped=_shipped(),
    )


def _shipped() -> list[dict[str, Any]]:
    found = []
    for name in library.names():
        rubric = rubrics.read_source(library.read(name)).rubric
        found.append({"name": name, "rubric": rubric})
    return found


@blueprint.post("/p/<project>/rubric/<version_id>/publish")
def publish(project: str, version_id: str) -> AnyResponse:
    """Publish a draft, or say on its page why not."""
    try:
        with transaction() as session:
            rubrics.publish(session, actor(), scope(), version_id)
    except Conflict as refused:
        again = url_for("rubrics.index", project=project, version=version_id, why=said(refused))
        return redirect(again)
    return redirect(url_for("rubrics.index", project=project, version=version_id, done="published"))


@blueprint.get("/p/<project>/rubric/<version_id>/source")
def source(project: str, version_id: str) -> AnyResponse:  # noqa: ARG001
    """Give the text of a version as a file."""
    version = rubrics.get(read_session(), scope(), version_id)
    rubric = rubrics.from_version(version)
    name = f"{rubric.id}-{version.version}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _text(version.source, headers)


def _text(text: str, headers: dict[str, str]) -> AnyResponse:
    return Response(text, mimetype="text/plain", headers=headers)


# ------------------------------------------------------------------------------------------ API


@blueprint.get(f"{API}/projects/<project>/rubrics")
def api_list(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """List the rubric versions of a project, newest first."""
    lines = _visible(rubrics.versions(read_session(), scope()))
    current = rubrics.current(lines)
    return jsonify(
        {
            "rubric_versions": [version_json(line) for line in lines],
            "current": current.id if current else None,
        }
    )


@blueprint.post(f"{API}/projects/<project>/rubrics")
def api_add(project: str) -> tuple[Response, int]:  # noqa: ARG001 - the guard resolves it
    """Add a rubric version as a draft; 422 tells every problem with line and column."""
    body = json_body(Source)
    reading = rubrics.read_source(body.source, body.filename)
    with transaction() as session:
        known = {line.id for line in rubrics.versions(session, scope())}
        version = rubrics.add_version(session, actor(), scope(), body.source)
        line = _line(session, version.id)
    added = version.id not in known
    answer = {
        "rubric_version": version_json(line),
        "added": added,
        "warnings": [problem_json(one) for one in reading.warnings],
    }
    return jsonify(answer), 201 if added else 200


def _line(session: Any, version_id: str) -> VersionLine:  # noqa: ANN401 - a session
    return next(one for one in rubrics.versions(session, scope()) if one.id == version_id)


@blueprint.post(f"{API}/rubrics/check")
def api_check() -> Response:
    """Read a rubric text and tell every problem; nothing is stored."""
    body = json_body(Source)
    check_text(body.filename, "filename")
    try:
        reading = rubrics.read_source(body.source, body.filename)
    except RubricInvalid as invalid:
        problems = [problem_json(one) for one in invalid.problems]
        return jsonify({"ok": False, "problems": problems, "fingerprint": None})
    problems = [problem_json(one) for one in reading.warnings]
    return jsonify({"ok": True, "problems": problems, "fingerprint": reading.fingerprint})


@blueprint.post(f"{API}/rubric-versions/<rubric_version_id>/publish")
def api_publish(rubric_version_id: str) -> Response:
    """Publish a draft; a published version stays as it is."""
    with transaction() as session:
        rubrics.publish(session, actor(), scope(), rubric_version_id)
        line = _line(session, rubric_version_id)
    return jsonify({"rubric_version": version_json(line)})


@blueprint.get(f"{API}/rubric-versions/<rubric_version_id>/diff")
def api_diff(rubric_version_id: str) -> Response:
    """Tell what the version changes against another (``?against=ID``), or the one before it."""
    session = read_session()
    lines = _visible(rubrics.versions(session, scope()))
    shown = next((one for one in lines if one.id == rubric_version_id), None)
    if shown is None:
        raise NotFound("There is no such rubric version here.")
    old = request.args.get("against") or getattr(rubrics.before(lines, shown), "id", None)
    if old is None:
        raise Conflict(
            Sentence(
                "Version %(version)s follows no other: name one with ?against=ID.",
                version=shown.version,
            )
        )
    return jsonify(comparison_json(rubrics.compare(session, scope(), old, shown.id)))
