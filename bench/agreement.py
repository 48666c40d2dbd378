"""How fast the agreement kernel is, beside the packages people use for the same.

Run: ``PYTHONPATH=. python bench/agreement.py [CASE ...] [--rounds 5] [--small] [--write]``.
Ours and the peer alternate in one run, so that a busy machine slows both; what counts is the
ratio, its median over the warm rounds with the range, and the cold first round beside it. The same
ratio in processor time hardly feels the neighbours of a busy machine, and is given too. Peers get
their inputs ready made, and the goals are those for numpy alone. A peer that would take hours does
a part, and its time is scaled up; the table says so. crowd-kit waits in an environment of its own,
made as those of ``bench/oracle`` are, with its labels loaded, and is told when to start.
With ``--write`` the figures go into ``bench/README.md``, with ``--from FILE`` those that earlier
runs printed; ``--small`` divides every size by a hundred, to see that it runs.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from bench.label_draws import N_VALUES, built, labels
from bench.oracle.environments import HERE, environment
from bench.parquet_files import LAYOUTS, parquet_line
from bench.sections import surroundings, write_section
from tasks.agreement import IntervalSpec, ReliabilityData, krippendorff_alpha, pair_agreements
from tasks.agreement.models import dawid_skene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
| what | ours: s (range) | of processors | peer | ratio (range) | in processor time | cold | goal |
|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is timed.

    Attributes
    ----------
    name, text
        What is called, and what is read.
    goal
        At least so many times faster than the peer; or at most so many seconds without one.
    ours, peer
        What is timed; no peer where the goal is one of seconds, or where it is not installed.
    peer_name
        Who it is.
    times
        What the peer's seconds are multiplied by, because it does a part only.
    """

    name: str
    text: str
    goal: float
    ours: Callable[[], object]
    peer: Callable[[], object] | None = None
    peer_name: str = ""
    times: float = 1.0


class Took(NamedTuple):
    """Seconds on the clock, and of processors, of ours and of programs we waited for."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What each round took, the cold one first."""

    case: Case
    ours: list[Took]
    peer: list[Took]

    def row(self) -> str:
        """Return a line of the table."""
        walls = [one.wall for one in self.ours[1:]]
        busy = statistics.median(one.cpu for one in self.ours[1:])
        start = f"| {self.case.text} | {spread(walls, '.3g')} | {busy:.3g} | {self.case.peer_name}"
        if not self.peer:
            goal = f"at most {self.case.goal:g} s" if not self.case.peer_name else "peer missing"
            return f"{start} | | | | {goal} |"
        pairs = list(zip(self.ours, self.peer, strict=True))
        wall = [theirs.wall / own.wall for own, theirs in pairs]
        cpu = [theirs.cpu / own.cpu for own, theirs in pairs[1:]]
        part = f", 1 of {self.case.times:.1f} parts" if self.case.times > 1 else ""
        median = statistics.median(one.wall for one in self.peer[1:])
        return (
            f"{start} {median:.3g} s{part} | **{spread(wall[1:], '.3g')}** | "
            f"{spread(cpu, '.3g')} | {wall[0]:.3g} | at least {self.case.goal:g} times |"
        )


def spread(numbers: list[float], form: str) -> str:
    """Return a median with the range."""
    low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def took(function: Callable[[], object]) -> Took:
    """Time a call; a peer elsewhere returns its own processor seconds."""
    before, start = processors(), time.perf_counter()
    elsewhere = function()
    wall, busy = time.perf_counter() - start, processors() - before
    return Took(wall, elsewhere if isinstance(elsewhere, float) else busy)


def processors() -> float:
    """Return the processor seconds of this process and of those it waited for, so far."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def measure(case: Case, rounds: int) -> Measured:
    """Time ours and the peer in turns; the first round is cold."""
    ours, peer = [], []
    for _ in range(rounds + 1):
        ours.append(took(case.ours))
        if case.peer is not None:
            part = took(case.peer)
            peer.append(Took(part.wall * case.times, part.cpu * case.times))
    return Measured(case, ours, peer)


# -------------------------------------------------------------------------------------- labels


def tabled(counts: Integers) -> ReliabilityData:
    """Return ready counts as the kernel takes them."""
    return ReliabilityData.from_counts(counts, values=range(counts.shape[1]), level="ordinal")


def value_counts(triples: tuple[Integers, Integers, Integers]) -> Integers:
    """Return the counts per unit and value that krippendorff likes best."""
    unit, _, value = triples
    n_units = int(unit.max()) + 1
    flat = np.bincount(unit * N_VALUES + value, minlength=n_units * N_VALUES)
    return flat.reshape(n_units, N_VALUES).astype(np.int64)


def peer_of(name: str) -> Any:  # noqa: ANN401 - a module
    """Return a peer's module, or None where it is not installed."""
    return import_module(name) if find_spec(name.partition(".")[0]) else None


# --------------------------------------------------------------------------------------- cases


def alpha_case(small: int) -> Case:
    """Coded triples to ordinal alpha, a million units by five."""
    triples = labels(1_000_000 // small, 5, 50)
    counts, peer = value_counts(triples), peer_of("krippendorff")
    return Case(
        "alpha",
        f"coded triples to ordinal alpha, {len(counts):,} units x 5",
        5,
        lambda: krippendorff_alpha(built(triples), interval=None),
        None if peer is None else lambda: _their_alpha(peer, counts),
        "krippendorff on ready counts",
    )


def counts_case(small: int) -> Case:
    """Alpha where the value counts are ready for both."""
    triples = labels(1_000_000 // small, 5, 50)
    counts, peer = value_counts(triples), peer_of("krippendorff")
    return Case(
        "alpha_counts",
        f"ready value counts to ordinal alpha, {len(counts):,} units x 5",
        10,
        lambda: krippendorff_alpha(tabled(counts), interval=None),
        None if peer is None else lambda: _their_alpha(peer, counts),
        "krippendorff on the same counts",
    )


def _their_alpha(peer: Any, counts: Integers) -> float:  # noqa: ANN401 - a module
    return float(
        peer.alpha(
            value_counts=counts,
            value_domain=np.arange(counts.shape[1]),
            level_of_measurement="ordinal",
        )
    )


def bootstrap_case(small: int) -> Case:
    """Draw a thousand resamples; the peer draws sixty."""
    triples = labels(100_000 // small, 3, 50)
    counts, peer = value_counts(triples), peer_of("krippendorff")
    spec = IntervalSpec("bootstrap", resamples=1000, seed=1)

    def loop() -> None:
        rng = np.random.default_rng(1)
        for _ in range(60):
            _their_alpha(peer, counts[rng.integers(0, len(counts), len(counts))])

    return Case(
        "bootstrap",
        f"1,000 resamples of ordinal alpha, {len(counts):,} units x 3",
        5000,
        lambda: krippendorff_alpha(tabled(counts), interval=spec),
        None if peer is None else loop,
        "krippendorff in a loop; counts ready for both",
        1000 / 60,
    )


def categories_case(small: int) -> Case:
    """Thirty categories against the rest, each with an interval of a thousand resamples."""
    triples = labels(100_000 // small, 3, 50)
    rng = np.random.default_rng(4)
    columns = [(rng.random(triples[0].size) < 0.1).astype(np.int64) for _ in range(30)]
    spec = IntervalSpec("bootstrap", resamples=1000, seed=1)

    def every() -> None:
        for column in columns:
            data = ReliabilityData.from_long(
                triples[0], triples[1], column, n_values=2, level="nominal"
            )
            krippendorff_alpha(data, interval=spec)

    text = f"30 categories with intervals, {100_000 // small:,} units x 3"
    return Case("categories", text, 1, every)


def pairs_case(small: int, *, results: bool = True) -> Case:
    """Quadratic kappa of every two of two hundred raters; statsmodels as it is called unasked."""
    triples = labels(100_000 // small, 3, 200)
    tables, peer = built(triples).pairs.tables, peer_of("statsmodels.stats.inter_rater")
    some = tables[:: max(len(tables) // 200, 1)]

    def loop() -> None:
        with np.errstate(all="ignore"):
            for table in some:
                peer.cohens_kappa(table, wt="quadratic", return_results=results)

    told = "" if results else ", return_results=False"
    return Case(
        "pairs",
        f"all {len(tables):,} quadratic kappas, {100_000 // small:,} units x 3",
        150,
        lambda: pair_agreements(built(triples), weights="quadratic"),
        None if peer is None else loop,
        f"statsmodels on ready tables{told}",
        len(tables) / len(some),
    )


def scikit_case(small: int) -> Case:
    """Quadratic kappa of two raters; scikit-learn gets their columns."""
    rng = np.random.default_rng(3)
    first = rng.integers(0, N_VALUES, 1_000_000 // small)
    second = np.where(rng.random(first.size) < 0.7, first, rng.integers(0, N_VALUES, first.size))
    unit = np.tile(np.arange(first.size), 2)
    rater, value = np.repeat([0, 1], first.size), np.concatenate([first, second])
    peer = peer_of("sklearn.metrics")
    return Case(
        "two_raters",
        f"quadratic kappa of two raters, {first.size:,} units",
        1,
        lambda: pair_agreements(built((unit, rater, value)), weights="quadratic"),
        None
        if peer is None
        else lambda: peer.cohen_kappa_score(first, second, weights="quadratic"),
        "scikit-learn",
    )


def dawid_skene_case(small: int) -> Case:
    """Twenty iterations, equal for both."""
    triples = labels(100_000 // small, 3, 50)
    fit = _OPEN.enter_context(crowd_kit(triples))
    return Case(
        "dawid_skene",
        f"Dawid-Skene, 20 iterations, {100_000 // small:,} units x 3",
        10,
        lambda: dawid_skene(built(triples, "nominal"), iterations=20, tolerance=-1.0),
        fit,
        "crowd-kit",
    )


@contextmanager
def crowd_kit(triples: tuple[Integers, Integers, Integers]) -> Iterator[Callable[[], object]]:
    """Start crowd-kit where it lives, hand it the labels, and return what makes it fit them."""
    with environment("crowdkit") as python, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.npy"
        np.save(path, np.column_stack(triples))
        command = [python, "-I", HERE / "crowdkit_values.py", path]
        with subprocess.Popen(  # noqa: S603 - a program of ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            ask, hear = running.stdin, running.stdout
            hear.readline()

            def fit() -> float:
                ask.write("\n")
                return float(hear.readline())

            yield fit
            ask.close()


def strings_case(small: int) -> Case:
    """Take a million labels with text ids in a DataFrame."""
    unit, rater, value = labels(200_000 // small, 5, 50)
    frame = pd.DataFrame(
        {
            "item": [f"item-{one}" for one in unit.tolist()],
            "annotator": [f"annotator-{one}" for one in rater.tolist()],
            "value": [f"v{one}" for one in value.tolist()],
        }
    )

    def whole() -> None:
        items, annotators = (pd.factorize(frame[one])[0] for one in ("item", "annotator"))
        values, found = pd.factorize(frame["value"], sort=True)
        data = ReliabilityData.from_long(
            items, annotators, values, n_values=len(found), level="ordinal"
        )
        krippendorff_alpha(data, interval=None)

    return Case("strings", f"{len(frame):,} labels with text ids to alpha", 0.5, whole)


def import_case(_small: int) -> Case:
    """Start an interpreter with the kernel; the time of an empty one is part of it."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import tasks.agreement"

    def start() -> None:
        subprocess.run([sys.executable, "-I", "-c", program], check=True)  # noqa: S603 - ourselves

    return Case("import", "a fresh interpreter with `import tasks.agreement`", 0.3, start)


_OPEN = ExitStack()
CASES = {
    "alpha": alpha_case,
    "alpha_counts": counts_case,
    "bootstrap": bootstrap_case,
    "categories": categories_case,
    "pairs": pairs_case,
    "pairs_alone": partial(pairs_case, results=False),
    "two_raters": scikit_case,
    "dawid_skene": dawid_skene_case,
    "strings": strings_case,
    "import": import_case,
}


def main() -> int:
    """Measure, print, and write where asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", help=", ".join([*CASES, "parquet"]))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--from", dest="earlier", type=Path)
    options = parser.parse_args()
    small = 100 if options.small else 1
    chosen = options.cases or [*CASES, "parquet"]
    lines = HEADER.splitlines()
    if options.earlier is not None:
        lines += options.earlier.read_text(encoding="utf-8").splitlines()
        chosen = []
    for name in chosen:
        if name in CASES:
            with _OPEN:
                lines.append(measure(CASES[name](small), options.rounds).row())
            print(lines[-1], flush=True)
    if "parquet" in chosen:
        for layout in LAYOUTS:
            lines += ["", parquet_line(small, layout)]
            print(lines[-1], flush=True)
    peers = ("numpy", "krippendorff", "statsmodels", "scikit-learn")
    rounds = (
        f"{options.rounds} warm rounds after a cold one, ours and the peer in turns; crowd-kit as "
        "in `bench/oracle/crowdkit.txt`, in an environment of its own."
    )
    told = [f"## Agreement\n\n{rounds} {surroundings(*peers)}\n", *lines]
    if options.write:
        write_section("agreement", "\n".join(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
