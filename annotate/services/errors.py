"""What a use case can refuse, as facts. ``web/errors.py`` alone turns them into HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApplicationError(Exception):
    """A use case was refused. The message says what, where, and what to do."""

    code = "refused"

    def __init__(self, message: str, *, problems: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class NotFound(ApplicationError):
    """The object is not there, or not there for this actor."""

    code = "not_found"


class NotAllowed(ApplicationError):
    """The actor may not do this."""

    code = "not_allowed"


class BadInput(ApplicationError):
    """The input is not acceptable; ``problems`` has one entry a mistake, with its place."""

    code = "bad_input"


class Conflict(ApplicationError):
    """The state of things no longer fits the request."""

    code = "conflict"


class LeaseLost(ApplicationError):
    """The place is no longer held by this annotator under this fence."""

    code = "lease_lost"


class TooManyAttempts(ApplicationError):
    """Too many failed logins; try again later."""

    code = "too_many_attempts"


class BadCredentials(ApplicationError):
    """Unknown login or wrong password; the two are not told apart."""

    code = "bad_credentials"


class OtherAccount(ApplicationError):
    """The request was made for another person than the one who is signed in now."""

    code = "other_account"
