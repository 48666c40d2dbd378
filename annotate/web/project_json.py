"""Projects, rubric versions, plans and rounds as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from annotate.services.progress import Overview, RoundProgress
    from annotate.services.projects import ProjectDetails
    from annotate.services.rounds import Generated, Worker
    from annotate.services.rubrics import Comparison, VersionLine
    from rubrics.errors import Problem
    from tasks.generation import Plan

Json = dict[str, Any]


def moment(value: datetime | None) -> str | None:
    """Return a time in ISO 8601."""
    return None if value is None else value.isoformat()


def project_json(project: ProjectDetails) -> Json:
    """Return a project."""
    return {
        "id": project.id,
        "slug": project.slug,
        "title": project.title,
        "description": project.description,
        "settings": project.settings,
        "version": project.version,
        "created_at": moment(project.created_at),
    }


def version_json(line: VersionLine) -> Json:
    """Return a rubric version without its text."""
    return {
        "id": line.id,
        "rubric": line.rubric,
        "version": line.version,
        "title": line.title,
        "status": line.status,
        "fingerprint": line.fingerprint,
        "certified": line.certified,
        "created_at": moment(line.created_at),
        "published_at": moment(line.published_at),
    }


def problem_json(problem: Problem) -> Json:
    """Return one problem of a rubric with its place."""
    return {
        "code": problem.code,
        "message": problem.message,
        "source": problem.source,
        "line": problem.line,
        "column": problem.column,
        "suggestion": problem.suggestion,
        "severity": problem.severity,
    }


def comparison_json(comparison: Comparison) -> Json:
    """Return what differs between two versions, and what that does to the labels."""
    return {
        "old": version_json(comparison.old),
        "new": version_json(comparison.new),
        "required_bump": comparison.diff.required_bump,
        "changes": [
            {
                "element": change.element,
                "path": change.path,
                "kind": change.kind,
                "old": change.old,
                "new": change.new,
                "impact": change.impact,
            }
            for change in comparison.diff.changes
        ],
        "labels": comparison.labels,
        "labels_in_question": comparison.labels_in_question,
        "in_question": [
            {"question": cell.question, "category": cell.category, "labels": cell.labels}
            for cell in comparison.in_question
        ],
    }


def round_json(one: RoundProgress) -> Json:
    """Return a round with how far it is."""
    return {
        "id": one.id,
        "number": one.number,
        "name": one.name,
        "phase": one.phase,
        "state": one.state,
        "team_id": one.team_id,
        "rubric_version_id": one.rubric_version_id,
        "rubric_version": one.version,
        "fingerprint": one.fingerprint,
        "overlap": one.overlap,
        "seed": one.seed,
        "allocation": one.allocation,
        "created_at": moment(one.created_at),
        "items": one.items,
        "items_complete": one.complete,
        "places": one.places,
        "places_open": one.open_places,
        "places_leased": one.leased,
        "places_submitted": one.submitted,
    }


def generated_json(made: Generated) -> Json:
    """Return what generating added."""
    return {
        "round_id": made.round_id,
        "number": made.number,
        "name": made.name,
        "new_round": made.is_new,
        "tasks_added": made.tasks,
        "places_added": made.places,
        "places_kept": made.kept,
        "tasks_unchanged": made.unchanged,
    }


def plan_json(plan: Plan, people: Iterable[Worker]) -> Json:
    """Return a plan: what it costs, whom it loads, what it covers, what is wrong with it."""
    names = {one.login: one for one in people}
    load = [
        {
            "annotator": login,
            "name": names[login].name if login in names else login,
            "team": names[login].team if login in names else None,
            "items": items,
        }
        for login, items in plan.load.items()
    ]
    return {**plan.to_json(), "load": load}


def overview_json(overview: Overview) -> Json:
    """Return how far a project is."""
    waiting = overview.waiting
    return {
        "stage": overview.stage,
        "items": overview.items,
        "items_planned": overview.planned,
        "items_complete": overview.complete,
        "places": overview.places,
        "places_submitted": overview.submitted,
        "rubric_version": version_json(overview.current) if overview.current else None,
        "positives_under": version_json(overview.judged_by) if overview.judged_by else None,
        "rounds": [round_json(one) for one in overview.rounds],
        "languages": [
            {
                "language": one.language,
                "items": one.items,
                "items_planned": one.planned,
                "items_complete": one.complete,
            }
            for one in overview.languages
        ],
        "positives": [
            {
                "question": one.element.question,
                "category": one.element.id,
                "name": one.element.name,
                "items_positive": one.positives,
                "needed": one.element.needed,
                "enough": one.enough,
                "by_language": [
                    {"language": language, "items_positive": number}
                    for language, number in sorted(
                        one.by_language.items(), key=lambda pair: pair[0] or ""
                    )
                ],
            }
            for one in overview.elements
        ],
        "open_cases": waiting.open_cases,
        "quarantined": waiting.quarantined,
        "reports": waiting.reports,
        "annotators": waiting.annotators,
    }
