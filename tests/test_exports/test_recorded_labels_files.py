"""Recorded label files: what is read as whose answers, and what is refused, where and why."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.recorded_labels import RecordedLabelsError, RecordedRow, columns_of, read_rows
from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.label_validation import validate_answers
from tests.support.garden import NOTE, TOOLS, garden

ABUSE = load_rubric(read("conversational-abuse"))
PATTERNS = ("type_*=types", "target_*=target", "direction_*=direction")
KNOWN = frozenset({"item", "annotator"})
MINUTES = """\
  - id: minutes
    text: How many minutes would it take?
    type: number
    target: conversation
    level: ratio
    required: false
"""
MORE = """\
  - id: ease
    text: How easy is it?
    type: ordinal
    target: conversation
    options:
      - {id: easy, label: Easy, code: 1}
      - {id: fair, label: Fair, code: 1.5}
      - {id: hard, label: Hard, code: 3}
    required: false
  - id: order
    text: Which tool comes first?
    type: ranking
    target: conversation
    ties: true
    options:
      - {id: spade, label: Spade}
      - {id: rake, label: Rake}
      - {id: can, label: Watering can}
    required: false
  - id: effort
    text: How much work is each tool?
    type: ordinal
    target: conversation
    repeat_for: tools
    options:
      - {id: low, label: Low, code: 1}
      - {id: high, label: High, code: 2}
    required: false
  - id: marks
    text: Mark what is about plants.
    type: span
    target: messages
    required: false
"""
GARDEN = load_rubric(garden(MINUTES, TOOLS, MORE, NOTE, kinds="messages, text"))


@pytest.fixture
def rows_of(tmp_path):
    def rows(content: bytes | str, rubric=GARDEN, **options) -> list[RecordedRow]:
        path = tmp_path / "recorded.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_rows(path, rubric, **options)

    return rows


@pytest.fixture
def refusal_of(rows_of):
    def refusal(content: bytes | str, rubric=GARDEN, **options) -> str:
        with pytest.raises(RecordedLabelsError) as caught:
            rows_of(content, rubric, **options)
        return str(caught.value)

    return refusal


# ------------------------------------------------------------------------------- what is read


def test_each_type_of_question_is_read_from_its_column(rows_of):
    (row,) = rows_of(
        "item,annotator,useful,minutes,tools,ease,order,note\n"
        "i-1,ann,yes,2.5,spade | can|,hard,can > spade=rake,  Water first. \n"
    )
    assert (row.line, row.item, row.annotator, row.closed) == (2, "i-1", "ann", {})
    assert row.answers == {
        "useful": {"value": True},
        "minutes": {"value": 2.5},
        "tools": {"value": ["spade", "can"]},
        "ease": {"value": "hard"},
        "order": {"value": [["can"], ["spade", "rake"]]},
        "note": {"value": "Water first."},
    }
    assert row.open_answers() == row.answers
    cells = {(cell.question, cell.category): cell.value for cell in _labelled(GARDEN, row)}
    assert cells["order", ""] == "can>spade=rake"
    assert (cells["tools", "can"], cells["tools", "rake"]) == ("1", "0")


def _labelled(rubric, row):
    item = {"external_id": row.item, "kind": "messages", "body": {}}
    return validate_answers(rubric, row.open_answers() | {"marks": {"value": []}}, item)


def test_an_empty_cell_is_no_answer_and_zeros_are_one(rows_of):
    bare, none = rows_of(
        "item,annotator,useful,minutes,tools,ease,order,note\ni-1,ann,,,,,,\ni-2,ann,1,0,|,,,\n"
    )
    assert bare.answers == {}
    assert none.answers == {
        "useful": {"value": True},
        "minutes": {"value": 0},
        "tools": {"value": []},
    }


def test_options_of_one_question_stand_in_columns_of_their_own(rows_of):
    header = "annotator,item,severity,type_sexist,type_ableism,target_individual,target_system"
    first, second = rows_of(
        f"{header}\nann,i-1,mild,1,1.0,0,TRUE\nann,i-2,-1,0,no,false,\n", ABUSE, patterns=PATTERNS
    )
    assert first.answers == {
        "severity": {"value": "mild"},
        "types": {"value": ["sexist", "ableism"]},
        "target": {"value": "system"},
    }
    assert second.answers == {"severity": {"value": "mild"}, "types": {"value": []}}


@pytest.mark.parametrize("written", ["-2", "-2.0", "strong", " strong "])
def test_an_option_is_named_by_id_or_code(rows_of, written):
    (row,) = rows_of(f"item,annotator,severity\ni-1,ann,{written}\n", ABUSE)
    assert row.answers["severity"] == {"value": "strong"}


@pytest.mark.parametrize(("written", "option"), [("1", "easy"), ("1.50", "fair"), ("3.0", "hard")])
def test_codes_are_compared_as_numbers(rows_of, written, option):
    (row,) = rows_of(f"item,annotator,useful,ease\ni-1,ann,0,{written}\n")
    assert row.answers["ease"] == {"value": option}


def test_answers_to_closed_questions_are_kept_apart_with_their_columns(rows_of):
    header = "item,annotator,severity,type_sexist,type_racist,target_system,direction"
    (row,) = rows_of(
        f"{header}\ni-1,ann,not_abusive,1,0,0,explicit\n", ABUSE, patterns=PATTERNS[:2]
    )
    assert row.closed == {"types": ("type_sexist",), "direction": ("direction",)}
    assert row.answers == {
        "severity": {"value": "not_abusive"},
        "types": {"value": ["sexist"]},
        "direction": {"value": "explicit"},
    }
    assert row.open_answers() == {"severity": {"value": "not_abusive"}}


def test_nothing_chosen_in_a_closed_question_is_no_answer(rows_of):
    header = "item,annotator,severity,type_sexist,target_system"
    (row,) = rows_of(f"{header}\ni-1,ann,1,0,0\n", ABUSE, patterns=PATTERNS)
    assert row.answers == {"severity": {"value": "not_abusive"}}
    assert row.closed == {}


def test_columns_may_be_renamed_and_left_out(rows_of):
    (row,) = rows_of(
        "doc,who,Helpful?,remark,remark\nd-1, Ann Lee ,no,left,out\n",
        item="doc",
        annotator="who",
        patterns=["Helpful?=useful"],
        ignored=["remark"],
    )
    assert (row.item, row.annotator) == ("d-1", "Ann Lee")
    assert row.answers == {"useful": {"value": False}}


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_files_of_spreadsheets_are_read(rows_of, start):
    rows = rows_of(
        f'{start}item , annotator,useful,note\r\n"i-1","ann","1","Two\r\nlines, one cell."\r\n'
        "\r\ni-2,ann,0,\r\n"
    )
    assert [(row.line, row.item) for row in rows] == [(3, "i-1"), (5, "i-2")]
    assert rows[0].answers["note"] == {"value": "Two\r\nlines, one cell."}


def test_a_header_alone_gives_no_rows(rows_of):
    assert rows_of("item,annotator,useful") == []


@settings(max_examples=40)
@given(
    names=st.lists(
        st.tuples(
            st.text(st.sampled_from("aÄ水\u200d,;|\"'=<#*\\"), min_size=1),
            st.sampled_from(["spade", "rake", "can"]),
        ),
        max_size=4,
    )
)
def test_names_come_through_as_they_were_written(tmp_path_factory, names):
    path = tmp_path_factory.getbasetemp() / "names.csv"
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["item", "annotator", "useful", "tools"])
    writer.writerows([name, name, "true", tool] for name, tool in names)
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    read_back = read_rows(path, GARDEN)
    assert [(row.item, row.annotator) for row in read_back] == [(name, name) for name, _ in names]
    assert [row.answers["tools"]["value"] for row in read_back] == [[tool] for _, tool in names]


# ------------------------------------------------------------------------ which column is what


def test_a_column_is_what_the_first_pattern_or_its_own_name_says():
    header = ["item", "annotator", "severity", "target_system", "kind"]
    columns = columns_of(ABUSE, header, ["target_*=target", "kind=direction", "kind=types"], KNOWN)
    assert [(one.name, one.question, one.option) for one in columns] == [
        ("severity", "severity", None),
        ("target_system", "target", "system"),
        ("kind", "direction", None),
    ]


@pytest.mark.parametrize("pattern", ["", "=types", "types", "type_*=", "type_*=kinds", "a=b=types"])
def test_a_pattern_names_a_question_of_the_rubric(pattern):
    with pytest.raises(RecordedLabelsError) as caught:
        columns_of(ABUSE, ["severity"], [pattern], KNOWN)
    assert f"--map {pattern!r} is not COLUMN=QUESTION" in str(caught.value)
    assert "severity, types, target, direction" in str(caught.value)


def test_every_unknown_column_is_named_with_what_to_do():
    with pytest.raises(RecordedLabelsError) as caught:
        columns_of(ABUSE, ["item", "mood", "severity", ""], (), KNOWN)
    words = str(caught.value)
    assert "fit no question of conversational-abuse: mood, ''." in words
    assert "--map 'PREFIX*=QUESTION'" in words
    assert "--ignore" in words


@pytest.mark.parametrize(
    ("column", "pattern", "words"),
    [
        ("tool_hose", "tool_*=tools", "the option 'hose' of tools, which has spade, rake, can"),
        ("tool_", "tool_*=tools", "the option '' of tools"),
        ("use_1", "use_*=useful", "the option '1' of useful, which has no options"),
        ("order_can", "order_*=order", "give one column with the best first, as in a > b = c"),
        ("marks", "x=useful", "would hold marks, which marks passages"),
        ("effort", "x=useful", "would hold effort, which has an answer for each choice"),
        ("e_low", "e_*=effort", "'e_low' would hold effort, which has an answer for each choice"),
    ],
)
def test_a_column_that_cannot_hold_its_question_is_refused(column, pattern, words):
    with pytest.raises(RecordedLabelsError) as caught:
        columns_of(GARDEN, ["item", column], [pattern], KNOWN)
    assert f"column {column!r} would" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [("tools", "t_can"), ("t_can", "tools"), ("t_can", "tool_can"), ("tools", "kit")],
)
def test_two_columns_never_hold_one_answer(first, second):
    patterns = ["t_*=tools", "tool_*=tools", "kit=tools"]
    with pytest.raises(RecordedLabelsError) as caught:
        columns_of(GARDEN, [first, "t_rake", second], patterns, frozenset({"t_rake"}))
    assert f"the columns {first!r} and {second!r} both hold tools" in str(caught.value)
    assert "--ignore" in str(caught.value)


# ---------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "there is no column 'item'; its first line is empty"),
        ("\nitem,annotator\n", "there is no column 'item'; its first line is empty"),
        ("Item,annotator\n", "there is no column 'item'; it has Item, annotator"),
        ("item;annotator\n", "there is no column 'item'; it has item;annotator"),
        ("item,who\n", "there is no column 'annotator'; it has item, who"),
        ("item,annotator,useful,useful\n", "line 1: the column 'useful' is there 2 times"),
        ("item,annotator,item,item\n", "line 1: the column 'item' is there 3 times"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(refusal_of, content, words):
    assert refusal_of(content).startswith(f"recorded.csv{':' if 'line 1' not in words else ','} ")
    assert words in refusal_of(content)


def test_a_missing_key_column_says_which_option_names_it(refusal_of):
    words = refusal_of("doc,who\n", item="document")
    assert "no column 'document'; it has doc, who" in words
    assert "--item and --annotator" in words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("i-2,ann", "the row ends too early: there is no cell for 'useful'"),
        ("i-2", "the row ends too early: there is no cell for 'annotator'"),
        ("i-2,ann,1,,,,,well, then", "more cells than the header has columns"),
        (" ,ann,1,,,,,", "column 'item' is empty"),
        ("i-2,,1,,,,,", "column 'annotator' is empty"),
        ("i-2,ann,maybe,,,,,", "column 'useful' holds 'maybe', not 1 or 0"),
        ("i-2,ann,1,two,,,,", "column 'minutes' holds 'two', not a number"),
        ("i-2,ann,1,true,,,,", "column 'minutes' holds 'true', not a number"),
        ("i-2,ann,1,null,,,,", "column 'minutes' holds 'null', not a number"),
        ("i-2,ann,1,[2],,,,", "column 'minutes' holds '[2]', not a number"),
        ("i-2,ann,1,NaN,,,,", "column 'minutes' holds 'NaN', not a number"),
        ("i-2,ann,1,-Infinity,,,,", "column 'minutes' holds '-Infinity', not a number"),
        ("i-2,ann,1,1e999,,,,", "column 'minutes' holds '1e999', not a number of at most 15"),
        (f"i-2,ann,1,{'9' * 9000},,,,", f"holds '{'9' * 40}…', not a number"),
        (f"i-2,ann,1,{'[' * 60000},,,,", f"holds '{'[' * 40}…', not a number"),
        ("i-2,ann,1,,spade|hose,,,", "column 'tools' holds 'hose'; tools has spade, rake, can"),
        ("i-2,ann,1,,can|spade|can,,,", "column 'tools' names can 2 times"),
        ("i-2,ann,1,,,2,,", "column 'ease' holds '2'; ease has easy (1), fair (1.5), hard (3)"),
        ("i-2,ann,1,,,nan,,", "column 'ease' holds 'nan'; ease has easy (1)"),
        ("i-2,ann,1,,,,can>spade,", "holds 'can>spade'; order ranks every option; rake has"),
        ("i-2,ann,1,,,,can>can=rake,", "order names an option twice"),
        ("i-2,ann,1,,,,can>>rake,", "column 'order' holds 'can>>rake'; order has no option ''"),
    ],
)
def test_a_row_is_refused_with_line_and_column(refusal_of, row, words):
    said = refusal_of(
        "item,annotator,useful,minutes,tools,ease,order,note\n"
        f'i-1,ann,1,,,,,"A note\nof two lines"\n{row}\n'
    )
    assert said.startswith("recorded.csv, line 4: ")
    assert words in said
    assert len(said) < 300


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("0,x", "column 'target_system' holds 'x', not 1 or 0"),
        ("1,1", "target takes one option, and target_individual, target_system are all 1"),
    ],
)
def test_columns_of_options_hold_one_or_zero(refusal_of, cells, words):
    header = "item,annotator,severity,target_individual,target_system"
    said = refusal_of(f"{header}\ni-1,ann,mild,{cells}\n", ABUSE, patterns=PATTERNS)
    assert said == f"recorded.csv, line 2: {words}"


@pytest.mark.parametrize(
    ("row", "line", "words"),
    [
        (b'i-2,ann,"1\ni-3,ann,0\n', 4, "this is not CSV: unexpected end of data"),
        (b'i-2,ann,"1"0\ni-3,ann,0\n', 3, "this is not CSV: ',' expected after '\"'"),
        (b"i-2,ann," + b"1" * 10_000_001 + b"\n", 3, "this is not CSV: field larger than"),
        (b"i-2,J\xf6rg,1\n", 3, "this is not UTF-8 text. Save the file as CSV in UTF-8"),
        (b"i-2,ann,1\n\xff\n", 4, "this is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_csv_names_the_line(refusal_of, row, line, words):
    said = refusal_of(b"item,annotator,useful\ni-1,ann,1\n" + row)
    assert said.startswith(f"recorded.csv, line {line}: ")
    assert words in said


def test_a_workbook_is_no_label_file(refusal_of):
    assert "not UTF-8 text" in refusal_of(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x99\xd3")
    assert "not UTF-8 text" in refusal_of("item,annotator\n".encode("utf-16"))
