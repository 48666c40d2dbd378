"""Signing in and out, one-time links, and the page of one's own account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from annotate.db import Database
from annotate.models import ApiToken, LoginSession, UserAccount
from annotate.services import identity, links, people
from annotate.web import forms
from tests.support.apps import application_on
from tests.support.builders import World
from tests.support.databases import ON_SQLITE, settings_for
from tests.test_web.signing_in import PASSWORD, Visitor, hashed, with_password

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

pytestmark = pytest.mark.db


@pytest.fixture
def ann(app: Flask, world: World) -> Visitor:
    """Ann, signed in."""
    with_password(world, "ann")
    world.grant("ann", "annotator")
    return Visitor(app).carrying(world.cookie("ann"))


# ------------------------------------------------------------------------------------- in and out


def test_a_person_signs_in_sees_the_account_and_signs_out(app: Flask, world: World) -> None:
    with_password(world, "ann")
    visitor = Visitor(app)
    assert visitor.get("/account").headers["Location"] == "/login?next=/account"
    response = visitor.sign_in(" ANN ", next="/account")
    assert response.headers["Location"] == "/account"
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("touchstone=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Expires" not in cookie
    assert visitor.get("/account").status_code == 200
    assert visitor.get("/login").headers["Location"] == "/"
    old = visitor.cookie
    response = visitor.post("/logout")
    assert response.headers["Location"].startswith("/login")
    assert visitor.cookie == ""
    visitor.client.set_cookie("touchstone", old)
    assert visitor.get("/account").status_code == 302, "a copied cookie works after logout"


@ON_SQLITE
def test_behind_tls_the_cookie_is_bound_to_it(database_url: str, tmp_path: Path) -> None:
    secure = settings_for(database_url, tmp_path, public_url="https://labels.example.org")
    database = Database(secure)
    with_password(World(database), "ann")
    response = Visitor(application_on(secure, database)).sign_in("ann")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-touchstone=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert response.headers["Strict-Transport-Security"].startswith("max-age=")
    database.dispose()


@ON_SQLITE
def test_unknown_wrong_closed_and_invited_get_one_answer(app: Flask, world: World) -> None:
    with_password(world, "ann", "gone")
    world.user("invited")
    with world.database.write() as session:
        session.get_one(UserAccount, world.users["gone"]).deactivated_at = world.now()
        identity.system_actor(session)
    told = set()
    for login in ("ann", "nobody", "gone", "invited", "system"):
        response = Visitor(app).sign_in(login, "a wrong password")
        assert "Set-Cookie" not in response.headers
        told.add((response.status_code, response.text.replace(f'value="{login}"', "")))
    assert len(told) == 1
    assert next(iter(told))[0] == 401
    assert Visitor(app).sign_in("gone").status_code == 401


@ON_SQLITE
def test_after_ten_wrong_tries_even_the_right_password_waits(app: Flask, world: World) -> None:
    with_password(world, "ann")
    for _ in range(identity.ACCOUNT_FAILURES - 1):
        with world.database.write() as session:
            identity.login_failed(session, "ann", "127.0.0.1")
    assert Visitor(app).sign_in("ann", "a wrong password").status_code == 401
    response = Visitor(app).sign_in("ann")
    assert response.status_code == 429
    assert "Try again in" in response.text
    elsewhere = app.test_client().post(
        "/login",
        data={"login": "ann", "password": PASSWORD},
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )
    assert elsewhere.status_code == 302, "the owner is not locked out from elsewhere"


@ON_SQLITE
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "https:evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/x@evil.example",
        "javascript:alert(1)",
        "/logout",
        "/login",
        "/healthz",
        "/nowhere",
        "/api/v1/projects",
        "/static/000/css/base.css",
        "",
        "account",
        "/acc\u00f6unt",
        "\x00/account",
    ],
)
def test_nobody_is_sent_elsewhere_by_a_login(app: Flask, target: str) -> None:
    with app.test_request_context("/login"):
        assert forms.own_path(target) == "/"


@ON_SQLITE
def test_one_is_sent_on_to_a_page_of_ours(app: Flask, world: World) -> None:
    with_password(world, "ann")
    for target in ("/account", "/account?done=token", "/people?q=a%20b"):
        with app.test_request_context("/login"):
            assert forms.own_path(target) == target
    visitor = Visitor(app)
    assert visitor.sign_in("ann", next=target).headers["Location"] == target
    assert visitor.client.get("/login", query_string={"next": target}).location == target
    assert Visitor(app).sign_in("ann", next="//evil.example").headers["Location"] == "/"


def test_a_session_is_new_with_every_sign_in(app: Flask, world: World) -> None:
    with_password(world, "ann")
    visitor = Visitor(app)
    visitor.client.set_cookie("touchstone", "planted-by-somebody-else")
    visitor.sign_in("ann")
    first = visitor.cookie
    assert first != "planted-by-somebody-else"
    visitor.sign_in("ann")
    assert visitor.cookie != first
    with world.database.read() as session:
        assert identity.actor_of_session(session, first) is None
        assert identity.actor_of_session(session, visitor.cookie) is not None


@ON_SQLITE
def test_a_weak_hash_is_replaced_at_sign_in(app: Flask, world: World) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    user_id = world.user("ann")
    with world.database.write() as session:
        session.get_one(UserAccount, user_id).password_hash = weak
    assert Visitor(app).sign_in("ann").status_code == 302
    with world.database.read() as session:
        stored = session.get_one(UserAccount, user_id).password_hash
    assert stored is not None
    assert "m=65536" in stored
    assert Visitor(app).sign_in("ann").status_code == 302


@ON_SQLITE
@pytest.mark.parametrize("fields", [{}, {"login": ""}, {"login": "a\x00"}, {"login": "x" * 201}])
def test_a_broken_login_form_is_told_so(app: Flask, fields: dict[str, str]) -> None:
    response = app.test_client().post("/login", data=fields)
    assert response.status_code == 422
    assert "not signed in" in response.text


# --------------------------------------------------------------------------- cross-site requests


@ON_SQLITE
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost:81"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, True),
        ({}, False),
    ],
)
def test_forms_of_other_sites_are_refused(
    ann: Visitor, headers: dict[str, str], *, refused: bool
) -> None:
    found = re.search(r'csrf_token" value="([^"]+)"', ann.get("/account").text)
    assert found is not None
    for path in ("/login", "/link/x", "/account/sessions/end-others", "/logout"):
        response = ann.client.post(path, data={"csrf_token": found[1]}, headers=headers)
        assert (response.status_code == 403) is refused, path


@ON_SQLITE
@pytest.mark.parametrize("token", [None, "", "x", "of another session"])
def test_account_forms_need_the_token_of_their_own_session(
    app: Flask, ann: Visitor, world: World, token: str | None
) -> None:
    if token == "of another session":
        other = Visitor(app).carrying(world.cookie("ann"))
        found = re.search(r'csrf_token" value="([^"]+)"', other.get("/account").text)
        assert found is not None
        token = found[1]
    fields = {} if token is None else {"csrf_token": token}
    for path in (
        "/logout",
        "/account/password",
        "/account/settings",
        "/account/tokens",
        "/account/sessions/end-others",
    ):
        assert ann.client.post(path, data=fields).status_code == 403, path
    assert ann.get("/account").status_code == 200


# ------------------------------------------------------------------------------------------- links


def address_path(issued: links.Issued) -> str:
    return "/link/" + issued.address.rsplit("/", 1)[1]


def test_the_first_administrator_comes_in_by_the_link(app: Flask, world: World) -> None:
    with world.database.write() as session:
        path = address_path(people.init(session, identity.system_actor(session)))
    visitor = Visitor(app)
    assert "The first administrator" in visitor.get(path).text
    fields = {"login": "Root", "display_name": "Root", "new_password": PASSWORD}
    response = visitor.client.post(path, data={**fields, "repeated": "something else"})
    assert response.status_code == 422
    assert "differs from the password" in response.text
    assert 'value="Root"' in response.text
    assert PASSWORD not in response.text
    response = visitor.client.post(path, data={**fields, "repeated": PASSWORD})
    assert response.headers["Location"] == "/"
    assert visitor.get("/people").status_code == 200
    gone = visitor.client.post(path, data={**fields, "repeated": PASSWORD})
    assert gone.status_code == 404
    assert Visitor(app).sign_in("root").status_code == 302


@ON_SQLITE
def test_used_over_and_invented_links_look_the_same(app: Flask, world: World) -> None:
    world.grant("root", "administrator")
    with world.database.write() as session:
        issued = people.invite(session, world.actor("root"), login="ann", display_name="Ann")
        links.use(session, address_path(issued).rsplit("/", 1)[1], links.Chosen(hashed()))
    told = {
        (response.status_code, response.data)
        for path in (address_path(issued), "/link/never-made", "/link/%00")
        for response in (app.test_client().get(path), app.test_client().post(path))
    }
    assert len(told) == 1
    assert next(iter(told))[0] == 404


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"new_password": "short", "repeated": "short"}, "10 characters or more"),
        ({"new_password": PASSWORD}, "differs from the password"),
        ({}, "10 characters or more"),
    ],
)
def test_a_password_that_does_not_do_leaves_the_link_working(
    app: Flask, world: World, fields: dict[str, str], words: str
) -> None:
    world.grant("root", "administrator")
    with world.database.write() as session:
        issued = people.invite(session, world.actor("root"), login="ann", display_name="Ann")
    path = address_path(issued)
    response = app.test_client().post(path, data=fields)
    assert response.status_code == 422
    assert words in response.text
    assert 'aria-invalid="true"' in response.text
    done = app.test_client().post(path, data={"new_password": PASSWORD, "repeated": PASSWORD})
    assert done.status_code == 302


# -------------------------------------------------------------------------------------- own account


@ON_SQLITE
def test_settings_are_kept_and_mistakes_stand_beside_their_fields(
    ann: Visitor, world: World
) -> None:
    good = {"display_name": "Ann L", "language": "en", "time_zone": "Asia/Tokyo"}
    response = ann.post("/account/settings", **good, theme="dark", reading_size="large")
    assert response.headers["Location"] == "/account?done=settings"
    page = ann.get("/account?done=settings").text
    assert "Your settings were saved." in page
    assert 'value="Asia/Tokyo"' in page
    assert 'data-theme="dark"' in page
    refused = ann.post("/account/settings", **{**good, "time_zone": "Mars/Base", "theme": "dark"})
    assert refused.status_code == 422
    assert 'value="Mars/Base"' in refused.text
    assert refused.text.count('aria-invalid="true"') == 1
    with world.database.read() as session:
        assert session.get_one(UserAccount, world.users["ann"]).time_zone == "Asia/Tokyo"


def test_a_changed_password_ends_all_other_browsers(app: Flask, ann: Visitor, world: World) -> None:
    other = Visitor(app).carrying(world.cookie("ann"))
    fields = {"new_password": "a new password", "repeated": "a new password"}
    wrong = ann.post("/account/password", current_password="not this one", **fields)
    assert wrong.status_code == 401
    assert "present password does not fit" in wrong.text
    assert other.get("/account").status_code == 200
    done = ann.post("/account/password", current_password=PASSWORD, **fields)
    assert done.headers["Location"] == "/account?done=password"
    assert ann.get("/account").status_code == 200
    assert other.get("/account").status_code == 302
    assert Visitor(app).sign_in("ann").status_code == 401
    assert Visitor(app).sign_in("ann", "a new password").status_code == 302


@ON_SQLITE
def test_guessing_the_present_password_is_throttled(ann: Visitor, world: World) -> None:
    for _ in range(identity.ACCOUNT_FAILURES):
        with world.database.write() as session:
            identity.login_failed(session, "ann", "127.0.0.1")
    response = ann.post("/account/password", current_password=PASSWORD, new_password="x")
    assert response.status_code == 429


@ON_SQLITE
def test_one_ends_single_sessions_and_all_others(app: Flask, ann: Visitor, world: World) -> None:
    others = [Visitor(app).carrying(world.cookie("ann")) for _ in range(2)]
    with world.database.read() as session:
        ids = list(session.scalars(sa.select(LoginSession.id).order_by(LoginSession.created_at)))
    page = ann.get("/account").text
    assert page.count('/end"') == 2
    assert "this one" in page
    ann.post(f"/account/sessions/{ids[1]}/end")
    assert [other.get("/account").status_code for other in others] == [302, 200]
    assert ann.post("/account/sessions/end-others").status_code == 302
    assert others[1].get("/account").status_code == 302
    assert ann.get("/account").status_code == 200


@ON_SQLITE
def test_a_token_is_shown_once_works_and_ends(app: Flask, ann: Visitor, world: World) -> None:
    refused = ann.post("/account/tokens", name="", days="0", scopes="everything")
    assert refused.status_code == 422
    assert refused.text.partition("<dialog")[0].count('class="error"') == 3
    response = ann.post("/account/tokens", name="nightly", days="7", scopes="label")
    found = re.search(r"tst_[\w-]{40,}", response.text)
    assert response.status_code == 200
    assert found is not None
    assert found[0] not in ann.get("/account").text
    program = app.test_client()
    bearer = {"Authorization": f"Bearer {found[0]}"}
    assert program.get("/api/v1/me", headers=bearer).status_code == 200
    assert program.get("/account", headers=bearer).status_code == 403
    with world.database.read() as session:
        token_id = session.scalars(sa.select(ApiToken.id)).one()
    assert ann.post(f"/account/tokens/{token_id}/revoke").status_code == 302
    assert program.get("/api/v1/me", headers=bearer).status_code == 401


@ON_SQLITE
def test_what_people_type_is_shown_as_text(app: Flask, world: World) -> None:
    with_password(world, "ann")
    hostile = '"><script>window.pwn=1</script>{{7*7}}'
    response = Visitor(app).sign_in(hostile, "wrong password")
    assert "<script>window" not in response.text
    assert "{{7*7}}" in response.text
