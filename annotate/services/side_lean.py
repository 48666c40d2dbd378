"""Whether annotators lean to the response that their screen showed first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import Annotation, Label
from annotate.services.agreement import current_labels
from exports.evaluation import wilson

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.agreement import Slice
    from exports.evaluation import Proportion
    from rubrics.schema import Rubric

PLACE_OF = {"first": "r1", "second": "r2"}


@dataclass(frozen=True, slots=True)
class SideLean:
    """How often a preference went to the response shown first.

    Attributes
    ----------
    question, text : str
        The preference.
    shown_first : Proportion
        Share of the verdicts for one of the two; ties and *both bad* favour no side. Without a
        lean it lies around one half, whichever response is better, because orders are drawn.
    """

    question: str
    text: str
    shown_first: Proportion

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON."""
        share = self.shown_first
        return {
            "question": self.question,
            "chose_first_shown": share.successes,
            "verdicts": share.n,
            "share": share.value,
            "interval": [share.low, share.high],
        }


def leans(session: Session, scope: Scope, rubric: Rubric, chosen: Slice) -> tuple[SideLean, ...]:
    """Return the lean of every preference of a rubric, over the current labels of a slice."""
    asked = [one for one in rubric.questions if one.type == "preference"]
    if not asked or not rubric.display.shuffle_responses:
        return ()
    query = (
        current_labels(
            scope, chosen, Label.question, Label.value, Annotation.shown_order, sa.func.count()
        )
        .where(
            Annotation.shown_order.is_not(None),
            Label.value.in_(list(PLACE_OF)),
            Label.question.in_([one.id for one in asked]),
        )
        .group_by(Label.question, Label.value, Annotation.shown_order)
    )
    first: dict[str, int] = {}
    every: dict[str, int] = {}
    for question, value, order, count in session.execute(query):
        every[question] = every.get(question, 0) + count
        if order.startswith(PLACE_OF[value]):
            first[question] = first.get(question, 0) + count
    return tuple(
        SideLean(one.id, one.text, wilson(first.get(one.id, 0), every[one.id]))
        for one in asked
        if one.id in every
    )
