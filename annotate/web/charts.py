"""Charts drawn on the server as SVG: classes and attributes only, a sentence as their name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 200
MARGIN = 6
ROW = 31
LOWEST = -0.6
STEP = 0.2
STEPS_FROM_FLOOR = (-0.35, -0.2, -0.05, 0.05, 0.2, 0.35)
"""Bounds between the seven colours of a matrix cell, as distances from the floor."""
CELL_WIDTH = 54
CELL_HEIGHT = 30
LABEL_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; ``low`` and ``high`` are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A horizontal axis from ``low`` to 1."""

    low: float
    width: int = WIDTH

    def x(self, value: float) -> float:
        """Return the position of a value, kept inside the axis."""
        inside = min(max(value, self.low), 1.0)
        span = self.width - 2 * MARGIN
        return round(MARGIN + span * (inside - self.low) / (1.0 - self.low), 1)

    def ticks(self) -> list[float]:
        """Return the marks of the axis, every .2."""
        count = round((1.0 - self.low) / STEP)
        return [round(self.low + STEP * number, 1) for number in range(count + 1)]


def scale_for(values: Sequence[float]) -> Scale:
    """Return one axis that shows all the values, from 0 or from the tick below the least."""
    least = min([0.0, *values])
    low = 0.0
    while low > least and low > LOWEST:
        low = round(low - STEP, 1)
    return Scale(low)


def short(value: float) -> str:
    """Write a figure as in the tables of the field: .83, −.05, 1.00.

    Examples
    --------
    >>> short(0.8349), short(1.0)
    ('.83', '1.00')
    """
    text = f"{value:.2f}"
    if text in {"-0.00", "0.00"}:
        return ".00"
    return text.replace("0.", ".", 1).replace("-", "\N{MINUS SIGN}")


def axis(scale: Scale) -> Markup:
    """Draw the axis that stands above a column of plots."""
    marks = Markup("").join(
        Markup('<text x="{}" y="11" text-anchor="middle">{}</text>').format(
            scale.x(tick), "0" if tick == 0 else f"{tick:.1f}".replace("0.", ".").replace("-", "−")
        )
        for tick in scale.ticks()
    )
    return Markup(
        '<svg class="chart fp" width="{0}" height="14" viewBox="0 0 {0} 14" aria-hidden="true">'
        "{1}</svg>"
    ).format(scale.width, marks)


def forest_row(  # noqa: PLR0913 - what a row shows
    scale: Scale,
    name: str,
    *,
    main: Estimate | None,
    other: Estimate | None = None,
    floor: float,
    target: float,
    state: str,
) -> Markup:
    """Draw one row of a forest plot.

    Parameters
    ----------
    scale
        The axis that all rows share.
    name
        A sentence that says what is drawn.
    main
        The estimate that is judged; None draws the dotted line of an undefined one.
    other
        The second conditioning, drawn below as a hollow circle.
    floor, target
        What is asked.
    state
        ``met``, ``tentative``, ``below`` or ``grey``.
    """
    middle = ROW / 2
    parts = [_line("fp-grid", scale.x(tick), 0, scale.x(tick), ROW) for tick in scale.ticks()]
    parts.append(_line("fp-floor", scale.x(floor), 2, scale.x(floor), ROW - 2))
    parts.append(_line("fp-target", scale.x(target), 4, scale.x(target), ROW - 4))
    if main is None:
        parts.append(_line("fp-none", MARGIN, middle, scale.width - MARGIN, middle))
    if other is not None:
        parts.append(_alternative(scale, other, middle + 6))
    if main is not None:
        parts.append(_main(scale, main, middle - 3 if other is not None else middle, state))
    return Markup(
        '<svg class="chart fp" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(scale.width, ROW, name, Markup("").join(parts))


def _main(scale: Scale, given: Estimate, y: float, state: str) -> Markup:
    drawn = []
    if given.low is not None and given.high is not None:
        low, high = scale.x(given.low), scale.x(given.high)
        drawn += [
            _line("fp-ci", low, y, high, y),
            _line("fp-cap", low, y - 4, low, y + 4),
            _line("fp-cap", high, y - 4, high, y + 4),
        ]
    x = scale.x(given.value)
    if state == "grey":
        mark = Markup('<rect class="fp-alt" x="{}" y="{}" width="7" height="7" rx="1"/>')
    else:
        mark = Markup('<rect class="fp-pt" x="{}" y="{}" width="7" height="7" rx="1"/>')
    drawn.append(mark.format(round(x - 3.5, 1), round(y - 3.5, 1)))
    return Markup('<g class="fp-{}">{}</g>').format(state, Markup("").join(drawn))


def _alternative(scale: Scale, given: Estimate, y: float) -> Markup:
    drawn = []
    if given.low is not None and given.high is not None:
        drawn.append(_line("fp-alt-ci", scale.x(given.low), y, scale.x(given.high), y))
    circle = Markup('<circle class="fp-alt" cx="{}" cy="{}" r="3"/>')
    drawn.append(circle.format(scale.x(given.value), y))
    return Markup("").join(drawn)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(kind, x1, x2, y1, y2)


def matrix(
    names: Sequence[str], values: Sequence[Sequence[float | None]], *, floor: float, label: str
) -> Markup:
    """Draw a symmetric matrix whose colour diverges about the floor; the value is in each cell."""
    heads = [_in_lines(name, 8) for name in names]
    head = 7 + 13 * max(len(lines) for lines in heads)
    width = LABEL_WIDTH + CELL_WIDTH * len(names) + MARGIN
    height = head + CELL_HEIGHT * len(names)
    parts = [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            LABEL_WIDTH + CELL_WIDTH * (column + 0.5), head - 7 - 13 * above, line
        )
        for column, lines in enumerate(heads)
        for above, line in enumerate(reversed(lines))
    ]
    for row, name in enumerate(names):
        y = head + CELL_HEIGHT * row
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                LABEL_WIDTH - 8, y + 19, _clipped(name, 14)
            )
        )
        parts += [
            _cell(LABEL_WIDTH + CELL_WIDTH * column, y, value, floor, own=row == column)
            for column, value in enumerate(values[row])
        ]
    return Markup(
        '<svg class="chart hm" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}">{3}</svg>'
    ).format(width, height, label, Markup("").join(parts))


def _cell(x: float, y: float, value: float | None, floor: float, *, own: bool) -> Markup:
    step = None if value is None or own else colour_step(value, floor)
    kind = "self" if step is None else f"c{step}"
    ink = Markup("") if step is None else Markup(' class="t{}"').format(step)
    text = "\N{EN DASH}" if value is None or own else short(value)
    return Markup(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>'
        '<text{} x="{}" y="{}" text-anchor="middle">{}</text>'
    ).format(kind, x, y, CELL_WIDTH, CELL_HEIGHT, ink, x + CELL_WIDTH / 2, y + 19, text)


def colour_step(value: float, floor: float) -> int:
    """Return which of the seven colours a value has: 1 far below the floor, 7 far above.

    Examples
    --------
    >>> colour_step(0.2, 0.667), colour_step(0.667, 0.667), colour_step(1.02, 0.667)
    (1, 4, 7)
    """
    return 1 + sum(value - floor >= bound for bound in STEPS_FROM_FLOOR)


def _in_lines(name: str, length: int) -> list[str]:
    """Set a name that is too long for a line in two, at a space; what is still too long is cut."""
    first, space, rest = name.partition(" ")
    lines = [first, rest] if space and len(name) > length else [name]
    return [_clipped(line, length) for line in lines]


def _clipped(name: str, length: int) -> str:
    """Shorten a name from the middle: names of one team often differ only at the end."""
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return name[: length - 1 - tail] + "\N{HORIZONTAL ELLIPSIS}" + name[-tail:]
