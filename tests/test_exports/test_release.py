"""A release is a pure function of its input, and says what it holds."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from dataclasses import replace

import pandas as pd
import pytest

from exports.errors import ReleaseRefused
from exports.records import canary, pseudonym
from exports.release import write_release
from exports.splits import Fractions
from exports.spreadsheets import plain
from exports.strict_json import canonical
from exports.verify import verify_release
from rubrics.library import read
from tests.test_exports.gold_samples import item, labels, mark, project, row, rubric, ruling


def release(directory, *, given=None, progress=None, **changes):
    items, votes, rulings = given or project()
    return write_release(row(**changes), items, votes, rulings, directory, progress)


def files(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_same_input_gives_the_same_bytes_in_any_order(tmp_path):
    release(tmp_path / "first")
    items, votes, rulings = project()
    shuffler = random.Random(3)  # noqa: S311 - any order will do
    for listed in (items, votes, rulings):
        shuffler.shuffle(listed)
    release(tmp_path / "second", given=(iter(items), iter(votes), iter(rulings)))
    assert files(tmp_path / "first") == files(tmp_path / "second")


def test_files_of_items_are_named_and_not_copied(tmp_path):
    items, votes, rulings = project()
    body = json.loads(items[0].canonical_body)
    entry = {"sha256": "a" * 64, "type": "image/png", "bytes": 7, "target": "text", "name": "p.png"}
    text = canonical({**body, "media": [entry, {**entry, "target": "prompt"}]})
    digest = hashlib.sha256(text.encode()).hexdigest()
    pictured = replace(items[0], canonical_body=text, content_hash=digest)
    release(tmp_path / "r", given=([pictured, *items[1:]], votes, rulings))
    listed = (tmp_path / "r" / "media.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(listed.splitlines()))
    assert rows == [
        ["item_id", "part", "sha256", "type", "bytes"],
        [pictured.id, "text", "a" * 64, "image/png", "7"],
        [pictured.id, "prompt", "a" * 64, "image/png", "7"],
    ]
    card = (tmp_path / "r" / "card.md").read_text(encoding="utf-8")
    assert "1 files, in 1 items" in card
    assert verify_release(tmp_path / "r").ok


def test_it_holds_the_files_that_were_promised(tmp_path):
    manifest = release(
        tmp_path / "r", rubric_yaml=read("conversational-abuse"), agreement='{"variables": []}'
    )
    assert set(files(tmp_path / "r")) == {
        "items.jsonl",
        "items.parquet",
        "labels.jsonl",
        "labels.parquet",
        "gold.jsonl",
        "gold.parquet",
        "decisions.jsonl",
        "splits.csv",
        "rubric.json",
        "rubric.yaml",
        "agreement.json",
        "card.md",
        "manifest.json",
    }
    assert json.loads((tmp_path / "r" / "manifest.json").read_text()) == manifest
    assert verify_release(tmp_path / "r").problems == ()


def test_the_manifest_has_size_digest_and_rows_of_every_file(tmp_path):
    manifest = release(tmp_path / "r")
    found = files(tmp_path / "r")
    assert {entry["path"] for entry in manifest["files"]} == set(found) - {"manifest.json"}
    for entry in manifest["files"]:
        data = found[entry["path"]]
        assert entry["bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    rows = {entry["path"]: entry["rows"] for entry in manifest["files"]}
    assert rows["items.jsonl"] == rows["items.parquet"] == rows["splits.csv"] == 8
    assert rows["card.md"] is None
    assert manifest["counts"]["items"] == 8
    assert manifest["counts"]["annotators"] == 2
    assert manifest["counts"]["decisions"] == 2
    assert sum(manifest["counts"]["basis"].values()) == manifest["counts"]["gold"] == 55
    assert manifest["rubric"]["fingerprint"] == mark()
    assert manifest["canary"] == canary("ab" * 32)


def test_the_secret_salt_and_the_people_stand_in_no_file(tmp_path):
    pair = {"rater_a": "ann", "rater_b": "ben", "n": 4}
    release(tmp_path / "r", agreement=json.dumps({"variables": [{"pairs": [pair]}]}))
    for name, data in files(tmp_path / "r").items():
        assert b"ab" * 32 not in data, name
        assert b'"ann"' not in data, name
        assert b"person-joe" not in data, name
    written = json.loads((tmp_path / "r" / "agreement.json").read_text())
    assert written["variables"][0]["pairs"][0]["rater_a"] == pseudonym("ab" * 32, "ann")


def test_labels_are_long_and_pseudonymous(tmp_path):
    release(tmp_path / "r")
    rows = read_jsonl(tmp_path / "r" / "labels.jsonl")
    assert len(rows) == len(project()[1])
    assert {one["annotator"] for one in rows} == {
        pseudonym("ab" * 32, "ann"),
        pseudonym("ab" * 32, "ben"),
    }
    assert rows[0]["item_id"] == "i0"
    assert rows[0]["question"] == "severity"
    assert all(len(one["annotator"]) == 13 and one["annotator"][0] == "a" for one in rows)
    assert {one["fingerprint"] for one in rows} == {mark()}


def test_another_salt_gives_other_pseudonyms_and_another_canary(tmp_path):
    first = release(tmp_path / "a")
    second = release(tmp_path / "b", salt="cd" * 32)
    assert first["canary"] != second["canary"]
    mine, theirs = (read_jsonl(tmp_path / name / "labels.jsonl") for name in "ab")
    assert {one["annotator"] for one in mine}.isdisjoint(one["annotator"] for one in theirs)


def test_gold_has_one_row_per_cell_with_its_reason(tmp_path):
    release(tmp_path / "r")
    rows = read_jsonl(tmp_path / "r" / "gold.jsonl")
    cells = {(one["item_id"], one["question"], one["category"]): one for one in rows}
    assert len(cells) == len(rows)
    assert cells["i0", "severity", ""]["basis"] == "unanimous"
    assert cells["i1", "types", "sexist"]["value"] == "1"
    ruled = cells["i2", "severity", ""]
    assert (ruled["value"], ruled["basis"]) == ("not_abusive", "adjudicated")
    assert ruled["distribution"] == {"not_abusive": 1, "strong": 1}
    assert cells["i2", "types", "racist"]["value"] == "0"
    assert (cells["i3", "severity", ""]["value"], cells["i3", "severity", ""]["basis"]) == (
        None,
        "open",
    )
    assert cells["i4", "severity", ""]["basis"] == "too_few"
    assert ("i5", "severity", "") not in cells


def test_parquet_holds_the_same_rows(tmp_path):
    release(tmp_path / "r")
    gold = pd.read_parquet(tmp_path / "r" / "gold.parquet")
    rows = read_jsonl(tmp_path / "r" / "gold.jsonl")
    assert list(gold["item_id"]) == [one["item_id"] for one in rows]
    assert [json.loads(text) for text in gold["distribution"]] == [
        one["distribution"] for one in rows
    ]


def test_a_spreadsheet_takes_no_id_for_a_formula(tmp_path):
    ids = ["=1+1", "+1", "-1", "@a", "'=1", "'tis", "plain"]
    items = [item(name, f"text {name}") for name in ids]
    votes = [
        one for name in ids for who in ("ann", "ben") for one in labels(name, who, "not_abusive")
    ]
    release(tmp_path / "r", given=(items, votes, []))
    with (tmp_path / "r" / "splits.csv").open(newline="") as stream:
        cells = [one["item_id"] for one in csv.DictReader(stream)]
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    assert {plain(cell) for cell in cells} == set(ids)
    assert verify_release(tmp_path / "r").problems == ()


def test_a_release_of_the_first_format_keeps_its_bare_ids(tmp_path):
    ids = ["=1+1", "'=1"]
    items = [item(name, f"text {name}") for name in ids]
    votes = [one for name in ids for one in labels(name, "ann", "not_abusive")]
    release(tmp_path / "r", given=(items, votes, []), format=1)
    with (tmp_path / "r" / "splits.csv").open(newline="") as stream:
        assert {one["item_id"] for one in csv.DictReader(stream)} == set(ids)
    assert verify_release(tmp_path / "r").problems == ()


def test_items_carry_split_and_canary_and_splits_csv_says_the_same(tmp_path):
    release(tmp_path / "r")
    items = read_jsonl(tmp_path / "r" / "items.jsonl")
    with (tmp_path / "r" / "splits.csv").open(newline="") as stream:
        placed = {one["item_id"]: one for one in csv.DictReader(stream)}
    for one in items:
        assert one["canary"] == canary("ab" * 32)
        assert one["split"] == placed[one["item_id"]]["split"]
        assert one["group"] == placed[one["item_id"]]["group"]
    by_talk = {}
    for one in items:
        by_talk.setdefault(one["group_keys"]["conversation_id"], set()).add(one["split"])
    assert all(len(found) == 1 for found in by_talk.values())


def test_the_rubric_file_has_the_fingerprint_as_its_digest(tmp_path):
    release(tmp_path / "r")
    assert hashlib.sha256((tmp_path / "r" / "rubric.json").read_bytes()).hexdigest() == mark()


def test_the_first_line_of_the_card_says_when_the_rubric_is_not_certified(tmp_path):
    release(tmp_path / "a")
    release(tmp_path / "b", certified=True)
    first, second = (
        (tmp_path / name / "card.md").read_text().splitlines()[0] for name in ("a", "b")
    )
    assert first.startswith("**Not certified:** rubric conversational-abuse 1.0.0 (status pilot)")
    assert second.startswith("**Certified:**")
    assert verify_release(tmp_path / "b").ok


def test_the_card_gives_agreement_only_with_its_company(tmp_path):
    alpha = {
        "value": 0.5,
        "interval": {"low": 0.4, "high": 0.6},
        "n_pairable_units": 4,
        "n_labels": 8,
        "n_raters": 2,
        "sufficiency": {"enough": False},
    }
    undefined = {"value": None, "reason": "no variation", "interval": None}
    variables = [
        {
            "question": name,
            "category": "",
            "level": "nominal",
            "primary": True,
            "conditioning": conditioning,
            "results": {"krippendorff_alpha": figures},
            "prevalence": 0.25,
        }
        for name, conditioning, figures in (
            ("severity", "all", alpha),
            ("target", "all", undefined),
            ("direction", "reached", alpha),
        )
    ]
    release(tmp_path / "r", agreement=json.dumps({"variables": variables}))
    card = (tmp_path / "r" / "card.md").read_text()
    assert (
        "| severity |  | nominal | 0.500 | 0.400 to 0.600 | 4 | 8 | 2 | 0.250 "
        "| **too few to judge** |"
    ) in card
    assert "| target |  | nominal | no variation | none |" in card
    assert "| direction |  | nominal" not in card


def test_a_title_cannot_break_the_tables_of_the_card(tmp_path):
    release(tmp_path / "r", project="a|b\n# c", undecided="majority")
    card = (tmp_path / "r" / "card.md").read_text()
    assert "# a\\|b # c: gold release 3" in card
    assert "take the majority of their votes" in card


def test_progress_is_told(tmp_path):
    seen = []
    release(tmp_path / "r", progress=lambda *step: seen.append(step))
    assert seen[0] == ("items", 0, 6)
    assert seen[-1] == ("done", 6, 6)


def test_earlier_test_items_stay_test(tmp_path):
    earlier = tuple(f"i{number}" for number in range(8))
    release(tmp_path / "r", earlier_test=earlier, fractions=Fractions(0.5, 0))
    assert {one["split"] for one in read_jsonl(tmp_path / "r" / "items.jsonl")} == {"test"}


def _other_version(votes):
    return [replace(votes[0], fingerprint="0" * 64), *votes[1:]]


REFUSED = {
    "no items": (lambda _, v, r: ([], v, r), {}, "no items"),
    "item twice": (lambda i, v, r: (i + i[:1], v, r), {}, "items are given twice: i0"),
    "label without item": (lambda i, v, r: (i[1:], v, r), {}, "on item 'i0'"),
    "ruling without item": (
        lambda i, v, _: (i, v, [ruling("zz", "mild")]),
        {},
        "ruling is on item 'zz'",
    ),
    "unknown cell": (
        lambda i, v, _: (i, v, [ruling("i0", "mild", "mood")]),
        {},
        "question 'mood'",
    ),
    "other version": (lambda i, v, r: (i, _other_version(v), r), {}, "one version at a time"),
    "label twice": (lambda i, v, r: (i, v + v[:1], r), {}, "two current labels"),
    "value without answer": (
        lambda i, v, r: (i, [replace(v[0], state="unsure"), *v[1:]], r),
        {},
        "is unsure and its value",
    ),
    "fingerprint": (lambda i, v, r: (i, v, r), {"fingerprint": "0" * 64}, "does not fit"),
    "no votes needed": (lambda i, v, r: (i, v, r), {"min_votes": 0}, "min_votes"),
    "agreement": (lambda i, v, r: (i, v, r), {"agreement": "{"}, "agreement report"),
    "shares": (lambda i, v, r: (i, v, r), {"fractions": Fractions(1, 1)}, "between 0 and 1"),
}


@pytest.mark.parametrize(("change", "changes", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_contradicting_input_is_refused_and_leaves_nothing(tmp_path, change, changes, words):
    with pytest.raises(ReleaseRefused, match=words):
        release(tmp_path / "r", given=change(*project()), **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_never_overwritten(tmp_path):
    release(tmp_path / "r")
    before = files(tmp_path / "r")
    with pytest.raises(ReleaseRefused, match="never overwritten"):
        release(tmp_path / "r", seed=99)
    assert files(tmp_path / "r") == before
    (tmp_path / "empty").mkdir()
    (tmp_path / ".empty.partial").mkdir()
    (tmp_path / ".empty.partial" / "left.over").write_text("from a run that was cut off")
    release(tmp_path / "empty")
    assert verify_release(tmp_path / "empty").ok


def test_items_of_every_kind_and_script(tmp_path):
    items = [
        item("täxt", "Grüße \N{GRINNING FACE} \u2028 ok", metadata={"k": [1, {"z": None}]}),
        item("b", "same"),
        item("c", "same"),
    ]
    votes = [*labels("täxt", "ann", "mild"), *labels("täxt", "ben", "mild")]
    release(tmp_path / "r", given=(items, votes, []))
    assert verify_release(tmp_path / "r").problems == ()
    rows = (tmp_path / "r" / "items.jsonl").read_bytes().split(b"\n")[:-1]
    read_back = {one["item_id"]: one for one in map(json.loads, rows)}
    assert read_back["täxt"]["body"] == {"text": "Grüße \N{GRINNING FACE} \u2028 ok"}
    assert read_back["täxt"]["metadata"] == {"k": [1, {"z": None}]}
    assert read_back["b"]["split"] == read_back["c"]["split"]


def test_the_sample_project_uses_the_shipped_rubric():
    assert rubric().id == "conversational-abuse"
