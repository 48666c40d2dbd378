"""Ids as they come in from outside: PostgreSQL answers a malformed one with an error, we do not."""

from __future__ import annotations

import re

from annotate.services.errors import NotFound
from rubrics.sentences import Sentence

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
# Whole sentences, because languages bend the word that names the thing.
_ABSENT = {
    "case": Sentence("There is no case of that id here."),
    "item": Sentence("There is no item of that id here."),
    "job": Sentence("There is no job of that id here."),
    "page": Sentence("There is no page of that id here."),
    "person": Sentence("There is no person of that id here."),
    "practice item": Sentence("There is no practice item of that id here."),
    "project": Sentence("There is no project of that id here."),
    "project or team": Sentence("There is no project or team of that id here."),
    "release": Sentence("There is no release of that id here."),
    "role": Sentence("There is no role of that id here."),
    "round": Sentence("There is no round of that id here."),
    "rubric version": Sentence("There is no rubric version of that id here."),
}


def known_form(text: str, what: str) -> str:
    """Return an id that has the form of one.

    Raises
    ------
    NotFound
        As for an id that names nothing, so that the two are not told apart.
    """
    if _ID.match(text) is None:
        raise NotFound(_ABSENT.get(what, f"There is no {what} of that id here."))
    return text
