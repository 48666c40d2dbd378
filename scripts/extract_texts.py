"""Collect every text that people read: ``.venv/bin/python scripts/extract_texts.py``.

Texts of templates and views are found by their gettext calls. Texts that stand in a table and are
translated when one of them is chosen cannot be found so; their tables are named here.

What a service or a library refuses with is a text as well: whole sentences, and those with figures
in them that are a `Sentence`, are translated where the refusal becomes an answer. They are marked,
because a service knows nothing of languages and need not be followed by a new catalogue at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from annotate.services import links
from annotate.web import agreement_view, cases, rendering
from annotate.web.errors import HTTP_WORDS
from tasks.adjudication import CAUSE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "annotate" / "web"
POT = rendering.TRANSLATIONS / f"{rendering.DOMAIN}.pot"
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": None}
SERVICES = ROOT / "annotate" / "services"
SAYING = (WEB, SERVICES, ROOT / "tasks", ROOT / "rubrics", ROOT / "exports")
"""Where a sentence with figures in it may be said."""
REFUSALS = dict.fromkeys(
    ("NotFound", "NotAllowed", "BadInput", "Conflict", "LeaseLost", "TooManyAttempts")
)
REFUSED = "What a service refuses with."


def _chosen_later() -> Iterator[str]:
    """Give the texts of tables."""
    yield from (words for _endpoint, _permission, words, _icon in rendering.NAVIGATION)
    yield from (text for _kind, text in cases.NOTICES.values())
    yield from agreement_view.SHORT_REASONS.values()
    yield from agreement_view.MEASURES.values()
    yield from CAUSE_WORDS.values()


def extracted(*, refusals: bool = True) -> Catalog:
    """Return all texts, or those of templates and views alone."""
    catalogue = Catalog(
        project="Touchstone",
        copyright_holder="the Touchstone authors",
        charset="utf-8",
        fuzzy=False,
    )
    catalogue.header_comment = "# Texts of Touchstone. Copyright the Touchstone authors."
    found = extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS)
    for _name, _line, message, comments, context in found:
        # without places: else every edit of a template would change this file
        catalogue.add(message, auto_comments=comments, context=context)
    for text in _chosen_later():
        catalogue.add(text)
    if refusals:
        _add_refusals(catalogue)
    return catalogue


def _add_refusals(catalogue: Catalog) -> None:
    # the tail of an f-string is found as well: nothing asks for it
    whole = [text for text in _arguments(SERVICES, REFUSALS) if not text[:1].islower()]
    sentences = [text for room in SAYING for text in _arguments(room, {"Sentence": None})]
    for text in (*whole, *sentences, links.DEAD, *(words for _code, words in HTTP_WORDS.values())):
        if catalogue.get(text) is None:
            catalogue.add(text, auto_comments=[REFUSED])


def _arguments(room: Path, calls: Mapping[str, None]) -> Iterator[str]:
    """Give the texts that some calls in a folder are made with."""
    found = extract_from_dir(room, [("**.py", "python")], None, calls)
    for _name, _line, message, _comments, _context in found:
        if isinstance(message, str):
            yield message


def main() -> None:
    """Write the template of all catalogues."""
    POT.parent.mkdir(exist_ok=True)
    with POT.open("wb") as file:
        write_po(file, extracted(), sort_output=True, omit_header=True, width=100)
    print(f"{POT.relative_to(ROOT)}: {len(extracted())} texts")


if __name__ == "__main__":
    main()
