"""Who may import whom."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import ROOMS, ROOT, functions, imported_rooms, place, sources, tree

HEAVY = ("flask", "sqlalchemy", "pandas", "scipy", "statsmodels", "krippendorff", "pyarrow")
# One hands the request its session, the other turns the database's errors into answers.
WEB_PLUMBING = frozenset({"requests.py", "errors.py"})
OURS = frozenset({*ROOMS, "bench", "tests"})
PURE_ROOMS = ("rubrics", "tasks", "exports")


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_contract_ignores_an_import() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        assert "ignore_imports" not in contract, contract["id"]


def test_the_kernel_brings_nothing_heavy_along() -> None:
    program = f"import sys, tasks.agreement; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_programs_beside_the_rooms_import_what_there_is() -> None:
    """No test runs the measurements, nor the replay of all labels; a moved name ends them."""
    missing = [
        f"{place(path, node.lineno)}: {alias.name}"
        for path in sources("bench", "examples", "scripts")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in OURS
        for alias in node.names
        if not _is_there(node.module or "", alias.name)
    ]
    assert not missing


def _is_there(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None


def test_tasks_itself_is_empty() -> None:
    body = tree(ROOT / "tasks" / "__init__.py").body
    assert all(isinstance(node, ast.Expr | ast.ImportFrom) for node in body)
    assert not any(imported_rooms(node) for node in body)


@pytest.mark.parametrize("room", ROOMS)
def test_first_party_imports_stand_at_the_top(room: str) -> None:
    hidden = [
        place(path, inner.lineno)
        for path in sources(room)
        for function in functions(tree(path))
        for inner in ast.walk(function)
        if imported_rooms(inner)
    ]
    assert not hidden


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_libraries_know_no_clock_no_environment_and_no_global_chance(room: str) -> None:
    forbidden = {
        ("os", "environ"),
        ("os", "getenv"),
        ("time", "time"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("date", "today"),
        ("random", "random"),
        ("random", "shuffle"),
        ("random", "choice"),
        ("random", "seed"),
    }
    found = [
        f"{place(path, node.lineno)} {node.value.id}.{node.attr}"
        for path in sources(room)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in forbidden
    ]
    assert not found


def test_views_hold_no_sql() -> None:
    found = [
        f"{place(path, node.lineno)} {name}"
        for path in sources("annotate/web")
        if path.name not in WEB_PLUMBING
        for node in ast.walk(tree(path))
        for name in _imported(node)
        if name.partition(".")[0] == "sqlalchemy" or name.startswith("annotate.db")
    ]
    assert not found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def test_only_one_module_asks_for_the_second_opinion() -> None:
    """The GPL package stays behind one module; statsmodels may also give intervals in exports."""
    found = {
        str(path.relative_to(ROOT))
        for path in sources(*ROOMS)
        for node in ast.walk(tree(path))
        if any(name.partition(".")[0] == "krippendorff" for name in _imported(node))
    }
    assert found <= {"tasks/verification.py"}
