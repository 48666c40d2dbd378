"""``touchstone init`` and ``touchstone people``, as typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from annotate.cli.main import cli
from annotate.services import identity, links, roles
from tests.support.databases import ON_SQLITE, environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.builders import World


pytestmark = pytest.mark.db
ADDRESS = re.compile(r"http://127\.0\.0\.1:8000/link/([\w-]{40,})")


class Console:
    """Runs commands on the test's own database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(cli, list(arguments))

    def said(self, *arguments: str) -> str:
        result = self(*arguments)
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture
def console(database_url: str, tmp_path: Path) -> Console:
    return Console(environment_for(database_url, tmp_path))


def link_in(text: str) -> str:
    found = ADDRESS.search(text)
    assert found is not None, text
    return found[1]


def test_init_prints_a_link_until_there_is_an_administrator(console: Console, world: World) -> None:
    link_in(console.said("init"))
    token = link_in(console.said("init"))
    with world.database.write() as session:
        links.use(session, token, links.Chosen("a stored hash", "root", "Root"))
    refused = console("init")
    assert refused.exit_code == 2
    assert "administrator already" in refused.stderr
    assert "http" not in refused.output
    with world.database.read() as session:
        assert len(roles.administrators(session)) == 1


def test_a_person_is_invited_granted_revoked_and_listed(console: Console, world: World) -> None:
    world.project("demo")
    link_in(console.said("people", "invite", "ann", "--name", "Ann Lee", "--role", "annotator"))
    console.said("people", "teams", "Vendor A", "--vendor")
    assert "Vendor A\tvendor" in console.said("people", "teams")
    where = ("--project", "demo", "--team", "Vendor A")
    assert console.said("people", "grant", "ann", "adjudicator", *where) == (
        "ann is adjudicator now.\n"
    )
    listed = console.said("people", "list", "--find", "lee")
    assert listed == "ann\tinvited\tadjudicator, annotator\tAnn Lee\n"
    console.said("people", "revoke", "ann", "adjudicator", *where)
    missing = console("people", "revoke", "ann", "adjudicator", *where)
    assert missing.exit_code == 2
    assert "ann\tinvited\tannotator\tAnn Lee\n" in console.said("people", "list")


@ON_SQLITE
def test_a_person_is_reset_deactivated_and_comes_back(console: Console, world: World) -> None:
    world.grant("ann", "annotator")
    cookie = world.cookie("ann")
    link_in(console.said("people", "reset", "ann"))
    console.said("people", "deactivate", "ann")
    with world.database.read() as session:
        assert identity.actor_of_session(session, cookie) is None
    again = console("people", "deactivate", "ann")
    assert again.exit_code == 2
    console.said("people", "reactivate", "ann")
    assert "ann\tinvited" in console.said("people", "list")


@ON_SQLITE
def test_a_token_is_printed_once_and_bound_to_its_project(console: Console, world: World) -> None:
    project_id = world.project("demo")
    world.grant("ann", "annotator", project_id)
    token = console.said(
        "people", "token", "ann", "--name", "replay", "--scope", "label", "--project", "demo"
    ).strip()
    with world.database.read() as session:
        found = identity.actor_of_token(session, token)
        assert found is not None
        assert found[0].token_project_id == project_id
        assert found[0].may("work.label", project_id)


@ON_SQLITE
@pytest.mark.parametrize(
    "arguments",
    [
        ("people", "grant", "nobody", "annotator"),
        ("people", "grant", "ann", "king"),
        ("people", "grant", "ann", "annotator", "--project", "nowhere"),
        ("people", "grant", "ann", "annotator", "--team", "none"),
        ("people", "invite", "no spaces"),
        ("people", "invite", "ann"),
        ("people", "reset", "system"),
        ("people", "token", "ann", "--name", "x", "--scope", "label", "--days", "0"),
        ("people", "token", "ann", "--name", "x", "--scope", "all"),
    ],
)
def test_a_mistake_ends_with_code_two_and_words(
    console: Console, world: World, arguments: tuple[str, ...]
) -> None:
    world.user("ann")
    result = console(*arguments)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output
