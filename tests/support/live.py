"""An application served by threads of the test's own process, for a browser to look at."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
THREADS = 16


class Silent(WSGIRequestHandler):
    """Writes no line for each request: every test would hand hundreds over with its report."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class PooledServer(BaseWSGIServer):
    """Answers from threads that stay.

    A thread for every request would have coverage put its tracing into each of them, which costs
    time, and which Python 3.11 refuses where two threads begin at one moment.
    """

    multithread = True

    def __init__(self) -> None:
        super().__init__(LOOPBACK, 0, lambda *_: [], Silent)
        self._pool = ThreadPoolExecutor(THREADS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread."""
        self._pool.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

    def server_close(self) -> None:
        """Give the port back and end the threads."""
        super().server_close()
        self._pool.shutdown()


@contextmanager
def live(make: Callable[[str], Any]) -> Iterator[str]:
    """Serve the application that `make` returns for an address, and yield the address."""
    server = PooledServer()
    address = f"http://{LOOPBACK}:{server.server_port}"
    server.app = make(address)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
