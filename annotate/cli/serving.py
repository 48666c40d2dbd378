"""What gunicorn calls in a process of the server that has just started (``--config``)."""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING, Any

import click
from werkzeug.test import Client

from tasks import _lazy

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

ANNOUNCE = "TOUCHSTONE_ANNOUNCE"
"""The address that quickstart wants to be told on screen once the server answers."""


def post_worker_init(worker: Worker) -> None:
    """Load what the first agreement page would wait for, beside serving; announce the server.

    The port is bound by now and the application is loaded; requests are taken as soon as this
    returns.
    """
    Thread(target=_lazy.pandas, name="warm-up", daemon=True).start()
    address = os.environ.get(ANNOUNCE)
    if address and worker.age == 1:
        _announce(worker.wsgi, address)


def _announce(application: Any, address: str) -> None:  # noqa: ANN401 - a WSGI application
    answer = Client(application).get("/readyz", base_url=address)
    if answer.status_code == 200:
        click.echo(f"\nTouchstone is at {address}\n")
    else:
        click.echo(f"\nTouchstone is not ready: {answer.get_data(as_text=True)}", err=True)
