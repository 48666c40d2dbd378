"""Rules about our code that no linter knows."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.sources import ROOMS, ROOT, place, sources, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_FILE = 500
# The edge of the program: where any error at all must become an answer, a log line or an exit code.
# One job's surprise must not end its worker.
EDGES = frozenset({"annotate/services/job_running.py"})
DOCUMENTED = ("rubrics", "tasks", "exports", "annotate/services")


def test_no_file_is_longer_than_a_room_for_one_thing() -> None:
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in sources(*ROOMS, "tests", "bench", "scripts")
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}


def test_errors_are_caught_by_name() -> None:
    broad = [
        place(path, node.lineno)
        for path in sources(*ROOMS)
        if str(path.relative_to(ROOT)) not in EDGES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]
    assert not broad


def test_every_edge_is_still_one() -> None:
    for name in EDGES:
        nodes = ast.walk(tree(ROOT / name))
        assert any(isinstance(node, ast.ExceptHandler) and _is_broad(node) for node in nodes), name


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id == "Exception" for name in names)


def test_what_libraries_and_services_offer_is_documented() -> None:
    bare = [
        f"{place(path, node.lineno)} {node.name}"
        for path in sources(*DOCUMENTED)
        for node in _public(tree(path))
        if ast.get_docstring(node) is None
    ]
    assert not bare


def _public(module: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def test_no_rule_is_switched_off_without_a_reason() -> None:
    unexplained = [
        place(path, number)
        for path in sources(*ROOMS)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _unexplained(line)
    ]
    assert not unexplained


def _unexplained(line: str) -> bool:
    _, mark, rest = line.partition("# noqa")
    if mark and not rest.startswith(":"):
        return True
    _, mark, rest = line.partition("# type: ignore")
    return bool(mark) and not rest.startswith("[")
