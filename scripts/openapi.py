"""Write the description of the JSON API anew: ``.venv/bin/python scripts/openapi.py``."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from annotate.app import create_app
from annotate.config import Settings
from annotate.web.openapi import FILE, described


def main() -> None:
    """Describe an application on an empty database and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(f"sqlite:///{folder}/empty.db", Path(folder), secret=b"x" * 32)
        document = described(create_app(settings))
    FILE.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
