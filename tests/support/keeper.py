"""Run one server for as long as the test run lives; then stop it and remove its folder.

Started as a program of its own, in its own session. The test run holds a lock on a file until it
ends, however it ends; this program waits for that lock, so nothing is left behind by a killed run.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

STOP_SECONDS = 15


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--alive", type=Path, required=True, help="file that the run keeps locked")
    parser.add_argument("--folder", type=Path, required=True, help="removed at the end")
    parser.add_argument("--user", help="who the server runs as")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with options.alive.open("rb") as alive:
        server = subprocess.Popen(
            options.command,
            cwd=options.folder,
            user=options.user,
            group=options.user,
            extra_groups=[] if options.user else None,
        )
        threading.Thread(target=_stop_after_the_run, args=(alive, server), daemon=True).start()
        status = server.wait()
    shutil.rmtree(options.folder, ignore_errors=True)
    return status


def _stop_after_the_run(alive, server: subprocess.Popen[bytes]) -> None:
    fcntl.flock(alive, fcntl.LOCK_SH)  # comes back when the test run has ended
    server.send_signal(signal.SIGINT)  # PostgreSQL: disconnect clients, shut down cleanly
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    os.umask(0o077)
    raise SystemExit(main())
