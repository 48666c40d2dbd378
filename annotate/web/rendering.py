"""What every template may use: texts, times in the viewer's zone, navigation, static files."""

from __future__ import annotations

import gettext
import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from babel.core import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import current_app, g, request, url_for

from annotate.web.assets import static_path
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask

    from annotate.policy import Actor

TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "touchstone"
UNDEFINED = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def install(app: Flask) -> None:
    """Set up the template environment."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True
    )
    environment.filters.update(when=when, day=day, figure=figure, percent=percent, said=said)
    app.context_processor(_context)


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the texts of a language, compiled on first use; English stands in the templates."""
    source = TRANSLATIONS / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if language not in languages_there() or not source.is_file():
        return gettext.translation(DOMAIN, TRANSLATIONS, [language], fallback=True)
    with source.open("rb") as file:
        texts = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def languages_there() -> set[str]:
    """Return the languages into which there is a translation."""
    return {path.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES")}


@cache
def direction(language: str) -> str:
    """Return in which direction a language is written, as HTML names it."""
    try:
        return Locale.parse(language, sep="-").text_direction
    except (UnknownLocaleError, ValueError):
        return "ltr"


def _language() -> str:
    """Return the language of the person; of whoever is not signed in, that of the browser."""
    actor = g.get("actor")
    if actor is not None:
        return str(actor.language)
    return request.accept_languages.best_match(["en", *sorted(languages_there())]) or "en"


def _gettext(text: str) -> str:
    # under the empty text a catalogue keeps its own head
    return catalogue(_language()).gettext(text) if text else ""


def _ngettext(one: str, many: str, number: int) -> str:
    return catalogue(_language()).ngettext(one, many, number)


def translate(text: str, **values: object) -> str:
    """Translate a text of a view; ``values`` fill its placeholders."""
    translated = _gettext(text)
    return translated % values if values else translated


def said(refusal: object) -> str:
    """Return what a service or a library said in the language of the reader; programs read English.

    Neither knows a language: they raise English sentences. One that stands in the catalogue is
    translated here, where it becomes an answer; one with figures in it by its template.
    """
    words = str(refusal)
    actor = g.get("actor")
    if actor is not None and actor.token_id is not None:
        return words
    return words.told(_gettext) if isinstance(words, Sentence) else _gettext(words)


def _zone() -> ZoneInfo:
    actor = g.get("actor")
    return ZoneInfo(actor.time_zone if actor is not None else "UTC")


def when(moment: datetime | None) -> str:
    """Write a time in the viewer's zone, to the minute."""
    return UNDEFINED if moment is None else moment.astimezone(_zone()).strftime("%Y-%m-%d %H:%M")


def day(moment: datetime | None) -> str:
    """Write a day in the viewer's zone."""
    return UNDEFINED if moment is None else moment.astimezone(_zone()).strftime("%Y-%m-%d")


def figure(value: float | None, digits: int = 3) -> str:
    """Write a figure, or a dash when it is not defined; a minus is a minus sign."""
    return UNDEFINED if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def percent(value: float | None, digits: int = 1) -> str:
    """Write a proportion in per cent."""
    return UNDEFINED if value is None else f"{100 * value:.{digits}f} %"


def _context() -> dict[str, Any]:
    actor = g.get("actor")
    return {
        "current_user": actor,
        "preferences": json.loads(actor.preferences) if actor is not None else {},
        "csrf_token": actor.csrf_token if actor is not None else "",
        "language": _language(),
        "text_dir": direction(_language()),
        "static": static_path,
        "nav_items": _navigation() if actor is not None else [],
        "scope": g.get("scope"),
    }


NAVIGATION: tuple[tuple[str, str, str, str], ...] = (
    # endpoint, permission, words, icon
    # an annotator's overview is their own work
    ("projects.overview", "item.view", "Overview", "home"),
    ("workbench.work", "work.label", "My work", "pencil"),
    ("wellbeing.own", "wellbeing.own", "Your wellbeing", "heart"),
    ("rubrics.index", "rubric.view", "Rubric", "doc"),
    ("items.index", "item.view", "Items", "list"),
    ("rounds.index", "round.view", "Rounds", "grid"),
    ("practice.index", "project.view", "Practice", "check"),
    ("agreement.index", "agreement.view", "Agreement", "agreement"),
    ("cases.index", "case.view", "Cases", "scale"),
    ("releases.index", "gold.view", "Gold", "gold"),
    ("wellbeing.together", "wellbeing.aggregate", "Wellbeing", "heart"),
    ("audit.index", "audit.view", "Audit trail", "history"),
)


REACHED_FROM = {"jobs": "items", "personal": "workbench"}
"""Sections without an entry of their own, and the one that leads to them."""
ALL_TEAMS = frozenset({"audit.index"})
"""Pages that are closed to a role for some teams only."""


def _is_open(actor: Actor, endpoint: str, permission: str, project_id: str) -> bool:
    if endpoint not in current_app.view_functions or not actor.may(permission, project_id):
        return False
    return endpoint not in ALL_TEAMS or actor.scope(permission, project_id).team_ids is None


def _navigation() -> list[dict[str, Any]]:
    """Return the pages of the current project that the actor may open."""
    actor, scope = g.actor, g.get("scope")
    slug = (request.view_args or {}).get("project")
    if scope is None or slug is None:
        return []
    here = request.endpoint or ""
    section = here.split(".")[0]
    section = REACHED_FROM.get(section, section)
    is_listed = any(endpoint == here for endpoint, *_ in NAVIGATION)
    return [
        {
            "href": url_for(endpoint, project=slug),
            "label": _gettext(words),
            "icon": icon,
            "current": endpoint == here if is_listed else endpoint.split(".")[0] == section,
            "count": None,
        }
        for endpoint, permission, words, icon in NAVIGATION
        if _is_open(actor, endpoint, permission, scope.project_id)
    ]
