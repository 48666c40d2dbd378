"""What annotators answered about an item, side by side and in the rubric's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from annotate.services import item_labels
from rubrics.library import read
from rubrics.loader import load_rubric

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_answers_are_told_in_the_words_of_the_rubric() -> None:
    rubric = load_rubric(read("llm-response-safety"))

    def told(question: str, category: str, value: str) -> item_labels.Answer | None:
        cell = item_labels.Cell(question, category, value, "answered", None, ())
        return item_labels.answer_words(rubric, rubric.question(question), [cell])

    assert told("severity", "hate", "high") == item_labels.Answer("Hate: High", "answered")
    assert told("categories", "hate", "1") == item_labels.Answer("Hate", "answered")
    assert told("categories", "hate", "0") == item_labels.Answer("", "answered")
    spans = [
        {"target": "message:3", "start": 27, "end": 87, "label": "hate"},
        {"target": "response:r2", "start": 0, "end": 4, "label": "gone"},
        {"target": "text", "start": 1, "end": 2},
    ]
    words = "turn 4, 27 to 87: Hate, response 2, 0 to 4: gone, text, 1 to 2"
    assert told("evidence", "", json.dumps(spans)) == item_labels.Answer(words, "answered")


def test_only_those_who_were_asked_are_compared() -> None:
    rubric = load_rubric(read("conversational-abuse"))

    def submission(**values: str | None) -> item_labels.Submission:
        cells = tuple(
            item_labels.Cell(
                question,
                "sexist" if question == "types" else "",
                value,
                "not_asked" if value is None else "answered",
                None,
                (),
            )
            for question, value in values.items()
        )
        return item_labels.Submission(
            "a", "p", "P", 1, current=True, created_at=NOW, origin="human", cells=cells
        )

    def compared(*submissions: item_labels.Submission) -> dict[str, tuple[int, bool | None]]:
        rows = item_labels.side_by_side(rubric, submissions)
        return {row.question: (row.given, row.differs) for row in rows}

    benign = submission(severity="not_abusive", types=None, target=None)
    abusive = submission(severity="mild", types="1", target="individual")
    worse = submission(severity="mild", types="1", target="system")
    assert compared(benign, benign) == {
        "severity": (2, False),
        "types": (0, None),
        "target": (0, None),
    }
    assert compared(benign, abusive) == {
        "severity": (2, True),
        "types": (1, None),
        "target": (1, None),
    }
    assert compared(benign, abusive, worse) == {
        "severity": (3, True),
        "types": (2, False),
        "target": (2, True),
    }
