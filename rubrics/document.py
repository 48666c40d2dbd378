"""A rubric back as the plain document it was read from, without what goes without saying."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Final

from rubrics.defaults import DEFAULT_LEVELS, FORMAT, required_by_default
from rubrics.schema import (
    AllOf,
    AnyOf,
    Category,
    Clause,
    Compare,
    Condition,
    Derived,
    Not,
    Option,
    Question,
    Rubric,
)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
_LEFT_OUT: Final[Mapping[type, frozenset[str]]] = {
    Clause: frozenset({"kind"}),
    Derived: frozenset({"level"}),
}


def condition_document(condition: Condition) -> dict[str, Json]:
    """Return a condition as data."""
    if isinstance(condition, Compare):
        value = list(condition.value) if isinstance(condition.value, tuple) else condition.value
        return {"question": condition.question, condition.op: _plain(value)}
    if isinstance(condition, Not):
        return {"not": condition_document(condition.part)}
    joint = "all" if isinstance(condition, AllOf) else "any"
    return {joint: [condition_document(part) for part in condition.parts]}


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Compare | AllOf | AnyOf | Not):
        return condition_document(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return _record(value)


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, object], ...]:
    return tuple((one.name, _default(one)) for one in fields(kind))


def _default(one: Field[object]) -> object:
    if one.default_factory is not MISSING:
        return one.default_factory()
    return one.default


def _record(record: object) -> dict[str, Json]:
    if not is_dataclass(record):
        message = f"{type(record).__name__} is no part of a rubric"
        raise TypeError(message)
    left_out = _LEFT_OUT.get(type(record), frozenset())
    found = {
        name: _plain(getattr(record, name))
        for name, default in _fields(record.__class__)
        if name not in left_out and getattr(record, name) != default
    }
    return _trimmed(record, found)


def _trimmed(record: object, found: dict[str, Json]) -> dict[str, Json]:
    if isinstance(record, Question):
        _trim_question(record, found)
    if isinstance(record, Option) and record.label == record.id.replace("_", " "):
        del found["label"]
    if isinstance(record, Category) and record.name == record.id.replace("_", " "):
        del found["name"]
    return found


def _trim_question(question: Question, found: dict[str, Json]) -> None:
    if question.options_from is not None or question.type == "preference":
        found.pop("options", None)
    if question.level == DEFAULT_LEVELS.get(question.type):
        found.pop("level", None)
    found.pop("required", None)
    if question.required != required_by_default(question.type, question.required_if):
        found["required"] = question.required


def to_document(rubric: Rubric) -> dict[str, Json]:
    """Return a rubric as the document a rubric file holds; what is as by default is left out."""
    return {"schema": FORMAT, **_record(rubric)}
