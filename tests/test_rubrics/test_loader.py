from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.errors import RubricInvalid
from rubrics.library import names, read
from rubrics.loader import load_rubric, warnings_of
from rubrics.schema import AgreementSpec, Compare
from rubrics.yaml_nodes import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS
from tests.test_rubrics.texts import SMALL, changed, line_of, only_problem, problems_of


def test_a_rubric_is_read_with_its_defaults() -> None:
    rubric = load_rubric(SMALL)
    assert (rubric.id, rubric.version, rubric.status, rubric.languages) == (
        "small",
        "1.0.0",
        "draft",
        ("en",),
    )
    assert [question.level for question in rubric.questions] == [
        "ordinal",
        "nominal",
        "ordinal",
        None,
    ]
    assert [question.required for question in rubric.questions] == [True, True, True, False]
    assert [option.code for option in rubric.question("rating").options] == [1, -1, -2]
    assert [option.id for option in rubric.question("kinds").options] == ["rude", "loud"]
    assert rubric.question("rating").agreement == AgreementSpec()
    assert rubric.category("rude").name == "rude"


def test_a_comparison_knows_the_options_it_accepts() -> None:
    condition = load_rubric(SMALL).question("kinds").ask_if
    assert isinstance(condition, Compare)
    assert condition.accepts == frozenset({"poor", "bad"})


# One mistake each: kind, text to replace, replacement, part that marks the line, column.
MISTAKES = [
    ("unknown_key", "title: Small", "title: Small\ntitel: Other", "titel", 1),
    ("null", "text: How bad is it?", "text: ~", "text: ~", 5),
    ("null", "text: Why?", "text: Why?\n    help:", "help:", 5),
    ("non_string_id", "id: fine", "id: 12", "id: 12", 13),
    ("unquoted_boolean", "id: fine", "id: no", "id: no", 13),
    ("unquoted_boolean", "id: fine", "id: Yes", "id: Yes", 13),
    ("unquoted_boolean", "id: fine", "id: on", "id: on", 13),
    ("unquoted_boolean", "id: fine", "id: true", "id: true", 13),
    ("bad_id", "id: fine", "id: so fine", "id: so fine", 13),
    ("duplicate_id", "id: poor", "id: fine\n        label: Poor", "fine\n        label", 9),
    ("duplicate_id", "id: loud", "id: rude\n    name: Loud", "rude\n    name", 5),
    ("duplicate_id", "id: LO-I1", "id: RU-I1\n        since: 1.0.0", "RU-I1\n        since", 9),
    ("duplicate_id", "id: awful", "id: why\n    agreement: {}", "why\n    agreement", 5),
    ("duplicate_key", "title: Small", "title: Small\ntitle: Again", "title: Again", 1),
    ("reserved_id", "id: fine", "id: none", "id: none", 9),
    ("not_allowed", "type: multi", "type: mutli", "type: mutli", 11),
    ("missing_key", "    type: multi\n", "", "- id: kinds", 5),
    ("wrong_type", "code: -2", "code: low", "code: low", 15),
    ("wrong_type", "code: -2", 'code: "-2"', 'code: "-2"', 15),
    ("missing_code", "        code: -2\n", "", "- id: bad", 9),
    ("duplicate_code", "code: -2", "code: -1.0", "code: -1.0", 9),
    ("wrong_type", "max_chars: 40", "max_chars: 4.5", "max_chars", 5),
    ("out_of_range", "max_chars: 40", "max_chars: 0", "max_chars: 0", 16),
    ("bad_version", "version: 1.0.0", "version: 1.0.x", "version", 1),
    ("wrong_type", "version: 1.0.0", "version: 1.0", "version", 10),
    ("bad_language", "title: Small", "title: Small\nlanguages: [english]", "languages", 13),
    ("dangling_reference", "repeat_for: kinds", "repeat_for: kind", "repeat_for", 5),
    ("dangling_reference", "options_from: categories", "options_from: taxonomy", "options_f", 5),
    ("dangling_reference", "is: rude", "is: ruder", "is: ruder", 11),
    ("dangling_reference", "when_not_asked: none", "when_not_asked: no_kind", "when_not", 5),
    (
        "later_question",
        "question: rating\n      at_most: -1",
        "question: why\n      chosen: true",
        "question: why",
        7,
    ),
    (
        "later_question",
        "question: rating\n      at_most: -1",
        "question: kinds\n      is: rude",
        "question: kinds",
        7,
    ),
    ("never_holds", "at_most: -1", "at_most: -3", "at_most", 7),
    ("never_holds", "at_least: 2", "at_least: 2.5", "at_least", 7),
    ("never_holds", "is: bad", "is: fine", "    when:", 5),
    ("bad_operand", "at_most: -1", "is: -1", "is: -1", 7),
    ("bad_condition", "      at_most: -1\n", "", "ask_if", 5),
    ("bad_condition", "at_most: -1", "at_most: -1\n      is: bad", "ask_if", 5),
    ("not_applicable", "max_chars: 40", "cite: false\n    min: 2", "min: 2", 5),
    ("level_not_allowed", "max_chars: 40", "level: nominal", "level: nominal", 5),
    ("level_not_allowed", "cite: true", "level: ordinal", "level: ordinal", 5),
    (
        "bad_repeat",
        "type: text\n    required_if:\n      question: force\n      at_least: 2\n    max_chars: 40",
        "type: span\n    repeat_for: kinds",
        "repeat_for: kinds\ncat",
        5,
    ),
]


@pytest.mark.parametrize(("code", "old", "new", "mark", "column"), MISTAKES)
def test_a_mistake_is_told_with_its_place(
    code: str, old: str, new: str, mark: str, column: int
) -> None:
    text = changed(old, new)
    problem = only_problem(text)
    assert (problem.code, problem.line, problem.column) == (code, line_of(text, mark), column)
    assert str(problem).startswith(f"test.yaml:{problem.line}:{problem.column}: ")


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("title: Small", "titel: Small\ntitle: S", "'title'"),
        ("type: multi", "type: mutli", "'multi'"),
        ("id: fine", "id: no", '"no"'),
        ("is: rude", "is: ruder", "'rude'"),
        ("repeat_for: kinds", "repeat_for: kind", "'kinds'"),
        ("at_most: -1", "at_mots: -1\n      at_most: -1", "'at_most'"),
        ("version: 1.0.0", "version: 1.0", '"1.0"'),
    ],
)
def test_a_mistake_comes_with_a_suggestion(old: str, new: str, hint: str) -> None:
    suggestions = [problem.suggestion or "" for problem in problems_of(changed(old, new))]
    assert any(hint in suggestion for suggestion in suggestions), suggestions


def test_text_lost_after_a_comma_is_told_as_such() -> None:
    text = changed("- id: fine\n        code: 1", "- {id: fine, code: 1, help: Fine, really}")
    problem = only_problem(text)
    assert problem.code == "unknown_key"
    assert "comma" in (problem.suggestion or "")


@pytest.mark.parametrize("key", ["h", "Z", "ab", "é"])
def test_a_hotkey_must_be_free_and_typable(key: str) -> None:
    text = changed("- id: fine", f'- id: fine\n        hotkey: "{key}"')
    assert only_problem(text).code in {"hotkey_clash", "bad_hotkey"}


def test_two_options_cannot_share_a_hotkey() -> None:
    text = changed("- id: fine", "- id: fine\n        hotkey: 4")
    text = text.replace("- id: poor", "- id: poor\n        hotkey: 4")
    problem = only_problem(text)
    assert problem.code == "hotkey_clash"
    assert "'fine'" in problem.message


def test_a_question_whose_type_is_wrong_causes_no_further_complaints() -> None:
    assert only_problem(changed("type: multi", "type: mutli")).code == "not_allowed"


def forty_mistakes() -> str:
    """Return a rubric of forty questions with one mistake each."""
    kinds = (
        "    type: singel\n",
        "    type: text\n    colour: red\n",
        "    type: text\n    help: ~\n",
        "    type: boolean\n    max: 3\n",
        "    type: text\n    ask_if:\n      question: nobody\n      chosen: true\n",
    )
    questions = (f"  - id: q{at}\n    text: Number {at}?\n{kinds[at % 5]}" for at in range(40))
    head = "schema: touchstone-rubric/1\nid: many\nversion: 1.0.0\ntitle: Many\nquestions:\n"
    return head + "".join(questions)


def test_forty_mistakes_are_forty_problems_in_the_order_of_the_file() -> None:
    problems = problems_of(forty_mistakes())
    assert len(problems) == 40
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert len({problem.line for problem in problems}) == 40


def test_the_error_lists_every_problem() -> None:
    with pytest.raises(RubricInvalid) as caught:
        load_rubric(forty_mistakes(), "many.yaml")
    assert str(caught.value).count("many.yaml:") == 40


def test_bytes_that_are_not_utf8_are_placed() -> None:
    text = SMALL.encode().replace(b"Small", b"Sm\xffll")
    problem = only_problem(text)
    assert (problem.code, problem.line, problem.column) == ("invalid_utf8", 4, 10)


@pytest.mark.parametrize("character", ["\0", "\x07", "\x7f", "\ud800"])
def test_characters_no_database_keeps_are_placed(character: str) -> None:
    problem = only_problem(SMALL.replace("Small", f"Sm{character}ll"))
    assert (problem.code, problem.line, problem.column) == ("control_character", 4, 10)


def test_a_byte_order_mark_is_harmless() -> None:
    assert problems_of(b"\xef\xbb\xbf" + SMALL.encode()) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id: [1, 2\n", 2),
        ("id: x\n\ttitle: y\n", 2),
        ("id: x: y\n", 1),
        ("id: 'x\n", 2),
        ("id: x\n- y\n", 2),
        ("%YAML 9.9\n---\nid: x\n", 1),
        ('id: "\\q"\n', 1),
    ],
)
def test_what_is_not_yaml_is_placed(text: str, line: int) -> None:
    problem = only_problem(text)
    assert problem.code == "broken_yaml"
    assert problem.line == line


def test_an_unknown_alias_is_told() -> None:
    assert only_problem("id: *nobody\n").code == "unknown_alias"


def test_an_alias_repeats_what_it_names() -> None:
    text = changed("text: How bad is it?", "text: &same How bad is it?")
    text = text.replace("text: How strong?", "text: *same")
    assert load_rubric(text).question("force").text == "How bad is it?"


def test_an_alias_bomb_does_not_go_off() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for at in range(1, 9):
        inner = ", ".join([f"*a{at - 1}"] * 10)
        lines.append(f"a{at}: &a{at} [{inner}]")
    assert only_problem("\n".join(lines)).code == "too_many_nodes"


def test_too_many_aliases_are_refused() -> None:
    text = "a: &a x\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]\n"
    assert only_problem(text).code == "too_many_nodes"


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_too_deep_is_refused(opening: str) -> None:
    assert only_problem("a: " + opening * 200).code == "too_deep"


def test_a_value_as_deep_as_allowed_is_read_to_its_end() -> None:
    depth = MAX_DEPTH - 1
    codes = {problem.code for problem in problems_of("a: " + "[" * depth + "]" * depth)}
    assert "too_deep" not in codes
    assert "unknown_key" in codes


def test_an_oversized_file_is_refused_unread() -> None:
    assert only_problem("#" * (MAX_BYTES + 1)).code == "too_large"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_told(text: str) -> None:
    assert only_problem(text).code == "empty"


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "12\n"])
def test_a_file_that_is_no_mapping_is_told(text: str) -> None:
    problems = problems_of(text)
    assert any(problem.code == "wrong_type" and problem.line == 1 for problem in problems)


def test_a_second_document_is_refused() -> None:
    assert only_problem(SMALL + "---\nid: other\n").code == "several_documents"


def test_tags_build_nothing() -> None:
    text = changed("title: Small", "title: !!python/object/apply:os.system [ls]")
    assert "tag" in {problem.code for problem in problems_of(text)}


def test_merge_keys_are_not_read() -> None:
    text = changed("- id: fine", "- <<: {code: 2}\n        id: fine")
    assert "merge" in (only_problem(text).suggestion or "")


def test_a_category_with_a_legal_route_is_never_a_label_and_has_no_examples() -> None:
    text = SMALL.replace(
        "    definition: Shouting.\n",
        "    definition: Shouting.\n    legal_route: csae\n    examples:\n      - text: x\n",
    )
    problems = [problem for problem in problems_of(text) if problem.code == "legal_route"]
    assert len(problems) == 3  # it is a label, it has clauses, it has examples


def test_what_is_allowed_but_not_meant_is_a_warning() -> None:
    text = changed(
        "    max_chars: 40",
        "  - id: ok\n    text: Ok?\n    type: boolean\n    when_not_asked: true",
    )
    assert problems_of(text) == ()
    assert [problem.code for problem in warnings_of(text)] == ["never_used"]
    assert all(problem.severity == "warning" for problem in warnings_of(text))


@pytest.mark.parametrize("name", names())
def test_shipped_rubrics_load_without_a_warning(name: str) -> None:
    assert warnings_of(read(name)) == ()


def test_past_the_most_anyone_would_read_it_stops() -> None:
    text = "".join(f"key{at}: x\n" for at in range(2_000))
    problems = problems_of(text)
    assert len(problems) == MAX_PROBLEMS + 1
    assert "too_many_problems" in {problem.code for problem in problems}
    assert len(problems_of("\1" * 5_000)) == MAX_PROBLEMS + 1


FRAGMENTS = st.sampled_from(SMALL.splitlines(keepends=True))
NOISE = st.text(st.sampled_from("ab:-[]{}&*!|>%@`'\"#,?~ \n\t0<é\0"), max_size=40)


@given(st.lists(FRAGMENTS | NOISE, max_size=60))
def test_any_text_is_read_or_refused_with_places(parts: list[str]) -> None:
    for problem in problems_of("".join(parts)):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_places(data: bytes) -> None:
    assert all(problem.line >= 1 for problem in problems_of(data))
    assert problems_of(data)
