"""Environments of their own for the packages that ours are compared with.

Each peer has a file of pins beside this one; they are put into a virtual environment in a temporary
folder by `uv`, without following dependencies: the file is whole, and what a peer claims to need
beyond that (a linter's coverage, an old scipy next to a new numpy) is not installed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PEERS = ("irrcac", "nltk", "crowdkit")


@contextmanager
def environment(peer: str) -> Iterator[Path]:
    """Make a peer's environment and return its interpreter; it is gone afterwards."""
    if peer not in PEERS:
        raise ValueError(f"unknown peer {peer!r}: choose one of {', '.join(PEERS)}")
    uv = shutil.which("uv")
    if uv is None:
        raise FileNotFoundError("uv makes the environments of the peers; it was not found")
    with tempfile.TemporaryDirectory(prefix=f"oracle-{peer}-") as folder:
        python = Path(folder) / "bin" / "python"
        pins = HERE / f"{peer}.txt"
        subprocess.run([uv, "venv", "--quiet", "--clear", folder], check=True)  # noqa: S603
        subprocess.run(  # noqa: S603 - uv, in a folder of ours
            [uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "-r", pins],
            check=True,
        )
        yield python
