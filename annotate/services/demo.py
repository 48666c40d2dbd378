"""The demo: people of every role and a project with something to see on every page.

It is made through the same services as real work. Every step looks first whether it was done, so
a start that was cut short goes on, and a second start adds nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import AdjudicationCase, Item, Project, Round
from annotate.services import (
    adjudication,
    case_reading,
    demo_content,
    demo_people,
    imports,
    labeling,
    people,
    projects,
    replay_setup,
    rounds,
    worker,
)
from annotate.services.demo_people import Logins
from annotate.services.identity import actor_of_user
from annotate.services.own_answers import cell_key
from rubrics import library

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from annotate.db import Database
    from annotate.policy import Actor, Scope
    from annotate.services.replay_setup import Prepared

__all__ = ["Logins", "ensure"]
SLUG, TITLE = "garden-helper", "Garden helper"
DESCRIPTION = (
    "Exchanges with an assistant for hobby gardeners, in English, German and French. A demo: all "
    "of it is made up, people, shops and labels included."
)
RUBRIC = "llm-response-safety"
PILOT, PRODUCTION = "Pilot", "Everyday questions"
OVERLAP = 3
SEED = 99
MINUTES = 1.5
PAIRS_SLUG, PAIRS_TITLE = "garden-pairs", "Garden helper: pairs of answers"
PAIRS_DESCRIPTION = "Two answers to one request, for choosing between two versions of the helper."
PAIRS_RUBRIC = "refusal-pairs"
PAIRS_ROUND = "Old and new version"
PAIRS_LABELLED = 8
"""Pairs that each demo annotator has labelled; the others are left to try."""
HELD_SECONDS = 60


def ensure(database: Database, say: Callable[[str], None] = lambda _line: None) -> Logins:
    """Make what is missing of the demo and return its logins.

    Parameters
    ----------
    database
        An embedded, migrated one.
    say
        Called with a line before each step that takes a while.
    """
    logins = demo_people.ensure(database, say)
    with database.read() as session:
        finished = _round_of(session, PRODUCTION) is not None
    if finished or not logins.passwords:
        return logins
    say("Making a project of pairs of answers …")
    _make_pairs(database)
    prepared = _prepare(database)
    with database.read() as session:
        pilot = _round_of(session, PILOT)
    if pilot is None:
        say("Importing the items of the demo project …")
        _import(database, prepared, demo_content.PILOT_FILE)
        pilot = _make_pilot(database, prepared)
    say("Labelling a pilot round …")
    for login in demo_people.ANNOTATORS:
        _label(database, prepared, pilot, login)
    _decide(database, prepared)
    _import(database, prepared, demo_content.MORE_FILE)
    _make_production(database, prepared, pilot)
    return logins


def _round_of(session: Session, name: str, slug: str = SLUG) -> str | None:
    return session.scalar(
        sa.select(Round.id)
        .join(Project, Project.id == Round.project_id)
        .where(Project.slug == slug, Round.name == name)
        .execution_options(unscoped="the demo's own project, by its slug")
    )


def _actor(session: Session, login: str) -> Actor:
    return replace(actor_of_user(session, people.id_of(session, login)), channel="cli")


def _prepare(database: Database) -> Prepared:
    source = library.read(RUBRIC)
    with database.write() as session:
        actor = _actor(session, "designer")
        if session.scalar(sa.select(Project.id).where(Project.slug == SLUG)) is None:
            projects.create(session, actor, slug=SLUG, title=TITLE, description=DESCRIPTION)
        return replay_setup.prepare(session, actor, slug=SLUG, title=TITLE, source=source)


def _make_pairs(database: Database) -> None:
    """Make the project of pairs with a round that is partly labelled; what is there is kept."""
    with database.write() as session:
        actor = _actor(session, "designer")
        if session.scalar(sa.select(Project.id).where(Project.slug == PAIRS_SLUG)) is None:
            projects.create(
                session, actor, slug=PAIRS_SLUG, title=PAIRS_TITLE, description=PAIRS_DESCRIPTION
            )
        source = library.read(PAIRS_RUBRIC)
        prepared = replay_setup.prepare(
            session, actor, slug=PAIRS_SLUG, title=PAIRS_TITLE, source=source
        )
        round_id = _round_of(session, PAIRS_ROUND, PAIRS_SLUG)
    if round_id is None:
        _import(database, prepared, demo_content.PAIRS_FILE)
        round_id = _make_pilot(database, prepared, PAIRS_ROUND)
    for login in demo_people.ANNOTATORS:
        _label(database, prepared, round_id, login, PAIRS_LABELLED)


def _import(database: Database, prepared: Prepared, filename: str) -> None:
    with database.write() as session:
        job_id = imports.start(
            session,
            _actor(session, "manager"),
            prepared.scope,
            path=demo_content.path_of(filename),
            format="jsonl",
            filename=filename,
            keep_file=True,
            held_for=HELD_SECONDS,
        )
    worker.run_until(database, job_id)


def _make_pilot(database: Database, prepared: Prepared, name: str = PILOT) -> str:
    design = rounds.RoundDesign(
        rubric_version_id=prepared.version_id,
        name=name,
        phase="pilot",
        overlap=OVERLAP,
        seed=SEED,
        minutes_per_item=MINUTES,
    )
    with database.write() as session:
        return rounds.create(session, _actor(session, "manager"), prepared.scope, design)


def _make_production(database: Database, prepared: Prepared, pilot: str) -> None:
    """Close the pilot and open a round of the items that came after it, for everyone."""
    everyone = demo_people.ANNOTATORS
    with database.write() as session:
        labelled = {row["id"] for row in demo_content.rows(demo_content.PILOT_FILE)}
        query = sa.select(Item.external_id).where(
            Item.project_id == prepared.project_id, Item.quarantined_at.is_(None)
        )
        fresh = sorted(set(session.scalars(query)) - labelled)
        manager = _actor(session, "manager")
        rounds.set_state(session, manager, prepared.scope, pilot, "closed")
        design = rounds.RoundDesign(
            rubric_version_id=prepared.version_id,
            name=PRODUCTION,
            seed=SEED,
            allocation=dict.fromkeys(fresh, everyone),
            minutes_per_item=MINUTES,
        )
        rounds.create(session, manager, prepared.scope, design)


def _label(
    database: Database, prepared: Prepared, round_id: str, login: str, most: int | None = None
) -> None:
    scope = prepared.scope
    with database.write() as session:
        actor = _actor(session, login)
        done = len(labeling.mine(session, actor, scope, round_id, limit=most or 0))
        while most is None or done < most:
            place = labeling.claim(session, actor, scope, round_id).place
            if place is None:
                return
            done += 1
            submission = labeling.prepare(
                session,
                actor,
                scope,
                place.id,
                annotation_id=new_id(),
                answers=demo_content.answers(place.item, login),
            )
            labeling.submit(session, actor, scope, place.id, place.fence, submission)


def _decide(database: Database, prepared: Prepared) -> None:
    for external_id, rulings in demo_content.rulings().items():
        with database.write() as session:
            _decide_case(session, prepared, external_id, rulings)


def _decide_case(
    session: Session,
    prepared: Prepared,
    external_id: str,
    rulings: tuple[adjudication.Ruling, ...],
) -> None:
    actor, scope = _actor(session, "adjudicator"), prepared.scope
    case_id = session.scalar(
        sa.select(AdjudicationCase.id)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(
            AdjudicationCase.project_id == prepared.project_id,
            AdjudicationCase.state == "open",
            Item.external_id == external_id,
            Item.quarantined_at.is_(None),
        )
    )
    if case_id is None:
        return
    held = adjudication.take(session, actor, scope, case_id)
    adjudication.answer(
        session, actor, scope, case_id, _own_reading(session, actor, scope, case_id, rulings)
    )
    adjudication.decide(session, actor, scope, case_id, held.fence, rulings)


def _own_reading(
    session: Session,
    actor: Actor,
    scope: Scope,
    case_id: str,
    rulings: tuple[adjudication.Ruling, ...],
) -> dict[str, dict[str, str | None]]:
    """Answer whole questions as the rulings do; what they leave out is not in the item."""
    case = case_reading.view(session, actor, scope, case_id)
    closed = {ruling.question for ruling in rulings if ruling.closed}
    own: dict[str, dict[str, str | None]] = {}
    for cell in case.cells:
        multi = case.rubric.question(cell.question).type == "multi"
        absent = "0" if multi and cell.question not in closed else "not_asked"
        own[cell_key(cell.question, cell.category)] = {"value": absent}
    for ruling in rulings:
        value = "not_asked" if ruling.closed else ruling.value
        own[cell_key(ruling.question, ruling.category)] = {"value": value}
    return own
