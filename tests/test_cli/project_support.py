"""Commands of projects, rubrics and tasks, run as a person would type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from annotate.cli.main import cli
from tests.support.databases import environment_for, migrated_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result


class Console:
    """An installation of its own, and its commands."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.url = url
        self.environment = environment_for(url, folder)
        self.runner = CliRunner()

    @classmethod
    def opened(cls, folder: Path) -> Iterator[Console]:
        with migrated_database("sqlite", folder) as url:
            yield cls(url, folder)

    def run(self, *words: str, code: int = 0, stdin: bytes | None = None) -> Result:
        result = self.runner.invoke(cli, list(words), env=self.environment, input=stdin)
        assert result.exit_code == code, result.output
        return result

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)
