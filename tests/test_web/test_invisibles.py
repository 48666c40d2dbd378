"""Characters that nobody sees are found and named, and the text stays what it is."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.test_web.label_script import run

NAMED = {
    "a\u200bb": ["ZWSP"],
    "\u202eab\u202c": ["RLO", "PDF"],
    "\U0001f469\u200d\U0001f33e": ["ZWJ"],
    "x\ufe0f\u00ad\u00a0": ["VS16", "SHY", "NBSP"],
    "\U000e0041\ufeff\u2066\u2069": ["TAG A", "BOM", "LRI", "PDI"],
    "\u0007\u0085\u3164": ["U+0007", "U+0085", "HF"],
    "plain words,\n\ttabs and lines": [],
    "\u0627\u0644 e\u0301 \u65e5\u672c": [],
}


def test_each_has_its_name() -> None:
    cut = run("invisibles", cases=list(NAMED))
    named = [[one["name"] for one in pieces if one["name"]] for pieces in cut]
    assert named == list(NAMED.values())


@examples(max_examples=8)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=12))
def test_nothing_is_lost_and_no_format_character_stays_unseen(texts: list[str]) -> None:
    for text, pieces in zip(texts, run("invisibles", cases=texts), strict=True):
        assert "".join(piece["text"] for piece in pieces) == text
        plain = "".join(piece["text"] for piece in pieces if not piece["name"])
        assert not [one for one in plain if unicodedata.category(one) in {"Cf", "Zl", "Zp"}]
