"""Background jobs: list, progress, the report of an import; and their JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from annotate.services import imports, jobs, projects
from annotate.services.errors import BadInput, NotFound
from annotate.web.requests import actor, located, read_session, scope, transaction

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

blueprint = Blueprint("jobs", __name__)
PAGES = "/p/<project>/jobs"


def _crumb(project: str) -> dict[str, str]:
    return {"name": projects.get(read_session(), scope()).title, "slug": project}


@blueprint.get(PAGES)
def index(project: str) -> str:
    """List the project's jobs, newest first."""
    before = request.args.get("before")
    found = jobs.recent(read_session(), scope(), before)
    shown, older = found[: jobs.PAGE], None
    if len(found) > jobs.PAGE:
        older = url_for("jobs.index", project=project, before=shown[-1].id)
    newest = url_for("jobs.index", project=project) if before else None
    context = {"project": _crumb(project), "rows": shown, "older": older, "newer": newest}
    return render_template("jobs/index.html", **context)


@blueprint.get(f"{PAGES}/<job_id>")
def detail(project: str, job_id: str) -> str:
    """Show how far a job is, and its report."""
    job = jobs.find(read_session(), scope(), job_id)
    after = _line(request.args.get("after", "0"))
    problems: list[imports.Problem] = []
    if job.kind == imports.KIND:
        problems = imports.problems(
            read_session(), scope(), job.id, after=after, limit=imports.PAGE + 1
        )
    may_cancel = not job.final and (
        actor().may("project.manage", scope().project_id) or job.started_by_id == actor().user_id
    )
    context: dict[str, Any] = {
        "project": _crumb(project),
        "job": job,
        "problems": problems[: imports.PAGE],
        "more": len(problems) > imports.PAGE,
        "after": after,
        "may_cancel": may_cancel,
    }
    return render_template("jobs/detail.html", **context)


def _line(text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise BadInput("after is the number of a line")
    return int(text)


@blueprint.post(f"{PAGES}/<job_id>/cancel")
def cancel(project: str, job_id: str) -> AnyResponse:
    """Stop a job."""
    with transaction() as session:
        jobs.cancel(session, actor(), scope(), job_id)
    return redirect(url_for("jobs.detail", project=project, job_id=job_id))


@blueprint.get(f"{PAGES}/<job_id>/problems.csv")
def problems_csv(project: str, job_id: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Return the refused rows of an import as a file."""
    job = jobs.find(read_session(), scope(), job_id)
    text = imports.problems_csv(read_session(), scope(), job.id)
    headers = {"Content-Disposition": f'attachment; filename="import-problems-{job.id[:8]}.csv"'}
    return Response(text, mimetype="text/csv", headers=headers)


@blueprint.get("/api/v1/jobs/<job_id>")
def api_job(job_id: str) -> Response:
    """Return how far a job is."""
    return jsonify(jobs.view(read_session(), job_id, located().project_id).to_json())


@blueprint.get("/api/v1/jobs/<job_id>/problems")
def api_problems(job_id: str) -> Response:
    """Return the refused rows of an import, from after a line on."""
    after = _line(request.args.get("after", "0"))
    _of_project()
    found = imports.problems(read_session(), scope(), job_id, after=after, limit=imports.PAGE)
    following = None
    if len(found) == imports.PAGE:
        following = url_for("jobs.api_problems", job_id=job_id, after=found[-1].line)
    rows = [
        {"line": one.line, "column": one.column, "id": one.external_id, "reason": one.reason}
        for one in found
    ]
    return jsonify({"problems": rows, "next": following})


@blueprint.post("/api/v1/jobs/<job_id>/cancel")
def api_cancel(job_id: str) -> Response:
    """Stop a job."""
    _of_project()
    with transaction() as session:
        jobs.cancel(session, actor(), scope(), job_id)
    return jsonify({"id": job_id, "state": "cancelled"})


def _of_project() -> None:
    """Refuse jobs of the installation: they have no rows of a project, and end by themselves."""
    if located().project_id is None:
        raise NotFound("This job belongs to no project")
