"""Sentences that remember what they were made of."""

from __future__ import annotations

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from rubrics.errors import RubricError
from rubrics.sentences import Sentence, together

GERMAN = {
    "%(n)s of %(what)s are wrong": "%(what)s: %(n)s falsch",
    "the items": "die Elemente",
    "Try again.": "Noch einmal.",
}


def german(text: str) -> str:
    return GERMAN.get(text, text)


def wrong() -> Sentence:
    return Sentence("%(n)s of %(what)s are wrong", n=3, what=Sentence("the items"))


def test_a_sentence_is_english_to_everybody_but_a_translator() -> None:
    assert wrong() == "3 of the items are wrong"
    assert json.dumps({"message": wrong()}) == '{"message": "3 of the items are wrong"}'
    assert wrong().told(german) == "die Elemente: 3 falsch"
    assert wrong().told(str) == "3 of the items are wrong", "what is not translated stays"


def test_an_error_and_a_copy_keep_what_it_was_made_of() -> None:
    said = str(RubricError(wrong()))
    assert isinstance(said, Sentence)
    assert said.told(german) == "die Elemente: 3 falsch"
    sent = copy.deepcopy(wrong())
    assert (sent, sent.told(german)) == (wrong(), "die Elemente: 3 falsch")


def test_sentences_are_joined_and_each_is_translated() -> None:
    both = together((wrong(), Sentence("Try again.")), "; ")
    assert both == "3 of the items are wrong; Try again."
    assert both.told(german) == "die Elemente: 3 falsch; Noch einmal."


@given(st.text(), st.text())
def test_signs_in_values_are_never_read_as_places(first: str, second: str) -> None:
    made = Sentence("%(first)s, 100 %% %(second)s", first=first, second=second)
    assert made == made.told(str) == f"{first}, 100 % {second}"
    assert together((first, second)).told(str) == f"{first} {second}"
