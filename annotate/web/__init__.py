"""Pages and the JSON API. A view parses, calls one service, renders."""

from __future__ import annotations

from annotate.web import (
    account,
    agreement,
    audit,
    cases,
    health,
    items,
    jobs,
    labeling,
    media,
    openapi,
    people,
    personal,
    practice,
    projects,
    releases,
    rounds,
    rubrics,
    wellbeing,
    workbench,
)

BLUEPRINTS = (
    health.blueprint,
    labeling.blueprint,
    media.blueprint,
    account.blueprint,
    people.blueprint,
    projects.blueprint,
    rubrics.blueprint,
    rounds.blueprint,
    items.blueprint,
    jobs.blueprint,
    workbench.blueprint,
    wellbeing.blueprint,
    agreement.blueprint,
    cases.blueprint,
    personal.blueprint,
    practice.blueprint,
    releases.blueprint,
    audit.blueprint,
    openapi.blueprint,
)
