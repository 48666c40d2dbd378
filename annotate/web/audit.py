"""The audit trail of a project."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, jsonify, render_template, request, url_for

from annotate.services import audit_reading, projects
from annotate.services.audit_reading import AuditFilter
from annotate.services.errors import BadInput
from annotate.services.text import check_text
from annotate.web.requests import actor, read_session, scope
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from annotate.services.audit_reading import AuditLine

blueprint = Blueprint("audit", __name__)
FIELDS = ("who", "action", "object", "from", "to")
LONGEST = 200


@blueprint.get("/p/<project>/audit")
def index(project: str) -> str:
    """List who did what, the newest first."""
    asked = _asked()
    before = request.args.get("before") or None
    lines, last = _page(asked, before)
    older = _address(project, {**asked, "before": last}) if last else None
    return render_template(
        "audit/index.html",
        project=SimpleNamespace(name=projects.get(read_session(), scope()).title),
        slug=project,
        lines=lines,
        asked=asked,
        sealed=audit_reading.facts_sealed(actor(), scope()),
        older=older,
        newest=_address(project, asked) if before else None,
    )


@blueprint.get("/api/v1/projects/<project>/audit")
def api_list(project: str) -> Response:
    """List events, the newest first; ``next`` is the address of the following page.

    The query takes who, action, object, from, to (days of the owner's time zone) and before. The
    facts are null for whoever may decide cases: they name the cells at issue.
    """
    asked = _asked()
    lines, last = _page(asked, request.args.get("before") or None)
    following = None
    if last:
        values: dict[str, Any] = {**asked, "before": last}
        following = url_for(".api_list", project=project, **values)
    return jsonify({"events": [_event(line) for line in lines], "next": following})


def _event(line: AuditLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "at": line.at.isoformat(),
        "login": line.login,
        "name": line.name,
        "channel": line.channel,
        "kind": line.kind,
        "object_type": line.object_type,
        "object_id": line.object_id,
        "facts": line.values,
    }


def _page(asked: Mapping[str, str], before: str | None) -> tuple[tuple[AuditLine, ...], str | None]:
    """Return a page of events, and the id of its last one when there are older ones."""
    found = audit_reading.listed(read_session(), actor(), scope(), _filter(asked), before=before)
    lines = found[: audit_reading.PAGE]
    return lines, lines[-1].id if len(found) > len(lines) else None


def _address(project: str, query: Mapping[str, str]) -> str:
    return f"{url_for('.index', project=project)}?{urlencode(query)}"


def _asked() -> dict[str, str]:
    asked = {name: request.args.get(name, "").strip() for name in FIELDS}
    for name, text in asked.items():
        check_text(text, name)
        if len(text) > LONGEST:
            raise BadInput(
                Sentence("%(name)s is longer than %(n)s characters", name=name, n=LONGEST)
            )
    return {name: text for name, text in asked.items() if text}


def _filter(asked: Mapping[str, str]) -> AuditFilter:
    until = _day(asked, "to")
    return AuditFilter(
        login=asked["who"].lower() if "who" in asked else None,
        kind=asked.get("action"),
        object_id=asked.get("object"),
        since=_midnight(_day(asked, "from")),
        until=_midnight(until + timedelta(days=1) if until and until < date.max else None),
    )


def _day(asked: Mapping[str, str], name: str) -> date | None:
    if name not in asked:
        return None
    try:
        return date.fromisoformat(asked[name])
    except ValueError as error:
        raise BadInput(Sentence("%(name)s: give a day as in 2026-01-31", name=name)) from error


def _midnight(day: date | None) -> datetime | None:
    """Return when a day begins where the reader is."""
    return None if day is None else datetime.combine(day, time(), ZoneInfo(actor().time_zone))
