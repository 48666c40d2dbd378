"""YAML text to nodes that remember their place; nothing is constructed, nothing is guessed.

Only parser events are taken from ruamel.yaml. Aliases are expanded here under a cap on the nodes
they add up to, so that a short file cannot grow into a huge document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rubrics.errors import Gravity, Problem, RubricInvalid
from rubrics.sentences import Sentence

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 32
MAX_NODES: Final = 50_000
MAX_ALIASES: Final = 500
MAX_PROBLEMS: Final = 500

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = frozenset({"true", "false"})
_OLD_TRUTHS = frozenset(
    {"yes", "no", "on", "off", "y", "n", "true", "false"},
)
_REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]",
)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


NOWHERE: Final = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value as it is written."""

    text: str
    quoted: bool
    place: Place

    @property
    def kind(self) -> str:
        """Return ``text``, ``null``, ``bool``, ``old_bool``, ``int`` or ``float``."""
        if self.quoted:
            return "text"
        return _plain_kind(self.text)


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping, in the order written; keys may repeat and need not be text."""

    entries: tuple[tuple[Node, Node], ...]
    place: Place


Node = Scalar | Listing | Table


def _plain_kind(text: str) -> str:
    if text in _NULLS:
        return "null"
    if text in _TRUTHS:
        return "bool"
    if text.lower() in _OLD_TRUTHS:
        return "old_bool"
    if _INTEGER.match(text):
        return "int"
    return "float" if _DECIMAL.match(text) else "text"


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with one file."""

    source: str
    found: list[Problem] = field(default_factory=list)

    def add(
        self,
        code: str,
        message: str,
        place: Place,
        suggestion: str | None = None,
        severity: Gravity = "error",
    ) -> None:
        """Note one problem; past the most that anyone would read, stop."""
        self.found.append(
            Problem(code, message, self.source, place.line, place.column, suggestion, severity)
        )
        if len(self.found) >= MAX_PROBLEMS:
            more = f"there are more problems than these {MAX_PROBLEMS}"
            self.found.append(
                Problem("too_many_problems", more, self.source, place.line, place.column)
            )
            raise RubricInvalid(self.found)

    def stop(self, code: str, message: str, place: Place, suggestion: str | None = None) -> None:
        """Note a problem that nothing can be read behind."""
        self.add(code, message, place, suggestion)
        raise RubricInvalid(self.found)


def _place_of(text: str, position: int) -> Place:
    before = text[:position]
    breaks = list(_LINE_BREAK.finditer(before))
    start = breaks[-1].end() if breaks else 0
    return Place(len(breaks) + 1, position - start + 1)


def _decode(data: str | bytes, problems: Problems) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        problems.stop(
            "invalid_utf8",
            f"byte 0x{data[error.start]:02x} is not valid UTF-8",
            _place_of(good, len(good)),
            "save the file as UTF-8",
        )
        raise


def read_text(data: str | bytes, problems: Problems) -> str:
    """Return the text of a file, or stop at what no YAML reader should be given."""
    if len(data) > MAX_BYTES:
        problems.stop(
            "too_large",
            f"the file has {len(data):,} bytes; a rubric may have {MAX_BYTES:,}",
            Place(1, 1),
            "split the rubric",
        )
    text = _decode(data, problems)
    for bad in _REFUSED.finditer(text):
        problems.add(
            "control_character",
            Sentence(
                "character U+%(ord)s may not stand in a rubric", ord=f"{ord(bad.group()):04X}"
            ),
            _place_of(text, bad.start()),
            Sentence("remove it"),
        )
    if problems.found:
        raise RubricInvalid(problems.found)
    return text


def _event_place(event: Any) -> Place:  # noqa: ANN401  (ruamel.yaml events are untyped)
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else NOWHERE


class _Builder:
    """Turns the event stream of one document into nodes."""

    def __init__(self, events: Iterator[Any], problems: Problems) -> None:
        self._events = events
        self._problems = problems
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        self._aliases = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            name = type(event).__name__
            if name == "DocumentStartEvent":
                if root is not None:
                    self._problems.stop(
                        "several_documents",
                        "the file holds more than one document",
                        _event_place(event),
                        "keep one rubric in a file; remove the line '---'",
                    )
                root = self._node(next(self._events), 1)
        return root

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES or self._aliases > MAX_ALIASES:
            self._problems.stop(
                "too_many_nodes",
                f"the document grows beyond {MAX_NODES:,} values (aliases repeat what they name)",
                place,
                "write values out instead of repeating them by alias",
            )

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401
        place = _event_place(event)
        if depth > MAX_DEPTH:
            self._problems.stop(
                "too_deep", f"values are nested deeper than {MAX_DEPTH} levels", place
            )
        if type(event).__name__ == "AliasEvent":
            return self._alias(event, place)
        self._check_tag(event, place)
        before = self._nodes
        self._count(1, place)
        node = self._value(event, place, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._nodes - before)
        return node

    def _value(self, event: Any, place: Place, depth: int) -> Node:  # noqa: ANN401
        name = type(event).__name__
        if name == "ScalarEvent":
            return Scalar(event.value, event.style is not None, place)
        if name == "SequenceStartEvent":
            return Listing(tuple(self._children("SequenceEndEvent", depth)), place)
        nodes = list(self._children("MappingEndEvent", depth))
        return Table(tuple(zip(nodes[::2], nodes[1::2], strict=True)), place)

    def _children(self, end: str, depth: int) -> Iterator[Node]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield self._node(event, depth + 1)

    def _alias(self, event: Any, place: Place) -> Node:  # noqa: ANN401
        self._aliases += 1
        known = self._anchors.get(event.anchor)
        if known is None:
            self._problems.stop(
                "unknown_alias",
                f"alias *{event.anchor} names no anchor that stands before it",
                place,
                "write the value out",
            )
            raise RubricInvalid(self._problems.found)
        self._count(known[1], place)
        return known[0]

    def _check_tag(self, event: Any, place: Place) -> None:  # noqa: ANN401
        tag = event.ctag if hasattr(event, "ctag") else None
        if tag is not None and str(tag) not in {"None", "!"}:
            self._problems.add(
                "tag",
                Sentence("the tag %(tag)s is not read", tag=tag),
                place,
                Sentence("remove the tag"),
            )


def parse(data: str | bytes, problems: Problems) -> Node | None:
    """Return the one document of a YAML file as nodes.

    Parameters
    ----------
    data : str or bytes
        The file.
    problems : Problems
        Where problems go; what cannot be read past is raised.

    Raises
    ------
    RubricInvalid
        For text that is not YAML, or beyond the caps.
    """
    text = read_text(data, problems)
    try:
        return _Builder(iter(YAML(typ="safe", pure=True).parse(text)), problems).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        words = error.problem or error.context or Sentence("it cannot be read")
        message = Sentence("this is not YAML: %(words)s", words=words)
        problems.stop("broken_yaml", message, place, _broken_hint(words))
    except (YAMLError, ValueError, OverflowError) as error:
        message = Sentence("this is not YAML: %(words)s", words=error)
        problems.stop("broken_yaml", message, Place(1, 1))
    return None


def _broken_hint(words: str) -> str | None:
    if "\\t" in words:
        return Sentence("indent with spaces, not with tabs")
    if "mapping values are not allowed" in words:
        return Sentence("put text with a colon in quotes, or check the indentation")
    return None


def from_json(value: object) -> Node:
    """Return nodes for a value read from JSON, so that both ways in share one reader."""
    if isinstance(value, Mapping):
        entries = tuple((from_json(key), from_json(one)) for key, one in value.items())
        return Table(entries, NOWHERE)
    if isinstance(value, str):
        return Scalar(value, quoted=True, place=NOWHERE)
    if isinstance(value, Sequence):
        return Listing(tuple(from_json(one) for one in value), NOWHERE)
    if value is None or isinstance(value, bool):
        text = "null" if value is None else str(value).lower()
        return Scalar(text, quoted=False, place=NOWHERE)
    return Scalar(repr(value), quoted=False, place=NOWHERE)
