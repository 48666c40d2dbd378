"""What the demo project holds: items, labels with planted disagreements, rulings."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from annotate.services.adjudication import Ruling

FOLDER = Path(__file__).resolve().parent.parent / "demo"
PILOT_FILE, MORE_FILE = "garden-pilot.jsonl", "garden-more.jsonl"
ANSWERS_FILE, RULINGS_FILE = "pilot-answers.jsonl", "rulings.jsonl"
PAIRS_FILE, PAIRS_ANSWERS_FILE = "pairs.jsonl", "pairs-answers.jsonl"
_USUAL: dict[str, Any] = {
    "prompt_harm": "unharmful",
    "response_harm": "unharmful",
    "refusal": "full_compliance",
    "attack": [],
    "confidence": "sure",
}
"""Answers to an exchange that is as it should be; the file tells what differs from them."""
_USUAL_PAIR: dict[str, Any] = {"request": "benign", "faults": []}
_REPEATED = frozenset({"severity", "withheld"})


def path_of(filename: str) -> Path:
    """Return where a file of the demo lies."""
    return FOLDER / filename


@cache
def rows(filename: str) -> tuple[dict[str, Any], ...]:
    """Return the rows of a file of the demo."""
    text = path_of(filename).read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


def answers(item: dict[str, Any], login: str) -> dict[str, Any]:
    """Return what a demo annotator answers on an item, as the labelling page would send it.

    Parameters
    ----------
    item
        The item as an annotator is given it.
    login
        Whose answers.
    """
    pair = item["kind"] == "responses"
    row = _by_item(PAIRS_ANSWERS_FILE if pair else ANSWERS_FILE)[item["external_id"]]
    given = {**(_USUAL_PAIR if pair else _USUAL), **row["base"], **row["but"].get(login, {})}
    return {
        question: _answer(question, value, item["body"])
        for question, value in given.items()
        if value is not None
    }


def rulings() -> dict[str, tuple[Ruling, ...]]:
    """Return the rulings on the cases that the demo decides, by external id of the item."""
    return {
        row["item"]: tuple(Ruling(**ruling) for ruling in row["rulings"])
        for row in rows(RULINGS_FILE)
    }


@cache
def _by_item(filename: str) -> dict[str, dict[str, Any]]:
    return {row["item"]: row for row in rows(filename)}


def _answer(question: str, value: object, body: dict[str, Any]) -> dict[str, Any]:
    if isinstance(value, dict) and "state" in value:
        return value
    if question in _REPEATED and isinstance(value, dict):
        return {"per": {category: {"value": step} for category, step in value.items()}}
    if question == "evidence" and isinstance(value, list):
        return {"value": [_span(body, *passage) for passage in value]}
    return {"value": value}


def _span(body: dict[str, Any], target: str, quote: str, category: str) -> dict[str, Any]:
    index = target.removeprefix("message:")
    text = body[target] if target in body else body["messages"][int(index)]["content"]
    start = text.index(quote)
    return {"target": target, "start": start, "end": start + len(quote), "label": category}
