"""The kernel stands alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
import tasks.agreement
ours = [name for name in sys.modules if name.partition(".")[0] in ("rubrics", "annotate", "exports")
        or (name.startswith("tasks.") and not name.startswith("tasks.agreement"))]
heavy = [name for name in ("flask", "sqlalchemy", "pandas", "scipy", "statsmodels", "krippendorff",
                           "pyarrow", "numba") if name in sys.modules]
print(ours + heavy)
"""


def test_importing_the_kernel_brings_numpy_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
