"""Agreement on label files of any origin: CSV, JSONL or Parquet, without server or rubric.

A file is *long* when a row holds one annotator's labels on one item (one or more value columns),
and *wide* when a row is an item and every annotator has a column. Levels of measurement are
always given; a label that is empty or null is missing, and nothing else is.
"""

from __future__ import annotations

from tasks.label_files.formats import LabelFileInvalid
from tasks.label_files.report import (
    COEFFICIENTS,
    USUAL,
    FileColumns,
    FileLabels,
    FileRequest,
    FileVariable,
    file_report,
    n_variables,
    read_label_columns,
    read_labels,
)

__all__ = [
    "COEFFICIENTS",
    "USUAL",
    "FileColumns",
    "FileLabels",
    "FileRequest",
    "FileVariable",
    "LabelFileInvalid",
    "file_report",
    "n_variables",
    "read_label_columns",
    "read_labels",
]
