"""Who may do what, to what: actors, permissions and the table of all routes.

This module knows no request and no database. The web guard looks a route up in ``ROUTES``, finds
the object that the address names and asks ``decide``. A route that is not in the table does not
start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

Channel = Literal["web", "api", "cli", "job"]

ADMINISTRATOR, DESIGNER, MANAGER = "administrator", "designer", "manager"
ANNOTATOR, ADJUDICATOR, ML_READER, AUDITOR = "annotator", "adjudicator", "ml_reader", "auditor"
ALL_ROLES = frozenset(
    {ADMINISTRATOR, DESIGNER, MANAGER, ANNOTATOR, ADJUDICATOR, ML_READER, AUDITOR}
)
_EXPERTS = frozenset({ADMINISTRATOR, DESIGNER, MANAGER, ADJUDICATOR, ML_READER, AUDITOR})

PERMISSIONS: dict[str, frozenset[str]] = {
    "people.manage": frozenset({ADMINISTRATOR}),
    "system.view": frozenset({ADMINISTRATOR, AUDITOR}),
    "project.create": frozenset({ADMINISTRATOR, DESIGNER}),
    "project.view": ALL_ROLES,
    "project.manage": frozenset({ADMINISTRATOR, DESIGNER}),
    "rubric.view": ALL_ROLES,
    "rubric.edit": frozenset({ADMINISTRATOR, DESIGNER}),
    "item.view": _EXPERTS,
    "item.import": frozenset({ADMINISTRATOR, DESIGNER, MANAGER}),
    "item.release_quarantine": frozenset({ADMINISTRATOR}),
    "round.view": _EXPERTS,
    "round.manage": frozenset({ADMINISTRATOR, DESIGNER, MANAGER}),
    "work.label": frozenset({ANNOTATOR}),
    "wellbeing.own": frozenset({ANNOTATOR}),
    "wellbeing.aggregate": frozenset({ADMINISTRATOR, DESIGNER, MANAGER}),
    "wellbeing.manage": frozenset({ADMINISTRATOR, DESIGNER}),
    "label.view": _EXPERTS,
    "agreement.view": _EXPERTS,
    "case.view": frozenset({ADMINISTRATOR, DESIGNER, ADJUDICATOR, AUDITOR, ML_READER}),
    "case.decide": frozenset({ADJUDICATOR}),
    "gold.view": frozenset({ADMINISTRATOR, DESIGNER, ML_READER, AUDITOR}),
    "gold.release": frozenset({ADMINISTRATOR, DESIGNER, ML_READER}),
    "job.view": _EXPERTS,
    "audit.view": frozenset({ADMINISTRATOR, AUDITOR}),
}
"""Which roles carry a permission. An administrator neither labels nor decides."""

TOKEN_SCOPES: dict[str, frozenset[str]] = {
    "label": frozenset({"work.label", "wellbeing.own", "rubric.view", "project.view"}),
    "read": frozenset(
        {
            "project.view",
            "rubric.view",
            "item.view",
            "round.view",
            "label.view",
            "wellbeing.aggregate",
            "agreement.view",
            "case.view",
            "gold.view",
            "job.view",
            "audit.view",
        }
    ),
    "design": frozenset(
        {
            "project.view",
            "project.create",
            "project.manage",
            "rubric.view",
            "rubric.edit",
            "item.view",
            "item.import",
            "round.view",
            "round.manage",
            "job.view",
        }
    ),
    "adjudicate": frozenset({"project.view", "rubric.view", "case.view", "case.decide"}),
    "release": frozenset({"project.view", "gold.view", "gold.release", "job.view"}),
}
"""What a token with a scope may do at most; its owner's roles still bound it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role of a person, everywhere (``project_id`` None) or in one project, one team or all."""

    role: str
    project_id: str | None = None
    team_id: str | None = None

    def covers(self, project_id: str | None) -> bool:
        """Tell whether the grant reaches the project."""
        return self.project_id is None or self.project_id == project_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person in a browser, a program with a token, or the system from the console."""

    user_id: str
    login: str
    display_name: str
    grants: tuple[Grant, ...] = ()
    channel: Channel = "web"
    language: str = "en"
    time_zone: str = "UTC"
    preferences: str = "{}"
    is_system: bool = False
    session_id: str | None = None
    csrf_token: str | None = None
    token_id: str | None = None
    token_scopes: frozenset[str] | None = None
    token_project_id: str | None = None

    def roles(self, project_id: str | None = None) -> frozenset[str]:
        """Return the roles that reach the project, or all roles when none is named."""
        return frozenset(
            grant.role for grant in self.grants if project_id is None or grant.covers(project_id)
        )

    def may(self, permission: str, project_id: str | None = None) -> bool:
        """Tell whether the actor holds the permission in the project (in any, when None)."""
        if self.is_system:
            return True
        return self._token_allows(permission, project_id) and self.holds(permission, project_id)

    def holds(self, permission: str, project_id: str | None = None) -> bool:
        """Tell whether a role of the person carries the permission, whatever token is used.

        For what is kept from a person: a narrower token must not show more.
        """
        allowed = PERMISSIONS[permission]
        return any(
            grant.role in allowed and (project_id is None or grant.covers(project_id))
            for grant in self.grants
        )

    def sees(self, project_id: str) -> bool:
        """Tell whether the project exists at all for this actor."""
        if self.is_system:
            return True
        if self.token_project_id is not None and self.token_project_id != project_id:
            return False
        return any(grant.covers(project_id) for grant in self.grants)

    def everywhere(self, permission: str) -> bool:
        """Tell whether the permission holds for every project."""
        if self.is_system:
            return True
        if self.token_project_id is not None or not self._token_allows(permission, None):
            return False
        allowed = PERMISSIONS[permission]
        return any(grant.role in allowed and grant.project_id is None for grant in self.grants)

    def project_ids(self) -> frozenset[str] | None:
        """Return the projects the actor sees, or None for all."""
        if self.token_project_id is not None:
            own = self.token_project_id
            return frozenset({own}) if self.sees(own) else frozenset()
        if self.is_system or any(grant.project_id is None for grant in self.grants):
            return None
        return frozenset(grant.project_id for grant in self.grants if grant.project_id)

    def scope(self, permission: str, project_id: str) -> Scope:
        """Return the part of the project that the permission reaches.

        The scope has all teams as soon as one fitting grant names none.
        """
        if self.is_system:
            return Scope(project_id, None)
        allowed = PERMISSIONS[permission]
        teams = [
            grant.team_id
            for grant in self.grants
            if grant.role in allowed and grant.covers(project_id)
        ]
        if any(team is None for team in teams):
            return Scope(project_id, None)
        return Scope(project_id, frozenset(team for team in teams if team))

    def team_for(self, project_id: str) -> str | None:
        """Return the team for which the actor labels in the project."""
        fitting = [g for g in self.grants if g.role == ANNOTATOR and g.covers(project_id)]
        fitting.sort(key=lambda grant: (grant.project_id is None, grant.team_id is None))
        return fitting[0].team_id if fitting else None

    def _token_allows(self, permission: str, project_id: str | None) -> bool:
        if self.token_scopes is None:
            return True
        if self.token_project_id is not None and project_id not in {None, self.token_project_id}:
            return False
        return any(permission in TOKEN_SCOPES[scope] for scope in self.token_scopes)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a service may touch: one project, and the teams of it (None = all)."""

    project_id: str
    team_ids: frozenset[str] | None = None

    def sees_team(self, team_id: str | None) -> bool:
        """Tell whether rows of the team are inside the scope."""
        return self.team_ids is None or (team_id is not None and team_id in self.team_ids)


@dataclass(frozen=True, slots=True)
class Located:
    """Where an object lies: its project, team and owner, as far as it has them."""

    project_id: str | None = None
    team_id: str | None = None
    owner_id: str | None = None
    object_id: str = ""


class Verdict(Enum):
    """What the guard answers."""

    ALLOWED = "allowed"
    LOGIN = "login"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route needs.

    Attributes
    ----------
    permission
        A key of ``PERMISSIONS``; ``public`` needs nobody, ``self`` needs a login only.
    locates
        Name of the view argument that names the object, and with it how it is found
        (``project``, ``round_id``, ``assignment_id`` …); None when the route names no object.
    owner_only
        The object is there for its owner alone.
    kind
        ``page`` answers with HTML and sends strangers to the login; ``api`` answers with JSON.
    token
        Whether an API token may be used.
    """

    permission: str
    locates: str | None = None
    owner_only: bool = False
    kind: Literal["page", "api"] = "page"
    token: bool = field(default=False)


def decide(rule: Rule, actor: Actor | None, located: Located | None) -> Verdict:  # noqa: PLR0911
    """Answer whether the actor may use the route on the object.

    Foreign and missing objects give the same answer. Whoever sees the project but lacks the
    permission is told so.
    """
    if rule.permission == "public":
        return Verdict.ALLOWED
    if actor is None:
        return Verdict.LOGIN
    if actor.token_id is not None and not rule.token:
        return Verdict.FORBIDDEN
    if rule.locates is None:
        held = rule.permission == "self" or actor.may(rule.permission)
        return Verdict.ALLOWED if held else Verdict.FORBIDDEN
    if located is None or not _reachable(rule, actor, located):
        return Verdict.NOT_FOUND
    if rule.permission == "self":
        return Verdict.ALLOWED
    if located.project_id is None:
        held = actor.everywhere(rule.permission)
    else:
        held = actor.may(rule.permission, located.project_id)
    return Verdict.ALLOWED if held else Verdict.FORBIDDEN


def _reachable(rule: Rule, actor: Actor, located: Located) -> bool:
    if rule.owner_only and located.owner_id != actor.user_id:
        return False
    if located.project_id is None:
        return True
    if not actor.sees(located.project_id):
        return False
    if located.team_id is None or rule.owner_only or rule.permission == "self":
        return True
    if not actor.may(rule.permission, located.project_id):
        return True  # told below that the permission is missing; the team does not matter then
    return actor.scope(rule.permission, located.project_id).sees_team(located.team_id)
