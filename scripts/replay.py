"""Play all recorded labels through a served Touchstone and compare agreement with the reference.

``replay.py sqlite postgresql`` does it on both databases. Without the recorded labels beside the
repository it says so and does nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.support.replays import ABSENT, RECORDED, differences, expected_figures, replayed
from tests.support.run_folder import LeadingRun

EXPECTED = {"rows": 12_197, "submitted": 12_197, "refused_rows": 21, "refused_cells": 37}


def main(kinds: list[str]) -> int:
    """Replay on each kind of database; 0 when every figure is right."""
    if not RECORDED.is_dir():
        print(f"replay: NOT DONE: {ABSENT}")
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
        result = replayed(kind, Path(folder))
    wrong = [
        f"{kind}: {name} is {result.outcome.get(name)}, not {value}"
        for name, value in EXPECTED.items()
        if result.outcome.get(name) != value
    ]
    wrong += [f"{kind}: {problem}" for problem in differences(result.variables, reference)]
    figures = sum(1 for _ in expected_figures(reference))
    print(
        f"replay: {kind}: {result.outcome['submitted']} of {result.outcome['rows']} rows, "
        f"{result.outcome['refused_rows']} refused rows ({result.outcome['refused_cells']} cells), "
        f"{figures} figures compared, {len(wrong)} wrong, {time.monotonic() - started:.0f} s"
    )
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["sqlite", "postgresql"]))
