"""The rows of a release's files: what goes in, what is written, and how it is read back."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from exports.errors import ExportError
from exports.gold_set import Decision, GoldCell, Vote
from exports.splits import SplitItem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exports.splits import Placed
    from exports.strict_json import JsonValue
    from tasks.label_validation import State

ColumnKind = Literal["text", "integer", "flag", "json"]
Row = dict[str, "JsonValue"]

ITEM_COLUMNS: dict[str, ColumnKind] = {
    "item_id": "text",
    "kind": "text",
    "body": "json",
    "language": "text",
    "source": "text",
    "licence": "text",
    "group_keys": "json",
    "slices": "json",
    "metadata": "json",
    "content_sha256": "text",
    "split": "text",
    "group": "text",
    "canary": "text",
}
LABEL_COLUMNS: dict[str, ColumnKind] = {
    "item_id": "text",
    "annotator": "text",
    "question": "text",
    "category": "text",
    "value": "text",
    "state": "text",
    "clauses": "json",
    "fingerprint": "text",
    "origin": "text",
    "shown_order": "text",
}
_SINCE_FORMAT_2 = frozenset({"shown_order"})
GOLD_COLUMNS: dict[str, ColumnKind] = {
    "item_id": "text",
    "question": "text",
    "category": "text",
    "value": "text",
    "distribution": "json",
    "n": "integer",
    "basis": "text",
    "unsure": "integer",
    "cannot_assess": "integer",
    "not_asked": "integer",
    "decision": "text",
    "cause": "text",
    "fingerprint": "text",
}
DECISION_COLUMNS: dict[str, ColumnKind] = {
    "decision_id": "text",
    "item_id": "text",
    "question": "text",
    "category": "text",
    "kind": "text",
    "value": "text",
    "state": "text",
    "cause": "text",
    "clause": "text",
    "rationale": "text",
    "adjudicator": "text",
    "adjudicator_annotated": "flag",
    "supersedes": "text",
    "created_at": "text",
    "origin": "text",
    "fingerprint": "text",
}
STATES = frozenset({"answered", "unsure", "cannot_assess", "not_asked"})


class RowBroken(ExportError):
    """A row of a release file does not have the columns or the types it must have."""


@dataclass(frozen=True, slots=True)
class ReleaseItem:
    """One item as it is released.

    Attributes
    ----------
    id : str
        The external id, by which the people who gave the item know it.
    kind, canonical_body, content_hash : str
        The content as it was imported.
    """

    id: str
    kind: str
    canonical_body: str
    content_hash: str
    language: str | None = None
    source: str | None = None
    licence: str | None = None
    group_keys: Mapping[str, str] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseLabel(Vote):
    """One current label with what a release says about it besides the vote.

    ``shown_order`` has the places of an item's responses as its annotator saw them (``r2,r1``).
    """

    fingerprint: str = ""
    clauses: tuple[str, ...] = ()
    origin: str = "human"
    shown_order: str | None = None


def label_columns(number: int) -> dict[str, ColumnKind]:
    """Return the columns of labels in a format of releases."""
    old = number == 1
    return {
        name: kind for name, kind in LABEL_COLUMNS.items() if not (old and name in _SINCE_FORMAT_2)
    }


def pseudonym(salt: str, person: str) -> str:
    """Return the name of a person within one release.

    Examples
    --------
    >>> pseudonym("salt", "person")
    'ae8f1b92d6235'
    """
    return "a" + hmac.new(salt.encode(), person.encode(), hashlib.sha256).hexdigest()[:12]


def canary(salt: str) -> str:
    """Return the UUID of a release, by which its texts can be found in other people's data."""
    digest = hmac.new(salt.encode(), b"canary", hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def item_row(item: ReleaseItem, placed: Placed, mark: str) -> Row:
    """Return an item as a row."""
    return {
        "item_id": item.id,
        "kind": item.kind,
        "body": json.loads(item.canonical_body),
        "language": item.language,
        "source": item.source,
        "licence": item.licence,
        "group_keys": dict(item.group_keys),
        "slices": dict(item.slices),
        "metadata": dict(item.metadata),
        "content_sha256": item.content_hash,
        "split": placed.split,
        "group": placed.group,
        "canary": mark,
    }


def label_row(label: ReleaseLabel, annotator: str, columns: Mapping[str, ColumnKind]) -> Row:
    """Return a label as a row of these columns, under the annotator's pseudonym."""
    whole: Row = {
        "item_id": label.item,
        "annotator": annotator,
        "question": label.question,
        "category": label.category,
        "value": label.value,
        "state": label.state,
        "clauses": list(label.clauses),
        "fingerprint": label.fingerprint,
        "origin": label.origin,
        "shown_order": label.shown_order,
    }
    return {name: whole[name] for name in columns}


def gold_row(cell: GoldCell) -> Row:
    """Return a gold cell as a row."""
    return {
        "item_id": cell.item_id,
        "question": cell.question,
        "category": cell.category,
        "value": cell.value,
        "distribution": dict(cell.distribution),
        "n": cell.n,
        "basis": cell.basis,
        "unsure": cell.unsure,
        "cannot_assess": cell.cannot_assess,
        "not_asked": cell.not_asked,
        "decision": cell.decision,
        "cause": cell.cause,
        "fingerprint": cell.fingerprint,
    }


def decision_row(decision: Decision, adjudicator: str, fingerprint: str) -> Row:
    """Return a ruling as a row, under the adjudicator's pseudonym."""
    return {
        "decision_id": decision.id,
        "item_id": decision.item,
        "question": decision.question,
        "category": decision.category,
        "kind": decision.kind,
        "value": decision.value,
        "state": decision.state,
        "cause": decision.cause,
        "clause": decision.clause,
        "rationale": decision.rationale,
        "adjudicator": adjudicator,
        "adjudicator_annotated": decision.adjudicator_annotated,
        "supersedes": decision.supersedes,
        "created_at": decision.created_at,
        "origin": decision.origin,
        "fingerprint": fingerprint,
    }


_CHECKS: dict[ColumnKind, Callable[[object], bool]] = {
    "text": lambda value: value is None or isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "json": lambda value: isinstance(value, dict | list),
}


def check_row(row: object, columns: Mapping[str, ColumnKind]) -> Row:
    """Return a row with exactly these columns, each of its type.

    Raises
    ------
    RowBroken
        Naming the first column that is wrong.
    """
    if not isinstance(row, dict):
        raise RowBroken("the row is not an object")
    if row.keys() != columns.keys():
        odd = ", ".join(sorted(row.keys() ^ columns.keys()))
        raise RowBroken(f"columns are missing or unknown: {odd}")
    for name, kind in columns.items():
        if not _CHECKS[kind](row[name]):
            raise RowBroken(f"column {name!r} is not {kind}")
    return row


def _text(row: Row, name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise RowBroken(f"column {name!r} is empty")
    return value


def _optional(row: Row, name: str) -> str | None:
    return cast("str | None", row[name])


def _state(row: Row) -> State:
    state = _text(row, "state")
    if state not in STATES:
        raise RowBroken(f"there is no state {state[:40]!r}")
    return cast("State", state)


def label_of(row: Row) -> ReleaseLabel:
    """Return the label a checked row holds; its annotator is the pseudonym."""
    clauses = row["clauses"]
    return ReleaseLabel(
        _text(row, "item_id"),
        _text(row, "annotator"),
        _text(row, "question"),
        _text(row, "category"),
        _optional(row, "value"),
        _state(row),
        _text(row, "fingerprint"),
        tuple(str(one) for one in clauses) if isinstance(clauses, list) else (),
        _text(row, "origin"),
        _shown_order(row),
    )


def _shown_order(row: Row) -> str | None:
    order = row.get("shown_order")
    if order is None:
        return None
    places = str(order).split(",")
    if sorted(places) != sorted(f"r{place}" for place in range(1, len(places) + 1)):
        raise RowBroken("column 'shown_order' does not list every response once")
    return str(order)


def decision_of(row: Row) -> Decision:
    """Return the ruling a checked row holds; its adjudicator is the pseudonym."""
    kind = _text(row, "kind")
    if kind not in {"decide", "revoke"}:
        raise RowBroken(f"there is no kind {kind[:40]!r}")
    return Decision(
        id=_text(row, "decision_id"),
        item=_text(row, "item_id"),
        question=_text(row, "question"),
        category=_text(row, "category"),
        value=_optional(row, "value"),
        state=_state(row),
        kind="revoke" if kind == "revoke" else "decide",
        supersedes=_optional(row, "supersedes"),
        cause=_optional(row, "cause"),
        clause=_optional(row, "clause"),
        rationale=_text(row, "rationale"),
        adjudicator=_text(row, "adjudicator"),
        adjudicator_annotated=row["adjudicator_annotated"] is True,
        created_at=_text(row, "created_at"),
        origin=_text(row, "origin"),
    )


def split_item_of(row: Row) -> SplitItem:
    """Return what splitting needs of a checked item row."""
    keys = row["group_keys"]
    if not isinstance(keys, dict):
        raise RowBroken("column 'group_keys' is not an object")
    named = {name: str(value) for name, value in keys.items()}
    return SplitItem(_text(row, "item_id"), _text(row, "content_sha256"), named)
