"""Practice: the sets of a project, the labelling page in practice, and its two JSON routes."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from pydantic import Field, JsonValue

from annotate.services import key_bindings, practice, practice_sets, projects, rubrics
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.web.case_view import NOT_ASKED, title_of, value_words
from annotate.web.labeling import Key  # noqa: TC001 - pydantic reads it
from annotate.web.projects import status_of
from annotate.web.rendering import translate as _
from annotate.web.requests import Body, actor, json_body, read_session, scope, transaction
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from annotate.services.practice import Compared, Outcome, ReferenceCell
    from rubrics.schema import Rubric

blueprint = Blueprint("practice", __name__)
API = "/api/v1"
MAX_FILE_BYTES = 2_000_000


class NextBody(Body):
    """Which set; ``after`` names the item that was last on the page when all are done again."""

    rubric_version_id: str
    after: str | None = None


class AnswerBody(Body):
    """A try under a key that the page minted."""

    practice_item_id: str
    answer_id: Key
    answers: dict[str, JsonValue] = Field(max_length=500)


@blueprint.get("/p/<project>/practice")
def index(project: str) -> str:  # noqa: ARG001 - the guard resolves it
    """List the practice sets; whoever plans rounds makes them here."""
    return _page()


@blueprint.post("/p/<project>/practice")
def add(project: str) -> tuple[str, int] | AnyResponse:
    """Take practice items from a file or from decided cases."""
    version_id = request.form.get("rubric_version_id", "")
    try:
        text = None if request.form.get("from") == "cases" else _file()
        with transaction() as session:
            if text is None:
                count = practice_sets.add_decided(session, actor(), scope(), version_id)
            else:
                count = practice_sets.add_file(session, actor(), scope(), version_id, text)
    except (BadInput, Conflict) as error:
        return _page(error), status_of(error)
    return redirect(url_for(".index", project=project, added=count))


@blueprint.post("/p/<project>/practice/remove")
def remove(project: str) -> AnyResponse:
    """Take an item out of its set."""
    with suppress(NotFound), transaction() as session:  # gone already: that is what was wanted
        practice_sets.remove(session, actor(), scope(), request.form.get("practice_item_id", ""))
    return redirect(url_for(".index", project=project))


@blueprint.get("/p/<project>/practice/<version_id>")
def page(project: str, version_id: str) -> str:
    """Show the labelling page in practice."""
    session = read_session()
    version = rubrics.get(session, scope(), version_id)
    found = practice.sets(session, actor(), scope())
    holds = sum(one.items for one in found if one.rubric_version_id == version.id)
    return render_template(
        "label.html",
        project=_crumb(),
        practice={"rubric_version_id": version.id, "project": project, "holds": holds},
        round=SimpleNamespace(id="", name=version.title),
        person_id=actor().user_id,
        time_zone=actor().time_zone,
        keys=key_bindings.own(session, actor()),
        changes=None,
        progress=None,
        revise=None,
        urls={
            "work": url_for(".index", project=project),
            "login": url_for("account.login", next=request.path),
        },
    )


@blueprint.post(f"{API}/projects/<project>/practice/next")
def next_item(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Give the next item to practise on; nothing is leased."""
    body = json_body(NextBody)
    place = practice.next_item(
        read_session(), actor(), scope(), body.rubric_version_id, after=body.after
    )
    found = None
    if place is not None:
        found = {
            "id": place.id,
            "rubric_version_id": place.rubric_version_id,
            "fingerprint": place.fingerprint,
            "needs_reveal": place.item["needs_reveal"],
            "item": place.item,
        }
    return jsonify({"practice_item": found})


@blueprint.post(f"{API}/projects/<project>/practice/answer")
def answer(project: str) -> Response:  # noqa: ARG001 - the guard resolves it
    """Keep a try and return the comparison with the reference, in words."""
    body = json_body(AnswerBody)
    with transaction() as session:
        outcome = practice.answer(
            session,
            actor(),
            scope(),
            body.practice_item_id,
            answer_id=body.answer_id,
            answers=body.answers,
        )
    return jsonify({"questions": [_compared(outcome, one) for one in outcome.questions]})


def _compared(outcome: Outcome, one: Compared) -> dict[str, Any]:
    rubric = outcome.compiled.rubric
    return {
        "question": one.question,
        "category": one.category,
        "title": title_of(rubric, one.question, one.category),
        "right": one.right,
        "own": _cell_words(rubric, one.own),
        "reference": _cell_words(rubric, one.reference),
        "clause": one.clause,
        "clause_text": one.clause_text,
        "explanation": one.explanation,
    }


def _cell_words(rubric: Rubric, cells: tuple[ReferenceCell, ...]) -> list[str]:
    """Return an answer in words; of a choice of several, what was chosen."""
    question = rubric.question(cells[0].question)
    if question.type == "span":
        return []
    if question.type != "multi" or cells[0].state != "answered":
        first = cells[0]
        if first.state == NOT_ASKED:
            return [_("not asked")]
        return [value_words(rubric, first.question, first.category, first.value, first.state)]
    names = {option.id: option.label for option in question.options}
    return [names.get(cell.category, cell.category) for cell in cells if cell.value == "1"]


def _file() -> str:
    given = request.files.get("file")
    data = given.stream.read(MAX_FILE_BYTES + 1) if given is not None else b""
    if not data or len(data) > MAX_FILE_BYTES:
        raise BadInput(Sentence("Choose a file of at most %(n)s MB.", n=MAX_FILE_BYTES // 1000000))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("The file is not UTF-8 text.") from error


def _page(error: BadInput | Conflict | None = None) -> str:
    session = read_session()
    lines = [one for one in rubrics.versions(session, scope()) if one.status != "draft"]
    sets = practice.sets(session, actor(), scope())
    manages = actor().may("round.manage", scope().project_id)
    items = {}
    if manages:
        items = {
            one.rubric_version_id: practice_sets.lines(session, scope(), one.rubric_version_id)
            for one in sets
        }
    return render_template(
        "practice.html",
        project=_crumb(),
        sets=sets,
        items=items,
        manages=manages,
        labels=actor().may("work.label", scope().project_id),
        versions=[(one.id, f"{one.title} {one.version}") for one in lines],
        error=error,
        added=request.args.get("added"),
    )


def _crumb() -> SimpleNamespace:
    return SimpleNamespace(name=projects.get(read_session(), scope()).title)
