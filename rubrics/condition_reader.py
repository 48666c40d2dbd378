"""Reads conditions, and settles which options satisfy each comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from rubrics.reader import Context, Fields, note
from rubrics.schema import AllOf, AnyOf, Compare, Condition, Not, Number, Operand
from rubrics.sentences import Sentence
from rubrics.yaml_nodes import Listing, Node, Scalar

if TYPE_CHECKING:
    from rubrics.schema import Question, Rubric

OPERATORS: Final = ("is", "any_of", "none_of", "at_least", "at_most", "chosen")


def _operand(fields: Fields, op: str) -> Operand | None:
    if op in {"at_least", "at_most"}:
        return fields.number(op)
    if op == "chosen":
        return fields.flag(op, default=True)
    if op in {"any_of", "none_of"}:
        ids = fields.ids(op)
        if not ids and isinstance(fields.node(op), Listing):
            note(
                fields,
                "empty",
                Sentence("%(place)s names no option", place=repr(fields.at(op))),
                fields.at(op),
            )
        return ids
    node = fields.node(op)
    if isinstance(node, Scalar) and node.kind == "bool":
        return node.text == "true"
    if isinstance(node, Scalar) and node.kind in {"int", "float"}:
        return fields.number(op)
    return fields.id_of(node, fields.at(op)) if node is not None else None


def _compare(fields: Fields) -> Condition | None:
    given = [op for op in OPERATORS if fields.given(op)]
    question = fields.identifier("question")
    if len(given) != 1:
        found = (
            Sentence("several comparisons: %(listed)s", listed=", ".join(given))
            if given
            else Sentence("no comparison")
        )
        hint = Sentence("give one of %(listed)s", listed=", ".join(OPERATORS))
        note(
            fields,
            "bad_condition",
            Sentence("%(path)s has %(found)s", path=repr(fields.path), found=found),
            fields.path,
            hint,
        )
        return None
    value = _operand(fields, given[0])
    if not question or value is None or value in ("", ()):
        return None
    return Compare(question, cast("Any", given[0]), value)


def _parts(fields: Fields, name: str) -> tuple[Condition, ...]:
    found = [_condition(node, path, fields.context) for node, path in fields.items(name)]
    if not found and isinstance(fields.node(name), Listing):
        note(
            fields,
            "empty",
            Sentence("%(place)s has no parts", place=repr(fields.at(name))),
            fields.at(name),
        )
    return tuple(part for part in found if part is not None)


def _condition(node: Node, path: str, context: Context) -> Condition | None:
    fields = Fields(node, path, ("question", *OPERATORS, "all", "any", "not"), context)
    joints = [name for name in ("all", "any", "not") if fields.given(name)]
    if not joints:
        return _compare(fields) if not isinstance(node, Scalar | Listing) else None
    if len(joints) > 1 or fields.given("question"):
        hint = Sentence("nest one inside the other")
        message = Sentence("%(path)s mixes several kinds of condition", path=repr(path))
        note(fields, "bad_condition", message, path, hint)
        return None
    return _joined(fields, joints[0])


def _joined(fields: Fields, joint: str) -> Condition | None:
    if joint == "not":
        node = fields.node("not")
        inner = None if node is None else _condition(node, fields.at("not"), fields.context)
        return None if inner is None else Not(inner)
    parts = _parts(fields, joint)
    if not parts:
        return None
    return AllOf(parts) if joint == "all" else AnyOf(parts)


def field_condition(fields: Fields, name: str) -> Condition | None:
    """Return the condition a field holds, or None when there is none that can be read."""
    node = fields.node(name)
    return None if node is None else _condition(node, fields.at(name), fields.context)


def _resolve(condition: Condition | None, options: dict[str, Question]) -> Condition | None:
    if condition is None:
        return None
    if isinstance(condition, Compare):
        question = options.get(condition.question)
        return (
            condition
            if question is None
            else replace(condition, accepts=accepts(condition, question))
        )
    if isinstance(condition, Not):
        inner = _resolve(condition.part, options)
        return condition if inner is None else Not(inner)
    parts = tuple(part for one in condition.parts if (part := _resolve(one, options)) is not None)
    return AllOf(parts) if isinstance(condition, AllOf) else AnyOf(parts)


def accepts(test: Compare, question: Question) -> frozenset[str] | None:
    """Return the option ids that satisfy a comparison, or None where no option decides it."""
    value = test.value
    if question.type == "boolean" and isinstance(value, bool):
        return frozenset(("true",) if value else ("false",))
    if isinstance(value, tuple):
        return frozenset(value)
    if isinstance(value, str):
        return frozenset((value,))
    if test.op == "chosen" or isinstance(value, bool):
        return None
    return _by_code(test.op, value, question)


def _by_code(op: str, bound: Number, question: Question) -> frozenset[str] | None:
    if not question.options:
        return None
    low, high = (bound, None) if op == "at_least" else (None, bound)
    return frozenset(
        option.id
        for option in question.options
        if option.code is not None
        and (low is None or option.code >= low)
        and (high is None or option.code <= high)
    )


def resolve_conditions(rubric: Rubric) -> Rubric:
    """Return the rubric with every comparison's accepted options filled in."""
    by_id = {question.id: question for question in rubric.questions}
    questions = tuple(
        replace(
            question,
            ask_if=_resolve(question.ask_if, by_id),
            required_if=_resolve(question.required_if, by_id),
        )
        for question in rubric.questions
    )
    derived = tuple(
        replace(one, when=_resolve(one.when, by_id) or one.when) for one in rubric.derived
    )
    return replace(rubric, questions=questions, derived=derived)
