"""What the kernel refuses, in words that say what to do instead."""

from __future__ import annotations


class AgreementError(Exception):
    """Base of every refusal of the agreement kernel."""


class ReliabilityDataError(AgreementError):
    """The labels handed in are not reliability data: the message names the row or the value."""


class CoefficientError(AgreementError):
    """A coefficient was asked for with settings that have no meaning for these data."""
