"""Splits part nothing that belongs together and are stable."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.errors import ReleaseRefused
from exports.item_files import read_items
from exports.splits import Fractions, SplitItem, groups, leaks, make_splits

ITEMS = st.lists(
    st.builds(
        lambda content, keys: (content, keys),
        st.integers(0, 40),
        st.dictionaries(st.sampled_from(["author", "talk"]), st.sampled_from("abcdefgh")),
    ),
    max_size=40,
).map(
    lambda drawn: [
        SplitItem(f"i{number:02}", f"hash{content}", keys)
        for number, (content, keys) in enumerate(drawn)
    ]
)
HALVES = Fractions(0.25, 0.25)


@given(ITEMS, st.integers(0, 2**40))
def test_no_group_and_no_content_is_ever_parted(items, seed):
    placed = make_splits(items, seed, HALVES)
    assert [one.item_id for one in placed] == sorted(item.id for item in items)
    split_of = {one.item_id: one.split for one in placed}
    assert leaks(items, split_of) == ()
    by_group = {one.group: one.split for one in placed}
    assert all(by_group[one.group] == one.split for one in placed)


@given(ITEMS, st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_nothing(items, seed, shuffler):
    placed = make_splits(items, seed, HALVES)
    mixed = list(items)
    shuffler.shuffle(mixed)
    assert make_splits(mixed, seed, HALVES) == placed


@given(ITEMS, ITEMS, st.integers(0, 2**40))
def test_test_items_stay_test_when_items_are_added(items, more, seed):
    first = make_splits(items, seed, HALVES)
    earlier = {one.item_id for one in first if one.split == "test"}
    added = [SplitItem("n" + item.id, item.content_hash, item.group_keys) for item in more]
    later = {
        one.item_id: one.split for one in make_splits([*items, *added], seed + 1, HALVES, earlier)
    }
    assert all(later[one] == "test" for one in earlier)


def test_items_without_relatives_are_groups_of_their_own():
    items = [SplitItem("b", "1", {}), SplitItem("a", "2", {}), SplitItem("c", "1", {})]
    assert groups(items) == {"a": "a", "b": "b", "c": "b"}


def test_groups_that_touch_are_one():
    items = [
        SplitItem("a", "1", {"talk": "t1"}),
        SplitItem("b", "2", {"talk": "t1", "author": "x"}),
        SplitItem("c", "3", {"author": "x"}),
        SplitItem("d", "4", {"author": "t1"}),
    ]
    assert groups(items) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_the_shares_come_out_about_right():
    items = [SplitItem(f"i{number}", str(number), {}) for number in range(4000)]
    counts = Counter(one.split for one in make_splits(items, 5))
    assert counts["test"] == pytest.approx(800, abs=80)
    assert counts["validation"] == pytest.approx(400, abs=60)


def test_a_leak_is_found_and_named():
    items = [SplitItem("a", "1", {"talk": "t"}), SplitItem("b", "2", {"talk": "t"})]
    (leak,) = leaks(items, {"a": "train", "b": "test"})
    assert (leak.key, leak.splits, leak.items) == ("talk=t", ("test", "train"), ("a", "b"))


@pytest.mark.parametrize("fractions", [Fractions(0.6, 0.6), Fractions(-0.1, 0.2)])
def test_impossible_shares_are_refused(fractions):
    with pytest.raises(ReleaseRefused, match="between 0 and 1"):
        make_splits([], 1, fractions)


def test_conversations_of_the_shared_data_stay_whole(convabuse):
    with (convabuse / "items.jsonl").open("rb") as stream:
        items = [
            SplitItem(row.external_id, row.content_hash, row.group_keys)
            for row in read_items(stream, "jsonl")
        ]
    placed = make_splits(items, 7)
    assert leaks(items, {one.item_id: one.split for one in placed}) == ()
    talk_of = {item.id: item.group_keys["conversation_id"] for item in items}
    splits_of = {}
    for one in placed:
        splits_of.setdefault(talk_of[one.item_id], set()).add(one.split)
    assert all(len(found) == 1 for found in splits_of.values())
    assert {one.split for one in placed} == {"train", "validation", "test"}
