"""The keys a person chose for the labelling page. The page makes the whole map of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import PersonalKeys
from annotate.services.errors import BadInput
from annotate.services.text import canonical_json
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from annotate.policy import Actor

ACTIONS: tuple[str, ...] = (
    *("next", "previous", "unsure", "cannot_assess", "undo"),
    *("reveal", "hide", "turn_before", "turn_after", "jump", "invisibles", "mark"),
    *("search", "cite", "write", "filter"),
    *("optout", "report", "skip", "mine", "break", "support", "keys"),
)
"""What has a key; the same list as in ``keymap.js``."""
MOST_OPTIONS = 500
_CHORD = re.compile(r"(?:shift\+[a-z]|[a-z]|[!-/:-@\[-`{-~])\Z")
_OPTION = re.compile(r"[a-z0-9]\Z")
_NAME = re.compile(r"[^/\s]{1,200}/[^/\s]{1,64}/[^/\s]{1,64}\Z")

Keys = dict[str, dict[str, str]]


def own(session: Session, actor: Actor) -> Keys:
    """Return what a person chose; nothing when they keep the usual keys."""
    text = session.scalar(sa.select(PersonalKeys.keys).where(PersonalKeys.user_id == actor.user_id))
    return {"actions": {}, "options": {}} if text is None else json.loads(text)


def store(
    session: Session, actor: Actor, actions: Mapping[str, str], options: Mapping[str, str]
) -> None:
    """Keep a person's keys, all of them at once; none restores the usual ones.

    Raises
    ------
    BadInput
        When something has no key, a key cannot be pressed, or one key means two actions.
    """
    problems = [*_action_problems(actions), *_option_problems(options)]
    if problems:
        raise BadInput("The keys were not saved.", problems=problems)
    session.execute(sa.delete(PersonalKeys).where(PersonalKeys.user_id == actor.user_id))
    if not actions and not options:
        return
    session.execute(
        sa.insert(PersonalKeys),
        {
            "user_id": actor.user_id,
            "keys": canonical_json({"actions": dict(actions), "options": dict(options)}),
            "changed_at": now(session),
        },
    )


def _action_problems(actions: Mapping[str, str]) -> list[dict[str, str]]:
    problems = []
    holders: dict[str, str] = {}
    for name, chord in actions.items():
        if name not in ACTIONS:
            problems.append({"field": name, "message": Sentence("There is no such action.")})
        elif _CHORD.match(chord) is None:
            words = Sentence("Take a letter, perhaps with Shift, or a sign; digits choose options.")
            problems.append({"field": name, "message": words})
        elif chord in holders:
            words = Sentence("This is the key of %(action)s already.", action=repr(holders[chord]))
            problems.append({"field": name, "message": words})
        holders.setdefault(chord, name)
    return problems


def _option_problems(options: Mapping[str, str]) -> list[dict[str, str]]:
    if len(options) > MOST_OPTIONS:
        return [
            {
                "field": "options",
                "message": Sentence("At most %(n)s options have own keys.", n=MOST_OPTIONS),
            }
        ]
    return [
        {"field": name, "message": Sentence("Take a letter or a digit for an option.")}
        for name, key in options.items()
        if _OPTION.match(key) is None or _NAME.match(name) is None
    ]
