"""Answer for irrCAC: cases as JSON on standard input, answers on standard output."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from irrCAC import raw, table

RAW = ("gwet", "fleiss", "conger", "bp", "krippendorff")
TABLE = ("gwet", "cohen", "scott", "bp", "krippendorff")


def answer(case: dict) -> dict:
    """Return what there is on every coefficient; of tables irrCAC does not tell p_e."""
    if "table" in case:
        frame = pd.DataFrame(case["table"], dtype=float)
        asked = table.CAC(frame, weights=case["weights"], digits=12)
        names = TABLE
    else:
        frame = pd.DataFrame(case["matrix"], dtype=float)
        domain = [float(one) for one in range(1, case["values"] + 1)]
        asked = raw.CAC(frame, weights=case["weights"], categories=domain, digits=12)
        names = RAW
    found = {}
    for name in names:
        est = getattr(asked, name)()["est"]
        found[name] = {
            "estimate": number(est["coefficient_value"]),
            "se": number(est["se"]),
            "ci95": [number(bound) for bound in est["confidence_interval"]],
        }
        if "table" not in case:
            found[name] |= {"pa": number(est["pa"]), "pe": number(est["pe"])}
    return found


def number(one: object) -> float:
    """Return a number, also out of an array of one, as some of irrCAC's figures are."""
    return float(np.asarray(one).item())


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    packages = ("irrCAC", "numpy", "scipy", "pandas")
    np.seterr(all="raise")
    json.dump(
        {
            "versions": {name: version(name) for name in packages},
            "answers": [answer(case) for case in cases],
        },
        sys.stdout,
    )
