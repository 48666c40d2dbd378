"""Refusals with figures in them are read in one's own language; programs read English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import UserAccount
from tests.test_web.project_support import Site
from tests.test_web.seeded import seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "01a2003d-f18d-77e9-bd41-d8a977a7d7bd"


@pytest.fixture
def arabic(tmp_path: Path) -> Iterator[Site]:
    """A site of nobody but an administrator so far."""
    yield from Site.opened(tmp_path)


def all_read_arabic(site: Site) -> None:
    with site.database.write() as session:
        session.execute(sa.update(UserAccount).values(language="ar"))


def words(text: str) -> str:
    """Return a text without the signs that keep its directions apart."""
    return re.sub("[\u200e\u200f\u2066-\u2069]", "", text)


def test_the_account_page_refuses_in_arabic(arabic: Site) -> None:
    all_read_arabic(arabic)
    browser = arabic.browser()
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/account").text)
    assert found is not None
    token = {"csrf_token": found[1], "name": "one", "scopes": "read", "days": "9999"}
    page = words(browser.post("/account/tokens", data=token).text)
    assert "لكل رمز نهاية: من 1 إلى 366 يومًا." in page
    assert "Every token ends" not in page


def test_a_submission_is_refused_in_arabic_and_to_programs_in_english(arabic: Site) -> None:
    std = arabic.standard()
    all_read_arabic(arabic)
    login = std.annotators[0]
    browser = arabic.browser(login)

    def call(path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Sec-Fetch-Site": "same-origin"}
        return browser.post(f"/api/v1{path}", json=body, headers=headers).get_json()

    place = call(f"/rounds/{std.round_id}/claim")["assignment"]
    path = f"/assignments/{place['id']}/submit"
    body = {"fence": place["fence"], "annotation_id": KEY, "answers": {}}
    told = call(path, body)["error"]
    said = arabic.api("POST", path, body, login=login, scopes="label").get_json()["error"]
    assert "السؤال 'severity': يحتاج إلى إجابة" in words(told["message"])
    assert "question 'severity' needs an answer" in said["message"]
    assert [one["message"] for one in told["problems"]] == told["message"].split("; ")
    assert [one["message"] for one in said["problems"]] == said["message"].split("; ")


def test_a_case_refuses_in_arabic(arabic: Site) -> None:
    made = seed(arabic.world)
    all_read_arabic(arabic)
    path = f"/p/demo/cases/{made.open_case}"
    arabic.post(f"{path}/take", "adjudicator")
    page = words(arabic.post(f"{path}/answer", "adjudicator").text)
    assert "أجب عن هذا أولًا" in page
    assert "Answer this first" not in page
