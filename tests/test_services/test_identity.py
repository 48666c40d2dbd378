"""Sessions, the login throttle, passwords, and the secret of an installation."""

from __future__ import annotations

import stat
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from annotate.config import Settings, SettingsError
from annotate.db import Database, utc_now
from annotate.models import LoginSession, UserAccount
from annotate.services import accounts, identity, passwords
from annotate.services.errors import BadCredentials, BadInput, TooManyAttempts
from tests.support.builders import World
from tests.support.databases import ON_SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
STORED = "a stored hash"


class Clock:
    """The time of an embedded installation, moved by hand."""

    def __init__(self) -> None:
        self.time = utc_now()

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(settings: Settings, clock: Clock) -> Iterator[World]:
    """A world whose clock is moved by hand."""
    opened = Database(settings, clock)
    yield World(opened)
    opened.dispose()


def fail(world: World, login: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        with world.database.write() as session:
            identity.login_failed(session, login, address)


def throttled(world: World, login: str, address: str) -> bool:
    with world.database.read() as session:
        try:
            identity.find_candidate(session, login, address)
        except TooManyAttempts:
            return True
    return False


# --------------------------------------------------------------------------------------- throttle


@pytest.mark.db
@pytest.mark.parametrize("login", ["ann", "nobody"])
def test_ten_wrong_tries_close_the_account_from_that_address_alone(
    database: Database, login: str
) -> None:
    world = World(database)
    world.user("ann")
    fail(world, login, HERE, identity.ACCOUNT_FAILURES - 1)
    assert not throttled(world, login, HERE)
    fail(world, f" {login.upper()} ", HERE)
    assert throttled(world, login, HERE)
    assert not throttled(world, login, ELSEWHERE), "a stranger must not lock the owner out"
    assert not throttled(world, "other", HERE)


@pytest.mark.db
def test_first_wrong_tries_at_one_moment_each_count(database: Database) -> None:
    world = World(database)
    together = threading.Barrier(identity.ACCOUNT_FAILURES)
    failed: list[BaseException] = []

    def work() -> None:
        together.wait(20)
        try:
            fail(world, "ann", HERE)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(identity.ACCOUNT_FAILURES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert throttled(world, "ann", HERE)


@pytest.mark.db
@ON_SQLITE
def test_many_wrong_tries_over_many_accounts_close_the_address(timed: World) -> None:
    for number in range(identity.ADDRESS_FAILURES):
        fail(timed, f"guess-{number}", HERE)
    assert throttled(timed, "ann", HERE)
    assert not throttled(timed, "ann", ELSEWHERE)


@pytest.mark.db
@ON_SQLITE
def test_the_throttle_opens_again_and_counts_anew(timed: World, clock: Clock) -> None:
    fail(timed, "ann", HERE, identity.ACCOUNT_FAILURES)
    clock.forward(minutes=14, seconds=59)
    assert throttled(timed, "ann", HERE)
    clock.forward(seconds=2)
    assert not throttled(timed, "ann", HERE)
    fail(timed, "ann", HERE)
    assert not throttled(timed, "ann", HERE)


@pytest.mark.db
@ON_SQLITE
def test_a_sign_in_forgets_the_failures_of_its_account(timed: World) -> None:
    user_id = timed.user("ann")
    with timed.database.write() as session:
        session.get_one(UserAccount, user_id).password_hash = STORED
    fail(timed, "ann", HERE, identity.ACCOUNT_FAILURES - 1)
    with timed.database.write() as session:
        candidate = identity.Candidate(user_id, STORED)
        accounts.sign_in(session, candidate, accounts.Browser(HERE, "test"), login="ann")
    fail(timed, "ann", HERE)
    assert not throttled(timed, "ann", HERE)


# --------------------------------------------------------------------------------------- sessions


@pytest.mark.db
@ON_SQLITE
def test_a_session_ends_when_idle_and_at_its_absolute_end(timed: World, clock: Clock) -> None:
    timed.user("ann")
    settings = timed.database.settings
    idle, used = timed.cookie("ann"), timed.cookie("ann")

    def works(token: str) -> bool:
        with timed.database.read() as session:
            found = identity.actor_of_session(session, token)
        if found is None:
            return False
        if found[1]:
            with timed.database.write() as session:
                identity.note_use(session, found[0])
        return True

    passed = 0
    step = settings.session_idle_seconds - 1
    while passed + step < settings.session_absolute_seconds:
        clock.forward(seconds=step)
        passed += step
        assert works(used)
    assert not works(idle)
    clock.forward(seconds=settings.session_absolute_seconds - passed)
    assert not works(used)


@pytest.mark.db
@ON_SQLITE
def test_the_use_of_a_session_is_noted_every_few_minutes_only(timed: World, clock: Clock) -> None:
    timed.user("ann")
    token = timed.cookie("ann")
    noted = []
    for _ in range(3):
        clock.forward(seconds=90)
        with timed.database.read() as session:
            found = identity.actor_of_session(session, token)
        assert found is not None
        noted.append(found[1])
    assert noted == [False, True, True]


@pytest.mark.db
def test_a_session_is_stored_as_a_hash_and_replaces_the_one_the_browser_had(
    database: Database,
) -> None:
    world = World(database)
    user_id = world.user("ann")
    planted = world.cookie("ann")
    with database.write() as session:
        session.get_one(UserAccount, user_id).password_hash = STORED
        token = accounts.sign_in(
            session,
            identity.Candidate(user_id, STORED),
            accounts.Browser(HERE, "A browser", planted),
            login="ann",
            new_hash="stronger",
        )
    with database.read() as session:
        assert identity.actor_of_session(session, planted) is None
        found = identity.actor_of_session(session, token)
        assert found is not None
        assert found[0].user_id == user_id
        rows = session.scalars(sa.select(LoginSession)).all()
        assert not any(token in str(vars(row)) for row in rows)
        assert session.get_one(UserAccount, user_id).password_hash == "stronger"


@pytest.mark.db
@ON_SQLITE
def test_a_candidate_that_changed_since_it_was_verified_gets_no_session(timed: World) -> None:
    user_id = timed.user("ann")
    verified = identity.Candidate(user_id, STORED)
    for changed in ({"password_hash": "new"}, {"deactivated_at": timed.now()}):
        with timed.database.write() as session:
            values = {"password_hash": STORED, "deactivated_at": None, **changed}
            session.execute(sa.update(UserAccount).values(values))
        with timed.database.write() as session, pytest.raises(BadCredentials):
            accounts.sign_in(session, verified, accounts.Browser(HERE, ""), login="ann")
    with timed.database.read() as session:
        assert session.scalars(sa.select(LoginSession)).all() == []


@pytest.mark.db
@ON_SQLITE
def test_unknown_closed_invited_and_system_accounts_look_the_same(timed: World) -> None:
    timed.user("invited")
    closed = timed.user("closed")
    with timed.database.write() as session:
        session.get_one(UserAccount, closed).deactivated_at = timed.now()
        identity.system_actor(session)
    words = set()
    for login in ("nobody", "closed", "invited", "system", "", "a\u0130b"):
        with timed.database.read() as session:
            candidate = identity.find_candidate(session, login, HERE)
        assert not passwords.verify_password(candidate.password_hash, "whatever it is")
        with pytest.raises(BadCredentials) as refusal:
            identity.require_candidate(candidate, fits=False)
        words.add(str(refusal.value))
    assert len(words) == 1


# -------------------------------------------------------------------------------------- passwords


def test_a_password_is_hashed_with_argon2id_and_verified() -> None:
    stored = passwords.hash_password("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert passwords.verify_password(stored, "correct horse battery")
    assert not passwords.verify_password(stored, "correct horse batterY")
    assert not passwords.verify_password("no hash at all", "correct horse battery")
    assert not passwords.needs_rehash(stored)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse battery")
    assert passwords.verify_password(weak, "correct horse battery")
    assert passwords.needs_rehash(weak)


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201])
def test_a_password_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(BadInput):
        passwords.hash_password(password)


# ----------------------------------------------------------------------------------- the secret


def test_the_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    env = {"TOUCHSTONE_DATA_DIR": str(tmp_path / "data")}
    first = Settings.from_env(env).secret
    path = tmp_path / "data" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first) >= 32
    assert Settings.from_env(env).secret == first
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        Settings.from_env(env)


@pytest.mark.parametrize("secret", ["", "secret", "changeme" * 3, "x" * 31])
def test_a_weak_secret_is_refused(tmp_path: Path, secret: str) -> None:
    env = {"TOUCHSTONE_DATA_DIR": str(tmp_path), "TOUCHSTONE_SECRET": secret}
    with pytest.raises(SettingsError, match="TOUCHSTONE_SECRET"):
        Settings.from_env(env)


def test_the_secret_shows_in_no_printed_settings(tmp_path: Path) -> None:
    settings = Settings.from_env({"TOUCHSTONE_DATA_DIR": str(tmp_path)})
    assert settings.secret.decode() not in repr(settings)
