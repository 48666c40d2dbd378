"""From a rubric and its labels to agreement reports: levels, conditions, one-vs-rest.

Columns of ids are numbered once and sorted once; every variable is then a slice of integers that
goes to the kernel. Rule of this room: missing is never negative. Unsure and cannot assess are
missing; *not asked* is missing among those who reached the question, and among all annotators it
takes the structural value that the rubric declares, or stays missing.
"""

from __future__ import annotations

from tasks.records import (
    AnswerStates,
    ItemDisagreement,
    LabelColumns,
    PairReport,
    Report,
    VariableReport,
)
from tasks.reliability.report import (
    VariableUnknown,
    agreement_report,
    disputed_items,
    interval_choice,
    items_behind,
    pairs_of,
    variable_data,
    verdict,
)
from tasks.reliability.table import LabelsUnreadable

__all__ = [
    "AnswerStates",
    "ItemDisagreement",
    "LabelColumns",
    "LabelsUnreadable",
    "PairReport",
    "Report",
    "VariableReport",
    "VariableUnknown",
    "agreement_report",
    "disputed_items",
    "interval_choice",
    "items_behind",
    "pairs_of",
    "variable_data",
    "verdict",
]
