"""Who labels what: complete, balanced and repeatable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.allocation import Need, Person, allocate, keyed_order, loads, readers, reads

LANGUAGES = st.sampled_from(["de", "en", "fr"])
PEOPLE = st.lists(st.frozensets(LANGUAGES), min_size=1, max_size=6).map(
    lambda drawn: [Person(f"p{n}", None, languages) for n, languages in enumerate(drawn)]
)
NEEDS = st.lists(st.tuples(st.integers(0, 4), LANGUAGES | st.none()), max_size=25).map(
    lambda drawn: [Need(f"i{n:02}", needed, language) for n, (needed, language) in enumerate(drawn)]
)


@given(NEEDS, PEOPLE, st.integers(0, 2**63), st.randoms(use_true_random=False))
def test_everyone_can_read_what_they_get_and_nobody_gets_it_twice(needs, people, seed, shuffler):
    given_out = allocate(needs, people, seed)
    by_id = {person.id: person for person in people}
    for need in needs:
        chosen = given_out[need.item_id]
        able = sum(reads(person, need.language) for person in people)
        assert len(set(chosen)) == len(chosen) == min(need.needed, able)
        assert all(reads(by_id[one], need.language) for one in chosen)
    assert sum(loads(given_out, people).values()) == sum(map(len, given_out.values()))
    mixed_needs, mixed_people = list(needs), list(people)
    shuffler.shuffle(mixed_needs)
    shuffler.shuffle(mixed_people)
    assert allocate(mixed_needs, mixed_people, seed) == given_out


@given(st.integers(0, 40), st.integers(1, 7), st.integers(0, 2**63))
def test_where_everyone_can_take_everything_loads_differ_by_one_at_most(count, crowd, seed):
    people = [Person(f"p{n}") for n in range(crowd)]
    needs = [Need(f"i{n}", min(2, crowd)) for n in range(count)]
    load = loads(allocate(needs, people, seed), people)
    assert max(load.values()) - min(load.values()) <= 1


def test_rare_languages_are_given_out_first():
    people = [Person("both", None, frozenset({"de", "en"})), Person("en", None, frozenset({"en"}))]
    needs = [Need(f"e{n}", 1, "en") for n in range(6)] + [Need(f"d{n}", 1, "de") for n in range(2)]
    assert loads(allocate(needs, people, 1), people) == {"both": 4, "en": 4}


def test_regions_do_not_part_a_language_and_no_language_is_any():
    assert reads(Person("a", None, frozenset({"pt-BR"})), "pt-PT")
    assert reads(Person("a", None, frozenset({"pt"})), None)
    assert reads(Person("a"), "pt")
    assert not reads(Person("a", None, frozenset({"de"})), "pt")
    assert readers([Person("b"), Person("a", None, frozenset({"de"}))], [None, "fr"]) == {
        None: ["a", "b"],
        "fr": ["b"],
    }


@given(st.integers(), st.text())
def test_the_order_key_has_63_bits_and_parts_do_not_run_together(seed, name):
    assert 0 <= keyed_order(seed, name) < 2**63
    assert keyed_order(seed, name) == keyed_order(seed, name)
    assert keyed_order(seed, "a", "b") != keyed_order(seed, "ab")
