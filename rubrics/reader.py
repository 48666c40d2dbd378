"""Reads typed fields out of nodes and notes every mistake instead of stopping at the first."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rubrics.sentences import Sentence
from rubrics.yaml_nodes import NOWHERE, Listing, Node, Place, Problems, Scalar, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rubrics.schema import Number

ID_PATTERN: Final = r"[A-Za-z][A-Za-z0-9_.\-]{0,63}"
MAX_NUMBER: Final = 1e15
"""Beyond it floats stop telling neighbours apart."""
_ID = re.compile(ID_PATTERN + r"\Z")


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint at the nearest known word, or None when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return Sentence("did you mean %(word)s?", word=repr(near[0])) if near else None


@dataclass(slots=True)
class Places:
    """Where each element of a rubric stands, by path, e.g. ``questions[2].ask_if``."""

    known: dict[str, Place] = field(default_factory=dict)
    unsound: set[str] = field(default_factory=set)
    """Paths of questions whose type could not be read; what hangs on the type goes unchecked."""

    def at(self, path: str) -> Place:
        """Return the place of a path, or of the nearest element around it."""
        while path:
            if path in self.known:
                return self.known[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.known.get("", NOWHERE)


@dataclass(slots=True)
class Context:
    """What every reader of one file shares."""

    problems: Problems
    places: Places


def _what(node: Node) -> str:
    if isinstance(node, Table):
        return Sentence("a mapping")
    if isinstance(node, Listing):
        return Sentence("a list")
    words = {
        "null": Sentence("nothing"),
        "bool": Sentence("a truth value"),
        "old_bool": Sentence("a YAML 1.1 truth value"),
        "text": Sentence("text"),
    }
    return words.get(node.kind, Sentence("a number"))


class Fields:
    """The fields of one mapping, by name."""

    def __init__(
        self, node: Node | None, path: str, known: Iterable[str], context: Context
    ) -> None:
        """Take a node apart and note unknown and repeated keys."""
        self.path = path
        self.context = context
        self._problems = context.problems
        self._nodes: dict[str, Node] = {}
        self._known = tuple(known)
        self.place = node.place if node is not None else context.places.at(path)
        context.places.known.setdefault(path, self.place)
        if isinstance(node, Table):
            self._read_keys(node)
        elif node is not None:
            self._wrong_type(path or "the rubric", Sentence("a mapping"), node)

    def _read_keys(self, node: Table) -> None:
        for key, value in node.entries:
            name = self._key(key, value)
            if name is None:
                continue
            if name in self._nodes:
                self._problems.add(
                    "duplicate_key",
                    Sentence("the key %(name)s stands twice in one mapping", name=repr(name)),
                    key.place,
                    Sentence("keep one of them"),
                )
                continue
            self._nodes[name] = value
            self.context.places.known[self.at(name)] = key.place

    def _key(self, key: Node, value: Node) -> str | None:
        if not isinstance(key, Scalar):
            self._problems.add(
                "wrong_type", Sentence("%(kind)s cannot be a key", kind=_what(key)), key.place
            )
            return None
        if key.text in self._known:
            return key.text
        where = f"{self.path!r}" if self.path else "the rubric"
        hint = did_you_mean(key.text, self._known)
        if hint is None and _dropped_text(value):
            hint = Sentence("an unquoted comma inside { } starts a new key: put the text in quotes")
        if key.text == "<<":
            hint = Sentence("merge keys are not read: write the keys out")
        self._problems.add(
            "unknown_key",
            Sentence("unknown key %(text)s in %(where)s", text=repr(key.text), where=where),
            key.place,
            hint or Sentence("known keys: %(keys)s", keys=", ".join(self._known)),
        )
        return None

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def node(self, name: str, *, required: bool = False) -> Node | None:
        """Return a field's node; None when it is absent or has no value."""
        node = self._nodes.get(name)
        if node is None:
            if required:
                where = self.path or Sentence("the rubric")
                self._problems.add(
                    "missing_key",
                    Sentence("%(where)s needs the key %(name)s", where=where, name=repr(name)),
                    self.place,
                    Sentence("add '%(name)s:'", name=name),
                )
            return None
        if _dropped_text(node):
            self._problems.add(
                "null",
                Sentence("%(place)s has no value", place=repr(self.at(name))),
                self.context.places.at(self.at(name)),
                Sentence("write a value or remove the key"),
            )
            return None
        return node

    def given(self, name: str) -> bool:
        """Return whether a field is written at all."""
        return name in self._nodes

    def _wrong_type(self, path: str, wanted: str, node: Node, hint: str | None = None) -> None:
        self._problems.add(
            "wrong_type",
            Sentence(
                "%(path)s must be %(wanted)s, not %(kind)s",
                path=repr(path),
                wanted=wanted,
                kind=_what(node),
            ),
            node.place,
            hint,
        )

    def string_of(self, node: Node, path: str, code: str = "wrong_type") -> str | None:
        """Return the text of a node, or None after noting why it is not text."""
        if isinstance(node, Scalar):
            if node.kind == "text":
                return node.text
            if node.kind in {"old_bool", "bool"}:
                message = Sentence(
                    "unquoted %(text)s at %(path)s is a truth value to YAML 1.1 readers",
                    text=node.text,
                    path=repr(path),
                )
                self._problems.add(
                    "unquoted_boolean",
                    message,
                    node.place,
                    Sentence('write "%(text)s" in quotes', text=node.text),
                )
                return None
            if node.kind == "null":
                self._problems.add(
                    "null",
                    Sentence("%(path)s has no value", path=repr(path)),
                    node.place,
                    Sentence("write a value"),
                )
                return None
            self._problems.add(
                code,
                Sentence("%(path)s must be text, not a number", path=repr(path)),
                node.place,
                Sentence('write "%(text)s" in quotes', text=node.text),
            )
            return None
        self._wrong_type(path, Sentence("text"), node)
        return None

    def text(self, name: str) -> str | None:
        """Return an optional text field."""
        node = self.node(name)
        return None if node is None else self.string_of(node, self.at(name))

    def needed_text(self, name: str) -> str:
        """Return a text field that must be there; empty after noting that it is not."""
        node = self.node(name, required=True)
        text = "" if node is None else self.string_of(node, self.at(name))
        if text is not None and node is not None and not text.strip():
            self._problems.add(
                "empty",
                Sentence("%(place)s is empty", place=repr(self.at(name))),
                node.place,
                Sentence("write a text"),
            )
        return text or ""

    def id_of(self, node: Node, path: str) -> str:
        """Return an id, or an empty text after noting what is wrong with it."""
        text = self.string_of(node, path, "non_string_id")
        if text is None:
            return ""
        if _ID.match(text) is None:
            self._problems.add(
                "bad_id",
                Sentence("%(text)s at %(path)s is not an id", text=repr(text), path=repr(path)),
                node.place,
                Sentence(
                    "an id begins with a letter and holds at most 64 letters, digits, '_', '-', '.'"
                ),
            )
            return ""
        return text

    def identifier(self, name: str, *, required: bool = True) -> str:
        """Return an id field."""
        node = self.node(name, required=required)
        return "" if node is None else self.id_of(node, self.at(name))

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return a field that must be one of a few words."""
        node = self.node(name)
        if node is None:
            return default
        text = self.string_of(node, self.at(name))
        if text is None or text in allowed:
            return text or default
        self._problems.add(
            "not_allowed",
            Sentence("%(place)s may not be %(text)s", place=repr(self.at(name)), text=repr(text)),
            node.place,
            did_you_mean(text, allowed) or Sentence("allowed: %(words)s", words=", ".join(allowed)),
        )
        return default

    def number_of(self, node: Node, path: str) -> Number | None:
        """Return the number a node holds, or None after noting that it holds none."""
        if isinstance(node, Scalar) and node.kind in {"int", "float"}:
            value = float(node.text)
            if abs(value) <= MAX_NUMBER:
                # 1 and 1.0 are one number and must give one fingerprint.
                return int(value) if value.is_integer() else value
            self._problems.add(
                "out_of_range", Sentence("%(path)s is too large", path=repr(path)), node.place
            )
            return None
        hint = Sentence("remove the quotes") if _quoted_number(node) else None
        self._wrong_type(path, Sentence("a number"), node, hint)
        return None

    def number(
        self, name: str, low: float | None = None, high: float | None = None
    ) -> Number | None:
        """Return an optional number within bounds."""
        node = self.node(name)
        value = None if node is None else self.number_of(node, self.at(name))
        if value is None or node is None:
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = (
                Sentence("at least %(low)s", low=f"{low:g}")
                if high is None
                else Sentence("between %(low)s and %(high)s", low=f"{low:g}", high=f"{high:g}")
            )
            self._problems.add(
                "out_of_range",
                Sentence(
                    "%(place)s must be %(bounds)s, not %(value)s",
                    place=repr(self.at(name)),
                    bounds=bounds,
                    value=f"{value:g}",
                ),
                node.place,
            )
            return None
        return value

    def integer(self, name: str, low: int | None = None) -> int | None:
        """Return an optional whole number."""
        value = self.number(name, low)
        if isinstance(value, float):
            self._problems.add(
                "wrong_type",
                Sentence("%(place)s must be a whole number", place=repr(self.at(name))),
                self.context.places.at(self.at(name)),
            )
            return None
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a truth value, written true or false."""
        node = self.node(name)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.kind == "bool":
            return node.text == "true"
        hint = Sentence("write true or false") if isinstance(node, Scalar) else None
        self._wrong_type(self.at(name), Sentence("true or false"), node, hint)
        return default

    def items(self, name: str, *, required: bool = False) -> Iterator[tuple[Node, str]]:
        """Yield the nodes of a list field with their paths."""
        node = self.node(name, required=required)
        if node is None:
            return
        if not isinstance(node, Listing):
            hint = Sentence("begin each entry with '- '")
            self._wrong_type(self.at(name), Sentence("a list"), node, hint)
            return
        if required and not node.items:
            self._problems.add(
                "empty",
                Sentence("%(place)s is empty", place=repr(self.at(name))),
                node.place,
                Sentence("add an entry"),
            )
        for index, one in enumerate(node.items):
            path = f"{self.at(name)}[{index}]"
            self.context.places.known[path] = one.place
            yield one, path

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = [self.string_of(node, path) for node, path in self.items(name)]
        return tuple(text for text in found if text is not None)

    def ids(self, name: str) -> tuple[str, ...]:
        """Return a list of ids."""
        found = [self.id_of(node, path) for node, path in self.items(name)]
        return tuple(one for one in found if one)

    def strings(self, name: str) -> Mapping[str, str]:
        """Return a mapping from id to text."""
        node = self.node(name)
        if node is None:
            return {}
        if not isinstance(node, Table):
            self._wrong_type(self.at(name), Sentence("a mapping"), node)
            return {}
        return self._strings(node, self.at(name))

    def _strings(self, node: Table, path: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in node.entries:
            name = self.id_of(key, path)
            text = self.string_of(value, f"{path}.{name}")
            if name in found:
                self._problems.add(
                    "duplicate_key",
                    Sentence("the key %(name)s stands twice in one mapping", name=repr(name)),
                    key.place,
                    Sentence("keep one of them"),
                )
            elif name and text is not None:
                found[name] = text
                self.context.places.known[f"{path}.{name}"] = key.place
        return found


def _dropped_text(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "null"


def _quoted_number(node: Node) -> bool:
    return isinstance(node, Scalar) and Scalar(node.text, quoted=False, place=node.place).kind in {
        "int",
        "float",
    }


def note(fields: Fields, code: str, message: str, path: str, hint: str | None = None) -> None:
    """Note a problem with the element at a path."""
    fields.context.problems.add(code, message, fields.context.places.at(path), hint)
