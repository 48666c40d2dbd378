"""Our own source files, and how the rules read them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("annotate", "exports", "tasks", "rubrics")


def sources(*rooms: str) -> list[Path]:
    """List the Python files of rooms, without migrations, which are history."""
    return [
        path
        for room in rooms
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, line: int) -> str:
    """Name a line as people do."""
    return f"{path.relative_to(ROOT)}:{line}"


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Walk all functions of a module, nested ones too."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_rooms(node: ast.AST) -> set[str]:
    """Name the rooms that an import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return set()
    return {name.partition(".")[0] for name in names} & set(ROOMS)


def tracked_files() -> list[Path]:
    """List the files in the repository, those about to be added included."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]
