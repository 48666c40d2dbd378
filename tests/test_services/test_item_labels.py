"""What annotators answered about an item, side by side and in the rubric's words."""

from __future__ import annotations

import json

from annotate.services import item_labels
from rubrics.library import read
from rubrics.loader import load_rubric


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
