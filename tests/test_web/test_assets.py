"""Scripts and sheets are joined and compressed when the program starts, and say the same."""

from __future__ import annotations

import gzip
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from annotate.web import assets
from annotate.web.health import static_path
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
    text = assets.joined(entry)
    assert not re.search(r"^\s*(import|export)\b", text, re.MULTILINE)
    file = tmp_path / "joined.mjs"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run([NODE, "--check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_modules_keep_their_names_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "js/entry.js": 'import { a as b, twice } from "./lib/a.js";\n'
        'import "./lib/side.js";\n// import { no } from "./no.js";\n'
        "const hidden = 5;\nconsole.log(b, twice(hidden), globalThis.side);\n"
        'import("./lib/later.js").then(({ late }) => console.log(late));\n',
        "js/lib/later.js": "export const late = 11;\n",
        "js/lib/a.js": 'import { hidden as base } from "../base.js";\nexport const a = base;\n'
        "/** @type {import('./no.js').No} */\nconst hidden = 2;\n"
        "export function twice(/** @type {number} */ one) {\n  return one * hidden;\n}\n",
        "js/base.js": "export const hidden = 7;\n",
        "js/lib/side.js": 'import { hidden } from "../base.js";\nglobalThis.side = hidden + 1;\n',
    }
    held = {name: text.encode() for name, text in files.items()}
    monkeypatch.setattr(assets, "sources", lambda: held)
    file = tmp_path / "joined.mjs"
    file.write_text(assets.joined("js/entry.js"), encoding="utf-8")
    done = subprocess.run([NODE, file], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "10", "8", "11"]


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
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
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
    sheets = client.get(static_path("css/all.css")).data
    assert all(sheet in sheets for sheet in (assets.sources()["css/tokens.css"],))


@pytest.mark.db
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_nothing_else_is_served(client: FlaskClient) -> None:
    for name in ("../assets.py", "..%2fassets.py", "js", "nothing.js", "css/../css/base.css"):
        assert client.get(static_path(name)).status_code == 404
    old = static_path("js/app.js").replace(assets.build_hash(), "0" * 12)
    assert client.get(old).status_code == 404


@pytest.mark.db
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_pages_are_not_compressed(client: FlaskClient) -> None:
    page = client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers
