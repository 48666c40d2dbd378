"""Pages and the JSON API. A view parses, calls one service, renders."""

from __future__ import annotations

from annotate.web import health, labeling

BLUEPRINTS = (
    health.blueprint,
    labeling.blueprint,
)
