"""From a rubric and a design to tasks: a plan that is shown first and is the same every time.

The order of a task is a keyed hash of the seed and the item, so adding items later moves none of
the tasks that are there, and planning the same items again plans nothing new.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rubrics.sentences import Sentence
from tasks.allocation import Need, Person, allocate, covers, keyed_order, loads, reads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from rubrics.schema import AgreementSpec, Question, Rubric

Gravity = Literal["error", "warning"]
MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class PlanItem:
    """What planning needs to know of an item."""

    id: str
    language: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Design:
    """How items are given to people.

    Attributes
    ----------
    overlap : int
        People per item.
    seed : int
        Decides the order of the tasks and every tie.
    teams : tuple of str
        Only people of these teams; empty means everyone.
    allocation : mapping of item id to person ids, or None
        An explicit allocation; it replaces the overlap, and items it leaves out get no task.
    reserve : bool
        Keep the places of the balanced allocation for the people named, instead of letting
        whoever comes first take them.
    minutes_per_item : float
        Expected time for one person on one item.
    """

    overlap: int
    seed: int
    teams: tuple[str, ...] = ()
    allocation: Mapping[str, Sequence[str]] | None = None
    reserve: bool = False
    minutes_per_item: float = 1.0


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task to be made.

    Attributes
    ----------
    item_id : str
        The item.
    needed : int
        How many people label it.
    ord : int
        Place in the queue: 63 bits.
    people : tuple of str or None
        Who it is kept for; None when anyone who may can take it.
    """

    item_id: str
    needed: int
    ord: int
    people: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one question (for one category) will get.

    Attributes
    ----------
    question, category : str
        Ids; the category is empty where the question has none.
    items, labels : int
        Items and labels, at most so many where the question is conditional.
    conditional : bool
        Whether only some annotators reach the question.
    need_items, need_positives : int
        What the rubric asks for before agreement may be judged.
    prevalence_needed : float or None
        Share of items that must be positive to reach ``need_positives``; None where there are no
        items. Over 1, the plan cannot reach it.
    """

    question: str
    category: str
    items: int
    labels: int
    conditional: bool
    need_items: int
    need_positives: int
    prevalence_needed: float | None


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Something about a plan that is wrong (error) or should be known (warning)."""

    code: str
    message: str
    severity: Gravity = "error"


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, and what they cost and cover.

    Attributes
    ----------
    tasks : tuple of PlannedTask
        In the order in which they are worked on.
    load : mapping of person id to int
        Items per person: kept places, or what an even share comes to.
    coverage : tuple of Coverage
        Per question and category.
    slices : mapping of slice name to mapping of value to int
        Items per slice value; ``language`` is one of the slices.
    people_hours : float
        Labels times minutes per item.
    problems : tuple of PlanProblem
        Errors forbid making the tasks.
    """

    tasks: tuple[PlannedTask, ...]
    load: Mapping[str, int]
    coverage: tuple[Coverage, ...]
    slices: Mapping[str, Mapping[str, int]]
    people_hours: float
    problems: tuple[PlanProblem, ...]

    @property
    def ok(self) -> bool:
        """Return whether the tasks may be made."""
        return not any(problem.severity == "error" for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Return what programs are told: the sums, not every task."""
        return {
            "ok": self.ok,
            "tasks": len(self.tasks),
            "places": sum(task.needed for task in self.tasks),
            "people_hours": self.people_hours,
            "load": dict(self.load),
            "slices": {name: dict(values) for name, values in self.slices.items()},
            "coverage": [asdict(row) for row in self.coverage],
            "problems": [asdict(problem) for problem in self.problems],
        }


def _named(ids: Iterable[str]) -> str:
    listed = sorted(ids)
    shown = ", ".join(listed[:MAX_NAMED])
    if len(listed) <= MAX_NAMED:
        return shown
    return Sentence("%(shown)s and %(n)s more", shown=shown, n=f"{len(listed) - MAX_NAMED:,}")


def _repeated(ids: Iterable[str]) -> list[str]:
    return [one for one, count in Counter(ids).items() if count > 1]


def _input_problems(items: Sequence[PlanItem], people: Sequence[Person]) -> list[PlanProblem]:
    problems = []
    if not items:
        problems.append(PlanProblem("no_items", Sentence("there are no items; import some first")))
    twice = _repeated(item.id for item in items)
    if twice:
        problems.append(
            PlanProblem(
                "item_twice", Sentence("items are given twice: %(named)s", named=_named(twice))
            )
        )
    twice = _repeated(person.id for person in people)
    if twice:
        problems.append(
            PlanProblem(
                "person_twice", Sentence("people are given twice: %(named)s", named=_named(twice))
            )
        )
    return problems


def _allocation_problems(
    items: Sequence[PlanItem],
    people: Sequence[Person],
    allocation: Mapping[str, Sequence[str]],
) -> list[PlanProblem]:
    known_items = {item.id: item for item in items}
    known_people = {person.id: person for person in people}
    problems = []
    unknown = allocation.keys() - known_items.keys()
    if unknown:
        message = Sentence(
            "the allocation names items that do not exist: %(named)s", named=_named(unknown)
        )
        problems.append(PlanProblem("unknown_item", message))
    strangers = {one for chosen in allocation.values() for one in chosen} - known_people.keys()
    if strangers:
        message = Sentence(
            "the allocation names people who may not label here: %(named)s", named=_named(strangers)
        )
        problems.append(PlanProblem("unknown_person", message))
    twice = [item for item, chosen in allocation.items() if len(set(chosen)) != len(chosen)]
    if twice:
        message = Sentence(
            "the allocation names a person twice on one item: %(named)s", named=_named(twice)
        )
        problems.append(PlanProblem("person_twice_on_item", message))
    left = [item.id for item in items if not allocation.get(item.id)]
    if left:
        message = Sentence(
            "%(n)s items get no task: %(named)s", n=f"{len(left):,}", named=_named(left)
        )
        problems.append(PlanProblem("left_out", message, "warning"))
    foreign = [
        item
        for item, chosen in allocation.items()
        if item in known_items
        for one in chosen
        if one in known_people and not reads(known_people[one], known_items[item].language)
    ]
    if foreign:
        message = Sentence(
            "people get items in languages they do not label in: %(named)s",
            named=_named(set(foreign)),
        )
        problems.append(PlanProblem("language", message, "warning"))
    return problems


def _overlap_problems(
    items: Sequence[PlanItem], people: Sequence[Person], design: Design
) -> list[PlanProblem]:
    if design.overlap < 1:
        return [
            PlanProblem("overlap", Sentence("the overlap is below 1; every item needs someone"))
        ]
    if not people:
        where = Sentence(" in %(teams)s", teams=_named(design.teams)) if design.teams else ""
        message = Sentence(
            "nobody%(where)s may label here; grant someone the role of annotator", where=where
        )
        return [PlanProblem("no_people", message)]
    problems = []
    if design.overlap == 1:
        message = Sentence("with one person per item no agreement can be measured")
        problems.append(PlanProblem("overlap_one", message, "warning"))
    for language, count in sorted(Counter(item.language or "" for item in items).items()):
        able = sum(reads(person, language or None) for person in people)
        if able < design.overlap:
            words = Sentence("in %(language)s ", language=repr(language)) if language else ""
            message = Sentence(
                "%(count)s items %(words)sneed %(overlap)s people and %(able)s can "
                "take them; lower the overlap or add people",
                count=f"{count:,}",
                words=words,
                overlap=design.overlap,
                able=able,
            )
            problems.append(PlanProblem("too_few_people", message))
    return problems


def _categories(rubric: Rubric, question: Question) -> list[str]:
    if question.repeat_for is not None:
        return [option.id for option in rubric.question(question.repeat_for).options]
    return [option.id for option in question.options] if question.type == "multi" else [""]


def _spec(rubric: Rubric, question: Question, category: str) -> AgreementSpec:
    for known in rubric.categories:
        if known.id == category and known.agreement is not None:
            return known.agreement
    return question.agreement


def _coverage(rubric: Rubric, items: int, labels: int) -> tuple[Coverage, ...]:
    rows = []
    for question in rubric.questions:
        if question.type == "text" or question.role == "metadata":
            continue
        conditional = question.ask_if is not None or question.repeat_for is not None
        for category in _categories(rubric, question):
            spec = _spec(rubric, question, category)
            share = spec.min_positives / items if items else None
            need = (spec.min_items, spec.min_positives)
            rows.append(Coverage(question.id, category, items, labels, conditional, *need, share))
    return tuple(rows)


def _coverage_problems(coverage: Sequence[Coverage]) -> list[PlanProblem]:
    short = [
        f"{row.question}{'/' + row.category if row.category else ''}"
        for row in coverage
        if row.items < row.need_items
    ]
    if not short:
        return []
    message = Sentence(
        "%(items)s items are fewer than the rubric asks for before agreement "
        "may be judged on %(named)s",
        items=f"{coverage[0].items:,}",
        named=_named(short),
    )
    return [PlanProblem("few_items", message, "warning")]


def _language_problems(items: Sequence[PlanItem], rubric: Rubric) -> list[PlanProblem]:
    """Warn of items in languages that the rubric was not written for."""
    counts = Counter(
        item.language or "" for item in items if not covers(rubric.languages, item.language)
    )
    if not counts:
        return []
    found = ", ".join(f"{language}: {count:,}" for language, count in sorted(counts.items()))
    message = Sentence(
        "%(n)s items are in languages that the rubric does not name "
        "(%(found)s); it names %(listed)s",
        n=f"{sum(counts.values()):,}",
        found=found,
        listed=", ".join(rubric.languages),
    )
    return [PlanProblem("rubric_language", message, "warning")]


def _slices(items: Sequence[PlanItem]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {"language": Counter()}
    for item in items:
        counts["language"][item.language or ""] += 1
        for name, value in item.slices.items():
            counts.setdefault(name, Counter())[value] += 1
    return {name: dict(sorted(counts[name].items())) for name in sorted(counts)}


def _check(
    items: Sequence[PlanItem], people: Sequence[Person], design: Design
) -> list[PlanProblem]:
    problems = _input_problems(items, people)
    if design.minutes_per_item <= 0:
        problems.append(
            PlanProblem("minutes", Sentence("the minutes per item must be more than 0"))
        )
    if design.allocation is not None:
        return problems + _allocation_problems(items, people, design.allocation)
    return problems + _overlap_problems(items, people, design)


def _places(
    items: Sequence[PlanItem], people: Sequence[Person], design: Design
) -> Mapping[str, Sequence[str]]:
    if design.allocation is not None:
        known = {item.id for item in items}
        given = {one: tuple(chosen) for one, chosen in design.allocation.items() if chosen}
        return {one: given[one] for one in sorted(given.keys() & known)}
    needs = [Need(item.id, max(design.overlap, 0), item.language) for item in items]
    return allocate(needs, people, design.seed)


def _tasks(places: Mapping[str, Sequence[str]], design: Design) -> tuple[PlannedTask, ...]:
    explicit = design.allocation is not None
    tasks = [
        PlannedTask(
            item_id=item,
            needed=len(chosen) if explicit else design.overlap,
            ord=keyed_order(design.seed, item),
            people=tuple(chosen) if explicit or design.reserve else None,
        )
        for item, chosen in places.items()
    ]
    return tuple(sorted(tasks, key=lambda task: (task.ord, task.item_id)))


def plan(
    items: Sequence[PlanItem], people: Sequence[Person], design: Design, rubric: Rubric
) -> Plan:
    """Plan the tasks of a round; nothing is made yet.

    Parameters
    ----------
    items : sequence of PlanItem
        In any order: the plan does not depend on it.
    people : sequence of Person
        Who may label here, in any order.
    design : Design
        Overlap or allocation, seed and teams.
    rubric : Rubric
        Says what is asked and how much of it agreement needs.

    Returns
    -------
    Plan
        With every problem found; its tasks may be made when it is ``ok``.
    """
    if design.teams:
        people = [person for person in people if person.team in design.teams]
    problems = _check(items, people, design)
    places = _places(items, people, design)
    tasks = _tasks(places, design)
    labels = sum(task.needed for task in tasks)
    coverage = _coverage(rubric, len(tasks), labels)
    return Plan(
        tasks=tasks,
        load=loads(places, people),
        coverage=coverage,
        slices=_slices(items),
        people_hours=labels * design.minutes_per_item / 60,
        problems=tuple(problems + _coverage_problems(coverage) + _language_problems(items, rubric)),
    )


def not_yet_made(planned: Plan, existing: Collection[str]) -> tuple[PlannedTask, ...]:
    """Return the tasks whose items have none yet in the round; planning twice leaves nothing."""
    made = frozenset(existing)
    return tuple(task for task in planned.tasks if task.item_id not in made)


__all__ = ["Coverage", "Design", "Person", "Plan", "PlanItem", "PlanProblem", "PlannedTask", "plan"]
