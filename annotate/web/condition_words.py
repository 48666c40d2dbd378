"""What a question hangs on, in the language of the viewer; ``describe`` says it to machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotate.web.rendering import translate as _
from rubrics.schema import AllOf, AnyOf, Compare, Condition, Not

if TYPE_CHECKING:
    from rubrics.schema import Rubric


def condition_words(condition: Condition, rubric: Rubric) -> str:
    """Return a condition in words, with questions and options as people read them."""
    if isinstance(condition, Compare):
        return _test(condition, rubric)
    if isinstance(condition, Not):
        return _("not (%(part)s)", part=condition_words(condition.part, rubric))
    parts = [
        f"({words})" if isinstance(part, AllOf | AnyOf) else words
        for part in condition.parts
        for words in [condition_words(part, rubric)]
    ]
    said = parts[0]
    for part in parts[1:]:
        said = (
            _("%(one)s and %(other)s", one=said, other=part)
            if isinstance(condition, AllOf)
            else _("%(one)s or %(other)s", one=said, other=part)
        )
    return said


def _test(test: Compare, rubric: Rubric) -> str:
    name = next((one.text for one in rubric.questions if one.id == test.question), test.question)
    answers = _answers(test, rubric)
    if test.op == "chosen":
        return (
            _("“%(question)s” has an answer", question=name)
            if test.value
            else _("“%(question)s” has nothing chosen", question=name)
        )
    words = {
        "is": _("“%(question)s” is %(answer)s", question=name, answer=answers),
        "any_of": _("“%(question)s” is any of %(answers)s", question=name, answers=answers),
        "none_of": _("“%(question)s” is none of %(answers)s", question=name, answers=answers),
        "at_least": _("“%(question)s” is at least %(answer)s", question=name, answer=answers),
        "at_most": _("“%(question)s” is at most %(answer)s", question=name, answer=answers),
    }
    return words[test.op]


def _answers(test: Compare, rubric: Rubric) -> str:
    if isinstance(test.value, bool):
        return _("yes") if test.value else _("no")
    if isinstance(test.value, int | float):
        return _bound(test.question, test.value, rubric)
    ids = test.value if isinstance(test.value, tuple) else (str(test.value),)
    options = {
        option.id: option.label
        for question in rubric.questions
        if question.id == test.question
        for option in question.options
    }
    return _(", ").join(_("“%(answer)s”", answer=options.get(one, one)) for one in ids)


def _bound(question_id: str, bound: float, rubric: Rubric) -> str:
    figure = f"{bound:g}".replace("-", "\N{MINUS SIGN}", 1)
    for question in rubric.questions:
        for option in question.options if question.id == question_id else ():
            if option.code == bound:
                return _("%(figure)s (“%(answer)s”)", figure=figure, answer=option.label)
    return figure
