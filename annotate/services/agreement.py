"""Agreement of a project: the current labels of one rubric version, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import (
    AdjudicationCase,
    AdjudicatorAnswer,
    Annotation,
    Assignment,
    Item,
    Label,
    Round,
    RubricVersion,
    UserAccount,
)
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, NotFound
from annotate.services.ids import known_form
from annotate.services.places import texts_of
from annotate.services.scoping import in_scope, labels_that_count, visible_items, visible_rounds
from rubrics.sentences import Sentence
from tasks.agreement import Level
from tasks.records import LabelColumns
from tasks.reliability import VariableUnknown, agreement_report, items_behind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import InstrumentedAttribute, Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric
    from tasks.records import ItemDisagreement, Report

INTERVALS = ("jackknife", "bootstrap")


@dataclass(frozen=True, slots=True)
class Slice:
    """Which labels are looked at.

    Attributes
    ----------
    version_id
        The rubric version; labels of different versions are never mixed.
    round_id, language, team_id
        Further bounds; None for all.
    """

    version_id: str
    round_id: str | None = None
    language: str | None = None
    team_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot name anything."""
        known_form(self.version_id, "rubric version")
        if self.round_id is not None:
            known_form(self.round_id, "round")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person can choose among on the agreement page."""

    versions: tuple[tuple[str, str], ...]
    rounds: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A report with what it was measured on."""

    rubric: Rubric
    report: Report
    slice: Slice
    names: dict[str, str]
    """Display names of the annotators, by id."""


def choices(session: Session, scope: Scope) -> Choice:
    """Return the versions, rounds and languages that have rounds or items, newest first."""
    versions = session.execute(
        sa.select(RubricVersion.id, RubricVersion.title, RubricVersion.version)
        .where(
            RubricVersion.project_id == scope.project_id,
            sa.exists().where(Round.rubric_version_id == RubricVersion.id, *visible_rounds(scope)),
        )
        .order_by(RubricVersion.id.desc())
    ).all()
    rounds = session.execute(
        sa.select(Round.id, Round.name).where(*visible_rounds(scope)).order_by(Round.id.desc())
    ).all()
    languages = session.scalars(
        sa.select(Item.language)
        .where(*visible_items(scope), Item.language.is_not(None))
        .distinct()
        .order_by(Item.language)
    ).all()
    return Choice(
        tuple((row.id, f"{row.title} {row.version}") for row in versions),
        tuple((row.id, row.name) for row in rounds),
        tuple(language for language in languages if language),
    )


def latest_version(session: Session, scope: Scope) -> str | None:
    """Return the rubric version of the newest round that has labels, or of the newest round."""
    labelled = session.scalar(
        sa.select(Annotation.rubric_version_id)
        .where(*in_scope(Annotation, scope))
        .order_by(Annotation.project_id, Annotation.created_at.desc())
        .limit(1)
    )
    if labelled is not None:
        return labelled
    return session.scalar(
        sa.select(Round.rubric_version_id)
        .where(*visible_rounds(scope))
        .order_by(Round.id.desc())
        .limit(1)
    )


def measure(  # noqa: PLR0913 - the choices of the page
    session: Session,
    actor: Actor,
    scope: Scope,
    chosen: Slice,
    *,
    interval: str = "jackknife",
    pairs: bool = True,
    levels: dict[str, str] | None = None,
) -> Measured:
    """Compute agreement on every question, category and derived variable of a version.

    Raises
    ------
    BadInput
        For an interval or a level that there is none of.
    NotFound
        When the project has no such version.
    """
    del actor
    if interval not in INTERVALS:
        raise BadInput(
            Sentence(
                "interval is %(interval)s; it can be %(known)s",
                interval=repr(interval),
                known=" or ".join(INTERVALS),
            )
        )
    rubric = compiled_rubric(session, scope.project_id, chosen.version_id).rubric
    labels = label_columns(session, scope, chosen)
    _check_levels(levels or {})
    lengths = None
    if has_spans(rubric):
        wanted = {str(item) for item in labels.item}
        lengths = text_lengths(_bodies(session, scope, wanted))
    try:
        report = agreement_report(
            rubric, labels, interval=interval, levels=levels, pairs=pairs, lengths=lengths
        )
    except ValueError as error:
        raise BadInput(str(error)) from error
    return Measured(rubric, report, chosen, _names(session, labels))


def has_spans(rubric: Rubric) -> bool:
    """Tell whether the rubric asks for spans, whose alpha needs the lengths of all texts."""
    return any(question.type == "span" for question in rubric.questions)


def text_lengths(bodies: Iterable[tuple[str, str]]) -> dict[object, dict[str, int]] | None:
    """Return by item the code points of its texts, by the name that spans give them.

    None where an item has no text at all: how much of it is unmarked has no meaning then.

    Examples
    --------
    >>> text_lengths([("a", '{"prompt": "Hi", "response": ""}')])
    {'a': {'prompt': 2}}
    """
    found: dict[object, dict[str, int]] = {
        item: {name: len(text) for name, text in texts_of(body).items() if text}
        for item, body in bodies
    }
    return found if all(found.values()) else None


def _bodies(session: Session, scope: Scope, wanted: set[str]) -> Iterator[tuple[str, str]]:
    rows = session.connection().execute(
        sa.select(sa.cast(Item.id, sa.Text), Item.body).where(*visible_items(scope))
    )
    return ((row[0], row[1]) for row in rows if row[0] in wanted)


def _check_levels(levels: dict[str, str]) -> None:
    known = [level.value for level in Level]
    for question, level in levels.items():
        if level not in known:
            raise BadInput(
                Sentence(
                    "level of %(question)s is %(level)s; it can be %(known)s",
                    question=question,
                    level=repr(level),
                    known=", ".join(known),
                )
            )


def behind(  # noqa: PLR0913 - what names a figure
    session: Session,
    actor: Actor,
    scope: Scope,
    chosen: Slice,
    *,
    question: str,
    category: str = "",
    conditioning: str = "all",
) -> tuple[tuple[ItemDisagreement, str], ...]:
    """Return the items behind a figure, most disputed first, each with its external id.

    What others said stays sealed from an adjudicator who has yet to answer an open case: those
    items are left out.

    Raises
    ------
    NotFound
        When the rubric measures no such thing.
    """
    rubric = compiled_rubric(session, scope.project_id, chosen.version_id).rubric
    if conditioning not in {"all", "reached"}:
        raise NotFound("There is no such conditioning: all or reached")
    labels = label_columns(session, scope, chosen)
    try:
        found = items_behind(rubric, labels, question, category, conditioning)  # type: ignore[arg-type]
    except VariableUnknown as error:
        raise NotFound(str(error)) from error
    external = _external_ids(session, scope)
    sealed = _sealed_items(session, actor, scope)
    return tuple((one, external[str(one.item)]) for one in found if str(one.item) not in sealed)


def _sealed_items(session: Session, actor: Actor, scope: Scope) -> frozenset[str]:
    if not actor.holds("case.decide", scope.project_id):
        return frozenset()
    answered = sa.select(sa.literal(1)).where(
        AdjudicatorAnswer.case_id == AdjudicationCase.id,
        AdjudicatorAnswer.project_id == scope.project_id,
        AdjudicatorAnswer.adjudicator_id == actor.user_id,
    )
    rows = session.scalars(
        sa.select(AdjudicationCase.item_id).where(
            AdjudicationCase.project_id == scope.project_id,
            AdjudicationCase.state == "open",
            ~answered.exists(),
        )
    )
    return frozenset(str(one) for one in rows)


def _external_ids(session: Session, scope: Scope) -> dict[str, str]:
    rows = session.connection().execute(
        sa.select(sa.cast(Item.id, sa.Text), Item.external_id).where(*visible_items(scope))
    )
    return {row[0]: row[1] for row in rows}


def _names(session: Session, labels: LabelColumns) -> dict[str, str]:
    wanted = sorted({str(annotator) for annotator in labels.annotator})
    rows = session.execute(
        sa.select(UserAccount.id, UserAccount.display_name).where(UserAccount.id.in_(wanted))
    ).all()
    return {row.id: row.display_name for row in rows}


def label_columns(session: Session, scope: Scope, chosen: Slice) -> LabelColumns:
    """Return the current labels of a slice as parallel columns.

    Ids are cast to text in the database: turning 300,000 of them into objects and back would take
    longer than the statistics.
    """
    query = current_labels(
        scope,
        chosen,
        sa.cast(Annotation.item_id, sa.Text),
        sa.cast(Annotation.annotator_id, sa.Text),
        Label.question,
        Label.category,
        Label.value,
        Label.state,
    )
    # The driver's own tuples: every column is text, SQLAlchemy's rows would add only time.
    rows = session.connection().execute(query).cursor.fetchall()
    columns: Any = list(zip(*rows, strict=True)) if rows else [()] * 6
    return LabelColumns(*columns)


def current_labels(
    scope: Scope, chosen: Slice, *columns: sa.ColumnElement[Any] | InstrumentedAttribute[Any]
) -> sa.Select[*tuple[Any, ...]]:
    """Select columns of the labels that stand in a slice: submitted, of their last revision."""
    query = (
        labels_that_count(*columns)
        .join(Item, Item.id == Assignment.item_id)
        .where(
            *in_scope(Assignment, scope),
            Annotation.rubric_version_id == chosen.version_id,
            Item.quarantined_at.is_(None),
        )
    )
    if chosen.round_id is not None:
        query = query.where(Assignment.round_id == chosen.round_id)
    if chosen.language is not None:
        query = query.where(Item.language == chosen.language)
    if chosen.team_id is not None:
        query = query.where(Assignment.team_id == chosen.team_id)
    return query
