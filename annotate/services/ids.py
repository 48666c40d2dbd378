"""Ids as they come in from outside: PostgreSQL answers a malformed one with an error, we do not."""

from __future__ import annotations

import re

from annotate.services.errors import NotFound

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def known_form(text: str, what: str) -> str:
    """Return an id that has the form of one.

    Raises
    ------
    NotFound
        As for an id that names nothing, so that the two are not told apart.
    """
    if _ID.match(text) is None:
        raise NotFound(f"There is no {what} of that id here.")
    return text
