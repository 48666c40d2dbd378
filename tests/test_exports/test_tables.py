"""JSONL and Parquet side by side, over more than one row group."""

from __future__ import annotations

import pytest

from exports.records import RowBroken, check_row
from exports.tables import ROWS_PER_GROUP, TableWriter, as_parquet_row, parquet_rows, read_rows

COLUMNS = {"name": "text", "n": "integer", "yes": "flag", "more": "json"}


def row(number):
    return {
        "name": None if number % 3 else f"é{number}",
        "n": number,
        "yes": number % 2 == 0,
        "more": {"k": number} if number % 5 == 0 else [],
    }


def test_many_rows_come_back_from_both_files(tmp_path):
    count = ROWS_PER_GROUP + 3
    with TableWriter(tmp_path, "t", COLUMNS, parquet=True) as table:
        for number in range(count):
            table.add(row(number))
    assert table.rows == count
    pairs = zip(
        read_rows(tmp_path / "t.jsonl", COLUMNS),
        parquet_rows(tmp_path / "t.parquet", COLUMNS),
        strict=True,
    )
    checked = 0
    for number, (line, record) in enumerate(pairs):
        checked += line == row(number) and as_parquet_row(line, COLUMNS) == record
    assert checked == count


def test_a_table_without_rows_is_a_file_all_the_same(tmp_path):
    with TableWriter(tmp_path, "t", COLUMNS, parquet=True):
        pass
    assert list(read_rows(tmp_path / "t.jsonl", COLUMNS)) == []
    assert list(parquet_rows(tmp_path / "t.parquet", COLUMNS)) == []


@pytest.mark.parametrize(
    "change",
    [{"name": 3}, {"n": "3"}, {"n": True}, {"yes": 1}, {"more": "x"}, {"more": None}, {"z": 1}],
)
def test_a_row_of_the_wrong_types_is_refused(change):
    with pytest.raises(RowBroken, match=next(iter(change))):
        check_row(row(1) | change, COLUMNS)
