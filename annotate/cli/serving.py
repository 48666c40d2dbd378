"""The server: gunicorn within our own process, whose workers share what was loaded before them."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.util import import_app
from gunicorn.workers.gthread import ThreadWorker
from werkzeug.test import Client

from annotate.ending import ENDING_SIGNALS, end_undisturbed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from gunicorn.workers.base import Worker

ANNOUNCE = "TOUCHSTONE_ANNOUNCE"
"""The address that quickstart wants to be told on screen once the server answers."""


class Threads(ThreadWorker):
    """A worker that takes a signal to end from its first moment to its last."""

    told_to_quit = False

    def init_signals(self) -> None:
        """Install the handlers, then take what came before there were any."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End at once if nothing is served yet, else as soon as the main thread is free.

        Gunicorn ends right here, in the middle of whatever the signal interrupted: that may hold
        the lock of the pool of threads, or have started a thread that the pool does not know yet.
        Either would be waited for until the process is killed.
        """
        if not self.booted:
            end_undisturbed()
            super(ThreadWorker, self).handle_quit(sig, frame)
        self.told_to_quit = True
        self.handle_exit(sig, frame)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Serve what comes within the time; then leave if we were told to, open requests or not."""
        super().wait_for_and_dispatch_events(timeout)
        if self.told_to_quit:
            self.tpool.shutdown(wait=False, cancel_futures=True)
            sys.exit(0)


class Parent(Arbiter):
    """The parent of the workers.

    A worker that is forked while the server is told to end (a service manager signals the whole
    group: the old worker leaves, the parent puts a new one in its place) would take the one signal
    it is sent with the handler of its parent, and stay until it is killed.
    """

    def spawn_worker(self) -> int:
        """Start a worker; signals to end wait until it can take them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            number: int = super().spawn_worker()
            return number
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


class WebServer(BaseApplication):
    """Gunicorn with settings of our own and none from files, arguments or the environment.

    Parameters
    ----------
    application
        ``module:expression``. The module is read once, before the workers; the expression is
        evaluated in each of them, so that no connection or thread is shared.
    settings
        Settings of gunicorn by name.
    """

    def __init__(self, application: str, settings: Mapping[str, object]) -> None:
        self._settings = settings
        self._application = application
        super().__init__()

    def load_config(self) -> None:
        """Take the settings given."""
        chosen = {
            "worker_class": Threads,
            "control_socket_disable": True,  # it would lie in the home folder, one for all servers
            "post_worker_init": announce,
            **self._settings,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Make the application of one worker."""
        application: WSGIApplication = import_app(self._application)
        return application

    def run(self) -> None:
        """Serve until a signal ends it."""
        gc.disable()  # nothing that is loaded here is ever garbage
        import_module(self._application.partition(":")[0])
        gc.freeze()
        gc.enable()
        Parent(self).run()


def announce(worker: Worker) -> None:
    """Say where the server is, once, where quickstart asked for it.

    The port is bound by now and the application is made; requests are taken as soon as this
    returns.
    """
    address = os.environ.get(ANNOUNCE)
    if not address or worker.age != 1:
        return
    answer = Client(worker.wsgi).get("/readyz", base_url=address)
    if answer.status_code == 200:
        click.echo(f"\nTouchstone is at {address}\n")
    else:
        click.echo(f"\nTouchstone is not ready: {answer.get_data(as_text=True)}", err=True)
