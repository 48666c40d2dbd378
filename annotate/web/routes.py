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
    "openapi.document": Rule("public", kind="api"),
    # account
    "account.login": _PUBLIC,
    "account.login_submit": _PUBLIC,
    "account.logout": page("self"),
    "account.link": _PUBLIC,
    "account.link_submit": _PUBLIC,
    "account.index": page("self"),
    "account.settings": page("self"),
    "account.password": page("self"),
    "account.end_session": page("self", "session_id", owner_only=True),
    "account.end_other_sessions": page("self"),
    "account.create_token": page("self"),
    "account.revoke_token": page("self", "token_id", owner_only=True),
    # people. No rule locates the person: whoever may not manage people shall not learn from the
    # answer whether an id names somebody. The services look for the person, and need the role
    # for the whole installation.
    "people.index": page("people.manage"),
    "people.invite": page("people.manage"),
    "people.person": page("people.manage"),
    "people.grant": page("people.manage"),
    "people.revoke": page("people.manage"),
    "people.reset": page("people.manage"),
    "people.deactivate": page("people.manage"),
    "people.reactivate": page("people.manage"),
    "people.teams": page("people.manage"),
    "people.add_team": page("people.manage"),
    # labelling API
    "labeling.me": api("self"),
    "labeling.claim": api("work.label", "round_id"),
    "labeling.mine": api("work.label", "round_id"),
    "labeling.release": api("work.label", "round_id"),
    # names own places only; the service finds them by their holder
    "labeling.standing": api("work.label"),
    "labeling.assignment": api("work.label", "assignment_id", owner_only=True),
    "labeling.heartbeat": api("work.label", "assignment_id", owner_only=True),
    "labeling.skip": api("work.label", "assignment_id", owner_only=True),
    "labeling.submit": api("work.label", "assignment_id", owner_only=True),
    "labeling.revise": api("work.label", "assignment_id", owner_only=True),
    "labeling.opt_out": api("work.label", "assignment_id", owner_only=True),
    "labeling.report": api("work.label", "assignment_id", owner_only=True),
    "labeling.rubric_version": api("rubric.view", "rubric_version_id"),
    # wellbeing
    "wellbeing.own": page("wellbeing.own", "project"),
    "wellbeing.change_own": page("wellbeing.own", "project"),
    "wellbeing.change_category": page("wellbeing.own", "project"),
    "wellbeing.rules": page("wellbeing.manage", "project"),
    "wellbeing.change_rules": page("wellbeing.manage", "project"),
    "wellbeing.together": page("wellbeing.aggregate", "project"),
    "wellbeing.api_exposure": api("work.label", "assignment_id", owner_only=True),
    "wellbeing.api_own": api("wellbeing.own", "project"),
    "wellbeing.api_begin_break": api("wellbeing.own", "project"),
    "wellbeing.api_end_break": api("wellbeing.own", "project"),
    "wellbeing.api_together": api("wellbeing.aggregate", "project"),
    # files of items
    "media.of_item": api("item.view", "item_id"),
    "media.of_practice_item": api("work.label", "project"),
    "media.of_assignment": api("work.label", "assignment_id", owner_only=True),
    # the annotator's pages
    "workbench.work": page("work.label", "project"),
    "workbench.label": page("work.label", "project"),
    "personal.keys": api("self"),
    "personal.store_keys": api("self"),
    "personal.acknowledge": api("work.label", "rubric_version_id"),
    "personal.changed": page("work.label", "project"),
    # practice
    "practice.index": page("project.view", "project"),
    "practice.add": page("round.manage", "project"),
    "practice.remove": page("round.manage", "project"),
    "practice.page": page("work.label", "project"),
    "practice.next_item": api("work.label", "project"),
    "practice.answer": api("work.label", "project"),
    # agreement
    "agreement.index": page("agreement.view", "project"),
    "agreement.variable": page("agreement.view", "project"),
    "agreement.api_report": api("agreement.view", "project"),
    "agreement.api_items": api("agreement.view", "project"),
    # cases
    "cases.index": page("case.view", "project"),
    "cases.take_next": page("case.decide", "project"),
    "cases.detail": page("case.view", "project"),
    "cases.take": page("case.decide", "project"),
    "cases.give_back": page("case.decide", "project"),
    "cases.answer": page("case.decide", "project"),
    "cases.decide": page("case.decide", "project"),
    "cases.revoke": page("case.decide", "project"),
    "cases.api_list": api("case.view", "project"),
    "cases.api_next": api("case.decide", "project"),
    "cases.api_case": api("case.view", "case_id"),
    "cases.api_take": api("case.decide", "case_id"),
    "cases.api_answer": api("case.decide", "case_id"),
    "cases.api_decide": api("case.decide", "case_id"),
    "cases.api_revoke": api("case.decide", "case_id"),
    # gold releases
    "releases.index": page("gold.view", "project"),
    "releases.freeze": page("gold.release", "project"),
    "releases.detail": page("gold.view", "project"),
    "releases.download": page("gold.view", "project"),
    "releases.api_list": api("gold.view", "project"),
    "releases.api_freeze": api("gold.release", "project"),
    "releases.api_release": api("gold.view", "release_id"),
    "releases.api_file": api("gold.view", "release_id"),
    # audit
    "audit.index": page("audit.view", "project"),
    "audit.api_list": api("audit.view", "project"),
    # projects
    "projects.home": page("self"),
    "projects.index": page("self"),
    "projects.new": page("project.create"),
    "projects.create": page("project.create"),
    "projects.overview": page("project.view", "project"),
    "projects.settings": page("project.manage", "project"),
    "projects.change_settings": page("project.manage", "project"),
    "projects.api_list": api("self"),
    "projects.api_create": api("project.create"),
    "projects.api_get": api("project.view", "project"),
    "projects.api_change": api("project.manage", "project"),
    "projects.api_progress": api("round.view", "project"),
    # rubrics
    "rubrics.index": page("rubric.view", "project"),
    "rubrics.new": page("rubric.edit", "project"),
    "rubrics.create": page("rubric.edit", "project"),
    "rubrics.publish": page("rubric.edit", "project"),
    "rubrics.source": page("rubric.view", "project"),
    "rubrics.api_list": api("rubric.view", "project"),
    "rubrics.api_add": api("rubric.edit", "project"),
    "rubrics.api_check": api("rubric.view"),
    "rubrics.api_publish": api("rubric.edit", "rubric_version_id"),
    "rubrics.api_diff": api("rubric.view", "rubric_version_id"),
    # rounds
    "rounds.index": page("round.view", "project"),
    "rounds.new": page("round.manage", "project"),
    "rounds.plan": page("round.manage", "project"),
    "rounds.detail": page("round.view", "project"),
    "rounds.change_state": page("round.manage", "project"),
    "rounds.extend": page("round.manage", "project"),
    "rounds.api_list": api("round.view", "project"),
    "rounds.api_plan": api("round.manage", "project"),
    "rounds.api_create": api("round.manage", "project"),
    "rounds.api_get": api("round.view", "round_id"),
    "rounds.api_state": api("round.manage", "round_id"),
    "rounds.api_extend": api("round.manage", "round_id"),
    # items and jobs
    "items.index": page("item.view", "project"),
    "items.detail": page("item.view", "project"),
    "items.upload": page("item.import", "project"),
    "items.upload_submit": page("item.import", "project"),
    "items.quarantine": page("item.release_quarantine", "project"),
    "items.release": page("item.release_quarantine", "project"),
    "items.api_list": api("item.view", "project"),
    "items.api_import": api("item.import", "project"),
    "items.api_item": api("item.view", "item_id"),
    "jobs.index": page("job.view", "project"),
    "jobs.detail": page("job.view", "project"),
    "jobs.cancel": page("job.view", "project"),
    "jobs.problems_csv": page("job.view", "project"),
    "jobs.api_job": api("job.view", "job_id"),
    "jobs.api_problems": api("job.view", "job_id"),
    "jobs.api_cancel": api("job.view", "job_id"),
}
