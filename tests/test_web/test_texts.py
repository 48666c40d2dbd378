"""Every text that people read can be translated, and a translated page is."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import jinja2
import pytest
import sqlalchemy as sa
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import nodes

from annotate.models import UserAccount
from annotate.web import rendering
from tests.test_web.seeded import seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages import Catalog

    from tests.test_web.project_support import Site

    Said = str | tuple[str, ...] | list[str]

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from extract_texts import POT, REFUSED, extracted  # noqa: E402 - a script, not a package

TEMPLATES = ROOT / "annotate" / "web" / "templates"
FILES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
ENVIRONMENT = jinja2.Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
LETTERS = re.compile(r"[^\W\d_]{2,}")
NOT_WORDS = re.compile(
    # names of things that have the same name in every language, and what machines read
    r"Touchstone|touchstone|JSONL?|CSV|YAML|AC1|UTF-8|API|ML|Esc|Enter|Shift|Ctrl|Tab|Space"
    r"|card\.md|manifest\.json|gold|verify|DIR|sha256"
)
MACHINE_TAGS = {"code", "pre", "kbd", "script", "style", "title"}
READ_ATTRIBUTES = {"aria-label", "title", "placeholder", "alt", "data-confirm", "aria-description"}
HOLE = "\x00"
PIECE_OF_A_TAG = re.compile(r'[\w-]+="[^"]*"')
VISIBLE: dict[str, tuple[int, ...]] = {
    # macro: which of its arguments people read
    "button": (0,),
    "card": (0,),
    "checkbox": (1,),
    "copy_field": (1,),
    "empty_state": (0, 1),
    "field": (1,),
    "job_progress": (1,),
    "message": (1, 2),
    "page_head": (0, 1),
    "pill": (1,),
    "post_button": (1,),
    "progress": (2,),
    "radios": (1,),
    "select": (1,),
    "table_region": (0,),
    "textarea": (1,),
    "verdict": (1,),
}
VISIBLE_NAMED = {"help", "error", "confirm", "refused", "note", "end", "foot", "lede", "shown"}


def is_text(text: str) -> bool:
    return LETTERS.search(NOT_WORDS.sub("", text)) is not None


class _Reader(HTMLParser):
    """Collects what a person would read in markup whose expressions are holes."""

    VOID: ClassVar = {"input", "meta", "link", "br", "hr", "img", "path", "line", "rect", "circle"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append("code" if "mono" in (dict(attrs).get("class") or "") else tag)
        for name, value in attrs:
            if name in READ_ATTRIBUTES and value and is_text(value):
                self.found.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        data = PIECE_OF_A_TAG.sub("", data)
        if not MACHINE_TAGS & set(self.open) and is_text(data):
            self.found.append(" ".join(data.replace(HOLE, "…").split()))


def raw_texts(source: str) -> list[str]:
    """Return words of a template that stand outside of any translation."""
    parts: list[str] = []
    silent = False
    words: list[str] = []
    for _line, kind, text in ENVIRONMENT.lex(source):
        if kind == "block_begin":
            words = []
        elif kind == "name":
            words.append(text)
        elif kind == "block_end" and words:
            starts = words[0] in {"trans", "pluralize"} or words[:2] == ["block", "main_class"]
            silent = starts or (silent and words[0] not in {"endtrans", "endblock"})
        elif kind == "variable_end":
            parts.append(HOLE)
        elif kind == "data" and not silent:
            parts.append(text)
    reader = _Reader()
    reader.feed("".join(parts))
    reader.close()
    return reader.found


def raw_arguments(source: str) -> list[str]:
    """Return visible arguments of our macros that are bare strings."""
    found = []
    for call in ENVIRONMENT.parse(source).find_all(nodes.Call):
        name = getattr(call.node, "attr", None)
        places = VISIBLE.get(name or "", ())
        given = [call.args[place] for place in places if place < len(call.args)]
        if name in VISIBLE:
            given += [pair.value for pair in call.kwargs if pair.key in VISIBLE_NAMED]
        found += [
            f"{name}: {one.value}"
            for one in given
            if isinstance(one, nodes.Const) and isinstance(one.value, str) and is_text(one.value)
        ]
    return found


@pytest.mark.parametrize("name", FILES)
def test_no_word_of_a_template_escapes_translation(name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert raw_texts(source) + raw_arguments(source) == []


def test_a_word_that_escapes_is_found() -> None:
    assert raw_texts("<p>Read {{ n }} now</p>") == ["Read … now"]
    assert raw_texts('<a title="Open it">{{ _("Open") }}</a>') == ["title=Open it"]
    assert raw_texts("<p>{% trans %}Read now{% endtrans %}</p><code>gold verify x</code>") == []
    assert raw_arguments("{{ ui.button('Save') }}{{ ui.button(_('Save')) }}") == ["button: Save"]
    assert raw_arguments("{{ ui.field('a', _('A'), help='Why') }}") == ["field: Why"]


# --------------------------------------------------------------------------------- the catalogue


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return extracted()


def test_the_committed_texts_are_those_of_the_source() -> None:
    with POT.open("rb") as file:
        kept = read_po(file)
    again = "Type .venv/bin/python scripts/extract_texts.py and commit what it writes."
    views = {one.id for one in extracted(refusals=False) if one.id}
    assert {one.id for one in kept if one.id and REFUSED not in one.auto_comments} == views, again


def test_texts_that_are_chosen_at_run_time_are_among_them(texts: Catalog) -> None:
    for words in ("Agreement", "no variation", "Decided. The decision is in force"):
        assert any(words in str(one.id) for one in texts), words


HOLES = re.compile(r"%\(\w+\)s|\{\w+\}|%%?")
CHROME = ("label.html", "macros/label_texts.html", "base.html", "account.html", "mine.html")
LANGUAGES = sorted(rendering.TRANSLATIONS.glob("*/LC_MESSAGES/*.po"))


def misplaced(source: Said, text: Said) -> list[str]:
    """Return the forms of a translation whose placeholders are not those of its source.

    A form for zero, one or two may say the number in words.
    """
    asked = sorted(HOLES.findall(source if isinstance(source, str) else source[-1]))
    forms = (text,) if isinstance(text, str) else text
    spelled = max(len(forms) - 3, 0)
    return [
        form
        for place, form in enumerate(forms)
        if not form
        or (
            bool(set(HOLES.findall(form)) - set(asked))
            if place < spelled
            else sorted(HOLES.findall(form)) != asked
        )
    ]


def test_a_placeholder_that_is_lost_or_invented_is_found() -> None:
    assert misplaced("%(n)s of %(all)s", "%(all)s: %(n)s") == []
    assert misplaced("%(n)s %%", "%(n)s %") == ["%(n)s %"]
    assert misplaced("{n} left", "{m}") == ["{m}"]
    several = ("one item", "%(num)s items")
    assert misplaced(several, ("0", "1", "2", "%(num)s", "%(num)s", "%(num)s")) == []
    assert misplaced(several, ("%(n)s", "1", "", "%(num)s", "6", "%(num)s")) == ["%(n)s", "", "6"]


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.parents[1].name)
def test_a_language_keeps_every_placeholder_and_has_the_words_of_labelling(path: Path) -> None:
    with path.open("rb") as file:
        said = {one.id: one.string for one in read_po(file) if one.id and one.string}
    for source, text in said.items():
        assert misplaced(source, text) == [], source
    asked = {
        text
        for name in CHROME
        for _line, _call, text in ENVIRONMENT.extract_translations(  # type: ignore[attr-defined]
            (TEMPLATES / name).read_text(encoding="utf-8")
        )
    }
    assert len(asked) > 300
    assert len(asked & said.keys()) / len(asked) > 0.9, sorted(map(str, asked - said.keys()))[:20]


def test_a_catalogue_is_compiled_when_it_is_first_used() -> None:
    assert rendering.catalogue("ar").gettext("Submit and next") == "إرسال ثم التالي"
    assert rendering.catalogue("ar").gettext("nobody wrote this") == "nobody wrote this"
    assert rendering.catalogue("en").gettext("Submit and next") == "Submit and next"
    assert [rendering.direction(one) for one in ("ar", "he", "fa", "en", "nonsense")] == [
        *("rtl", "rtl", "rtl"),
        *("ltr", "ltr"),
    ]


def test_a_refusal_is_read_in_ones_language_and_by_programs_in_english(
    site: Site, pseudo_language: str
) -> None:
    seed(site.world)
    lost = "/assignments/01900000-0000-7000-8000-000000000000"
    assert "\u27e6" not in site.get("/p/nowhere/agreement", status=404)
    with site.database.write() as session:
        session.execute(sa.update(UserAccount).values(language=pseudo_language))
    assert "\u27e6There is nothing here, or" in site.get("/p/nowhere/agreement", status=404)
    refused = site.api("GET", lost, scopes="read label")
    assert "\u27e6" not in refused.text


def _pseudo(text: str) -> str:
    """Return a text that nobody writes by hand, with its placeholders whole."""
    return f"⟦{text}⟧"


@pytest.fixture
def pseudo_language(
    texts: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Compile a catalogue in which every text is marked, as the language ``eo``."""
    for message in texts:
        if isinstance(message.id, str) and message.id:
            message.string = _pseudo(message.id)
        elif message.id:
            message.string = tuple(_pseudo(one) for one in message.id)
    folder = tmp_path / "eo" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    compiled = BytesIO()
    write_mo(compiled, texts)
    (folder / f"{rendering.DOMAIN}.mo").write_bytes(compiled.getvalue())
    monkeypatch.setattr(rendering, "TRANSLATIONS", tmp_path)
    rendering.catalogue.cache_clear()
    yield "eo"
    rendering.catalogue.cache_clear()


def test_a_person_reads_the_chosen_language(site: Site, pseudo_language: str) -> None:
    seeded = seed(site.world)
    paths = ("/p/demo/agreement", "/p/demo/cases", f"/p/demo/items/{seeded.std.item_ids[0]}")
    assert not any("⟦" in site.get(path) for path in paths)
    with site.database.write() as session:
        session.execute(
            sa.update(UserAccount)
            .where(UserAccount.id == site.world.users["root"])
            .values(language=pseudo_language)
        )
    for path in paths:
        page = site.get(path)
        assert '<html lang="eo"' in page
        assert "⟦Agreement⟧" in page, "the navigation"
        assert "⟦Sign out⟧" in page
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
        assert heading is not None
        assert heading[1].startswith("⟦"), path
    assert "⟦" not in site.get("/p/demo/cases", "designer"), "others keep theirs"
    assert json.dumps(site.api("GET", "/projects/demo/agreement", scopes="read").json).isascii()
