"""Fixtures of the whole suite: databases, settings, servers, a browser."""

from __future__ import annotations

import gc
import ipaddress
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import coverage
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.support.run_folder import VARIABLE, LeadingRun

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from playwright.sync_api import Browser, BrowserContext, Page

    from annotate.config import Settings
    from annotate.db import Database
    from tests.support.builders import World
    from tests.support.server import Server

# The gate draws the same examples every time; `HYPOTHESIS_PROFILE=explore` looks for new ones.
hypothesis_settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

_leading: list[LeadingRun] = []
_LONG = {
    name: place
    for place, name in enumerate(
        (
            "test_policy_matrix.py",
            "test_recorded_labels.py",
            "test_kills.py",
            "test_rubric_to_gold.py",
            "test_every_page.py",
            "test_hostile_content.py",
            "test_label_by_keys.py",
            "test_labelling_page.py",
            "test_label_page.py",
        )
    )
}
"""Files of minutes, the longest first."""
_NOT_COUNTED = frozenset(
    {
        "test_agreement_difficulty.py",
        "test_agreement_intervals.py",
        "test_agreement_models.py",
        "test_agreement_oracles.py",
        "test_agreement_pages.py",
        "test_agreement_properties.py",
        "test_agreement_reference.py",
        "test_bad_input.py",
        "test_blinding.py",
        "test_browser_storage.py",
        "test_case_keys.py",
        "test_every_page.py",
        "test_exposure_traces.py",
        "test_gold.py",
        "test_gold_set.py",
        "test_imports.py",
        "test_item_content.py",
        "test_item_pages.py",
        "test_keymap.py",
        "test_label_api.py",
        "test_label_conditions.py",
        "test_labelling_page.py",
        "test_policy_matrix.py",
        "test_project_walk.py",
        "test_proxies.py",
        "test_recorded_labels.py",
        "test_release_pages.py",
        "test_routing.py",
        "test_scope_and_plans.py",
        "test_texts.py",
    }
)
"""Files that reach hardly a line of ours alone, by `pytest --cov --cov-context=test`.

They run all the same, but uncounted, as does a test on PostgreSQL that runs on SQLite, too. What
they alone reach counts as not reached.
"""
_COUNTED_ELSEWHERE = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(_stay_on_this_machine)
    if not hasattr(config, "workerinput") and VARIABLE not in os.environ:
        _leading.append(LeadingRun())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that no worker ends with them alone.

    The order within a file stays. Files with many tests are handed out first otherwise.
    """
    items.sort(key=lambda item: _LONG.get(item.path.name, len(_LONG)))
    _note_what_is_counted_elsewhere(items)


def _note_what_is_counted_elsewhere(items: list[pytest.Item]) -> None:
    chosen = {item.nodeid for item in items}
    for item in items:
        twin = item.nodeid.replace("[postgresql", "[sqlite")
        has_twin = twin != item.nodeid and twin in chosen
        item.stash[_COUNTED_ELSEWHERE] = has_twin or item.path.name in _NOT_COUNTED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines of tests whose lines others count, fixtures included.

    Python 3.11 runs at half its speed while lines are counted, in every library.
    """
    counting = coverage.Coverage.current() if item.stash[_COUNTED_ELSEWHERE] else None
    if counting is None:
        return (yield)
    counting.stop()
    try:
        return (yield)
    finally:
        counting.start()


def pytest_collection_finish() -> None:
    """Keep what was loaded out of the garbage collector's way: it stays to the end."""
    gc.freeze()


def pytest_unconfigure() -> None:
    while _leading:
        _leading.pop().end()


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse any connection of a test to another machine."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if not isinstance(address, tuple) or address[0] in {"localhost", ""}:
        return
    try:
        loopback = ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise RuntimeError(f"a test tried to reach another machine: {address[0]}")


# ------------------------------------------------------------------------------------- databases


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.db),
        pytest.param("postgresql", marks=pytest.mark.db),
    ]
)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each database that Touchstone runs on."""
    return request.param


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated database of this test's own."""
    from tests.support.databases import migrated_database

    with migrated_database(database_kind, tmp_path) as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings for this test's own database and folder."""
    from tests.support.databases import settings_for

    return settings_for(database_url, tmp_path)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """This test's own database, open."""
    from annotate.db import Database

    opened = Database(settings)
    yield opened
    opened.dispose()


@pytest.fixture
def world(database: Database) -> World:
    """A builder of people, projects and work on it."""
    from tests.support.builders import World

    return World(database)


@pytest.fixture
def app(settings: Settings, database: Database) -> Flask:
    """The application on this test's own database."""
    from tests.support.apps import application_on

    return application_on(settings, database)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller of that application, without a network."""
    return app.test_client()


# --------------------------------------------------------------------------------------- servers


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers: ``start_server(environment, command=…)``; all end with the test."""
    from tests.support.server import Server

    with ExitStack() as servers:

        def start(settings: Mapping[str, str], **options: Any) -> Server:
            return servers.enter_context(Server(settings, tmp_path, **options))

        yield start


@pytest.fixture
def server(start_server: Callable[..., Server], database_url: str, tmp_path: Path) -> Server:
    """A served Touchstone on this test's own database."""
    from tests.support.databases import environment_for

    return start_server(environment_for(database_url, tmp_path))


# --------------------------------------------------------------------------------------- browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, one for each process of the run."""
    from playwright.sync_api import sync_playwright

    from tests.support.browser import launch, use_locked_node

    use_locked_node()
    with sync_playwright() as playwright:
        opened = launch(playwright.chromium)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of this test's own; it may not leave this machine nor throw."""
    from tests.support.browser import Watch

    opened = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    opened.set_default_timeout(20_000)
    watch = Watch(opened)
    yield opened
    opened.close()
    watch.check()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One page in it."""
    return context.new_page()
