"""The card of a release: what it is, what it is good for and what not, in Markdown."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.gold_set import BASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.gold_set import GoldCell
    from exports.records import ReleaseItem
    from exports.splits import Placed
    from exports.strict_json import JsonValue
    from rubrics.schema import Rubric

MAX_VALUES = 8
_NOT_GIVEN = "not given"
_LIMITS = """\
## Limits

- Where cases are open, the cells that do have a value are the easier ones; a classifier that is
  measured on them alone looks better than it is.
- Unsure and cannot-assess answers are counted and never become a class.
- A question that a condition closed counts as the value its rubric declares; `not_asked` says for
  how many annotators.
- Names of annotators and adjudicators are pseudonyms of this release alone.
- How the items were sampled is not part of this release: shares in it are shares of what was
  labelled, not of what is met in use."""
_CHECKING = """\
## Files and checking them

`manifest.json` lists every file with its SHA-256. `touchstone gold verify DIR` checks them, and
works the gold labels out again from `labels.jsonl`, `decisions.jsonl` and `rubric.json`.

Do not train on the test split. Every item carries the canary `{canary}`: a model or a data set that
knows it has seen this release."""
_GOLD_NOTE = (
    "Cells by the reason for their value, then the values themselves. Cells that are open, have "
    "too few votes or no majority have no value (null): missing is never negative."
)
_AGREEMENT_NOTE = (
    "Krippendorff's alpha over all annotators; `agreement.json` has every coefficient, both "
    "conditionings and the pairs."
)


@dataclass(slots=True)
class CellCounts:
    """How the cells of one question and category came out."""

    values: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)

    def add(self, cell: GoldCell) -> None:
        """Count one cell."""
        self.bases[cell.basis] += 1
        if cell.value is not None:
            self.values[cell.value] += 1


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything the card says that is not written in the rubric.

    Attributes
    ----------
    project, number, created_at, watermark, canary, fingerprint : str or int
        As the release row has them.
    certified : bool
        Whether the rubric had passed its gates.
    min_votes, undecided, seed
        The parameters of the release.
    """

    project: str
    number: int
    created_at: str
    watermark: str
    canary: str
    fingerprint: str
    certified: bool
    min_votes: int
    undecided: str
    seed: int
    items: Sequence[ReleaseItem]
    placed: Sequence[Placed]
    annotators: int
    labels: int
    decisions: int
    cells: Mapping[tuple[str, str], CellCounts]
    agreement: JsonValue = None


def _safe(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(_safe(str(cell)) for cell in row) for row in rows]
    return [f"| {line} |" for line in lines]


CERTIFIED = "**Certified:**"
NOT_CERTIFIED = "**Not certified:**"


def first_line(rubric: Rubric, *, certified: bool) -> str:
    """Return the first line of a card: a warning before anything else where one is due."""
    named = f"rubric {rubric.id} {rubric.version}"
    if certified:
        return f"{CERTIFIED} {named} had passed its agreement gates when this was released."
    return (
        f"{NOT_CERTIFIED} {named} (status {rubric.status}) has not passed its agreement "
        "gates; do not use these labels as a reference without looking at the agreement first."
    )


def _intro(rubric: Rubric, facts: CardFacts) -> list[str]:
    return [
        first_line(rubric, certified=facts.certified),
        "",
        f"# {_safe(facts.project)}: gold release {facts.number}",
        "",
        f"{_safe(rubric.title)}. {_safe(rubric.description or '')}".strip(),
        "",
        *_table(
            ("", ""),
            [
                ("released", facts.created_at),
                ("labels and rulings up to", facts.watermark),
                ("rubric", f"{rubric.id} {rubric.version}, {rubric.paradigm}"),
                ("fingerprint", f"`{facts.fingerprint}`"),
                ("items", f"{len(facts.items):,}"),
                ("annotators", facts.annotators),
                ("labels", f"{facts.labels:,}"),
                ("rulings", f"{facts.decisions:,}"),
                ("votes needed", facts.min_votes),
                ("undecided cases", _undecided_words(facts.undecided)),
                ("canary", f"`{facts.canary}`"),
            ],
        ),
    ]


def _undecided_words(undecided: str) -> str:
    if undecided == "open":
        return "have no gold label (basis open)"
    return "take the majority of their votes"


def _counted(values: Iterable[str | None]) -> str:
    counts = Counter(value or _NOT_GIVEN for value in values)
    listed = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    shown = [f"{name} ({count:,})" for name, count in listed[:MAX_VALUES]]
    rest = len(listed) - len(shown)
    return ", ".join([*shown, f"and {rest} more"] if rest else shown)


def _composition(facts: CardFacts) -> list[str]:
    items = facts.items
    groups = len({one.group for one in facts.placed})
    return [
        "",
        "## Composition",
        "",
        *_table(
            ("", ""),
            [
                ("kinds", _counted(item.kind for item in items)),
                ("languages", _counted(item.language for item in items)),
                ("sources", _counted(item.source for item in items)),
                ("licences", _counted(item.licence for item in items)),
                ("splits", _counted(one.split for one in facts.placed)),
                ("groups kept together", f"{groups:,}, seed {facts.seed}"),
            ],
        ),
        *_files_of(items),
    ]


def _files_of(items: Sequence[ReleaseItem]) -> list[str]:
    """Say that files of items are named and not given; nothing where no item has any."""
    listed = [json.loads(item.canonical_body).get("media", ()) for item in items]
    holders = sum(bool(files) for files in listed)
    if not holders:
        return []
    digests = {one["sha256"] for files in listed for one in files}
    words = (
        f"Pictures and recordings: {len(digests):,} files, in {holders:,} items. `media.csv` names "
        "each by item, part and SHA-256; the files themselves are not part of this release."
    )
    return ["", words]


def _values(counts: CellCounts) -> str:
    return ", ".join(f"{value}: {n:,}" for value, n in counts.values.most_common(MAX_VALUES))


def _gold(facts: CardFacts) -> list[str]:
    rows = [
        (question, category, *(f"{counts.bases[basis]:,}" for basis in BASES), _values(counts))
        for (question, category), counts in facts.cells.items()
    ]
    bases = [basis.replace("_", " ") for basis in BASES]
    return [
        "",
        "## Gold labels",
        "",
        _GOLD_NOTE,
        "",
        *_table(("question", "category", *bases, "values"), rows),
    ]


def _figure(value: JsonValue) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "undefined"


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _interval(alpha: Mapping[str, JsonValue]) -> str:
    interval = _object(alpha.get("interval"))
    if not interval:
        return "none"
    return f"{_figure(interval.get('low'))} to {_figure(interval.get('high'))}"


def _agreement_row(variable: Mapping[str, JsonValue]) -> tuple[object, ...] | None:
    alpha = _object(_object(variable.get("results")).get("krippendorff_alpha"))
    if not alpha or not variable.get("primary") or variable.get("conditioning") != "all":
        return None
    enough = _object(alpha.get("sufficiency")).get("enough")
    share = variable.get("prevalence")
    return (
        variable.get("question"),
        variable.get("category"),
        variable.get("level"),
        _figure(alpha.get("value")) if alpha.get("value") is not None else alpha.get("reason"),
        _interval(alpha),
        alpha.get("n_pairable_units"),
        alpha.get("n_labels"),
        alpha.get("n_raters"),
        _figure(share) if isinstance(share, int | float) else "",
        "yes" if enough else "**too few to judge**",
    )


def _agreement(facts: CardFacts) -> list[str]:
    head = ["", "## Agreement", ""]
    variables = _object(facts.agreement).get("variables")
    if not isinstance(variables, list):
        return [*head, "No agreement report came with this release."]
    rows = [row for one in variables if (row := _agreement_row(_object(one))) is not None]
    columns = ("question", "category", "level", "alpha", "95 % interval", "items")
    return [
        *head,
        _AGREEMENT_NOTE,
        "",
        *_table((*columns, "labels", "annotators", "prevalence", "enough"), rows),
    ]


def _notes(facts: CardFacts) -> list[str]:
    return ["", *_LIMITS.splitlines(), "", *_CHECKING.format(canary=facts.canary).splitlines(), ""]


def write_card(rubric: Rubric, facts: CardFacts) -> str:
    """Return the card of a release.

    Parameters
    ----------
    rubric : Rubric
        The version the labels were made under.
    facts : CardFacts
        Counts and parameters of the release.

    Returns
    -------
    str
        Markdown; the first line says whether the rubric is certified.
    """
    parts = (
        _intro(rubric, facts),
        _composition(facts),
        _gold(facts),
        _agreement(facts),
        _notes(facts),
    )
    return "\n".join(line for part in parts for line in part)
