"""Answers in, label cells out: what a rubric accepts as one annotator's submission.

A validator is compiled once per rubric, so that a submission costs a few dictionary look-ups:
cells that can be known beforehand (an option chosen, an option not chosen, not asked) are made
when the validator is compiled and shared, which frozen records allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rubrics.conditions import Answer, describe, evaluate, operands
from rubrics.sentences import Sentence
from tasks.answer_values import (
    READERS,
    Read,
    Refused,
    Texts,
    canonical_number,
    kind_of,
    plain_text,
    short,
)
from tasks.cells import (
    ANSWERED,
    NOT_ASKED,
    Cell,
    LabelProblem,
    LabelsRefused,
    State,
    answers_of,
    derive,
    derived_cells,
)

if TYPE_CHECKING:
    from rubrics.schema import Question, ReservedAnswer, Rubric

__all__ = [
    "Cell",
    "LabelProblem",
    "LabelValidator",
    "LabelsRefused",
    "State",
    "answers_of",
    "canonical_number",
    "compile_validator",
    "derive",
    "derived_cells",
    "validate_answers",
]

MAX_REASON: Final = 500
MAX_CLAUSES: Final = 20

_KEYS: Final = frozenset({"value", "state", "reason", "clauses", "per"})


def _reason(raw: Mapping[str, object], state: str, rule: ReservedAnswer) -> str | None:
    given = raw.get("reason")
    if given is None or given == "":
        if rule.needs_reason:
            raise Refused(
                "reason_needed",
                Sentence("needs a reason for %(state)s", state=Sentence(state.replace("_", " "))),
            )
        return None
    reason = plain_text(given, MAX_REASON)
    if rule.reasons and reason not in rule.reasons:
        known = ", ".join(rule.reasons)
        raise Refused(
            "reason_needed", Sentence("takes one of these reasons: %(known)s", known=known)
        )
    return reason


class _Slot(NamedTuple):
    """One answer as it was read: its place, its state and what goes with it."""

    read: Read
    state: State
    clauses: tuple[str, ...]
    reason: str | None


class _Question:
    """One question of a rubric, ready to read answers."""

    def __init__(self, question: Question, rubric: Rubric) -> None:
        self.id = question.id
        self.question = question
        self.ask_if = question.ask_if
        self.words = None if question.ask_if is None else describe(question.ask_if, rubric)
        self.hinges = _hinges(question)
        self.parent = question.repeat_for
        self._read = READERS[question.type](question)
        self._reserved = _reserved_rules(question, rubric)
        self._owners = _clause_owners(question, rubric)
        self._options = _categories_of(question, rubric)
        self.not_asked = tuple(Cell(self.id, one, None, NOT_ASKED) for one in self._options)
        self._chosen = {one: Cell(self.id, one, "1", ANSWERED) for one in self._options}
        self._unchosen = {one: Cell(self.id, one, "0", ANSWERED) for one in self._options}
        self._single = {
            option.id: Cell(self.id, "", option.id, ANSWERED) for option in question.options
        }

    def slot(self, raw: object, texts: Texts) -> _Slot | None:
        """Read one answer; None when it is empty."""
        if not isinstance(raw, Mapping):
            raise Refused(
                "wrong_type", Sentence("takes an answer object, not %(kind)s", kind=kind_of(raw))
            )
        if not raw.keys() <= _KEYS:
            extra = next(str(key) for key in raw if key not in _KEYS)
            raise Refused(
                "unknown_key", Sentence("an answer has no key %(extra)s", extra=short(extra))
            )
        state = raw.get("state", ANSWERED)
        if state != ANSWERED:
            return self._reserved_slot(raw, state)
        if "reason" in raw:
            raise Refused("unknown_key", Sentence("takes a reason only with a reserved answer"))
        value = raw.get("value")
        if value is None or (value == "" and self.question.type == "text"):
            return None
        clauses = self._clauses(raw["clauses"]) if "clauses" in raw else ()
        return _Slot(self._read(value, texts), ANSWERED, clauses, None)

    def _reserved_slot(self, raw: Mapping[str, object], state: object) -> _Slot:
        if not isinstance(state, str) or state not in {"unsure", "cannot_assess"}:
            message = Sentence("has a state other than answered, unsure or cannot_assess")
            raise Refused("wrong_type", message)
        name: State = "unsure" if state == "unsure" else "cannot_assess"
        rule = self._reserved.get(name)
        if rule is None or not rule.allowed:
            raise Refused(
                "reserved_not_allowed",
                Sentence("does not take %(state)s", state=Sentence(name.replace("_", " "))),
            )
        if raw.get("value") is not None or raw.get("per") is not None:
            raise Refused(
                "unknown_key",
                Sentence("takes no value beside %(state)s", state=Sentence(name.replace("_", " "))),
            )
        clauses = self._clauses(raw["clauses"]) if "clauses" in raw else ()
        return _Slot(Read(Answer(None, name), None), name, clauses, _reason(raw, name, rule))

    def _clauses(self, given: object) -> tuple[str, ...]:
        if not isinstance(given, list | tuple) or len(given) > MAX_CLAUSES:
            message = Sentence("takes a list of at most %(n)s clause ids", n=MAX_CLAUSES)
            raise Refused("wrong_type", message)
        for one in given:
            if not isinstance(one, str) or one not in self._owners:
                word = short(one) if isinstance(one, str) else kind_of(one)
                raise Refused(
                    "unknown_clause",
                    Sentence("cites %(clause)s, which is no clause it may cite", clause=word),
                )
        return tuple(dict.fromkeys(given))

    def cells(self, slot: _Slot, category: str = "") -> tuple[Cell, ...]:
        """Return the label cells of an answer that was read."""
        if self.question.type == "multi":
            return self._multi_cells(slot)
        if slot.read.stored in self._single and not (slot.clauses or category):
            return (self._single[slot.read.stored],)
        value = slot.read.stored
        return (Cell(self.id, category, value, slot.state, slot.clauses, slot.reason),)

    def _multi_cells(self, slot: _Slot) -> tuple[Cell, ...]:
        value = slot.read.answer.value
        chosen = value if isinstance(value, tuple) else ()
        if slot.state == ANSWERED and not slot.clauses:
            have, not_have = self._chosen, self._unchosen
            return tuple([have[one] if one in chosen else not_have[one] for one in self._options])
        return tuple(self._multi_cell(one, slot, one in chosen) for one in self._options)

    def _multi_cell(self, option: str, slot: _Slot, chosen: bool) -> Cell:  # noqa: FBT001
        mine = tuple(one for one in slot.clauses if self._owners[one] in {option, ""})
        value = None if slot.state != ANSWERED else str(int(chosen))
        return Cell(self.id, option, value, slot.state, mine, slot.reason)

    def repeated(self, per: Mapping[str, _Slot]) -> tuple[Cell, ...]:
        """Return one cell per option of the question this one repeats for."""
        return tuple(
            self.cells(per[cell.category], cell.category)[0] if cell.category in per else cell
            for cell in self.not_asked
        )


def _hinges(question: Question) -> frozenset[str]:
    found = frozenset() if question.ask_if is None else operands(question.ask_if)
    return found if question.repeat_for is None else found | {question.repeat_for}


def _reserved_rules(question: Question, rubric: Rubric) -> Mapping[str, ReservedAnswer]:
    if not question.takes_reserved:
        return {}
    return {"unsure": rubric.reserved.unsure, "cannot_assess": rubric.reserved.cannot_assess}


def _clause_owners(question: Question, rubric: Rubric) -> Mapping[str, str]:
    if not question.cite:
        return {}
    of_options = {option.id for option in question.options}
    return {
        clause.id: category.id if category.id in of_options else ""
        for category in rubric.categories
        for clause in category.clauses
    }


def _categories_of(question: Question, rubric: Rubric) -> tuple[str, ...]:
    if question.repeat_for is not None:
        parent = rubric.question(question.repeat_for)
        return tuple(option.id for option in parent.options)
    if question.type == "multi":
        return tuple(option.id for option in question.options)
    return ("",)


class _Run:
    """One submission on its way through a validator."""

    def __init__(self, answers: Mapping[str, object], texts: Texts) -> None:
        self.answers = answers
        self.texts = texts
        self.problems: list[LabelProblem] = []
        self.cells: list[Cell] = []
        self.opened: dict[str, Answer] = {}
        self._broken: set[str] = set()

    def take(self, one: _Question) -> None:
        """Read one question's answer."""
        if self._broken and not self._broken.isdisjoint(one.hinges):
            # Whether it is open hangs on an answer that was refused: one mistake, one message.
            self._broken.add(one.id)
            return
        if one.ask_if is not None and not evaluate(one.ask_if, self.opened):
            self._closed(one)
        elif one.parent is not None:
            self._repeated(one, one.parent)
        else:
            self._plain(one)

    def _refuse(self, one: _Question, code: str, message: str, category: str = "") -> None:
        place = Sentence(" for %(category)s", category=repr(category)) if category else ""
        words = Sentence(
            "question %(question)s%(place)s %(message)s",
            question=repr(one.id),
            place=place,
            message=message,
        )
        self.problems.append(LabelProblem(one.id, category, code, words))
        self._broken.add(one.id)

    def _closed(self, one: _Question, why: str | None = None) -> None:
        if self.answers.get(one.id) is not None:
            words = why or one.words
            message = Sentence(
                "question %(question)s is closed: it is asked only when %(words)s",
                question=repr(one.id),
                words=words,
            )
            self.problems.append(LabelProblem(one.id, "", "closed_by_condition", message, words))
        self.cells.extend(one.not_asked)

    def _missing(self, one: _Question, category: str = "") -> None:
        condition = one.question.required_if
        if one.question.required:
            self._refuse(one, "missing", Sentence("needs an answer"), category)
        elif condition is not None and evaluate(condition, self.opened):
            self._refuse(
                one, "missing", Sentence("needs an answer after what was answered"), category
            )

    def _slot(self, one: _Question, raw: object, category: str = "") -> _Slot | None:
        if raw is None:
            self._missing(one, category)
            return None
        try:
            slot = one.slot(raw, self.texts)
        except Refused as refusal:
            self._refuse(one, refusal.code, str(refusal), category)
            return None
        if slot is None:
            self._missing(one, category)
        return slot

    def _plain(self, one: _Question) -> None:
        raw = self.answers.get(one.id)
        if isinstance(raw, Mapping) and "per" in raw:
            self._refuse(
                one, "unknown_key", Sentence("is not asked per category: it takes no 'per'")
            )
            return
        slot = self._slot(one, raw)
        if slot is not None:
            self.opened[one.id] = slot.read.answer
            self.cells.extend(one.cells(slot))

    def _repeated(self, one: _Question, parent_id: str) -> None:
        parent = self.opened.get(parent_id)
        chosen = _chosen(parent)
        if not chosen:
            self._closed(one, f"something is chosen in “{parent_id}”")
            return
        raw = self.answers.get(one.id)
        if isinstance(raw, Mapping) and "per" not in raw and raw.get("state", ANSWERED) != ANSWERED:
            slot = self._slot(one, raw)
            per = {} if slot is None else dict.fromkeys(chosen, slot)
        else:
            per = self._per(one, raw, chosen)
        if one.id not in self._broken:
            self.opened[one.id] = Answer(per={key: slot.read.answer for key, slot in per.items()})
            self.cells.extend(self._repeated_cells(one, per, chosen))

    @staticmethod
    def _repeated_cells(
        one: _Question, per: Mapping[str, _Slot], chosen: Sequence[str]
    ) -> tuple[Cell, ...]:
        cells = one.repeated(per)
        left_out = set(chosen) - per.keys()
        return tuple(cell for cell in cells if cell.category not in left_out)

    def _per(self, one: _Question, raw: object, chosen: Sequence[str]) -> dict[str, _Slot]:
        given = self._given(one, raw)
        if given is None:
            return {}
        for category in given:
            if category not in chosen:
                self._not_chosen(one, str(category))
        found = {key: self._slot(one, given.get(key), key) for key in chosen}
        return {key: slot for key, slot in found.items() if slot is not None}

    def _given(self, one: _Question, raw: object) -> Mapping[str, object] | None:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping) or not raw.keys() <= {"per"}:
            self._refuse(one, "wrong_type", Sentence("takes one answer per category, under 'per'"))
            return None
        per = raw.get("per")
        if not isinstance(per, Mapping):
            self._refuse(
                one,
                "wrong_type",
                Sentence("takes an object under 'per', not %(kind)s", kind=kind_of(per)),
            )
            return None
        return per

    def _not_chosen(self, one: _Question, category: str) -> None:
        words = Sentence(
            "%(category)s is chosen in “%(parent)s”", category=short(category), parent=one.parent
        )
        message = Sentence(
            "question %(question)s is closed for %(category)s: it is asked only when %(words)s",
            question=repr(one.id),
            category=short(category),
            words=words,
        )
        self.problems.append(
            LabelProblem(one.id, category[:64], "closed_by_condition", message, words)
        )


def _chosen(parent: Answer | None) -> tuple[str, ...]:
    if parent is None or parent.state != ANSWERED:
        return ()
    if isinstance(parent.value, tuple):
        return parent.value
    return (parent.value,) if isinstance(parent.value, str) else ()


class LabelValidator:
    """Reads submissions under one rubric."""

    def __init__(self, rubric: Rubric) -> None:
        """Compile the rubric's questions."""
        self._questions = tuple(_Question(question, rubric) for question in rubric.questions)
        self._ids = frozenset(question.id for question in rubric.questions)

    def validate(
        self, answers: object, item_texts: Mapping[str, str] | None = None
    ) -> tuple[Cell, ...]:
        """Return the label cells of a submission.

        Parameters
        ----------
        answers : mapping
            Answers by question id, as they came from JSON.
        item_texts : mapping of str to str, optional
            The item's texts by span target, so that spans can be checked against them.

        Returns
        -------
        tuple of Cell
            In the order of the rubric's questions; closed questions as ``not_asked``.

        Raises
        ------
        LabelsRefused
            With every problem of the submission.
        """
        if not isinstance(answers, Mapping):
            message = Sentence(
                "answers must be an object by question id, not %(kind)s", kind=kind_of(answers)
            )
            raise LabelsRefused([LabelProblem("", "", "wrong_type", message)])
        run = _Run(answers, item_texts)
        if not answers.keys() <= self._ids:
            run.problems.extend(self._unknown(answers))
        for question in self._questions:
            run.take(question)
        if run.problems:
            raise LabelsRefused(run.problems)
        return tuple(run.cells)

    def _unknown(self, answers: Mapping[str, object]) -> list[LabelProblem]:
        return [
            LabelProblem(
                str(key)[:64],
                "",
                "unknown_question",
                Sentence("the rubric asks no question %(key)s", key=short(str(key))),
            )
            for key in answers
            if key not in self._ids
        ]


@lru_cache(maxsize=64)
def compile_validator(rubric: Rubric) -> LabelValidator:
    """Return the validator of a rubric, compiled on first use."""
    return LabelValidator(rubric)


def validate_answers(
    rubric: Rubric,
    answers: object,
    item_texts: Mapping[str, str] | None = None,
) -> tuple[Cell, ...]:
    """Return the label cells of a submission; see `LabelValidator.validate`."""
    return compile_validator(rubric).validate(answers, item_texts)
