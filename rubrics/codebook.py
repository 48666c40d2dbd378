"""A rubric for its readers: data for the labelling page, and the codebook as a document."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from rubrics.conditions import describe
from rubrics.document import condition_document
from rubrics.schema import RESPONSES, AllOf, Compare, Not

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rubrics.document import Json
    from rubrics.schema import (
        AdjudicationRule,
        AgreementSpec,
        Category,
        Clause,
        Condition,
        Derived,
        Example,
        Option,
        Question,
        Reserved,
        ReservedAnswer,
        Rubric,
    )

PAGE_KEYS: Final = frozenset("chjkoprsuxz")
"""Letters the labelling page keeps for itself."""
NONE_KEY: Final = "0"
"""Answers a question of several choices with none of them."""
TIE_KEY: Final = "t"
"""In a ranking, gives the next option the rank of the one before it."""
FREE_KEYS: Final = tuple("1234567890abdefgilmnqtvwy")


def hotkeys(question: Question) -> dict[str, str]:
    """Return a key for each option: its own, else the next free digit or letter.

    Parameters
    ----------
    question : Question

    Returns
    -------
    dict of str to str
        Key by option id; options beyond the keys there are have none.
    """
    taken = {option.hotkey for option in question.options if option.hotkey}
    if question.type == "multi" and not question.min:
        taken.add(NONE_KEY)
    if question.type == "ranking" and question.ties:
        taken.add(TIE_KEY)
    free = iter(key for key in FREE_KEYS if key not in taken)
    found: dict[str, str] = {}
    for option in question.options:
        key = option.hotkey or next(free, None)
        if key is not None:
            found[option.id] = key
    return found


def condition_for_client(condition: Condition) -> dict[str, Json]:
    """Return a condition as data a browser can evaluate without knowing the rubric.

    A comparison carries ``accepts``, the option ids (or ``true``/``false``) that satisfy it, or
    null where numbers are compared or an answer as a whole is looked at.
    """
    if isinstance(condition, Compare):
        accepted = None if condition.accepts is None else sorted(condition.accepts)
        value = list(condition.value) if isinstance(condition.value, tuple) else condition.value
        return {
            "question": condition.question,
            "op": condition.op,
            "value": cast("Json", value),
            "accepts": cast("Json", accepted),
        }
    if isinstance(condition, Not):
        return {"not": condition_for_client(condition.part)}
    joint = "all" if isinstance(condition, AllOf) else "any"
    return {joint: [condition_for_client(part) for part in condition.parts]}


def _condition(condition: Condition | None, rubric: Rubric) -> Json:
    if condition is None:
        return None
    texts = {question.id: question.text for question in rubric.questions}
    words = describe(_by_options(condition, rubric), rubric, texts)
    return {"test": condition_for_client(condition), "words": words}


def _by_options(condition: Condition, rubric: Rubric) -> Condition:
    """Name the options that a bound lets through: who labels sees them and no codes."""
    if isinstance(condition, Not):
        return Not(_by_options(condition.part, rubric))
    if not isinstance(condition, Compare):
        return type(condition)(tuple(_by_options(part, rubric) for part in condition.parts))
    if condition.op not in {"at_least", "at_most"} or not condition.accepts:
        return condition
    options = rubric.question(condition.question).options
    named = tuple(option.id for option in options if option.id in condition.accepts)
    return replace(condition, op="any_of" if len(named) > 1 else "is", value=named)


def _option(option: Option, keys: Mapping[str, str]) -> dict[str, Json]:
    return {
        "id": option.id,
        "label": option.label,
        "code": option.code,
        "help": option.help,
        "hotkey": keys.get(option.id),
    }


def _question(question: Question, rubric: Rubric) -> dict[str, Json]:
    keys = hotkeys(question)
    options: list[Json] = [_option(option, keys) for option in question.options]
    reserved: list[Json] = list(_reserved_names(question, rubric))
    return {
        "id": question.id,
        "text": question.text,
        "help": question.help,
        "type": question.type,
        "level": question.level,
        "target": question.target,
        "options": options,
        "options_from": question.options_from,
        "min": question.min,
        "max": question.max,
        "max_chars": question.max_chars,
        "ask_if": _condition(question.ask_if, rubric),
        "repeat_for": question.repeat_for,
        "required": question.required,
        "required_if": _condition(question.required_if, rubric),
        "role": question.role,
        "cite": question.cite,
        "ties": question.ties,
        "both_bad": question.both_bad,
        "reserved": reserved,
    }


def _reserved_names(question: Question, rubric: Rubric) -> Iterable[str]:
    if not question.takes_reserved:
        return ()
    rules = (("unsure", rubric.reserved.unsure), ("cannot_assess", rubric.reserved.cannot_assess))
    return [name for name, rule in rules if rule.allowed]


def _clause(clause: Clause) -> dict[str, Json]:
    return {
        "id": clause.id,
        "text": clause.text,
        "kind": clause.kind,
        "ruling": clause.ruling,
        "since": clause.since,
    }


def _example(example: Example) -> dict[str, Json]:
    return {
        "text": example.text,
        "clause": example.clause,
        "note": example.note,
        "language": example.language,
    }


def _category(rubric: Rubric, category: Category) -> dict[str, Json]:
    return {
        "id": category.id,
        "name": category.name,
        "definition": category.definition,
        "includes": [_clause(one) for one in category.includes],
        "excludes": [_clause(one) for one in category.excludes],
        "edge_cases": [_clause(one) for one in category.edge_cases],
        "examples": [_example(one) for one in category.examples],
        "counterexamples": [_example(one) for one in category.counterexamples],
        "severity_anchors": dict(_anchors(rubric, category)),
        "exposure_weight": category.exposure_weight,
        "labelable": category.labelable,
        "legal_route": category.legal_route,
    }


def _reserved_answer(answer: ReservedAnswer) -> dict[str, Json]:
    return {
        "allowed": answer.allowed,
        "needs_reason": answer.needs_reason,
        "reasons": list(answer.reasons),
    }


def _reserved(reserved: Reserved) -> dict[str, Json]:
    return {
        "unsure": _reserved_answer(reserved.unsure),
        "cannot_assess": _reserved_answer(reserved.cannot_assess),
    }


def to_client(rubric: Rubric) -> dict[str, Json]:
    """Return all a labelling page needs of a rubric, as JSON data.

    Targets and adjudication rules stay behind: an annotator judges by the text alone.
    """
    return {
        "id": rubric.id,
        "version": rubric.version,
        "title": rubric.title,
        "description": rubric.description,
        "paradigm": rubric.paradigm,
        "languages": list(rubric.languages),
        "item": {
            "unit": rubric.item.unit,
            "kinds": list(rubric.item.kinds),
            "show": list(rubric.item.show),
            "blind": list(rubric.item.blind),
            "responses": rubric.item.responses,
        },
        "display": {
            "conceal": rubric.display.conceal,
            "reveal": rubric.display.reveal,
            "notice": rubric.display.notice,
            "never_render": list(rubric.display.never_render),
        },
        "reserved": _reserved(rubric.reserved),
        "questions": [_question(question, rubric) for question in rubric.questions],
        "categories": [_category(rubric, category) for category in rubric.categories],
        "derived": [_derived_data(one, rubric) for one in rubric.derived],
    }


def _derived_data(derived: Derived, rubric: Rubric) -> dict[str, Json]:
    return {
        "id": derived.id,
        "text": derived.text,
        "when": condition_document(derived.when),
        "words": describe(derived.when, rubric),
    }


_SPECIAL: Final = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>#|"})


def _safe(text: str) -> str:
    return " ".join(text.split()).translate(_SPECIAL)


def _agreement_words(spec: AgreementSpec) -> str:
    return (
        f"agreement target {spec.target:g}, floor {spec.floor:g}, judged on at least "
        f"{spec.min_items} items with {spec.min_positives} positives"
    )


def _rule_words(rule: AdjudicationRule) -> str:
    words = {
        "never": "never",
        "differ": "when annotators differ",
        "gap": f"when answers lie {rule.gap_at_least or 1:g} or more apart",
    }[rule.when]
    return f"{words}, and when someone is unsure" if rule.unsure else words


def _option_lines(question: Question) -> list[str]:
    if question.options_from == RESPONSES:
        return ["- the responses of the item"]
    if question.options_from is not None:
        return ["- the harm categories below"]
    return [
        f"- **{_safe(option.label)}** (`{option.id}`"
        + (f", code {option.code:g}" if option.code is not None else "")
        + ")"
        + (f": {_safe(option.help)}" if option.help else "")
        for option in question.options
    ]


def _question_notes(question: Question, rubric: Rubric) -> list[str]:
    notes = [f"type {question.type}"]
    if question.level is not None:
        notes.append(f"level {question.level}")
    if question.ask_if is not None:
        notes.append("asked only when " + _safe(describe(question.ask_if, rubric)))
    if question.repeat_for is not None:
        notes.append(f"asked once for each choice in “{_safe(question.repeat_for)}”")
    if question.type == "ranking":
        equal = "equal ranks allowed" if question.ties else "no equal ranks"
        notes.append(f"a complete order, best first, {equal}")
    if question.required_if is not None:
        notes.append("required when " + _safe(describe(question.required_if, rubric)))
    elif not question.required:
        notes.append("optional")
    if question.level is not None and question.role != "metadata":
        notes.append(_agreement_words(question.agreement))
        notes.append("adjudicated " + _rule_words(rubric.rule_for(question)))
    return notes


def _question_lines(number: int, question: Question, rubric: Rubric) -> list[str]:
    lines = [f"### {number}. {_safe(question.text)} (`{question.id}`)", ""]
    if question.help:
        lines += [_safe(question.help), ""]
    lines += ["*" + "; ".join(_question_notes(question, rubric)) + "*", ""]
    options = _option_lines(question)
    return lines + options + [""] if options else lines


def _clause_lines(title: str, clauses: Sequence[Clause]) -> list[str]:
    if not clauses:
        return []
    lines = [f"{title}:", ""]
    for clause in clauses:
        ruling = f" Ruling: {_safe(clause.ruling)}." if clause.ruling else ""
        since = f" (since {clause.since})" if clause.since else ""
        lines.append(f"- **{clause.id}** {_safe(clause.text)}{ruling}{since}")
    return [*lines, ""]


def _example_lines(title: str, examples: Sequence[Example]) -> list[str]:
    if not examples:
        return []
    lines = [f"{title}:", ""]
    for example in examples:
        clause = f" ({example.clause})" if example.clause else ""
        note = f" {_safe(example.note)}" if example.note else ""
        lines.append(f"- “{_safe(example.text)}”{clause}{note}")
    return [*lines, ""]


def _anchors(rubric: Rubric, category: Category) -> dict[str, str]:
    """Return the anchors in the order of the scale: a canonical rubric has them by name."""
    steps = [
        option.id
        for question in rubric.questions
        if question.type == "ordinal"
        for option in question.options
    ]
    place = {step: number for number, step in reversed(list(enumerate(steps)))}
    anchors = category.severity_anchors
    return {
        key: anchors[key] for key in sorted(anchors, key=lambda key: place.get(key, len(steps)))
    }


def _anchor_lines(rubric: Rubric, category: Category) -> list[str]:
    if not category.severity_anchors:
        return []
    anchors = [f"- **{key}**: {_safe(text)}" for key, text in _anchors(rubric, category).items()]
    return ["Severity:", "", *anchors, ""]


def _category_lines(rubric: Rubric, category: Category) -> list[str]:
    lines = [f"### {_safe(category.name)} (`{category.id}`)", "", _safe(category.definition), ""]
    if not category.labelable:
        lines += ["*Never chosen as a label.*", ""]
    return [
        *lines,
        *_clause_lines("It is", category.includes),
        *_clause_lines("It is not", category.excludes),
        *_clause_lines("Edge cases", category.edge_cases),
        *_anchor_lines(rubric, category),
        *_example_lines("Examples", category.examples),
        *_example_lines("Not examples", category.counterexamples),
    ]


def codebook_markdown(rubric: Rubric) -> str:
    """Return the codebook of a rubric as Markdown."""
    lines = [f"# {_safe(rubric.title)}", "", f"`{rubric.id}` {rubric.version}, {rubric.status}", ""]
    if rubric.description:
        lines += [_safe(rubric.description), ""]
    lines += ["## Questions", ""]
    for number, question in enumerate(rubric.questions, start=1):
        lines += _question_lines(number, question, rubric)
    if rubric.categories:
        lines += ["## Harm categories", ""]
    for category in rubric.categories:
        lines += _category_lines(rubric, category)
    if rubric.derived:
        lines += ["## Derived variables", ""]
    for derived in rubric.derived:
        words = _safe(describe(derived.when, rubric))
        lines.append(f"- **{derived.id}**: {_safe(derived.text)} True when {words}.")
    return "\n".join(lines).rstrip() + "\n"
