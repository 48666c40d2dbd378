"""Versions of a rubric: fingerprint, meaning of each question, and a diff people can read.

Two texts that differ only in case, spacing and punctuation mean the same; everything else an
annotator decides by is meaning. The meaning hash of a question covers what decides its answer, so
labels of two versions may be pooled exactly where the hashes agree.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rubrics.document import to_document
from rubrics.errors import Problem, RubricInvalid
from rubrics.loader import build
from rubrics.schema import RESPONSES
from rubrics.sentences import Sentence
from rubrics.yaml_nodes import Problems, from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rubrics.document import Json
    from rubrics.schema import Rubric

Impact = Literal["patch", "minor", "major"]
Bump = Literal["none", "patch", "minor", "major"]
Kind = Literal["added", "removed", "changed", "moved"]

_SIZE: Final[Mapping[str, int]] = {"none": 0, "patch": 1, "minor": 2, "major": 3}
_NOT_WORDS = re.compile(r"[\W_]+")
_IDS = re.compile(r"\[[^\]]*\]")
_TEXT_FIELDS: Final = frozenset({"text", "help", "label", "definition", "name", "ruling"})
_ATOMS: Final = frozenset({"ask_if", "required_if", "when"})
_MEANING: Final = (
    "type",
    "level",
    "target",
    "min",
    "max",
    "ask_if",
    "repeat_for",
    "when_not_asked",
    "options_from",
)
_MEANING_WHERE_SAID: Final = ("ties", "both_bad")
"""Younger keys enter the hash only where they are written: older rubrics keep theirs."""

# The first prefix that fits decides; what stands nowhere is major, the safe side.
_IMPACTS: Final[tuple[tuple[str, Impact], ...]] = (
    ("title", "patch"),
    ("description", "patch"),
    ("owner", "patch"),
    ("status", "patch"),
    ("taxonomy_refs", "patch"),
    ("languages", "minor"),
    ("display", "patch"),
    ("item.group_keys", "minor"),
    ("item.kinds", "minor"),
    ("reserved.unsure.allowed", "major"),
    ("reserved.cannot_assess.allowed", "major"),
    ("reserved", "minor"),
    ("questions[].options[].hotkey", "patch"),
    ("questions[].help", "minor"),
    ("questions[].required", "minor"),
    ("questions[].role", "minor"),
    ("questions[].agreement", "minor"),
    ("questions[].max_chars", "minor"),
    ("questions[].cite", "minor"),
    ("questions[].maps_to", "patch"),
    ("categories[].name", "minor"),
    ("categories[].includes[].since", "patch"),
    ("categories[].excludes[].since", "patch"),
    ("categories[].edge_cases[].since", "patch"),
    ("categories[].examples", "patch"),
    ("categories[].counterexamples", "patch"),
    ("categories[].exposure_weight", "patch"),
    ("categories[].agreement", "minor"),
    ("categories[].maps_to", "patch"),
    ("derived[].text", "patch"),
    ("derived[].agreement", "minor"),
)
_ADDED: Final[Mapping[str, Impact]] = {
    "categories[]": "minor",
    "categories[].edge_cases[]": "minor",
    "derived[]": "minor",
}
_ELEMENTS: Final[Mapping[str, str]] = {
    "questions": "question",
    "categories": "category",
    "derived": "derived variable",
}


def canonical_json(rubric: Rubric) -> str:
    """Return the one JSON text of a rubric: keys in order, no spaces, defaults left out."""
    return _canonical(to_document(rubric))


def _canonical(value: Json) -> str:
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def from_canonical_json(text: str, source: str = "rubric.json") -> Rubric:
    """Return the rubric that a canonical JSON text holds.

    Raises
    ------
    RubricInvalid
        When the text is not JSON or holds no valid rubric.
    """
    try:
        value = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        problem = Problem("broken_json", error.msg, source, error.lineno, error.colno)
        raise RubricInvalid([problem]) from error
    except ValueError as error:
        raise RubricInvalid([Problem("broken_json", str(error), source, 1, 1)]) from error
    except RecursionError as error:
        problem = Problem("too_deep", "values are nested too deeply", source, 1, 1)
        raise RubricInvalid([problem]) from error
    return build(from_json(value), Problems(source))


def _no_number(text: str) -> None:
    message = f"{text} is no number of JSON"
    raise ValueError(message)


def fingerprint(rubric: Rubric) -> str:
    """Return 64 hex digits that name exactly this rubric: SHA-256 of its canonical JSON.

    The order of keys and the formatting of the file do not enter; every word does.
    """
    return hashlib.sha256(canonical_json(rubric).encode()).hexdigest()


def _same_words(text: str) -> str:
    return _NOT_WORDS.sub(" ", text.casefold()).strip()


def _words_only(value: Json, name: str = "") -> Json:
    if isinstance(value, dict):
        return {key: _words_only(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_words_only(one, name) for one in value]
    return _same_words(value) if isinstance(value, str) and name in _TEXT_FIELDS else value


def _by_id(entries: Json, left_out: frozenset[str]) -> Json:
    if not isinstance(entries, list):
        return None
    found: dict[str, Json] = {
        str(one["id"]): {key: value for key, value in one.items() if key not in left_out}
        for one in entries
        if isinstance(one, dict)
    }
    return [found[name] for name in sorted(found)]


_NO_MEANING: Final = frozenset({"hotkey", "since"})


def _category_meaning(category: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "id": category["id"],
        "definition": category["definition"],
        "anchors": category.get("severity_anchors"),
        **{
            name: _by_id(category.get(name), _NO_MEANING)
            for name in ("includes", "excludes", "edge_cases")
        },
    }


def _question_meaning(
    document: Mapping[str, Json], question: Mapping[str, Json], category: str
) -> dict[str, Json]:
    item = document.get("item")
    shown = item if isinstance(item, dict) else {}
    found: dict[str, Json] = {name: question.get(name) for name in _MEANING}
    found["text"] = question["text"]
    found["options"] = _by_id(question.get("options"), _NO_MEANING)
    found["context"] = [shown.get(name) for name in ("unit", "show", "blind")]
    found["paradigm"] = document.get("paradigm")
    found |= {name: question[name] for name in _MEANING_WHERE_SAID if name in question}
    if question.get("options_from") == RESPONSES:
        found["responses"] = shown.get("responses")
    categories = document.get("categories")
    if _about_categories(document, question) and isinstance(categories, list):
        found["categories"] = [
            _category_meaning(one)
            for one in categories
            if isinstance(one, dict) and (not category or one["id"] == category)
        ]
    return found


def _about_categories(document: Mapping[str, Json], question: Mapping[str, Json]) -> bool:
    if question.get("options_from") == "categories":
        return True
    questions = document["questions"]
    parents = questions if isinstance(questions, list) else []
    return any(
        isinstance(one, dict)
        and one["id"] == question.get("repeat_for")
        and one.get("options_from") == "categories"
        for one in parents
    )


def meaning_hash(rubric: Rubric, question_id: str, category: str = "") -> str:
    """Return 16 hex digits that stand for what a question asks.

    Parameters
    ----------
    rubric : Rubric
    question_id : str
    category : str, optional
        Cover this harm category alone, so that adding another one leaves the hash as it is.

    Returns
    -------
    str
        Equal in two versions exactly when their labels to the question may be pooled. Examples,
        hotkeys, targets and help do not enter; case, spacing and punctuation of texts do not
        either.
    """
    rubric.question(question_id)
    document = to_document(rubric)
    questions = document["questions"]
    entries = questions if isinstance(questions, list) else []
    question = next(one for one in entries if isinstance(one, dict) and one["id"] == question_id)
    meaning = _words_only(_question_meaning(document, question, category))
    return hashlib.sha256(_canonical(meaning).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    Attributes
    ----------
    element : str
        What it belongs to, e.g. ``question severity``.
    path : str
        Where, e.g. ``questions[severity].options[mild].code``.
    kind : str
        ``added``, ``removed``, ``changed`` or ``moved``.
    old, new : Json
        What stood and what stands there; None where nothing did.
    impact : str
        ``patch`` (labels stay valid), ``minor`` (labels stay valid, something is new) or
        ``major`` (labels of the element must be made again, mapped or retired).
    """

    element: str
    path: str
    kind: Kind
    old: Json
    new: Json
    impact: Impact

    def __str__(self) -> str:
        """Return the change as one line."""
        if self.kind == "changed":
            return f"{self.impact}: {self.path}: {_short(self.old)} → {_short(self.new)}"
        return f"{self.impact}: {self.path} {self.kind}"


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else _canonical(value)
    return text if len(text) <= 80 else text[:79] + "…"


@dataclass(frozen=True, slots=True)
class RubricDiff:
    """Every difference between two versions of a rubric, in the order of the document."""

    changes: tuple[Change, ...]

    @property
    def required_bump(self) -> Bump:
        """Return the least step of the version that these changes need."""
        impacts = (change.impact for change in self.changes)
        return max(impacts, key=_SIZE.__getitem__, default="none")

    def __str__(self) -> str:
        """Return one line per change."""
        return "\n".join(str(change) for change in self.changes)


def _element(path: str) -> str:
    head, _, rest = path.partition("[")
    if head in _ELEMENTS and rest:
        return f"{_ELEMENTS[head]} {rest.partition(']')[0]}"
    return "rubric"


def _impact(path: str, kind: Kind, old: Json, new: Json) -> Impact:
    shape = _IDS.sub("[]", path)
    name = shape.rpartition(".")[2]
    if kind == "moved":
        return "minor" if shape == "questions" else "patch"
    if kind == "added" and (shape in _ADDED or _harmless(shape, new)):
        return "minor"
    if (
        kind == "changed"
        and name in _TEXT_FIELDS
        and _words_only(old, name) == _words_only(new, name)
    ):
        return "patch"
    return next((impact for prefix, impact in _IMPACTS if shape.startswith(prefix)), "major")


def _harmless(shape: str, new: Json) -> bool:
    """Return whether a new question leaves every old annotation complete."""
    if shape != "questions[]" or not isinstance(new, dict):
        return False
    default = new["type"] not in {"text", "span"} and "required_if" not in new
    return not new.get("required", default)


def _change(path: str, kind: Kind, old: Json, new: Json) -> Change:
    return Change(_element(path), path, kind, old, new, _impact(path, kind, old, new))


def _is_table(value: Json) -> bool:
    return value is None or isinstance(value, dict)


def _has_ids(value: Json) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and all(isinstance(one, dict) and "id" in one for one in value)


def _walk(path: str, old: Json, new: Json) -> Iterator[Change]:
    if old == new:
        return
    name = path.rpartition(".")[2]
    if name not in _ATOMS and _is_table(old) and _is_table(new):
        yield from _walk_table(path, old or {}, new or {})
    elif _has_ids(old) and _has_ids(new):
        yield from _walk_entries(path, old or [], new or [])
    else:
        kind: Kind = "added" if old is None else "removed" if new is None else "changed"
        yield _change(path, kind, old, new)


def _walk_table(path: str, old: Json, new: Json) -> Iterator[Change]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return
    for name in (*old, *(key for key in new if key not in old)):
        yield from _walk(f"{path}.{name}" if path else name, old.get(name), new.get(name))


def _entries(value: Json) -> dict[str, Json]:
    entries = value if isinstance(value, list) else []
    return {str(one["id"]): one for one in entries if isinstance(one, dict)}


def _walk_entries(path: str, old: Json, new: Json) -> Iterator[Change]:
    before, after = _entries(old), _entries(new)
    for name, entry in before.items():
        if name in after:
            yield from _walk(f"{path}[{name}]", entry, after[name])
        else:
            yield _change(f"{path}[{name}]", "removed", entry, None)
    for name, entry in after.items():
        if name not in before:
            yield _change(f"{path}[{name}]", "added", None, entry)
    kept = [name for name in before if name in after]
    order = [name for name in after if name in before]
    if kept != order:
        yield _change(path, "moved", list(kept), list(order))


def diff(old: Rubric, new: Rubric) -> RubricDiff:
    """Return what differs between two versions of a rubric, and what each difference does.

    Parameters
    ----------
    old, new : Rubric
        The version labels were made under, and the one to follow it.

    Returns
    -------
    RubricDiff
        Without the version number itself.
    """
    before, after = to_document(old), to_document(new)
    before.pop("version", None)
    after.pop("version", None)
    return RubricDiff(tuple(_walk("", before, after)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def bump_between(old_version: str, new_version: str) -> Bump | None:
    """Return which part of the version number rose, or None when it went back."""
    old, new = _numbers(old_version), _numbers(new_version)
    if new < old:
        return None
    steps: tuple[Bump, ...] = ("major", "minor", "patch")
    risen = (step for step, one, other in zip(steps, old, new, strict=True) if one != other)
    return next(risen, "none")


def bump_problem(old: Rubric, new: Rubric) -> Sentence | None:
    """Return why the new version number does not fit the changes, or None when it does."""
    made = bump_between(old.version, new.version)
    if made is None:
        return Sentence("version %(new)s comes before %(old)s", new=new.version, old=old.version)
    needed = diff(old, new).required_bump
    if _SIZE[made] >= _SIZE[needed]:
        return None
    step = (
        Sentence("no step") if made == "none" else Sentence("a %(size)s step", size=Sentence(made))
    )
    return Sentence(
        "the changes are %(needed)s, but %(old)s → %(new)s is %(step)s; "
        "the next version is %(next)s",
        needed=Sentence(needed),
        old=old.version,
        new=new.version,
        step=step,
        next=next_version(old.version, needed),
    )


def next_version(version: str, bump: Bump) -> str:
    """Return the version number after a step."""
    major, minor, patch = _numbers(version)
    return {
        "none": version,
        "patch": f"{major}.{minor}.{patch + 1}",
        "minor": f"{major}.{minor + 1}.0",
        "major": f"{major + 1}.0.0",
    }[bump]
