"""The API's JSON: what it takes it reads as Python does; a refusal tells the place."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotate.web.strict_json import BrokenJson, strict_json

DIGITS = sys.get_int_max_str_digits()
LONG = "7" * (DIGITS + 1)
JUST = "7" * DIGITS

KEYS = st.text(max_size=8) | st.sampled_from(["NaN", "{", "}", 'a"b', "a\\", "Infinity", "1e999"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | KEYS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(KEYS, inside, max_size=4),
    max_leaves=6,
)
INDENTS = st.sampled_from([None, 0, 3])


def refused(text: str | bytes) -> tuple[str, int, int]:
    """Return what is said of a text, with the line and column."""
    with pytest.raises(BrokenJson) as caught:
        strict_json(text if isinstance(text, bytes) else text.encode())
    [problem] = caught.value.problems
    assert problem["place"] == "body"
    told = f"The body, line {problem['line']}, column {problem['column']}: {problem['message']}"
    assert str(caught.value) == told
    return problem["message"], problem["line"], problem["column"]


def read_or_refused(data: bytes) -> Any:
    try:
        return strict_json(data)
    except BrokenJson:
        return BrokenJson


def place_of(text: str, sign: str) -> tuple[int, int]:
    """Return line and column of a sign that stands once in a text, found in another way."""
    [line] = [number for number, one in enumerate(text.split("\n"), start=1) if sign in one]
    return line, text.split("\n")[line - 1].index(sign) + 1


# ------------------------------------------------------------------------------------ what is taken


@given(VALUES, INDENTS, st.booleans())
@settings(max_examples=50)
def test_what_it_takes_it_reads_as_python_does(
    value: Any, indent: int | None, escaped: Any
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    read = strict_json(text.encode())
    assert read == json.loads(text) == value
    assert json.dumps(read) == json.dumps(value)  # 1, 1.0 and True are three values


@given(st.text(alphabet='{}[]":,\\ \n019eE+-.aNInfty\ufeff\u00e9', max_size=16))
@example('{"a":1,"a"')
@example("[0, 1e400")
@example("-")
@settings(max_examples=60)
def test_any_text_is_read_or_refused_at_a_place_within_it(text: str) -> None:
    if read_or_refused(text.encode()) is BrokenJson:
        _, line, column = refused(text)
        lines = text.split("\n")
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
    else:
        assert json.dumps(strict_json(text.encode()), allow_nan=False)


@given(st.text(max_size=8), st.binary(max_size=3))
@settings(max_examples=30)
def test_a_byte_that_is_no_character_is_told_with_its_place(before: str, after: bytes) -> None:
    data = b'["' + before.encode() + b"\xff" + after
    message, *told = refused(data)
    assert message == f"not UTF-8: byte {2 + len(before.encode())} cannot be read"
    lines = f'["{before}'.split("\n")
    assert told == [len(lines), len(lines[-1]) + 1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"[{JUST}]", [int(JUST)]),
        (f"-{JUST}", -int(JUST)),
        (f"0.{LONG}", float(f"0.{LONG}")),
        ("1e-400", 0.0),
        ("1.7976931348623157e308", sys.float_info.max),
        ('{"a": {"a": [{"a": 1}, {"a": 2}]}}', {"a": {"a": [{"a": 1}, {"a": 2}]}}),
        ('["a", "a", {"b": "a", "a": "b"}]', ["a", "a", {"b": "a", "a": "b"}]),
        ('{"A": 1, "a": 2, "a ": 3}', {"A": 1, "a": 2, "a ": 3}),
        ('"NaN"', "NaN"),
        (" \t\r\n null \n", None),
    ],
)
def test_the_edge_of_what_is_taken(text: str, value: Any) -> None:
    assert strict_json(text.encode()) == value


# ---------------------------------------------------------------------------------------- key twice


@given(st.lists(KEYS, min_size=1, max_size=3, unique=True), st.integers(0, 2), INDENTS)
@settings(max_examples=40)
def test_a_key_twice_is_refused_at_its_second_place(
    keys: list[str], which: int, indent: int | None
) -> None:
    key = keys[which % len(keys)]
    inside = {one: [{key: keys}] for one in keys}
    marked = json.dumps(inside, indent=indent)[:-1] + ', \u2020: {"x": 1, "x": 2}}'
    text = f'[{json.dumps(inside)},\n "\u00e9", {marked}]'
    line, column = place_of(text, "\u2020")
    message, *told = refused(text.replace("\u2020", json.dumps(key)))
    assert message == f"the key {key!r} stands twice in one object: give it once"
    assert told == [line, column]


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ('{"a": 1, "a": 1}', "a", (1, 10)),
        ('{"a": 1,\n\n  "\\u0061" : 1}', "a", (3, 3)),
        ('{"": 0,\r\n"": 0}', "", (2, 1)),
        ('{"a": {"b": {}}, "c": ["a", {"a": "c"}], "c"\n:\t1}', "c", (1, 42)),
        ('{"a}": "{", "a\\"": "}", "a}": 0}', "a}", (1, 25)),
        ('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', "c", (1, 24)),  # the first of the text
        ('{"a": 1, "a": 2', None, (1, 16)),  # cut off: there is no object yet
    ],
)
def test_which_key_is_the_second(text: str, key: str | None, place: tuple[int, int]) -> None:
    message, *told = refused(text)
    assert tuple(told) == place
    assert message.startswith(f"the key {key!r} " if key is not None else "not JSON: ")


# ------------------------------------------------------------------------------------------ numbers


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize(
    "around",
    [
        "\u2020",
        "[1,\n \u2020]",
        '{"NaN": "Infinity",\n\n"-Infinity": \u2020}',
        '["\\"NaN", \u2020, NaN]',
    ],
)
def test_constants_that_json_has_not(name: str, around: str) -> None:
    message, *told = refused(around.replace("\u2020", name))
    assert message == f"{name} is not JSON: send a number or null"
    assert tuple(told) == place_of(around, "\u2020")


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1E+309", "17976931348623159" + "0" * 292 + ".0"]
)
@pytest.mark.parametrize(
    "around", ["\u2020", '{"1e999": [1e308, -2, 0.5, true, "1e999"],\n"b": \u2020, "c": 1e999}']
)
def test_a_number_beyond_all_bounds_is_no_infinity(number: str, around: str) -> None:
    message, *told = refused(around.replace("\u2020", number))
    assert message == f"{number[:40]} is too large a number: send a smaller one"
    assert tuple(told) == place_of(around, "\u2020")


@pytest.mark.parametrize("number", [LONG, f"-{LONG}"])
@pytest.mark.parametrize(
    "around",
    [
        "\u2020",
        f'{{"{LONG}": "{LONG}",\n"a": \u2020}}',
        f"[0.{LONG},\n-{JUST}, {JUST}, \u2020, {LONG}]",
        f"[{JUST}.0e-{DIGITS}, {LONG}e-{DIGITS},\n \u2020]",
    ],
)
def test_a_whole_number_of_too_many_digits_is_the_one_that_is_told(
    number: str, around: str
) -> None:
    message, *told = refused(around.replace("\u2020", number))
    assert message == "a number of too many digits"
    assert tuple(told) == place_of(around, "\u2020")


@pytest.mark.parametrize("number", [-0.0, 5e-324, sys.float_info.max, -sys.float_info.max, 0.1])
def test_a_finite_number_stays_what_it_is(number: float) -> None:
    read = strict_json(repr(number).encode())
    assert (read, math.copysign(1, read)) == (number, math.copysign(1, number))


# -------------------------------------------------------------------------------------- broken text


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("", "Expecting value", (1, 1)),
        ("\n\n ", "Expecting value", (3, 2)),
        ('{"fence": 1,}', "property name", (1, 13)),
        ("{'a': 1}", "property name", (1, 2)),
        ("[1 2]", "',' delimiter", (1, 4)),
        ('{"a" 1}', "':' delimiter", (1, 6)),
        ('{"a": 1} {}', "Extra data", (1, 10)),
        ('["\u00e9\u00e9", \u2603]', "Expecting value", (1, 8)),
        ('["a\nb"]', "control character", (1, 4)),
        ('"open', "Unterminated string", (1, 1)),
        ('"\\x"', "escape", (1, 2)),
        ('[\n"\\u12"]', "escape", (2, 3)),
        ("[01]", "delimiter", (1, 3)),
        ("[1.]", "delimiter", (1, 3)),
        ("+1", "Expecting value", (1, 1)),
        ("\ufeff{}", "BOM", (1, 1)),
        ("[1, // no\n2]", "Expecting value", (1, 5)),
    ],
)
def test_what_is_no_json_is_told_with_its_place(
    text: str, words: str, place: tuple[int, int]
) -> None:
    message, *told = refused(text)
    assert message.startswith("not JSON: ")
    assert words in message
    assert tuple(told) == place


@pytest.mark.parametrize(
    ("data", "byte", "place"),
    [
        (b'"\xff"', 1, (1, 2)),
        (b'{"a":\n "\xc3\xa9\xc3("}', 10, (2, 4)),  # columns count characters, not bytes
        (b'"\xc0\x80"', 1, (1, 2)),
        (b'"\xed\xa0\x80"', 1, (1, 2)),
        (b'"\xe2\x98', 1, (1, 2)),
        ("[]".encode("utf-16"), 0, (1, 1)),
        (b'{"a": 1, "a": NaN, "\xff"', 20, (1, 21)),
    ],
)
def test_bytes_that_are_no_utf_8(data: bytes, byte: int, place: tuple[int, int]) -> None:
    message, *told = refused(data)
    assert message == f"not UTF-8: byte {byte} cannot be read"
    assert tuple(told) == place


def test_a_text_that_was_cut_off_is_refused_where_it_ends_or_before() -> None:
    text = '[{"a": -1.5e3, "\\u00e9": [true, null, "b\\n"]}, 12]'
    assert strict_json(text.encode())
    for end in range(len(text)):
        _, line, column = refused(text[:end])
        assert (line, column) <= (1, end + 1)


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_what_is_nested_beyond_measure_is_refused(opened: str, closed: Any) -> None:
    depth = 20_000
    ending = "".join("]" if sign == "[" else "}" for sign in reversed(opened) if sign in "[{")
    text = opened * depth + ("1" + ending * depth if closed else "")
    with pytest.raises(BrokenJson, match="nested too deeply") as caught:
        strict_json(text.encode())
    assert caught.value.code == "broken_json"
    assert isinstance(caught.value.__cause__, RecursionError)


def test_a_hundred_levels_are_read() -> None:
    read = strict_json(b"[" * 100 + b"7" + b"]" * 100)
    for _ in range(100):
        [read] = read
    assert read == 7
