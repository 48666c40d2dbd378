"""An installation that recorded labels are played to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import Database
from annotate.models import Annotation, Item, Project, Round, UserAccount
from annotate.policy import Scope
from annotate.services import rounds
from annotate.services.identity import system_actor
from tests.support.apps import application_on
from tests.support.databases import settings_for
from tests.support.garden import NOTE, TOOLS, garden
from tests.test_cli.project_support import Console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

NOWHERE = "http://127.0.0.1:9"


class Desk:
    """An installation that is served, its commands, and what it holds."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.console = Console(url, folder)
        self.database = Database(settings_for(url, folder))
        self.address = ""
        self.instead: Callable[..., Any] | None = None
        self.rubric = self.console.file("garden.yaml", "\ufeff" + garden(TOOLS, NOTE))
        self.items = self.items_file("items.jsonl", "ab")

    def application(self, address: str) -> Callable[..., Any]:
        settings = replace(self.database.settings, public_url=address, inline_jobs=False)
        app = application_on(settings, self.database)
        self.address = address

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            return (self.instead or app)(environ, start_response)

        return answer

    def items_file(self, name: str, ids: str) -> str:
        rows = ({"id": one, "text": f"Plant {one} wants water."} for one in ids)
        return self.console.file(name, "".join(json.dumps(row) + "\n" for row in rows))

    def replay(self, slug: str, labels: str, *words: str, code: int = 0) -> Result:
        """Replay rows under a header that all files here share."""
        return self.replay_file(
            slug, f"item,annotator,useful,tools,note\n{labels}", *words, code=code
        )

    def replay_file(self, slug: str, content: str, *words: str, code: int = 0) -> Result:
        file = self.console.file(f"{slug}.csv", content)
        usual = ["--items", self.items, "--rubric", self.rubric, "--project", slug]
        usual += ["--url", self.address or NOWHERE, "--at-once", "2"]
        return self.console.run("replay", file, *usual, *words, code=code)

    def outcome(self, slug: str, labels: str, *words: str, code: int = 0) -> dict[str, Any]:
        result = self.replay(slug, labels, *words, "--json", code=code)
        return json.loads(result.stdout.strip().splitlines()[-1])

    def stored(self, slug: str) -> set[tuple[str, str, str]]:
        """Item, login and answers of everything that was submitted in a project."""
        project = self.project(slug)
        with self.database.read() as session:
            rows = session.execute(
                sa.select(Item.external_id, UserAccount.login, Annotation.answers)
                .join(Annotation, Annotation.item_id == Item.id)
                .join(UserAccount, UserAccount.id == Annotation.annotator_id)
                .where(Item.project_id == project, Annotation.project_id == project)
            ).all()
        return {(row[0], row[1], row[2]) for row in rows}

    def project(self, slug: str) -> str | None:
        with self.database.read() as session:
            return session.scalar(sa.select(Project.id).where(Project.slug == slug))

    def pause(self, slug: str) -> None:
        scope = Scope(self.project(slug) or "")
        with self.database.write() as session:
            found = session.scalars(sa.select(Round.id).where(Round.project_id == scope.project_id))
            rounds.set_state(session, system_actor(session), scope, found.one(), "paused")
