"""A process of its own that commits beside a serving one: ``committer.py COUNT``."""

from __future__ import annotations

import sys

from annotate.config import Settings
from annotate.db import Database
from annotate.services import audit
from annotate.services.identity import system_actor


def main() -> None:
    database = Database(Settings.from_env())
    with database.write() as session:
        actor = system_actor(session)
    for number in range(int(sys.argv[1])):
        with database.write() as session:
            audit.record(session, actor, "test.committed", "test", str(number), outbox=True)
    database.dispose()


if __name__ == "__main__":
    main()
