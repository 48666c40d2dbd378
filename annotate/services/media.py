"""Files of items: looked into, cleaned, kept by their hash, and found for those who may see them.

A file lies under ``media/<project>/<first two>/<hash>`` of the data folder. It is written before
the row that names it, so a row never points at nothing; a file that no row names does no harm.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import sqlalchemy as sa
from PIL import Image

from annotate.db import new_id, settings_of
from annotate.models import Item, Media
from annotate.services import (
    containers,
    mp4_containers,
    practice,
    sound_containers,
    webm_containers,
)
from annotate.services.containers import Cleaned, FileRefused
from annotate.services.errors import NotFound
from annotate.services.places import own_place
from annotate.services.scoping import visible_items
from exports.message_parts import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from annotate.config import Settings
    from annotate.policy import Actor, Scope

FOLDER = "media"
INCOMING = ".incoming"
BLOCK = 1024 * 1024
MAX_PICTURE_BYTES = 20 * 1024 * 1024
MAX_RECORDING_BYTES = 256 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
TAKEN = "PNG, JPEG, GIF, WebP; WAV, MP3, FLAC, M4A; MP4, WebM"
ENDINGS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/webm": "weba",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
"""Every type that is taken, with the ending that a saved file gets."""
_DECODERS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
}
_SIGNS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, containers.PNG_SIGNATURE, "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (0, b"fLaC", "flac"),
    (0, b"ID3", "mp3"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", "webm"),
)
_READERS: Final[dict[str, Callable[[memoryview], Cleaned]]] = {
    "png": containers.png,
    "jpeg": containers.jpeg,
    "gif": containers.gif,
    "webp": containers.webp,
    "wav": sound_containers.wav,
    "flac": sound_containers.flac,
    "mp3": sound_containers.mp3,
    "mp4": mp4_containers.mp4,
    "webm": webm_containers.webm,
}
_NOT_TAKEN: Final = (
    (b"OggS", "Ogg, which is not taken"),
    (b"%PDF", "PDF, which is not taken"),
    (b"BM", "BMP, which is not taken"),
    (b"II*\0", "TIFF, which is not taken"),
    (b"MM\0*", "TIFF, which is not taken"),
)

Image.MAX_IMAGE_PIXELS = None  # the bounds are checked here, before anything is decoded


@dataclass(frozen=True, slots=True)
class Served:
    """A file that may be sent."""

    path: Path
    media_type: str
    name: str


# ----------------------------------------------------------------------------------- taking a file


def reader_of(head: bytes) -> Callable[[memoryview], Cleaned]:
    """Return the reader for a file by its first bytes.

    Raises
    ------
    FileRefused
        When it is none of the types that are taken.
    """
    for at, sign, name in _SIGNS:
        if head[at : at + len(sign)] == sign:
            return _READERS[name]
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return sound_containers.mp3
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lowered.startswith((b"<svg", b"<?xml", b"<!doctype svg")):
        raise FileRefused("it is SVG or XML, which can hold a program; save the picture as PNG")
    for sign, words in _NOT_TAKEN:
        if head.startswith(sign):
            raise FileRefused(f"it is {words}; save it as one of {TAKEN}")
    raise FileRefused(f"its content is none of the types that are taken: {TAKEN}")


def keep(settings: Settings, project_id: str, stream: BinaryIO) -> FileFacts:
    """Look into a file, clean it and keep it.

    Parameters
    ----------
    settings, project_id
        Whose data folder, and which project of it.
    stream
        The file from its beginning.

    Raises
    ------
    FileRefused
        With the reason, when it is not kept.
    """
    incoming = _private(settings.data_dir / FOLDER / INCOMING)
    raw, cleaned = incoming / f"{new_id()}.raw", incoming / f"{new_id()}.clean"
    try:
        original = _receive(stream, raw)
        media_type, size_known = _clean(raw, cleaned)
        digest, size = _digest(cleaned)
        width, height = size_known or (None, None)
        _settle(cleaned, path_of(settings, project_id, digest))
    finally:
        raw.unlink(missing_ok=True)
        cleaned.unlink(missing_ok=True)
    return FileFacts(digest, original, media_type, size, width, height)


def path_of(settings: Settings, project_id: str, digest: str) -> Path:
    """Return where a file of a project lies."""
    return settings.data_dir / FOLDER / project_id / digest[:2] / digest


def _private(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _receive(stream: BinaryIO, target: Path) -> str:
    """Write a stream to disk within the bound, and return its hash."""
    digest = hashlib.sha256()
    size = 0
    with _create(target) as out:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > MAX_RECORDING_BYTES:
                most = MAX_RECORDING_BYTES // 1024**2
                raise FileRefused(f"it is larger than {most} MB")
            digest.update(block)
            out.write(block)
    if size == 0:
        raise FileRefused("it is empty")
    return digest.hexdigest()


def _create(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "wb")


def _clean(raw: Path, target: Path) -> tuple[str, tuple[int, int] | None]:
    """Write the file without what it carries; return its type and the size of a picture."""
    with raw.open("rb") as file:
        read = reader_of(file.read(64))
    size = raw.stat().st_size
    if read in (containers.png, containers.jpeg, containers.gif, containers.webp):
        if size > MAX_PICTURE_BYTES:
            raise FileRefused(f"the picture is larger than {MAX_PICTURE_BYTES // 1024**2} MB")
        return _clean_picture(read, raw, target)
    return _clean_recording(read, raw, target), None


def _clean_picture(
    read: Callable[[memoryview], Cleaned], raw: Path, target: Path
) -> tuple[str, tuple[int, int]]:
    try:
        found = read(memoryview(raw.read_bytes()))
    except (struct.error, IndexError) as error:
        raise FileRefused(containers.CUT) from error
    if found.size is not None:
        _check_bounds(*found.size)
    _write(target, found.pieces)
    return found.media_type, _decode(target, found.media_type)


def _clean_recording(read: Callable[[memoryview], Cleaned], raw: Path, target: Path) -> str:
    with raw.open("rb") as file:
        # Not closed by hand: the pieces point into it until they are written.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        found = read(memoryview(mapped))
        _write(target, found.pieces)
    except (struct.error, IndexError) as error:
        raise FileRefused(containers.CUT) from error
    return found.media_type


def _write(path: Path, pieces: Iterable[containers.Piece]) -> None:
    with _create(path) as out:
        for piece in pieces:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


def _check_bounds(width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise FileRefused(
            f"the picture has {width:,} by {height:,} pixels; at most {MAX_PIXELS // 1_000_000} "
            f"million are taken and {MAX_SIDE:,} a side"
        )


def _decode(path: Path, media_type: str) -> tuple[int, int]:
    """Decode a cleaned picture whole, as a browser will, and return its size.

    The size is known from its head and checked before any pixel is made.
    """
    try:
        with Image.open(path, formats=[_DECODERS[media_type]]) as picture:
            _check_bounds(*picture.size)
            if getattr(picture, "n_frames", 1) > 1:
                raise FileRefused(containers.MOVING)
            picture.load()
            return picture.size
    except (OSError, SyntaxError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise FileRefused("the picture cannot be decoded: " + containers.CUT) from error


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _settle(cleaned: Path, path: Path) -> None:
    if not path.exists():
        _private(path.parent)
        cleaned.replace(path)


# -------------------------------------------------------------------------------- finding it again


def of_item(session: Session, scope: Scope, item_id: str, digest: str) -> Served:
    """Return a file of an item that the scope may see.

    Raises
    ------
    NotFound
        When there is none, or the item is in quarantine.
    """
    statement = (
        sa.select(Media.media_type, Media.project_id)
        .join(Item, Item.id == Media.item_id)
        .where(
            Media.project_id == scope.project_id,
            Media.item_id == item_id,
            Media.content_hash == digest,
            *visible_items(scope),
        )
    )
    return _served(session, statement, digest)


def of_assignment(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, digest: str
) -> Served:
    """Return a file of the item that the actor holds a place on, or has submitted.

    Raises
    ------
    NotFound
        When there is none, the place was given back, or the item is in quarantine.
    """
    place = own_place(session, actor, scope, assignment_id)
    if place.state not in {"leased", "submitted"}:
        raise NotFound("There is no such file here.")
    statement = (
        sa.select(Media.media_type, Media.project_id)
        .join(Item, Item.id == Media.item_id)
        .where(
            Media.project_id == scope.project_id,
            Media.item_id == place.item_id,
            Media.content_hash == digest,
            Item.quarantined_at.is_(None),
        )
    )
    return _served(session, statement, digest)


def of_practice_item(session: Session, scope: Scope, practice_item_id: str, digest: str) -> Served:
    """Return a file of an item that people practise on.

    Raises
    ------
    NotFound
        When there is none, or the item is in quarantine.
    """
    return of_item(
        session, scope, practice.row_of(session, scope, practice_item_id).item_id, digest
    )


def _served(session: Session, statement: sa.Select[str, str], digest: str) -> Served:
    row = session.execute(statement).first()
    if row is None:
        raise NotFound("There is no such file here.")
    path = path_of(settings_of(session), row.project_id, digest)
    if not path.is_file():
        raise NotFound(
            "The file is not on this machine. Its hash is known; an administrator can bring the "
            "folder of media back from a backup."
        )
    return Served(path, row.media_type, f"{digest[:16]}.{ENDINGS[row.media_type]}")
