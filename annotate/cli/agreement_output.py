"""Agreement figures as a table and a forest plot: in the terminal and as a page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.agreement import AgreementResult
    from tasks.records import PairReport
    from tasks.verification import Verification

_HEAD = (
    "variable",
    "level",
    "coefficient",
    "value",
    "interval",
    "items",
    "labels",
    "raters",
    "prevalence",
    "evidence",
)
_LEFT = 4
_PLOT_LOW, _PLOT_HIGH, _PLOT_WIDTH = -0.2, 1.0, 49
_SVG_WIDTH, _SVG_LEFT, _SVG_ROW = 720, 260, 24


@dataclass(frozen=True, slots=True)
class Line:
    """One variable with all its figures."""

    title: str
    results: Mapping[str, AgreementResult]
    pairs: Sequence[PairReport]
    verifications: Sequence[Verification]
    note: str = ""

    @property
    def first(self) -> AgreementResult:
        """The figure that the forest plot shows."""
        return next(iter(self.results.values()))


def table(lines: Sequence[Line]) -> str:
    """Return every figure with what it must not travel without, in aligned columns."""
    rows = [_HEAD, *(row for line in lines for row in _rows(line))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    ruled = [rows[0], tuple("-" * width for width in widths), *rows[1:]]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < _LEFT - 1 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in ruled
    )


def forest(lines: Sequence[Line]) -> str:
    """Draw the first figure of every variable with its interval."""
    width = max((len(line.title) for line in lines), default=0)
    drawn = [f"{line.title.ljust(width)}  {_bar(line.first)}" for line in lines]
    axis = [" "] * _PLOT_WIDTH
    marks = ["-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1"]
    for mark in marks:
        at = min(_column(float(mark)), _PLOT_WIDTH - len(mark))
        axis[at : at + len(mark)] = mark
    return "\n".join([*drawn, f"{' ' * width}  {''.join(axis)}"])


def pair_table(line: Line) -> str:
    """Return every two annotators with kappa and their common items."""
    rows = [("annotators", "kappa", "agreement", "items")]
    rows += [
        (
            f"{pair.rater_a} / {pair.rater_b}",
            _number(pair.kappa),
            _number(pair.percent),
            str(pair.n),
        )
        for pair in line.pairs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    weights = line.pairs[0].weights if line.pairs else "identity"
    title = f"{line.title}: Cohen's kappa by pair, {weights} weights"
    return "\n".join(
        [
            title,
            *(
                "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
                for row in rows
            ),
        ]
    )


def verification_table(lines: Sequence[Line]) -> str:
    """Return how every figure fared with the second source."""
    rows = [
        f"{line.title}: {one.figure}: {one.opinion.value}"
        + (f" ({one.source}: {_number(one.theirs, 12)}, ours {_number(one.ours, 12)})"
           if one.source else "")
        for line in lines
        for one in line.verifications
    ]  # fmt: skip
    return "\n".join(rows)


def page(title: str, lines: Sequence[Line]) -> str:
    """Return a page that stands alone: table, forest plot, pairs, second opinions."""
    head = "".join(f"<th>{escape(name)}</th>" for name in _HEAD)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for line in lines
        for row in _rows(line)
    )
    texts = [pair_table(line) for line in lines if line.pairs]
    if any(line.verifications for line in lines):
        texts.append(verification_table(lines))
    notes = "".join(f"<p>{escape(f'{line.title}: {line.note}')}</p>" for line in lines if line.note)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>"
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "table{border-collapse:collapse}td,th{padding:.25rem .6rem;text-align:right;"
        "border-bottom:1px solid #ccc}td:nth-child(-n+3),th:nth-child(-n+3){text-align:left}"
        "</style></head><body>"
        f"<h1>{escape(title)}</h1>{_svg(lines)}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        + "".join(f"<pre>{escape(text)}</pre>" for text in texts)
        + "</body></html>\n"
    )


def _rows(line: Line) -> list[tuple[str, ...]]:
    return [
        (
            line.title,
            result.level.value,
            name,
            _number(result.value),
            _interval(result),
            f"{result.n_pairable_units}/{result.n_units}",
            str(result.n_labels),
            str(result.n_raters),
            _number(result.prevalence[1]) if len(result.prevalence) == 2 else "",
            _evidence(result),
        )
        for name, result in line.results.items()
    ]


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _interval(result: AgreementResult) -> str:
    if result.interval is None:
        return "–"
    return f"{result.interval.low:.3f} to {result.interval.high:.3f}"


def _evidence(result: AgreementResult) -> str:
    if result.value is None:
        return result.status.value.replace("_", " ")
    enough = result.sufficiency
    word = "enough" if enough.enough else "too little"
    return f"{word}: {enough.have}/{enough.need} {enough.measure}"


def _column(value: float) -> int:
    share = (value - _PLOT_LOW) / (_PLOT_HIGH - _PLOT_LOW)
    return round(min(max(share, 0.0), 1.0) * (_PLOT_WIDTH - 1))


def _bar(result: AgreementResult) -> str:
    if result.value is None:
        return f"({result.status.value.replace('_', ' ')})"
    drawn = [" "] * _PLOT_WIDTH
    drawn[_column(0.0)] = "┊"
    if result.interval is not None:
        low, high = _column(result.interval.low), _column(result.interval.high)
        drawn[low : high + 1] = "─" * (high + 1 - low)
        drawn[low], drawn[high] = "├", "┤"
    drawn[_column(result.value)] = "●" if result.sufficiency.enough else "○"
    return f"{''.join(drawn).rstrip().ljust(_PLOT_WIDTH)}  {result.value:.3f}"


def _svg(lines: Sequence[Line]) -> str:
    height = _SVG_ROW * (len(lines) + 1)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SVG_WIDTH}" height="{height}" '
            'font-size="13" role="img" aria-label="Forest plot">'
        )
    ]
    for mark in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x = _x(mark)
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="0" y2="{height - _SVG_ROW}" stroke="#ddd"/>'
            f'<text x="{x}" y="{height - 6}" text-anchor="middle">{mark:g}</text>'
        )
    for place, line in enumerate(lines):
        parts.append(_svg_row(line, _SVG_ROW * place + _SVG_ROW // 2))
    return "".join([*parts, "</svg>"])


def _svg_row(line: Line, y: int) -> str:
    result = line.first
    text = f'<text x="4" y="{y + 4}">{escape(line.title)}</text>'
    if result.value is None:
        reason = escape(_evidence(result))
        return f'{text}<text x="{_SVG_LEFT}" y="{y + 4}" fill="#777">{reason}</text>'
    fill = "#1a5fb4" if result.sufficiency.enough else "#999"
    bar = ""
    if result.interval is not None:
        bar = (
            f'<line x1="{_x(result.interval.low)}" x2="{_x(result.interval.high)}" y1="{y}" '
            f'y2="{y}" stroke="{fill}" stroke-width="2"/>'
        )
    return f'{text}{bar}<circle cx="{_x(result.value)}" cy="{y}" r="4" fill="{fill}"/>'


def _x(value: float) -> float:
    share = (value - _PLOT_LOW) / (_PLOT_HIGH - _PLOT_LOW)
    return round(_SVG_LEFT + min(max(share, 0.0), 1.0) * (_SVG_WIDTH - _SVG_LEFT - 20), 1)
