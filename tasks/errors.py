"""The root of every error this room raises."""

from __future__ import annotations


class TaskError(Exception):
    """A rule of tasks, labels, reliability or adjudication was broken."""
