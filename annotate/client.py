"""A small HTTP client of the public API. It imports nothing of Touchstone and nothing heavy.

Examples
--------
A program labels what it is given::

    client = Client("https://labels.example.org", token)
    while (place := client.claim(round_id)["assignment"]) is not None:
        client.submit(place, {"severity": {"value": "mild"}})
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

RETRIES = 6
FIRST_PAUSE = 0.05
RETRIED = frozenset({502, 503, 504})


class ApiError(Exception):
    """The server refused; carries the status and the server's own words.

    Attributes
    ----------
    status : int
        HTTP status.
    code : str
        The server's name for the refusal.
    problems : list of dict
        One entry a mistake.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        error = body.get("error", {})
        super().__init__(f"{status}: {error.get('message', 'refused')}")
        self.status = status
        self.code: str = error.get("code", "")
        self.problems: list[dict[str, Any]] = error.get("problems", [])


def uuid7() -> str:
    """Mint a UUIDv7, the key under which a submission is sent as often as it takes.

    Examples
    --------
    >>> uuid7()[14]
    '7'
    """
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | (0x7 << 76) | (secrets.randbits(12) << 64)
    value |= (0b10 << 62) | secrets.randbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass
class Client:
    """One connection of one person to one server.

    Parameters
    ----------
    url : str
        Address of the server, with scheme and without path.
    token : str
        An API token with the scopes that the calls need.
    timeout : float
        Seconds to wait for an answer.
    """

    url: str
    token: str = field(repr=False)
    timeout: float = 60.0
    _connection: http.client.HTTPConnection | None = field(default=None, init=False, repr=False)

    def get(self, path: str) -> dict[str, Any]:
        """Read an address below ``/api/v1``."""
        return self.request("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send JSON to an address below ``/api/v1``."""
        return self.request("POST", path, body if body is not None else {})

    def claim(self, round_id: str) -> dict[str, Any]:
        """Ask for the next place of a round; ``assignment`` is None when there is none."""
        return self.post(f"/rounds/{round_id}/claim")

    def submit(
        self, place: dict[str, Any], answers: dict[str, Any], key: str | None = None
    ) -> dict[str, Any]:
        """Send the answers for a claimed place, under one key however often it takes."""
        body = {"annotation_id": key or uuid7(), "fence": place["fence"], "answers": answers}
        return self.post(f"/assignments/{place['id']}/submit", body)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request, again when the connection or the server failed on the way.

        Every write of the API may be sent twice: a claim returns the place already held, a
        submission is known by its key.

        Raises
        ------
        ApiError
            When the server refused.
        OSError
            When the server could not be reached, after the last try.
        """
        payload = None if body is None else json.dumps(body).encode()
        pause = FIRST_PAUSE
        for tries_left in reversed(range(RETRIES)):
            try:
                status, answer = self._once(method, path, payload)
            except (OSError, http.client.HTTPException):
                self.close()
                if tries_left == 0:
                    raise
            else:
                if status < 400:
                    return answer
                if status not in RETRIED or tries_left == 0:
                    raise ApiError(status, answer)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, method: str, path: str, payload: bytes | None) -> tuple[int, dict[str, Any]]:
        connection = self._open()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if payload is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, f"/api/v1{path}", payload, headers)
        response = connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if data else {}

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            kind = (
                http.client.HTTPSConnection
                if parts.scheme == "https"
                else http.client.HTTPConnection
            )
            self._connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        return self._connection
