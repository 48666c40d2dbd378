"""Reads a rubric file and tells every problem in it at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

from rubrics.condition_reader import field_condition, resolve_conditions
from rubrics.defaults import (
    DEFAULT_LEVELS,
    FEWEST_RESPONSES,
    FORMAT,
    MOST_RESPONSES,
    preference_options,
    required_by_default,
    response_options,
)
from rubrics.errors import Problem, RubricInvalid
from rubrics.lint import lint
from rubrics.reader import Context, Fields, Places, note
from rubrics.schema import (
    RESPONSES,
    AdjudicationRule,
    AgreementSpec,
    Category,
    Clause,
    ClauseKind,
    Derived,
    Display,
    Example,
    ItemSpec,
    Level,
    Option,
    Paradigm,
    Question,
    QuestionType,
    Reserved,
    ReservedAnswer,
    Role,
    Rubric,
    Status,
)
from rubrics.sentences import Sentence
from rubrics.yaml_nodes import Node, Place, Problems, Scalar, Table, parse

if TYPE_CHECKING:
    from collections.abc import Callable

RUBRIC_KEYS: Final = (
    "schema",
    "id",
    "version",
    "title",
    "description",
    "status",
    "paradigm",
    "languages",
    "owner",
    "taxonomy_refs",
    "item",
    "display",
    "reserved",
    "questions",
    "categories",
    "derived",
    "adjudication",
)
QUESTION_KEYS: Final = (
    "id",
    "text",
    "help",
    "type",
    "level",
    "target",
    "options",
    "options_from",
    "min",
    "max",
    "ask_if",
    "repeat_for",
    "required",
    "required_if",
    "when_not_asked",
    "role",
    "agreement",
    "adjudicate",
    "max_chars",
    "cite",
    "ties",
    "both_bad",
    "maps_to",
)
CATEGORY_KEYS: Final = (
    "id",
    "name",
    "definition",
    "includes",
    "excludes",
    "edge_cases",
    "examples",
    "counterexamples",
    "severity_anchors",
    "exposure_weight",
    "agreement",
    "labelable",
    "legal_route",
    "maps_to",
)
TARGETS: Final = ("item", "conversation", "prompt", "response", "text", "messages")
_VERSION = re.compile(r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
_DEFAULT_AGREEMENT: Final = AgreementSpec()
_Word = TypeVar("_Word", bound=str)
_One = TypeVar("_One")


def _word(fields: Fields, name: str, kind: object, default: _Word) -> _Word:
    allowed = cast("tuple[str, ...]", get_args(kind))
    return cast("_Word", fields.choice(name, allowed, default))


def _each(
    fields: Fields, name: str, read: Callable[[Node, str, Context], _One], *, required: bool = False
) -> tuple[_One, ...]:
    entries = fields.items(name, required=required)
    return tuple(read(node, path, fields.context) for node, path in entries)


def _agreement(
    fields: Fields, name: str, base: AgreementSpec = _DEFAULT_AGREEMENT
) -> AgreementSpec | None:
    node = fields.node(name)
    if node is None:
        return None
    keys = ("target", "floor", "min_items", "min_positives", "levels")
    own = Fields(node, fields.at(name), keys, fields.context)
    target, floor = own.number("target", -1, 1), own.number("floor", -1, 1)
    items, positives = own.integer("min_items", 0), own.integer("min_positives", 0)
    return AgreementSpec(
        target=base.target if target is None else target,
        floor=base.floor if floor is None else floor,
        min_items=base.min_items if items is None else items,
        min_positives=base.min_positives if positives is None else positives,
        levels=_levels(own),
    )


def _levels(fields: Fields) -> tuple[Level, ...]:
    allowed = get_args(Level)
    found: list[Level] = []
    for text in fields.texts("levels"):
        if text in allowed:
            found.append(cast("Level", text))
        else:
            fields.context.problems.add(
                "not_allowed",
                Sentence("%(text)s is not a level of measurement", text=repr(text)),
                fields.context.places.at(fields.at("levels")),
                "allowed: " + ", ".join(allowed),
            )
    return tuple(found)


def _rule(fields: Fields, name: str) -> AdjudicationRule | None:
    node = fields.node(name)
    if node is None:
        return None
    own = Fields(node, fields.at(name), ("when", "gap_at_least", "unsure"), fields.context)
    when = own.choice("when", ("differ", "gap", "never"), "differ")
    return AdjudicationRule(
        when=cast("Any", when),
        gap_at_least=own.number("gap_at_least", 0),
        unsure=own.flag("unsure", default=True),
    )


def _option(node: Node, path: str, context: Context) -> Option:
    fields = Fields(node, path, ("id", "label", "code", "help", "hotkey"), context)
    own_id = fields.identifier("id")
    return Option(
        id=own_id,
        label=fields.text("label") or own_id.replace("_", " "),
        code=fields.number("code"),
        help=fields.text("help"),
        hotkey=_hotkey(fields),
    )


def _hotkey(fields: Fields) -> str | None:
    node = fields.node("hotkey")
    if node is None:
        return None
    # A digit is the natural key and reads as a number in YAML.
    if isinstance(node, Scalar) and node.kind == "int":
        return node.text
    return fields.string_of(node, fields.at("hotkey"))


def _question(node: Node, path: str, context: Context) -> Question:
    fields = Fields(node, path, QUESTION_KEYS, context)
    own_id, text = fields.identifier("id"), fields.needed_text("text")
    kind = _type(fields)
    condition = field_condition(fields, "required_if")
    target = fields.choice("target", TARGETS, "item")
    return Question(
        id=own_id,
        text=text,
        type=kind,
        level=_level(fields, kind),
        help=fields.text("help"),
        target=target if fields.given("target") else None,
        options=_each(fields, "options", _option),
        options_from=fields.text("options_from"),
        min=fields.number("min"),
        max=fields.number("max"),
        ask_if=field_condition(fields, "ask_if"),
        repeat_for=fields.identifier("repeat_for", required=False) or None,
        required=fields.flag("required", default=required_by_default(kind, condition)),
        required_if=condition,
        when_not_asked=_structural(fields),
        role=_word(fields, "role", Role, "label"),
        agreement=_agreement(fields, "agreement") or _DEFAULT_AGREEMENT,
        adjudicate=_rule(fields, "adjudicate"),
        max_chars=fields.integer("max_chars", 1),
        cite=fields.flag("cite", default=False),
        ties=fields.flag("ties", default=False),
        both_bad=fields.flag("both_bad", default=False),
        maps_to=fields.strings("maps_to"),
    )


def _type(fields: Fields) -> QuestionType:
    before = len(fields.context.problems.found)
    fields.node("type", required=True)
    kind: QuestionType = "text"
    if len(fields.context.problems.found) == before:
        kind = _word(fields, "type", QuestionType, kind)
    if len(fields.context.problems.found) > before:
        fields.context.places.unsound.add(fields.path)
    return kind


def _structural(fields: Fields) -> str | None:
    node = fields.node("when_not_asked")
    if node is None:
        return None
    if isinstance(node, Scalar) and node.kind == "bool":
        return node.text
    return fields.id_of(node, fields.at("when_not_asked")) or None


def _level(fields: Fields, kind: str) -> Level | None:
    default = DEFAULT_LEVELS.get(kind)
    if not fields.given("level"):
        return default
    if fields.path in fields.context.places.unsound:
        return None
    if default is None:
        note(
            fields,
            "level_not_allowed",
            Sentence("a %(kind)s question is not measured and has no level", kind=kind),
            fields.at("level"),
            Sentence("remove the key"),
        )
        return None
    return _word(fields, "level", Level, default)


def _clause(kind: ClauseKind) -> Callable[[Node, str, Context], Clause]:
    def read(node: Node, path: str, context: Context) -> Clause:
        fields = Fields(node, path, ("id", "text", "ruling", "since"), context)
        return Clause(
            id=fields.identifier("id"),
            text=fields.needed_text("text"),
            kind=kind,
            ruling=fields.text("ruling"),
            since=_version(fields, "since"),
        )

    return read


def _example(node: Node, path: str, context: Context) -> Example:
    fields = Fields(node, path, ("text", "clause", "note", "language"), context)
    return Example(
        text=fields.needed_text("text"),
        clause=fields.identifier("clause", required=False) or None,
        note=fields.text("note"),
        language=fields.text("language"),
    )


def _category(node: Node, path: str, context: Context) -> Category:
    fields = Fields(node, path, CATEGORY_KEYS, context)
    own_id = fields.identifier("id")
    return Category(
        id=own_id,
        name=fields.text("name") or own_id.replace("_", " "),
        definition=fields.needed_text("definition"),
        includes=_each(fields, "includes", _clause("include")),
        excludes=_each(fields, "excludes", _clause("exclude")),
        edge_cases=_each(fields, "edge_cases", _clause("edge")),
        examples=_each(fields, "examples", _example),
        counterexamples=_each(fields, "counterexamples", _example),
        severity_anchors=fields.strings("severity_anchors"),
        exposure_weight=fields.integer("exposure_weight", 0) or 0,
        agreement=_agreement(fields, "agreement"),
        labelable=fields.flag("labelable", default=True),
        legal_route=fields.identifier("legal_route", required=False) or None,
        maps_to=fields.strings("maps_to"),
    )


def _derived(node: Node, path: str, context: Context) -> Derived | None:
    fields = Fields(node, path, ("id", "text", "when", "agreement"), context)
    own_id, text = fields.identifier("id"), fields.text("text") or ""
    fields.node("when", required=True)
    when = field_condition(fields, "when")
    agreement = _agreement(fields, "agreement") or _DEFAULT_AGREEMENT
    return None if when is None else Derived(own_id, text, when, agreement=agreement)


def _version(fields: Fields, name: str) -> str | None:
    text = fields.text(name)
    if text and _VERSION.match(text) is None:
        hint = Sentence("write three numbers, for example 1.0.0")
        note(
            fields,
            "bad_version",
            Sentence("%(text)s is not a version", text=repr(text)),
            fields.at(name),
            hint,
        )
    return text


def _languages(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("languages")
    for index, text in enumerate(found):
        if _LANGUAGE.match(text) is None:
            path = f"{fields.at('languages')}[{index}]"
            hint = Sentence("write a tag such as en or pt-BR")
            note(
                fields,
                "bad_language",
                Sentence("%(text)s is not a language tag", text=repr(text)),
                path,
                hint,
            )
    return found or ("en",)


def _item(parent: Fields) -> ItemSpec:
    keys = ("unit", "kinds", "show", "blind", "group_keys", "responses")
    fields = Fields(parent.node("item"), "item", keys, parent.context)
    default = ItemSpec()
    kinds = fields.texts("kinds") or default.kinds
    count = fields.integer("responses", FEWEST_RESPONSES)
    if count is None and RESPONSES in kinds:
        count = FEWEST_RESPONSES
    return ItemSpec(
        unit=fields.text("unit") or default.unit,
        kinds=kinds,
        show=fields.texts("show"),
        blind=fields.texts("blind"),
        group_keys=fields.texts("group_keys"),
        responses=count,
    )


def _display(parent: Fields) -> Display:
    keys = ("conceal", "reveal", "notice", "never_render", "shuffle_responses")
    fields = Fields(parent.node("display"), "display", keys, parent.context)
    return Display(
        conceal=cast("Any", fields.choice("conceal", ("never", "always", "flagged"), "never")),
        reveal=cast("Any", fields.choice("reveal", ("click", "hold"), "click")),
        notice=fields.text("notice"),
        never_render=fields.ids("never_render"),
        shuffle_responses=fields.flag("shuffle_responses", default=True),
    )


def _reserved_answer(parent: Fields, name: str) -> ReservedAnswer:
    keys = ("allowed", "needs_reason", "reasons")
    fields = Fields(parent.node(name), parent.at(name), keys, parent.context)
    return ReservedAnswer(
        allowed=fields.flag("allowed", default=True),
        needs_reason=fields.flag("needs_reason", default=False),
        reasons=fields.ids("reasons"),
    )


def _reserved(parent: Fields) -> Reserved:
    fields = Fields(
        parent.node("reserved"), "reserved", ("unsure", "cannot_assess"), parent.context
    )
    return Reserved(_reserved_answer(fields, "unsure"), _reserved_answer(fields, "cannot_assess"))


def _format(fields: Fields) -> None:
    fields.node("schema", required=True)
    fields.choice("schema", (FORMAT,), FORMAT)


def _with_options(question: Question, rubric: Rubric) -> Question:
    """Fill in the options that a question does not list itself."""
    if question.options:
        return question
    if question.type == "preference":
        options = preference_options(ties=question.ties, both_bad=question.both_bad)
    elif question.options_from == RESPONSES:
        options = response_options(min(rubric.item.responses or 0, MOST_RESPONSES))
    elif question.options_from == "categories":
        options = tuple(
            Option(category.id, category.name, help=category.definition)
            for category in rubric.categories
            if category.labelable and category.id
        )
    else:
        return question
    return replace(question, options=options)


def _rubric(root: Node, context: Context) -> Rubric:
    fields = Fields(root, "", RUBRIC_KEYS, context)
    _format(fields)
    fields.node("version", required=True)
    categories = _each(fields, "categories", _category)
    questions = _each(fields, "questions", _question, required=True)
    derived = _each(fields, "derived", _derived)
    rubric = Rubric(
        id=fields.identifier("id"),
        version=_version(fields, "version") or "",
        title=fields.needed_text("title"),
        questions=questions,
        description=fields.text("description"),
        status=_word(fields, "status", Status, "draft"),
        paradigm=_word(fields, "paradigm", Paradigm, "prescriptive"),
        languages=_languages(fields),
        owner=fields.text("owner"),
        taxonomy_refs=fields.texts("taxonomy_refs"),
        item=_item(fields),
        display=_display(fields),
        reserved=_reserved(fields),
        categories=categories,
        derived=tuple(one for one in derived if one is not None),
        adjudication=_rule(fields, "adjudication") or AdjudicationRule(),
    )
    filled = tuple(_with_options(question, rubric) for question in rubric.questions)
    return replace(rubric, questions=filled)


def build(root: Node | None, problems: Problems) -> Rubric:
    """Build a rubric from nodes, or raise with every problem in them."""
    context = Context(problems, Places())
    if root is None or (isinstance(root, Scalar) and root.kind == "null"):
        problems.stop("empty", "the file is empty", Place(1, 1), "write a rubric")
    if not isinstance(root, Table):
        problems.stop("wrong_type", "a rubric is a mapping from keys to values", Place(1, 1))
        raise RubricInvalid(problems.found)
    rubric = resolve_conditions(_rubric(root, context))
    lint(rubric, problems, context.places)
    if any(problem.severity == "error" for problem in problems.found):
        raise RubricInvalid(problem for problem in problems.found if problem.severity == "error")
    return rubric


def load_rubric(text: str | bytes, source: str = "rubric.yaml") -> Rubric:
    """Read a rubric file.

    Parameters
    ----------
    text : str or bytes
        The YAML of the rubric.
    source : str
        Name of the file, for messages.

    Returns
    -------
    Rubric

    Raises
    ------
    RubricInvalid
        With every problem of the file, each with line, column and suggestion.
    """
    problems = Problems(source)
    return build(parse(text, problems), problems)


def warnings_of(text: str | bytes, source: str = "rubric.yaml") -> tuple[Problem, ...]:
    """Return what is allowed in a rubric file but is probably not meant."""
    problems = Problems(source)
    build(parse(text, problems), problems)
    return tuple(problem for problem in problems.found if problem.severity == "warning")
