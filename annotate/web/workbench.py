"""The annotator's pages: my work, and the labelling page."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, render_template, request, url_for

from annotate.services import key_bindings, projects, rule_changes, wellbeing, workbench
from annotate.web.change_words import element_notes
from annotate.web.requests import actor, read_session, scope

blueprint = Blueprint("workbench", __name__)


@blueprint.get("/p/<project>/work")
def work(project: str) -> str:
    """Show the rounds that wait for this person, and what this person did."""
    session = read_session()
    own = workbench.rounds(session, actor(), scope())
    before = request.args.get("before")
    done = workbench.submissions(session, actor(), scope(), before=before)
    older = None
    if len(done) == workbench.PAGE:
        older = url_for(".work", project=project, before=done[-1].assignment_id)
    return render_template(
        "mine.html",
        project=_crumb(),
        rounds=[{**asdict(one), "href": _label(project, one.id)} for one in own],
        submissions=[
            {**asdict(one), "href": _label(project, one.round_id, revise=one.assignment_id)}
            for one in done
        ],
        older=older,
    )


@blueprint.get("/p/<project>/label/<round_id>")
def label(project: str, round_id: str) -> str:
    """Show the labelling page of a round; the page itself asks for the items."""
    session = read_session()
    own = workbench.one_round(session, actor(), scope(), round_id)
    back = _label(project, round_id)
    return render_template(
        "label.html",
        project=_crumb(),
        round=own,
        person_id=actor().user_id,
        time_zone=actor().time_zone,
        keys=key_bindings.own(session, actor()),
        changes=_changes(own.rubric_version_id),
        practice=None,
        care=_care(project),
        progress={"done": own.done, "planned": own.planned},
        revise=request.args.get("revise"),
        urls={
            "work": url_for(".work", project=project),
            "login": url_for("account.login", next=back),
        },
    )


def _care(project: str) -> dict[str, Any]:
    """Return how items are shown to this person, and where support is."""
    rules = wellbeing.own_rules(read_session(), actor(), scope())
    shown = ("conceal", "hold", "idle_minutes", "blur", "grey", "mute")
    names = (*shown, "break_minutes", "break_severity")
    return {
        "project": project,
        "rules": {name: getattr(rules, name) for name in names},
        "support": wellbeing.support(rules, actor().language),
    }


def _changes(rubric_version_id: str) -> dict[str, Any] | None:
    """Return what the rubric changed since this person last worked; nothing when it is known."""
    found = rule_changes.pending(read_session(), actor(), scope(), rubric_version_id)
    if found is None:
        return None
    elements = element_notes(found.old, found.new, found.changes)
    if not elements:
        return None
    return {
        "rubric_version_id": found.rubric_version_id,
        "old": found.old.version,
        "new": found.new.version,
        "elements": elements,
    }


def _crumb() -> SimpleNamespace:
    return SimpleNamespace(name=projects.get(read_session(), scope()).title)


def _label(project: str, round_id: str, **more: Any) -> str:  # noqa: ANN401 - query arguments
    return url_for("workbench.label", project=project, round_id=round_id, **more)
