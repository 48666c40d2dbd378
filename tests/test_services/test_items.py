"""Filters of items mean what they say, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from annotate.policy import Scope
from annotate.services import item_detail, item_filters, items
from annotate.services.errors import BadInput, NotFound
from annotate.services.identity import system_actor
from tests.support.builders import BENIGN, Standard, World, abusive
from tests.support.labelling import seat
from tests.test_services.items_support import import_file, jsonl, new_project

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.db import Database

pytestmark = pytest.mark.db

ROWS: list[dict[str, Any]] = [
    {"id": "plain", "text": "Water the roses.", "language": "en", "slices": {"topic": "garden"}},
    {"id": "under_score", "text": "100% of the text is here", "slices": {"topic": "maths"}},
    {"id": "underXscore", "text": 'a \\ b "quoted" line\nand more', "language": "en-GB"},
    {"id": "talk", "messages": [{"role": "user", "content": "Grüße, Rosen"},
                                {"role": "assistant", "content": "Hello"}], "language": "de"},
    {"id": "pair", "prompt": "Name a role", "response": "Gardener", "slices": {"topic": "gar%"}},
]  # fmt: skip


def found(database: Database, scope: Scope, **query: str) -> set[str]:
    with database.read() as session:
        page = items.page(session, scope, item_filters.parse_filter(query))
        return {line.external_id for line in page.lines}


def test_each_filter_finds_what_it_says(database: Database, tmp_path: Path) -> None:
    scope = new_project(database)
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", ROWS))
    everything = {row["id"] for row in ROWS}
    wanted: list[tuple[dict[str, str], set[str]]] = [
        ({}, everything),
        ({"language": "en"}, {"plain"}),
        ({"id": "under_"}, {"under_score"}),
        ({"id": "under"}, {"under_score", "underXscore"}),
        ({"slice": "topic:garden"}, {"plain"}),
        ({"slice": "topic:gar%"}, {"pair"}),
        ({"slice": "topic:gar"}, set()),
        ({"text": "ROSE"}, {"plain", "talk"}),
        ({"text": "rosen"}, {"talk"}),
        ({"text": "100%"}, {"under_score"}),
        ({"text": "0% o_"}, set()),
        ({"text": '\\ b "quoted" line\nand'}, {"underXscore"}),
        ({"text": "Grüße"}, {"talk"}),
        ({"text": "role"}, {"pair"}),
        ({"text": "content"}, set()),
        ({"text": "text"}, {"under_score"}),
        ({"state": "unlabelled"}, everything),
        ({"state": "done"}, set()),
        ({"text": "e", "language": "de"}, {"talk"}),
        ({"id": " "}, everything),
    ]
    for query, expected in wanted:
        assert found(database, scope, **query) == expected, query


def test_a_search_reads_on_until_its_page_is_full(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words stand only now and then: each page takes more than one reading, both ways."""
    monkeypatch.setattr(items, "SEARCHED", 4)
    monkeypatch.setattr(items, "PAGE", 3)
    scope = new_project(database)
    rows = [{"id": f"i{n}", "text": "a rose" if n % 3 == 0 else "a leaf"} for n in range(24)]
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", rows))
    wanted = item_filters.parse_filter({"text": "ROSE"})
    seen: list[list[str]] = []
    below = None
    with database.read() as session:
        while True:
            page = items.page(session, scope, wanted, before=below)
            seen.append([line.external_id for line in page.lines])
            if page.older is None:
                break
            below = page.older
        back = items.page(session, scope, wanted, after=page.newer)
    assert seen == [["i21", "i18", "i15"], ["i12", "i9", "i6"], ["i3", "i0"]]
    assert [line.external_id for line in back.lines] == seen[1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"colour": "red"}, "no filter 'colour'"),
        ({"state": "lost"}, "it can be unlabelled"),
        ({"slice": "topic"}, "name:value"),
        ({"value": "mild"}, "needs the question"),
        ({"answer": "severity"}, "question=value"),
        ({"answer": "=mild"}, "question=value"),
        ({"text": "a\x00b"}, "NUL"),
        ({"text": "x" * 301}, "300"),
    ],
)
def test_a_wrong_filter_is_refused(query: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        item_filters.parse_filter(query)


def test_a_malformed_round_is_not_there() -> None:
    with pytest.raises(NotFound):
        item_filters.parse_filter({"round": "1; DROP TABLE item"})


@pytest.fixture
def labelled(database: Database) -> tuple[World, Standard, list[str]]:
    """Four items: agreed, disputed, half done, untouched."""
    world = World(database)
    demo = world.standard(items=4, overlap=2, annotators=2)
    one, two = (seat(world, demo, login) for login in demo.annotators)
    done = [
        one.label(BENIGN),
        one.label(abusive("strong", ("racist", "sexist"))),
        one.label(abusive("mild")),
    ]
    one.revise(done[2], 1, {"severity": {"state": "unsure"}})
    first = [str(place.item["external_id"]) for place in done]
    assert [two.label(BENIGN).item["external_id"] for _ in range(2)] == first[:2]
    with database.read() as session:
        everything = {line.external_id for line in items.page(
            session, demo.scope, item_filters.ItemFilter()).lines}  # fmt: skip
    (untouched,) = everything - set(first)
    return world, demo, [*first, untouched]


def test_states_and_answers_find_the_items_behind_a_figure(
    labelled: tuple[World, Standard, list[str]],
) -> None:
    world, demo, (agreed, disputed, half, untouched) = labelled
    other_round = world.round(demo.project_id, demo.version_id, list(demo.item_ids[:1]))
    with world.database.read() as session:
        by_id = {line.external_id: line.id for line in items.page(
            session, demo.scope, item_filters.ItemFilter()).lines}  # fmt: skip
    (in_other,) = [name for name, key in by_id.items() if key == demo.item_ids[0]]
    here = {"round": demo.round_id}
    wanted: list[tuple[dict[str, str], set[str]]] = [
        ({"state": "unlabelled"}, {untouched}),
        ({"state": "partly", **here}, {half}),
        ({"state": "done", **here}, {agreed, disputed}),
        ({"state": "done"}, {agreed, disputed} - {in_other}),
        ({"state": "disputed"}, {disputed}),
        ({"round": other_round}, {in_other}),
        ({"round": other_round, "state": "unlabelled"}, {in_other}),
        ({"answer": "severity=not_abusive"}, {agreed, disputed}),
        ({"answer": "severity=mild"}, set()),
        ({"answer": "severity=unsure"}, {half}),
        ({"answer": "types/racist=1"}, {disputed}),
        (
            {"question": "types", "category": "racist", "value": "not_asked"},
            {agreed, disputed, half},
        ),
        ({"question": "target", "value": "individual"}, {disputed}),
        ({"answer": "severity=not_abusive", "round": other_round}, set()),
    ]
    for query, expected in wanted:
        assert found(world.database, demo.scope, **query) == expected, query


def test_the_filters_offer_the_rounds_and_answers_of_the_rubric(
    labelled: tuple[World, Standard, list[str]],
) -> None:
    world, demo, _ = labelled
    with world.database.read() as session:
        offered = item_filters.choices(session, demo.scope)
    answers = dict(offered.answers)
    assert [key for key, _ in offered.rounds] == [demo.round_id]
    assert {"severity=mild", "types/racist=1", "severity=unsure"} <= answers.keys()
    for answer in answers:
        found(world.database, demo.scope, answer=answer)


def test_a_team_sees_its_own_labels_of_an_item(
    labelled: tuple[World, Standard, list[str]],
) -> None:
    world, demo, (agreed, *_) = labelled
    database = world.database
    with database.read() as session:
        lines = items.page(session, demo.scope, item_filters.ItemFilter(external_id=agreed)).lines
        item_id = lines[0].id
    with database.write() as session:
        system = system_actor(session)
    own = Scope(demo.project_id, frozenset({world.teams["Internal"]}))
    other = Scope(demo.project_id, frozenset({world.team("Vendor", "vendor")}))
    with database.read() as session:
        mine = item_detail.detail(session, system, own, item_id)
        theirs = item_detail.detail(session, system, other, item_id)
    assert len(mine.tasks[0].current) == 2
    assert theirs.tasks[0].current == ()


def test_an_edit_keeps_the_earlier_revision(
    labelled: tuple[World, Standard, list[str]],
) -> None:
    world, demo, (_, _, half, _) = labelled
    database = world.database
    with database.write() as session:
        system = system_actor(session)
    with database.read() as session:
        lines = items.page(session, demo.scope, item_filters.ItemFilter(external_id=half)).lines
        item = item_detail.detail(session, system, demo.scope, lines[0].id)
    (task,) = item.tasks
    assert [(one.revision, one.current) for one in task.submissions] == [(1, False), (2, True)]
    assert next((row.question, row.answers[0].state) for row in task.rows if row.answers[0]) == (
        "severity", "unsure",
    )  # fmt: skip
