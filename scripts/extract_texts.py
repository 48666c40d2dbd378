"""Collect every text that people read: ``.venv/bin/python scripts/extract_texts.py``.

Texts of templates and views are found by their gettext calls. Texts that stand in a table and are
translated when one of them is chosen cannot be found so; their tables are named here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from annotate.web import agreement_view, cases, rendering
from tasks.adjudication import CAUSE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "annotate" / "web"
POT = rendering.TRANSLATIONS / f"{rendering.DOMAIN}.pot"
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": None}


def _chosen_later() -> Iterator[str]:
    """Give the texts of tables."""
    yield from (words for _endpoint, _permission, words, _icon in rendering.NAVIGATION)
    yield from (text for _kind, text in cases.NOTICES.values())
    yield from agreement_view.SHORT_REASONS.values()
    yield from agreement_view.MEASURES.values()
    yield from CAUSE_WORDS.values()


def extracted() -> Catalog:
    """Return all texts."""
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
    return catalogue


def main() -> None:
    """Write the template of all catalogues."""
    POT.parent.mkdir(exist_ok=True)
    with POT.open("wb") as file:
        write_po(file, extracted(), sort_output=True, omit_header=True, width=100)
    print(f"{POT.relative_to(ROOT)}: {len(extracted())} texts")


if __name__ == "__main__":
    main()
