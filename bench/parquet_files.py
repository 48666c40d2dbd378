"""Fifty million labels in Parquet, counted: ``parquet_files.py FOLDER LAYOUT``."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.label_draws import built, labels
from tasks.agreement import krippendorff_alpha

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tasks.agreement.data import SufficientStatistics

ROOT = Path(__file__).resolve().parents[1]
LAYOUTS = {
    "by unit": "integer codes, every unit in one file",
    "any order": "integer codes, the labels of a unit in all eight files",
    "text by unit": "text ids and values, every unit in one file",
    "text in any order": "text ids and values, the labels of a unit in all eight files",
}
VALUES = [f"v{one}" for one in range(5)]


def parquet_line(small: int, layout: str) -> str:
    """Measure fifty million labels in eight files, in a process of its own."""
    n_units = 10_000_000 // small // 8
    with tempfile.TemporaryDirectory() as folder:
        for part in range(8):
            pq.write_table(_table(n_units, part, layout), Path(folder) / f"{part}.parquet")
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, __file__, folder, layout],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    took, peak, alpha = done.stdout.split()
    goal = " (goal: under 1,000 MB)" if layout == "by unit" else ""
    return (
        f"{n_units * 40:,} labels in Parquet, {LAYOUTS[layout]}: {took} s, "
        f"{peak} MB at the most{goal}; alpha {alpha}."
    )


def _table(n_units: int, part: int, layout: str) -> pa.Table:
    """Return one of eight files; in any order, its labels are of units of all of them."""
    unit, rater, value = labels(n_units, 5, 50)
    # All files draw the same labels; in any order, the rater tells which of eight units each is of.
    spread = layout.endswith("any order")
    unit = unit * 8 + (part + rater) % 8 if spread else unit + part * n_units
    if not layout.startswith("text"):
        return pa.table({"unit": unit, "rater": rater, "value": value})
    texts = {
        "unit": pc.binary_join_element_wise("item", pa.array(unit).cast(pa.string()), "-"),
        "rater": pc.binary_join_element_wise("rater", pa.array(rater).cast(pa.string()), "-"),
        "value": pa.array(VALUES).take(pa.array(value)),
    }
    return pa.table(texts)


def _codes(column: pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    """Return numbers for the entries of a column of any kind."""
    if pa.types.is_integer(column.type):
        return column.to_numpy()
    if name == "value":
        return pc.index_in(column, pa.array(VALUES)).to_numpy()
    return pa.chunked_array(
        [one.indices for one in column.dictionary_encode().unify_dictionaries().chunks]
    ).to_numpy()


def _statistics(paths: list[str]) -> SufficientStatistics:
    """Return the sufficient statistics of files of which no other holds the same units."""
    unit, rater, value = (
        _codes(pq.read_table(paths, columns=[name])[name], name)
        for name in ("unit", "rater", "value")
    )
    return built((unit, rater, value)).value_statistics


def sum_up(folder: Path, layout: str) -> None:
    """Count every file, or all at once; print the seconds, the largest resident size, alpha."""
    start = time.perf_counter()
    paths = sorted(folder.glob("*.parquet"))
    parts = [[path] for path in paths] if layout.endswith("by unit") else [paths]
    total = reduce(add, (_statistics([str(one) for one in part]) for part in parts))
    value = krippendorff_alpha(total).value
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - start:.2f} {peak:.0f} {value:.6f}")


if __name__ == "__main__":
    sum_up(Path(sys.argv[1]), sys.argv[2])
