"""People signed in, and programs with a token, on an application of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.db import Database
from tests.support.apps import application_on
from tests.support.builders import Standard, World
from tests.support.databases import migrated_database, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse


class Site:
    """The application on SQLite; the services behind it are tested on both databases."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.world = World(database)
        self.world.grant("root", "administrator")
        self.app = application_on(database.settings, database)
        self.version_id = ""

    @classmethod
    def opened(cls, folder: Path) -> Iterator[Site]:
        with migrated_database("sqlite", folder) as url:
            settings = settings_for(url, folder, inline_jobs="0")
            database = Database(settings)
            yield cls(database)
            database.dispose()

    def standard(self, **more: int) -> Standard:
        return self.world.standard(**more)

    def browser(self, login: str = "root") -> FlaskClient:
        client = self.app.test_client()
        client.set_cookie("touchstone", self.world.cookie(login), domain="localhost")
        return client

    def get(self, path: str, login: str = "root", status: int = 200) -> str:
        answer = self.browser(login).get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path: str, login: str = "root", **data: Any) -> TestResponse:
        return self.browser(login).post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        login: str = "root",
        scopes: str = "design",
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.world.token(login, scopes)}"}
        return self.app.test_client().open(
            f"/api/v1{path}", method=method, json=body, headers=headers
        )
