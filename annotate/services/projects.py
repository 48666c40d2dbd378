"""Projects: make one, find one, change how it works."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from annotate.db import new_id, now
from annotate.models import Project
from annotate.services import audit, wellbeing
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.text import canonical_json, check_text
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope

DEFAULT_SETTINGS: dict[str, Any] = {"adjudicator_may_be_annotator": False, "min_votes": 2}
MAX_VOTES = 100
TITLE_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 10_000
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SLUG_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class ProjectText:
    """What people write about a project, and how it works."""

    title: str
    description: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProjectDetails:
    """One project with its settings."""

    id: str
    slug: str
    title: str
    description: str
    settings: dict[str, Any]
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """One project as a list shows it."""

    id: str
    slug: str
    title: str
    description: str
    created_at: datetime


def create(
    session: Session,
    actor: Actor,
    *,
    slug: str,
    title: str,
    description: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Project:
    """Make a project.

    Parameters
    ----------
    session, actor
        The transaction, and who asks; the permission must hold everywhere, as the project is new.
    slug
        Its name in addresses: small letters, digits and single hyphens.
    title, description
        Its name on pages, and what it is for.
    settings
        Overrides of ``DEFAULT_SETTINGS``.

    Raises
    ------
    NotAllowed
        When the actor's role is bound to other projects.
    BadInput
        With one problem a field.
    Conflict
        When the slug is taken.
    """
    if not actor.everywhere("project.create"):
        raise NotAllowed(
            "A new project needs the role of designer or administrator for all projects."
        )
    problems = [*_slug_problems(slug), *_text_problems(title, description)]
    chosen, wrong = _checked_settings(DEFAULT_SETTINGS, settings or {})
    _refuse([*problems, *wrong])
    _refuse_taken(session, slug)
    project = Project(
        id=new_id(),
        slug=slug,
        title=title.strip(),
        description=description.strip(),
        settings=canonical_json(chosen),
        version=1,
        created_by=actor.user_id,
        created_at=now(session),
    )
    try:
        with session.begin_nested():
            session.add(project)
            session.flush()
            wellbeing.start(session, project.id, project.created_at)
    except IntegrityError as error:
        raise _taken(slug) from error
    audit.record(session, actor, "project.created", "project", project.id, project_id=project.id)
    return project


def by_slug(session: Session, actor: Actor, slug: str) -> Project:
    """Return the project of that slug.

    Raises
    ------
    NotFound
        When there is none, or none that the actor sees.
    """
    project = session.scalar(sa.select(Project).where(Project.slug == slug))
    if project is None or not actor.sees(project.id):
        raise NotFound(Sentence("There is no project %(slug)s here.", slug=repr(slug)))
    return project


def get(session: Session, scope: Scope) -> Project:
    """Return the project of the scope."""
    project = session.get(Project, scope.project_id)
    if project is None:
        raise NotFound("There is no such project here.")
    return project


def details(session: Session, scope: Scope) -> ProjectDetails:
    """Return the project of the scope with its settings."""
    return details_of(get(session, scope))


def details_of(project: Project) -> ProjectDetails:
    """Return a project with its settings."""
    return ProjectDetails(
        project.id,
        project.slug,
        project.title,
        project.description,
        settings_of(project),
        project.version,
        project.created_at,
    )


def listed(session: Session, actor: Actor) -> list[ProjectLine]:
    """Return the projects the actor sees, newest first."""
    query = sa.select(
        Project.id, Project.slug, Project.title, Project.description, Project.created_at
    ).where(Project.archived_at.is_(None))
    visible = actor.project_ids()
    if visible is not None:
        query = query.where(Project.id.in_(sorted(visible)))
    rows = session.execute(query.order_by(Project.id.desc())).all()
    return [
        ProjectLine(row.id, row.slug, row.title, row.description, row.created_at) for row in rows
    ]


def settings_of(project: Project) -> dict[str, Any]:
    """Return the settings of a project, with the defaults for what was never set."""
    return {**DEFAULT_SETTINGS, **json.loads(project.settings)}


def update(
    session: Session, actor: Actor, scope: Scope, version: int, text: ProjectText
) -> Project:
    """Change title, description and settings of a project.

    Parameters
    ----------
    version
        The version that the change was made from; a later one refuses it.
    text
        The new title and description, and the settings that change.

    Raises
    ------
    Conflict
        When somebody changed the project in between.
    BadInput
        With one problem a field.
    """
    project = session.get(Project, scope.project_id, with_for_update={"key_share": True})
    if project is None:
        raise NotFound("There is no such project here.")
    if project.version != version:
        raise Conflict(
            "Somebody changed these settings since you opened the page. Look at them as they are "
            "now, then make your change again."
        )
    before = settings_of(project)
    chosen, wrong = _checked_settings(before, text.settings)
    _refuse([*_text_problems(text.title, text.description), *wrong])
    project.title, project.description = text.title.strip(), text.description.strip()
    project.settings = canonical_json(chosen)
    project.version = version + 1
    session.flush()
    changed = {key: value for key, value in chosen.items() if before.get(key) != value}
    audit.record(
        session,
        actor,
        "project.changed",
        "project",
        project.id,
        project_id=project.id,
        body={"settings": changed, "version": project.version},
    )
    return project


def _refuse(problems: list[dict[str, str]]) -> None:
    if problems:
        first = problems[0]
        raise BadInput(
            Sentence("%(field)s: %(message)s", field=first["field"], message=first["message"]),
            problems=problems,
        )


def _slug_problems(slug: str) -> list[dict[str, str]]:
    if len(slug) <= _SLUG_CHARACTERS and _SLUG.match(slug):
        return []
    words = Sentence(
        "Use small letters, digits and single hyphens, at most %(n)s, "
        "for example assistant-safety.",
        n=_SLUG_CHARACTERS,
    )
    return [{"field": "slug", "message": words}]


def _text_problems(title: str, description: str) -> list[dict[str, str]]:
    check_text(title, "title")
    check_text(description, "description")
    problems = []
    if not title.strip():
        problems.append({"field": "title", "message": Sentence("A project needs a name.")})
    if len(title) > TITLE_CHARACTERS:
        words = Sentence(
            "%(most)s characters at most; these are %(n)s.",
            most=TITLE_CHARACTERS,
            n=len(title),
        )
        problems.append({"field": "title", "message": words})
    if len(description) > DESCRIPTION_CHARACTERS:
        words = Sentence(
            "%(most)s characters at most; these are %(n)s.",
            most=DESCRIPTION_CHARACTERS,
            n=len(description),
        )
        problems.append({"field": "description", "message": words})
    return problems


def _checked_settings(
    before: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    problems = [
        {"field": key, "message": Sentence("There is no setting %(key)s.", key=repr(key))}
        for key in given
        if key not in DEFAULT_SETTINGS
    ]
    chosen = {**before, **{key: given[key] for key in given if key in DEFAULT_SETTINGS}}
    if not isinstance(chosen["adjudicator_may_be_annotator"], bool):
        words = Sentence("Say true or false.")
        problems.append({"field": "adjudicator_may_be_annotator", "message": words})
    votes = chosen["min_votes"]
    if isinstance(votes, bool) or not isinstance(votes, int) or not 1 <= votes <= MAX_VOTES:
        words = Sentence("Give a whole number from 1 to %(n)s.", n=MAX_VOTES)
        problems.append({"field": "min_votes", "message": words})
    return chosen, problems


def _refuse_taken(session: Session, slug: str) -> None:
    if session.scalar(sa.select(Project.id).where(Project.slug == slug)) is not None:
        raise _taken(slug)


def _taken(slug: str) -> Conflict:
    problem = {
        "field": "slug",
        "message": Sentence("%(slug)s is taken. Choose another address.", slug=slug),
    }
    return Conflict(
        Sentence("There is a project %(slug)s already.", slug=repr(slug)), problems=[problem]
    )
