"""Numbers for ids are those that pandas would give."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.numbering import number

ENTRIES = st.none() | st.just(math.nan) | st.text(max_size=2)


@given(st.lists(ENTRIES))
def test_entries_are_numbered_as_pandas_numbers_them(column: list[str | float | None]) -> None:
    codes, distinct = number(column)
    theirs, unique = pd.factorize(np.array([*column, None], dtype=object))
    assert [*codes.tolist(), -1] == theirs.tolist()
    assert distinct == list(unique)
