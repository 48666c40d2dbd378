"""From a rubric and its labels to agreement reports: levels, conditions, one-vs-rest.

Columns of ids are numbered once and sorted once; every variable is then a slice of integers that
goes to the kernel. Rule of this room: missing is never negative. Unsure and cannot assess are
missing; *not asked* is missing among those who reached the question, and among all annotators it
takes the structural value that the rubric declares, or stays missing.
"""

from __future__ import annotations

from tasks.records import (
    AnnotatorRepeats,
    AnswerStates,
    ItemDisagreement,
    LabelColumns,
    PairReport,
    RepeatReport,
    Report,
    ShapedReport,
    VariableReport,
)
from tasks.reliability.repeats import repeat_agreement
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
    "AnnotatorRepeats",
    "AnswerStates",
    "ItemDisagreement",
    "LabelColumns",
    "LabelsUnreadable",
    "PairReport",
    "RepeatReport",
    "Report",
    "ShapedReport",
    "VariableReport",
    "VariableUnknown",
    "agreement_report",
    "disputed_items",
    "interval_choice",
    "items_behind",
    "pairs_of",
    "repeat_agreement",
    "variable_data",
    "verdict",
]
