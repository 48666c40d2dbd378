"""A case as the parts of a page: questions to answer, labels side by side, decisions in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotate.services.own_answers import cell_key
from annotate.web.rendering import said
from annotate.web.rendering import translate as _
from rubrics.schema import NO_OPTION, RESPONSES
from tasks.answer_values import (
    category_name,
    every_ranking,
    ranking_text,
    ranking_words,
    span_words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from annotate.services.case_reading import CaseView, OpenCell, Ruled, Vote
    from rubrics.schema import Question, Rubric

NOT_ASKED = "not_asked"
UNSURE = "unsure"
KEEP = "keep"
RANKED = 3
"""Up to so many options every order of them is offered; the order of more is written."""
NONE = "none"
ALONE = ":"
"""Before an answer that stands alone among the boxes of a multiple choice; no option id has it."""


@dataclass(frozen=True, slots=True)
class CellField:
    """A contested cell as a form field."""

    key: str
    title: str
    help: str
    kind: str
    options: tuple[tuple[str, str, str], ...]
    clauses: tuple[tuple[str, str], ...]
    reason: str
    gap: float | None
    decided: str | None


@dataclass(frozen=True, slots=True)
class BlindField:
    """A question, or a part of one, that is answered blind.

    ``boxes`` when several options can be chosen; those in ``alone`` go with no other.
    """

    key: str
    title: str
    help: str
    kind: str
    options: tuple[tuple[str, str, str], ...]
    alone: tuple[tuple[str, str, str], ...] = ()

    @property
    def boxes(self) -> bool:
        """Whether several options can be chosen."""
        return self.kind == "multi"


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One row of the comparison: a cell, what each annotator said, and the own answer."""

    key: str
    title: str
    contested: bool
    values: tuple[tuple[str, bool], ...]
    own: str


def title_of(rubric: Rubric, question: str, category: str) -> str:
    """Return what a cell is called: its question, and its category where it has one."""
    found = rubric.question(question)
    if not category:
        return found.text
    return f"{found.text} \N{MIDDLE DOT} {category_name(rubric, found, category)}"


def short_title(rubric: Rubric, question: str, category: str) -> str:
    """Return the short name of a cell for narrow tables."""
    found = rubric.question(question)
    words = question.replace("_", " ")
    if not category:
        return words.capitalize()
    name = category_name(rubric, found, category)
    alone = found.type == "multi" and found.options_from != RESPONSES
    return name if alone else f"{name}: {words}"


def fields(case: CaseView) -> tuple[CellField, ...]:
    """Return the contested cells as form fields, in the rubric's order."""
    order = {question.id: index for index, question in enumerate(case.rubric.questions)}
    cells = sorted(case.cells, key=lambda cell: (order[cell.question], cell.category))
    return tuple(_field(case.rubric, cell) for cell in cells)


def blind_fields(case: CaseView) -> tuple[BlindField, ...]:
    """Return the questions at issue whole: a multiple choice as boxes, others cell by cell."""
    found: dict[str, BlindField] = {}
    for cell in case.cells:
        field = _blind_field(case.rubric, cell)
        found.setdefault(field.key, field)
    return tuple(found.values())


def _blind_field(rubric: Rubric, cell: OpenCell) -> BlindField:
    question = rubric.question(cell.question)
    if question.type != "multi":
        return BlindField(
            cell_key(cell.question, cell.category),
            title_of(rubric, cell.question, cell.category),
            _help(question),
            _kind(question),
            (*_options(rubric, question, cell.category), (UNSURE, _("Unsure"), "")),
        )
    alone = [(NONE, _("None of them"), "")]
    if question.ask_if is not None:
        alone.append((NOT_ASKED, _("Was not to be asked"), ""))
    alone.append((UNSURE, _("Unsure"), ""))
    return BlindField(
        cell.question,
        question.text,
        question.help or "",
        question.type,
        tuple((option.id, option.label, str(option.help or "")) for option in question.options),
        tuple((ALONE + value, words, note) for value, words, note in alone),
    )


def unasked(case: CaseView) -> dict[str, str]:
    """Start blind with categories as not in the item, where a question repeats for each."""
    return {
        f"value:{cell_key(cell.question, cell.category)}": NOT_ASKED
        for cell in case.cells
        if case.rubric.question(cell.question).repeat_for is not None
    }


def whole_answer(picked: Sequence[str]) -> dict[str, Any]:
    """Return what the chosen boxes of a multiple choice say."""
    if picked == [ALONE + UNSURE]:
        return {"state": UNSURE}
    if picked == [ALONE + NOT_ASKED]:
        return {"value": NOT_ASKED}
    return {"values": [] if picked == [ALONE + NONE] else list(picked)}


def _field(rubric: Rubric, cell: OpenCell) -> CellField:
    question = rubric.question(cell.question)
    return CellField(
        key=cell_key(cell.question, cell.category),
        title=title_of(rubric, cell.question, cell.category),
        help=_help(question),
        kind=_kind(question),
        options=_options(rubric, question, cell.category),
        clauses=_clauses(rubric, cell.category),
        reason=cell.reason,
        gap=cell.gap,
        decided=cell.decision_id,
    )


def _is_written(question: Question) -> bool:
    return question.type == "ranking" and len(question.options) > RANKED


def _kind(question: Question) -> str:
    return "text" if _is_written(question) else question.type


def _help(question: Question) -> str:
    """Return the hint of a question, and how its answer is written where that is not plain."""
    if not _is_written(question):
        return question.help or ""
    ids = [option.id for option in question.options]
    how = _(
        "Write all of them, the best first: %(order)s", order=ranking_text([[one] for one in ids])
    )
    return f"{question.help} {how}" if question.help else how


def _options(rubric: Rubric, question: Question, category: str) -> tuple[tuple[str, str, str], ...]:
    """Return (value, words, note) of what the cell can hold."""
    found: list[tuple[str, str, str]]
    if question.type == "multi":
        name = category_name(rubric, question, category)
        found = [("1", _("Yes, %(name)s", name=name), ""), ("0", _("No"), "")]
    elif question.type == "boolean":
        found = [("true", _("Yes"), ""), ("false", _("No"), "")]
    elif question.type == "ranking":
        short = len(question.options) <= RANKED
        orders = every_ranking(question) if short else ()
        found = [(one, ranking_words(question, one), "") for one in orders]
    else:
        anchors = _anchors(rubric, category)
        found = [
            (option.id, option.label, str(anchors.get(option.id, option.help or "")))
            for option in question.options
        ]
    if question.ask_if is not None or question.repeat_for is not None:
        found.append((NOT_ASKED, _("Was not to be asked"), ""))
    return tuple(found)


def _anchors(rubric: Rubric, category: str) -> Mapping[str, str]:
    """Return what the steps of a scale mean in a harm category; nothing where it is none."""
    known = {one.id: one.severity_anchors for one in rubric.categories}
    return known.get(category, {})


def _clauses(rubric: Rubric, category: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (clause.id, f"{clause.id} {clause.text}")
        for known in rubric.categories
        if category in {"", known.id}
        for clause in known.clauses
    )


def value_words(rubric: Rubric, question: str, category: str, value: str | None, state: str) -> str:
    """Return a stored value of a question or derived variable in the rubric's words."""
    if state == UNSURE:
        return _("unsure")
    if state == "cannot_assess":
        return _("cannot assess")
    if state == NOT_ASKED or value is None:
        return "\N{EN DASH}"
    derived = any(one.id == question for one in rubric.derived)
    found = None if derived else rubric.question(question)
    if found is None or found.type in {"multi", "boolean"}:
        return _("yes") if value in {"1", "true"} else _("no")
    if found.type in {"ranking", "span"}:
        ranked = found.type == "ranking"
        return ranking_words(found, value) if ranked else said(span_words(found, value))
    labels = {option.id: option.label for option in found.options}
    del category
    return labels.get(value) or (_("none") if value == NO_OPTION else value)


def comparison(case: CaseView) -> tuple[tuple[str, ...], tuple[VoteRow, ...]]:
    """Return the annotators' letters and one row a cell that anybody answered."""
    votes = case.votes or ()
    letters = tuple(sorted({vote.who for vote in votes}, key=lambda who: (len(who), who)))
    contested = {(cell.question, cell.category) for cell in case.cells}
    by_cell: dict[tuple[str, str], dict[str, Vote]] = {}
    for vote in votes:
        by_cell.setdefault((vote.question, vote.category), {})[vote.who] = vote
    order = {question.id: index for index, question in enumerate(case.rubric.questions)}
    keys = sorted(by_cell, key=lambda key: (order[key[0]], key[1]))
    own = case.own or {}
    shown = [
        key
        for key in keys
        if key in contested
        or _says_something(by_cell[key])
        or own.get(cell_key(*key), {}).get("value") not in {None, "0"}
    ]
    return letters, tuple(_row(case, key, by_cell[key], letters, contested) for key in shown)


def _says_something(votes: dict[str, Vote]) -> bool:
    """Leave out options that nobody chose and questions that nobody reached."""
    return any(vote.state != NOT_ASKED and vote.value != "0" for vote in votes.values())


def _row(
    case: CaseView,
    key: tuple[str, str],
    votes: dict[str, Vote],
    letters: tuple[str, ...],
    contested: set[tuple[str, str]],
) -> VoteRow:
    words = {
        who: value_words(case.rubric, *key, vote.value, vote.state) for who, vote in votes.items()
    }
    said = list(words.values())
    most = max(said.count(one) for one in said)
    majority = {one for one in said if said.count(one) == most}
    own = (case.own or {}).get(cell_key(*key))
    mine = ""
    if own is not None:
        mine = value_words(case.rubric, *key, own.get("value"), own.get("state", "answered"))
    return VoteRow(
        cell_key(*key),
        short_title(case.rubric, *key),
        key in contested,
        tuple(
            (
                words.get(who, "\N{EN DASH}"),
                len(majority) == 1 and who in words and words[who] not in majority,
            )
            for who in letters
        ),
        mine,
    )


def ruling_words(case: CaseView, ruled: Ruled) -> str:
    """Return what a decision says."""
    if ruled.kind == "revoke":
        return _("decision revoked")
    if ruled.state == NOT_ASKED:
        return _("was not to be asked")
    if ruled.state == "cannot_assess":
        return _("no value; the distribution is kept")
    return value_words(case.rubric, ruled.question, ruled.category, ruled.value, ruled.state)
