"""Tool calls and files of a row: read into one form, refused with what is wrong."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from exports.item_files import BadRow, ItemRow, read_items
from exports.message_parts import FileFacts, without_names
from exports.row_files import files_of, resolved


def read(row: dict[str, Any]) -> ItemRow | BadRow:
    return next(read_items(io.BytesIO(json.dumps(row).encode()), "jsonl"))


def good(row: dict[str, Any]) -> ItemRow:
    found = read(row)
    assert isinstance(found, ItemRow), found
    return found


def bad(row: dict[str, Any]) -> str:
    found = read(row)
    assert isinstance(found, BadRow)
    return found.reason


def turns(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"id": "c", "messages": list(messages)}


ASK = {"role": "user", "content": "Is it open?"}


def test_calls_and_answers_of_tools_are_kept_in_one_form() -> None:
    nested = {"id": "k1", "type": "function", "function": {"name": "hours", "arguments": '{"d":1}'}}
    plain = {"name": "hours", "arguments": {"day": "Monday", "at": [9, 17]}}
    answer = {"role": "tool", "content": "9 to 17", "tool_call_id": "k1", "name": "hours"}
    call = {"role": "assistant", "content": None, "tool_calls": [nested, plain], "seen": 3}
    row = good(turns(ASK, call, answer))
    assert row.body["messages"] == [
        ASK,
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "k1", "name": "hours", "arguments": '{"d":1}'},
                {
                    "name": "hours",
                    "arguments": '{\n  "day": "Monday",\n  "at": [\n    9,\n    17\n  ]\n}',
                },
            ],
        },
        answer,
    ]
    assert row.metadata == {"message_fields": {"1": {"seen": 3}}}


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ("hours", "tool_calls of message 1 are no list"),
        (["hours"], "tool call 0 of message 1 is no object"),
        ([{"arguments": "{}"}], "tool call 0 of message 1 has no name"),
        ([{"name": "hours", "arguments": 7}], "neither text nor an object"),
        ([{"function": "hours"}], "the function of tool call 0"),
    ],
)
def test_a_broken_call_is_refused(calls: Any, reason: str) -> None:
    assert reason in bad(turns(ASK, {"role": "assistant", "content": "", "tool_calls": calls}))


def test_files_belong_to_their_part() -> None:
    alone = good({"id": "a", "media": "pots.png"})
    assert (alone.kind, alone.body["text"]) == ("text", "")
    assert alone.body["media"] == [{"file": "pots.png", "target": "text"}]
    pair = good(
        {
            "id": "b",
            "prompt": "A pot.",
            "response": "",
            "media": ["in.png", {"file": "out.png", "target": "response", "alt": "A blue pot"}],
        }
    )
    assert files_of(pair) == ("in.png", "out.png")
    assert [one["target"] for one in without_names(pair.body)["media"]] == ["prompt", "response"]
    two = [{"id": "model-a", "media": "a.png"}, {"text": "None.", "media": ["b.png", "c.png"]}]
    drawn = good({"id": "a", "prompt": "Draw a pot.", "responses": two})
    assert drawn.body["responses"] == [{"id": "model-a", "text": ""}, {"id": "r2", "text": "None."}]
    assert [one["target"] for one in without_names(drawn.body)["media"]] == [
        "response:model-a",
        "response:r2",
        "response:r2",
    ]
    assert "response_fields" not in drawn.metadata
    said = {"role": "user", "media": [{"file": "a/b.wav", "transcript": "Good morning."}]}
    [spoken] = good(turns(said)).body["media"]  # type: ignore[misc]
    assert spoken == {"file": "a/b.wav", "target": "message:0", "transcript": "Good morning."}


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        ("../up.png", "leads out of the upload"),
        ("/etc/hosts", "leads out of the upload"),
        ("c:\\x.png", "leads out of the upload"),
        ("a//b.png", "leads out of the upload"),
        ("a\nb.png", "control characters"),
        ([7], "neither a file name nor an object"),
        ([{"name": "a.png"}], "the key 'name'"),
        ([{"alt": "x"}], "names no 'file'"),
        ([{"file": "a.png", "target": "response"}], "which this item does not have"),
        ([{"file": "a.png", "alt": 7}], "'alt' of a file is no text"),
        (["a.png"] * 33, "at most 32"),
    ],
)
def test_a_broken_file_entry_is_refused(media: Any, reason: str) -> None:
    assert reason in bad({"id": "a", "text": "Look.", "media": media})


def test_a_row_gets_the_facts_of_its_files_and_a_hash_over_them() -> None:
    row = good({"id": "a", "text": "Look.", "media": ["x/pots.png", "x/pots.png"]})
    facts = FileFacts("0" * 64, "1" * 64, "image/png", 12, 3, 4)
    made = resolved(row, {"x/pots.png": facts})
    assert made.files == (facts,)
    first = {
        "sha256": "0" * 64, "type": "image/png", "bytes": 12, "name": "pots.png",
        "width": 3, "height": 4, "target": "text",
    }  # fmt: skip
    assert made.body["media"] == [first, first]
    assert made.content_hash != row.content_hash
    assert "name" not in without_names(made.body)["media"][0]
    assert without_names({"text": "x"}) == {"text": "x"}


def test_a_table_names_files_in_a_column() -> None:
    table = b'id,text,media\r\na,Look,pots.png\r\nb,,"[""x.png""]"\r\n'
    first, second = read_items(io.BytesIO(table), "csv")
    assert isinstance(first, ItemRow)
    assert isinstance(second, ItemRow)
    assert files_of(first) + files_of(second) == ("pots.png", "x.png")
