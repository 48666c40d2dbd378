"""``touchstone replay`` against a server in this process: what it sends, says and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotate import client
from annotate.cli import replay_commands
from annotate.services.replay_setup import Prepared
from exports.recorded_labels import RecordedRow
from tests.test_cli.replay_desk import NOWHERE, Desk

PAGE = b"<!doctype html><title>Another server</title>"


# ------------------------------------------------------------------------------- what is played


def test_rows_are_answered_and_closed_answers_are_refused_by_name(desk: Desk) -> None:
    rows = "a,Ann,1,spade|can,\nb,Ann,0,spade,Dry.\nb,bob,1,can,\na,bob,no,can,\n"
    said = desk.replay("closed", rows).stdout
    assert "line 3: Ann on b: refused tools\n" in said
    assert said.index("line 3: ") < said.index("line 5: bob on a: refused tools\n")
    assert "'tools' is closed: it is asked only when “useful” is yes" in said
    assert "4 of 4 rows submitted in " in said
    assert "2 of them without 2 answers to closed questions. Round " in said
    stored = {(item, login): json.loads(answers) for item, login, answers in desk.stored("closed")}
    assert stored.keys() == {(one, f"closed-{who}") for one in "ab" for who in ("ann", "bob")}
    assert stored["a", "closed-ann"]["tools"] == {"value": ["spade", "can"]}
    assert stored["b", "closed-ann"]["note"] == {"value": "Dry."}
    assert "tools" not in stored["b", "closed-ann"]


def test_a_second_run_sends_what_is_left_and_a_third_nothing(desk: Desk) -> None:
    rows = "b,ann,0,,\na,ann,0,can,\nb,bob,0,,\n"
    first = desk.outcome("again", rows, "--limit", "1")
    assert (first["rows"], first["submitted"], first["refused_rows"]) == (2, 2, 0)
    logins = {(item, login) for item, login, _ in desk.stored("again")}
    assert logins == {("b", "again-ann"), ("b", "again-bob")}

    second = desk.outcome("again", rows)
    assert second["round"] == first["round"]
    assert (second["rows"], second["submitted"], second["left_lines"]) == (3, 1, [])
    assert (second["refused_rows"], second["refused_cells"]) == (1, 1)
    (refusal,) = second["refusals"]
    where = (refusal["line"], refusal["item"], refusal["annotator"], refusal["columns"])
    assert where == (3, "a", "ann", ["tools"])

    said = desk.replay("again", rows).stdout
    assert "0 of 3 rows submitted" in said
    assert "3 rows were answered in an earlier run." in said
    assert len(desk.stored("again")) == 3


def test_items_and_labels_come_from_tables_with_names_of_their_own(desk: Desk) -> None:
    items = desk.console.file("PLANTS.CSV", "id,text\nfern,A fern.\n")
    content = "plant,who,ok,t_can,t_spade,mood\nfern,ann,yes,1,0,glad\n"
    desk.replay_file(
        "tables", content, "--items", items, "--item", "plant", "--annotator", "who",
        "--map", "ok=useful", "--map", "t_*=tools", "--ignore", "mood",
    )  # fmt: skip
    ((item, login, answers),) = desk.stored("tables")
    assert (item, login) == ("fern", "tables-ann")
    assert json.loads(answers)["tools"] == {"value": ["can"]}


# ------------------------------------------------------------------------- what is not answered


def test_a_row_that_the_server_refuses_is_named_and_can_be_mended(desk: Desk) -> None:
    rows = "a,ann,0,,\nb,bob,,,\n"
    said = desk.replay("mended", rows, code=2).stderr
    assert "line 3: bob on b: the server refused it, 422: " in said
    assert "useful: question 'useful' needs an answer" in said
    assert {item for item, _, _ in desk.stored("mended")} == {"a"}

    other = desk.replay("mended", "a,bob,0,,\n", code=2).stderr
    assert "the round hands b to bob, and no row answers it" in other
    assert "choose another --project" in other

    assert desk.outcome("mended", rows.replace("bob,,", "bob,1,can"))["submitted"] == 1
    assert len(desk.stored("mended")) == 2


def test_a_row_that_is_refused_without_its_closed_answers_too_is_named(desk: Desk) -> None:
    said = desk.replay("control", "a,ann,0,can,A \x07 bell\n", code=2).stderr
    assert "line 2: ann on a: the server refused it, 422" in said
    assert "note: question 'note' holds a character that cannot be kept: U+0007" in said
    assert "closed" not in said
    assert desk.stored("control") == set()


def test_annotators_who_come_too_late_for_an_item_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_commands, "SHOWN_LINES", 2)
    items = desk.items_file("more.jsonl", "abc")
    rows = "a,ann,0,,\nb,ann,0,,\nc,ann,0,,\n"
    assert desk.outcome("late", rows, "--items", items)["submitted"] == 3
    late = desk.replay("late", rows + rows.replace("ann", "bob"), "--items", items, code=1)
    assert "0 of 6 rows submitted" in late.stdout
    assert "3 rows were answered in an earlier run." in late.stdout
    assert "3 rows are not answered, lines 5, 6, …. The round was made without" in late.stderr
    assert "choose another --project" in late.stderr


def test_a_paused_round_is_not_taken_for_an_answered_one(desk: Desk) -> None:
    rows = "a,ann,0,,\nb,ann,0,,\n"
    desk.replay("paused", rows, "--limit", "1")
    desk.pause("paused")
    result = desk.replay("paused", rows, "--json", code=1)
    assert json.loads(result.stdout)["left_lines"] == [3]
    assert "1 rows are not answered, lines 3. The server said: paused." in result.stderr
    assert "what is answered stays" in result.stderr


def test_rows_of_unknown_items_make_no_round(desk: Desk) -> None:
    said = desk.replay("unknown", "a,ann,0,,\npond,ann,0,,\n", code=2).stderr
    assert "the allocation names items that do not exist: pond" in said
    assert desk.stored("unknown") == set()


def test_items_that_cannot_be_read_end_it(desk: Desk) -> None:
    items = desk.folder / "book.csv"
    items.write_bytes(b"PK\x03\x04 a workbook")
    said = desk.replay("workbook", "a,ann,0,,\n", "--items", str(items), code=2).stderr
    assert "the items could not be imported" in said
    assert "save the sheet as CSV" in said


# ----------------------------------------------------------------------- what answers instead


def ended(url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Play one row to an address and return what is said as the command ends."""
    played = replay_commands.Played(Prepared("project", "version"), "round", {"ann": "token"})
    with pytest.raises(SystemExit) as exit_:
        replay_commands._play(url, played, [RecordedRow(2, "a", "ann", {})], 1)
    assert exit_.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("body", [PAGE, b"\xff\xff{"], ids=["page", "bytes"])
def test_another_server_is_told_apart(
    desk: Desk, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    def another(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [body]

    desk.instead = another
    said = ended(desk.address, capsys)
    assert f"what answers at {desk.address} is no Touchstone server" in said
    assert "--url" in said


def test_a_server_that_refuses_everybody_is_quoted(desk: Desk) -> None:
    def closed(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"error": {"code": "not_allowed", "message": "Closed for the night."}}']

    desk.instead = closed
    said = desk.replay("night", "a,ann,0,,\n", code=2).stderr
    assert f"the server at {desk.address} refused: 403: Closed for the night." in said
    assert "Run the same command again afterwards" in said
    desk.instead = None
    assert desk.outcome("night", "a,ann,0,,\n")["submitted"] == 1


def test_a_server_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0)
    said = ended(NOWHERE, capsys)
    assert f"the server at {NOWHERE} cannot be reached: " in said
    assert "refused" in said
    assert "Start it, or name it with --url" in said


# ------------------------------------------------------------------- what is refused beforehand


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "localhost:8000", "http://", "ftp://127.0.0.1", "http://a:port"]
)
def test_an_address_is_one_before_anything_is_made(desk: Desk, url: str) -> None:
    result = desk.replay("nowhere", "a,ann,0,,\n", "--url", url, code=2)
    assert "Invalid value for '--url'" in result.stderr
    assert "http://127.0.0.1:8000" in result.stderr
    assert desk.project("nowhere") is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("", "refused.csv: there is no row under the header"),
        ("a,ann,0,,\na,ann,1,,\n", "lines 2 and 3: ann answers a twice"),
        ("a,ann,0,,\nb,ANN,1,,\n", "lines 2 and 3: ann and ANN would both answer as refused-ann"),
        ("a,ann lee,0,,\n", "line 2: the annotator 'ann lee' would answer as 'refused-ann lee'"),
        ("a,ann,0,hose,\n", "line 2: column 'tools' holds 'hose'; tools has spade, rake, can"),
    ],
)
def test_a_file_that_cannot_be_played_makes_nothing(desk: Desk, labels: str, words: str) -> None:
    assert words in desk.replay("refused", labels, code=2).stderr
    assert desk.project("refused") is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.yaml", None, "neither a shipped rubric ("),
        ("latin.yaml", b"title: Gr\xfcn\n", "latin.yaml:1:"),
        ("open.yaml", b"schema: touchstone-rubric/1\nid: [\n", "open.yaml:"),
    ],
)
def test_a_rubric_is_shipped_or_a_file(
    desk: Desk, name: str, content: bytes | None, words: str
) -> None:
    path = desk.folder / name
    if content is not None:
        path.write_bytes(content)
    said = desk.replay("unruled", "a,ann,0,,\n", "--rubric", str(path), code=2).stderr
    assert words in said
    assert desk.project("unruled") is None


def test_a_shipped_rubric_goes_by_its_name(desk: Desk) -> None:
    content = "item,annotator,severity\na,ann,rough\n"
    words = ("--rubric", "conversational-abuse")
    said = desk.replay_file("shipped", content, *words, code=2).stderr
    assert "shipped.csv, line 2: column 'severity' holds 'rough'; severity has not_abusive" in said
