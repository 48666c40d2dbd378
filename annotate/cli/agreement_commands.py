"""``touchstone agreement``: agreement on label files, without a server or a database."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from annotate.cli import agreement_output as output
from rubrics.errors import RubricError
from rubrics.library import names, read
from rubrics.loader import load_rubric
from tasks.agreement import IntervalSpec, Level
from tasks.agreement.intervals import METHODS
from tasks.errors import TaskError
from tasks.label_files import (
    COEFFICIENTS,
    USUAL,
    FileColumns,
    FileRequest,
    file_report,
    n_variables,
    read_label_columns,
    read_labels,
)
from tasks.reliability import agreement_report, variable_data
from tasks.verification import Opinion, verify, verify_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rubrics.schema import Rubric
    from tasks.agreement import AgreementResult, ReliabilityData
    from tasks.records import PairReport, VariableReport
    from tasks.verification import Verification

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, writable=True, path_type=Path)
FROM_DATA = (
    "the values are those that occur: AC1 and Brennan-Prediger count values nobody chose only "
    "if --scale names them"
)


class Refused(click.ClickException):
    """Input that cannot be measured: the message on standard error, exit code 2."""

    exit_code = 2


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--item", default="item", show_default=True, help="Column of the item.")
@click.option(
    "--annotator", default="annotator", show_default=True, help="Column of the annotator."
)
@click.option("--wide", is_flag=True, help="Each --value column is an annotator; no --annotator.")
@click.option("--value", "values", multiple=True, metavar="COLUMN", help="Column of labels.")
@click.option(
    "--level",
    "levels",
    multiple=True,
    metavar="[COLUMN=]LEVEL",
    help="nominal, ordinal, interval or ratio; never guessed.",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="[COLUMN=]A,B,C",
    help="All values in the order of the scale.",
)
@click.option("--rubric", metavar="NAME|FILE", help="Measure Touchstone's long labels by a rubric.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Cut into slices.")
@click.option(
    "--interval",
    type=click.Choice([*METHODS, "none"]),
    default="jackknife",
    show_default=True,
)
@click.option("--confidence", default=0.95, show_default=True)
@click.option("--resamples", default=1000, show_default=True, help="For bootstrap and bca.")
@click.option("--seed", default=0, show_default=True, help="For bootstrap and bca.")
@click.option(
    "--coefficients",
    default=",".join(USUAL),
    show_default=True,
    help=f"Of: {', '.join(COEFFICIENTS)}.",
)
@click.option("--pairs", is_flag=True, help="Cohen's kappa of every two annotators.")
@click.option("--verify", "second", is_flag=True, help="Ask krippendorff and statsmodels too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--report", "report_file", type=OUT, metavar="FILE", help="Write an HTML page.")
def agreement(**options: object) -> None:
    """Measure agreement on label FILES (CSV, JSONL, Parquet).

    A row holds one annotator's labels on one item, in one or more --value columns:

        touchstone agreement labels.csv --value severity --level ordinal

    Every figure comes with its interval, items, labels, raters, prevalence and whether that is
    enough to judge by. Exit code 2: bad input; 1: --verify found a figure that differs.
    """
    try:
        lines, told = _measure(options)
    except (TaskError, RubricError) as error:
        raise Refused(str(error)) from error
    if options["report_file"] is not None:
        path = Path(str(options["report_file"]))
        path.write_text(output.page("Agreement", lines), encoding="utf-8")
    if options["as_json"]:
        click.echo(json.dumps(told, allow_nan=False, ensure_ascii=False, indent=1))
    else:
        _print(lines)
    if any(one.opinion is Opinion.DIFFERS for line in lines for one in line.verifications):
        raise SystemExit(1)


def _measure(options: dict[str, object]) -> tuple[list[output.Line], dict[str, object]]:
    if options["rubric"] is not None:
        return _by_rubric(options)
    return _by_columns(options)


def _by_columns(options: dict[str, object]) -> tuple[list[output.Line], dict[str, object]]:
    values = _texts(options["values"])
    if not values:
        raise Refused("name the columns that hold labels with --value, or give a --rubric")
    if not options["levels"]:
        raise Refused("give the level of measurement with --level: it is never guessed")
    annotator = None if options["wide"] else str(options["annotator"])
    columns = FileColumns(str(options["item"]), annotator, values, _texts(options["by"]))
    labels = read_labels(_paths(options), columns)
    request = FileRequest(
        levels={name: _level(level) for name, level in _assigned(options["levels"]).items()},
        scales={
            name: tuple(part.strip() for part in scale.split(","))
            for name, scale in _assigned(options["scales"]).items()
        },
        coefficients=_coefficients(str(options["coefficients"])),
        interval=_interval(options),
        pairs=bool(options["pairs"]),
    )
    lines, told = [], []
    quiet = not sys.stderr.isatty()
    with click.progressbar(
        file_report(labels, request), length=n_variables(labels), file=sys.stderr, hidden=quiet
    ) as variables:
        for one in variables:
            opinions = _opinions(options, one.data, one.results, one.pairs, one.annotators)
            note = FROM_DATA if one.domain_from_data and _depends_on_domain(one.results) else ""
            lines.append(output.Line(one.title, one.results, one.pairs, opinions, note))
            told.append(one.to_json() | _told(opinions))
    return lines, {"files": [path.name for path in _paths(options)], "variables": told}


def _by_rubric(options: dict[str, object]) -> tuple[list[output.Line], dict[str, object]]:
    if options["values"] or options["by"] or options["wide"] or options["scales"]:
        raise Refused("--value, --by, --wide and --scale are for files without a --rubric")
    _refuse_given("item", "annotator", "coefficients")
    levels = {name: _level(level) for name, level in _assigned(options["levels"]).items()}
    if "" in levels:
        raise Refused("with a --rubric say which question a level is for: --level QUESTION=LEVEL")
    rubric = _rubric(str(options["rubric"]))
    labels = read_label_columns(_paths(options))
    report = agreement_report(
        rubric,
        labels,
        interval=_interval(options),
        levels=levels,
        pairs=bool(options["pairs"]),
    )
    data, annotators = variable_data(rubric, labels, levels=levels)
    lines, opinions = [], []
    for one, behind in zip(report.variables, data, strict=True):
        found = _opinions(options, behind, one.results, one.pairs, annotators)
        opinions.append(found)
        lines.append(output.Line(_title(one), one.results, one.pairs, found, one.verdict))
    told = report.to_json()
    told["variables"] = [
        one.to_json() | _told(found) for one, found in zip(report.variables, opinions, strict=True)
    ]
    return lines, told


def _refuse_given(*names: str) -> None:
    """Refuse options that a rubric leaves without a meaning, when they were typed."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise Refused(
                f"--{name} is for files without a --rubric: with one, the columns are those of "
                "Touchstone's long labels, and all coefficients are given"
            )


def _opinions(
    options: dict[str, object],
    data: ReliabilityData,
    results: object,
    pairs: Sequence[PairReport],
    annotators: Sequence[object],
) -> tuple[Verification, ...]:
    if not options["second"]:
        return ()
    figures: dict[str, AgreementResult] = dict(results)  # type: ignore[call-overload]
    found = []
    for result in figures.values():
        same_level = data if data.domain.level == result.level else data.at(result.level)
        found.append(verify(same_level, result))
    return (*found, *verify_pairs(data, annotators, pairs))


def _told(opinions: Sequence[Verification]) -> dict[str, object]:
    return {"verification": [one.to_json() for one in opinions]} if opinions else {}


def _title(report: VariableReport) -> str:
    name = f"{report.question}/{report.category}" if report.category else report.question
    return name if report.conditioning == "all" else f"{name} (reached)"


def _print(lines: Sequence[output.Line]) -> None:
    parts = [output.table(lines), output.forest(lines)]
    parts += [output.pair_table(line) for line in lines if line.pairs]
    if any(line.verifications for line in lines):
        parts.append(output.verification_table(lines))
    notes = sorted({line.note for line in lines if line.note == FROM_DATA})
    reasons = sorted(
        {
            result.interval_reason or result.status.reason
            for line in lines
            for result in line.results.values()
        }
        - {""}
    )
    parts += [f"note: {text}" for text in (*notes, *reasons)]
    click.echo("\n\n".join(parts))


def _paths(options: dict[str, object]) -> list[Path]:
    return [Path(name) for name in _texts(options["files"])]


def _texts(given: object) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, tuple) else ()


def _assigned(given: object) -> dict[str, str]:
    """Read COLUMN=TEXT, and a text alone as the one for all other columns."""
    parts = [text.rpartition("=") for text in _texts(given)]
    return {name: text for name, _, text in parts}


def _level(name: str) -> Level:
    try:
        return Level(name)
    except ValueError:
        raise Refused(f"unknown level {name!r}: choose one of {', '.join(Level)}") from None


def _coefficients(given: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in given.split(",") if name.strip())
    unknown = [name for name in chosen if name not in COEFFICIENTS]
    if unknown or not chosen:
        wrong = repr(unknown[0]) if unknown else "nothing"
        raise Refused(f"unknown coefficient {wrong}: choose of {', '.join(COEFFICIENTS)}")
    return chosen


def _interval(options: dict[str, object]) -> IntervalSpec | None:
    if options["interval"] == "none":
        return None
    confidence, resamples = float(str(options["confidence"])), int(str(options["resamples"]))
    if not 0.0 < confidence < 1.0:
        raise Refused("--confidence lies between 0 and 1")
    if resamples < 2:
        raise Refused("--resamples is 2 or more")
    usual = IntervalSpec(str(options["interval"]), confidence)
    return replace(usual, resamples=resamples, seed=int(str(options["seed"])))


def _depends_on_domain(results: object) -> bool:
    return bool({"gwet_ac1", "brennan_prediger"} & set(results))  # type: ignore[call-overload]


def _rubric(name: str) -> Rubric:
    if name in names():
        return load_rubric(read(name), f"{name}.yaml")
    path = Path(name)
    try:
        return load_rubric(path.read_bytes(), path.name)
    except OSError as error:
        raise Refused(f"{name}: neither a shipped rubric nor a file: {error.strerror}") from error
