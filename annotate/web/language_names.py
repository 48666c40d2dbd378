"""Languages by their names, in the language of the viewer."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from flask import g

from annotate.web.rendering import translate as _


def language_name(tag: str | None) -> str:
    """Return the name of a language tag; the tag itself when it is not known.

    Examples
    --------
    >>> named("en", "en"), named("xx", "en")
    ('English', 'xx')
    """
    if not tag:
        return _("not given")
    actor = g.get("actor")
    return named(tag, actor.language if actor is not None else "en")


def named(tag: str, viewer: str) -> str:
    """Return the name of a language tag in a language."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(viewer)
    except (UnknownLocaleError, ValueError):
        return tag
    return str(name) if name else tag
