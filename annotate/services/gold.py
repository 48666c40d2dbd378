"""Gold releases: first the row that freezes one, then its files, a pure function of the row."""

from __future__ import annotations

import csv
import json
import platform
import secrets
import shutil
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now, settings_of
from annotate.models import GoldCell, GoldRelease, Item, Job, Project, RubricVersion
from annotate.services import audit, gold_source, jobs, projects
from annotate.services.agreement import has_spans, text_lengths
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.ids import known_form
from annotate.services.job_running import Progress
from annotate.services.text import canonical_json
from exports.manifest import FILE_NAME, NEWEST, digest_of
from exports.release import ReleaseRow, write_release
from exports.splits import Fractions
from exports.spreadsheets import cell_reader
from exports.verify import verify_release
from rubrics.sentences import Sentence
from rubrics.versioning import from_canonical_json
from tasks.records import LabelColumns
from tasks.reliability import agreement_report

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.orm import Session

    from annotate.config import Settings
    from annotate.db import Database
    from annotate.policy import Actor, Scope
    from annotate.services.job_running import Finish, JobRun, Step
    from exports.records import ReleaseItem, ReleaseLabel

_COMPARED = {"unscoped": "found by id; its project is compared with the scope at once"}
_OF_RELEASE = {"unscoped": "the rubric version of a release that was found in scope"}

KIND = "gold.release"
CHUNK = 5000
TOOLS = ("touchstone", "numpy", "pandas", "pyarrow")
DEFAULT_SEED = 20_261_121
MAX_SEED = 2**62


@dataclass(frozen=True, slots=True)
class ReleaseWish:
    """What a person asks of a release.

    Attributes
    ----------
    version_id
        The rubric version whose labels are released.
    seed
        Decides the splits.
    undecided
        What an undecided case gives: ``open`` (no value) or ``majority``.
    validation, test
        Shares of items.
    """

    version_id: str
    seed: int = DEFAULT_SEED
    undecided: str = "open"
    validation: float = 0.1
    test: float = 0.2


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in the list."""

    id: str
    number: int
    state: str
    certified: bool
    title: str
    version: str
    fingerprint: str
    watermark: datetime
    created_at: datetime
    manifest_hash: str | None
    counts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release with its manifest, and whether its files are on this machine."""

    line: ReleaseLine
    manifest: dict[str, Any] | None
    parameters: dict[str, Any]
    versions: dict[str, str]
    directory: Path
    present: bool


def freeze(session: Session, actor: Actor, scope: Scope, wish: ReleaseWish) -> str:
    """Write the row that freezes a release, and the job that makes its files; returns its id.

    Raises
    ------
    BadInput
        For shares or a seed that cannot be.
    NotFound
        When the project has no such version.
    Conflict
        When there are no labels under the version.
    """
    if scope.team_ids is not None:
        raise NotAllowed("A release holds the labels of all teams: a role for one is not enough.")
    _check(wish)
    found = session.get(
        RubricVersion, known_form(wish.version_id, "rubric version"), execution_options=_COMPARED
    )
    if found is None or found.project_id != scope.project_id or found.status == "draft":
        raise NotFound("There is no such published rubric version in this project.")
    project = session.get_one(Project, scope.project_id, with_for_update={"key_share": True})
    if not gold_source.has_labels(session, scope, found.id):
        raise Conflict("There are no labels under this rubric version yet: nothing to release.")
    earlier = _releases(session, scope)
    number = 1 + max((one.number for one in earlier), default=0)
    release_id = new_id()
    parameters = {
        "format": NEWEST,
        "undecided": wish.undecided,
        "validation": wish.validation,
        "test": wish.test,
        "min_votes": projects.settings_of(project)["min_votes"],
        "earlier_test": _earlier_test(session, project, earlier),
    }
    gold_source.let_writers_end(session)
    watermark = now(session)
    session.add(
        GoldRelease(
            id=release_id,
            project_id=scope.project_id,
            number=number,
            rubric_version_id=found.id,
            fingerprint=found.fingerprint,
            certified=found.certified,
            watermark=watermark,
            salt=secrets.token_hex(16),
            seed=wish.seed,
            parameters=canonical_json(parameters),
            versions=canonical_json(_versions()),
            state="frozen",
            created_by=actor.user_id,
            created_at=watermark,
        )
    )
    session.flush()
    audit.record(
        session,
        actor,
        "gold.frozen",
        "release",
        release_id,
        project_id=scope.project_id,
        body={"number": number, "fingerprint": found.fingerprint},
        at=watermark,
        outbox=True,
    )
    return release_id


def _check(wish: ReleaseWish) -> None:
    problems = []
    if not 0 <= wish.seed <= MAX_SEED:
        problems.append(
            {"field": "seed", "message": Sentence("A whole number from 0 to %(n)s.", n=MAX_SEED)}
        )
    if wish.undecided not in {"open", "majority"}:
        problems.append({"field": "undecided", "message": Sentence("Say open or majority.")})
    # written so that what is no number is refused, too
    if not (wish.validation >= 0 and wish.test >= 0 and wish.validation + wish.test < 1):
        words = Sentence("The two shares are 0 or more, and leave something to train on.")
        problems.append({"field": "test", "message": words})
    if problems:
        raise BadInput(problems[0]["message"], problems=problems)


def enqueue(session: Session, actor: Actor, scope: Scope, release_id: str) -> str:
    """Write down the job that makes the files of a frozen release."""
    return jobs.enqueue(session, actor, KIND, {"release_id": release_id}, scope=scope)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in TOOLS}}


def _releases(session: Session, scope: Scope) -> Sequence[GoldRelease]:
    return session.scalars(
        sa.select(GoldRelease)
        .where(GoldRelease.project_id == scope.project_id)
        .order_by(GoldRelease.number.desc())
    ).all()


def _earlier_test(session: Session, project: Project, earlier: Sequence[GoldRelease]) -> list[str]:
    """Return the items that were test before: once test, always test."""
    found: set[str] = set()
    for release in earlier:
        path = folder(settings_of(session), project.slug, release.number) / "splits.csv"
        if release.state != "written" or not path.exists():
            continue
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            text = cell_reader(_format(release))
            found |= {text(row["item_id"]) for row in rows if row["split"] == "test"}
    return sorted(found)


def _format(release: GoldRelease) -> int:
    """Return the format of its files; a row from before formats were counted says none."""
    found: int = json.loads(release.parameters).get("format", 1)
    return found


def folder(settings: Settings, slug: str, number: int) -> Path:
    """Return where the files of a release lie."""
    return settings.data_dir / "releases" / slug / f"{number:04}"


# ------------------------------------------------------------------------------------ the files


def write_files(database: Database, scope: Scope, release_id: str, directory: Path) -> str:
    """Make the files of a release, read as of its watermark; returns the manifest's digest.

    Raises
    ------
    ExportError
        When the place is taken, or the data contradict each other.
    """
    with database.read() as session:
        release = _row(session, scope, release_id)
        project = session.get_one(Project, scope.project_id)
        rubric = session.get_one(
            RubricVersion, release.rubric_version_id, execution_options=_OF_RELEASE
        )
        labels = gold_source.labels(session, scope, rubric.id, release.watermark)
        wanted = {label.item for label in labels}
        given = gold_source.items(session, scope, wanted)
        rulings = gold_source.decisions(session, scope, release.fingerprint, release.watermark)
        row = _release_row(release, project, rubric, _agreement(rubric, labels, given))
    directory.parent.mkdir(parents=True, exist_ok=True)
    return digest_of(write_release(row, given, labels, rulings, directory))


def _release_row(
    release: GoldRelease, project: Project, rubric: RubricVersion, agreement: str
) -> ReleaseRow:
    parameters = json.loads(release.parameters)
    return ReleaseRow(
        project=project.slug,
        number=release.number,
        rubric_canonical=rubric.canonical,
        fingerprint=release.fingerprint,
        certified=release.certified,
        watermark=release.watermark.isoformat(),
        created_at=release.created_at.isoformat(),
        salt=release.salt,
        seed=release.seed,
        min_votes=parameters["min_votes"],
        undecided=parameters["undecided"],
        fractions=Fractions(validation=parameters["validation"], test=parameters["test"]),
        earlier_test=tuple(parameters["earlier_test"]),
        versions=json.loads(release.versions),
        rubric_yaml=rubric.source,
        agreement=agreement,
        format=_format(release),
    )


def _agreement(rubric: RubricVersion, labels: list[ReleaseLabel], given: list[ReleaseItem]) -> str:
    """Return the agreement of the released labels, in an order that no database decides."""
    rows = sorted(
        (one.item, one.annotator, one.question, one.category, one.value, one.state)
        for one in labels
        if one.value is not None
    ) + sorted(
        (one.item, one.annotator, one.question, one.category, None, one.state)
        for one in labels
        if one.value is None
    )
    columns: Any = list(zip(*rows, strict=True))
    known = from_canonical_json(rubric.canonical)
    lengths = text_lengths((one.id, one.canonical_body) for one in given)
    report = agreement_report(
        known, LabelColumns(*columns), lengths=lengths if has_spans(known) else None
    )
    return canonical_json(report.to_json())


def run(job: JobRun) -> Generator[Step, Progress, Finish]:
    """Make the files of a frozen release, then keep its gold cells as rows."""
    release_id = job.parameters["release_id"]
    with job.database.read() as session:
        release = _row(session, job.scope, release_id)
        slug = session.get_one(Project, job.scope.project_id).slug
        ids = _item_ids(session, job.scope)
        fingerprint, directory = (
            release.fingerprint,
            folder(job.database.settings, slug, release.number),
        )
    job.heartbeat(message="Reading labels and decisions")
    _discard_unfinished(directory)
    manifest_hash = write_files(job.database, job.scope, release_id, directory)
    lines = (directory / "gold.jsonl").read_text(encoding="utf-8").splitlines()
    for start in range(int(job.checkpoint.get("gold", 0)), len(lines), CHUNK):
        chunk = [json.loads(line) for line in lines[start : start + CHUNK]]
        rows = [_gold_row(one, job.scope, release_id, fingerprint, ids) for one in chunk]
        yield partial(_keep_gold, rows, start + len(chunk), len(lines))
    return partial(_finish, job, release_id, directory, manifest_hash)


def _discard_unfinished(directory: Path) -> None:
    """Take away what an interrupted attempt left: its release was never announced."""
    if directory.exists():
        shutil.rmtree(directory)


def _item_ids(session: Session, scope: Scope) -> dict[str, str]:
    rows = session.execute(
        sa.select(Item.external_id, Item.id).where(Item.project_id == scope.project_id)
    ).all()
    return {row[0]: row[1] for row in rows}


def _gold_row(
    cell: dict[str, Any], scope: Scope, release_id: str, fingerprint: str, ids: dict[str, str]
) -> dict[str, Any]:
    return {
        "release_id": release_id,
        "item_id": ids[cell["item_id"]],
        "question": cell["question"],
        "category": cell["category"],
        "project_id": scope.project_id,
        "value": cell["value"],
        "basis": cell["basis"],
        "n": cell["n"],
        "distribution": canonical_json(cell["distribution"]),
        "fingerprint": fingerprint,
        "decision_id": cell["decision"],
    }


def _keep_gold(rows: list[dict[str, Any]], done: int, total: int, session: Session) -> Progress:
    session.execute(sa.insert(GoldCell), rows)
    return Progress({"gold": done}, done, total, f"{done:,} of {total:,} gold cells kept")


def _finish(
    job: JobRun, release_id: str, directory: Path, manifest_hash: str, session: Session
) -> dict[str, Any]:
    release = _row(session, job.scope, release_id)
    release.state = "written"
    release.manifest = (directory / FILE_NAME).read_text(encoding="utf-8")
    release.manifest_hash = manifest_hash
    session.flush()
    audit.record(
        session,
        job.actor,
        "gold.released",
        "release",
        release_id,
        project_id=job.scope.project_id,
        body={"number": release.number, "manifest": manifest_hash},
        outbox=True,
    )
    return {
        "release_id": release_id,
        "number": release.number,
        "message": f"Gold release {release.number} is written.",
    }


# -------------------------------------------------------------------------------------- reading


def _row(session: Session, scope: Scope, release_id: str) -> GoldRelease:
    found = session.get(GoldRelease, known_form(release_id, "release"), execution_options=_COMPARED)
    if found is None or found.project_id != scope.project_id:
        raise NotFound("There is no such release here.")
    return found


def listed(session: Session, scope: Scope) -> tuple[ReleaseLine, ...]:
    """Return the releases of a project, newest first."""
    return tuple(_line(session, one) for one in _releases(session, scope))


def by_number(session: Session, scope: Scope, number: int) -> str:
    """Return the id of a release.

    Raises
    ------
    NotFound
        When there is none of that number.
    """
    for release in _releases(session, scope):
        if release.number == number:
            return release.id
    raise NotFound(Sentence("There is no release %(number)s in this project.", number=number))


def _line(session: Session, release: GoldRelease) -> ReleaseLine:
    rubric = session.get_one(
        RubricVersion, release.rubric_version_id, execution_options=_OF_RELEASE
    )
    manifest = json.loads(release.manifest) if release.manifest else {}
    return ReleaseLine(
        release.id,
        release.number,
        release.state,
        release.certified,
        rubric.title,
        rubric.version,
        release.fingerprint,
        release.watermark,
        release.created_at,
        release.manifest_hash,
        manifest.get("counts", {}),
    )


def running_jobs(session: Session, scope: Scope) -> dict[str, str]:
    """Return the jobs that write files now or soon, by the release they are for."""
    rows = session.execute(
        sa.select(Job.parameters, Job.id)
        .where(
            Job.project_id == scope.project_id,
            Job.kind == KIND,
            Job.state.in_(jobs.RUNNING_STATES),
        )
        .order_by(Job.id)
    ).all()
    return {str(json.loads(row[0])["release_id"]): row[1] for row in rows}


def view(session: Session, scope: Scope, release_id: str) -> ReleaseView:
    """Return a release.

    Raises
    ------
    NotFound
        When the project has none of that id.
    """
    release = _row(session, scope, release_id)
    project = session.get_one(Project, scope.project_id)
    directory = folder(settings_of(session), project.slug, release.number)
    return ReleaseView(
        line=_line(session, release),
        manifest=json.loads(release.manifest) if release.manifest else None,
        parameters=json.loads(release.parameters),
        versions=json.loads(release.versions),
        directory=directory,
        present=(directory / FILE_NAME).exists(),
    )


def file_path(session: Session, scope: Scope, release_id: str, name: str) -> Path:
    """Return the path of one file of a release; only names that its manifest lists exist.

    Raises
    ------
    NotFound
        For any other name.
    """
    found = view(session, scope, release_id)
    listed_names = {str(one["path"]) for one in (found.manifest or {}).get("files", ())}
    if name not in listed_names | {FILE_NAME} or not found.present:
        raise NotFound("There is no such file in this release.")
    return found.directory / name


def check(session: Session, scope: Scope, release_id: str) -> tuple[str, ...]:
    """Verify the files of a release on this machine; returns what is wrong, nothing when whole."""
    found = view(session, scope, release_id)
    if not found.present:
        return ("the files are not on this machine",)
    report = verify_release(found.directory)
    problems = [str(problem) for problem in report.problems]
    if report.manifest_sha256 != found.line.manifest_hash:
        problems.append("manifest.json is not the one that was recorded with the release")
    return tuple(problems)
