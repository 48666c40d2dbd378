"""Items with several responses: which of them an annotator's page gets, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import Item
from tasks.shown_order import shown_order

if TYPE_CHECKING:
    from rubrics.schema import Rubric

KIND = "responses"


def as_shown(body: dict[str, Any], rubric: Rubric, assignment_id: str | None) -> dict[str, Any]:
    """Return an item's body as one reader sees it.

    Parameters
    ----------
    body
        The body of any item; one without a list of responses comes back as it is.
    rubric
        Tells whether the order is shuffled.
    assignment_id
        Whose order; None for the order of the item.

    Returns
    -------
    dict
        Responses carry their place in the item as id, and files of theirs belong to that id. The
        ids that the file gave may name the model that wrote them, and never reach an annotator.
    """
    responses = body.get(KIND)
    if responses is None:
        return body
    placed = {f"r{place}": one["text"] for place, one in enumerate(responses, start=1)}
    order = tuple(placed)
    if assignment_id is not None and rubric.display.shuffle_responses:
        order = shown_order(assignment_id, len(placed))
    shown = {**body, KIND: [{"id": place, "text": placed[place]} for place in order]}
    if "media" in body:
        shown["media"] = _files(body["media"], responses)
    return shown


def _files(files: list[dict[str, Any]], responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the files of an item, those of a response under its place."""
    named = {f"response:{one['id']}": f"response:r{n}" for n, one in enumerate(responses, start=1)}
    return [{**one, "target": named.get(one["target"], one["target"])} for one in files]


def kept_order(rubric: Rubric, assignment_id: str) -> str | None:
    """Return the order in which an assignment shows its responses, as an annotation keeps it."""
    count = rubric.item.responses
    if count is None:
        return None
    if not rubric.display.shuffle_responses:
        return ",".join(f"r{place}" for place in range(1, count + 1))
    return ",".join(shown_order(assignment_id, count))


def texts_of(body: dict[str, Any]) -> dict[str, str]:
    """Return the texts of an item's responses by span target."""
    return {
        f"response:r{place}": one["text"] for place, one in enumerate(body.get(KIND, ()), start=1)
    }


def fits(rubric: Rubric, *, embedded: bool) -> sa.ColumnElement[bool]:
    """Ask for items that a rubric can judge: as many responses as it says, or no list of them."""
    if rubric.item.responses is None:
        return Item.kind != KIND
    given = (Item.body, f"$.{KIND}") if embedded else (sa.cast(Item.body, sa.JSON)[KIND],)
    return sa.and_(Item.kind == KIND, sa.func.json_array_length(*given) == rubric.item.responses)
