"""The design of a round as somebody plans it, who could label it, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import RoleGrant, Team, UserAccount
from annotate.policy import ANNOTATOR, Actor, Grant
from annotate.services import rubrics
from annotate.services.errors import BadInput, Conflict
from annotate.services.text import canonical_json, check_text
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from annotate.policy import Scope

PHASES = ("pilot", "calibration", "production", "bridge")
MAX_OVERLAP = 50
MAX_SEED = 2**63 - 1
MAX_MINUTES = 480.0
NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class RoundDesign:
    """One call for labels, as somebody plans it.

    Attributes
    ----------
    rubric_version_id
        A published version.
    name, phase
        What the round is called, and one of ``PHASES``.
    overlap, seed
        People per item, and what decides order and ties.
    team_ids
        Only these teams; empty means everyone in the scope.
    allocation
        External item id to logins; it replaces the overlap. None lets the plan decide.
    minutes_per_item
        Expected time of one person for one item.
    reserve
        Keep the places in equal shares for named people, instead of for whoever comes first.
    """

    rubric_version_id: str
    name: str
    phase: str = "production"
    overlap: int = 3
    seed: int = 1
    team_ids: tuple[str, ...] = ()
    allocation: Mapping[str, Sequence[str]] | None = None
    minutes_per_item: float = 1.0
    reserve: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who may label in the project, and for which team."""

    id: str
    login: str
    name: str
    team_id: str | None
    team: str | None


def workers(session: Session, scope: Scope) -> list[Worker]:
    """Return who may label in the project, by login, each with the team they label for."""
    rows = session.execute(
        sa.select(
            UserAccount.id,
            UserAccount.login,
            UserAccount.display_name,
            RoleGrant.project_id,
            RoleGrant.team_id,
        )
        .join(RoleGrant, RoleGrant.user_id == UserAccount.id)
        .where(
            RoleGrant.role == ANNOTATOR,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.project_id.is_(None) | (RoleGrant.project_id == scope.project_id),
            UserAccount.deactivated_at.is_(None),
            UserAccount.kind == "person",
        )
        .order_by(UserAccount.login, RoleGrant.id)
    ).all()
    names = {team.id: team.name for team in session.scalars(sa.select(Team)).all()}
    people: dict[str, tuple[str, str, str, list[Grant]]] = {}
    for row in rows:
        person = people.setdefault(row.login, (row.id, row.login, row.display_name, []))
        person[3].append(Grant(ANNOTATOR, row.project_id, row.team_id))
    found = []
    for user_id, login, name, grants in people.values():
        team = Actor(user_id, login, name, tuple(grants)).team_for(scope.project_id)
        if scope.sees_team(team):
            found.append(Worker(user_id, login, name, team, names.get(team or "")))
    return found


def teams_of(people: Iterable[Worker]) -> list[tuple[str, str, int]]:
    """Return id, name and number of people of every team among them, by name."""
    sizes = Counter((one.team_id, one.team) for one in people if one.team_id and one.team)
    rows = [(team_id or "", name or "", number) for (team_id, name), number in sizes.items()]
    return sorted(rows, key=lambda row: row[1])


def checked(session: Session, scope: Scope, design: RoundDesign) -> RoundDesign:
    """Return the design within the scope, or refuse it with every problem."""
    problems = [*_number_problems(design), *_word_problems(design)]
    known = {team_id for team_id, _, _ in teams_of(workers(session, scope))}
    strange = [team for team in design.team_ids if team not in known]
    if strange:
        words = Sentence("Nobody of this team may label here. Choose a team with annotators.")
        problems.append({"field": "team_ids", "message": words})
    if problems:
        first = problems[0]
        raise BadInput(
            Sentence("%(field)s: %(message)s", field=first["field"], message=first["message"]),
            problems=problems,
        )
    version = rubrics.get(session, scope, design.rubric_version_id)
    if version.status != "published":
        raise Conflict(
            Sentence(
                "Version %(version)s is a %(status)s. Publish it, then plan the round.",
                version=version.version,
                status=Sentence(version.status),
            )
        )
    teams = design.team_ids
    if not teams and scope.team_ids is not None:
        teams = tuple(scope.team_ids)
    return RoundDesign(
        rubric_version_id=version.id,
        name=" ".join(design.name.split()),
        phase=design.phase,
        overlap=design.overlap,
        seed=design.seed,
        team_ids=tuple(sorted(set(teams))),
        allocation=design.allocation,
        minutes_per_item=float(design.minutes_per_item),
        reserve=design.reserve,
    )


def _number_problems(design: RoundDesign) -> list[dict[str, str]]:
    problems = []
    if design.allocation is None and not 1 <= design.overlap <= MAX_OVERLAP:
        words = Sentence("Give a whole number from 1 to %(n)s.", n=MAX_OVERLAP)
        problems.append({"field": "overlap", "message": words})
    if not 0 <= design.seed <= MAX_SEED:
        words = Sentence("Give a whole number from 0 to %(n)s.", n=MAX_SEED)
        problems.append({"field": "seed", "message": words})
    if not 0 < design.minutes_per_item <= MAX_MINUTES:
        words = Sentence("Give minutes over 0, %(n)s at most.", n=f"{MAX_MINUTES:.0f}")
        problems.append({"field": "minutes_per_item", "message": words})
    if design.allocation is not None and not design.allocation:
        words = Sentence("The allocation is empty: one row names an item and an annotator.")
        problems.append({"field": "allocation", "message": words})
    return problems


def _word_problems(design: RoundDesign) -> list[dict[str, str]]:
    check_text(design.name, "name")
    problems = []
    if not design.name.strip():
        problems.append({"field": "name", "message": Sentence("A round needs a name.")})
    if len(design.name) > NAME_CHARACTERS:
        words = Sentence("%(n)s characters at most.", n=NAME_CHARACTERS)
        problems.append({"field": "name", "message": words})
    if design.phase not in PHASES:
        words = Sentence("Choose one of %(known)s.", known=", ".join(PHASES))
        problems.append({"field": "phase", "message": words})
    return problems


def by(design: RoundDesign) -> str:
    """Return how places find people: a file, shares, or whoever comes first.

    A task can name one team or none, so a round of some teams but not all keeps its places.
    """
    if design.allocation is not None:
        return "file"
    return "reserve" if design.reserve or len(design.team_ids) > 1 else "open"


def kept_design(design: RoundDesign) -> str:
    """Return what of a design the round's columns do not hold, as canonical JSON."""
    return canonical_json(
        {
            "by": by(design),
            "minutes_per_item": design.minutes_per_item,
            "team_ids": list(design.team_ids),
        }
    )
