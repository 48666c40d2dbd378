"""The policy table: what every route needs. A route that is missing here does not start.

``locates`` names the view argument that names the object (see ``services.locate``).
"""

from __future__ import annotations

from annotate.policy import Rule

_PUBLIC = Rule("public")


def page(permission: str, locates: str | None = None, *, owner_only: bool = False) -> Rule:
    """Return the rule of an HTML page."""
    return Rule(permission, locates, owner_only=owner_only, kind="page")


def api(permission: str, locates: str | None = None, *, owner_only: bool = False) -> Rule:
    """Return the rule of a JSON route, open to API tokens."""
    return Rule(permission, locates, owner_only=owner_only, kind="api", token=True)


ROUTES: dict[str, Rule] = {
    # service
    "health.healthz": Rule("public", kind="api"),
    "health.readyz": Rule("public", kind="api"),
    "health.static_file": Rule("public"),
    "health.csp_report": Rule("public", kind="api"),
    # account
    "account.login": _PUBLIC,
    "account.login_submit": _PUBLIC,
    "account.logout": page("self"),
    # labelling API
    "labeling.me": api("self"),
    "labeling.claim": api("work.label", "round_id"),
    "labeling.mine": api("work.label", "round_id"),
    "labeling.assignment": api("self", "assignment_id", owner_only=True),
    "labeling.heartbeat": api("self", "assignment_id", owner_only=True),
    "labeling.skip": api("self", "assignment_id", owner_only=True),
    "labeling.submit": api("self", "assignment_id", owner_only=True),
    "labeling.revise": api("self", "assignment_id", owner_only=True),
    "labeling.opt_out": api("self", "assignment_id", owner_only=True),
    "labeling.report": api("self", "assignment_id", owner_only=True),
    "labeling.rubric_version": api("rubric.view", "rubric_version_id"),
}
