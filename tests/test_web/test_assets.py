"""Scripts and sheets are joined and compressed when the program starts, and say the same."""

from __future__ import annotations

import gzip
import json
import posixpath
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from annotate.web import assets, label_texts
from annotate.web.assets import static_path
from tests.support.databases import ON_SQLITE
from tests.test_web.label_script import NODE

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

TEMPLATES = assets.STATIC.parent / "templates"


def entries() -> list[str]:
    """Return the scripts that pages name."""
    named = {
        name
        for path in TEMPLATES.rglob("*.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "<script" in line
        for name in re.findall(r"'((?:js/)?[\w/]+\.js)'", line)
    }
    return sorted(name if name.startswith("js/") else f"js/label/{name}" for name in named)


@pytest.mark.parametrize("entry", entries())
def test_a_joined_script_is_whole(entry: str, tmp_path: Path) -> None:
    later = [f"{assets.LATER}{entry}/{name}" for name in assets._all_later(entry)]
    for name in (entry, *later):
        asset = assets.find(name)
        assert asset is not None
        text = asset.plain.decode()
        assert not re.search(r"^\s*import\b", text, re.MULTILINE)
        assert text.count("\nexport ") == (name != entry)
        file = tmp_path / "joined.mjs"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([NODE, "--check", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (name, done.stderr)
        for path in re.findall(r'\bimport\("([^"]+)"\)', text):
            address = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            assert assets.find(address) is not None, (name, path)


def test_modules_keep_their_names_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "js/entry.js": 'import { a as b, twice } from "./lib/a.js";\n'
        'import { count } from "./lib/count.js";\n'
        'import "./lib/side.js";\n// import { no } from "./no.js";\n'
        "const hidden = 5;\nconsole.log(b, twice(hidden), globalThis.side);\n"
        'import("./lib/later.js").then(({ late }) => console.log(late, count()));\n',
        "js/lib/later.js": 'import { count } from "./count.js";\n'
        'import { hidden } from "../base.js";\n'
        "export const late = hidden + 4 + count();\n",
        "js/lib/count.js": "let calls = 0;\nexport function count() {\n"
        "  calls += 1;\n  return calls;\n}\n",
        "js/lib/a.js": 'import { hidden as base } from "../base.js";\nexport const a = base;\n'
        "/** @type {import('./no.js').No} */\nconst hidden = 2;\n"
        "export function twice(/** @type {number} */ one) {\n  return one * hidden;\n}\n",
        "js/base.js": "export const hidden = 7;\n",
        "js/lib/side.js": 'import { hidden } from "../base.js";\nglobalThis.side = hidden + 1;\n',
    }
    held = {name: text.encode() for name, text in files.items()}
    monkeypatch.setattr(assets, "sources", lambda: held)
    assert assets.joined_later("js/entry.js", "js/base.js") is None
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    parts = {
        "js/entry.js": assets.joined("js/entry.js"),
        "later/js/entry.js/js/lib/later.js": assets.joined_later("js/entry.js", "js/lib/later.js"),
    }
    for name, text in parts.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(str(text), encoding="utf-8")
    entry = tmp_path / "js" / "entry.js"
    done = subprocess.run([NODE, entry], capture_output=True, text=True, check=True)
    # The counter is one for both files: what came along is not made again.
    assert done.stdout.split() == ["7", "10", "8", "12", "2"]


@pytest.mark.parametrize(
    "text",
    [
        'export * from "./a.js";\n',
        "export default 1;\n",
        "const a = await import(name);\n",
        'import all from "./a.js";\n',
        'import { b } from "./entry.js";\n',
    ],
)
def test_what_cannot_be_joined_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {
        "entry.js": b'import { a } from "./a.js";\nexport const b = a;\n',
        "a.js": f"{text}export const a = 1;\n".encode(),
    }
    monkeypatch.setattr(assets, "sources", lambda: held)
    with pytest.raises(assets.NotJoinable):
        assets.joined("entry.js")


@pytest.mark.db
@ON_SQLITE
def test_files_are_served_compressed_to_those_who_take_it(client: FlaskClient) -> None:
    for name in ("css/all.css", "js/app.js", "img/mark.svg"):
        plain = client.get(static_path(name))
        small = client.get(static_path(name), headers={"Accept-Encoding": "br, gzip"})
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(small.data) == plain.data
        assert len(small.data) < len(plain.data)
        for answer in (plain, small):
            assert answer.status_code == 200
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert "max-age=31536000" in answer.headers["Cache-Control"]
            again = client.get(static_path(name), headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status_code in {200, 304}
        assert plain.headers["ETag"] != small.headers["ETag"]


def test_sheets_keep_every_rule() -> None:
    together = assets.find(assets.ALL_PAGES)
    assert together is not None
    for sheet in assets.SHEETS:
        text = assets.sources()[f"css/{sheet}.css"].decode()
        plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        assert re.sub(r"\s", "", plain) in re.sub(r"\s", "", together.plain.decode())
    assert b"calc(" not in together.plain or b" + " in together.plain or b" - " in together.plain


def test_every_text_of_the_page_is_in_the_file_of_its_language() -> None:
    templates = TEMPLATES / "macros"
    keys = {
        key
        for name in label_texts.FILES
        for key in re.findall(
            r'^\s*"([\w-]+)": ', (templates / name).read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert set(label_texts.texts()) == keys
    for language in ("en", "ar"):
        file = label_texts.find(f"texts/{language}.js")
        assert file is not None
        found = json.loads(file.plain.decode().removeprefix("globalThis.$texts = ").rstrip(";\n"))
        assert set(found) == keys
    assert label_texts.find("texts/xx.js") is None
    assert label_texts.find("texts/../en.js") is None


@pytest.mark.db
@ON_SQLITE
def test_nothing_else_is_served(client: FlaskClient) -> None:
    for name in ("../assets.py", "..%2fassets.py", "js", "nothing.js", "css/../css/base.css"):
        assert client.get(static_path(name)).status_code == 404
    old = static_path("js/app.js").replace(assets.build_hash(), "0" * 12)
    assert client.get(old).status_code == 404


@pytest.mark.db
@ON_SQLITE
def test_pages_are_not_compressed(client: FlaskClient) -> None:
    page = client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers
