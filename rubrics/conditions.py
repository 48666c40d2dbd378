"""Conditions as data: evaluated in three values, described in words.

An operand that was not answered (missing, unsure, cannot assess, not asked) makes a comparison
*unknown*. Unknown spreads as in Kleene's logic, and a condition that stays unknown does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rubrics.schema import NO_OPTION, AllOf, AnyOf, Compare, Condition, Not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rubrics.schema import Question, Rubric

AnswerValue = str | bool | int | float | tuple[str, ...] | None
ANSWERED = "answered"
NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Answer:
    """One annotator's answer to one question, already read.

    Attributes
    ----------
    value : str, bool, number, tuple of str or None
        Option id, truth value, number or text; a tuple of option ids for several choices.
    state : str
        ``answered``, ``unsure``, ``cannot_assess`` or ``not_asked``.
    per : mapping of str to Answer or None
        For a repeated question, the answer per option of the question it repeats for.
    """

    value: AnswerValue = None
    state: str = ANSWERED
    per: Mapping[str, Answer] | None = None


Answers = Mapping[str, Answer]
Truth = bool | None


def _chosen(value: AnswerValue) -> frozenset[str]:
    if isinstance(value, tuple):
        return frozenset(value)
    if isinstance(value, bool):
        return frozenset(("true",) if value else ("false",))
    return frozenset((value,)) if isinstance(value, str) else frozenset()


def _compare_number(test: Compare, value: float) -> bool:
    bound = test.value
    if not isinstance(bound, int | float):
        return False
    if test.op == "at_least":
        return value >= bound
    if test.op == "at_most":
        return value <= bound
    return test.op == "is" and value == bound


def _compare_value(test: Compare, value: AnswerValue) -> bool:
    if test.op == "chosen":
        given = bool(value) if isinstance(value, tuple | str) else value is not None
        return given is bool(test.value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _compare_number(test, value)
    meets = not _chosen(value).isdisjoint(test.accepts or ())
    return not meets if test.op == "none_of" else meets


def _compare_repeated(test: Compare, per: Mapping[str, Answer]) -> Truth:
    reached = [answer for answer in per.values() if answer.state != NOT_ASKED]
    truths = [_compare(test, answer) for answer in reached]
    return _all(truths) if test.op == "none_of" else _any(truths)


def _compare(test: Compare, answer: Answer | None) -> Truth:
    if answer is None:
        return None
    if answer.per is not None:
        return _compare_repeated(test, answer.per)
    return None if answer.state != ANSWERED else _compare_value(test, answer.value)


def _all(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


def _any(truths: list[Truth]) -> Truth:
    if True in truths:
        return True
    return None if None in truths else False


def truth(condition: Condition, answers: Answers) -> Truth:
    """Return whether a condition holds, or None when the answers do not settle it."""
    if isinstance(condition, Compare):
        return _compare(condition, answers.get(condition.question))
    if isinstance(condition, Not):
        inner = truth(condition.part, answers)
        return None if inner is None else not inner
    truths = [truth(part, answers) for part in condition.parts]
    return _all(truths) if isinstance(condition, AllOf) else _any(truths)


def evaluate(condition: Condition, answers: Answers) -> bool:
    """Return whether a condition holds for certain.

    Parameters
    ----------
    condition : Condition
        A condition of a loaded rubric.
    answers : mapping of str to Answer
        Answers by question id.

    Returns
    -------
    bool
        False also when an operand it hinges on is missing, unsure or was not asked.
    """
    return truth(condition, answers) is True


def comparisons(condition: Condition) -> Iterator[Compare]:
    """Yield every comparison inside a condition, in order."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, Not):
        yield from comparisons(condition.part)
    else:
        for part in condition.parts:
            yield from comparisons(part)


def operands(condition: Condition) -> frozenset[str]:
    """Return the ids of the questions a condition looks at."""
    return frozenset(test.question for test in comparisons(condition))


def _open(question: Question, opened: Mapping[str, Answer]) -> bool:
    if question.ask_if is not None and not evaluate(question.ask_if, opened):
        return False
    if question.repeat_for is None:
        return True
    parent = opened.get(question.repeat_for)
    return parent is not None and parent.state == ANSWERED and bool(parent.value)


def asked(rubric: Rubric, answers: Answers) -> set[str]:
    """Return the ids of the questions that are open for these answers.

    Questions are looked at in order, and the answer to a closed question counts for nothing, so
    that closing one question closes whatever hangs on it.
    """
    opened: dict[str, Answer] = {}
    ids: set[str] = set()
    for question in rubric.questions:
        if not _open(question, opened):
            continue
        ids.add(question.id)
        if question.id in answers:
            opened[question.id] = answers[question.id]
    return ids


def structural(question: Question) -> Answer | None:
    """Return what a closed question stands for among all annotators, or None when missing."""
    if question.when_not_asked is None:
        return None
    if question.when_not_asked != NO_OPTION:
        value = question.when_not_asked
        return Answer((value,) if question.type == "multi" else value)
    return Answer(())


_Words = Callable[[Compare, "Rubric"], str]


def _label(rubric: Rubric, question_id: str, option_id: str) -> str:
    for question in rubric.questions:
        if question.id == question_id:
            for option in question.options:
                if option.id == option_id:
                    return option.label
    return option_id


def _listed(test: Compare, rubric: Rubric) -> str:
    ids = test.value if isinstance(test.value, tuple) else (str(test.value),)
    return ", ".join(f"“{_label(rubric, test.question, one)}”" for one in ids)


def _is_words(test: Compare, rubric: Rubric) -> str:
    if isinstance(test.value, bool):
        return "is yes" if test.value else "is no"
    return f"is {_listed(test, rubric)}"


def _bound_words(test: Compare, rubric: Rubric, words: str) -> str:
    for question in rubric.questions:
        if question.id == test.question:
            for option in question.options:
                if option.code == test.value:
                    return f"is {words} {_figure(f'{test.value:g}')} (“{option.label}”)"
    return f"is {words} {_figure(str(test.value))}"


def _figure(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


_WORDS: Mapping[str, _Words] = {
    "is": _is_words,
    "any_of": lambda test, rubric: f"is any of {_listed(test, rubric)}",
    "none_of": lambda test, rubric: f"is none of {_listed(test, rubric)}",
    "at_least": lambda test, rubric: _bound_words(test, rubric, "at least"),
    "at_most": lambda test, rubric: _bound_words(test, rubric, "at most"),
    "chosen": lambda test, _: "has an answer" if test.value else "has nothing chosen",
}


def describe(condition: Condition, rubric: Rubric, names: Mapping[str, str] | None = None) -> str:
    """Return a condition in words, naming options by their labels and questions by their ids.

    Where people read, `names` gives a name to each question instead of its id.

    Examples
    --------
    ``“severity” is at most −1 (“Mild abuse”)``
    """
    if isinstance(condition, Compare):
        name = (names or {}).get(condition.question, condition.question)
        return f"“{name}” {_WORDS[condition.op](condition, rubric)}"
    if isinstance(condition, Not):
        return f"not ({describe(condition.part, rubric, names)})"
    joint = " and " if isinstance(condition, AllOf) else " or "
    parts = [
        f"({words})" if isinstance(part, AllOf | AnyOf) else words
        for part in condition.parts
        for words in [describe(part, rubric, names)]
    ]
    return joint.join(parts)
