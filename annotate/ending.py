"""Signals that ask a process to end, and how one that is ending already meets them."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

ENDING_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def end_undisturbed() -> None:
    """Let nothing cut short what this process still has to do: it ends anyway.

    A second Ctrl+C or a supervisor's signal is taken and means nothing. It is not ignored in the
    sense of the system: the interpreter complains, with a traceback, of a signal that was on its
    way to a handler and finds none.
    """
    # One that waits already is raised by the first call, which then sets nothing: two rounds.
    for number in (*ENDING_SIGNALS, *ENDING_SIGNALS):
        with suppress(SystemExit, KeyboardInterrupt):
            signal.signal(number, heed_nothing)


def heed_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal and do nothing."""
