"""Ask irrCAC, NLTK and crowd-kit, each in an environment of its own, and keep their answers.

Run: ``PYTHONPATH=. python bench/oracle/generate.py [irrcac] [nltk] [crowdkit]``. The labels and the
answers, with the versions that gave them, go into ``tests/test_tasks/oracle/``, where tests compare
ours with them. Needs `uv` and a package index to install from; nothing else here needs either.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from bench.oracle import cases
from bench.oracle.environments import HERE, PEERS, environment

OUT = Path(__file__).resolve().parents[2] / "tests" / "test_tasks" / "oracle"


def ask(peer: str) -> dict[str, object]:
    """Return a peer's cases with its answers."""
    asked = getattr(cases, peer)()
    with environment(peer) as python:
        done = subprocess.run(  # noqa: S603 - a program of ours
            [python, "-I", HERE / f"{peer}_values.py"],
            input=json.dumps(asked),
            check=True,
            capture_output=True,
            text=True,
        )
    told = json.loads(done.stdout)
    pairs = zip(asked, told["answers"], strict=True)
    return {
        "made_by": "bench/oracle/generate.py",
        "versions": told["versions"],
        "cases": [case | {"answer": answer} for case, answer in pairs],
    }


def text_of(fixture: dict[str, object]) -> str:
    """Return a fixture as JSON with a line for each case, floats to twelve digits."""
    rounded = json.loads(json.dumps(fixture), parse_float=lambda one: round(float(one), 12))
    rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in rounded.pop("cases"))
    head = json.dumps(rounded, separators=(",", ":"))
    return f'{head[:-1]},"cases":[\n{rows}\n]}}\n'


def main() -> int:
    """Ask the peers that were named, or all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peers", nargs="*", help=", ".join(PEERS))
    OUT.mkdir(exist_ok=True)
    for peer in parser.parse_args().peers or PEERS:
        fixture = ask(peer)
        path = OUT / f"{peer}.json"
        path.write_text(text_of(fixture), encoding="utf-8")
        print(f"{path.name}: {fixture['versions']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
