"""Agreement: the page per project, the page of one figure, and the JSON API."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, render_template, request

from annotate.services import agreement, projects, side_lean
from annotate.services.agreement import Slice
from annotate.services.errors import NotFound
from annotate.web import agreement_view, case_view
from annotate.web.language_names import language_name
from annotate.web.requests import actor, read_session, scope

if TYPE_CHECKING:
    from flask import Response

    from annotate.services.agreement import Measured
    from tasks.records import VariableReport

blueprint = Blueprint("agreement", __name__)
ITEMS_SHOWN = 50


def _slice() -> Slice | None:
    """Read the slice from the address; the newest labelled version when none is named."""
    session, here = read_session(), scope()
    version_id = request.args.get("version") or agreement.latest_version(session, here)
    if version_id is None:
        return None
    return Slice(
        version_id,
        round_id=request.args.get("round") or None,
        language=request.args.get("language") or None,
    )


def _levels() -> dict[str, str]:
    """Read overrides such as ``?level=severity:nominal``."""
    pairs = (one.partition(":") for one in request.args.getlist("level"))
    return {question: level for question, _colon, level in pairs if level}


def _measure(chosen: Slice) -> Measured:
    return agreement.measure(
        read_session(),
        actor(),
        scope(),
        chosen,
        interval=request.args.get("interval") or "jackknife",
        levels=_levels() or None,
    )


@blueprint.get("/p/<project>/agreement")
def index(project: str) -> str:
    """Show agreement per question, category and derived variable."""
    chosen = _slice()
    context = _context(chosen)
    if chosen is None:
        return render_template("agreement/index.html", measured=None, slug=project, **context)
    measured = _measure(chosen)
    scale, axis, groups = agreement_view.groups(measured.rubric, measured.report)
    main = _main_variable(measured)
    return render_template(
        "agreement/index.html",
        slug=project,
        measured=measured,
        report=measured.report,
        axis=axis,
        scale=scale,
        groups=groups,
        summary=agreement_view.summary(measured.report),
        main=main,
        matrix=None if main is None else agreement_view.pair_matrix(measured, main),
        sides=side_lean.leans(read_session(), scope(), measured.rubric, chosen),
        short_title=partial(case_view.short_title, measured.rubric),
        **context,
    )


@blueprint.get("/p/<project>/agreement/figure")
def variable(project: str) -> str:
    """Show one figure: every coefficient, every pair, and the items behind it."""
    chosen = _slice()
    if chosen is None:
        raise NotFound("There are no labels to measure yet.")
    question = request.args.get("question", "")
    category = request.args.get("category", "")
    conditioning = request.args.get("conditioning", "all")
    measured = _measure(chosen)
    found = [
        one
        for one in measured.report.variables
        if (one.question, one.category) == (question, category)
    ]
    if not found:
        raise NotFound("The rubric measures no such thing.")
    shown = next(
        (one for one in found if one.conditioning == conditioning and one.primary), found[0]
    )
    behind = agreement.behind(
        read_session(),
        actor(),
        scope(),
        chosen,
        question=question,
        category=category,
        conditioning=shown.conditioning,
    )
    return render_template(
        "agreement/figure.html",
        slug=project,
        measured=measured,
        shown=shown,
        asked=agreement_view.asked_about(measured.rubric, shown),
        no_interval=agreement_view.no_interval,
        verdict_words=agreement_view.verdict_words(shown),
        coefficients=agreement_view.coefficients(shown, [o for o in found if o is not shown]),
        matrix=agreement_view.pair_matrix(measured, shown),
        behind=behind[:ITEMS_SHOWN],
        behind_count=len(behind),
        value_names=agreement_view.value_names(measured.rubric, question),
        disputed=sum(one.contribution > 0 for one, _external in behind),
        **_context(chosen),
    )


def _main_variable(measured: Measured) -> VariableReport | None:
    """Return the variable whose pairs are drawn first: the first question with pairs."""
    with_pairs = (one for one in measured.report.variables if one.primary and one.pairs)
    return next(with_pairs, None)


def _context(chosen: Slice | None) -> dict[str, Any]:
    session, here = read_session(), scope()
    choices = agreement.choices(session, here)
    return {
        "project": SimpleNamespace(name=projects.get(session, here).title),
        "choices": choices,
        "language_options": [(code, language_name(code)) for code in choices.languages],
        "may_see_cases": actor().may("case.view", here.project_id),
        "may_decide": actor().may("case.decide", here.project_id),
        "chosen": chosen,
        "query": request.args.to_dict(),
        "short_reason": agreement_view.short_reason,
        "method_words": agreement_view.method_words,
    }


@blueprint.get("/api/v1/projects/<project>/agreement")
def api_report(project: str) -> Response:
    """Return the whole report as JSON; a value that is not defined is null with its reason.

    Query: ``version``, ``round``, ``language``, ``interval`` (jackknife or bootstrap), and
    ``level=QUESTION:LEVEL`` to ask for another level of measurement. ``sides`` tells, for each
    preference, how many verdicts went to the response that the annotator's screen showed first.
    """
    chosen = _slice()
    if chosen is None:
        raise NotFound("There are no rounds in this project yet: nothing can be measured.")
    measured = _measure(chosen)
    sides = side_lean.leans(read_session(), scope(), measured.rubric, chosen)
    body = {
        "project": project,
        "rubric_version_id": chosen.version_id,
        "round_id": chosen.round_id,
        "language": chosen.language,
        **measured.report.to_json(),
        "sides": [one.to_json() for one in sides],
    }
    return jsonify(body)


@blueprint.get("/api/v1/projects/<project>/agreement/items")
def api_items(project: str) -> Response:
    """Return the items behind a figure, the most disputed first."""
    del project
    chosen = _slice()
    if chosen is None:
        raise NotFound("There are no rounds in this project yet: nothing can be measured.")
    behind = agreement.behind(
        read_session(),
        actor(),
        scope(),
        chosen,
        question=request.args.get("question", ""),
        category=request.args.get("category", ""),
        conditioning=request.args.get("conditioning", "all"),
    )
    rows = [{**one.to_json(), "external_id": external} for one, external in behind]
    return jsonify({"items": rows})
