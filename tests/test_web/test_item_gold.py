"""Gold cells on the page of an item: in the rubric's words, not as the files have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import Item
from tests.test_web.items_support import Site, text_of
from tests.test_web.seeded import SECOND, seed

if TYPE_CHECKING:
    from annotate.config import Settings
    from annotate.db import Database

pytestmark = pytest.mark.db


def test_gold_cells_read_as_the_rubric_says_them(settings: Settings, database: Database) -> None:
    site = Site.open(settings, database)
    seeded = seed(site.world)
    seeded.release()
    with database.read() as session:
        item_id = session.scalar(
            sa.select(Item.id).where(
                Item.external_id == SECOND, Item.project_id == seeded.std.project_id
            )
        )
    page = text_of(site.as_person("manager").get(f"/p/demo/items/{item_id}"))
    gold = page[page.index('id="gold-h"') :]
    rows = dict(
        re.findall(r'<th scope="row"><code>(.*?)</code></th><td>(.*?)</td>', gold, flags=re.DOTALL)
    )
    rows = {re.sub(r"<.*?>", "", name): re.sub(r"<.*?>", "", value) for name, value in rows.items()}
    assert next(iter(rows)) == "severity", "in the order of the rubric"
    assert list(rows)[-1] == "abusive", "what is derived stands last"
    assert rows["target"] == "none"
    assert rows["severity"] == "Mild abuse"
    assert rows["abusive"] == "yes"
    assert rows["types · sexist"] == "no"
    assert "an adjudicator decided" in gold
    assert "true" not in rows.values()
