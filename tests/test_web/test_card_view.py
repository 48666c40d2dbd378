"""The card of a release as parts of a page: none of its words is lost, and none becomes HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from annotate.web.card_view import Block, blocks, run
from tests.test_web.seeded import seed

if TYPE_CHECKING:
    from annotate.web.card_view import Run
    from tests.test_web.project_support import Site

CARD = """\
**Not certified:** rubric a 1.0.0 has not
passed.

# demo: gold release 1

|  |  |
| --- | --- |
| rubric | a \\| b |

## Gold labels

| question | open | values |
| --- | --- | --- |
| tone | 1,204 | rude: 2 |
| kind |  | - |

- One point
  goes on.
- Another with `code`.
"""


def plain(text: str) -> Run:
    return (("", text),) if text else ()


def test_a_card_comes_apart_into_its_parts() -> None:
    assert blocks(CARD) == [
        Block(
            "text",
            (((("strong", "Not certified:"), ("", " rubric a 1.0.0 has not passed.")),),),
        ),
        Block("title", ((plain("demo: gold release 1"),),)),
        Block("facts", ((plain("rubric"), plain("a | b")),)),
        Block("heading", ((plain("Gold labels"),),)),
        Block(
            "table",
            (
                (plain("tone"), plain("1,204"), plain("rude: 2")),
                (plain("kind"), (), plain("-")),
            ),
            (plain("question"), plain("open"), plain("values")),
            frozenset({1}),
        ),
        Block(
            "list",
            (
                (plain("One point goes on."),),
                ((("", "Another with "), ("code", "code"), ("", ".")),),
            ),
        ),
    ]


@given(st.text(st.sampled_from("ab<&*`|\\ #-"), max_size=40))
def test_words_keep_their_order_and_lose_only_marks(text: str) -> None:
    told = "".join(words for _, words in run(text))
    assert told.replace("*", "").replace("`", "") == text.replace("*", "").replace("`", "")


def test_the_page_shows_the_card_as_text_and_never_as_html(site: Site) -> None:
    seeded = seed(site.world)
    release_id, _job = seeded.release()
    path = next(site.database.settings.data_dir.rglob("card.md"))
    words = path.read_text(encoding="utf-8")
    path.write_text(f"{words}\n## <script>x</script>\n\n**<img src=y>**\n", encoding="utf-8")
    page = site.get(f"/p/demo/releases/{release_id}", "reader")
    assert "<h4>&lt;script&gt;x&lt;/script&gt;</h4>" in page
    assert "<p><b>&lt;img src=y&gt;</b></p>" in page
    assert "<b>Not certified:</b> rubric conversational-abuse 1.0.0" in page
    assert "<h4>Limits</h4>" in page
    assert "| ---" not in page
