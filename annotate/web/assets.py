"""Static files as they are served: joined, compressed once, under the build's hash.

A page of twenty modules and seven sheets would ask thirty times before it shows anything. What a
page names is therefore joined when the program starts: the modules that a script needs, each in a
function of its own in the order of their imports, and the sheets of every page. What a script
imports on use stays a file of its own, under ``later/``, and shares the modules that are there
already. Nothing is committed and no tool is needed; the sources stay what they are.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
STATIC = HERE / "static"
ALL_PAGES = "css/all.css"
"""The sheets of every page, in one."""
SHEETS = ("tokens", "base", "components", "layout", "utilities")
COMPRESSED = frozenset({".css", ".js", ".svg", ".txt", ".json"})
_COMMENTS = re.compile(r"/\*\*.*?\*/|^[ \t]*//[^\n]*\n", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";\n', re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
LATER = "later/"
"""Where modules stand that a script imports on use: ``later/<script>/<module>``."""
_EXPORT = re.compile(
    r"^export (?=(?:async function|function\*?|class|const) ([A-Za-z_$][\w$]*))", re.MULTILINE
)
_LEFT = re.compile(r"^\s*(?:import|export)\b|\bimport\s*[(.]", re.MULTILINE)
_STRINGS = re.compile(r"""("[^"\n]*"|'[^'\n]*')""")


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
    for path in sorted(HERE.glob("templates/macros/*texts.html")) + sorted(HERE.rglob("*.po")):
        digest.update(path.read_bytes())
    for name, content in sources().items():
        digest.update(name.encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def static_path(name: str) -> str:
    """Return the address of a static file."""
    return f"/static/{build_hash()}/{name}"


@cache
def find(name: str) -> Asset | None:
    """Return a file as it is served, or None when there is none of that name."""
    if name == ALL_PAGES:
        return made(name, "".join(_sheet(f"css/{sheet}.css") for sheet in SHEETS).encode())
    if name.startswith(LATER):
        entry, _, module = name.removeprefix(LATER).partition(".js/")
        text = joined_later(f"{entry}.js", module)
        return None if text is None else made(name, text.encode())
    if name not in sources():
        return None
    if name.endswith(".js"):
        return made(name, joined(name).encode())
    return made(name, _sheet(name).encode() if name.endswith(".css") else sources()[name])


def made(name: str, content: bytes) -> Asset:
    """Return bytes as a file that is ready to be served."""
    suffix = PurePosixPath(name).suffix
    small = gzip.compress(content, 9, mtime=0) if suffix in COMPRESSED else None
    kind = "text/javascript" if suffix == ".js" else mimetypes.guess_type(name)[0]
    etag = hashlib.sha256(content).hexdigest()[:20]
    return Asset(content, small, kind or "application/octet-stream", etag)


def _sheet(name: str) -> str:
    """Return a sheet without comments and the white space between its words."""
    text = re.sub(r"/\*.*?\*/", "", sources()[name].decode(), flags=re.DOTALL)
    parts = _STRINGS.split(text)
    for at in range(0, len(parts), 2):  # what stands in quotes stays as it is
        parts[at] = re.sub(r" ?([{};,]) ?", r"\1", re.sub(r"\s+", " ", parts[at]))
    return "".join(parts)


def joined(entry: str) -> str:
    """Return a script with every module it imports, as one module without imports.

    Raises
    ------
    NotJoinable
        When modules import each other in a circle, or in a form that is not known here.
    """
    order = _order(entry)
    if len(order) == 1 and not _later(order):
        return order[entry]
    places = {name: f"$m{number}" for number, name in enumerate(order)}
    parts = (_wrapped(name, text, places, (entry, entry)) for name, text in order.items())
    return _shelf(entry) + "".join(parts)


def joined_later(entry: str, module: str) -> str | None:
    """Return a module that a script imports on use, without what the script has brought along.

    It is None for a script or module that is not there, or that the script does not import so.
    """
    if entry not in sources() or module not in _all_later(entry):
        return None
    shared, order = _order(entry), _order(module)
    places = {name: f"$m{number}" for number, name in enumerate(order)}
    file = f"{LATER}{entry}/{module}"
    parts = (
        f'const {places[name]} = $shelf["{name}"];\n'
        if name in shared
        else _wrapped(name, text, places, (entry, file))
        for name, text in order.items()
    )
    exported = ", ".join(_EXPORT.findall(order[module]))
    return _shelf(entry) + "".join(parts) + f"export const {{ {exported} }} = {places[module]};\n"


def _shelf(entry: str) -> str:
    """Return the line that finds the modules of a script, so that each is there once."""
    return f'const $shelf = (globalThis.$modules ??= {{}})["{entry}"] ??= {{}};\n'


def _order(name: str) -> dict[str, str]:
    """Return a module behind all that it imports, with their texts."""
    order: dict[str, str] = {}
    _gather(name, order, ())
    return order


def _later(order: dict[str, str]) -> set[str]:
    """Return the modules that are imported on use by any of these."""
    return {
        _target(name, found.group(1))
        for name, text in order.items()
        for found in _LATER.finditer(text)
    }


def _all_later(entry: str) -> set[str]:
    found: set[str] = set()
    fresh = _later(_order(entry))
    while fresh:
        found |= fresh
        fresh = set().union(*(_later(_order(name)) for name in fresh)) - found
    return found


def _gather(name: str, order: dict[str, str], above: tuple[str, ...]) -> None:
    """Put a module behind everything that it imports."""
    if name in above:
        raise NotJoinable(f"{name} imports itself by way of {' and '.join(above)}")
    if name in order:
        return
    text = _narrow(_COMMENTS.sub("", sources()[name].decode()))
    for found in _IMPORT.finditer(text):
        _gather(_target(name, found.group(2)), order, (*above, name))
    order[name] = text


def _narrow(text: str) -> str:
    """Return a module without indentation, unless a string in it goes over several lines."""
    if any(line.count("`") % 2 for line in text.splitlines()):
        return text
    return re.sub(r"\n\s+", "\n", text)


def _target(name: str, path: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _wrapped(name: str, text: str, places: dict[str, str], where: tuple[str, str]) -> str:
    """Return a module as a function that gives what it exports.

    ``where`` is the script that brings it, and the file in which it stands.
    """
    entry, file = where

    def binding(found: re.Match[str]) -> str:
        place = places[_target(name, found.group(2))]
        names = (found.group(1) or "").replace(" as ", ": ")
        return f"const {{{names}}} = {place};\n" if names.strip() else ""

    def later(found: re.Match[str]) -> str:
        up = "../" * file.count("/")
        return f'import("{up}{LATER}{entry}/{_target(name, found.group(1))}")'

    body, exported = _IMPORT.sub(binding, text), _EXPORT.findall(text)
    body = _EXPORT.sub("", body).replace("export {};\n", "")
    known = _LATER.sub("", body)
    left = _LEFT.search(known)
    if left is not None:
        line = known[left.start() :].strip().partition("\n")[0]
        raise NotJoinable(f"{name}: this form is not joined: {line}")
    body = _LATER.sub(later, body)
    return (
        f'const {places[name]} = $shelf["{name}"] ??= (() => {{\n{body}'
        f"return {{ {', '.join(exported)} }};\n}})();\n"
    )
