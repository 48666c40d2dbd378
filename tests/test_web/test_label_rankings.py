"""A ranking while it is made on the labelling page: no act loses or doubles an option."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.test_web import label_script

IDS = ["a", "b", "c", "d"]


def _run(*acts: tuple[Any, ...]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]]
    [seen] = label_script.run("rankings", cases=[{"ids": IDS, "acts": acts}])
    return seen


def test_a_number_puts_an_option_next_and_backspace_takes_the_last_back() -> None:
    seen = _run(
        ("place", "c", False),
        ("place", "a", False),
        ("place", "c", False),
        ("place", "b", True),
        ("back", None, None),
        ("back", None, None),
    )
    assert [one["ranks"] for one in seen] == [
        [["c"]],
        [["c"], ["a"]],
        [["c"], ["a"]],
        [["c"], ["a", "b"]],
        [["c"], ["a"]],
        [["c"]],
    ]
    assert [one["left"] for one in seen] == [3, 2, 2, 1, 2, 3]


def test_a_shared_place_counts_for_those_behind_it() -> None:
    seen = _run(("place", "a", False), ("place", "b", True), ("place", "c", False))
    assert seen[-1]["numbers"] == [1, 1, 3, 0]


def test_arrows_change_places_and_take_one_out_of_a_shared_place() -> None:
    made = [("place", "a", False), ("place", "b", True), ("place", "c", False)]
    assert _run(*made, ("move", "c", -1))[-1]["ranks"] == [["c"], ["a", "b"]]
    assert _run(*made, ("move", "a", 1))[-1]["ranks"] == [["b"], ["a"], ["c"]]
    assert _run(*made, ("move", "b", -1))[-1]["ranks"] == [["b"], ["a"], ["c"]]
    assert _run(*made, ("move", "c", 1))[-1]["ranks"] == [["a", "b"], ["c"]]
    assert _run(*made, ("move", "d", 1))[-1]["ranks"] == [["a", "b"], ["c"]]


def test_no_act_loses_or_doubles_an_option() -> None:
    draw = Random("rankings")  # noqa: S311 - a repeatable draw, not a secret
    cases: list[dict[str, list[Any]]] = []
    for _ in range(200):
        acts: list[list[Any]] = []
        for _ in range(12):
            act = draw.choice(["place", "place", "back", "move"])
            how = draw.choice([True, False]) if act == "place" else draw.choice([1, -1])
            acts.append([act, draw.choice(IDS), how])
        cases.append({"ids": IDS, "acts": acts})
    for case, seen in zip(cases, label_script.run("rankings", cases=cases), strict=True):
        before: list[str] = []
        for (act, name, _), one in zip(case["acts"], seen, strict=True):
            placed = sorted(name for group in one["ranks"] for name in group)
            assert len(set(placed)) == len(placed) == len(IDS) - one["left"]
            assert all(one["ranks"]), "no place is empty"
            expected = {
                "place": sorted({*before, name}),
                "move": before,
                "back": placed if len(placed) == max(len(before) - 1, 0) else None,
            }
            assert placed == expected[act]
            before = placed
