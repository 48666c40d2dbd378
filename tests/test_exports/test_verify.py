"""Verification finds what was done to a release, on the surface and below it."""

from __future__ import annotations

import shutil

import pytest

from exports.manifest import digest_of, read_manifest
from exports.release import write_release
from exports.verify import MAX_PER_CHECK, verify_release
from tests.test_exports.gold_samples import (
    edit_rows,
    item,
    labels,
    project,
    rewrite_manifest,
    row,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("gold") / "release"
    write_release(row(), *project(), directory)
    return directory


@pytest.fixture
def copy(whole, tmp_path):
    directory = tmp_path / "release"
    shutil.copytree(whole, directory)
    return directory


def codes(directory):
    return {(one.code, one.path) for one in verify_release(directory).problems}


def change(directory, name, edit):
    path = directory / name
    path.write_bytes(edit(path.read_bytes()))


def test_a_whole_release_is_ok(whole):
    report = verify_release(whole)
    assert report.ok
    assert report.problems == ()
    assert report.files == 11 - 1
    assert report.gold_cells == 55
    assert report.manifest_sha256 == read_manifest(whole)["manifest_sha256"]


@pytest.mark.parametrize(
    "name",
    [
        "items.jsonl",
        "items.parquet",
        "labels.jsonl",
        "labels.parquet",
        "gold.jsonl",
        "gold.parquet",
        "decisions.jsonl",
        "splits.csv",
        "rubric.json",
        "card.md",
    ],
)
def test_one_changed_byte_is_found_in_every_file(copy, name):
    size = (copy / name).stat().st_size
    change(copy, name, lambda data: data[: size // 2] + b"~" + data[size // 2 + 1 :])
    assert ("changed", name) in codes(copy)


def test_a_changed_manifest_is_found(copy):
    change(copy, "manifest.json", lambda data: data.replace(b'"number": 3', b'"number": 4'))
    assert codes(copy) == {("manifest", "manifest.json")}


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[]", b'{"format": "other/1"}'])
def test_a_manifest_that_is_none(copy, data):
    (copy / "manifest.json").write_bytes(data)
    assert codes(copy) == {("manifest", "manifest.json")}


def test_a_missing_manifest_or_file_or_folder(copy, tmp_path):
    (copy / "gold.jsonl").unlink()
    assert codes(copy) == {("missing_file", "gold.jsonl")}
    (copy / "manifest.json").unlink()
    assert codes(copy) == {("manifest", "manifest.json")}
    assert codes(tmp_path / "nowhere") == {("manifest", "manifest.json")}


def test_an_extra_file_is_found(copy):
    (copy / "notes.txt").write_text("hello")
    assert codes(copy) == {("extra_file", "notes.txt")}


def test_a_cut_off_file_is_found(copy):
    change(copy, "labels.jsonl", lambda data: data[:-40])
    assert ("truncated", "labels.jsonl") in codes(copy)


def test_a_link_in_place_of_a_file_is_found(copy, whole):
    (copy / "card.md").unlink()
    (copy / "card.md").symlink_to(whole / "card.md")
    assert codes(copy) == {("changed", "card.md")}


def test_a_file_the_manifest_forgot_is_found(copy):
    def forget(manifest):
        manifest["files"] = [one for one in manifest["files"] if one["path"] != "gold.jsonl"]

    rewrite_manifest(copy, forget)
    assert ("manifest", "manifest.json") in codes(copy)
    assert ("extra_file", "gold.jsonl") in codes(copy)


def test_gold_that_does_not_follow_from_labels_and_rulings_is_found(copy):
    def flip(one):
        if (one["item_id"], one["question"]) == ("i0", "severity"):
            one["value"] = "strong"

    edit_rows(copy, "gold.jsonl", flip)
    problems = [one for one in verify_release(copy).problems if one.code == "gold"]
    assert [str(one) for one in problems] == [
        "gold.jsonl: i0, severity: value does not follow from the labels and rulings"
    ]
    assert ("parquet", "gold.parquet") in codes(copy)


def test_a_changed_label_is_found_by_the_gold_it_no_longer_gives(copy):
    def change_vote(one):
        if (one["item_id"], one["question"]) == ("i0", "severity"):
            one["value"] = "ambiguous"

    edit_rows(copy, "labels.jsonl", change_vote)
    assert ("gold", "gold.jsonl") in codes(copy)


def test_a_dropped_ruling_is_found(copy):
    edit_rows(copy, "decisions.jsonl", lambda one: one["supersedes"] is None)
    found = codes(copy)
    assert {
        ("gold", "gold.jsonl"),
        ("rows", "decisions.jsonl"),
        ("counts", "manifest.json"),
    } <= found


def test_a_dropped_gold_cell_is_found(copy):
    edit_rows(copy, "gold.jsonl", lambda one: one["question"] != "target")
    assert ("gold", "gold.jsonl") in codes(copy)
    assert ("rows", "gold.jsonl") in codes(copy)


@pytest.mark.parametrize("name", ["items", "labels", "gold", "decisions", "annotators"])
def test_wrong_counts_are_found(copy, name):
    rewrite_manifest(copy, lambda manifest: manifest["counts"].update({name: 1234}))
    assert codes(copy) == {("counts", "manifest.json")}


def test_wrong_counts_by_basis_are_found(copy):
    rewrite_manifest(copy, lambda manifest: manifest["counts"].update(basis={"open": 55}))
    assert codes(copy) == {("counts", "manifest.json")}


def test_content_that_does_not_fit_its_digest_is_found(copy):
    def reword(one):
        if one["item_id"] == "i0":
            one["body"] = {"text": "other words"}
            one["canary"] = "another"

    edit_rows(copy, "items.jsonl", reword)
    assert [one.message for one in verify_release(copy).problems if one.code == "broken_row"] == [
        "the content of item 'i0' does not fit its SHA-256",
        "item 'i0' carries another canary",
    ]


def test_a_leak_is_found_even_when_both_files_agree(copy):
    lines = (copy / "splits.csv").read_text().splitlines(keepends=True)
    first = lines[1].split(",")
    other = "train" if first[1] == "test" else "test"
    lines[1] = f"{first[0]},{other},{first[2]}"
    (copy / "splits.csv").write_text("".join(lines))

    def move(one):
        if one["item_id"] == "i0":
            one["split"] = other

    edit_rows(copy, "items.jsonl", move)
    found = codes(copy)
    assert ("leak", "splits.csv") in found
    assert ("splits", "splits.csv") not in found


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("train", "practice").replace("test", "exam"),
        lambda text: text.replace("i0,", "i9,", 1),
    ],
)
def test_splits_that_differ_are_found(copy, edit):
    (copy / "splits.csv").write_text(edit((copy / "splits.csv").read_text()))
    rewrite_manifest(copy)
    assert ("splits", "splits.csv") in codes(copy)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("splits.csv", b"who,knows\n"),
        ("splits.csv", b"item_id,split,group\na,b\n"),
        ("splits.csv", b'item_id,split,group\na,"b"c,d\n'),
        ("gold.parquet", b"PAR1 not really"),
        ("rubric.json", b"{}"),
        ("labels.jsonl", b'{"item_id": 1}\n'),
        ("labels.jsonl", b"[]\n"),
        ("labels.jsonl", b"\xff\n"),
        ("decisions.jsonl", b"{}"),
    ],
)
def test_content_that_cannot_be_read_is_said_and_never_raised(copy, name, data):
    (copy / name).write_bytes(data)
    rewrite_manifest(copy)
    (problem,) = [one for one in verify_release(copy).problems if one.code == "broken_row"]
    assert "cannot be read" in problem.message


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("labels.jsonl", "state", "sleepy"),
        ("labels.jsonl", "question", "mood"),
        ("labels.jsonl", "annotator", None),
        ("labels.jsonl", "clauses", "x"),
        ("decisions.jsonl", "kind", "guess"),
        ("items.jsonl", "group_keys", []),
        ("gold.jsonl", "n", "two"),
    ],
)
def test_a_value_that_cannot_be_is_found(copy, name, column, value):
    edit_rows(copy, name, lambda one: one.update({column: value}))
    assert any(one.code == "broken_row" for one in verify_release(copy).problems)


def test_a_parquet_file_of_other_columns_is_found(copy):
    shutil.copy(copy / "labels.parquet", copy / "gold.parquet")
    rewrite_manifest(copy)
    (problem,) = verify_release(copy).problems
    assert "other columns" in problem.message


@pytest.mark.parametrize("parameters", [{}, {"min_votes": 0, "undecided": "open"}])
def test_parameters_that_are_missing_are_found(copy, parameters):
    rewrite_manifest(copy, lambda manifest: manifest.update(parameters=parameters))
    assert any("resolved" in one.message for one in verify_release(copy).problems)


def test_a_card_that_claims_certification_is_found(copy):
    change(copy, "card.md", lambda data: data.replace(b"**Not certified:**", b"**Certified:**", 1))
    rewrite_manifest(copy)
    assert codes(copy) == {("card", "card.md")}


def test_strangers_are_found_and_many_problems_are_cut_short(tmp_path):
    items = [item(f"i{number:03}", f"t{number}") for number in range(MAX_PER_CHECK + 5)]
    votes = [
        label
        for one in items
        for who in ("ann", "ben")
        for label in labels(one.id, who, "not_abusive")
    ]
    directory = tmp_path / "r"
    write_release(row(), items, votes, [], directory)
    edit_rows(directory, "items.jsonl", lambda one: one["item_id"] == "i000")
    found = [one for one in verify_release(directory).problems if one.code == "unknown_item"]
    assert "i001" in found[0].message
    assert found[-1].message == "and more of this kind"
    assert len(found) <= MAX_PER_CHECK + 1


def test_the_digest_of_the_manifest_is_its_own(whole):
    manifest = read_manifest(whole)
    assert manifest["manifest_sha256"] == digest_of(manifest)
