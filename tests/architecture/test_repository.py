"""What may stand in the repository, and what goes into the wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.architecture.sources import ROOMS, ROOT, tracked_files

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE = 600_000
# Written in parts, so that this file does not hold what it looks for.
REGISTRY_HOSTS = ("python" + "hosted.org", "py" + "pi.org", "npm" + "js.org", "npm" + "js.com")
MACHINE_PATH = re.compile(rb"(^|[^A-Za-z0-9_.])/" + b"(work|root|" + rb"farm)/")
BINARY = {".png", ".jpg", ".woff2", ".parquet", ".gz", ".ico", ".mo"}


def _texts() -> list[Path]:
    return [path for path in tracked_files() if path.suffix not in BINARY]


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = [host.encode() for host in REGISTRY_HOSTS]
    found = [
        str(path.relative_to(ROOT))
        for path in _texts()
        if any(host in path.read_bytes() for host in hosts)
    ]
    assert not found


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in _texts()
        if path.suffix != ".svg" and MACHINE_PATH.search(path.read_bytes())
    ]
    assert not found


def test_no_file_is_large() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked_files()}
    assert not {name: size for name, size in sizes.items() if size > LARGEST_FILE}


def test_no_data_and_no_secret_is_kept() -> None:
    kept = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in {".db", ".sqlite3", ".pem", ".key"} or path.name in {".env", "secret"}
    ]
    assert not kept


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_locks_pin_by_hash_and_hold_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.split(r"\n(?=\S)", text.strip())
    assert len(pinned) > 20
    for requirement in pinned:
        assert re.match(r"[a-z0-9-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_the_development_lock_holds_the_versions_that_run() -> None:
    def versions(lock: str) -> set[str]:
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        return {line.rstrip(" \\") for line in text.splitlines() if "==" in line and line[0] != " "}

    assert versions("run.lock") <= versions("dev.lock")


@pytest.mark.slow
def test_the_wheel_holds_the_four_packages_and_the_entry(tmp_path: Path) -> None:
    files = tracked_files()
    copy = tmp_path / "source"
    for path in files:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path, copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*ROOMS, "wsgi.py"}
    missing = [
        str(path.relative_to(ROOT))
        for path in files
        if path.relative_to(ROOT).parts[0] in ROOMS
        and str(path.relative_to(ROOT)) not in names
        and path.suffix not in {".po", ".pot"}  # only their compiled form is used
    ]
    assert not missing
