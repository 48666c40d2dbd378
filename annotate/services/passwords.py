"""Password hashing with Argon2id, at most two at a time, and never inside a transaction."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from annotate.services.errors import BadInput
from rubrics.sentences import Sentence

MIN_PASSWORD = 10
MAX_PASSWORD = 200
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
_SLOTS = threading.BoundedSemaphore(2)
# Verified when the login is unknown, so that both answers take the same time.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg"
    "$Zd9cEmzLrT9nEWk2XBhqQ0hGKD5oBLy0VhHH2mDnCjw"
)


def check_password(password: str) -> None:
    """Refuse passwords that are too short or too long."""
    if len(password) < MIN_PASSWORD:
        raise BadInput(Sentence("The password needs %(n)s characters or more", n=MIN_PASSWORD))
    if len(password) > MAX_PASSWORD:
        raise BadInput(Sentence("The password may have %(n)s characters at most", n=MAX_PASSWORD))


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    check_password(password)
    with _SLOTS:
        return _HASHER.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Tell whether the password fits, in the same time whether or not a hash is stored."""
    with _SLOTS:
        try:
            _HASHER.verify(stored or _NOBODY, password[:MAX_PASSWORD])
        except (VerifyMismatchError, InvalidHashError):
            return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Tell whether the hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(stored)
