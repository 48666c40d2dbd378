"""The small pure modules of the labelling page, and what they share with the templates."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from annotate.web.assets import STATIC
from tests.test_web import label_script

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = STATIC.parent / "templates"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
TEXT = "Aé👩‍👩‍👧 e\u0301 اكتب 😀\n\r\nend"


def test_offsets_are_code_points() -> None:
    cases = [
        {"text": TEXT, "start": start, "end": end}
        for start in range(len(TEXT))
        for end in range(start + 1, len(TEXT) + 1)
    ]
    for case, said in zip(cases, label_script.run("codepoints", cases=cases), strict=True):
        start, end = int(str(case["start"])), int(str(case["end"]))
        assert said == {"slice": TEXT[start:end], "back": [start, end]}


def test_overlapping_passages_leave_the_text_whole() -> None:
    spans = [{"start": 0, "end": 5}, {"start": 3, "end": 9}, {"start": 3, "end": 9}]
    [pieces] = label_script.run("pieces", cases=[{"text": TEXT, "spans": spans}])
    assert "".join(text for text, _ in pieces) == TEXT
    cuts = [(0, 3, 1), (3, 5, 3), (5, 9, 2), (9, len(TEXT), 0)]
    assert pieces == [[TEXT[start:end], marks] for start, end, marks in cuts]


def test_turns_carry_the_targets_that_spans_name() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "v"},
    ]
    found = label_script.run(
        "turns",
        cases=[
            {"messages": messages},
            {"system": "s", "prompt": "p", "response": "r"},
            {"text": "t"},
        ],
    )
    assert found == [
        {
            "targets": ["message:0", "message:1", "message:2", "message:3"],
            "prompt": "message:3",
            "response": "message:2",
        },
        {"targets": ["system", "prompt", "response"], "prompt": "prompt", "response": "response"},
        {"targets": ["text"], "prompt": None, "response": None},
    ]


def test_keys_are_uuids_of_version_seven_in_order_of_time() -> None:
    now = 1_800_000_000_123
    keys = [uuid.UUID(one) for one in label_script.run("uuid7", count=200, now=now)]
    assert len(set(keys)) == 200
    assert {key.version for key in keys} == {7}
    assert {key.variant for key in keys} == {uuid.RFC_4122}
    assert {key.int >> 80 for key in keys} == {now}


def _texts() -> set[str]:
    files = [TEMPLATES / "macros" / name for name in ("label_texts.html", "content_texts.html")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(r'^  "([\w-]+)": _\(', source, re.MULTILINE))


def _literals(path: Path) -> set[str]:
    return set(re.findall(r'["`]([\w${}-]+)["`]', path.read_text(encoding="utf-8")))


def test_every_text_that_scripts_ask_for_is_in_the_template() -> None:
    either = r'[^()"`]*(?:\([^()]*\))?[^()"`]*\? "([\w-]+)" : "([\w-]+)"'
    calls = re.compile(r'\bt\((?:"([\w-]+)"|' + either + ")")
    asked = {
        key
        for path in (STATIC / "js" / "label").glob("*.js")
        for found in calls.findall(path.read_text(encoding="utf-8"))
        for key in found
        if key
    }
    assert len(asked) > 100
    assert not asked - _texts()


def test_no_text_of_the_template_is_left_over() -> None:
    named = set().union(*(_literals(path) for path in (STATIC / "js" / "label").glob("*.js")))
    patterns = [re.compile(re.sub(r"\$\{\w+\}", r"[\\w-]+", one)) for one in named if "$" in one]
    left = {
        key
        for key in _texts() - named
        if not any(pattern.fullmatch(key) for pattern in patterns)
        and not key.startswith(("role-", "reason-", "empty-"))
    }
    assert not left


def test_nothing_is_built_from_markup_or_run_from_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|"
        r"DOMParser|createContextualFragment|setAttribute\(\s*\"(?:on\w+|style)\"|\.style\b"
    )
    assert not [
        (path.name, found.group())
        for path in SCRIPTS
        if (found := forbidden.search(path.read_text(encoding="utf-8")))
    ]


def test_templates_hold_no_inline_style_or_script() -> None:
    inline = re.compile(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|javascript:")
    assert not [
        (path.name, found.group())
        for path in sorted(TEMPLATES.rglob("*.html"))
        if (found := inline.search(path.read_text(encoding="utf-8")))
    ]


def test_modules_import_each_other_by_relative_path() -> None:
    imports = re.compile(r'(?:from|import)\s+"([^"]+)"')
    for path in SCRIPTS:
        for target in imports.findall(path.read_text(encoding="utf-8")):
            assert target.startswith("."), (path.name, target)
            assert (path.parent / target).is_file(), (path.name, target)
