"""Models of annotators: what the labels say about units and raters together.

All take `ReliabilityData`, leave the raw votes alone and return an `AnnotatorModel`.
"""

from __future__ import annotations

from tasks.agreement.models.dawid_skene import dawid_skene, one_coin_dawid_skene
from tasks.agreement.models.difficulty import DifficultyModel, glad
from tasks.agreement.models.mace import mace
from tasks.agreement.models.result import AnnotatorModel
from tasks.agreement.models.votes import majority_vote, vote_shares

__all__ = [
    "AnnotatorModel",
    "DifficultyModel",
    "dawid_skene",
    "glad",
    "mace",
    "majority_vote",
    "one_coin_dawid_skene",
    "vote_shares",
]
