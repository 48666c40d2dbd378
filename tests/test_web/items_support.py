"""A client that is signed in, on an application without a worker of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.support.apps import application_on
from tests.support.builders import World

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from annotate.config import Settings
    from annotate.db import Database

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Site:
    """The application, its world and clients of it."""

    database: Database
    world: World
    app: Any

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Site:
        app = application_on(replace(settings, inline_jobs=False), database)
        return cls(database, World(database), app)

    def staffed(self) -> str:
        """Make a project with a designer, a manager and an auditor, and return its id."""
        project_id = self.world.project()
        for role in ("designer", "manager", "auditor"):
            self.world.grant(role, role, project_id)
        return project_id

    def as_person(self, login: str) -> FlaskClient:
        """A browser in which the person is signed in."""
        client = self.app.test_client()
        client.set_cookie("touchstone", self.world.cookie(login), domain="localhost")
        return client

    def as_program(self, login: str, scopes: str) -> dict[str, str]:
        """Headers of a program with a token of the person."""
        return {"Authorization": f"Bearer {self.world.token(login, scopes)}"}


def text_of(answer: TestResponse) -> str:
    """The page's text."""
    return answer.get_data(as_text=True)
