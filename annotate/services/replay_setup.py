"""What a replay needs before the first label: project, rubric, people with tokens, allocation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import ApiToken, Assignment, Item, Project, UserAccount
from annotate.policy import ANNOTATOR, Scope
from annotate.services import (
    accounts,
    identity,
    projects,
    roles,
    rounds,
    rubrics,
    tokens,
    wellbeing,
)
from annotate.services.errors import BadInput, Conflict
from annotate.services.text import sha256_hex
from rubrics.loader import load_rubric
from rubrics.versioning import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from annotate.policy import Actor
    from exports.recorded_labels import RecordedRow

TOKEN_DAYS = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """A project that waits for its items."""

    project_id: str
    version_id: str

    @property
    def scope(self) -> Scope:
        """The whole project."""
        return Scope(self.project_id, None)


def login_of(slug: str, annotator: str) -> str:
    """Return the login under which a recorded annotator answers in a project."""
    return f"{slug}-{annotator}".lower()


def allocation_of(rows: Iterable[RecordedRow]) -> dict[str, list[str]]:
    """Return who labelled which item, in the order of the file."""
    people: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        people[row.item].append(row.annotator)
    return dict(people)


def prepare(session: Session, actor: Actor, *, slug: str, title: str, source: str) -> Prepared:
    """Return the project with the rubric published in it; what is there already is kept."""
    project_id = session.scalar(sa.select(Project.id).where(Project.slug == slug))
    if project_id is None:
        project_id = projects.create(session, actor, slug=slug, title=title).id
        # Recorded labels are sent by a program: nobody reads these items.
        wellbeing.lift_budgets(session, actor, Scope(project_id))
    scope = Scope(project_id, None)
    mark = fingerprint(load_rubric(source))
    for line in rubrics.versions(session, scope):
        if line.fingerprint == mark:
            return Prepared(project_id, line.id)
    version = rubrics.add_version(session, actor, scope, source)
    rubrics.publish(session, actor, scope, version.id)
    return Prepared(project_id, version.id)


def enlist(
    session: Session, actor: Actor, prepared: Prepared, slug: str, annotators: Sequence[str]
) -> dict[str, str]:
    """Give every recorded annotator an account of this project and return a token each.

    Raises
    ------
    Conflict
        When a login belongs to somebody who does not label in the project; nobody is let in.
    """
    issued = {}
    for annotator in annotators:
        login = login_of(slug, annotator)
        user_id = session.scalar(sa.select(UserAccount.id).where(UserAccount.login == login))
        if user_id is None:
            user_id = accounts.create(session, login=login, display_name=annotator).user_id
            wanted = roles.Wanted(ANNOTATOR, prepared.project_id)
            roles.grant(session, actor, user_id, wanted)
        elif not identity.actor_of_user(session, user_id).sees(prepared.project_id):
            raise Conflict(
                f"There is a login {login} already, and it has no role in the project {slug}. Make "
                "it an annotator there, or replay into another project."
            )
        wish = tokens.NewToken("replay", ("label",), TOKEN_DAYS, prepared.project_id)
        issued[annotator] = tokens.create(session, actor, wish, owner_id=user_id)
    return issued


def dismiss(session: Session, actor: Actor, issued: Iterable[str]) -> None:
    """Revoke tokens that ``enlist`` returned; what was revoked already stays so.

    Accounts, roles and answers stay: another run gives tokens of its own.
    """
    for token in issued:
        row = session.execute(
            sa.select(ApiToken.id, ApiToken.user_id).where(
                ApiToken.token_hash == sha256_hex(token), ApiToken.revoked_at.is_(None)
            )
        ).first()
        if row is not None:
            tokens.revoke(session, actor, row.id, owner_id=row.user_id)


def allocate(
    session: Session,
    actor: Actor,
    prepared: Prepared,
    slug: str,
    allocation: Mapping[str, Sequence[str]],
) -> str:
    """Make the round with the recorded allocation; a second time changes nothing."""
    design = rounds.RoundDesign(
        rubric_version_id=prepared.version_id,
        name="Replay",
        allocation={
            item: tuple(login_of(slug, annotator) for annotator in people)
            for item, people in allocation.items()
        },
    )
    return rounds.create(session, actor, prepared.scope, design)


def answered(session: Session, prepared: Prepared, round_id: str) -> set[tuple[str, str]]:
    """Return the answered places of the round, each as external item id and login."""
    rows = session.execute(
        sa.select(Item.external_id, UserAccount.login)
        .join(Assignment, Assignment.item_id == Item.id)
        .join(UserAccount, UserAccount.id == Assignment.annotator_id)
        .where(
            Item.project_id == prepared.project_id,
            Assignment.project_id == prepared.project_id,
            Assignment.round_id == round_id,
            Assignment.state == "submitted",
        )
    )
    return {(row.external_id, row.login) for row in rows}


def require_logins(slug: str, rows: Iterable[RecordedRow]) -> None:
    """Refuse annotators whose names make no login, or the login of another one of them.

    Raises
    ------
    BadInput
        With line and name of the first that makes no login.
    Conflict
        With the lines of the first two that make the same.
    """
    taken: dict[str, RecordedRow] = {}
    for row in rows:
        login = login_of(slug, row.annotator)
        first = taken.setdefault(login, row)
        if first.annotator != row.annotator:
            raise Conflict(
                f"lines {first.line} and {row.line}: {first.annotator} and {row.annotator} would "
                f"both answer as {login}. Spell one person's name in one way, and two persons' "
                "names differently."
            )
        if first is row:
            _require_login(row, login)


def _require_login(row: RecordedRow, login: str) -> None:
    try:
        accounts.checked_login(login)
    except BadInput as error:
        raise BadInput(
            f"line {row.line}: the annotator {row.annotator!r} would answer as {login!r}, which "
            f"cannot be a login. {accounts.LOGIN_WORDS}"
        ) from error


def require_one_row_each(rows: Iterable[RecordedRow]) -> None:
    """Refuse a file in which one annotator answers an item twice.

    Raises
    ------
    Conflict
        With the lines of the first such pair.
    """
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.item, row.annotator)
        if key in seen:
            raise Conflict(
                f"lines {seen[key]} and {row.line}: {row.annotator} answers {row.item} twice. A "
                "round takes one answer each; put repeats into a file and round of their own."
            )
        seen[key] = row.line
