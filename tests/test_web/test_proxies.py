"""Behind a proxy the throttle counts the callers' addresses, and only if the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.app import create_app
from annotate.config import SettingsError
from annotate.db import Database
from annotate.models import LoginThrottle
from tests.support.databases import migrated_database, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORWARDED = "203.0.113.9, 192.0.2.7"
"""What the caller claims first, then what the proxy saw."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with migrated_database("sqlite", tmp_path) as address:
        yield address


@pytest.mark.parametrize(
    ("proxies", "counted"), [("0", "127.0.0.1"), ("1", "192.0.2.7"), ("2", "203.0.113.9")]
)
def test_a_failed_login_counts_for_the_address_that_is_believed(
    url: str, tmp_path: Path, proxies: str, counted: str
) -> None:
    settings = settings_for(url, tmp_path, trusted_proxies=proxies)
    database = Database(settings)
    try:
        answer = (
            create_app(settings, database)
            .test_client()
            .post(
                "/login",
                data={"login": "ann", "password": "a wrong password"},
                headers={"X-Forwarded-For": FORWARDED, "X-Forwarded-Host": "evil.example"},
            )
        )
        assert answer.status_code == 401
        with database.read() as session:
            buckets = set(session.scalars(sa.select(LoginThrottle.bucket)))
    finally:
        database.dispose()
    assert f"address:{counted}" in buckets
    assert len([one for one in buckets if one.startswith("address:")]) == 1


@pytest.mark.parametrize("wrong", ["yes", "-1", "10", "1.5"])
def test_a_number_of_proxies_that_cannot_be_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError, match="TOUCHSTONE_TRUSTED_PROXIES"):
        settings_for("sqlite:///none.db", tmp_path, trusted_proxies=wrong)
