"""Recorded labels through a served Touchstone, and the figures that must come out of it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.db import Database
from annotate.policy import ML_READER
from annotate.services import accounts, roles, tokens
from annotate.services.identity import system_actor
from tests.support.databases import environment_for, migrated_database, settings_for
from tests.support.server import COMMAND, Server
from tests.support.shared_data import SHARED
from tests.support.to_gold import ToGold, to_gold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
RECORDED = SHARED / "convabuse"
PATTERNS = ("type_*=types", "target_*=target", "direction_*=direction")
LEVELS = ("nominal", "ordinal", "interval")
TOLERANCE = 1e-6
REPLAY_SECONDS = 1800


@dataclass(frozen=True)
class Replayed:
    """What the replay said, and what the API gave afterwards.

    ``variables`` are the agreement figures at each level; ``open_cases`` the items that disagree
    somewhere; ``again`` is what a second replay of the same file said; ``gold`` what came of
    the cases that were decided afterwards.
    """

    outcome: Mapping[str, Any]
    variables: Sequence[Mapping[str, Any]]
    open_cases: int
    again: Mapping[str, Any] | None = None
    gold: ToGold | None = None


def replayed(
    kind: str,
    folder: Path,
    *,
    labels: Path = RECORDED / "labels_wide.csv",
    items: Path = RECORDED / "items.jsonl",
    twice: bool = False,
    decide: int = 0,
) -> Replayed:
    """Serve a fresh database of a kind, play the recorded labels to it, ask for agreement.

    With ``decide``, that many cases are decided in a browser afterwards, and released as gold.
    """
    with migrated_database(kind, folder) as url:
        environment = environment_for(url, folder)
        with Server(environment, folder) as server:
            outcome = _play(server, labels, items)
            again = _play(server, labels, items) if twice else None
            token = _reader(url, folder)
            project = f"{server.url}/api/v1/projects/replay"
            asked = [
                f"{project}/agreement?round={outcome['round']}&level=severity:{level}"
                for level in LEVELS
            ]
            reports = [_get(one, token) for one in asked]
            cases = _count_cases(f"{project}/cases?state=open", token)
            gold = to_gold(server, url, decide) if decide else None
    variables = [entry for report in reports for entry in report["variables"]]
    return Replayed(outcome, variables, cases, again, gold)


def _count_cases(address: str, token: str) -> int:
    """Walk the list of cases page by page, as a program would."""
    page = _get(address, token)
    count = len(page["cases"])
    while page["after"] is not None:
        page = _get(f"{address}&after={page['after']}", token)
        count += len(page["cases"])
    return count


def _play(server: Server, labels: Path, items: Path) -> dict[str, Any]:
    maps = [part for pattern in PATTERNS for part in ("--map", pattern)]
    command = [COMMAND, "replay", labels, "--items", items, *maps, "--url", server.url, "--json"]
    said = server.run(*command, seconds=REPLAY_SECONDS)
    return json.loads(said.strip().splitlines()[-1])


def _reader(url: str, folder: Path) -> str:
    """Make someone who may read agreement and return a token of theirs."""
    database = Database(settings_for(url, folder))
    try:
        with database.write() as session:
            actor = system_actor(session)
            reader = accounts.create(session, login="figures", display_name="Figures").user_id
            roles.grant(session, actor, reader, roles.Wanted(ML_READER))
            return tokens.create(
                session, actor, tokens.NewToken("figures", ("read",), 1), owner_id=reader
            )
    finally:
        database.dispose()


def _get(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def alpha(
    variables: Sequence[Mapping[str, Any]],
    question: str,
    category: str = "",
    *,
    conditioning: str = "all",
    level: str | None = None,
) -> float | None:
    """Find one alpha in a report; the level that the rubric judges by unless one is named."""
    found = [
        variable["results"]["krippendorff_alpha"]["value"]
        for variable in variables
        if variable["question"] == question
        and variable["category"] == category
        and variable["conditioning"] == conditioning
        and (variable["primary"] if level is None else variable["level"] == level)
    ]
    if not found:
        raise AssertionError(f"the report has no {question} {category} {conditioning} {level}")
    return found[0]


def expected_figures(reference: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    """Walk the published figures: which alpha, and what it must be."""
    for level, value in reference["severity"].items():
        yield {"question": "severity", "level": level}, value
    yield {"question": "abusive"}, reference["abusive_binary_nominal"]
    questions = {"type": "types", "target": "target", "direction": "direction"}
    gates = {"all_raters_gated": "all", "raters_reaching_question": "reached"}
    for gate, conditioning in gates.items():
        for column, value in reference[gate].items():
            prefix, _, category = column.partition("_")
            wanted = {"question": questions[prefix], "category": category}
            yield {**wanted, "conditioning": conditioning}, value


def differences(variables: Sequence[Mapping[str, Any]], reference: Mapping[str, Any]) -> list[str]:
    """List the figures that are not the published ones."""
    found = []
    for wanted, value in expected_figures(reference):
        given = alpha(variables, **wanted)
        if given is None or abs(given - value) > TOLERANCE:
            found.append(f"{wanted}: {given}, not {value}")
    return found
