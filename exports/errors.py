"""The errors of the exports room: each message says what, where, and what to do."""

from __future__ import annotations


class ExportError(Exception):
    """A file could not be read or a release could not be written or verified."""


class ItemFileUnreadable(ExportError):
    """The whole item file cannot be read: wrong encoding, no header, not a text file."""


class ReleaseRefused(ExportError):
    """The release cannot be written: its inputs contradict each other or the place is taken."""
