"""Checks of a rubric's meaning: what names what, and whether conditions can ever hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rubrics.codebook import PAGE_KEYS, TIE_KEY
from rubrics.defaults import FEWEST_RESPONSES, MOST_RESPONSES
from rubrics.lint_conditions import Linter, check_condition, check_reach
from rubrics.schema import NO_OPTION, RESPONSES
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rubrics.reader import Places
    from rubrics.schema import AgreementSpec, Category, Condition, Question, Rubric
    from rubrics.yaml_nodes import Problems

RESERVED_IDS: Final = frozenset({"none", "unsure", "cannot_assess", "not_asked", "opt_out"})
SAFE_KEYS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_CHOICE: Final = frozenset({"single", "multi", "ordinal", "ranking"})
_TAKES_LIST: Final = {
    "categories": frozenset({"single", "multi", "span"}),
    RESPONSES: frozenset({"multi", "ranking"}),
}
_ONE_LEVEL: Final = {
    "multi": "nominal",
    "boolean": "nominal",
    "preference": "nominal",
    "ranking": "ordinal",
}
_ORDERED: Final = frozenset({"ordinal", "interval", "ratio"})
_FEWEST: Final = {"single": 2, "ordinal": 2, "multi": 1, "ranking": 2}


def _ids(linter: Linter) -> None:
    rubric = linter.rubric
    questions = [(one.id, f"questions[{at}].id") for at, one in enumerate(rubric.questions)]
    derived = [(one.id, f"derived[{at}].id") for at, one in enumerate(rubric.derived)]
    linter.unique([*questions, *derived], Sentence("question"))
    categories = [(one.id, f"categories[{at}].id") for at, one in enumerate(rubric.categories)]
    linter.unique(categories, Sentence("category"))
    linter.unique(_clause_ids(rubric), Sentence("clause"))
    for name, path in (*questions, *derived, *categories):
        if name in RESERVED_IDS:
            message = Sentence("the id %(name)s has a meaning of its own here", name=repr(name))
            linter.note("reserved_id", message, path, Sentence("choose another id"))


def _clause_ids(rubric: Rubric) -> Iterator[tuple[str, str]]:
    for at, category in enumerate(rubric.categories):
        for name in ("includes", "excludes", "edge_cases"):
            for index, clause in enumerate(getattr(category, name)):
                yield clause.id, f"categories[{at}].{name}[{index}].id"


def _option_ids(linter: Linter, question: Question, path: str) -> None:
    if question.options_from is not None:
        return
    known = [(one.id, f"{path}.options[{at}].id") for at, one in enumerate(question.options)]
    linter.unique(known, Sentence("option"))
    for name, place in known:
        if name in RESERVED_IDS:
            message = Sentence(
                "the option id %(name)s has a meaning of its own here", name=repr(name)
            )
            linter.note(
                "reserved_id", message, place, Sentence("choose another id, such as 'nothing'")
            )


def _options(linter: Linter, question: Question, path: str) -> None:
    if question.type == "preference":
        _no_options(linter, path)
        return
    if question.options_from is not None:
        _options_from(linter, question, path)
        return
    _option_count(linter, question, path)
    _codes(linter, question, path)


def _options_from(linter: Linter, question: Question, path: str) -> None:
    place, name = f"{path}.options_from", question.options_from or ""
    if name not in _TAKES_LIST:
        linter.dangling(Sentence("list of options"), name, _TAKES_LIST, place)
    elif question.type not in _TAKES_LIST[name]:
        message = Sentence(
            "a %(type)s question cannot take the %(name)s as options", type=question.type, name=name
        )
        linter.note("bad_options", message, place)
    elif name == RESPONSES and not linter.rubric.item.responses:
        _needs_responses(linter, question, place)
    elif name == "categories" and not any(one.labelable for one in linter.rubric.categories):
        linter.note(
            "empty",
            Sentence("there are no categories to choose from"),
            place,
            Sentence("add 'categories:'"),
        )
    elif linter.written(f"{path}.options"):
        message = Sentence("options are given twice: 'options' and 'options_from'")
        linter.note("bad_options", message, f"{path}.options", Sentence("keep one of them"))


def _no_options(linter: Linter, path: str) -> None:
    for name in ("options", "options_from"):
        if linter.written(f"{path}.{name}"):
            message = Sentence("a preference question has its options already: the two responses")
            hint = Sentence(
                "remove the key; 'ties: true' and 'both_bad: true' add what else may be said"
            )
            linter.note("bad_options", message, f"{path}.{name}", hint)


def _needs_responses(linter: Linter, question: Question, place: str) -> None:
    message = Sentence(
        "%(id)s asks about responses, and the items of this rubric have none", id=repr(question.id)
    )
    linter.note("no_responses", message, place, Sentence("write 'kinds: [responses]' under 'item'"))


def _about_responses(linter: Linter, question: Question, path: str) -> None:
    """Check what only preferences and rankings may say."""
    if question.type == "preference":
        count = linter.rubric.item.responses
        if count is None:
            _needs_responses(linter, question, f"{path}.type")
        elif count != FEWEST_RESPONSES:
            message = Sentence(
                "a preference is between two responses, and the items have %(count)s", count=count
            )
            linter.note(
                "bad_responses", message, f"{path}.type", Sentence("ask for a ranking instead")
            )
    if question.both_bad and question.type != "preference":
        message = Sentence("a %(type)s question has no 'both_bad'", type=question.type)
        linter.note("not_applicable", message, f"{path}.both_bad", Sentence("remove the key"))
    if question.ties and question.type not in {"preference", "ranking"}:
        message = Sentence("a %(type)s question has no 'ties'", type=question.type)
        linter.note("not_applicable", message, f"{path}.ties", Sentence("remove the key"))
    if question.type == "ranking" and len(question.options) > MOST_RESPONSES:
        message = Sentence(
            "a ranking has at most %(most)s options, not %(n)s",
            most=MOST_RESPONSES,
            n=len(question.options),
        )
        linter.note("too_many_options", message, f"{path}.options", Sentence("rank fewer of them"))


def _option_count(linter: Linter, question: Question, path: str) -> None:
    fewest = _FEWEST.get(question.type, 0)
    if len(question.options) < fewest:
        message = Sentence(
            "a %(type)s question needs at least %(fewest)s options",
            type=question.type,
            fewest=fewest,
        )
        hint = Sentence("add 'options:' or 'options_from: categories'")
        linter.note("too_few_options", message, f"{path}.options", hint)
    if question.options and question.type not in _CHOICE | {"span"}:
        message = Sentence("a %(type)s question has no options", type=question.type)
        linter.note("bad_options", message, f"{path}.options", Sentence("remove them"))


def _codes(linter: Linter, question: Question, path: str) -> None:
    codes: dict[float, str] = {}
    for at, option in enumerate(question.options):
        place = f"{path}.options[{at}]"
        if option.code is None:
            ordered = question.type == "ordinal" or question.level in _ORDERED
            ordered = ordered and question.type != "ranking"
            if ordered and not linter.written(f"{place}.code"):
                message = Sentence(
                    "option %(id)s of an ordered question needs a code", id=repr(option.id)
                )
                linter.note("missing_code", message, place, Sentence("add 'code:' with its rank"))
        elif option.code in codes:
            message = Sentence(
                "code %(code)s stands for %(value)s too",
                code=f"{option.code:g}",
                value=repr(codes[option.code]),
            )
            linter.note(
                "duplicate_code",
                message,
                f"{place}.code",
                Sentence("give each option its own code"),
            )
        else:
            codes[option.code] = option.id


def _hotkeys(linter: Linter, question: Question, path: str) -> None:
    taken: dict[str, str] = {}
    for at, option in enumerate(question.options):
        key, place = option.hotkey, f"{path}.options[{at}].hotkey"
        if key is None:
            continue
        if key in taken:
            message = Sentence(
                "hotkey %(key)s belongs to option %(value)s already",
                key=repr(key),
                value=repr(taken[key]),
            )
            linter.note("hotkey_clash", message, place, Sentence("choose another key"))
        elif key == TIE_KEY and question.type == "ranking" and question.ties:
            message = Sentence("hotkey %(key)s calls two of a ranking equal", key=repr(key))
            linter.note("hotkey_clash", message, place, Sentence("choose another key"))
        elif key in PAGE_KEYS:
            message = Sentence("hotkey %(key)s is a key of the labelling page", key=repr(key))
            hint = Sentence("keys of the page: %(keys)s", keys=", ".join(sorted(PAGE_KEYS)))
            linter.note("hotkey_clash", message, place, hint)
        elif key not in SAFE_KEYS:
            linter.note(
                "bad_hotkey",
                Sentence("%(key)s is no hotkey", key=repr(key)),
                place,
                Sentence("use one of a-z and 0-9"),
            )
        taken.setdefault(key, option.id)


def _bounds(linter: Linter, question: Question, path: str) -> None:
    low, high = question.min, question.max
    if question.type not in {"multi", "number", "span"}:
        for name, value in (("min", low), ("max", high)):
            if value is not None:
                message = Sentence(
                    "a %(type)s question has no %(name)s", type=question.type, name=repr(name)
                )
                linter.note("not_applicable", message, f"{path}.{name}", Sentence("remove the key"))
        return
    if low is not None and high is not None and low > high:
        message = Sentence(
            "'min' %(low)s is greater than 'max' %(high)s", low=f"{low:g}", high=f"{high:g}"
        )
        linter.note("out_of_range", message, f"{path}.min")
    if question.type != "number":
        _counts(linter, question, path)


def _counts(linter: Linter, question: Question, path: str) -> None:
    for name, value in (("min", question.min), ("max", question.max)):
        if value is not None and (value < 0 or isinstance(value, float)):
            message = Sentence(
                "%(name)s counts choices and must be a whole number from 0", name=repr(name)
            )
            linter.note("out_of_range", message, f"{path}.{name}")
    have = len(question.options)
    if question.type == "multi" and have and (question.min or 0) > have:
        message = Sentence(
            "'min' is %(min)s, but there are %(have)s options", min=f"{question.min:g}", have=have
        )
        linter.note("out_of_range", message, f"{path}.min")


def _applicability(linter: Linter, question: Question, path: str) -> None:
    if question.max_chars is not None and question.type != "text":
        message = Sentence("a %(type)s question has no 'max_chars'", type=question.type)
        linter.note("not_applicable", message, f"{path}.max_chars", Sentence("remove the key"))
    if question.cite and not any(one.clauses for one in linter.rubric.categories):
        message = Sentence("there are no clauses to cite")
        linter.note(
            "not_applicable", message, f"{path}.cite", Sentence("add clauses to the categories")
        )
    only = _ONE_LEVEL.get(question.type, question.level)
    if question.level != only:
        message = Sentence(
            "a %(type)s question is %(only)s, not %(level)s",
            type=question.type,
            only=only,
            level=question.level,
        )
        linter.note("level_not_allowed", message, f"{path}.level", Sentence("remove the key"))


def _repetition(linter: Linter, question: Question, path: str) -> None:
    if question.repeat_for is None:
        return
    place = f"{path}.repeat_for"
    parent = linter.by_id.get(question.repeat_for)
    if parent is None:
        linter.dangling(Sentence("question"), question.repeat_for, linter.by_id, place)
    elif linter.order[parent.id] >= linter.order.get(question.id, 0):
        message = Sentence("question %(id)s is not asked before this one", id=repr(parent.id))
        linter.note("later_question", message, place, Sentence("move it up"))
    elif linter.is_unsound(parent):
        return
    elif parent.type not in {"multi", "single"} or parent.repeat_for is not None:
        message = Sentence("%(id)s is no choice that can be repeated for", id=repr(parent.id))
        linter.note("bad_repeat", message, place, Sentence("name a single or multi question"))
    if question.type in {"multi", "span", "ranking"}:
        message = Sentence("a %(type)s question cannot be repeated", type=question.type)
        linter.note("bad_repeat", message, place)


def _structural_value(linter: Linter, question: Question, path: str) -> None:
    value, place = question.when_not_asked, f"{path}.when_not_asked"
    if value is None:
        return
    if question.level is None or question.type == "ranking":
        message = Sentence("a closed %(type)s question stands for nothing", type=question.type)
        linter.note("not_applicable", message, place, Sentence("remove the key"))
    elif question.ask_if is None and question.repeat_for is None:
        message = Sentence(
            "%(id)s is always asked, so 'when_not_asked' never counts", id=repr(question.id)
        )
        linter.note(
            "never_used", message, place, Sentence("remove the key or add 'ask_if:'"), "warning"
        )
    known = [option.id for option in question.options]
    if question.type == "boolean":
        known = ["true", "false"]
    measured = question.level is not None and question.type != "ranking"
    if value != NO_OPTION and value not in known and measured:
        linter.dangling(Sentence("option"), value, [*known, NO_OPTION], place)


def _agreement(linter: Linter, spec: AgreementSpec | None, path: str) -> None:
    if spec is not None and spec.floor > spec.target:
        message = Sentence(
            "the floor %(floor)s lies above the target %(target)s",
            floor=f"{spec.floor:g}",
            target=f"{spec.target:g}",
        )
        linter.note("out_of_range", message, f"{path}.agreement.floor")


def _adjudication(linter: Linter, question: Question, path: str) -> None:
    rule = question.adjudicate
    if rule is None or rule.when != "gap":
        return
    if rule.gap_at_least is None:
        message = Sentence("a rule by gap needs to know how large a gap")
        linter.note("missing_key", message, f"{path}.adjudicate", Sentence("add 'gap_at_least:'"))
    if question.type not in {"ordinal", "number"}:
        message = Sentence("answers to a %(type)s question have no distance", type=question.type)
        linter.note("not_applicable", message, f"{path}.adjudicate.when", Sentence("use 'differ'"))


_Check = Callable[["Linter", "Question", str], None]
_SAFE_CHECKS: Final[tuple[_Check, ...]] = (_option_ids, _hotkeys)
_TYPE_CHECKS: Final[tuple[_Check, ...]] = (
    _options,
    _bounds,
    _applicability,
    _about_responses,
    _repetition,
    _structural_value,
    _adjudication,
)


def _questions(linter: Linter) -> None:
    for at, question in enumerate(linter.rubric.questions):
        path = f"questions[{at}]"
        checks = _SAFE_CHECKS if path in linter.unsound else _SAFE_CHECKS + _TYPE_CHECKS
        for check in checks:
            check(linter, question, path)
        _agreement(linter, question.agreement, path)
        for name in ("ask_if", "required_if"):
            condition: Condition | None = getattr(question, name)
            if condition is not None:
                earlier = [one.id for one in linter.rubric.questions[:at]]
                check_condition(linter, condition, f"{path}.{name}", earlier)


def _derived(linter: Linter) -> None:
    everything = [question.id for question in linter.rubric.questions]
    for at, one in enumerate(linter.rubric.derived):
        path = f"derived[{at}]"
        _agreement(linter, one.agreement, path)
        check_condition(linter, one.when, f"{path}.when", everything)


def _categories(linter: Linter) -> None:
    users = [one for one in linter.rubric.questions if one.options_from == "categories"]
    if linter.rubric.categories and not users:
        message = Sentence("no question takes its options from the categories")
        hint = Sentence("add 'options_from: categories' to a question")
        linter.note("never_used", message, "categories", hint, "warning")
    for at, category in enumerate(linter.rubric.categories):
        path = f"categories[{at}]"
        _agreement(linter, category.agreement, path)
        _anchors(linter, category, path)
        _example_clauses(linter, category, path)
        if category.legal_route is not None:
            _legal_route(linter, category, path)


def _anchors(linter: Linter, category: Category, path: str) -> None:
    scales = [one for one in linter.rubric.questions if one.type == "ordinal"]
    known = dict.fromkeys(
        option.id
        for question in [one for one in scales if one.repeat_for is not None] or scales
        for option in question.options
    )
    for name in category.severity_anchors:
        if name not in known:
            linter.dangling(
                Sentence("step of a scale"), name, known, f"{path}.severity_anchors.{name}"
            )


def _example_clauses(linter: Linter, category: Category, path: str) -> None:
    known = [clause.id for clause in category.clauses]
    for name in ("examples", "counterexamples"):
        for at, example in enumerate(getattr(category, name)):
            if example.clause is not None and example.clause not in known:
                linter.dangling(
                    Sentence("clause"), example.clause, known, f"{path}.{name}[{at}].clause"
                )


def _legal_route(linter: Linter, category: Category, path: str) -> None:
    if category.labelable:
        message = Sentence("%(id)s has a legal route and must not be a label", id=repr(category.id))
        linter.note(
            "legal_route", message, f"{path}.legal_route", Sentence("add 'labelable: false'")
        )
    given = {
        "includes": category.includes,
        "excludes": category.excludes,
        "edge_cases": category.edge_cases,
        "examples": category.examples,
        "counterexamples": category.counterexamples,
        "severity_anchors": category.severity_anchors,
    }
    for name, value in given.items():
        if value:
            message = Sentence(
                "%(id)s has a legal route and may have no %(name)s",
                id=repr(category.id),
                name=repr(name),
            )
            linter.note("legal_route", message, f"{path}.{name}", Sentence("remove the key"))


def _items(linter: Linter) -> None:
    item = linter.rubric.item
    if RESPONSES in item.kinds and len(item.kinds) > 1:
        message = Sentence("a rubric for items with responses judges no others")
        linter.note("bad_kinds", message, "item.kinds", Sentence("write 'kinds: [responses]'"))
    if item.responses is None:
        return
    if RESPONSES not in item.kinds:
        message = Sentence("only items of the kind 'responses' have a number of responses")
        linter.note(
            "not_applicable", message, "item.responses", Sentence("write 'kinds: [responses]'")
        )
    elif item.responses > MOST_RESPONSES:
        message = Sentence(
            "an item has at most %(most)s responses, not %(responses)s",
            most=MOST_RESPONSES,
            responses=item.responses,
        )
        linter.note("out_of_range", message, "item.responses")


def _whole(linter: Linter) -> None:
    rubric = linter.rubric
    if rubric.adjudication.when == "gap" and rubric.adjudication.gap_at_least is None:
        message = Sentence("a rule by gap needs to know how large a gap")
        linter.note("missing_key", message, "adjudication", Sentence("add 'gap_at_least:'"))
    known = [category.id for category in rubric.categories]
    for at, name in enumerate(rubric.display.never_render):
        if name not in known:
            linter.dangling(Sentence("category"), name, known, f"display.never_render[{at}]")


def lint(rubric: Rubric, problems: Problems, places: Places) -> None:
    """Note every problem of meaning.

    Parameters
    ----------
    rubric : Rubric
        As far as it could be read; elements without an id are passed over.
    problems : Problems
        Where problems are noted.
    places : Places
        Where each element stands in the file.
    """
    linter = Linter(rubric, problems, places)
    for check in (_ids, _items, _questions, _derived, _categories, _whole, check_reach):
        check(linter)
