"""Files of items over HTTP: sent with the import, fetched by range, closed to everything else."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import Item, Media
from annotate.policy import Scope
from annotate.services import claiming, uploads, worker
from tests.support import media_samples as samples
from tests.support.databases import ON_SQLITE
from tests.test_web.items_support import ORIGIN, Site, text_of

if TYPE_CHECKING:
    from annotate.config import Settings
    from annotate.db import Database

pytestmark = [pytest.mark.db, ON_SQLITE]
ROWS = (
    b'{"id": "a", "text": "Look.", "media": [{"file": "pots/blue.png", "alt": "A blue pot"}]}\n'
    b'{"id": "b", "text": "Listen.", "media": "spoken.wav"}\n'
    b'{"id": "c", "text": "Gone.", "media": "lost.png"}\n'
)
API = "/api/v1/projects/demo/items"


@pytest.fixture
def site(settings: Settings, database: Database) -> Site:
    made = Site.open(settings, database)
    made.world.grant("ann", "annotator", made.staffed(), team="Internal")
    return made


def bundle() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("garden/rows.jsonl", ROWS)
        packed.writestr("garden/pots/blue.png", samples.png())
        packed.writestr("garden/spoken.wav", samples.wav())
    return out.getvalue()


def stored(site: Site) -> dict[str, tuple[str, str]]:
    query = sa.select(Item.external_id, Item.id, Media.content_hash).join(
        Media, Media.item_id == Item.id
    )
    with site.database.read() as session:
        return {row[0]: (row[1], row[2]) for row in session.execute(query)}


def left(site: Site) -> list[str]:
    return [path.name for path in uploads.folder(site.database.settings).iterdir()]


def send(site: Site, *files: tuple[str, str, bytes]) -> Any:
    data: dict[str, list[tuple[io.BytesIO, str]]] = {}
    for field, name, content in files:
        data.setdefault(field, []).append((io.BytesIO(content), name))
    return site.as_person("manager").post(
        "/p/demo/import", data=data, headers=ORIGIN, content_type="multipart/form-data"
    )


@pytest.mark.parametrize(
    "files",
    [
        [("file", "all.zip", bundle())],
        [("file", "rows.jsonl", ROWS), ("media", "files.zip", bundle())],
        [
            ("file", "rows.jsonl", ROWS),
            ("media", "pots/blue.png", samples.png()),
            ("media", "spoken.wav", samples.wav()),
        ],
    ],
    ids=["one zip", "rows and a zip", "rows and files"],
)
def test_files_come_by_form(site: Site, files: list[tuple[str, str, bytes]]) -> None:
    answer = send(site, *files)
    assert answer.status_code == 302
    assert worker.run_all(site.database) == 1
    shown = text_of(site.as_person("manager").get(answer.location))
    assert "2 items were added." in shown
    assert "lost.png" in shown
    assert stored(site).keys() == {"a", "b"}
    assert left(site) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("file", "all.zip", b"no zip")], "cannot be read as a zip"),
        ([("file", "rows.jsonl", ROWS), ("media", "x.zip", b"no zip")], "cannot be read as a zip"),
        ([("file", "all.zip", bundle()), ("media", "a.png", samples.png())], "its own files"),
    ],
)
def test_a_form_that_cannot_be_taken_leaves_nothing(
    site: Site, files: list[tuple[str, str, bytes]], words: str
) -> None:
    answer = send(site, *files)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert left(site) == []


def test_the_api_takes_one_zip(site: Site) -> None:
    client = site.app.test_client()
    headers = site.as_program("designer", "design")
    sent = client.post(API, data=bundle(), headers=headers, content_type="application/zip")
    assert sent.status_code == 202
    worker.run_all(site.database)
    assert stored(site).keys() == {"a", "b"}
    bad = client.post(API, data=b"PK nothing", headers=headers, content_type="application/zip")
    assert bad.status_code == 422
    assert left(site) == []


def test_a_file_is_sent_whole_or_in_part_and_can_do_nothing(site: Site) -> None:
    send(site, ("file", "all.zip", bundle()))
    worker.run_all(site.database)
    item_id, digest = stored(site)["b"]
    client = site.as_person("auditor")
    whole = client.get(f"/api/v1/items/{item_id}/media/{digest}", buffered=True)
    assert whole.status_code == 200
    assert whole.mimetype == "audio/wav"
    assert dict(whole.headers) | {
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Disposition": f"attachment; filename={digest[:16]}.wav",
    } == dict(whole.headers)
    assert len(whole.headers.getlist("Content-Security-Policy")) == 1
    part = client.get(
        f"/api/v1/items/{item_id}/media/{digest}", headers={"Range": "bytes=4-11"}, buffered=True
    )
    assert part.status_code == 206
    assert part.get_data() == whole.get_data()[4:12]
    assert part.headers["Content-Range"] == f"bytes 4-11/{len(whole.get_data())}"
    beyond = client.get(
        f"/api/v1/items/{item_id}/media/{digest}",
        headers={"Range": "bytes=99999999-"},
        buffered=True,
    )
    assert beyond.status_code == 416
    other = stored(site)["a"][1]
    assert client.get(f"/api/v1/items/{item_id}/media/{other}").status_code == 404
    annotator = site.as_person("ann")
    assert annotator.get(f"/api/v1/items/{item_id}/media/{digest}").status_code == 403
    shown = text_of(client.get(f"/p/demo/items/{item_id}"))
    assert "spoken.wav" in shown
    entry = json.loads(_attribute(shown, "data-media"))
    assert (entry["sha256"], entry["type"]) == (digest, "audio/wav")


def test_a_report_closes_a_file_for_everybody_at_once(site: Site) -> None:
    send(site, ("file", "all.zip", bundle()))
    worker.run_all(site.database)
    item_id, digest = stored(site)["a"]
    world = site.world
    with site.database.read() as session:
        project_id = session.scalars(sa.select(Item.project_id)).first()
    assert project_id is not None
    scope = Scope(project_id)
    round_id = world.round(project_id, world.rubric(project_id), [item_id], overlap=1)
    with site.database.write() as session:
        place = claiming.claim(session, world.actor("ann"), scope, round_id).place
    assert place is not None
    addresses = {
        "ann": f"/api/v1/assignments/{place.id}/media/{digest}",
        "designer": f"/api/v1/items/{item_id}/media/{digest}",
    }
    for login, address in addresses.items():
        assert site.as_person(login).get(address, buffered=True).status_code == 200
    with site.database.write() as session:
        claiming.report(session, world.actor("ann"), scope, place.id, place.fence, kind="other")
    for login, address in addresses.items():
        assert site.as_person(login).get(address, buffered=True).status_code == 404


def _attribute(page: str, name: str) -> str:
    text = page.split(f'{name}="', 1)[1].split('"', 1)[0]
    return text.replace("&#34;", '"').replace("&quot;", '"').replace("&amp;", "&")
