"""Languages by their names, in the language of the viewer."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from flask import g


def language_name(tag: str | None) -> str:
    """Return the name of a language tag; the tag itself when it is not known.

    Examples
    --------
    >>> named("en", "en"), named("xx", "en"), named(None, "en")
    ('English', 'xx', 'not given')
    """
    actor = g.get("actor")
    return named(tag, actor.language if actor is not None else "en")


def named(tag: str | None, viewer: str) -> str:
    """Return the name of a language tag in a language."""
    if not tag:
        return "not given"
    try:
        name = Locale.parse(tag, sep="-").get_display_name(viewer)
    except (UnknownLocaleError, ValueError):
        return tag
    return str(name) if name else tag
