"""The demo: made once, through the services, with something to see and nothing twice."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import Database
from annotate.models import (
    AdjudicationCase,
    Annotation,
    AuditEvent,
    Decision,
    ImportProblem,
    Item,
    Job,
    LoginSession,
    Project,
    RoleGrant,
    Round,
    UserAccount,
)
from annotate.policy import ALL_ROLES
from annotate.services import demo, demo_content, demo_people, identity, invariants, people
from annotate.services.migration import migrate
from annotate.services.passwords import hash_password, verify_password
from rubrics import library
from rubrics.loader import load_rubric
from tasks.label_validation import validate_answers
from tests.support.databases import settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.db
COUNTED = (UserAccount, RoleGrant, Project, Item, Round, Job, Annotation, Decision, AuditEvent)


def _opened(folder: Path) -> Database:
    database = Database(settings_for(f"sqlite:///{folder / 'touchstone.db'}", folder))
    migrate(database)
    return database


def _count(database: Database, model: Any, *conditions: Any) -> int:
    with database.read() as session:
        query = sa.select(sa.func.count()).select_from(model).where(*conditions)
        return session.scalar(query) or 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, demo.Logins]]:
    """A demo that the tests of this module only look at."""
    database = _opened(tmp_path_factory.mktemp("demo"))
    said: list[str] = []
    logins = demo.ensure(database, said.append)
    assert len(said) >= 3
    yield database, logins
    database.dispose()


def test_every_role_has_a_login_that_works(made: tuple[Database, demo.Logins]) -> None:
    database, logins = made
    assert {part.role for part in demo_people.PARTS} == ALL_ROLES
    assert logins.passwords.keys() == {part.login for part in demo_people.PARTS}
    assert len(set(logins.passwords.values())) == len(demo_people.PARTS)
    with database.read() as session:
        rows = session.execute(
            sa.select(UserAccount.login, UserAccount.password_hash).where(UserAccount.is_demo)
        ).all()
        assert people.demo_accounts_exist(session)
    stored = {row.login: row.password_hash for row in rows}
    assert stored.keys() == logins.passwords.keys()
    for login in ("admin", "auditor"):
        assert verify_password(stored[login], logins.passwords[login])


def test_the_annotators_work_for_two_teams(made: tuple[Database, demo.Logins]) -> None:
    database, _ = made
    with database.read() as session:
        teams = set(
            session.scalars(sa.select(RoleGrant.team_id).where(RoleGrant.role == "annotator"))
        )
    assert len(teams) == 2
    assert None not in teams


def test_the_logins_stand_in_a_private_file(made: tuple[Database, demo.Logins]) -> None:
    _, logins = made
    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    text = logins.path.read_text(encoding="utf-8")
    assert all(line in text for line in logins.lines())


def test_the_project_shows_something_on_every_page(made: tuple[Database, demo.Logins]) -> None:
    database, _ = made
    pilot = len(demo_content.rows(demo_content.PILOT_FILE))
    pairs = len(demo_content.rows(demo_content.PAIRS_FILE))
    assert _count(database, Item, Item.kind != "responses") == 40
    assert _count(database, Item, Item.kind == "responses") == pairs == 12
    labelled = 3 * (pilot + demo.PAIRS_LABELLED)
    assert _count(database, Annotation) == labelled == 96
    assert _count(database, AdjudicationCase, AdjudicationCase.state == "decided") == 2
    assert _count(database, AdjudicationCase, AdjudicationCase.state == "open") >= 8
    assert _count(database, ImportProblem) == 1
    with database.read() as session:
        rounds = {
            row.name: row.state for row in session.execute(sa.select(Round.name, Round.state))
        }
        assert rounds == {
            demo.PILOT: "closed",
            demo.PRODUCTION: "open",
            demo.PAIRS_ROUND: "open",
        }
        languages = set(session.scalars(sa.select(Item.language)))
        assert languages == {"en", "de", "fr"}
        assert invariants.check(session) == []


def test_a_second_start_adds_nothing(made: tuple[Database, demo.Logins]) -> None:
    database, logins = made
    before = [_count(database, model) for model in COUNTED]
    assert demo.ensure(database) == logins
    assert [_count(database, model) for model in COUNTED] == before


def test_pairs_of_answers_are_answered_by_their_place_in_the_item() -> None:
    rubric = load_rubric(library.read(demo.PAIRS_RUBRIC))
    pairs = [row["id"] for row in demo_content.rows(demo_content.PAIRS_FILE)]
    assert [row["item"] for row in demo_content.rows(demo_content.PAIRS_ANSWERS_FILE)] == pairs
    for name in pairs:
        for login in demo_people.ANNOTATORS:
            item = {"external_id": name, "kind": "responses", "body": {}}
            assert validate_answers(rubric, demo_content.answers(item, login))


def test_planted_answers_and_rulings_are_of_items_that_exist() -> None:
    pilot = [row["id"] for row in demo_content.rows(demo_content.PILOT_FILE)]
    assert [row["item"] for row in demo_content.rows(demo_content.ANSWERS_FILE)] == pilot
    assert demo_content.rulings().keys() <= set(pilot)
    for row in demo_content.rows(demo_content.ANSWERS_FILE):
        assert row["but"].keys() <= set(demo_people.ANNOTATORS)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash once: what is under test is which accounts get a new password."""
    one = hash_password("a password for tests")
    monkeypatch.setattr(demo_people, "hash_password", lambda _password: one)


@pytest.mark.usefixtures("cheap")
def test_a_lost_file_gets_new_passwords_and_ends_sessions(tmp_path: Path) -> None:
    database = _opened(tmp_path)
    first = demo_people.ensure(database, lambda _line: None)
    with database.write() as session:
        user_id = people.id_of(session, "auditor")
        identity.open_session(session, user_id, user_agent="test", address="127.0.0.1")
    first.path.unlink()
    second = demo_people.ensure(database, lambda _line: None)
    assert second.passwords.keys() == first.passwords.keys()
    assert not set(second.passwords.values()) & set(first.passwords.values())
    assert _count(database, LoginSession, LoginSession.revoked_at.is_(None)) == 0
    assert demo_people.ensure(database, lambda _line: None) == second
    database.dispose()


@pytest.mark.usefixtures("cheap")
def test_a_file_of_an_earlier_database_is_not_believed(tmp_path: Path) -> None:
    old = tmp_path / demo_people.FILE_NAME
    old.write_text("administrator  admin  from-another-time\n", encoding="utf-8")
    database = _opened(tmp_path)
    logins = demo_people.ensure(database, lambda _line: None)
    assert "from-another-time" not in logins.passwords.values()
    assert "from-another-time" not in old.read_text(encoding="utf-8")
    database.dispose()


@pytest.mark.usefixtures("cheap")
def test_removed_demo_accounts_stay_removed(tmp_path: Path) -> None:
    database = _opened(tmp_path)
    demo_people.ensure(database, lambda _line: None)
    with database.write() as session:
        actor = identity.system_actor(session)
        assert demo_people.remove(session, actor) == len(demo_people.PARTS)
        assert not people.demo_accounts_exist(session)
        assert demo_people.remove(session, actor) == 0
    logins = demo.ensure(database)
    assert logins.passwords == {}
    assert "account of your own" in logins.lines()[0]
    assert _count(database, Project) == 0
    with database.write() as session:
        assert people.init(session, identity.system_actor(session)).address
    database.dispose()
