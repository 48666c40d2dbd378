"""The WSGI entry: ``gunicorn wsgi:app``."""

from __future__ import annotations

from annotate.app import create_app

app = create_app()
