"""Item files: what is read, what is refused and where, and that reading can go on anywhere."""

from __future__ import annotations

import csv
import io
import itertools
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.errors import ItemFileUnreadable
from exports.item_files import BadRow, ItemRow, read_items


def rows(data: bytes | str, kind="jsonl", **options):
    raw = data.encode() if isinstance(data, str) else data
    return list(read_items(io.BytesIO(raw), kind, **options))


def one(data: bytes | str, kind="jsonl", **options):
    found = rows(data, kind, **options)
    assert len(found) == 1
    return found[0]


def test_reads_the_three_kinds_of_item():
    text, pair, talk = rows(
        '{"id": "a", "text": "hello"}\n'
        '{"id": 7, "prompt": "p", "response": "", "system": "s", "licence": "CC0-1.0"}\n'
        '{"id": "c", "messages": [{"role": "user", "content": "hi"}], "language": "pt-BR"}'
    )
    assert (text.external_id, text.kind, text.body) == ("a", "text", {"text": "hello"})
    assert (pair.external_id, pair.kind) == ("7", "prompt_response")
    assert pair.body == {"system": "s", "prompt": "p", "response": ""}
    assert pair.licence == "CC0-1.0"
    assert talk.body == {"messages": [{"role": "user", "content": "hi"}]}
    assert talk.language == "pt-BR"
    assert [row.line for row in (text, pair, talk)] == [1, 2, 3]


def test_the_content_hash_is_that_of_the_content_alone():
    first, second, other = rows(
        '{"id": "a", "text": "same", "source": "x"}\n{"text": "same", "id": "b"}\n'
        '{"id": "c", "text": "other"}'
    )
    assert first.content_hash == second.content_hash != other.content_hash
    assert first.canonical_body == '{"text":"same"}'


def test_unknown_keys_become_metadata_and_conversation_id_groups():
    row = one('{"id": "a", "text": "t", "bot": "x", "metadata": {"conversation_id": 12}}')
    assert row.metadata == {"conversation_id": 12, "bot": "x"}
    assert row.group_keys == {"conversation_id": "12"}


def test_given_group_keys_win_over_conversation_id():
    row = one(
        '{"id":"a","text":"t","conversation_id":"c1","group_keys":{"author":"z","n":null},'
        '"slices":{"turn":3}}'
    )
    assert row.group_keys == {"author": "z"}
    assert row.slices == {"turn": "3"}


def test_further_message_keys_are_kept_beside_the_content():
    row = one('{"id":"a","messages":[{"role":"user","content":"hi","time":"noon"}]}')
    assert row.body == {"messages": [{"role": "user", "content": "hi"}]}
    assert row.metadata == {"message_fields": {"0": {"time": "noon"}}}


BAD_JSON = {
    "syntax": ('{"id": "a", "text": }', 21, "not valid JSON"),
    "cut off": ('{"id": "a", "text": "t"', 24, "not valid JSON"),
    "repeated key": ('{"id": "a", "text": "t", "id": "b"}', 26, "'id' stands twice"),
    "repeated inner key": (
        '{"id": "a", "text": "t", "metadata": {"k": 1, "k": 2}}',
        47,
        "'k' stands twice",
    ),
    "NaN": ('{"id": "a", "text": "t", "x": NaN}', 31, "NaN is not a number"),
    "infinity": ('{"id": "a", "text": "t", "x": -Infinity}', 31, "-Infinity is not a number"),
    "overflow": ('{"id": "a", "text": "t", "x": 1e999}', 31, "1e999 is not a number"),
    "raw NUL": ('{"id": "a", "text": "a\x00b"}', 23, "NUL"),
    "escaped NUL": ('{"id": "a", "text": "\\u0000"}', 22, "NUL"),
    "lone high surrogate": ('{"id": "a", "text": "é\\ud800x"}', 23, "surrogate"),
    "lone high at the end": ('{"id": "a", "text": "\\ud800"}', 22, "surrogate"),
    "two high surrogates": ('{"id": "a", "text": "\\ud800\\ud800"}', 22, "surrogate"),
    "high then newline": ('{"id": "a", "text": "\\ud800\\n"}', 22, "surrogate"),
    "low behind a pair": ('{"id": "a", "text": "\\ud83d\\ude00\\ude00"}', 34, "surrogate"),
    "repeated late key": ('{"text": "t", "id": "b", "x": 1, "x": 2}', 34, "'x' stands twice"),
    "lone low surrogate": ('{"id": "a", "text": "\\udc00"}', 22, "surrogate"),
    "list": ('[{"id": "a", "text": "t"}]', 1, "one object {…} per line"),
    "number": ("12", 1, "not an object"),
    "id missing": ('{"text": "t"}', None, "'id' is missing"),
    "id null": ('{"id": null, "text": "t"}', None, "'id' is missing"),
    "id true": ('{"id": true, "text": "t"}', None, "'id' is true or false"),
    "id blank around": ('{"id": " a", "text": "t"}', None, "blanks"),
    "id too long": ('{"id": "' + "a" * 201 + '", "text": "t"}', None, "201 characters"),
    "no content": ('{"id": "a"}', None, "there is no content"),
    "blank text": ('{"id": "a", "text": "  "}', None, "'text' is empty"),
    "text a number": ('{"id": "a", "text": 3}', None, "'text' is a number"),
    "two contents": ('{"id": "a", "text": "t", "prompt": "p"}', None, "do not go together"),
    "prompt alone": ('{"id": "a", "prompt": "p"}', None, "no 'response'"),
    "response alone": ('{"id": "a", "response": "p"}', None, "do not go together"),
    "messages an object": ('{"id": "a", "messages": {}}', None, "'messages' is an object"),
    "messages empty": ('{"id": "a", "messages": []}', None, "holds no text"),
    "message a text": ('{"id": "a", "messages": ["x"]}', None, "message 0 is text"),
    "role": ('{"id":"a","messages":[{"role":"bot","content":"x"}]}', None, "'bot'"),
    "content parts": ('{"id":"a","messages":[{"role":"user","content":[]}]}', None, "a list"),
    "language": ('{"id": "a", "text": "t", "language": "English!"}', None, "'language'"),
    "licences": (
        '{"id": "a", "text": "t", "licence": "x", "license": "y"}',
        None,
        "different things",
    ),
    "metadata": ('{"id": "a", "text": "t", "metadata": "x"}', None, "'metadata' is text"),
    "metadata clash": (
        '{"id": "a", "text": "t", "metadata": {"k": 1}, "k": 2}',
        None,
        "different values",
    ),
    "slices": ('{"id": "a", "text": "t", "slices": ["x"]}', None, "'slices' is a list"),
    "slice value": ('{"id": "a", "text": "t", "slices": {"x": 0.5}}', None, "slices.x"),
    "digits": ('{"id": "a", "text": "t", "x": ' + "9" * 5000 + "}", None, "too many digits"),
    "deep": ('{"id": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", None, "too deeply"),
}


@pytest.mark.parametrize(("text", "column", "reason"), BAD_JSON.values(), ids=BAD_JSON.keys())
def test_a_bad_row_says_where_and_why_and_stops_nothing(text, column, reason):
    bad, good = rows(text + '\n{"id": "z", "text": "good"}\n')
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (1, column)
    assert reason in bad.reason
    assert isinstance(good, ItemRow)
    assert (good.external_id, good.line) == ("z", 2)


def test_a_bad_row_names_the_id_where_it_could_be_read():
    assert one('{"id": "a", "text": 3}').external_id == "a"


def test_invalid_utf8_is_refused_with_its_column():
    bad, good = rows(b'{"id": "\xc3\xa9", "text": "\xe9"}\n{"id": "b", "text": "t"}')
    assert (bad.column, "0xE9" in bad.reason) == (22, True)
    assert good.external_id == "b"


def test_paired_surrogate_escapes_and_escaped_backslashes_are_fine():
    first, second = rows(
        '{"id": "a", "text": "\\ud83d\\ude00"}\n{"id": "b", "text": "\\\\u0000 \\\\ud800"}'
    )
    assert first.body == {"text": "\N{GRINNING FACE}"}
    assert second.body == {"text": "\\u0000 \\ud800"}


def test_byte_order_mark_blank_lines_and_windows_line_ends():
    found = rows(b'\xef\xbb\xbf{"id": "a", "text": "t"}\r\n\r\n   \n{"id": "b", "text": "u"}\r\n')
    assert [(row.external_id, row.line) for row in found] == [("a", 1), ("b", 4)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("x".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\x00x", "UTF-16"),
        ('{"id"'.encode("utf-16-le"), "UTF-16"),
        (b"\x00\x00\xfe\xff\x00\x00\x00x", "UTF-32"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "spreadsheet"),
        (b"PAR1", "Parquet"),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_that_is_no_text_is_refused_as_a_whole(data, words, kind):
    with pytest.raises(ItemFileUnreadable, match=words):
        rows(data, kind)


def test_a_too_long_line_is_skipped_and_counted():
    long = b'{"id": "b", "text": "' + b"y" * 5000 + b'"}\n'
    a, bad, c = rows(
        b'{"id":"a","text":"t"}\n' + long + b'{"id":"c","text":"t"}\n', max_line_bytes=1000
    )
    assert (a.external_id, c.external_id, c.line) == ("a", "c", 3)
    assert f"{len(long):,} bytes" in bad.reason
    assert bad.line == 2


class _Repeated(io.RawIOBase):
    """A file of one block said over and over, so that the test itself holds nothing."""

    def __init__(self, head: bytes, block: bytes, times: int, tail: bytes) -> None:
        self._parts = (head, block, tail)
        self._size = len(head) + len(block) * times + len(tail)
        self._at = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        assert whence == 0
        self._at = offset
        return offset

    def tell(self):
        return self._at

    def readinto(self, buffer):
        head, block, tail = self._parts
        body_end = self._size - len(tail)
        if self._at < len(head):
            piece = head[self._at :]
        elif self._at < body_end:
            piece = block[(self._at - len(head)) % len(block) :][: body_end - self._at]
        else:
            piece = tail[self._at - body_end :]
        piece = piece[: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


@pytest.mark.no_cover  # millions of rounds through lines that the tests above reach
@pytest.mark.parametrize(
    ("kind", "head", "block", "tail"),
    [
        ("jsonl", b'{"id":"a","text":"', b"y" * 65536, b'"}\n{"id":"z","text":"t"}\n'),
        ("csv", b"id,text\na,", b"y" * 65536, b"\nz,t\n"),
        ("csv", b'id,text\na,"', b"y" * 65535 + b"\n", b'"\nz,t\n'),
        ("csv", b'id,text\na,"x\n', (b"b," + b"y" * 97 + b"\n") * 160, b"z,t\n"),
    ],
    ids=["long line", "long cell", "long quoted cell", "unclosed quote"],
)
def test_fifty_megabytes_in_one_row_are_never_held(kind, head, block, tail):
    times = 50_000_000 // len(block) if len(block) > 60_000 else 125
    stream = io.BufferedReader(_Repeated(head, block, times, tail), 1 << 16)
    bad, last, count = None, None, 0
    tracemalloc.start()
    try:
        for row in read_items(stream, kind):
            bad = bad or row
            last, count = row, count + 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(bad, BadRow)
    assert last.external_id == "z"
    assert peak < 12_000_000
    assert count == 2 or "never closed" in bad.reason


def test_csv_reads_cells_with_breaks_quotes_and_delimiters():
    first, second = rows('id,text,bot\r\na,"one, ""two""\r\nthree",x\r\nb,plain "q",\r\n', "csv")
    assert first.body == {"text": 'one, "two"\r\nthree'}
    assert first.metadata == {"bot": "x"}
    assert (first.line, second.line) == (2, 4)
    assert second.body == {"text": 'plain "q"'}
    assert second.metadata == {}


def test_csv_structured_columns():
    row = one(
        "id;messages;slices.style;group_keys.author;metadata\n"
        '1;"[{""role"":""user"",""content"":""hi""}]";coded;z;"{""k"":1}"\n',
        "csv",
    )
    assert row.kind == "messages"
    assert row.slices == {"style": "coded"}
    assert row.group_keys == {"author": "z"}
    assert row.metadata == {"k": 1}


def test_csv_with_columns_for_several_kinds():
    found = rows("id\ttext\tprompt\tresponse\na\thello\t\t\nb\t\tp\t\nc\t\t\t\n", "csv")
    assert [getattr(row, "kind", None) for row in found] == ["text", "prompt_response", None]
    assert "no content" in found[2].reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("id,id,text\n", "id twice"),
        ("name,text\n1,2\n", "no column 'id'"),
        ("id,name\n", "names no content"),
        ("id,,text\n", "no name for column 2"),
        ('id,"text\n1,2\n', "never closed"),
        ("id,text\r1,2\r", "CR alone"),
        (b"id,text,\xe9\n", "UTF-8"),
        (b"id,text," + b"x" * 2000 + b"\n", "2,009 bytes"),
    ],
)
def test_a_header_that_cannot_serve_is_refused(data, words):
    with pytest.raises(ItemFileUnreadable, match=words):
        rows(data, "csv", max_line_bytes=1000)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('a,"x"y\nb,t\n', [(2, "closing quote", 6), (3, "b", None)]),
        (
            'a,"x\nb,"y"\nc,t\n',
            [(2, "closing quote (line 3)", None), (3, "b", None), (4, "c", None)],
        ),
        ('a,"x\nb,y\nc,t\n', [(2, "opened on line 2", None), (3, "b", None), (4, "c", None)]),
        ("a,x,y\nb,t\n", [(2, "3 cells and the header 2", None), (3, "b", None)]),
        ("a\nb,t\n", [(2, "1 cells", None), (3, "b", None)]),
        ('a,"x', [(2, "opened on line 2", None)]),
        ("a,x\x00y\nb,t\n", [(2, "NUL", None), (3, "b", None)]),
        ('a,"x""\nb,t\n', [(2, "opened on line 2", None), (3, "b", None)]),
    ],
)
def test_wrong_quotes_cost_one_row(data, expected):
    found = rows("id,text\n" + data, "csv")
    assert len(found) == len(expected)
    for row, (line, words, column) in zip(found, expected, strict=True):
        assert row.line == line
        if isinstance(row, BadRow):
            assert words in row.reason
            assert row.column == column
        else:
            assert row.external_id == words


def test_a_bad_csv_cell_is_named():
    encoding, broken = rows(
        b'id,text,metadata\na,\xe9,\nb,t,"{""k"": }"\n',
        "csv",
    )
    assert "column 'text', character 1: byte 0xE9" in encoding.reason
    assert "column 'metadata', character 7: not valid JSON" in broken.reason


LINES = st.sampled_from(
    [
        '{"id": "a", "text": "t"}',
        '{"id": "b", "text": "é"}',
        '{"id": }',
        "",
        '{"id": "c", "text": "' + "x" * 300 + '"}',
        "[1]",
        '{"id": "d", "text": "\\ud800"}',
    ]
)
CSV_LINES = st.sampled_from(
    ["a,t", "b,é", 'c,"x', 'd,"x"', 'e,"x"y', '"', '""', "", "f,g,h", '"f""', "g," + "x" * 300]
)


def _check_resume(data: bytes, kind: str) -> None:
    whole = rows(data, kind, max_line_bytes=200)
    for index, row in enumerate(whole):
        rest = rows(
            data,
            kind,
            start_offset=row.end_offset,
            start_line=row.next_line,
            max_line_bytes=200,
        )
        assert rest == whole[index + 1 :]


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_jsonl_resumes_behind_any_row(lines, end, mark):
    _check_resume(b"\xef\xbb\xbf" * mark + end.join(lines).encode(), "jsonl")


@given(st.lists(CSV_LINES, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv_resumes_behind_any_row(lines, end, mark):
    data = b"\xef\xbb\xbf" * mark + end.join(["id,text", *lines]).encode()
    _check_resume(data, "csv")


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "csv"]))
def test_no_bytes_break_the_reader(data, kind):
    try:
        found = rows(b"id,text\n" + data if kind == "csv" else data, kind, max_line_bytes=60)
    except ItemFileUnreadable:
        return
    lines = [row.line for row in found]
    assert lines == sorted(lines)
    offsets = [row.end_offset for row in found]
    assert all(early < late for early, late in itertools.pairwise(offsets))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1).filter(
    str.strip
)


@given(st.lists(TEXT, min_size=1, max_size=5), st.booleans())
def test_what_json_writes_is_read_back(texts, ascii_only):
    lines = [
        json.dumps({"id": i, "text": text}, ensure_ascii=ascii_only) for i, text in enumerate(texts)
    ]
    found = rows("\n".join(lines))
    assert [row.body["text"] for row in found] == texts


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_what_the_csv_module_writes_is_read_back(texts):
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "text"])
    writer.writerows([[str(i), text] for i, text in enumerate(texts)])
    found = rows(buffer.getvalue(), "csv")
    assert [row.body["text"] for row in found] == texts


def test_the_shared_items_are_read_whole(convabuse):
    with (convabuse / "items.jsonl").open("rb") as stream:
        found = list(read_items(stream, "jsonl"))
    assert len(found) == 4055
    assert all(isinstance(row, ItemRow) and row.kind == "messages" for row in found)
    assert all(set(row.group_keys) == {"conversation_id"} for row in found)


def test_reads_several_responses_to_a_request():
    plain, named, talk = rows(
        '{"id": "a", "prompt": "p", "responses": ["yes", "no"]}\n'
        '{"id": "b", "prompt": "p", "system": "s", "responses": '
        '[{"id": "x", "text": "yes", "model": "m-1"}, {"id": "y", "text": ""}]}\n'
        '{"id": "c", "messages": [{"role": "user", "content": "hi"}], "responses": ["a", "b", "c"]}'
    )
    assert {plain.kind, named.kind, talk.kind} == {"responses"}
    assert plain.body["responses"] == [{"id": "r1", "text": "yes"}, {"id": "r2", "text": "no"}]
    assert named.body == {
        "system": "s",
        "prompt": "p",
        "responses": [{"id": "x", "text": "yes"}, {"id": "y", "text": ""}],
    }
    assert named.metadata == {"response_fields": {"r1": {"model": "m-1"}}}
    assert [one["id"] for one in talk.body["responses"]] == ["r1", "r2", "r3"]
    csv_row = one('id,prompt,responses\n7,p,"[""yes"", ""no""]"\n', "csv")
    assert csv_row.canonical_body == plain.canonical_body


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        ('"yes"', "write a list"),
        ('["one"]', "give 2 to 9"),
        ('["x", 7]', "response 2 is a number"),
        ('[{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]', "the same id"),
        ('[{"text": "x"}, {"id": "r1", "text": "y"}]', "the same id"),
        ('["x", {"id": "b"}]', "the text of response 2"),
        ('["x", {"id": "", "text": "y"}]', "the id of response 2"),
        ('["", " "]', "nothing to judge"),
    ],
)
def test_responses_that_are_none_cost_their_row(responses, words):
    bad = one(f'{{"id": "a", "prompt": "p", "responses": {responses}}}')
    assert isinstance(bad, BadRow)
    assert words in bad.reason


def test_responses_need_a_request_and_no_other_content():
    for rest in ("", '"text": "t",', '"prompt": "p", "response": "r",'):
        bad = one(f'{{"id": "a", {rest} "responses": ["x", "y"]}}')
        assert isinstance(bad, BadRow)
        assert "do not go together" in bad.reason
