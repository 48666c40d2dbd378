"""Static files as they are served: joined, compressed once, under the build's hash.

A page of twenty modules and seven sheets would ask thirty times before it shows anything. What a
page names is therefore joined when the program starts: the modules that a script needs, each in a
function of its own in the order of their imports, and the sheets of every page. Nothing is
committed and no tool is needed; the sources stay what they are.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

STATIC = Path(__file__).parent / "static"
ALL_PAGES = "css/all.css"
"""The sheets of every page, in one."""
SHEETS = ("tokens", "base", "components", "layout", "charts", "utilities")
COMPRESSED = frozenset({".css", ".js", ".svg", ".txt", ".json"})
_COMMENTS = re.compile(r"/\*\*.*?\*/|^[ \t]*//[^\n]*\n", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";\n', re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
"""An import on use: the module is there already, so the promise is kept at once."""
_EXPORT = re.compile(
    r"^export (?=(?:async function|function\*?|class|const) ([A-Za-z_$][\w$]*))", re.MULTILINE
)
_LEFT = re.compile(r"^\s*(?:import|export)\b|\bimport\s*[(.]", re.MULTILINE)


class NotJoinable(Exception):
    """A module uses a form of import or export that is not joined here."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, the same compressed where that helps, and its kind."""

    plain: bytes
    small: bytes | None
    mimetype: str
    etag: str


@cache
def sources() -> dict[str, bytes]:
    """Return every file under ``static``, by its name there."""
    return {
        path.relative_to(STATIC).as_posix(): path.read_bytes()
        for path in sorted(STATIC.rglob("*"))
        if path.is_file()
    }


@cache
def build_hash() -> str:
    """Return a hash over all static files; it stands in their address, so they never go stale."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name, content in sources().items():
        digest.update(name.encode())
        digest.update(content)
    return digest.hexdigest()[:12]


@cache
def find(name: str) -> Asset | None:
    """Return a file as it is served, or None when there is none of that name."""
    if name == ALL_PAGES:
        content = b"".join(sources()[f"css/{sheet}.css"] for sheet in SHEETS)
    elif name not in sources():
        return None
    elif name.endswith(".js"):
        content = joined(name).encode()
    else:
        content = sources()[name]
    suffix = PurePosixPath(name).suffix
    small = gzip.compress(content, 9, mtime=0) if suffix in COMPRESSED else None
    kind = "text/javascript" if suffix == ".js" else mimetypes.guess_type(name)[0]
    return Asset(
        content, small, kind or "application/octet-stream", hashlib.sha256(content).hexdigest()[:20]
    )


def joined(entry: str) -> str:
    """Return a script with every module it imports, as one module without imports.

    Raises
    ------
    NotJoinable
        When modules import each other in a circle, or in a form that is not known here.
    """
    order: dict[str, str] = {}
    _gather(entry, order, ())
    if len(order) == 1:
        return order[entry]
    places = {name: f"$m{number}" for number, name in enumerate(order)}
    return "".join(_wrapped(name, text, places) for name, text in order.items())


def _gather(name: str, order: dict[str, str], above: tuple[str, ...]) -> None:
    """Put a module behind everything that it imports."""
    if name in above:
        raise NotJoinable(f"{name} imports itself by way of {' and '.join(above)}")
    if name in order:
        return
    text = _COMMENTS.sub("", sources()[name].decode())
    for found in _IMPORT.finditer(text):
        _gather(_target(name, found.group(2)), order, (*above, name))
    for found in _LATER.finditer(text):
        _gather(_target(name, found.group(1)), order, (*above, name))
    order[name] = text


def _target(name: str, path: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _wrapped(name: str, text: str, places: dict[str, str]) -> str:
    """Return a module as a function that gives what it exports."""

    def binding(found: re.Match[str]) -> str:
        place = places[_target(name, found.group(2))]
        names = (found.group(1) or "").replace(" as ", ": ")
        return f"const {{{names}}} = {place};\n" if names.strip() else ""

    def later(found: re.Match[str]) -> str:
        return f"Promise.resolve({places[_target(name, found.group(1))]})"

    body, exported = _LATER.sub(later, _IMPORT.sub(binding, text)), _EXPORT.findall(text)
    body = _EXPORT.sub("", body).replace("export {};\n", "")
    left = _LEFT.search(body)
    if left is not None:
        line = body[left.start() :].strip().partition("\n")[0]
        raise NotJoinable(f"{name}: this form is not joined: {line}")
    return f"const {places[name]} = (() => {{\n{body}return {{ {', '.join(exported)} }};\n}})();\n"
