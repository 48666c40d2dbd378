"""Settings of the application, read once from the environment and frozen."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
KNOWN_SECRETS = frozenset({"secret", "changeme", "change-me", "dev", "touchstone"})
MIN_SECRET_BYTES = 32
PUBLIC_URL = "http://127.0.0.1:8000"
LEASE_SECONDS = 1800
EDIT_WINDOW_SECONDS = 86_400
SESSION_IDLE_SECONDS = 12 * 3600
SESSION_ABSOLUTE_SECONDS = 7 * 86_400
MOST_PROXIES = 9


class SettingsError(Exception):
    """A setting is unsafe or unreadable; the message names it and tells what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the application takes from its surroundings.

    Attributes
    ----------
    database_url
        SQLAlchemy address; ``sqlite:///…`` is the embedded mode.
    data_dir
        Folder for the database, backups, releases, media and the secret.
    public_url
        The address people type. Its scheme decides on secure cookies.
    secret
        Key for signing short-lived values; never guards sessions or tokens.
    lease_seconds, edit_window_seconds
        How long a claimed place is held, and how long a submission may be edited by its author.
    session_idle_seconds, session_absolute_seconds
        Ends of a login session.
    trusted_proxies
        How many proxies stand in front and set ``X-Forwarded-For``; 0 believes nobody.
    """

    database_url: str
    data_dir: Path
    public_url: str = PUBLIC_URL
    secret: bytes = field(default=b"", repr=False)
    lease_seconds: int = LEASE_SECONDS
    edit_window_seconds: int = EDIT_WINDOW_SECONDS
    session_idle_seconds: int = SESSION_IDLE_SECONDS
    session_absolute_seconds: int = SESSION_ABSOLUTE_SECONDS
    max_upload_bytes: int = 4 * 1024**3
    inline_jobs: bool = False
    trusted_proxies: int = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings, refusing unsafe values.

        Raises
        ------
        SettingsError
            When an address or number cannot be read, or plain http is asked for off loopback.
        """
        env = os.environ if environ is None else environ
        data_dir = Path(env.get("TOUCHSTONE_DATA_DIR", "var")).absolute()
        database_url = env.get("TOUCHSTONE_DATABASE_URL", f"sqlite:///{data_dir}/touchstone.db")
        settings = cls(
            database_url=_driver_url(database_url),
            data_dir=data_dir,
            public_url=env.get("TOUCHSTONE_PUBLIC_URL", PUBLIC_URL).rstrip("/"),
            secret=_secret(env, data_dir),
            lease_seconds=_number(env, "TOUCHSTONE_LEASE_SECONDS", LEASE_SECONDS),
            edit_window_seconds=_number(env, "TOUCHSTONE_EDIT_WINDOW_SECONDS", EDIT_WINDOW_SECONDS),
            session_idle_seconds=_number(
                env, "TOUCHSTONE_SESSION_IDLE_SECONDS", SESSION_IDLE_SECONDS
            ),
            session_absolute_seconds=_number(
                env, "TOUCHSTONE_SESSION_ABSOLUTE_SECONDS", SESSION_ABSOLUTE_SECONDS
            ),
            inline_jobs=env.get("TOUCHSTONE_INLINE_JOBS", "0") == "1",
            trusted_proxies=_proxies(env),
        )
        settings.check()
        return settings

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def database_path(self) -> Path:
        """The SQLite file of the embedded mode."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def https(self) -> bool:
        """Whether people reach the application over TLS."""
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        """Host and port of the public address."""
        return urlsplit(self.public_url).netloc

    @property
    def public_name(self) -> str:
        """Host of the public address without its port."""
        return urlsplit(self.public_url).hostname or ""

    def check(self) -> None:
        """Refuse combinations that would be unsafe."""
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError(
                f"TOUCHSTONE_PUBLIC_URL is {self.public_url!r}: give an address such as "
                "https://labels.example.org"
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            raise SettingsError(
                f"TOUCHSTONE_PUBLIC_URL is {self.public_url!r}: plain http is allowed on loopback "
                "only. Put a TLS proxy in front and give its https address."
            )


def _driver_url(url: str) -> str:
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    if url.startswith("postgresql://"):
        return "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if re.match(r"(sqlite:///|postgresql\+psycopg://)", url):
        return url
    raise SettingsError(
        f"TOUCHSTONE_DATABASE_URL is {url.split('@')[-1]!r}: use sqlite:///PATH or "
        "postgresql://USER@HOST/NAME"
    )


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    raw = env.get(name)
    if raw is None:
        return default
    if not raw.isdecimal() or int(raw) < 1:
        raise SettingsError(f"{name} is {raw!r}: give a whole number of seconds, 1 or more")
    return int(raw)


def _proxies(env: Mapping[str, str]) -> int:
    raw = env.get("TOUCHSTONE_TRUSTED_PROXIES", "0")
    if not raw.isdecimal() or int(raw) > MOST_PROXIES:
        raise SettingsError(
            f"TOUCHSTONE_TRUSTED_PROXIES is {raw!r}: give how many proxies of yours stand in "
            f"front, 0 to {MOST_PROXIES}"
        )
    return int(raw)


def _secret(env: Mapping[str, str], data_dir: Path) -> bytes:
    """Read the secret, or make one that only the owner may read."""
    given = env.get("TOUCHSTONE_SECRET")
    if given is not None:
        if len(given.encode()) < MIN_SECRET_BYTES or given.lower() in KNOWN_SECRETS:
            raise SettingsError(
                "TOUCHSTONE_SECRET is too short or well known: give 32 random bytes or more, "
                "or leave it out and one is made for this installation"
            )
        return given.encode()
    path = data_dir / "secret"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _write_private(path, secrets.token_hex(32))
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(
            f"{path} can be read by others (mode {mode:o}): run chmod 600 on it, and make a new "
            "one if others had access"
        )
    kept = path.read_bytes().strip()
    if len(kept) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"{path} holds no secret: it was cut short, perhaps by a full disk. Remove it, and a "
            "new one is made"
        )
    return kept


def _write_private(path: Path, text: str) -> None:
    """Create a file of mode 0600, whole or not at all; an existing one (a race lost) stays."""
    building = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text + "\n")
        try:
            path.hardlink_to(building)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            building.rename(path)
    finally:
        building.unlink(missing_ok=True)
