"""Words of the account page that come from outside: languages, browsers."""

from __future__ import annotations

from functools import cache

from annotate.web.rendering import TRANSLATIONS

NAMES = {"en": "English", "de": "Deutsch", "ar": "العربية", "es": "Español", "fr": "Français"}
# The first that fits; Edge also says Chrome, and Chrome also says Safari.
BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@cache
def languages() -> dict[str, str]:
    """Return the languages that have texts, each by its own name."""
    codes = {path.name for path in TRANSLATIONS.glob("*") if (path / "LC_MESSAGES").is_dir()}
    return {code: NAMES.get(code, code) for code in sorted(codes | {"en"})}


def browser(user_agent: str) -> tuple[str | None, str | None]:
    """Return the browser and the system a session was opened with, as far as they are known.

    Examples
    --------
    >>> browser("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    ('Firefox', 'Linux')
    >>> browser("curl/8")
    (None, None)
    """
    return _first(user_agent, BROWSERS), _first(user_agent, SYSTEMS)


def _first(text: str, signs: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for sign, name in signs if sign in text), None)
