"""An agreement report as rows of a page: plots, figures with their evidence, verdicts in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from annotate.web.charts import Estimate, Scale, axis, forest_row, matrix, scale_for, short
from annotate.web.rendering import translate as _
from tasks.agreement.intervals import HANGS_ON_ONE, NO_SPREAD, TOO_FEW_UNITS
from tasks.answer_values import category_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from annotate.services.agreement import Measured
    from rubrics.schema import Rubric
    from tasks.agreement import AgreementResult
    from tasks.agreement.results import Status
    from tasks.records import Report, VariableReport

STATES = {
    "meets_target": "met",
    "above_floor": "tentative",
    "below_floor": "below",
    "not_enough": "grey",
    "not_judged": "grey",
    "undefined": "grey",
}
SHORT_REASONS = {
    "no_variation": "no variation",
    "no_pairable_units": "no two labels",
    "no_units": "no labels",
    "no_labels": "no labels",
    "no_positives": "no positives",
}
"""What a cell says under a dash; the whole reason stands in the gate's column."""
DASH = "\N{EN DASH}"
MEASURES = {"units": "items", "minority": "of the rarer label"}
"""What the kernel counts, in the words of the page."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A coefficient as a cell: the value, the line beneath, and whether it is only grey."""

    text: str
    under: str
    is_dash: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One variable of the report as a table row."""

    question: str
    category: str
    name: str
    level: str
    plot: Markup
    judged: Figure
    overall: Figure | None
    fleiss: Figure
    ac1: Figure
    percent: Figure
    positive: Figure
    prevalence: Figure
    items: int
    verdict: str
    verdict_words: str
    conditioning: str


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one question."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The page's first sentence."""

    kind: str
    title: str
    body: str


def groups(rubric: Rubric, report: Report) -> tuple[Scale, Markup, tuple[Group, ...]]:
    """Return the axis and all rows, grouped by question, in the rubric's order."""
    judged = list(_judged(report))
    scale = scale_for([low for one, _all in judged for low in _lows(one.alpha)])
    asked = {question.id: question for question in rubric.questions}
    titles = {question.id: question.text for question in rubric.questions}
    by_question: dict[str, list[Row]] = {}
    for one, overall in judged:
        titles.setdefault(one.question, one.text)
        row = _row(scale, one, overall)
        if one.category and one.question in asked:  # the group says the question
            row = replace(row, name=category_name(rubric, asked[one.question], one.category))
        by_question.setdefault(one.question, []).append(row)
    found = tuple(Group(titles[key], tuple(rows)) for key, rows in by_question.items())
    return scale, axis(scale), found


def _judged(report: Report) -> Iterable[tuple[VariableReport, VariableReport | None]]:
    """Pair each primary variable that is judged with the other conditioning, if there is one."""
    primary = [one for one in report.variables if one.primary]
    overall = {(v.question, v.category): v for v in primary if v.conditioning == "all"}
    reached = {(v.question, v.category): v for v in primary if v.conditioning == "reached"}
    for key, variable in overall.items():
        if key in reached:
            yield reached[key], variable
        else:
            yield variable, None


def _lows(result: AgreementResult) -> list[float]:
    if result.value is None:
        return []
    return [result.value if result.interval is None else result.interval.low]


def _row(scale: Scale, one: VariableReport, overall: VariableReport | None) -> Row:
    state = STATES[one.verdict]
    words = verdict_words(one)
    return Row(
        question=one.question,
        category=one.category,
        name=one.text,
        level=level_words(one.level.value),
        plot=forest_row(
            scale,
            _sentence(one, overall, words),
            main=_estimate(one.alpha),
            other=None if overall is None else _estimate(overall.alpha),
            floor=one.floor,
            target=one.target,
            state=state,
        ),
        judged=figure(one.alpha),
        overall=None if overall is None else figure(overall.alpha),
        fleiss=figure(one.results["fleiss_kappa"]),
        ac1=figure(one.results["gwet_ac1"]),
        percent=figure(one.results["percent_agreement"]),
        positive=_positive(one),
        prevalence=_prevalence(one),
        items=one.alpha.n_pairable_units,
        verdict=one.verdict,
        verdict_words=words,
        conditioning=one.conditioning,
    )


def _estimate(result: AgreementResult) -> Estimate | None:
    if result.value is None:
        return None
    if result.interval is None:
        return Estimate(result.value)
    return Estimate(result.value, result.interval.low, result.interval.high)


def figure(result: AgreementResult) -> Figure:
    """Return a coefficient with its interval, or a dash with the reason."""
    if result.value is None:
        return Figure(DASH, short_reason(result.status), is_dash=True)
    under = ""
    if result.interval is not None:
        under = f"[{short(result.interval.low)}, {short(result.interval.high)}]"
    elif result.interval_reason:
        under = _("no interval")
    return Figure(short(result.value), under)


def short_reason(status: Status) -> str:
    """Return in two words why a figure is undefined."""
    return _(SHORT_REASONS.get(status.value, status.value.replace("_", " ")))


def level_words(level: str) -> str:
    """Return the name of a level of measurement."""
    words = {
        "nominal": _("nominal"),
        "ordinal": _("ordinal"),
        "interval": _("interval"),
        "ratio": _("ratio"),
    }
    return words.get(level, level)


def method_words(method: str) -> str:
    """Return the name of the way an interval was estimated."""
    return {"jackknife": _("jackknife"), "bootstrap": _("unit bootstrap")}.get(method, method)


def _positive(one: VariableReport) -> Figure:
    if one.positive_agreement is None:
        return Figure(DASH, _("per option"), is_dash=True)
    return figure(one.positive_agreement)


def _prevalence(one: VariableReport) -> Figure:
    enough = one.alpha.sufficiency
    under = _("%(have)s, needs %(need)s", have=f"{enough.have:,}", need=f"{enough.need:,}")
    if one.prevalence is None:
        return Figure("", under)
    return Figure(f"{100 * one.prevalence:.1f} %", under)


def verdict_words(one: VariableReport) -> str:
    """Return the gate's answer with its reason."""
    enough = one.alpha.sufficiency
    words = {
        "meets_target": _("met"),
        "above_floor": _("over floor, under target"),
        "below_floor": _("low end under floor"),
        "undefined": _("undefined: %(reason)s", reason=_undefined(one)),
        "not_judged": _("no interval to judge by"),
        "not_enough": _(
            "not enough %(measure)s: %(have)s of %(need)s",
            measure=_(MEASURES.get(enough.measure, enough.measure)),
            have=f"{enough.have:,}",
            need=f"{enough.need:,}",
        ),
    }
    return words[one.verdict]


def _undefined(one: VariableReport) -> str:
    if one.alpha.status.value == "no_variation" and one.prevalence == 0:
        return _("nobody chose it")
    return _(SHORT_REASONS.get(one.alpha.status.value, one.alpha.status.reason))


def _sentence(one: VariableReport, overall: VariableReport | None, words: str) -> str:
    """Return what a row draws, for those who do not see it."""
    alpha = one.alpha
    if alpha.value is None:
        return f"{one.text}: {words}"
    said = [_("%(name)s: alpha %(value)s.", name=one.text, value=f"{alpha.value:.2f}")]
    if alpha.interval is not None:
        low, high = (f"{end:.2f}" for end in (alpha.interval.low, alpha.interval.high))
        said.append(_("95%% interval %(low)s to %(high)s.", low=low, high=high))
    said.append(
        _("Floor %(floor)s, target %(target)s.", floor=f"{one.floor:g}", target=f"{one.target:g}")
    )
    if overall is not None and overall.alpha.value is not None:
        said.append(_("Over all annotators %(value)s.", value=f"{overall.alpha.value:.2f}"))
    return " ".join([*said, words])


def summary(report: Report) -> Summary:
    """Return the verdict over all questions and categories in a sentence."""
    verdicts = [one.verdict for one, _all in _judged(report)]
    below = verdicts.count("below_floor")
    middle = verdicts.count("above_floor")
    unknown = sum(STATES[verdict] == "grey" for verdict in verdicts)
    total = len(verdicts)
    body = _("The gate reads the low end of the interval, not the estimate.")
    if below:
        title = _(
            "Gate not met: %(below)s of %(total)s are under the floor, "
            "%(unknown)s cannot be judged",
            below=below,
            total=total,
            unknown=unknown,
        )
        return Summary("refuse", title, body)
    if unknown == total:
        needs = _("Every row says what it has and what it needs.")
        body = f"{body} {needs}"
        return Summary("plain", _("Not enough labels to judge anything yet"), body)
    if middle or unknown:
        title = _(
            "Nothing is under the floor; %(middle)s of %(total)s are under the target, "
            "%(unknown)s cannot be judged",
            middle=middle,
            total=total,
            unknown=unknown,
        )
        return Summary("caution", title, body)
    return Summary("met", _("Gate met: all %(total)s reach their target", total=total), body)


def no_interval(result: AgreementResult) -> str:
    """Return why a figure has no interval, with items for what the kernel calls units."""
    reason = result.interval_reason or result.status.reason
    words = {
        TOO_FEW_UNITS: _("Fewer than two items: no variance can be estimated."),
        NO_SPREAD: _(
            "Every item gives the same figure: there is no spread to estimate a variance from."
        ),
        HANGS_ON_ONE: _(
            "Without one of the items the figure is undefined: it hangs on that alone."
        ),
    }
    return words.get(reason, reason)


def asked_about(rubric: Rubric, one: VariableReport) -> str:
    """Return the question of an option whose own name does not tell it."""
    found = next((known.text for known in rubric.questions if known.id == one.question), "")
    return found if one.category and found not in one.text else ""


def value_names(rubric: Rubric, question: str) -> dict[str, str]:
    """Return what the values of a variable are called; those of a category are yes and no."""
    names = {"1": _("yes"), "0": _("no"), "true": _("yes"), "false": _("no")}
    for found in rubric.questions:
        if found.id == question and found.type not in {"multi", "boolean"}:
            names |= {option.id: option.label for option in found.options}
    return names


def pair_names(measured: Measured, variable: VariableReport) -> list[str]:
    """Return the annotators of a variable's pairs, in order of their names."""
    ids = {str(pair.rater_a) for pair in variable.pairs} | {
        str(pair.rater_b) for pair in variable.pairs
    }
    return sorted(ids, key=lambda one: (measured.names.get(one, one), one))


def pair_matrix(measured: Measured, variable: VariableReport) -> Markup | None:
    """Draw Cohen's kappa of every two annotators; None when no two share an item."""
    ids = pair_names(measured, variable)
    if not ids:
        return None
    known: dict[tuple[str, str], float | None] = {}
    for pair in variable.pairs:
        known[str(pair.rater_a), str(pair.rater_b)] = pair.kappa
        known[str(pair.rater_b), str(pair.rater_a)] = pair.kappa
    values = [[known.get((a, b)) for b in ids] for a in ids]
    names = [measured.names.get(one, one) for one in ids]
    defined = [pair.kappa for pair in variable.pairs if pair.kappa is not None]
    label = _("Cohen's kappa of every two annotators for %(name)s.", name=variable.text)
    if defined:
        low, high = short(min(defined)), short(max(defined))
        label += " " + _("From %(low)s to %(high)s.", low=low, high=high)
    return matrix(names, values, floor=variable.floor, label=label)


def coefficients(
    one: VariableReport, others: Sequence[VariableReport]
) -> list[tuple[str, str, str, Figure, AgreementResult]]:
    """Return every coefficient under every conditioning and level, for the page of one figure."""
    rows: list[tuple[str, str, str, Figure, AgreementResult]] = []
    for variable in (one, *others):
        for name, result in variable.results.items():
            if name != "krippendorff_alpha" and not variable.primary:
                continue
            level = level_words(result.level.value)
            rows.append((name, variable.conditioning, level, figure(result), result))
    return rows
