"""The pages of an administrator: people, one person, teams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from markupsafe import escape

from annotate.db import new_id
from annotate.models import AuditEvent, UserAccount
from annotate.services import identity
from tests.support.databases import ON_SQLITE
from tests.test_web.signing_in import PASSWORD, Visitor

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.builders import World


pytestmark = [pytest.mark.db, ON_SQLITE]


@pytest.fixture
def root(app: Flask, world: World) -> Visitor:
    """The administrator, signed in."""
    world.grant("root", "administrator")
    with world.database.write() as session:
        session.get_one(UserAccount, world.users["root"]).password_hash = "a stored hash"
    return Visitor(app).carrying(world.cookie("root"))


def errors(text: str) -> int:
    return text.partition("<dialog")[0].count('class="error"')


def test_a_person_is_invited_comes_in_and_gets_another_role(
    app: Flask, world: World, root: Visitor
) -> None:
    world.project("demo")
    assert "Nobody registers here" in root.get("/people").text
    page = root.post("/people", login="ann", display_name="Ann Lee", role="annotator").text
    found = re.search(r"http://[^/]+(/link/[\w-]{40,})", page)
    assert found is not None
    assert "has no password yet" in page
    ann = Visitor(app)
    fields = {"new_password": PASSWORD, "repeated": PASSWORD}
    assert ann.client.post(found[1], data=fields).status_code == 302
    with world.database.read() as session:
        user_id = session.scalars(sa.select(UserAccount.id).where(UserAccount.login == "ann")).one()
    person = root.get(f"/people/{user_id}").text
    assert found[1] not in person, "the link is shown once"
    assert "Ann Lee" in person
    granted = root.post(f"/people/{user_id}/roles", role="adjudicator")
    assert granted.headers["Location"].endswith("?done=granted")
    again = root.post(f"/people/{user_id}/roles", role="adjudicator")
    assert again.status_code == 409
    assert "has that role there already" in again.text
    page = root.get(f"/people/{user_id}").text
    revokes = re.findall(rf"/people/{user_id}/roles/[0-9a-f-]+/revoke", page)
    assert len(revokes) == 2
    assert root.post(revokes[0]).status_code == 302
    assert ann.get("/people").status_code == 403


def test_mistakes_in_an_invitation_stand_beside_their_fields(root: Visitor, world: World) -> None:
    refused = root.post("/people", login="no spaces", display_name="Ann", role="annotator")
    assert refused.status_code == 422
    assert errors(refused.text) == 1
    assert 'value="no spaces"' in refused.text
    taken = root.post("/people", login="root", display_name="Second")
    assert taken.status_code == 409
    assert "is taken" in taken.text
    wrong = root.post(
        "/people", login="ann", display_name="Ann", role="annotator", project_id=new_id()
    )
    assert (wrong.status_code, errors(wrong.text)) == (422, 1)
    with world.database.read() as session:
        assert session.scalar(sa.select(sa.func.count(UserAccount.id))) == 1


def test_a_person_is_deactivated_and_comes_back(app: Flask, world: World, root: Visitor) -> None:
    user_id = world.grant("ann", "annotator")
    ann = Visitor(app).carrying(world.cookie("ann"))
    assert ann.get("/account").status_code == 200
    assert root.post(f"/people/{user_id}/deactivate").status_code == 302
    assert ann.get("/account").status_code == 302
    assert "Reactivate" in root.get(f"/people/{user_id}?done=deactivated").text
    assert root.post(f"/people/{user_id}/deactivate").status_code == 409
    assert root.post(f"/people/{user_id}/reset").status_code == 409
    assert root.post(f"/people/{user_id}/reactivate").status_code == 302
    assert root.post(f"/people/{user_id}/reactivate").status_code == 409
    assert "/link/" in root.post(f"/people/{user_id}/reset").text
    with world.database.read() as session:
        kinds = set(session.scalars(sa.select(AuditEvent.kind)))
    assert {"person.deactivated", "person.reactivated", "link.issued"} <= kinds


def test_the_last_administrator_is_told_why_not(world: World, root: Visitor) -> None:
    user_id = world.users["root"]
    page = root.get(f"/people/{user_id}").text
    found = re.search(rf"/people/{user_id}/roles/[0-9a-f-]+/revoke", page)
    assert found is not None
    for path in (found[0], f"/people/{user_id}/deactivate"):
        response = root.post(path)
        assert response.status_code == 409
        assert "last administrator" in response.text
    assert root.get("/people").status_code == 200


def test_administrators_of_one_project_are_no_administrators_of_people(
    app: Flask, world: World
) -> None:
    project_id = world.project("demo")
    user_id = world.grant("local", "administrator", project_id)
    local = Visitor(app).carrying(world.cookie("local"))
    for path in ("/people", "/teams", f"/people/{user_id}"):
        assert local.get(path).status_code == 403, path
    for path in ("/people", "/teams", f"/people/{user_id}/roles"):
        fields = {"login": "eve", "display_name": "Eve", "name": "Eve", "role": "administrator"}
        assert local.post(path, **fields).status_code == 403, path
    assert identity_roles(world, user_id) == ["administrator"]


def identity_roles(world: World, user_id: str) -> list[str]:
    with world.database.read() as session:
        return [grant.role for grant in identity.grants_of(session, user_id)]


def test_people_forms_need_the_token_of_the_session(world: World, root: Visitor) -> None:
    user_id = world.grant("ann", "annotator")
    for path in (
        "/people",
        "/teams",
        f"/people/{user_id}/roles",
        f"/people/{user_id}/reset",
        f"/people/{user_id}/deactivate",
        f"/people/{user_id}/reactivate",
    ):
        for fields in ({}, {"csrf_token": "x"}):
            assert root.client.post(path, data=fields).status_code == 403, path


def test_people_are_found_and_turned_over_in_pages(world: World, root: Visitor) -> None:
    for number in range(51):
        world.user(f"p-{number:02}")
    first = root.get("/people").text
    older = re.search(r'href="(/people\?before=[^"]+)" rel="next"', first)
    assert older is not None
    second = root.get(older[1]).text
    assert "root" in second
    assert 'rel="prev"' in second
    assert "P-07" in root.get("/people?q=p-07").text
    assert "Nobody fits" in root.get("/people?q=%25%25").text
    assert root.get("/people?q=%00").status_code == 200
    assert root.get("/people?before=x").status_code == 404


def test_teams_are_made_and_named_once(root: Visitor) -> None:
    assert "No team yet" in root.get("/teams").text
    assert root.post("/teams", name="Vendor A", kind="vendor").status_code == 302
    assert "Vendor A" in root.get("/teams?done=team").text
    assert root.post("/teams", name="Vendor A", kind="vendor").status_code == 409
    refused = root.post("/teams", name="", kind="club")
    assert refused.status_code == 422


@pytest.mark.parametrize("name", ["<script>window.pwn=1</script>", "'\"><img src=x onerror=1>"])
def test_a_hostile_name_is_shown_and_does_nothing(root: Visitor, name: str) -> None:
    response = root.post("/people", login="ann", display_name=name)
    assert response.status_code == 200
    assert name not in response.text
    assert str(escape(name)) in response.text


def test_a_name_that_turns_the_line_around_is_refused(root: Visitor) -> None:
    response = root.post("/people", login="ann", display_name="\u202enna")
    assert (response.status_code, errors(response.text)) == (422, 1)
