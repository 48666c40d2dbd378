"""Whatever a program sends: a clear refusal that says where, nothing written, the server alive."""

from __future__ import annotations

import http.client
import json
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import Database, new_id
from annotate.models import Base
from annotate.services import labeling
from tests.support.builders import BENIGN, World
from tests.support.databases import KINDS, environment_for, migrated_database, settings_for
from tests.support.server import LOOPBACK, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.db, pytest.mark.slow]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
KEY = "01920000-0000-7000-8000-000000000000"
MISTAKES = 40
COUNTS = sa.union_all(
    *(
        sa.select(sa.literal(table.name), sa.func.count()).select_from(table)
        for table in Base.metadata.sorted_tables
    )
)


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.text)["error"]


class Served:
    """A served project in which an annotator holds a place."""

    def __init__(self, server: Server, database: Database) -> None:
        self.server = server
        self.database = database
        world = World(database)
        self.demo = world.standard(items=3)
        self.annotator = world.token("ann-1")
        self.designer = world.token("designer", "design")
        self.reader = world.token("reader", "read")
        actor = world.actor("ann-1")
        with database.write() as session:
            place = labeling.claim(session, actor, self.demo.scope, self.demo.round_id).place
        assert place is not None
        self.submit = f"/api/v1/assignments/{place.id}/submit"
        self.fence = place.fence

    def send(
        self, method: str, path: str, token: str, body: bytes = b"", kind: str = JSON
    ) -> Answer:
        connection = http.client.HTTPConnection(LOOPBACK, self.server.port.number, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        with closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())

    def rows(self) -> dict[str, int]:
        with self.database.read() as session:
            return {row[0]: row[1] for row in session.execute(COUNTS)}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """See that nothing is written and that the server goes on."""
        before = self.rows()
        yield
        assert self.rows() == before
        assert self.send("GET", "/api/v1/me", self.annotator).status == 200


@pytest.fixture(scope="module", params=KINDS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bad-input")
    with migrated_database(request.param, folder) as url:
        database = Database(settings_for(url, folder))
        try:
            with Server(environment_for(url, folder), folder) as server:
                yield Served(server, database)
        finally:
            database.dispose()


def submission(**changes: Any) -> bytes:
    body = {"annotation_id": KEY, "fence": 1, "answers": BENIGN, **changes}
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def nested(depth: int) -> bytes:
    value = b"[" * depth + b"]" * depth
    return b'{"annotation_id": "%s", "fence": 1, "answers": {"severity": %s}}' % (
        KEY.encode(),
        value,
    )


NOT_JSON = {
    "cut off": (b'{"fence": 1,\n "answers": ', (2, 13)),
    "a comma too many": (b'{"fence": 1,}', (1, 13)),
    "empty": (b"", (1, 1)),
    "invalid UTF-8": (b'{"fence":\n "\xff"}', (2, 3)),
    "UTF-16": ('{"fence": 1}'.encode("utf-16"), (1, 1)),
    "a key twice": (b'{"fence": 1,\n "fence": 2}', (2, 2)),
    "a key twice inside": (b'{"a": {"b": 1}, "b": {"y": "b",\n\n  "\\u0079" : 2}}', (3, 3)),
    "NaN": (b'{"NaN": "NaN", "fence": NaN}', (1, 25)),
    "infinity": (b'{"fence":\n-Infinity}', (2, 1)),
    "five thousand digits": (b'{"fence": ' + b"9" * 5_000 + b"}", (1, 11)),
}
BROKEN = {
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "NUL in a value": (submission(answers={"severity": {"value": "mi\0ld"}}), "severity"),
    "NUL in a key": (submission(answers={"seve\0rity": {"value": "mild"}}), ""),
    "half a character": (submission(answers={"severity": {"value": "\ud800"}}), "severity"),
    "fence as text": (submission(fence="1"), "fence"),
    "fence as truth": (submission(fence=True), "fence"),
    "fence as fraction": (submission(fence=1.5), "fence"),
    "fence missing": (submission(fence=...), "fence"),
    "answers as list": (submission(answers=[]), "answers"),
    "answers as null": (submission(answers=None), "answers"),
    "unknown key": (submission(colour="red"), "colour"),
    "key that is no UUIDv7": (submission(annotation_id=KEY.replace("7000", "4000")), "UUIDv7"),
    "key with a line feed": (submission(annotation_id=f"{KEY}\n"), "UUIDv7"),
    "answer to no question": (submission(answers={**BENIGN, "mood": {"value": "x"}}), "mood"),
    "answer as text": (submission(answers={"severity": "mild"}), "severity"),
    "answer of no option": (submission(answers={"severity": {"value": "awful"}}), "awful"),
    "answer as number": (submission(answers={"severity": {"value": 10**400}}), "severity"),
    "no answer": (submission(answers={}), "severity"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_body_that_does_not_fit_is_refused_with_its_place(served: Served, name: str) -> None:
    body, place = BROKEN[name]
    with served.unchanged():
        answer = served.send("POST", served.submit, served.annotator, body)
    assert answer.status == 422, answer
    said = json.dumps(answer.error, ensure_ascii=False)
    assert answer.error["code"]
    assert place in said


@pytest.mark.parametrize("name", NOT_JSON)
def test_broken_json_is_a_bad_request_with_line_and_column(served: Served, name: str) -> None:
    body, place = NOT_JSON[name]
    with served.unchanged():
        answer = served.send("POST", served.submit, served.annotator, body)
    assert (answer.status, answer.error["code"]) == (400, "broken_json")
    [problem] = answer.error["problems"]
    assert (problem["line"], problem["column"]) == place
    assert f"line {place[0]}, column {place[1]}" in answer.error["message"]


@pytest.mark.parametrize("body", [b'{"answers": ' + b"[" * 100_000, nested(5_000)])
def test_json_nested_beyond_measure_is_refused(served: Served, body: bytes) -> None:
    with served.unchanged():
        answer = served.send("POST", served.submit, served.annotator, body)
    assert answer.status in {400, 422}


@pytest.mark.parametrize("kind", [FORM, "text/plain", "multipart/form-data; boundary=x", ""])
def test_only_json_is_taken_where_json_is_asked_for(served: Served, kind: str) -> None:
    with served.unchanged():
        answer = served.send("POST", served.submit, served.annotator, b"fence=1", kind)
    assert answer.status == 415
    assert "application/json" in answer.error["message"]


def test_a_body_of_fifty_megabytes_is_refused_before_it_is_read(served: Served) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, served.server.port.number, timeout=60)
    with served.unchanged(), closing(connection):
        connection.putrequest("POST", served.submit)
        connection.putheader("Authorization", f"Bearer {served.annotator}")
        connection.putheader("Content-Type", JSON)
        connection.putheader("Content-Length", str(50_000_000))
        connection.endheaders()
        answer = connection.getresponse()
        said = json.loads(answer.read())["error"]
    assert answer.status == 413
    assert "50000000" in said["message"]


def test_a_body_of_fifty_megabytes_without_a_length_is_refused(served: Served) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, served.server.port.number, timeout=60)
    headers = {"Authorization": f"Bearer {served.annotator}", "Content-Type": JSON}
    with served.unchanged(), closing(connection):
        chunk = b" " * 1_000_000
        try:
            connection.request(
                "POST", served.submit, (chunk for _ in range(50)), headers, encode_chunked=True
            )
        except (BrokenPipeError, ConnectionResetError):
            return  # refused while it was still being sent
        answer = connection.getresponse()
        assert answer.status == 413


def test_all_forty_mistakes_of_a_rubric_are_told_at_once(served: Served) -> None:
    questions = "".join(
        f"  - id: q{number}\n    text: Question {number}?\n    type: boolean\n    colour: red\n"
        for number in range(MISTAKES)
    )
    source = f"id: many\nversion: 1.0.0\ntitle: Many mistakes\nquestions:\n{questions}"
    body = json.dumps({"source": source, "filename": "many.yaml"}).encode()
    with served.unchanged():
        answer = served.send("POST", "/api/v1/projects/demo/rubrics", served.designer, body)
    assert answer.status == 422
    found = [problem for problem in answer.error["problems"] if "colour" in problem["message"]]
    assert len(found) == MISTAKES
    assert len({problem["line"] for problem in found}) == MISTAKES
    assert all(problem["column"] for problem in found)


ADDRESSES = {
    "a round that is no id": ("POST", "/api/v1/rounds/next/claim"),
    "a round with NUL": ("POST", "/api/v1/rounds/%00/claim"),
    "a round with half a character": ("POST", "/api/v1/rounds/%ff/claim"),
    "an unknown round": ("POST", f"/api/v1/rounds/{new_id()}/claim"),
    "an id in capitals": ("POST", f"/api/v1/assignments/{KEY.upper()}X/submit"),
    "no such address": ("GET", "/api/v1/nothing"),
    "a method that it does not take": ("PUT", "/api/v1/me"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_of_nothing_is_refused(served: Served, name: str) -> None:
    method, path = ADDRESSES[name]
    with served.unchanged():
        answer = served.send(method, path, served.annotator, submission())
    assert answer.status in {404, 405}
    assert answer.error["message"]


QUERIES = ("round=x", "version=x", "version=%00", "interval=x", "level=severity:x", "round=%00")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_does_not_fit_is_refused(served: Served, query: str) -> None:
    with served.unchanged():
        answer = served.send("GET", f"/api/v1/projects/demo/agreement?{query}", served.reader)
    assert 400 <= answer.status < 500, answer
    assert answer.error["message"]
