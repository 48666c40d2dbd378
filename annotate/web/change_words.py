"""What a rubric version changed, in the words of whoever labels by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from annotate.web.rendering import translate as _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rubrics.schema import Rubric
    from rubrics.versioning import Change

_STEP = re.compile(r"([a-z_]+)(?:\[([^\]]*)\])?")
LONGEST = 400
_KEPT_QUIET: Final = (
    # what those who run the project decide; an annotator answers no differently for it
    *("title", "description", "owner", "status", "taxonomy_refs", "languages", "derived"),
    *("paradigm", "item", "agreement", "adjudication"),
)
_QUIET_FIELDS: Final = frozenset(
    {"agreement", "adjudication", "maps_to", "exposure_weight", "role", "since", "code", "level"}
    | {"target", "when_not_asked", "labelable", "legal_route"}
)


@dataclass(frozen=True, slots=True)
class Note:
    """One change: what changed, and the words before and after where there are any."""

    words: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class ElementNotes:
    """The changes of one element, under the name that annotators know it by."""

    title: str
    notes: tuple[Note, ...]


def element_notes(old: Rubric, new: Rubric, changes: Iterable[Change]) -> tuple[ElementNotes, ...]:
    """Return what an annotator has to know, element by element, in the rubric's order."""
    found: dict[str, list[Note]] = {}
    for change in changes:
        steps = [(name, entry or "") for name, entry in _STEP.findall(change.path)]
        if _is_quiet(steps):
            continue
        rubric = old if change.kind == "removed" else new
        found.setdefault(_title(rubric, steps), []).append(_note(rubric, change, steps))
    return tuple(ElementNotes(title, tuple(notes)) for title, notes in found.items())


def _is_quiet(steps: list[tuple[str, str]]) -> bool:
    return steps[0][0] in _KEPT_QUIET or any(name in _QUIET_FIELDS for name, _entry in steps)


def _title(rubric: Rubric, steps: list[tuple[str, str]]) -> str:
    name, entry = steps[0]
    if name == "questions" and entry:
        return _("Question: %(name)s", name=rubric.question(entry).text)
    if name == "categories" and entry:
        return _("Category: %(name)s", name=rubric.category(entry).name)
    if name == "reserved":
        return _("Unsure and cannot assess")
    if name == "display":
        return _("How items are shown")
    return _("Order")


def _note(rubric: Rubric, change: Change, steps: list[tuple[str, str]]) -> Note:
    words = _WORDS.get((steps[0][0], *_parts(steps)), _other)
    text = words(_Said(rubric, change, steps))
    if change.kind == "moved":
        return Note(_("The order has changed."))
    return Note(text, _plain(change.old), _plain(change.new))


def _parts(steps: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(name for name, _entry in steps[1:])


@dataclass(frozen=True, slots=True)
class _Said:
    """A change while its words are looked for."""

    rubric: Rubric
    change: Change
    steps: list[tuple[str, str]]

    @property
    def entry(self) -> str:
        """The id of the innermost entry: a clause, an option, a category."""
        return next((entry for _name, entry in reversed(self.steps) if entry), "")

    @property
    def option(self) -> str:
        """The option's words."""
        options = self.rubric.question(self.steps[0][1]).options
        return next((one.label for one in options if one.id == self.entry), self.entry)

    def by_kind(self, added: str, removed: str, changed: str) -> str:
        """Return the words that fit what happened."""
        return {"added": added, "removed": removed}.get(self.change.kind, changed)


def _clause(said: _Said) -> str:
    id_ = said.entry
    return said.by_kind(
        _("Clause %(id)s is new.", id=id_),
        _("Clause %(id)s is gone.", id=id_),
        _("Clause %(id)s reads differently.", id=id_),
    )


def _ruling(said: _Said) -> str:
    return _("Clause %(id)s has a ruling.", id=said.entry)


def _option(said: _Said) -> str:
    name = said.option
    return said.by_kind(
        _("The answer “%(name)s” is new.", name=name),
        _("The answer “%(name)s” is gone.", name=name),
        _("The answer “%(name)s” has changed.", name=name),
    )


def _option_text(said: _Said) -> str:
    return _("The answer “%(name)s” reads differently.", name=said.option)


def _option_key(said: _Said) -> str:
    return _("The answer “%(name)s” has another key.", name=said.option)


def _element(said: _Said) -> str:
    return said.by_kind(_("This is new."), _("This is gone."), _("This has changed."))


def _anchors(said: _Said) -> str:
    return _("A step of the severity reads differently: %(name)s.", name=said.steps[-1][0])


def _other(said: _Said) -> str:
    if said.steps[-2:-1] and said.steps[-2][0] == "severity_anchors":
        return _anchors(said)
    return _("Changed: %(what)s.", what=said.steps[-1][0].replace("_", " "))


_WORDS: Final[dict[tuple[str, ...], Callable[[_Said], str]]] = {
    ("questions",): _element,
    ("questions", "text"): lambda _said: _("The question reads differently."),
    ("questions", "help"): lambda _said: _("The help reads differently."),
    ("questions", "options"): _option,
    ("questions", "options", "label"): _option_text,
    ("questions", "options", "help"): _option_text,
    ("questions", "options", "hotkey"): _option_key,
    ("questions", "ask_if"): lambda _said: _("It is asked under another condition."),
    ("questions", "required"): lambda _said: _("Whether it must be answered has changed."),
    ("questions", "required_if"): lambda _said: _("When it must be answered has changed."),
    ("questions", "max_chars"): lambda _said: _("It takes texts of another length."),
    ("questions", "min"): lambda _said: _("It takes another least number."),
    ("questions", "max"): lambda _said: _("It takes another greatest number."),
    ("questions", "cite"): lambda _said: _("Whether it takes clauses has changed."),
    ("categories",): _element,
    ("categories", "name"): lambda _said: _("It has another name."),
    ("categories", "definition"): lambda _said: _("The definition reads differently."),
    ("categories", "includes"): _clause,
    ("categories", "excludes"): _clause,
    ("categories", "edge_cases"): _clause,
    ("categories", "includes", "text"): _clause,
    ("categories", "excludes", "text"): _clause,
    ("categories", "edge_cases", "text"): _clause,
    ("categories", "edge_cases", "ruling"): _ruling,
    ("categories", "examples"): lambda _said: _("The examples have changed."),
    ("categories", "counterexamples"): lambda _said: _("The counterexamples have changed."),
    ("display", "conceal"): lambda _said: _("What comes concealed has changed."),
    ("display", "reveal"): lambda _said: _("Concealed text is revealed in another way."),
    ("display", "notice"): lambda _said: _("The notice reads differently."),
}


def _plain(value: object) -> str:
    """Return the words of a value; what has none needs none beside the sentence."""
    if isinstance(value, dict):
        parts = [value.get(name) for name in ("text", "label", "definition", "ruling")]
        value = " ".join(part for part in parts if isinstance(part, str))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
