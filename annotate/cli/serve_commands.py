"""``touchstone serve`` and ``touchstone quickstart``."""

from __future__ import annotations

import ipaddress
import os
import socket
import sqlite3
import sys
from typing import TYPE_CHECKING

import click

from annotate.cli.context import fail, opened, settings
from annotate.cli.serving import ANNOUNCE, WebServer
from annotate.config import LOOPBACK_HOSTS
from annotate.db import wal_bug
from annotate.services import backup, demo, people
from annotate.services.migration import migrate

if TYPE_CHECKING:
    from annotate.config import Settings

THREADS = 16
PORT = click.IntRange(1, 65_535)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--workers", type=click.IntRange(1), help="Processes; PostgreSQL only. Default: 2 a core."
)
def serve(host: str, port: int, workers: int | None) -> None:
    """Serve pages and API."""
    chosen = settings()
    _refuse_unsafe(chosen, host, workers)
    _refuse_taken(host, port)
    if chosen.embedded:
        with opened():
            pass  # it says what is missing; a server of PostgreSQL may come up before its database
    start(chosen, host, port, workers)


@click.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on.")
@click.option("--no-serve", is_flag=True, help="Prepare, print the logins and leave.")
def quickstart(port: int, *, no_serve: bool) -> None:
    """Set up an embedded installation with a demo project, and serve it on this machine only."""
    os.environ.setdefault("TOUCHSTONE_PUBLIC_URL", f"http://127.0.0.1:{port}")
    chosen = settings()
    if not chosen.embedded:
        fail("quickstart is for the embedded database: unset TOUCHSTONE_DATABASE_URL")
    if not _is_loopback(chosen.public_name):
        fail("quickstart makes demo accounts, for this machine only: unset TOUCHSTONE_PUBLIC_URL")
    if not no_serve:
        _refuse_taken("127.0.0.1", port)
    with opened(migrated=False) as database:
        migrated = migrate(database, backup=backup.before_migration)
        if migrated.changed:
            click.echo(f"Database {chosen.database_path} is at revision {migrated.after}.")
        logins = demo.ensure(database, _say)
    _print_logins(logins)
    if not no_serve:
        os.environ[ANNOUNCE] = chosen.public_url
        start(chosen, "127.0.0.1", port, None)


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _print_logins(logins: demo.Logins) -> None:
    click.echo("\nOne login per role (this installation's own; they work on this machine only):")
    for line in logins.lines():
        click.echo(f"  {line}")
    click.echo(f"\nThey also stand in {logins.path}. Stop with Ctrl+C; make run starts it again.")
    sys.stdout.flush()


def start(chosen: Settings, host: str, port: int, workers: int | None) -> None:
    """Become the server; it ends this process."""
    os.environ["TOUCHSTONE_DATA_DIR"] = str(chosen.data_dir)
    os.environ["TOUCHSTONE_INLINE_JOBS"] = "1" if chosen.embedded else "0"
    settings = {
        "bind": f"{host}:{port}",
        "workers": 1 if chosen.embedded else workers or 2 * (os.cpu_count() or 1),
        "threads": THREADS,
        "timeout": 120,
        "graceful_timeout": 20,
        "keepalive": 75,
        "limit_request_line": 8190,
        "loglevel": "warning",
    }
    WebServer("annotate.app:create_app()", settings).run()


def _refuse_unsafe(chosen: Settings, host: str, workers: int | None) -> None:
    if chosen.embedded and workers not in {None, 1}:
        reason = (
            f"; SQLite {sqlite3.sqlite_version} can also lose data that way"
            if wal_bug(sqlite3.sqlite_version_info)
            else ""
        )
        fail(f"the embedded database is served by one process{reason}. Use PostgreSQL for more.")
    if _is_loopback(host) and _is_loopback(chosen.public_name):
        return
    with opened() as database, database.read() as session:
        if people.demo_accounts_exist(session):
            fail(
                "demo accounts exist, so only this machine is served. Close them with touchstone "
                "people remove-demo, or give TOUCHSTONE_DATA_DIR a folder of its own."
            )


def _refuse_taken(host: str, port: int) -> None:
    """Say it plainly when the port cannot be had; the server itself would try for a while first."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        fail(
            f"cannot listen on {host} port {port}: {error.strerror}. Is Touchstone running there "
            "already? Stop it, or choose another port with --port (make run PORT=8001)."
        )


def _is_loopback(host: str) -> bool:
    if host in LOOPBACK_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
