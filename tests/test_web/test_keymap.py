"""The keys of a person: whatever is chosen, no key means two things; search finds every clause."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.services.key_bindings import ACTIONS
from annotate.web.assets import STATIC
from rubrics.codebook import PAGE_KEYS, to_client
from rubrics.library import names, read
from rubrics.loader import load_rubric
from tests.test_web import label_script

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
TEMPLATE = STATIC.parent / "templates" / "label.html"
NOBODY: dict[str, dict[str, str]] = {"actions": {}, "options": {}}
KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = ".,;/[]?-="


run = partial(label_script.run, script="keymap_scripts.mjs")


def question(name: str, kind: str, keys: Sequence[str | None]) -> dict[str, Any]:
    options = [{"id": f"o{n}", "label": f"O{n}", "hotkey": key} for n, key in enumerate(keys)]
    return {"id": name, "type": kind, "min": None, "options": options}


optional = st.none() | st.sampled_from(KEYS)
questions = st.tuples(
    st.sampled_from(["single", "multi", "ordinal", "span"]),
    st.lists(optional, max_size=16, unique_by=lambda key: key or object()),
)
rubrics = st.lists(questions, min_size=1, max_size=3).map(
    lambda found: {"id": "r", "questions": [question(f"q{n}", *q) for n, q in enumerate(found)]}
)
chords = st.sampled_from([*KEYS[:26], *SIGNS, *(f"shift+{key}" for key in KEYS[:26])])
personals = st.fixed_dictionaries(
    {
        "actions": st.dictionaries(st.sampled_from(ACTIONS), chords, max_size=8),
        "options": st.dictionaries(
            st.sampled_from([f"r/q{q}/o{o}" for q in range(3) for o in range(8)]),
            st.sampled_from(KEYS),
            max_size=6,
        ),
    }
)


@settings(max_examples=5)
@given(st.lists(st.tuples(rubrics, personals), min_size=60, max_size=60))
def test_no_key_ever_means_two_things(cases: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    said = run("keymaps", cases=[{"rubric": one, "personal": own} for one, own in cases])
    for (rubric, personal), keymap in zip(cases, said, strict=True):
        taken = list(keymap["chords"].values())
        assert len(set(taken)) == len(taken) == len(ACTIONS)
        for one in rubric["questions"]:
            keys = list(keymap["options"][one["id"]].values())
            assert len(set(keys)) == len(keys)
            assert not set(keys) & set(taken)
            assert one["type"] not in {"multi", "span"} or "0" not in keys
        first = next(iter(personal["actions"].items()), None)
        if first is not None and list(personal["actions"].values()).count(first[1]) == 1:
            assert keymap["chords"][first[0]] == first[1], "a wish that nothing else has is kept"
        assert keymap["again"] == {key: keymap[key] for key in ("chords", "options")}


def test_shipped_rubrics_keep_their_keys_and_the_page_keeps_its_own() -> None:
    clients = [to_client(load_rubric(read(name))) for name in names()]
    usual = dict(run("actions"))
    said = run("keymaps", cases=[{"rubric": one, "personal": NOBODY} for one in clients])
    for client, keymap in zip(clients, said, strict=True):
        assert keymap["chords"] == usual
        for one in client["questions"]:  # type: ignore[union-attr]
            own = {option["id"]: option["hotkey"] for option in one["options"]}  # type: ignore[index,call-overload,union-attr]
            kept = keymap["options"][one["id"]]  # type: ignore[index,call-overload]
            assert {key: kept[key] for key, hotkey in own.items() if hotkey} == {
                key: hotkey for key, hotkey in own.items() if hotkey
            }
    letters = {chord for chord in usual.values() if chord.isalpha() and len(chord) == 1}
    assert letters - {"n"} <= PAGE_KEYS


def test_server_page_and_script_name_the_same_actions() -> None:
    listed = re.findall(r"^  \('(\w+)', _\(", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(ACTIONS) == sorted(listed) == sorted(name for name, _ in run("actions"))


def test_keys_of_other_scripts_are_found_by_their_place() -> None:
    cases = [
        {"key": "о", "code": "KeyJ", "shiftKey": False},
        {"key": "Д", "code": "KeyL", "shiftKey": True},
        {"key": "ض", "code": "KeyQ", "shiftKey": False},
        {"key": "٣", "code": "Digit3", "shiftKey": False},
        {"key": "؟", "code": "Slash", "shiftKey": True},
        {"key": "Q", "code": "KeyA", "shiftKey": True},
        {"key": "ü", "code": "BracketLeft", "shiftKey": False},
    ]
    assert run("chords", cases=cases) == [
        ["j", "J"],
        ["shift+l", "Shift L"],
        ["q", "Q"],
        ["3", "3"],
        ["?", "?"],
        ["shift+q", "Shift Q"],
        ["[", "["],
    ]


def test_a_clash_is_named() -> None:
    rubric = {"id": "r", "questions": [question("q0", "single", ["1", "g"])]}
    wishes: list[tuple[dict[str, str], str]] = [
        ({"action": "unsure"}, "r"),
        ({"action": "unsure"}, "g"),
        ({"action": "unsure"}, "7"),
        ({"action": "unsure"}, "b"),
        ({"question": "q0", "option": "o0"}, "g"),
        ({"question": "q0", "option": "o0"}, "u"),
        ({"question": "q0", "option": "o0"}, "e"),
    ]
    cases = [
        {"rubric": rubric, "personal": NOBODY, "wish": wish, "chord": chord}
        for wish, chord in wishes
    ]
    assert run("clashes", cases=cases) == [
        {"kind": "action", "name": "reveal"},
        {"kind": "option", "name": "O1"},
        {"kind": "reserved", "name": "7"},
        None,
        {"kind": "option", "name": "O1"},
        {"kind": "action", "name": "unsure"},
        None,
    ]


def test_search_finds_every_clause_by_its_id_and_by_its_words() -> None:
    raw = to_client(load_rubric(read("conversational-abuse")))
    rubric = json.loads(json.dumps(raw))
    for category in rubric["categories"]:
        category["clauses"] = [
            {**clause, "kind": "include"}
            for part in ("includes", "excludes", "edge_cases")
            for clause in category[part]
        ]
    clauses = [
        (category["id"], clause)
        for category in rubric["categories"]
        for clause in category["clauses"]
    ]
    cases = [{"query": clause["id"], "category": category} for category, clause in clauses]
    cases += [
        {"query": clause["text"].upper(), "category": category} for category, clause in clauses
    ]
    said = run("search", rubric=rubric, cases=cases)
    for (category, clause), hits in zip([*clauses, *clauses], said, strict=True):
        assert [category, clause["id"]] in [hit[:2] for hit in hits]
    assert run("search", rubric=rubric, cases=[{"query": " ", "category": ""}]) == [[]]
