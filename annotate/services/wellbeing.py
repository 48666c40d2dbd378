"""What a project sets for the wellbeing of its people, and what each person sets for themself.

Rows of a person are read here for that person alone: no function takes somebody else's id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from annotate.db import is_embedded, new_id, now
from annotate.models import (
    Break,
    CategoryOptOut,
    RubricVersion,
    WellbeingPolicy,
    WellbeingPreference,
)
from annotate.services import audit, exposure
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict
from annotate.services.prepared import insert_for
from annotate.services.text import canonical_json, check_text
from rubrics.sentences import Sentence
from tasks import budgets
from tasks.exposure import MOST_SEVERE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from tasks.budgets import Room, Rules

BREAK_REASONS = ("time", "severity", "own")
MOST_POINTS = 100_000
MOST_SUPPORT = 20
SUPPORT_KEYS = ("name", "contact", "note", "language")
CONTACTS = ("https", "mailto", "tel")
LONGEST_BREAK = timedelta(hours=2)
"""A break that nobody ended counts as this long at most."""
BREAKS_SHOWN = 50
_RANGES = {
    # setting: least, most, whether it may be left open
    "per_shift": (1, MOST_POINTS, True),
    "per_week": (1, MOST_POINTS, True),
    "assumed_severity": (1, MOST_SEVERE, False),
    "max_consecutive": (1, 100, True),
    "break_minutes": (10, 240, False),
    "break_severity": (1, MOST_SEVERE, False),
    "idle_minutes": (1, 60, False),
    "blur": (0, 3, False),
    "retention_days": (8, 90, False),
}
_FLAGS = ("conceal", "hold", "grey", "mute")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a project set."""

    settings: dict[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class CategoryName:
    """A harm category of the project, with its name and its weight."""

    id: str
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class OwnBreak:
    """A break of one's own."""

    reason: str
    started_at: datetime
    ended_at: datetime | None
    minutes: int | None


@dataclass(frozen=True, slots=True)
class Own:
    """What a person sees of their own wellbeing data in a project."""

    rules: Rules
    preference: dict[str, Any]
    room: Room
    opted_out: frozenset[str]
    breaks: tuple[OwnBreak, ...]
    weighs: bool


# ------------------------------------------------------------------------------------ the project


def start(session: Session, project_id: str, at: datetime) -> None:
    """Give a new project the budgets that every project begins with."""
    session.add(WellbeingPolicy(project_id=project_id, settings="{}", version=1, changed_at=at))
    session.flush()


def policy(session: Session, scope: Scope) -> Policy:
    """Return what the project set, with the defaults for what it did not."""
    row = session.scalar(
        sa.select(WellbeingPolicy).where(WellbeingPolicy.project_id == scope.project_id)
    )
    if row is None:
        return Policy(dict(budgets.DEFAULTS), 0)
    return Policy({**budgets.DEFAULTS, **json.loads(row.settings)}, row.version)


def kept_days(session: Session, project_id: str) -> int:
    """Return for how many days a project keeps rows of people."""
    text = session.scalar(
        sa.select(WellbeingPolicy.settings).where(WellbeingPolicy.project_id == project_id)
    )
    return budgets.rules(json.loads(text or "{}")).retention_days


def change_policy(
    session: Session, actor: Actor, scope: Scope, version: int, given: Mapping[str, Any]
) -> Policy:
    """Change what the project sets.

    Parameters
    ----------
    version
        The version that the change was made from; a later one refuses it.
    given
        The settings that change.

    Raises
    ------
    Conflict
        When somebody changed them in between.
    BadInput
        With one problem a field.
    """
    row = session.scalar(
        sa.select(WellbeingPolicy)
        .where(WellbeingPolicy.project_id == scope.project_id)
        .with_for_update()
    )
    if row is None:
        start(session, scope.project_id, now(session))
        return change_policy(session, actor, scope, 1, given)
    if row.version != version:
        raise Conflict(
            "Somebody changed these settings since you opened the page. Look at them as they are "
            "now, then make your change again."
        )
    known = {one.id for one in categories(session, scope)}
    _refuse(_problems(given, known, budgets.DEFAULTS.keys()))
    before = {**budgets.DEFAULTS, **json.loads(row.settings)}
    after = {**before, **given}
    row.settings = canonical_json(after)
    row.version = version + 1
    row.changed_at = now(session)
    session.flush()
    changed = {key: value for key, value in after.items() if before[key] != value}
    audit.record(
        session,
        actor,
        "wellbeing.policy_changed",
        "project",
        scope.project_id,
        project_id=scope.project_id,
        body={"settings": changed, "version": row.version},
    )
    return Policy(after, row.version)


def lift_budgets(session: Session, actor: Actor, scope: Scope) -> None:
    """Take the budgets away where programs answer and nobody reads; the audit trail tells."""
    found = policy(session, scope)
    none = {"per_shift": None, "per_week": None, "max_consecutive": None}
    change_policy(session, actor, scope, max(found.version, 1), none)


def categories(session: Session, scope: Scope) -> tuple[CategoryName, ...]:
    """Return the categories of the project's rubrics, the newest version first."""
    ids = session.scalars(
        sa.select(RubricVersion.id)
        .where(RubricVersion.project_id == scope.project_id, RubricVersion.status == "published")
        .order_by(RubricVersion.id.desc())
        .limit(8)
    ).all()
    found: dict[str, CategoryName] = {}
    for version_id in ids:
        rubric = compiled_rubric(session, scope.project_id, version_id).rubric
        for one in rubric.categories:
            found.setdefault(one.id, CategoryName(one.id, one.name, one.exposure_weight))
    return tuple(found.values())


def support(rules: Rules, language: str) -> tuple[Mapping[str, str], ...]:
    """Return the support in a person's language, and what is for every language."""
    return tuple(one for one in rules.support if one.get("language", "") in {"", language})


# ------------------------------------------------------------------------------------- the checks


def _refuse(problems: list[dict[str, str]]) -> None:
    if problems:
        first = problems[0]
        raise BadInput(
            Sentence("%(field)s: %(message)s", field=first["field"], message=first["message"]),
            problems=problems,
        )


def _problems(
    given: Mapping[str, Any],
    categories: set[str],
    allowed: Any,  # noqa: ANN401 - names
) -> list[dict[str, str]]:
    problems = []
    for key, value in given.items():
        words = (
            Sentence("There is no setting %(key)s.", key=repr(key))
            if key not in allowed
            else _wrong(key, value)
        )
        if key == "categories" and not words:
            words = _wrong_categories(value, categories)
        if words:
            problems.append({"field": key, "message": words})
    return problems


def _wrong(key: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if key in _RANGES:
        return _wrong_number(value, *_RANGES[key])
    if key in _FLAGS:
        return "" if isinstance(value, bool) else Sentence("Say true or false.")
    return _wrong_support(value) if key == "support" else ""


def _wrong_number(value: Any, least: int, most: int, may_be_open: bool) -> str:  # noqa: ANN401, FBT001
    if value is None and may_be_open:
        return ""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        return Sentence("Give a whole number from %(least)s to %(most)s.", least=least, most=most)
    return ""


def _wrong_categories(value: Any, known: set[str]) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return Sentence("Give points for each category.")
    for name, points in value.items():
        if name not in known:
            return Sentence(
                "No published rubric here has a category %(category)s.", category=repr(name)
            )
        words = _wrong_number(points, 1, MOST_POINTS, may_be_open=False)
        if words:
            return Sentence("%(field)s: %(message)s", field=name, message=words)
    return ""


def _wrong_support(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, list) or len(value) > MOST_SUPPORT:
        return Sentence("Give a list of %(n)s entries at most.", n=MOST_SUPPORT)
    return next((words for words in map(_wrong_entry, value) if words), "")


def _wrong_entry(entry: Any) -> str:  # noqa: ANN401 - any JSON value
    texts = isinstance(entry, dict) and all(isinstance(one, str) for one in entry.values())
    if not texts or not set(entry) <= set(SUPPORT_KEYS):
        return Sentence("Each entry has a name, a contact, and perhaps a note and a language.")
    for key, text in entry.items():
        check_text(text, key)
        if len(text) > 300:
            return Sentence("%(name)s: %(n)s characters at most.", name=key, n=300)
    if not entry.get("name", "").strip():
        return Sentence("Each entry needs a name.")
    if urlsplit(entry.get("contact", "")).scheme not in CONTACTS:
        return Sentence("A contact begins with https:, mailto: or tel:.")
    return ""


# ------------------------------------------------------------------------------------- the person


def own_rules(session: Session, actor: Actor, scope: Scope) -> Rules:
    """Return the rules in force for oneself."""
    return budgets.rules(policy(session, scope).settings, _preference(session, actor, scope))


def _preference(session: Session, actor: Actor, scope: Scope) -> dict[str, Any]:
    text = session.scalar(
        sa.select(WellbeingPreference.settings).where(
            WellbeingPreference.user_id == actor.user_id,
            WellbeingPreference.project_id == scope.project_id,
        )
    )
    return {} if text is None else dict(json.loads(text))


def own(session: Session, actor: Actor, scope: Scope) -> Own:
    """Return one's own limits, what is left of them, opt-outs and breaks."""
    rules = own_rules(session, actor, scope)
    at = now(session)
    spent = exposure.spent(session, actor.user_id, scope.project_id, at)
    opted = session.scalars(
        sa.select(CategoryOptOut.category).where(
            CategoryOptOut.user_id == actor.user_id,
            CategoryOptOut.project_id == scope.project_id,
        )
    ).all()
    return Own(
        rules,
        _preference(session, actor, scope),
        budgets.room(rules, spent),
        frozenset(opted),
        _breaks(session, actor, scope),
        any(one.weight for one in categories(session, scope)),
    )


def _breaks(session: Session, actor: Actor, scope: Scope) -> tuple[OwnBreak, ...]:
    rows = session.execute(
        sa.select(Break.reason, Break.started_at, Break.ended_at)
        .where(Break.user_id == actor.user_id, Break.project_id == scope.project_id)
        .order_by(Break.started_at.desc())
        .limit(BREAKS_SHOWN)
    ).all()
    return tuple(
        OwnBreak(
            row.reason,
            row.started_at,
            row.ended_at,
            None if row.ended_at is None else round((row.ended_at - row.started_at).seconds / 60),
        )
        for row in rows
    )


def change_preference(
    session: Session, actor: Actor, scope: Scope, given: Mapping[str, Any]
) -> None:
    """Keep what a person makes stricter for themself; what is looser has no effect.

    Raises
    ------
    BadInput
        With one problem a field.
    """
    known = {one.id for one in categories(session, scope)}
    problems = _problems(given, known, budgets.PERSONAL)
    _refuse(problems)
    settings = {key: value for key, value in given.items() if value not in (None, False, {})}
    insert = insert_for(embedded=is_embedded(session))(WellbeingPreference)
    row = {
        "user_id": actor.user_id,
        "project_id": scope.project_id,
        "settings": canonical_json(settings),
        "changed_at": now(session),
    }
    session.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=[WellbeingPreference.user_id, WellbeingPreference.project_id],
            set_={"settings": row["settings"], "changed_at": row["changed_at"]},
        )
    )


def opt_out_of(session: Session, actor: Actor, scope: Scope, category: str, *, out: bool) -> None:
    """Keep items away that are known to hold a category, or let them come again.

    Raises
    ------
    BadInput
        When no rubric of the project has the category.
    """
    mine = (
        CategoryOptOut.user_id == actor.user_id,
        CategoryOptOut.project_id == scope.project_id,
        CategoryOptOut.category == category,
    )
    if not out:
        session.execute(sa.delete(CategoryOptOut).where(*mine))
        return
    if category not in {one.id for one in categories(session, scope)}:
        raise BadInput(
            Sentence(
                "No published rubric here has a category %(category)s.", category=repr(category)
            )
        )
    insert = insert_for(embedded=is_embedded(session))(CategoryOptOut)
    session.execute(
        insert.values(
            user_id=actor.user_id,
            project_id=scope.project_id,
            category=category,
            created_at=now(session),
        ).on_conflict_do_nothing()
    )


def begin_break(session: Session, actor: Actor, scope: Scope, reason: str) -> None:
    """Note that a person's break begins; an open one goes on."""
    if reason not in BREAK_REASONS:
        raise BadInput(
            Sentence(
                "reason is %(reason)s; it can be %(known)s",
                reason=repr(reason),
                known=", ".join(BREAK_REASONS),
            )
        )
    at = now(session)
    if _open_break(session, actor, scope, at) is None:
        session.add(
            Break(
                id=new_id(),
                user_id=actor.user_id,
                project_id=scope.project_id,
                reason=reason,
                started_at=at,
            )
        )
        session.flush()


def end_break(session: Session, actor: Actor, scope: Scope) -> None:
    """Note that a person's break is over."""
    at = now(session)
    found = _open_break(session, actor, scope, at)
    if found is not None:
        found.ended_at = at
        session.flush()


def _open_break(session: Session, actor: Actor, scope: Scope, at: datetime) -> Break | None:
    """Return the break that is under way; one that nobody ended is ended here."""
    found = session.scalar(
        sa.select(Break)
        .where(
            Break.user_id == actor.user_id,
            Break.project_id == scope.project_id,
            Break.ended_at.is_(None),
        )
        .order_by(Break.started_at.desc())
        .limit(1)
    )
    if found is not None and found.started_at + LONGEST_BREAK < at:
        found.ended_at = found.started_at + LONGEST_BREAK
        session.flush()
        return None
    return found
