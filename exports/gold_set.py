"""Votes and rulings in, gold labels out: one resolved cell per item, question and category.

Order of reasons: a ruling decides; a follow-up that a ruling closed follows it; a cell the rubric
sends to an adjudicator stays open until one ruled; too few votes settle nothing; then unanimity and
the strict majority. Missing is never negative: a closed question counts only where the rubric
declares what it stands for, and unsure or cannot-assess answers are counted on their own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from exports.errors import ReleaseRefused
from rubrics.conditions import Answer, operands, truth
from tasks.label_validation import Cell, answers_of, derive
from tasks.routing import cell_order, counted_value, is_adjudicated, open_cell, structural_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rubrics.schema import Derived, Question, Rubric
    from tasks.label_validation import State

Basis = Literal["unanimous", "majority", "adjudicated", "open", "too_few", "no_majority"]
Undecided = Literal["open", "majority"]
BASES: tuple[Basis, ...] = (
    "unanimous",
    "majority",
    "adjudicated",
    "open",
    "too_few",
    "no_majority",
)
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Vote:
    """One current label of one annotator.

    Attributes
    ----------
    item, annotator, question, category : str
        What it is about and who gave it.
    value : str or None
        As stored; None unless answered.
    state : str
        ``answered``, ``unsure``, ``cannot_assess`` or ``not_asked``.
    """

    item: str
    annotator: str
    question: str
    category: str
    value: str | None
    state: State


@dataclass(frozen=True, slots=True)
class Decision:
    """One ruling on one cell, or the withdrawal of one.

    Attributes
    ----------
    id : str
        Names the ruling.
    item, question, category : str
        The cell.
    value : str or None
        The gold label; None when none can be given and the distribution is kept.
    state : str
        ``answered``, ``cannot_assess`` or ``not_asked``.
    kind : {"decide", "revoke"}
        A revocation puts the cell back to what the votes say.
    supersedes : str or None
        Id of the ruling this one replaces.
    cause, clause : str or None
        Why annotators disagreed; which clause decides.
    rationale : str
        Why.
    adjudicator : str
        Who ruled.
    adjudicator_annotated : bool
        Whether the adjudicator had labelled the item.
    created_at : str
        ISO 8601 in UTC.
    origin : str
        ``human``, ``imported`` or ``model``.
    """

    id: str
    item: str
    question: str
    category: str
    value: str | None
    state: State = "answered"
    kind: Literal["decide", "revoke"] = "decide"
    supersedes: str | None = None
    cause: str | None = None
    clause: str | None = None
    rationale: str = ""
    adjudicator: str = ""
    adjudicator_annotated: bool = False
    created_at: str = ""
    origin: str = "human"


@dataclass(frozen=True, slots=True)
class GoldCell:
    """One resolved cell.

    Attributes
    ----------
    item_id, question, category : str
        The cell.
    value : str or None
        The gold label, or None where the basis gives none.
    distribution : mapping of str to int
        Votes per value, structural values included.
    n : int
        Votes that count: the sum of the distribution.
    basis : str
        Why the value is what it is; one of `BASES`.
    fingerprint : str
        Of the rubric version that made the labels.
    unsure, cannot_assess, not_asked : int
        Annotators in these states; ``not_asked`` are within ``n`` where the rubric declares a
        structural value, and missing where it does not.
    decision : str or None
        Id of the ruling behind the value.
    cause : str or None
        Why annotators disagreed, where someone ruled.
    """

    item_id: str
    question: str
    category: str
    value: str | None
    distribution: Mapping[str, int]
    n: int
    basis: Basis
    fingerprint: str
    unsure: int = 0
    cannot_assess: int = 0
    not_asked: int = 0
    decision: str | None = None
    cause: str | None = None


def in_force(decisions: Iterable[Decision]) -> dict[tuple[str, str, str], Decision]:
    """Return the ruling that holds for each cell: not superseded and not a revocation.

    Raises
    ------
    ReleaseRefused
        When two rulings on one cell both claim to hold.
    """
    listed = list(decisions)
    replaced = {one.supersedes for one in listed if one.supersedes is not None}
    found: dict[tuple[str, str, str], Decision] = {}
    for one in sorted(listed, key=lambda decision: decision.id):
        if one.id in replaced:
            continue
        key = (one.item, one.question, one.category)
        if key in found:
            message = (
                f"two rulings hold for item {one.item!r}, question {one.question!r}, category "
                f"{one.category!r}: {found[key].id} and {one.id}; one must supersede the other"
            )
            raise ReleaseRefused(message)
        found[key] = one
    return {key: one for key, one in found.items() if one.kind == "decide"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A value, why it is that, and the ruling behind it."""

    value: str | None
    basis: Basis
    decision: str | None = None
    cause: str | None = None


@dataclass(slots=True)
class _ItemGold:
    """What is known of one item while its cells are resolved."""

    votes: dict[_Key, list[Cell]]
    by_annotator: dict[str, list[Cell]]
    decisions: dict[_Key, Decision]
    gold: dict[_Key, GoldCell] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves items under one rubric.

    Attributes
    ----------
    rubric : Rubric
        The version the labels were made under.
    fingerprint : str
        Its fingerprint, carried by every cell.
    min_votes : int
        Fewer votes than this settle nothing.
    undecided : {"open", "majority"}
        What an undecided case gives: nothing, or the majority of its votes.
    """

    rubric: Rubric
    fingerprint: str
    min_votes: int
    undecided: Undecided = "open"

    def item(
        self, item_id: str, votes: Iterable[Vote], decisions: dict[_Key, Decision]
    ) -> Iterator[GoldCell]:
        """Yield the gold cells of one item in the order of the rubric, derived variables last."""
        state = _collect(item_id, votes, decisions)
        for question in self.rubric.questions:
            if is_adjudicated(question) or question.type == "span":
                yield from self._question(item_id, question, state)
        for derived in self.rubric.derived:
            cell = self._derived(item_id, derived, state)
            if cell is not None:
                yield cell

    def _question(self, item_id: str, question: Question, state: _ItemGold) -> Iterator[GoldCell]:
        cells: list[GoldCell] = []
        for key in _keys_of(self.rubric, question):
            votes = state.votes.get(key, [])
            if not votes and key not in state.decisions:
                continue
            cell = self._cell(item_id, question, key, state)
            state.gold[key] = cell
            cells.append(cell)
        answer = _gold_answer(question, cells)
        if answer is not None:
            state.answers[question.id] = answer
        yield from cells

    def _cell(self, item_id: str, question: Question, key: _Key, state: _ItemGold) -> GoldCell:
        votes = state.votes.get(key, [])
        tally = _tally(question, votes)
        decision = state.decisions.get(key)
        closing = _closed_by(question, key[1], state) if decision is None else None
        if decision is not None:
            found = _Found(
                _ruled(question, key[1], decision), "adjudicated", decision.id, decision.cause
            )
        elif closing is not None:
            value = structural_value(question, key[1])
            found = _Found(value, "adjudicated", closing.decision, closing.cause)
        else:
            opened = open_cell(self.rubric, question, votes) is not None
            found = self._by_votes(tally, opened=opened)
        states = [cell.state for cell in votes]
        return GoldCell(
            item_id,
            *key,
            found.value,
            tally,
            sum(tally.values()),
            found.basis,
            self.fingerprint,
            states.count("unsure"),
            states.count("cannot_assess"),
            states.count("not_asked"),
            found.decision,
            found.cause,
        )

    def _by_votes(self, tally: Mapping[str, int], *, opened: bool) -> _Found:
        n = sum(tally.values())
        if opened and self.undecided == "open":
            return _Found(None, "open")
        if n < self.min_votes:
            return _Found(None, "too_few")
        value = max(tally, key=tally.__getitem__)
        count = tally[value]
        if count == n:
            return _Found(value, "unanimous")
        return _Found(value, "majority") if 2 * count > n else _Found(None, "no_majority")

    def _derived(self, item_id: str, derived: Derived, state: _ItemGold) -> GoldCell | None:
        sources = [cell for cell in state.gold.values() if cell.question in operands(derived.when)]
        if not sources:
            return None
        tally = dict(sorted(Counter(self._derived_votes(derived, state)).items()))
        found = self._derived_value(derived, state, sources, tally)
        return GoldCell(
            item_id,
            derived.id,
            "",
            found.value,
            tally,
            sum(tally.values()),
            found.basis,
            self.fingerprint,
            decision=found.decision,
            cause=found.cause,
        )

    def _derived_value(
        self,
        derived: Derived,
        state: _ItemGold,
        sources: Sequence[GoldCell],
        tally: Mapping[str, int],
    ) -> _Found:
        """Follow the rulings where they settle the condition, else the annotators' own values."""
        ruled = [cell for cell in sources if cell.basis == "adjudicated"]
        settled = truth(derived.when, state.answers) if ruled else None
        if settled is not None:
            return _Found(_flag(settled), "adjudicated", ruled[0].decision, ruled[0].cause)
        differ = len(tally) > 1
        if any(cell.basis == "open" for cell in sources) and (differ or ruled):
            return _Found(None, "open")
        if ruled and differ:
            return _Found(None, "adjudicated", ruled[0].decision, ruled[0].cause)
        return self._by_votes(tally, opened=False)

    def _derived_votes(self, derived: Derived, state: _ItemGold) -> Iterator[str]:
        needed = operands(derived.when)
        for cells in state.by_annotator.values():
            used = [cell for cell in cells if cell.question in needed]
            value = derive(self.rubric, answers_of(self.rubric, used)).get(derived.id)
            if value is not None:
                yield _flag(value)


def _flag(value: bool) -> str:  # noqa: FBT001 - a truth value becomes its stored form
    return "true" if value else "false"


def _collect(item_id: str, votes: Iterable[Vote], decisions: dict[_Key, Decision]) -> _ItemGold:
    by_cell: dict[_Key, list[Cell]] = {}
    by_annotator: dict[str, list[Cell]] = {}
    seen: set[tuple[str, str, str]] = set()
    for vote in votes:
        mark = (vote.annotator, vote.question, vote.category)
        if mark in seen:
            message = (
                f"item {item_id!r} has two current labels of annotator {vote.annotator!r} for "
                f"question {vote.question!r}, category {vote.category!r}; only one may count"
            )
            raise ReleaseRefused(message)
        seen.add(mark)
        cell = Cell(vote.question, vote.category, vote.value, vote.state)
        by_cell.setdefault((vote.question, vote.category), []).append(cell)
        by_annotator.setdefault(vote.annotator, []).append(cell)
    return _ItemGold(by_cell, by_annotator, decisions)


def _keys_of(rubric: Rubric, question: Question) -> list[_Key]:
    if question.repeat_for is not None:
        options = rubric.question(question.repeat_for).options
    else:
        options = question.options if question.type == "multi" else ()
    return [(question.id, option.id) for option in options] or [(question.id, "")]


def _tally(question: Question, votes: Sequence[Cell]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for cell in votes:
        value = counted_value(question, cell)
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items())) if len(counts) > 1 else counts


def _ruled(question: Question, category: str, decision: Decision) -> str | None:
    if decision.state == "not_asked":
        return structural_value(question, category)
    return decision.value if decision.state == "answered" else None


def _closed_by(question: Question, category: str, state: _ItemGold) -> GoldCell | None:
    """Return the ruled cell of an earlier question that closes this one, if there is one."""
    if question.repeat_for is not None:
        parent = state.gold.get((question.repeat_for, category))
        if parent is not None and parent.basis == "adjudicated" and parent.value == "0":
            return parent
    if question.ask_if is None or truth(question.ask_if, state.answers) is not False:
        return None
    gates = operands(question.ask_if)
    for cell in state.gold.values():
        if cell.question in gates and cell.basis == "adjudicated":
            return cell
    return None


def _read_value(question: Question, value: str) -> str | bool | float:
    if question.type == "boolean":
        return value == "true"
    return float(value) if question.type == "number" else value


def _gold_answer(question: Question, cells: Sequence[GoldCell]) -> Answer | None:
    """Return the gold labels of a question as an answer, or None while any is undecided."""
    values = [cell.value for cell in cells]
    if not cells or None in values:
        return None
    if question.repeat_for is not None:
        per = {cell.category: Answer(_read_value(question, str(cell.value))) for cell in cells}
        return Answer(per=per)
    if question.type == "multi":
        return Answer(tuple(cell.category for cell in cells if cell.value == "1"))
    return Answer(_read_value(question, str(values[0])))


def resolve(
    rubric: Rubric,
    votes: Iterable[Vote],
    decisions: Iterable[Decision],
    min_votes: int,
    *,
    fingerprint: str,
    undecided: Undecided = "open",
) -> Iterator[GoldCell]:
    """Yield the gold set of a project.

    Parameters
    ----------
    rubric : Rubric
        The version the labels were made under.
    votes : iterable of Vote
        Current labels in any order, one per annotator and cell.
    decisions : iterable of Decision
        All rulings, superseded ones included.
    min_votes : int
        Fewer votes than this settle nothing.
    fingerprint : str
        Of the rubric; every cell carries it.
    undecided : {"open", "majority"}
        What an undecided case gives: nothing, or the majority of its votes.

    Yields
    ------
    GoldCell
        By item id, then in the order of the rubric; derived variables come last.
    """
    resolver = Resolver(rubric, fingerprint, min_votes, undecided)
    rulings: dict[str, dict[_Key, Decision]] = {}
    for (item, question, category), decision in in_force(decisions).items():
        rulings.setdefault(item, {})[question, category] = decision
    by_item: dict[str, list[Vote]] = {}
    for vote in votes:
        by_item.setdefault(vote.item, []).append(vote)
    for item_id in sorted(by_item.keys() | rulings.keys()):
        yield from resolver.item(item_id, by_item.get(item_id, []), rulings.get(item_id, {}))


def gold_order(rubric: Rubric) -> dict[_Key, int]:
    """Return the place of every cell, derived variables behind the questions."""
    order = cell_order(rubric)
    for derived in rubric.derived:
        order[derived.id, ""] = len(order)
    return order
