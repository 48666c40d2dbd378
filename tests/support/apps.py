"""One application a process: making one compiles 250 addresses, and no test needs that anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.app import create_app

if TYPE_CHECKING:
    from flask import Flask

    from annotate.config import Settings
    from annotate.db import Database

_made: dict[Settings, Flask] = {}


def application_on(settings: Settings, database: Database) -> Flask:
    """Return an application of these settings, on this database from now on.

    The database is all that an application holds besides its settings. A test that needs two
    applications side by side, or jobs inside one, makes its own with ``create_app``.
    """
    scheme = settings.public_url.partition(":")[0]
    alike = replace(settings, database_url="", data_dir=Path(), public_url=scheme)
    app = _made.get(alike)
    if app is None:
        app = _made[alike] = create_app(settings, database)
    app.extensions["touchstone.database"] = database
    return app
