"""Every route, by everybody, on own, foreign, other teams', mixed and missing objects.

The table of routes and the application's own map of addresses are the input: a new route is
tested from the day it is there. What is expected is worked out here from the roles of each
permission, not by asking the policy. Foreign and missing must be one answer, byte for byte.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from annotate.policy import PERMISSIONS
from annotate.services.locate import KINDS
from annotate.web.routes import ROUTES
from tests.support.databases import migrated_database, settings_for
from tests.test_web import policy_world as pw
from tests.test_web.policy_world import (
    FOREIGN,
    OTHER_TEAM,
    OWN,
    OWNER,
    Caller,
    PolicyWorld,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from werkzeug.routing import Rule as Address
    from werkzeug.test import TestResponse

    from annotate.policy import Rule

pytestmark = pytest.mark.db

LET_IN, LOGIN, FORBIDDEN = "let in", "login", "forbidden"
NOT_FOUND, REFUSED = "not found", "refused"
STALE = {"nonsense": "x", "build": "0" * 12, "name": "none.css", "token": "never-made"}
"""View arguments of public routes: none of them names an object of a project."""
SYSTEM_WIDE = {"people.manage", "system.view"}
"""Permissions that reach beyond projects: a role within one project does not carry them."""
QUERIES = {name: {"question": "severity"} for name in ("agreement.variable", "agreement.api_items")}
"""What an address needs behind the question mark to name anything."""
OWNERS_ALONE = {"session_id", "token_id"}
"""Objects of no project: there for their owner, wherever that is."""
MANAGERS_OR_STARTER = {"jobs.cancel", "jobs.api_cancel"}
"""All who see a job see it; only who started it or manages the project ends it."""
ALL_TEAMS = {"rounds.extend", "rounds.api_extend", "audit.index", "audit.api_list"}
"""What belongs to all teams is for those whose role is for all teams."""
TEAM_OF = {"round_id", "item_id", "assignment_id", "case_id", "job_id"}
COMPARED = ("Content-Type", "Content-Length", "Cache-Control", "Location", "Set-Cookie", "Vary")


@dataclass(frozen=True)
class Variant:
    """Which objects an address names: whose project, and whether they exist at all."""

    name: str
    arguments: dict[str, str]
    where: str | None
    exists: bool = True
    fits: bool = True


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicyWorld]:
    yield from _world("sqlite", tmp_path_factory)


@pytest.fixture(scope="module")
def postgresql_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicyWorld]:
    yield from _world("postgresql", tmp_path_factory)


def _world(kind: str, folders: pytest.TempPathFactory) -> Iterator[PolicyWorld]:
    folder = folders.mktemp("policy")
    with migrated_database(kind, folder) as url:
        built = pw.build(settings_for(url, folder))
        yield built
        built.database.let_go()
        built.database.dispose()


# ------------------------------------------------------------------------------------ the addresses


def addresses(app: Any, endpoint: str) -> list[tuple[str, Address]]:
    """Return every method and address of an endpoint."""
    return [
        (method, rule)
        for rule in app.url_map.iter_rules(endpoint)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def variants(world: PolicyWorld, endpoint: str, names: list[str]) -> list[Variant]:
    """Return which objects to call an address with, the caller's own project first."""
    own = {name: _value(world, endpoint, name, OWN) for name in names}
    found = [Variant(OWN, own, OWN)]
    if ROUTES[endpoint].permission == "public" or not names:
        return found
    foreign = {name: _value(world, endpoint, name, FOREIGN) for name in names}
    gone = {name: pw.missing(name, own[name]) for name in names}
    found.append(Variant("foreign", foreign, FOREIGN))
    found.append(Variant("missing", gone, None, exists=False))
    if TEAM_OF & set(names):
        team = {name: _value(world, endpoint, name, OTHER_TEAM) for name in names}
        found.append(Variant(OTHER_TEAM, team, OWN))
    if len(names) > 1:
        head, rest = names[0], names[1:]
        mixed = {head: own[head], **{name: foreign[name] for name in rest}}
        stray = {head: own[head], **{name: gone[name] for name in rest}}
        if mixed != own:  # a release has a number within its project: there is none to mix in
            found.append(Variant("mixed", mixed, OWN, fits=False))
        found.append(Variant("stray", stray, OWN, fits=False))
    return found


def _value(world: PolicyWorld, endpoint: str, name: str, where: str) -> str:
    if name in world.objects[OWN]:
        return world.objects[where].get(name, world.objects[OWN][name])
    if ROUTES[endpoint].permission == "public" and name in STALE:
        return STALE[name]
    raise AssertionError(
        f"{endpoint} takes the view argument {name!r}, for which the matrix makes no object: add "
        "one to objects() in tests/test_web/policy_world.py, for the own and a foreign project"
    )


def call(
    world: PolicyWorld, caller: Caller, method: str, address: Address, variant: Variant
) -> TestResponse:
    """Send one request and take back what it did."""
    path = world.app.url_map.bind("localhost").build(
        address.endpoint, variant.arguments, method=method
    )
    options: dict[str, Any] = {}
    if method != "GET":
        if ROUTES[address.endpoint].kind == "api":
            options["json"] = {}
        else:
            options["data"] = {"csrf_token": caller.csrf}
    client = world.app.test_client(use_cookies=False)
    try:
        return client.open(
            path,
            method=method,
            headers=caller.headers,
            query_string=QUERIES.get(address.endpoint),
            buffered=True,
            **options,
        )
    finally:
        world.database.undo()


# ------------------------------------------------------------------------------- what is expected


def expected(endpoint: str, caller: Caller, variant: Variant) -> str:
    """Say what the caller must get, from the roles that carry the permission."""
    rule = ROUTES[endpoint]
    if rule.permission == "public":
        return LET_IN
    if stopped_before_any_object(rule, caller):
        return FORBIDDEN if caller.known else LOGIN
    if rule.locates is None:
        return _without_object(rule, caller, variant)
    if not _there(rule, caller, variant):
        return NOT_FOUND
    return _on_object(endpoint, caller, variant)


def stopped_before_any_object(rule: Rule, caller: Caller) -> bool:
    """Strangers, and programs on pages for people, get one answer whatever they ask for."""
    return not caller.known or (caller.is_token and not rule.token)


def _without_object(rule: Rule, caller: Caller, variant: Variant) -> str:
    if rule.permission == "self":
        return LET_IN
    held = (
        caller.holds_everywhere(rule.permission)
        if rule.permission in SYSTEM_WIDE
        else caller.holds(rule.permission, None)
    )
    if not held:
        return FORBIDDEN
    return LET_IN if variant.exists and variant.fits else REFUSED


def _there(rule: Rule, caller: Caller, variant: Variant) -> bool:
    """Tell whether the object exists for the caller at all."""
    if not variant.exists or variant.where is None:
        return False
    if rule.owner_only and not _owns(caller, variant):
        return False
    return rule.locates in OWNERS_ALONE or caller.sees(variant.where)


def _owns(caller: Caller, variant: Variant) -> bool:
    """Tell whether the object is the caller's: assignments, sessions and tokens of OWNER."""
    keepers = {OWN: {OWNER, "token of the owner", "owner's token to read"}, FOREIGN: {"neighbour"}}
    return caller.name in keepers.get(variant.where or "", set())


def _on_object(endpoint: str, caller: Caller, variant: Variant) -> str:
    rule = ROUTES[endpoint]
    if rule.permission != "self" and not caller.holds(rule.permission, variant.where):
        return FORBIDDEN
    if not variant.fits or (caller.team is not None and variant.name == OTHER_TEAM):
        return REFUSED
    return FORBIDDEN if _narrower(endpoint, caller, variant) else LET_IN


def _narrower(endpoint: str, caller: Caller, variant: Variant) -> bool:
    """Tell whether the use case asks for more than the permission of the table."""
    if endpoint in MANAGERS_OR_STARTER:
        return not caller.holds("project.manage", variant.where)
    return endpoint in ALL_TEAMS and caller.team is not None


def outcome(rule: Rule, response: TestResponse) -> str:
    """Name what a response is: a refusal of the policy, or anything behind it."""
    to_login = response.status_code == 302 and response.headers["Location"].startswith("/login")
    if to_login and "done=" not in response.headers["Location"]:
        return LOGIN
    if rule.kind == "api" and response.status_code == 401:
        return LOGIN
    return {403: FORBIDDEN, 404: NOT_FOUND}.get(response.status_code, LET_IN)


def fits(want: str, got: str, response: TestResponse) -> bool:
    """Tell whether an answer is the expected one.

    Behind the guard a service may find the form wrong before it looks for an object that is not
    there: any refusal will do, and that it tells nothing is compared byte for byte.
    """
    return response.status_code >= 400 if want == REFUSED else got == want


def answer(response: TestResponse) -> tuple[int, bytes, tuple[tuple[str, str | None], ...]]:
    """Return all of a response that a caller can compare."""
    return (
        response.status_code,
        response.get_data(),
        tuple((name, response.headers.get(name)) for name in COMPARED),
    )


def check(world: PolicyWorld, endpoint: str, callers: Mapping[str, Caller]) -> list[str]:
    """Call one endpoint as all callers on all objects, and return what is wrong."""
    wrong: list[str] = []
    for method, address in addresses(world.app, endpoint):
        names = sorted(address.arguments, key=address.rule.index)
        found = variants(world, endpoint, names)
        for caller in callers.values():
            wrong += _check_caller(world, caller, method, address, found)
    return wrong


def _check_caller(
    world: PolicyWorld, caller: Caller, method: str, address: Address, found: list[Variant]
) -> list[str]:
    rule = ROUTES[address.endpoint]
    wrong: list[str] = []
    told: dict[str, dict[Any, list[str]]] = defaultdict(lambda: defaultdict(list))
    for variant in _told_apart(rule, caller, found):
        response = call(world, caller, method, address, variant)
        got, want = outcome(rule, response), expected(address.endpoint, caller, variant)
        line = f"{method} {address.rule} as {caller.name} on {variant.name}"
        if response.status_code >= 500:
            wrong.append(f"{line}: {response.status_code}")
        elif rule.permission != "public" and not fits(want, got, response):
            wrong.append(f"{line}: {got} ({response.status_code}), expected {want}")
        if want in {NOT_FOUND, REFUSED}:
            told[_known_part(address, variant)][answer(response)].append(variant.name)
    for answers in told.values():
        if len(answers) > 1:
            groups = sorted(answers.values())
            wrong.append(f"{method} {address.rule} as {caller.name} tells apart {groups}")
    return wrong


def _told_apart(rule: Rule, caller: Caller, found: list[Variant]) -> list[Variant]:
    """Return the objects that can make a difference to this caller.

    A role held everywhere differs from the same role in one project by what it reaches; what is
    missing is tried with the latter, and with the administrator of everything.
    """
    if stopped_before_any_object(rule, caller):
        return found[:1]
    if caller.name.endswith(" everywhere") and not caller.name.startswith("administrator"):
        return [variant for variant in found if variant.name in {OWN, "foreign"}]
    return found


def _known_part(address: Address, variant: Variant) -> str:
    """Name what the caller knows to be there: answers may differ with nothing else."""
    inside = variant.where == OWN and "project" in address.arguments
    return OWN if inside or not variant.fits else "nothing"


# ------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("endpoint", sorted(ROUTES))
def test_everybody_gets_what_the_table_says(world: PolicyWorld, endpoint: str) -> None:
    wrong = check(world, endpoint, world.callers)
    assert not wrong, "\n".join([f"{len(wrong)} answers differ:", *wrong[:40]])


THIN = (
    "stranger",
    "annotator in own",
    "designer in own",
    "administrator everywhere",
    "manager for a team",
    "neighbour",
    "token for read",
    "deactivated",
)


def test_postgresql_gives_the_same_answers(postgresql_world: PolicyWorld) -> None:
    world = postgresql_world
    callers = {name: world.callers[name] for name in THIN}
    wrong = [line for endpoint in sorted(ROUTES) for line in check(world, endpoint, callers)]
    assert not wrong, "\n".join([f"{len(wrong)} answers differ:", *wrong[:40]])


@pytest.mark.parametrize("key", ["x", "%00", "' OR 1=1 --", "01900000-0000-7000-8000-00000000000G"])
def test_a_broken_id_is_as_good_as_a_missing_one(postgresql_world: PolicyWorld, key: str) -> None:
    """PostgreSQL answers a malformed UUID with an error; nobody may see the difference."""
    world = postgresql_world
    client = world.app.test_client(use_cookies=False)
    caller = world.callers["administrator everywhere"]
    for path in ("/api/v1/items/{}", "/people/{}", "/p/own/items/{}"):
        told = set()
        for wanted in (key, pw.missing("item_id", "x")):
            told.add(answer(client.get(path.format(wanted), headers=caller.headers)))
            world.database.undo()
        assert len(told) == 1, path
        assert next(iter(told))[0] == 404


def test_every_kind_of_object_has_a_builder(world: PolicyWorld) -> None:
    lacking = KINDS - world.objects[OWN].keys()
    assert not lacking, f"add {sorted(lacking)} to objects() in tests/test_web/policy_world.py"


def test_tokens_reach_only_routes_that_name_a_permission() -> None:
    """A token is bounded by its scopes; ``self`` is no permission and bounds nothing."""
    open_wide = [
        name
        for name, rule in ROUTES.items()
        if rule.token and rule.permission == "self" and rule.locates is not None
    ]
    assert open_wide == []


def test_each_permission_of_the_table_is_known() -> None:
    used = {rule.permission for rule in ROUTES.values()} - {"public", "self"}
    assert used <= PERMISSIONS.keys()
