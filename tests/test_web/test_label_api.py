"""What the labelling page asks the API for: places ahead, their state, and as whom."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from annotate.app import create_app
from annotate.web.guard import ACCOUNT_HEADER
from tests.support.databases import ON_SQLITE

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.support.builders import Standard, World


pytestmark = [pytest.mark.db, ON_SQLITE]


class Caller:
    """A browser with somebody's session."""

    def __init__(self, client: FlaskClient, cookie: str) -> None:
        self.client = client
        self.cookie = cookie

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        self.client.set_cookie("touchstone", self.cookie)
        return self.client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers={
                "Sec-Fetch-Site": "same-origin",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )


@pytest.fixture
def std(world: World) -> Standard:
    return world.standard(items=6)


@pytest.fixture
def ann(world: World, std: Standard) -> Caller:
    app = create_app(world.database.settings, world.database)
    return Caller(app.test_client(), world.cookie(std.annotators[0]))


def test_places_ahead_are_claimed_looked_after_and_given_back(ann: Caller, std: Standard) -> None:
    claim = f"/rounds/{std.round_id}/claim"
    first = ann.send("POST", claim).json["assignment"]
    ahead = ann.send("POST", claim, {"prefetch": 2, "have": [first["id"]]}).json
    assert ahead["assignment"] is None
    names = [place["item"]["external_id"] for place in ahead["prefetched"]]
    assert names == ["item-0001", "item-0002"]
    ids = [first["id"], *(place["id"] for place in ahead["prefetched"])]
    state = f"/assignments/state?ids={','.join(ids)}"
    assert [one["state"] for one in ann.send("GET", state).json["assignments"]] == ["leased"] * 3
    fences = {place["id"]: place["fence"] for place in ahead["prefetched"]}
    released = ann.send("POST", f"/rounds/{std.round_id}/release", {"places": fences})
    assert released.json == {"released": 2}
    left = ann.send("GET", state).json["assignments"]
    assert [one["id"] for one in left] == [first["id"]]


def test_what_does_not_fit_is_refused(ann: Caller, std: Standard) -> None:
    claim = f"/rounds/{std.round_id}/claim"
    for body in ({"prefetch": 3}, {"prefetch": -1}, {"have": ["x"]}, {"have": "x"}, {"more": 1}):
        assert ann.send("POST", claim, body).status_code == 422
    assert ann.send("GET", "/assignments/state?ids=1").status_code == 422
    assert ann.send("GET", "/assignments/state").json == {"assignments": []}
    many = ",".join(["01a2003d-f18d-77e9-bd41-d8a977a7d7bd"] * 51)
    assert ann.send("GET", f"/assignments/state?ids={many}").status_code == 422


def test_a_page_of_somebody_else_learns_and_stores_nothing(
    ann: Caller, world: World, std: Standard
) -> None:
    claim = f"/rounds/{std.round_id}/claim"
    me = world.users[std.annotators[0]]
    mine = ann.send("POST", claim, {}, **{ACCOUNT_HEADER: me})
    assert mine.status_code == 200
    place = mine.json["assignment"]
    other = world.users[std.annotators[1]]
    for method, path, body in (
        ("POST", claim, {}),
        ("GET", f"/assignments/{place['id']}", None),
        ("GET", f"/assignments/state?ids={place['id']}", None),
        ("POST", f"/assignments/{place['id']}/heartbeat", {"fence": place["fence"]}),
    ):
        refused = ann.send(method, path, body, **{ACCOUNT_HEADER: other})
        assert refused.status_code == 401
        assert refused.json["error"]["code"] == "other_account"


def test_a_rubric_is_sent_compressed(ann: Caller, std: Standard) -> None:
    path = f"/rubric-versions/{std.version_id}"
    plain = ann.send("GET", path)
    small = ann.send("GET", path, Accept_Encoding="gzip")
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert "Accept-Encoding" in small.headers["Vary"]
    again = ann.send("GET", path, Accept_Encoding="gzip", If_None_Match=small.headers["ETag"])
    assert again.status_code == 304
