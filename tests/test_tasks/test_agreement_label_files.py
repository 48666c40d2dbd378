"""Label files of any origin: what is read, what is refused, and the figures they give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tasks.agreement import IntervalSpec, Level, ReliabilityData, krippendorff_alpha
from tasks.label_files import (
    FileColumns,
    FileRequest,
    FileVariable,
    LabelFileInvalid,
    file_report,
    n_variables,
    read_label_columns,
    read_labels,
)
from tests.support.shared_data import shared

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    ("a", "ann", "1", "de"), ("a", "bob", "1", "de"), ("b", "ann", "2", "de"),
    ("b", "bob", "3", "de"), ("c", "ann", "3", "fr"), ("c", "bob", "3", "fr"),
    ("d", "ann", "2", "fr"), ("d", "bob", "", "fr"), ("d", "cas", "1", "fr"),
]  # fmt: skip
COLUMNS = FileColumns("item", "annotator", ("heat",))
ORDINAL = FileRequest({"": Level.ORDINAL})


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    text = "\n".join(["item,annotator,heat,language", *(",".join(row) for row in ROWS)])
    path = tmp_path / "labels.csv"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def records() -> list[dict[str, object]]:
    return [
        {"item": item, "annotator": who, "heat": int(heat) if heat else None, "language": language}
        for item, who, heat, language in ROWS
    ]


def alpha(variable: FileVariable) -> float | None:
    return variable.results["krippendorff_alpha"].value


def expected() -> float:
    data = ReliabilityData.from_matrix(
        [[1, 1, None], [2, 3, None], [3, 3, None], [2, None, 1]], values=[1, 2, 3], level="ordinal"
    )
    value = krippendorff_alpha(data).value
    assert value is not None
    return value


def test_csv_jsonl_parquet_and_wide_give_the_same(csv_file: Path, tmp_path: Path) -> None:
    lines = tmp_path / "labels.jsonl"
    lines.write_text("\n".join(map(json.dumps, records())) + "\n\n", encoding="utf-8")
    table = tmp_path / "labels.parquet"
    pd.DataFrame(records()).to_parquet(table)
    wide = tmp_path / "wide.csv"
    wide.write_text("item,ann,bob,cas\na,1,1,\nb,2,3,\nc,3,3,\nd,2,,1\n", encoding="utf-8")
    found = [
        alpha(next(file_report(read_labels([path], COLUMNS), ORDINAL)))
        for path in (csv_file, lines, table)
    ]
    by_person = FileColumns("item", None, ("ann", "bob", "cas"))
    found.append(alpha(next(file_report(read_labels([wide], by_person), ORDINAL))))
    assert found == pytest.approx([expected()] * 4)


def test_several_files_are_one_study(csv_file: Path, tmp_path: Path) -> None:
    lines = csv_file.read_text(encoding="utf-8").splitlines()
    parts = []
    for name, body in (("one.csv", lines[1:4]), ("two.csv", lines[4:])):
        parts.append(tmp_path / name)
        parts[-1].write_text("\n".join([lines[0], *body]), encoding="utf-8")
    report = next(file_report(read_labels(parts, COLUMNS), ORDINAL))
    assert alpha(report) == pytest.approx(expected())
    assert report.results["krippendorff_alpha"].n_raters == 3


def test_slices_and_pairs(csv_file: Path) -> None:
    columns = FileColumns("item", "annotator", ("heat",), by=("language",))
    labels = read_labels([csv_file], columns)
    request = FileRequest({"heat": Level.ORDINAL}, interval=None, pairs=True)
    reports = list(file_report(labels, request))
    assert n_variables(labels) == 3
    assert [one.title for one in reports] == ["heat", "heat [language=de]", "heat [language=fr]"]
    assert [one.results["krippendorff_alpha"].n_labels for one in reports] == [8, 4, 4]
    assert [(pair.rater_a, pair.rater_b, pair.n) for pair in reports[0].pairs] == [
        ("ann", "bob", 3),
        ("ann", "cas", 1),
    ]
    told = reports[1].to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["slice"] == {"language": "de"}


def test_a_scale_counts_values_that_nobody_chose(csv_file: Path) -> None:
    labels = read_labels([csv_file], COLUMNS)
    seen, whole = (
        next(file_report(labels, FileRequest({"": Level.NOMINAL}, scales)))
        for scales in ({}, {"": ("1", "2", "3", "4", "5")})
    )
    assert seen.domain_from_data
    assert not whole.domain_from_data
    assert alpha(seen) == pytest.approx(alpha(whole))
    assert seen.results["gwet_ac1"].value != whole.results["gwet_ac1"].value


def test_words_have_an_order_when_a_scale_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("item,annotator,heat\na,x,low\na,y,mid\nb,x,high\nb,y,high\n", encoding="utf-8")
    labels = read_labels([path], COLUMNS)
    request = FileRequest({"": Level.ORDINAL}, {"heat": ("low", "mid", "high")})
    assert next(file_report(labels, request)).to_json()["domain"] == ["low", "mid", "high"]
    with pytest.raises(LabelFileInvalid, match=r"words.csv:2: 'low' .* order of the values"):
        next(file_report(labels, ORDINAL))
    with pytest.raises(LabelFileInvalid, match="is no number; at the interval level every value"):
        next(file_report(labels, FileRequest({"": Level.INTERVAL})))
    with pytest.raises(LabelFileInvalid, match=r"words.csv:4: 'high' .* not in the scale low, mid"):
        next(file_report(labels, FileRequest({"": Level.NOMINAL}, {"": ("low", "mid")})))


def test_a_label_spelled_nan_is_a_label_and_only_empty_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "nan.csv"
    path.write_text(
        "item,annotator,heat\na,x,nan\na,y,None\nb,x,NA\nb,y,NA\nc,x,\nc,y,nan\n", encoding="utf-8"
    )
    report = next(file_report(read_labels([path], COLUMNS), FileRequest({"": Level.NOMINAL})))
    assert report.results["krippendorff_alpha"].n_labels == 5
    assert report.to_json()["domain"] == ["NA", "None", "nan"]


def test_a_line_is_told_by_its_number_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('item,annotator,heat\n"a\nb",x,1\n\n"a\nb",y,2\n"a\nb",x,2\n', encoding="utf-8")
    labels = read_labels([path], COLUMNS)
    with pytest.raises(LabelFileInvalid, match=r"labels.csv:7: annotator 'x' .* labels.csv:2"):
        next(file_report(labels, ORDINAL))


def test_the_level_is_never_guessed(csv_file: Path) -> None:
    labels = read_labels([csv_file], COLUMNS)
    with pytest.raises(LabelFileInvalid, match="level of measurement of 'heat' is not given"):
        next(file_report(labels, FileRequest({"other": Level.NOMINAL})))


def test_a_coefficient_that_does_not_fit_the_labels_is_refused(csv_file: Path) -> None:
    labels = read_labels([csv_file], COLUMNS)
    request = FileRequest({"": Level.NOMINAL}, coefficients=("positive_agreement",))
    with pytest.raises(LabelFileInvalid, match="column 'heat': positive agreement needs two"):
        next(file_report(labels, request))
    twice = FileRequest({"": Level.NOMINAL}, {"": ("1", "2", "3", "1")})
    with pytest.raises(LabelFileInvalid, match="exactly once"):
        next(file_report(labels, twice))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"labels.csv:1: there is no header"),
        (b"item,annotator\na,b\n", r"no column 'heat'; there are: item, annotator"),
        (b"item,annotator,heat,item\n", "labels.csv:1: column 'item' stands there twice"),
        (b"item,annotator,heat\na,x,1\nb,x\n", "labels.csv:3: 2 fields, but the header has 3"),
        (b"item,annotator,heat\na,x,1,9\n", "labels.csv:2: 4 fields"),
        (b'item,annotator,heat\na,x,"1\n', "labels.csv:2: unexpected end of data"),
        (b'"item,annotator,heat\n', "labels.csv:1: unexpected end"),
        (b"item,annotator,heat\na,\xff,1\n", "labels.csv:2: byte 22 is not UTF-8"),
        (b"item,annotator,heat\na,x,\x001\n", "labels.csv:2: a NUL"),
        (b"item,annotator,heat\n,x,1\n", "labels.csv:2: column 'item' is empty"),
        (b"item,annotator,heat\na,,1\n", "labels.csv:2: column 'annotator' is empty"),
    ],
)
def test_csv_files_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(LabelFileInvalid, match=message):
        read_labels([path], COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"item": "a"', "labels.jsonl:1: not JSON"),
        ('{"item": "a", "annotator": "x", "heat": NaN}', "NaN is no value"),
        ("[1]", "labels.jsonl:1: expected an object"),
        ('\n{"item": "a", "annotator": "x", "heat": [1]}', "labels.jsonl:2: .* holds a list"),
        ('{"item": "a", "annotator": "x"}', "no column 'heat'"),
    ],
)
def test_json_files_that_cannot_be_read(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LabelFileInvalid, match=message):
        read_labels([path], COLUMNS)


def test_other_files_that_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "labels.parquet"
    broken.write_bytes(b"PAR0")
    with pytest.raises(LabelFileInvalid, match="not a readable Parquet file"):
        read_labels([broken], COLUMNS)
    with pytest.raises(LabelFileInvalid, match=r"labels.xlsx: expected a file ending in \.csv"):
        read_labels([tmp_path / "labels.xlsx"], COLUMNS)
    with pytest.raises(LabelFileInvalid, match=r"gone\.csv: cannot be read"):
        read_labels([tmp_path / "gone.csv"], COLUMNS)


def test_typed_values_are_the_text_a_csv_would_hold(tmp_path: Path) -> None:
    path = tmp_path / "typed.parquet"
    frame = pd.DataFrame({
        "item": [1, 1, 2, 2], "annotator": ["x", "y", "x", "y"],
        "yes": [True, False, True, True], "size": [1.0, 2.5, None, 3.0],
    })  # fmt: skip
    frame.to_parquet(path)
    labels = read_labels([path], FileColumns("item", "annotator", ("yes", "size")))
    assert labels.cells["item"] == ["1", "1", "2", "2"]
    assert labels.cells["yes"] == ["true", "false", "true", "true"]
    assert labels.cells["size"] == ["1", "2.5", None, "3"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_touchstones_own_long_form(tmp_path: Path, ending: str) -> None:
    rows = [
        {"item": "a", "annotator": "x", "question": "tone", "value": "warm", "state": None},
        {"item": "a", "annotator": "y", "question": "tone", "value": None, "state": "unsure"},
    ]
    path = tmp_path / f"labels.{ending}"
    if ending == "csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif ending == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        pd.DataFrame(rows).to_parquet(path)
    columns = read_label_columns([path])
    assert list(columns.category) == ["", ""]
    assert list(columns.state) == ["answered", "unsure"]
    assert list(columns.value) == ["warm", None]


def test_the_long_form_names_rows_that_lack_an_id(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("item,annotator,question,value\na,x,,warm\n", encoding="utf-8")
    with pytest.raises(LabelFileInvalid, match=r"labels\.csv:2: column 'question' is empty"):
        read_label_columns([path])


def test_the_raw_convabuse_file_gives_the_figures_of_all_raters() -> None:
    folder = shared("convabuse")
    told = json.loads((folder / "reference_agreement.json").read_text(encoding="utf-8"))
    names = tuple(told["all_raters"])
    columns = FileColumns("item", "annotator", ("severity", *names))
    labels = read_labels([folder / "labels_wide.csv"], columns)
    request = FileRequest(
        {"severity": Level.ORDINAL, "": Level.NOMINAL},
        interval=IntervalSpec(),
        coefficients=("krippendorff_alpha",),
    )
    found = {one.variable: alpha(one) for one in file_report(labels, request)}
    assert found["severity"] == pytest.approx(told["severity"]["ordinal"], abs=1e-6)
    for name in names:
        assert found[name] == pytest.approx(told["all_raters"][name], abs=1e-6)
