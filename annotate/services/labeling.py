"""Labelling: claim a place, keep it, answer, edit, give it back.

Safety is in the constraints below this code: UNIQUE(annotator, task), CHECK(open_slots) and the
annotation's id, which the client minted. All times are the database's. The verbs stand in three
modules, gathered here for those who use them: ``claiming``, ``submitting`` and ``places``.
"""

from __future__ import annotations

from annotate.services.claiming import (
    FIRST,
    MOST_AHEAD,
    MOST_HELD,
    REPORT_KINDS,
    RETRY_AFTER,
    Claim,
    claim,
    claim_ahead,
    give_back,
    heartbeat,
    opt_out,
    report,
    skip,
)
from annotate.services.places import Done, Place, item_view, mine, own_assignment, standing
from annotate.services.submitting import (
    Receipt,
    Submission,
    label_rows,
    prepare,
    revise,
    submit,
)

__all__ = [
    "FIRST",
    "MOST_AHEAD",
    "MOST_HELD",
    "REPORT_KINDS",
    "RETRY_AFTER",
    "Claim",
    "Done",
    "Place",
    "Receipt",
    "Submission",
    "claim",
    "claim_ahead",
    "give_back",
    "heartbeat",
    "item_view",
    "label_rows",
    "mine",
    "opt_out",
    "own_assignment",
    "prepare",
    "report",
    "revise",
    "skip",
    "standing",
    "submit",
]
