"""A small project, written by us, for the tests of gold sets and releases."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from exports.gold_set import Decision
from exports.manifest import digest_of
from exports.release import ReleaseItem, ReleaseLabel, ReleaseRow
from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.versioning import canonical_json, fingerprint
from tasks.label_validation import validate_answers
from tests.support.abuse import answers_of


@cache
def rubric():
    return load_rubric(read("conversational-abuse"))


@cache
def mark():
    return fingerprint(rubric())


def item(name, text="hello there", **options):
    body = json.dumps({"text": text}, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return ReleaseItem(name, "text", body, digest, "en", **options)


def labels(item_id, annotator, *said, **more):
    return [
        ReleaseLabel(
            item_id,
            annotator,
            cell.question,
            cell.category,
            cell.value,
            cell.state,
            mark(),
            cell.clauses,
        )
        for cell in validate_answers(rubric(), answers_of(*said, **more))
    ]


def ruling(item_id, value, question="severity", category="", **options):
    number = options.pop("number", 1)
    return Decision(
        f"d-{item_id}-{question}-{category}-{number}",
        item_id,
        question,
        category,
        value,
        cause=options.pop("cause", "rater_error"),
        adjudicator="person-joe",
        created_at=f"2026-11-21T10:00:{number:02}Z",
        **options,
    )


def row(**changes):
    values = {
        "project": "Kind words",
        "number": 3,
        "rubric_canonical": canonical_json(rubric()),
        "fingerprint": mark(),
        "certified": False,
        "watermark": "2026-11-21T12:00:00Z",
        "created_at": "2026-11-21T12:00:01Z",
        "salt": "ab" * 32,
        "seed": 11,
        "versions": {"touchstone": "0.1.0"},
    }
    return ReleaseRow(**(values | changes))


def project():
    """Return items, labels and rulings: agreement, a case ruled on, one open, one lone vote."""
    items = [
        item(f"i{number}", f"text {number}", group_keys={"conversation_id": f"c{number // 2}"})
        for number in range(8)
    ]
    votes = [
        *labels("i0", "ann", "not_abusive"),
        *labels("i0", "ben", "not_abusive"),
        *labels("i1", "ann", "mild", ["sexist"]),
        *labels("i1", "ben", "mild", ["sexist"]),
        *labels("i2", "ann", "strong", ["racist"]),
        *labels("i2", "ben", "not_abusive"),
        *labels("i3", "ann", "mild"),
        *labels("i3", "ben", "very_strong"),
        *labels("i4", "ann", "ambiguous"),
    ]
    rulings = [
        ruling("i2", "ambiguous", number=1),
        ruling("i2", "not_abusive", number=2, supersedes="d-i2-severity--1", rationale="Clear."),
    ]
    return items, votes, rulings


def rewrite_manifest(directory, edit=lambda _: None):
    """Make the manifest fit the files again, as someone who covers their tracks would."""
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["files"]:
        data = (directory / entry["path"]).read_bytes()
        entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    edit(manifest)
    manifest["manifest_sha256"] = digest_of(manifest)
    path.write_text(json.dumps(manifest))


def edit_rows(directory, name, edit):
    rows = [json.loads(line) for line in (directory / name).read_text().splitlines()]
    kept = [one for one in rows if edit(one) is not False]
    text = "".join(
        json.dumps(one, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"
        for one in kept
    )
    (directory / name).write_text(text)
    rewrite_manifest(directory)
