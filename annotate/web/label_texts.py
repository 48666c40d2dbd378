"""The texts of the labelling page's scripts, as a static file for each language.

They stand in templates, where they are translated like those of any page; in the page itself they
would come anew, and not compressed, with every load.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache

from annotate.web import assets
from annotate.web.rendering import catalogue, languages_there

FILES = ("label_texts.html", "content_texts.html")
_TEXT = re.compile(
    r"""^\s*"([\w-]+)": _\(('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\),?$""", re.MULTILINE
)


@cache
def texts() -> dict[str, str]:
    """Return the texts by their keys, in English."""
    found: dict[str, str] = {}
    for name in FILES:
        source = (assets.HERE / "templates" / "macros" / name).read_text(encoding="utf-8")
        found |= {key: ast.literal_eval(text) for key, text in _TEXT.findall(source)}
    return found


@cache
def find(name: str) -> assets.Asset | None:
    """Return ``texts/<language>.js``, or None for any other name."""
    language = name.removeprefix("texts/").removesuffix(".js")
    if name != f"texts/{language}.js" or language not in {"en", *languages_there()}:
        return None
    translate = catalogue(language).gettext
    body = json.dumps({key: translate(text) for key, text in texts().items()}, ensure_ascii=False)
    return assets.made(name, f"globalThis.$texts = {body};\n".encode())
