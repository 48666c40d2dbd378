"""The tokens of a replay: good while it runs, revoked however it ends."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.cli import replay_commands
from annotate.cli.replay_commands import Tally
from annotate.models import ApiToken, AuditEvent, UserAccount
from tests.support.apps import application_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.test_cli.replay_desk import Desk

ROWS = "".join(f"{item},{who},0,,\n" for who in ("ann", "bob", "cai") for item in "ab")


def counted(desk: Desk, slug: str) -> tuple[int, int]:
    """How many tokens were made for a project's annotators, and how many still work."""
    with desk.database.read() as session:
        revoked = session.scalars(
            sa.select(ApiToken.revoked_at)
            .join(UserAccount, UserAccount.id == ApiToken.user_id)
            .where(UserAccount.login.startswith(f"{slug}-"))
        ).all()
    return len(revoked), sum(moment is None for moment in revoked)


def after(desk: Desk, requests: int, then: Callable[[], Any]) -> Callable[..., Any]:
    """An application that does something at a request and answers them all."""
    settings = replace(desk.database.settings, public_url=desk.address, inline_jobs=False)
    app = application_on(settings, desk.database)
    seen: list[str] = []

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        if len(seen) == requests:
            then()
        return app(environ, start_response)

    return answer


def test_when_it_is_done_no_token_works_and_people_stay(desk: Desk) -> None:
    assert desk.outcome("done", ROWS)["submitted"] == 6
    assert counted(desk, "done") == (3, 0)
    with desk.database.read() as session:
        kinds = sa.select(AuditEvent.kind, sa.func.count()).group_by(AuditEvent.kind)
        told = dict(session.execute(kinds.where(AuditEvent.kind.like("token.%"))).all())
    assert told["token.revoked"] >= 3
    assert desk.outcome("done", ROWS)["submitted"] == 0
    assert counted(desk, "done") == (6, 0)


def test_what_fails_leaves_no_token_that_works(desk: Desk) -> None:
    desk.replay("spoilt", "a,ann,,,\nb,bob,0,,\n", code=2)
    assert counted(desk, "spoilt") == (2, 0)

    def closed(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"error": {"code": "not_allowed", "message": "Closed."}}']

    desk.instead = closed
    desk.replay("closed", ROWS, code=2)
    assert counted(desk, "closed") == (3, 0)


def test_a_round_that_cannot_be_made_leaves_none(desk: Desk) -> None:
    desk.replay("unknown", "pond,ann,0,,\n", code=2)
    assert counted(desk, "unknown") == (0, 0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_stops_at_once_and_goes_on_later(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    tallies: list[Tally] = []

    def watched() -> Tally:
        tallies.append(Tally())
        return tallies[-1]

    def interrupt() -> None:
        os.kill(os.getpid(), signal.Signals[name])
        assert tallies[-1].over.wait(20)

    monkeypatch.setattr(replay_commands, "Tally", watched)
    slug, rows = name.lower(), "a,ann,0,,\nb,ann,0,,\n"
    desk.instead = after(desk, 2, interrupt)
    desk.replay(slug, rows, code=1)
    desk.instead = None
    assert counted(desk, slug) == (1, 0)
    assert [login for _, login, _ in desk.stored(slug)] == [f"{slug}-ann"]
    assert signal.getsignal(signal.SIGTERM) == before
    assert desk.outcome(slug, rows)["submitted"] == 1
    assert counted(desk, slug) == (2, 0)
