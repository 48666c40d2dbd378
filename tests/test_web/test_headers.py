"""Security headers of every kind of answer, the content policy as it is meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from annotate.web.assets import static_path
from tests.support.apps import application_on
from tests.support.builders import World
from tests.support.databases import ON_SQLITE
from tests.test_web.signing_in import Visitor

if TYPE_CHECKING:
    from annotate.db import Database

pytestmark = [pytest.mark.db, ON_SQLITE]

GOLDEN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; media-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'; report-uri /csp-report"
)
ALWAYS = {
    "Content-Security-Policy": GOLDEN,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@pytest.fixture
def visitor(database: Database) -> Visitor:
    world = World(database)
    world.grant("ann", "annotator")
    return Visitor(application_on(database.settings, database)).carrying(world.cookie("ann"))


def test_every_answer_carries_them(visitor: Visitor) -> None:
    answers = {
        "a page": visitor.get("/account"),
        "a public page": visitor.get("/login"),
        "a refusal": visitor.get("/people"),
        "nothing": visitor.get("/nowhere"),
        "data": visitor.get("/api/v1/me"),
        "a refused form": visitor.client.post("/login", data={}),
        "health": visitor.get("/healthz"),
        "a file": visitor.get(static_path("css/base.css")),
        "the wrong method": visitor.client.delete("/account"),
    }
    for kind, response in answers.items():
        for name, value in ALWAYS.items():
            assert response.headers.get(name) == value, (kind, name)
        assert "Strict-Transport-Security" not in response.headers, kind
        assert "Server" not in response.headers, kind
        if kind == "a file":
            assert "max-age=31536000" in response.headers["Cache-Control"]
        else:
            assert response.headers["Cache-Control"] == "no-store", kind


def test_an_answer_for_one_person_is_kept_for_nobody_else(visitor: Visitor) -> None:
    assert "Cookie" in visitor.get("/account").headers["Vary"]
    assert "Cookie" in visitor.get("/api/v1/me").headers["Vary"]


def test_pages_hold_nothing_that_the_policy_would_refuse(visitor: Visitor) -> None:
    for path in ("/account", "/login", "/people", "/link/x"):
        text = visitor.get(path).text
        assert "style=" not in text
        assert "onclick" not in text
        assert "<script>" not in text
        assert "http://" not in text
        assert "https://" not in text


def test_a_report_of_a_violation_is_taken_in_one_line(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    response = visitor.client.post(
        "/csp-report", data=b'{"a":"b"}\nforged line\x1b[31m' + b"x" * 9000
    )
    assert response.status_code == 204
    (record,) = [record for record in caplog.records if "policy" in record.getMessage()]
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()
    assert len(record.getMessage()) < 2200


def test_no_answer_repeats_the_host_that_was_asked(visitor: Visitor) -> None:
    """Links that are handed out come from the settings, never from the request."""
    response = visitor.client.get("/login", headers={"Host": "evil.example"})
    assert "evil.example" not in response.text
    assert "evil.example" not in str(response.headers)
