"""Answers in, label cells out: what a rubric accepts as one annotator's submission.

A validator is compiled once per rubric, so that a submission costs a few dictionary look-ups:
cells that can be known beforehand (an option chosen, an option not chosen, not asked) are made
when the validator is compiled and shared, which frozen records allow.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from rubrics.conditions import Answer, describe, evaluate, operands, structural, truth
from tasks.errors import TaskError

if TYPE_CHECKING:
    from rubrics.conditions import AnswerValue
    from rubrics.schema import Number, Question, ReservedAnswer, Rubric

State = Literal["answered", "unsure", "cannot_assess", "not_asked"]
ANSWERED: Final = "answered"
NOT_ASKED: Final = "not_asked"
MAX_TEXT: Final = 10_000
MAX_REASON: Final = 500
MAX_SPANS: Final = 200
MAX_CLAUSES: Final = 20
MAX_NUMBER: Final = 1e15

_KEYS: Final = frozenset({"value", "state", "reason", "clauses", "per"})
_SPAN_KEYS: Final = frozenset({"target", "start", "end", "label"})
_REFUSED_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SPAN_TARGET = re.compile(r"(?:text|prompt|response|message:(?:0|[1-9][0-9]{0,5}))\Z")
_SPAN_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("prompt",),
    "response": ("response",),
    "text": ("text",),
    "messages": ("message:",),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One label: what one question (for one category) got.

    Attributes
    ----------
    question, category : str
        Ids; the category is empty where the question has no categories.
    value : str or None
        Option id, ``true``/``false``, ``1``/``0``, canonical number, text, or spans as canonical
        JSON; None unless the state is ``answered``.
    state : str
        ``answered``, ``unsure``, ``cannot_assess`` or ``not_asked``.
    clauses : tuple of str
        Ids of the clauses cited.
    reason : str or None
        Why a reserved answer was given.
    """

    question: str
    category: str
    value: str | None
    state: State
    clauses: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LabelProblem:
    """Why an answer cannot be taken."""

    question: str
    category: str
    code: str
    message: str
    condition: str | None = None


class LabelsRefused(TaskError):
    """A submission that breaks its rubric; carries every problem found."""

    def __init__(self, problems: Sequence[LabelProblem]) -> None:
        """Keep the problems in the order of the questions."""
        self.problems: tuple[LabelProblem, ...] = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


class _Refused(Exception):
    """Leaves the reading of one answer; never leaves this module."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Read(NamedTuple):
    """A value that was accepted: as conditions see it, and as it is stored."""

    answer: Answer
    stored: str | None


_Texts = Mapping[str, str] | None
_Reader = Callable[[object, _Texts], _Read]


def _name(value: object) -> str:
    words = {bool: "true or false", str: "text", int: "a number", float: "a number"}
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "an object"
    return words.get(type(value), "a list")


def _choice_reader(question: Question) -> _Reader:
    known = {option.id: _Read(Answer(option.id), option.id) for option in question.options}
    listed = ", ".join(known)

    def read(value: object, _: _Texts) -> _Read:
        if not isinstance(value, str):
            raise _Refused("wrong_type", f"takes one option id, not {_name(value)}")
        found = known.get(value)
        if found is None:
            raise _Refused("unknown_option", f"has no option {_short(value)}; it has {listed}")
        return found

    return read


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "…").encode("utf-8", "replace").decode()


def _refuse_option(value: object, known: Mapping[str, object]) -> None:
    if not isinstance(value, str):
        raise _Refused("wrong_type", f"takes option ids, not {_name(value)}")
    listed = ", ".join(known)
    raise _Refused("unknown_option", f"has no option {_short(value)}; it has {listed}")


def _multi_reader(question: Question) -> _Reader:
    known = {option.id: option for option in question.options}
    low = int(question.min or 0)
    high = len(known) if question.max is None else int(question.max)

    def read(value: object, _: _Texts) -> _Read:
        if not isinstance(value, list | tuple):
            raise _Refused("wrong_type", f"takes a list of option ids, not {_name(value)}")
        for one in value:
            if not isinstance(one, str) or one not in known:
                _refuse_option(one, known)
        if len(set(value)) != len(value):
            raise _Refused("too_many", "names an option twice")
        if len(value) < low:
            raise _Refused("too_few", f"needs at least {low} of its options")
        if len(value) > high:
            raise _Refused("too_many", f"takes at most {high} of its options")
        return _Read(Answer(tuple(value)), None)

    return read


_TRUE: Final = _Read(Answer(value=True), "true")
_FALSE: Final = _Read(Answer(value=False), "false")


def _boolean_reader(_: Question) -> _Reader:
    def read(value: object, _: _Texts) -> _Read:
        if not isinstance(value, bool):
            raise _Refused("wrong_type", f"takes true or false, not {_name(value)}")
        return _TRUE if value else _FALSE

    return read


def canonical_number(value: Number) -> str:
    """Return the one text form of a number: no exponent sign, no trailing zero for whole ones."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _number_reader(question: Question) -> _Reader:
    low, high = question.min, question.max

    def read(value: object, _: _Texts) -> _Read:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _Refused("wrong_type", f"takes a number, not {_name(value)}")
        if not math.isfinite(value) or abs(value) > MAX_NUMBER:
            raise _Refused("out_of_range", "takes a finite number of at most 15 digits")
        if low is not None and value < low:
            raise _Refused("out_of_range", f"must be at least {low:g}")
        if high is not None and value > high:
            raise _Refused("out_of_range", f"must be at most {high:g}")
        return _Read(Answer(value), canonical_number(value))

    return read


def _plain_text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise _Refused("wrong_type", f"takes text, not {_name(value)}")
    if len(value) > limit:
        raise _Refused("bad_text", f"takes at most {limit:,} characters, not {len(value):,}")
    bad = _REFUSED_TEXT.search(value)
    if bad is not None:
        where = f"U+{ord(bad.group()):04X} at character {bad.start() + 1}"
        raise _Refused("bad_text", f"holds a character that cannot be kept: {where}")
    return value


def _text_reader(question: Question) -> _Reader:
    limit = question.max_chars or MAX_TEXT

    def read(value: object, _: _Texts) -> _Read:
        text = _plain_text(value, limit)
        return _Read(Answer(text), text)

    return read


def _offset(span: Mapping[str, object], key: str) -> int:
    value = span.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise _Refused("bad_span", f"a span needs {key!r}, a whole number from 0")
    return value


def _span_target(span: Mapping[str, object], allowed: tuple[str, ...], texts: _Texts) -> str:
    target = span.get("target")
    if not isinstance(target, str) or _SPAN_TARGET.match(target) is None:
        message = "a span's target is text, prompt, response or message:<index>"
        raise _Refused("bad_span", message)
    if allowed and not target.startswith(allowed):
        raise _Refused("bad_span", f"takes spans in {allowed[0].rstrip(':')} only, not in {target}")
    if texts is not None and target not in texts:
        raise _Refused("bad_span", f"the item has no {target}")
    return target


def _span_label(span: Mapping[str, object], labels: frozenset[str]) -> dict[str, str]:
    label = span.get("label")
    if label is None and not labels:
        return {}
    if not isinstance(label, str) or label not in labels:
        known = ", ".join(sorted(labels)) or "none"
        raise _Refused("unknown_option", f"a span's label is one of: {known}")
    return {"label": label}


def _span(
    value: object, allowed: tuple[str, ...], labels: frozenset[str], texts: _Texts
) -> dict[str, str | int]:
    if not isinstance(value, Mapping):
        raise _Refused("bad_span", f"a span is an object, not {_name(value)}")
    extra = [str(key) for key in value if key not in _SPAN_KEYS]
    if extra:
        raise _Refused("unknown_key", f"a span has no key {_short(extra[0])}")
    target = _span_target(value, allowed, texts)
    start, end = _offset(value, "start"), _offset(value, "end")
    if start >= end:
        raise _Refused("bad_span", f"a span ends after it starts, not {start} to {end}")
    if texts is not None and end > len(texts[target]):
        size = len(texts[target])
        raise _Refused("bad_span", f"{target} has {size} characters; the span ends at {end}")
    return {"end": end, "start": start, "target": target, **_span_label(value, labels)}


def _span_order(span: dict[str, str | int]) -> tuple[str, int, int, str]:
    return (
        str(span["target"]),
        int(span["start"]),
        int(span["end"]),
        str(span.get("label", "")),
    )


def _span_reader(question: Question) -> _Reader:
    allowed = _SPAN_PREFIXES.get(question.target or "", ())
    labels = frozenset(option.id for option in question.options)
    low = int(question.min or 0)
    high = MAX_SPANS if question.max is None else int(question.max)

    def read(value: object, texts: _Texts) -> _Read:
        if not isinstance(value, list | tuple):
            raise _Refused("wrong_type", f"takes a list of spans, not {_name(value)}")
        if not low <= len(value) <= high:
            code = "too_few" if len(value) < low else "too_many"
            raise _Refused(code, f"takes {low} to {high} spans, not {len(value)}")
        spans = sorted((_span(one, allowed, labels, texts) for one in value), key=_span_order)
        if any(one == other for one, other in pairwise(spans)):
            raise _Refused("bad_span", "names the same span twice")
        stored = json.dumps(spans, sort_keys=True, separators=(",", ":"))
        return _Read(Answer(stored), stored)

    return read


_READERS: Final[Mapping[str, Callable[[Question], _Reader]]] = {
    "single": _choice_reader,
    "ordinal": _choice_reader,
    "multi": _multi_reader,
    "boolean": _boolean_reader,
    "number": _number_reader,
    "text": _text_reader,
    "span": _span_reader,
}


def _reason(raw: Mapping[str, object], state: str, rule: ReservedAnswer) -> str | None:
    given = raw.get("reason")
    if given is None or given == "":
        if rule.needs_reason:
            raise _Refused("reason_needed", f"needs a reason for {state.replace('_', ' ')}")
        return None
    reason = _plain_text(given, MAX_REASON)
    if rule.reasons and reason not in rule.reasons:
        known = ", ".join(rule.reasons)
        raise _Refused("reason_needed", f"takes one of these reasons: {known}")
    return reason


class _Slot(NamedTuple):
    """One answer as it was read: its place, its state and what goes with it."""

    read: _Read
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
        self._read = _READERS[question.type](question)
        self._reserved = _reserved_rules(question, rubric)
        self._owners = _clause_owners(question, rubric)
        self._options = _categories_of(question, rubric)
        self.not_asked = tuple(Cell(self.id, one, None, NOT_ASKED) for one in self._options)
        self._chosen = {one: Cell(self.id, one, "1", ANSWERED) for one in self._options}
        self._unchosen = {one: Cell(self.id, one, "0", ANSWERED) for one in self._options}
        self._single = {
            option.id: Cell(self.id, "", option.id, ANSWERED) for option in question.options
        }

    def slot(self, raw: object, texts: _Texts) -> _Slot | None:
        """Read one answer; None when it is empty."""
        if not isinstance(raw, Mapping):
            raise _Refused("wrong_type", f"takes an answer object, not {_name(raw)}")
        if not raw.keys() <= _KEYS:
            extra = next(str(key) for key in raw if key not in _KEYS)
            raise _Refused("unknown_key", f"an answer has no key {_short(extra)}")
        state = raw.get("state", ANSWERED)
        if state != ANSWERED:
            return self._reserved_slot(raw, state)
        if "reason" in raw:
            raise _Refused("unknown_key", "takes a reason only with a reserved answer")
        value = raw.get("value")
        if value is None or (value == "" and self.question.type == "text"):
            return None
        clauses = self._clauses(raw["clauses"]) if "clauses" in raw else ()
        return _Slot(self._read(value, texts), ANSWERED, clauses, None)

    def _reserved_slot(self, raw: Mapping[str, object], state: object) -> _Slot:
        if state not in {"unsure", "cannot_assess"}:
            message = "has a state other than answered, unsure or cannot_assess"
            raise _Refused("wrong_type", message)
        name: State = "unsure" if state == "unsure" else "cannot_assess"
        rule = self._reserved.get(name)
        if rule is None or not rule.allowed:
            raise _Refused("reserved_not_allowed", f"does not take {name.replace('_', ' ')}")
        if raw.get("value") is not None or raw.get("per") is not None:
            raise _Refused("unknown_key", f"takes no value beside {name.replace('_', ' ')}")
        clauses = self._clauses(raw["clauses"]) if "clauses" in raw else ()
        return _Slot(_Read(Answer(None, name), None), name, clauses, _reason(raw, name, rule))

    def _clauses(self, given: object) -> tuple[str, ...]:
        if not isinstance(given, list | tuple) or len(given) > MAX_CLAUSES:
            message = f"takes a list of at most {MAX_CLAUSES} clause ids"
            raise _Refused("wrong_type", message)
        for one in given:
            if not isinstance(one, str) or one not in self._owners:
                word = _short(one) if isinstance(one, str) else _name(one)
                raise _Refused("unknown_clause", f"cites {word}, which is no clause it may cite")
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

    def __init__(self, answers: Mapping[str, object], texts: _Texts) -> None:
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
        place = f" for {category!r}" if category else ""
        words = f"question {one.id!r}{place} {message}"
        self.problems.append(LabelProblem(one.id, category, code, words))
        self._broken.add(one.id)

    def _closed(self, one: _Question, why: str | None = None) -> None:
        if self.answers.get(one.id) is not None:
            words = why or one.words
            message = f"question {one.id!r} is closed: it is asked only when {words}"
            self.problems.append(LabelProblem(one.id, "", "closed_by_condition", message, words))
        self.cells.extend(one.not_asked)

    def _missing(self, one: _Question, category: str = "") -> None:
        condition = one.question.required_if
        if one.question.required:
            self._refuse(one, "missing", "needs an answer", category)
        elif condition is not None and evaluate(condition, self.opened):
            self._refuse(one, "missing", "needs an answer after what was answered", category)

    def _slot(self, one: _Question, raw: object, category: str = "") -> _Slot | None:
        if raw is None:
            self._missing(one, category)
            return None
        try:
            slot = one.slot(raw, self.texts)
        except _Refused as refusal:
            self._refuse(one, refusal.code, str(refusal), category)
            return None
        if slot is None:
            self._missing(one, category)
        return slot

    def _plain(self, one: _Question) -> None:
        raw = self.answers.get(one.id)
        if isinstance(raw, Mapping) and "per" in raw:
            self._refuse(one, "unknown_key", "is not asked per category: it takes no 'per'")
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
            self._refuse(one, "wrong_type", "takes one answer per category, under 'per'")
            return None
        per = raw.get("per")
        if not isinstance(per, Mapping):
            self._refuse(one, "wrong_type", f"takes an object under 'per', not {_name(per)}")
            return None
        return per

    def _not_chosen(self, one: _Question, category: str) -> None:
        words = f"{_short(category)} is chosen in “{one.parent}”"
        message = (
            f"question {one.id!r} is closed for {_short(category)}: it is asked only when {words}"
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
            message = f"answers must be an object by question id, not {_name(answers)}"
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
                f"the rubric asks no question {_short(str(key))}",
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


def _cell_value(question: Question, cell: Cell) -> AnswerValue:
    if cell.value is None:
        return None
    if question.type == "boolean":
        return cell.value == "true"
    return float(cell.value) if question.type == "number" else cell.value


def _multi_answer(cells: Sequence[Cell]) -> Answer:
    if cells[0].state != ANSWERED:
        return Answer(None, cells[0].state)
    return Answer(tuple(cell.category for cell in cells if cell.value == "1"))


def _repeated_answer(question: Question, cells: Sequence[Cell]) -> Answer:
    per = {cell.category: Answer(_cell_value(question, cell), cell.state) for cell in cells}
    if all(answer.state == NOT_ASKED for answer in per.values()):
        return Answer(None, NOT_ASKED)
    return Answer(per=per)


def answers_of(rubric: Rubric, cells: Sequence[Cell]) -> dict[str, Answer]:
    """Return stored label cells of one annotation as answers by question, for conditions."""
    grouped: dict[str, list[Cell]] = {}
    for cell in cells:
        grouped.setdefault(cell.question, []).append(cell)
    found: dict[str, Answer] = {}
    for question_id, own in grouped.items():
        question = rubric.question(question_id)
        if question.repeat_for is not None:
            found[question_id] = _repeated_answer(question, own)
        elif question.type == "multi":
            found[question_id] = _multi_answer(own)
        else:
            found[question_id] = Answer(_cell_value(question, own[0]), own[0].state)
    return found


def derive(rubric: Rubric, answers_by_question: Mapping[str, Answer]) -> dict[str, bool | None]:
    """Return the derived variables of one annotation.

    Parameters
    ----------
    rubric : Rubric
    answers_by_question : mapping of str to Answer
        As `answers_of` gives them. A question that was not asked counts as the structural value
        its rubric declares.

    Returns
    -------
    dict of str to bool or None
        None where the answers do not settle the condition.
    """
    settled = dict(answers_by_question)
    for question in rubric.questions:
        answer = settled.get(question.id)
        stand_in = structural(question)
        if stand_in is not None and answer is not None and answer.state == NOT_ASKED:
            settled[question.id] = stand_in
    return {one.id: truth(one.when, settled) for one in rubric.derived}


def derived_cells(rubric: Rubric, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Return derived variables as cells; the ones the answers do not settle are left out."""
    values = derive(rubric, answers_of(rubric, cells))
    return tuple(
        Cell(name, "", "true" if value else "false", ANSWERED)
        for name, value in values.items()
        if value is not None
    )
