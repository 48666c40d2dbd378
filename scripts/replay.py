"""Play all recorded labels through a served Touchstone, compare agreement, and go on to gold.

Agreement is compared with the reference figures. Then cases are decided in a browser, a release is
written twice and verified, and the example trains a classifier on it. The decisions follow the
majority of the shown labels: they are a run of the machinery and judge nothing.

``replay.py sqlite postgresql`` does it on both databases. Without the recorded labels beside the
repository it says so and does nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.replays import RECORDED, alpha, differences, expected_figures, replayed
from tests.support.run_folder import LeadingRun
from tests.support.shared_data import absent

if TYPE_CHECKING:
    from tests.support.to_gold import ToGold

EXPECTED = {"rows": 12_197, "submitted": 12_197, "refused_rows": 21, "refused_cells": 37}
OPEN_CASES = 1_207
"""1,209 items disagree somewhere as recorded; two of them only in answers to closed questions."""
DECIDED = 30
"""How many cases are decided in the browser."""


def main(kinds: list[str]) -> int:
    """Replay on each kind of database; 0 when every figure is right."""
    if not RECORDED.is_dir():
        print(f"replay: NOT DONE: {absent(RECORDED.name)}")
        return 0
    reference = json.loads((RECORDED / "reference_agreement.json").read_text(encoding="utf-8"))
    run = LeadingRun()
    try:
        wrong = [problem for kind in kinds for problem in check(kind, reference)]
    finally:
        run.end()
    for problem in wrong:
        print(f"replay: WRONG: {problem}")
    return 1 if wrong else 0


def check(kind: str, reference: dict[str, object]) -> list[str]:
    """Replay on one kind of database and tell what is wrong."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="touchstone-replay-") as folder:
        result = replayed(kind, Path(folder), decide=DECIDED)
    wrong = [
        f"{kind}: {name} is {result.outcome.get(name)}, not {value}"
        for name, value in EXPECTED.items()
        if result.outcome.get(name) != value
    ]
    if result.open_cases != OPEN_CASES:
        wrong.append(f"{kind}: {result.open_cases} cases are open, not {OPEN_CASES}")
    wrong += [f"{kind}: {problem}" for problem in differences(result.variables, reference)]
    wrong += [f"{kind}: {problem}" for problem in _told_of_gold(kind, result.gold)]
    figures = list(expected_figures(reference))
    for wanted, value in figures:
        given = alpha(result.variables, **wanted)
        shown = "undefined" if given is None else f"{given:.9f}"
        print(f"replay: {kind}: {_name(wanted)}: {shown} (reference {value:.6f})")
    print(
        f"replay: {kind}: {result.outcome['submitted']} of {result.outcome['rows']} rows, "
        f"{result.outcome['refused_rows']} refused rows ({result.outcome['refused_cells']} cells), "
        f"{result.open_cases} open cases, {len(figures)} figures compared, {len(wrong)} wrong, "
        f"{time.monotonic() - started:.0f} s"
    )
    return wrong


def _told_of_gold(kind: str, gold: ToGold | None) -> list[str]:
    """Print what came of the cases and return what is wrong with it."""
    if gold is None:
        return ["no case was decided"]
    bases = ", ".join(f"{count} {basis}" for basis, count in sorted(gold.bases.items()))
    print(
        f"replay: {kind}: {gold.cases} cases decided in a browser ({len(gold.rulings)} rulings, "
        "the majority of the shown labels: a run of the machinery, no judgement)"
    )
    print(f"replay: {kind}: gold cells: {bases}")
    print(f"replay: {kind}: {gold.verified}")
    print(gold.table)
    few = [] if gold.cases == DECIDED else [f"{gold.cases} cases are decided, not {DECIDED}"]
    return [*gold.problems, *few]


def _name(wanted: dict[str, str]) -> str:
    return " ".join(part for part in wanted.values() if part)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sqlite", "postgresql"]))
