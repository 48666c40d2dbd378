"""Values of answers: what each type of question takes, and how it is stored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, permutations
from typing import TYPE_CHECKING, Final, NamedTuple

from rubrics.conditions import Answer
from rubrics.sentences import Sentence, together

if TYPE_CHECKING:
    from rubrics.schema import Number, Question, Rubric

MAX_TEXT: Final = 10_000
MAX_SPANS: Final = 200
MAX_NUMBER: Final = 1e15
RANK, TIE = ">", "="
"""Signs of a stored ranking; no id holds them."""

_SPAN_KEYS: Final = frozenset({"target", "start", "end", "label"})
_REFUSED_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SPAN_TARGET = re.compile(
    r"(?:text|prompt|response|response:r[1-9]|message:(?:0|[1-9][0-9]{0,5}))\Z"
)
_SPAN_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt": ("prompt", "message:"),
    "response": ("response", "message:"),
    "text": ("text", "message:"),
    "messages": ("message:",),
}
"""Where a question's spans may lie. A conversation has no prompt and no response: its turns do."""


class Refused(Exception):
    """One answer cannot be taken; becomes a problem of its submission."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Read(NamedTuple):
    """A value that was accepted: as conditions see it, and as it is stored."""

    answer: Answer
    stored: str | None


Texts = Mapping[str, str] | None
Reader = Callable[[object, Texts], Read]


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    number = Sentence("a number")
    words = {bool: Sentence("true or false"), str: Sentence("text"), int: number, float: number}
    if value is None:
        return Sentence("nothing")
    if isinstance(value, Mapping):
        return Sentence("an object")
    return words.get(type(value), Sentence("a list"))


def _choice_reader(question: Question) -> Reader:
    known = {option.id: Read(Answer(option.id), option.id) for option in question.options}
    listed = ", ".join(known)

    def read(value: object, _: Texts) -> Read:
        if not isinstance(value, str):
            raise Refused(
                "wrong_type", Sentence("takes one option id, not %(kind)s", kind=kind_of(value))
            )
        found = known.get(value)
        if found is None:
            raise Refused(
                "unknown_option",
                Sentence(
                    "has no option %(value)s; it has %(listed)s", value=short(value), listed=listed
                ),
            )
        return found

    return read


def short(value: str) -> str:
    """Return a text as it may stand in a message."""
    return repr(value if len(value) <= 40 else value[:40] + "…").encode("utf-8", "replace").decode()


def _refuse_option(value: object, known: Mapping[str, object]) -> None:
    if not isinstance(value, str):
        raise Refused("wrong_type", Sentence("takes option ids, not %(kind)s", kind=kind_of(value)))
    listed = ", ".join(known)
    raise Refused(
        "unknown_option",
        Sentence("has no option %(value)s; it has %(listed)s", value=short(value), listed=listed),
    )


def _multi_reader(question: Question) -> Reader:
    known = {option.id: option for option in question.options}
    low = int(question.min or 0)
    high = len(known) if question.max is None else int(question.max)

    def read(value: object, _: Texts) -> Read:
        if not isinstance(value, list | tuple):
            raise Refused(
                "wrong_type",
                Sentence("takes a list of option ids, not %(kind)s", kind=kind_of(value)),
            )
        for one in value:
            if not isinstance(one, str) or one not in known:
                _refuse_option(one, known)
        if len(set(value)) != len(value):
            raise Refused("too_many", Sentence("names an option twice"))
        if len(value) < low:
            raise Refused("too_few", Sentence("needs at least %(low)s of its options", low=low))
        if len(value) > high:
            raise Refused("too_many", Sentence("takes at most %(high)s of its options", high=high))
        return Read(Answer(tuple(value)), None)

    return read


_TRUE: Final = Read(Answer(value=True), "true")
_FALSE: Final = Read(Answer(value=False), "false")


def _boolean_reader(_: Question) -> Reader:
    def read(value: object, _: Texts) -> Read:
        if not isinstance(value, bool):
            raise Refused(
                "wrong_type", Sentence("takes true or false, not %(kind)s", kind=kind_of(value))
            )
        return _TRUE if value else _FALSE

    return read


def canonical_number(value: Number) -> str:
    """Return the one text form of a number: no exponent sign, no trailing zero for whole ones."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _number_reader(question: Question) -> Reader:
    low, high = question.min, question.max

    def read(value: object, _: Texts) -> Read:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(
                "wrong_type", Sentence("takes a number, not %(kind)s", kind=kind_of(value))
            )
        if not abs(value) <= MAX_NUMBER:  # also what is not a number compares false
            raise Refused("out_of_range", Sentence("takes a finite number of at most 15 digits"))
        if low is not None and value < low:
            raise Refused("out_of_range", Sentence("must be at least %(low)s", low=f"{low:g}"))
        if high is not None and value > high:
            raise Refused("out_of_range", Sentence("must be at most %(high)s", high=f"{high:g}"))
        return Read(Answer(value), canonical_number(value))

    return read


def plain_text(value: object, limit: int) -> str:
    """Return a text that can be kept on every database, or refuse it."""
    if not isinstance(value, str):
        raise Refused("wrong_type", Sentence("takes text, not %(kind)s", kind=kind_of(value)))
    if len(value) > limit:
        raise Refused(
            "bad_text",
            Sentence(
                "takes at most %(limit)s characters, not %(n)s",
                limit=f"{limit:,}",
                n=f"{len(value):,}",
            ),
        )
    bad = _REFUSED_TEXT.search(value)
    if bad is not None:
        where = f"U+{ord(bad.group()):04X} at character {bad.start() + 1}"
        raise Refused(
            "bad_text", Sentence("holds a character that cannot be kept: %(where)s", where=where)
        )
    return value


def _text_reader(question: Question) -> Reader:
    limit = question.max_chars or MAX_TEXT

    def read(value: object, _: Texts) -> Read:
        text = plain_text(value, limit)
        return Read(Answer(text), text)

    return read


def _offset(span: Mapping[str, object], key: str) -> int:
    value = span.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NUMBER:
        raise Refused(
            "bad_span", Sentence("a span needs %(key)s, a whole number from 0", key=repr(key))
        )
    return value


def _span_target(span: Mapping[str, object], allowed: tuple[str, ...], texts: Texts) -> str:
    target = span.get("target")
    if not isinstance(target, str) or _SPAN_TARGET.match(target) is None:
        message = Sentence(
            "a span's target is text, prompt, response, response:r<n> or message:<index>"
        )
        raise Refused("bad_span", message)
    if allowed and not target.startswith(allowed):
        raise Refused(
            "bad_span",
            Sentence(
                "takes spans in %(allowed)s only, not in %(target)s",
                allowed=allowed[0].rstrip(":"),
                target=target,
            ),
        )
    if texts is not None and target not in texts:
        raise Refused("bad_span", Sentence("the item has no %(target)s", target=target))
    return target


def _span_label(span: Mapping[str, object], labels: frozenset[str]) -> dict[str, str]:
    label = span.get("label")
    if label is None and not labels:
        return {}
    if not isinstance(label, str) or label not in labels:
        known = ", ".join(sorted(labels)) or "none"
        raise Refused(
            "unknown_option", Sentence("a span's label is one of: %(known)s", known=known)
        )
    return {"label": label}


def _span(
    value: object, allowed: tuple[str, ...], labels: frozenset[str], texts: Texts
) -> dict[str, str | int]:
    if not isinstance(value, Mapping):
        raise Refused(
            "bad_span", Sentence("a span is an object, not %(kind)s", kind=kind_of(value))
        )
    extra = [str(key) for key in value if key not in _SPAN_KEYS]
    if extra:
        raise Refused("unknown_key", Sentence("a span has no key %(extra)s", extra=short(extra[0])))
    target = _span_target(value, allowed, texts)
    start, end = _offset(value, "start"), _offset(value, "end")
    if start >= end:
        raise Refused(
            "bad_span",
            Sentence("a span ends after it starts, not %(start)s to %(end)s", start=start, end=end),
        )
    if texts is not None and end > len(texts[target]):
        size = len(texts[target])
        raise Refused(
            "bad_span",
            Sentence(
                "%(target)s has %(size)s characters; the span ends at %(end)s",
                target=target,
                size=size,
                end=end,
            ),
        )
    return {"end": end, "start": start, "target": target, **_span_label(value, labels)}


def _span_order(span: dict[str, str | int]) -> tuple[str, int, int, str]:
    return (
        str(span["target"]),
        int(span["start"]),
        int(span["end"]),
        str(span.get("label", "")),
    )


def span_places(question: Question) -> tuple[str, ...]:
    """Return how the targets of a question's spans may begin; nothing means anyhow."""
    return _SPAN_PREFIXES.get(question.target or "", ())


def _span_reader(question: Question) -> Reader:
    allowed = span_places(question)
    labels = frozenset(option.id for option in question.options)
    low = int(question.min or 0)
    high = MAX_SPANS if question.max is None else int(question.max)

    def read(value: object, texts: Texts) -> Read:
        if not isinstance(value, list | tuple):
            raise Refused(
                "wrong_type", Sentence("takes a list of spans, not %(kind)s", kind=kind_of(value))
            )
        if not low <= len(value) <= high:
            code = "too_few" if len(value) < low else "too_many"
            raise Refused(
                code,
                Sentence(
                    "takes %(low)s to %(high)s spans, not %(n)s", low=low, high=high, n=len(value)
                ),
            )
        spans = sorted((_span(one, allowed, labels, texts) for one in value), key=_span_order)
        if any(one == other for one, other in pairwise(spans)):
            raise Refused("bad_span", Sentence("names the same span twice"))
        stored = json.dumps(spans, sort_keys=True, separators=(",", ":"))
        return Read(Answer(stored), stored)

    return read


def ranking_text(groups: Iterable[Sequence[str]]) -> str:
    """Return a ranking as it is stored: the best first, equal ones joined by ``=``."""
    return RANK.join(TIE.join(group) for group in groups)


def ranking_groups(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the groups of a stored ranking, the best first."""
    return tuple(tuple(group.split(TIE)) for group in text.split(RANK))


def ranking_words(question: Question, text: str) -> str:
    """Return a stored ranking in the words of its options."""
    labels = {option.id: option.label for option in question.options}
    groups = ([labels.get(one, one) for one in group] for group in ranking_groups(text))
    return f" {RANK} ".join(f" {TIE} ".join(group) for group in groups)


def span_words(question: Question, text: str) -> Sentence:
    """Return stored passages in words: where each lies, and what it is marked as."""
    labels = {option.id: option.label for option in question.options}
    return together((_passage(span, labels) for span in json.loads(text)), ", ")


def _passage(span: Mapping[str, str], labels: Mapping[str, str]) -> Sentence:
    where = Sentence(
        "%(place)s, %(start)s to %(end)s",
        place=_place(span["target"]),
        start=span["start"],
        end=span["end"],
    )
    label = span.get("label")
    return where if not label else together((where, labels.get(label, label)), ": ")


def _place(target: str) -> Sentence:
    part, _, which = target.partition(":")
    if part == "message":
        return Sentence("turn %(n)s", n=int(which) + 1)
    if which:
        return Sentence("response %(n)s", n=which.removeprefix("r"))
    known = {"prompt": Sentence("prompt"), "response": Sentence("response")}
    return known.get(part, Sentence("text"))


def category_name(rubric: Rubric, question: Question, category: str) -> str:
    """Return what the category of a cell is called: an option, or a choice it is repeated for."""
    holder = rubric.question(question.repeat_for) if question.repeat_for else question
    names = {option.id: option.label for option in holder.options}
    return names.get(category, category)


def every_ranking(question: Question) -> Iterator[str]:
    """Yield every ranking that a question takes, as it is stored; there are many of many options.

    Orders without equal ranks come first.
    """
    ids = [option.id for option in question.options]
    for joints in range(len(ids) if question.ties else 1):
        for order in permutations(ids):
            for joined in combinations(range(1, len(ids)), joints):
                groups = _cut(order, joined)
                if all(group == sorted(group, key=ids.index) for group in groups):
                    yield ranking_text(groups)


def _cut(order: Sequence[str], joined: Sequence[int]) -> list[list[str]]:
    """Cut an order into groups; an option at a joined place stands with the one before it."""
    groups: list[list[str]] = []
    for place, one in enumerate(order):
        if place in joined:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def checked_ranking(question: Question, groups: Sequence[Sequence[str]]) -> str:
    """Return a ranking as it is stored, or refuse it: every option once, ties where allowed."""
    places = {option.id: place for place, option in enumerate(question.options)}
    named = [one for group in groups for one in group]
    for one in named:
        if one not in places:
            _refuse_option(one, places)
    if len(set(named)) != len(named):
        raise Refused("too_many", Sentence("names an option twice"))
    if len(named) < len(places):
        left = ", ".join(one for one in places if one not in named)
        raise Refused("too_few", Sentence("ranks every option; %(left)s has no place", left=left))
    if not question.ties and any(len(group) > 1 for group in groups):
        raise Refused("no_ties", Sentence("takes no equal ranks"))
    return ranking_text(sorted(group, key=places.__getitem__) for group in groups)


def _rank_group(value: object) -> list[str]:
    entries = value if isinstance(value, list | tuple) else [value]
    if not entries or not all(isinstance(one, str) for one in entries):
        message = Sentence(
            "takes option ids, the best first; a list of ids among them shares one rank"
        )
        raise Refused("wrong_type", message)
    return list(entries)


def _ranking_reader(question: Question) -> Reader:
    def read(value: object, _: Texts) -> Read:
        if not isinstance(value, list | tuple):
            raise Refused(
                "wrong_type",
                Sentence("takes a list of option ids, not %(kind)s", kind=kind_of(value)),
            )
        stored = checked_ranking(question, [_rank_group(one) for one in value])
        return Read(Answer(stored), stored)

    return read


READERS: Final[Mapping[str, Callable[[Question], Reader]]] = {
    "single": _choice_reader,
    "ordinal": _choice_reader,
    "multi": _multi_reader,
    "boolean": _boolean_reader,
    "number": _number_reader,
    "text": _text_reader,
    "span": _span_reader,
    "preference": _choice_reader,
    "ranking": _ranking_reader,
}
