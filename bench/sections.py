"""A part of bench/README.md for each program: what stands between its two marks."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

README = Path(__file__).with_name("README.md")


def write_section(name: str, text: str) -> None:
    """Put figures into the README between the marks of a name, at the end if there are none."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    whole = README.read_text(encoding="utf-8") if README.exists() else "# Benchmarks\n"
    if begin not in whole:
        whole = f"{whole.rstrip()}\n\n{begin}\n{end}\n"
    before, _, rest = whole.partition(begin)
    after = rest.partition(end)[2]
    README.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def surroundings(*packages: str) -> str:
    """Say what a figure was measured on."""
    known = []
    for package in packages:
        try:
            known.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            known.append(f"{package} not installed")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"Python {platform.python_version()}, {', '.join(known)}; {os.cpu_count()} cores, "
        f"load {load} when it ended."
    )
