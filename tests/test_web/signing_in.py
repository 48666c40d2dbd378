"""A browser without a browser: cookies, forms and their hidden token."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from annotate.models import UserAccount
from annotate.services import passwords

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.support.builders import World

PASSWORD = "correct horse battery"
CSRF = re.compile(r'name="csrf_token" value="([^"]*)"')


@cache
def hashed() -> str:
    """Return the hash of PASSWORD, made once for all tests: making one takes a while."""
    return passwords.hash_password(PASSWORD)


def with_password(world: World, *logins: str) -> None:
    """Give people the password PASSWORD."""
    for login in logins:
        user_id = world.user(login)
        with world.database.write() as session:
            session.execute(
                sa.update(UserAccount)
                .where(UserAccount.id == user_id)
                .values(password_hash=hashed())
            )


class Visitor:
    """A person's browser."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def carrying(self, cookie: str) -> Self:
        """Return the browser with an open session in it."""
        self.client.set_cookie("touchstone", cookie)
        return self

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, buffered=True)

    def sign_in(self, login: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        return self.client.post("/login", data={"login": login, "password": password, **fields})

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form as the account page carries it."""
        found = CSRF.search(self.get("/account").text)
        assert found is not None, "nobody is signed in"
        return self.client.post(path, data={"csrf_token": found[1], **fields})

    @property
    def cookie(self) -> str:
        found = self.client.get_cookie("touchstone")
        return "" if found is None else found.value
