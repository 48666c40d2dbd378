"""What every check of a rubric's meaning works with, and the checks of conditions."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from rubrics.reachability import Reachability
from rubrics.reader import did_you_mean
from rubrics.schema import AllOf, Compare, Not
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rubrics.errors import Gravity
    from rubrics.reader import Places
    from rubrics.schema import Condition, Question, Rubric
    from rubrics.yaml_nodes import Problems

_QUESTION_PATH: Final = re.compile(r"questions\[(\d+)\]")


class Linter:
    """Walks one rubric and notes what does not fit together."""

    def __init__(self, rubric: Rubric, problems: Problems, places: Places) -> None:
        """Prepare the look-ups the checks share."""
        self.rubric = rubric
        self._problems = problems
        self._places = places
        self.by_id = {question.id: question for question in rubric.questions if question.id}
        self.order = {question.id: at for at, question in enumerate(rubric.questions)}
        self.reach = Reachability(rubric)
        self.unsound = places.unsound
        self.pending: list[tuple[Condition, str]] = []

    def note(
        self,
        code: str,
        message: str,
        path: str,
        hint: str | None = None,
        gravity: Gravity = "error",
    ) -> None:
        """Note one problem."""
        self._problems.add(code, message, self._places.at(path), hint, gravity)

    def is_unsound(self, question: Question) -> bool:
        """Return whether a question's type could not be read."""
        return f"questions[{self.order[question.id]}]" in self.unsound

    def written(self, path: str) -> bool:
        """Return whether the file says anything at a path."""
        return path in self._places.known

    def flawed(self) -> set[str]:
        """Return the ids of questions with an error in them; what hangs on them is left alone."""
        starts = sorted((place.line, path) for path, place in self._places.known.items())
        lines = [line for line, _ in starts]
        found: set[str] = set()
        for problem in self._problems.found:
            at = bisect_right(lines, problem.line) - 1
            number = _QUESTION_PATH.match(starts[at][1]) if at >= 0 else None
            if problem.severity == "error" and number is not None:
                found.add(self.rubric.questions[int(number.group(1))].id)
        return found

    def unique(self, ids: Iterable[tuple[str, str]], what: str) -> None:
        """Note every id that stands a second time; `ids` are pairs of id and path."""
        first: dict[str, str] = {}
        for name, path in ids:
            if name and name in first:
                line = self._places.at(first[name]).line
                hint = Sentence("it is taken in line %(line)s", line=line) if line else None
                self.note(
                    "duplicate_id",
                    Sentence("%(what)s id %(name)s is used twice", what=what, name=repr(name)),
                    path,
                    hint,
                )
            first.setdefault(name, path)

    def dangling(self, what: str, name: str, known: Iterable[str], path: str) -> None:
        """Note a reference to something that is not there."""
        names = [one for one in known if one]
        listed = Sentence("there are: %(names)s", names=", ".join(names)) if names else None
        hint = did_you_mean(name, names) or listed
        self.note(
            "dangling_reference",
            Sentence("there is no %(what)s %(name)s", what=what, name=repr(name)),
            path,
            hint,
        )


def check_condition(linter: Linter, condition: Condition, path: str, known: Sequence[str]) -> None:
    """Note what is wrong with a condition that stands where `known` questions were asked."""
    leaves = [_leaf(linter, test, place, known) for test, place in _leaves(condition, path)]
    if all(leaves) and (len(leaves) > 1 or _gated(linter, condition)):
        linter.pending.append((condition, path))


def check_reach(linter: Linter) -> None:
    """Note conditions that can never hold, once everything they hang on was checked."""
    flawed = linter.flawed()
    for condition, path in linter.pending:
        if flawed.isdisjoint(linter.reach.closure(condition)) and not linter.reach.can_hold(
            condition
        ):
            hint = Sentence(
                "its parts, or the conditions of the questions it looks at, exclude each other"
            )
            linter.note("never_holds", Sentence("this condition can never hold"), path, hint)


def _gated(linter: Linter, condition: Condition) -> bool:
    """Return whether a lone comparison looks at a question that has a condition itself."""
    if not isinstance(condition, Compare):
        return True
    question = linter.by_id.get(condition.question)
    return question is not None and question.ask_if is not None


def _leaves(condition: Condition, path: str) -> Iterator[tuple[Compare, str]]:
    if isinstance(condition, Compare):
        yield condition, path
    elif isinstance(condition, Not):
        yield from _leaves(condition.part, f"{path}.not")
    else:
        joint = "all" if isinstance(condition, AllOf) else "any"
        for at, part in enumerate(condition.parts):
            yield from _leaves(part, f"{path}.{joint}[{at}]")


def _leaf(linter: Linter, test: Compare, path: str, known: Sequence[str]) -> bool:
    """Note what is wrong with one comparison; return whether nothing is."""
    question = linter.by_id.get(test.question)
    place = f"{path}.question"
    if question is None:
        linter.dangling(Sentence("question"), test.question, known, place)
        return False
    if test.question not in known:
        message = Sentence(
            "question %(question)s is not asked before this one", question=repr(test.question)
        )
        hint = Sentence("a condition looks back: move one of the two questions")
        linter.note("later_question", message, place, hint)
        return False
    if linter.is_unsound(question):
        return False
    if test.op == "chosen":
        return True
    return _operand(linter, test, question, f"{path}.{test.op}")


def _operand(linter: Linter, test: Compare, question: Question, place: str) -> bool:
    if question.type in {"text", "span", "ranking"}:
        message = Sentence("a %(type)s answer can only be tested with 'chosen'", type=question.type)
        linter.note("bad_operand", message, place, Sentence("write 'chosen: true'"))
        return False
    if question.type == "boolean":
        return _boolean_operand(linter, test, place)
    if question.type == "number":
        return _number_operand(linter, test, question, place)
    if test.op in {"at_least", "at_most"}:
        return _order_operand(linter, test, question, place)
    return _option_operand(linter, test, question, place)


def _boolean_operand(linter: Linter, test: Compare, place: str) -> bool:
    if test.op == "is" and isinstance(test.value, bool):
        return True
    message = Sentence("a boolean answer is compared with 'is: true' or 'is: false'")
    linter.note("bad_operand", message, place)
    return False


def _number_operand(linter: Linter, test: Compare, question: Question, place: str) -> bool:
    if isinstance(test.value, bool) or not isinstance(test.value, int | float):
        message = Sentence("a number is compared with a number by 'is', 'at_least' or 'at_most'")
        linter.note("bad_operand", message, place)
        return False
    low, high = question.min, question.max
    too_high = high is not None and test.op != "at_most" and test.value > high
    too_low = low is not None and test.op != "at_least" and test.value < low
    if too_high or too_low:
        bound = (
            Sentence("never above %(high)s", high=f"{high:g}")
            if too_high
            else Sentence("never below %(low)s", low=f"{low:g}")
        )
        message = Sentence(
            "this can never hold: %(id)s is %(bound)s", id=repr(question.id), bound=bound
        )
        linter.note("never_holds", message, place)
    return not (too_high or too_low)


def _order_operand(linter: Linter, test: Compare, question: Question, place: str) -> bool:
    codes = [option.code for option in question.options if option.code is not None]
    if not codes:
        message = Sentence("the options of %(id)s have no codes to compare", id=repr(question.id))
        linter.note("bad_operand", message, place, Sentence("add codes, or use 'is' or 'any_of'"))
        return False
    if test.accepts:
        return True
    least, greatest = min(codes), max(codes)
    bound = (
        Sentence("the least code is %(least)s", least=f"{least:g}")
        if test.op == "at_most"
        else Sentence("the greatest is %(greatest)s", greatest=f"{greatest:g}")
    )
    message = Sentence(
        "this can never hold: no option of %(id)s fits, %(bound)s",
        id=repr(question.id),
        bound=bound,
    )
    linter.note(
        "never_holds",
        message,
        place,
        Sentence(
            "codes go from %(least)s to %(greatest)s", least=f"{least:g}", greatest=f"{greatest:g}"
        ),
    )
    return False


def _option_operand(linter: Linter, test: Compare, question: Question, place: str) -> bool:
    known = [option.id for option in question.options]
    if not known:
        return False
    if isinstance(test.value, bool | int | float):
        hint = Sentence("name an option id, or use 'at_least' or 'at_most' for codes")
        linter.note(
            "bad_operand",
            Sentence("%(id)s is answered with an option id", id=repr(question.id)),
            place,
            hint,
        )
        return False
    names = test.value if isinstance(test.value, tuple) else (test.value,)
    unknown = [name for name in names if name not in known]
    for name in unknown:
        linter.dangling(Sentence("option of %(id)s", id=repr(question.id)), name, known, place)
    if unknown:
        return False
    if test.op == "none_of" and question.type != "multi" and set(names) >= set(known):
        message = Sentence(
            "this can never hold: it rules out every option of %(id)s", id=repr(question.id)
        )
        linter.note("never_holds", message, place)
        return False
    return True
