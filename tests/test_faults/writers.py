"""Annotators that work through HTTP, keep a log of what was acknowledged, and never give up."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from annotate.client import ApiError, Client, uuid7
from tests.support.builders import BENIGN, abusive

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWERS = (BENIGN, abusive(), BENIGN, abusive("strong"))
PATIENCE_SECONDS = 90


@dataclass
class Log:
    """What the server acknowledged, as the clients saw it: key, place and answers."""

    acknowledged: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    replayed: int = 0
    grown: threading.Condition = field(default_factory=threading.Condition)

    def add(self, key: str, place: str, answers: dict[str, Any], *, replayed: bool) -> None:
        with self.grown:
            self.acknowledged[key] = (place, answers)
            self.replayed += replayed
            self.grown.notify_all()

    def wait_for(self, count: int) -> None:
        with self.grown:
            if not self.grown.wait_for(
                lambda: len(self.acknowledged) >= count, timeout=PATIENCE_SECONDS
            ):
                raise AssertionError(
                    f"only {len(self.acknowledged)} of {count} submissions were acknowledged"
                )


class Writer(threading.Thread):
    """One annotator on one connection: claim, submit under one key until it is acknowledged."""

    def __init__(self, url: str, token: str, round_id: str, log: Log) -> None:
        super().__init__()
        self.client = Client(url, token)
        self.round_id = round_id
        self.log = log
        self.ending = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.ending.is_set() and self._one():
                pass
        except (ApiError, AssertionError, KeyError) as error:
            self.failure = error
        finally:
            self.client.close()

    def _one(self) -> bool:
        place = _persistently(lambda: self.client.claim(self.round_id))["assignment"]
        if place is None:
            return False
        key = uuid7()
        answers = ANSWERS[int(key[-2:], 16) % len(ANSWERS)]
        receipt = _persistently(lambda: self.client.submit(place, answers, key))
        assert receipt["annotation_id"] == key
        self.log.add(key, place["id"], answers, replayed=receipt["replayed"])
        return True


def _persistently(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call again while there is no server, as a browser does that keeps a draft."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise AssertionError("the server did not come back") from None
