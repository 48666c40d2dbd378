"""``touchstone``: the group of all commands. A command's module is read when it is called."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.metadata import version
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from annotate.services.errors import ApplicationError
from exports.errors import ExportError
from rubrics.errors import RubricError
from tasks.errors import TaskError

# Each command with the module and the name it is imported from.
COMMANDS: dict[str, tuple[str, str]] = {
    "agreement": ("annotate.cli.agreement_commands", "agreement"),
    "backup": ("annotate.cli.operations_commands", "backup"),
    "cases": ("annotate.cli.gold_commands", "cases"),
    "doctor": ("annotate.cli.operations_commands", "doctor"),
    "gold": ("annotate.cli.gold_commands", "gold"),
    "init": ("annotate.cli.people_commands", "init"),
    "items": ("annotate.cli.item_commands", "items"),
    "migrate": ("annotate.cli.operations_commands", "migrate"),
    "people": ("annotate.cli.people_commands", "people"),
    "project": ("annotate.cli.project_commands", "project"),
    "quickstart": ("annotate.cli.serve_commands", "quickstart"),
    "replay": ("annotate.cli.replay_commands", "replay"),
    "rubric": ("annotate.cli.rubric_commands", "rubric"),
    "serve": ("annotate.cli.serve_commands", "serve"),
    "tasks": ("annotate.cli.tasks_commands", "tasks"),
    "worker": ("annotate.cli.item_commands", "worker"),
}
REFUSALS = (ApplicationError, RubricError, TaskError, ExportError)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run a command; a refusal is its message on standard error and exit code 2."""
        try:
            return super().invoke(ctx)
        except REFUSALS as error:
            sys.stderr.write(f"touchstone: {error}\n")
            for problem in getattr(error, "problems", ()):
                if isinstance(problem, dict):
                    place = problem.get("place") or problem.get("field") or ""
                    sys.stderr.write(f"  {place}: {problem.get('message', '')}\n")
            raise SystemExit(2) from error
        except DBAPIError as error:
            sys.stderr.write(f"touchstone: the database did not take this: {_first_line(error)}\n")
            raise SystemExit(2) from error
        except BrokenPipeError:
            raise  # whoever read the output has enough of it
        except OSError as error:
            place = "" if error.filename is None else f"{error.filename}: "
            sys.stderr.write(f"touchstone: {place}{error.strerror or error}\n")
            raise SystemExit(2) from error


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).splitlines()), "it does not say why")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("touchstone"), prog_name="touchstone")
def cli() -> None:
    """Rubrics in, tested gold out: annotation for AI trust and safety."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
