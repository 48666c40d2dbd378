"""The manifest of a release: every file with size, digest and rows, and what made them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from exports.errors import ExportError
from exports.strict_json import JsonRefused, JsonValue, canonical, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMATS: Final = {1: "touchstone-gold-release/1", 2: "touchstone-gold-release/2"}
"""Every format that is read. A release is written in that of the row that froze it."""
NEWEST: Final = max(FORMATS)
FILE_NAME = "manifest.json"
DIGEST = "manifest_sha256"
_BLOCK = 1 << 20
Manifest = dict[str, JsonValue]


class ManifestBroken(ExportError):
    """The manifest is missing, unreadable or of another format."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def digest_of(manifest: Mapping[str, JsonValue]) -> str:
    """Return the digest of a manifest: SHA-256 of its canonical JSON without the digest itself."""
    rest = {key: value for key, value in manifest.items() if key != DIGEST}
    return hashlib.sha256(canonical(rest).encode()).hexdigest()


def file_entries(directory: Path, rows: Mapping[str, int]) -> list[JsonValue]:
    """Return path, size, digest and row count of every file but the manifest, by path."""
    return [
        {
            "path": path.name,
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
            "rows": rows.get(path.name),
        }
        for path in sorted(directory.iterdir())
        if path.name != FILE_NAME
    ]


def format_of(manifest: Mapping[str, JsonValue]) -> int:
    """Return the number of the format of a manifest that was read."""
    return next(number for number, name in FORMATS.items() if name == manifest["format"])


def write_manifest(
    directory: Path, content: Mapping[str, JsonValue], number: int = NEWEST
) -> Manifest:
    """Write ``manifest.json`` in a format and return what it holds."""
    manifest: Manifest = {"format": FORMATS[number], **content}
    manifest[DIGEST] = digest_of(manifest)
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False)
    (directory / FILE_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """Return the manifest of a release.

    Raises
    ------
    ManifestBroken
        When there is none, it is not JSON, of another format, or its own digest does not fit.
    """
    path = directory / FILE_NAME
    try:
        manifest = parse(path.read_text(encoding="utf-8"))
    except OSError:
        raise ManifestBroken("there is no manifest.json; this is not a release") from None
    except (JsonRefused, UnicodeDecodeError) as error:
        raise ManifestBroken(f"the manifest cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") not in FORMATS.values():
        known = " or ".join(repr(one) for one in FORMATS.values())
        raise ManifestBroken(f"the manifest is not of the format {known}")
    if manifest.get(DIGEST) != digest_of(manifest):
        raise ManifestBroken("the manifest was changed after it was written: its digest differs")
    return manifest
