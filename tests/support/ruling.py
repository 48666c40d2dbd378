"""Adjudicators at work, through the services: cases taken, answered for oneself, decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.services import adjudication, case_reading
from annotate.services.adjudication import Ruling
from annotate.services.own_answers import cell_key

if TYPE_CHECKING:
    from tests.support.builders import Standard, World

VALUES = {"severity": "mild", "types": "1", "target": "individual", "direction": "explicit"}


def take(world: World, std: Standard, login: str = "adjudicator") -> adjudication.Held:
    with world.database.write() as session:
        held = adjudication.take_next(session, world.actor(login), std.scope)
    assert held is not None
    return held


def seen(world: World, std: Standard, case_id: str, login: str) -> case_reading.CaseView:
    with world.database.read() as session:
        return case_reading.view(session, world.actor(login), std.scope, case_id)


def own_answers(world: World, std: Standard, case_id: str) -> dict[str, dict[str, Any]]:
    """Read every cell of the questions at issue as abusive, whatever it is."""
    cells = seen(world, std, case_id, "adjudicator").cells
    return {
        cell_key(cell.question, cell.category): {"value": VALUES[cell.question]} for cell in cells
    }


def answer(world: World, std: Standard, case_id: str) -> None:
    answers = own_answers(world, std, case_id)
    with world.database.write() as session:
        adjudication.answer(session, world.actor("adjudicator"), std.scope, case_id, answers)


def rulings(world: World, std: Standard, case_id: str) -> list[Ruling]:
    """Rule on every cell at issue, as somebody who may know which they are."""
    return [
        Ruling(
            cell.question,
            cell.category,
            VALUES[cell.question],
            "genuine_pluralism",
            "Both read it.",
        )
        for cell in seen(world, std, case_id, "designer").cells
    ]


def decide(world: World, std: Standard, held: adjudication.Held, made: list[Ruling]) -> None:
    with world.database.write() as session:
        adjudication.decide(
            session, world.actor("adjudicator"), std.scope, held.case_id, held.fence, made
        )
