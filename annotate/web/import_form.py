"""What somebody sends to be imported: an item file, the files its rows ask for, or one zip."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from werkzeug.formparser import parse_form_data

from annotate.services import file_sources, uploads
from annotate.services.errors import BadInput
from annotate.services.text import check_text
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from annotate.config import Settings

FIELD_BYTES = 10_000
MAX_FILES = 500
"""Files sent one by one; more come as a zip. Each is open until the form is read."""


@dataclass
class Sent:
    """The form as it came, its files on disk; what no import keeps is removed again."""

    form: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[tuple[str, Path]]] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    kept: set[Path] = field(default_factory=set)

    def keep(self, *paths: Path | None) -> None:
        """Leave these to the import."""
        self.kept.update(path for path in paths if path is not None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an import is started with."""

    path: Path
    name: str
    media: Path | None


def problem(message: str, name: str = "file") -> dict[str, str]:
    """Return a mistake of one field."""
    return {"field": name, "message": message}


@contextmanager
def received(settings: Settings, environ: dict[str, Any]) -> Iterator[Sent]:
    """Stream the form's files to disk."""
    made: list[tuple[Path, BinaryIO]] = []
    sent = Sent()

    def to_disk(*_: object, **__: object) -> BinaryIO:
        made.append(uploads.create(settings))
        return made[-1][1]

    try:
        _, form, files = parse_form_data(
            environ,
            stream_factory=to_disk,
            max_form_memory_size=FIELD_BYTES,
            max_content_length=settings.max_upload_bytes,
            max_form_parts=MAX_FILES + 20,
        )
        sent.form = dict(form.items())
        places = {id(stream): path for path, stream in made}
        for name, given in files.items(multi=True):
            _note(sent, name, given.filename or "", places[id(given.stream)])
        _close(made)
        yield sent
    finally:
        _close(made)
        for path in {*(path for path, _ in made), *sent.paths} - sent.kept:
            path.unlink(missing_ok=True)


def _note(sent: Sent, field_name: str, filename: str, path: Path) -> None:
    if filename:
        check_text(filename, field_name)
        sent.files.setdefault(field_name, []).append((filename, path))


def _close(made: list[tuple[Path, BinaryIO]]) -> None:
    for _, stream in made:
        stream.close()


def wanted(settings: Settings, sent: Sent) -> Wanted:
    """Return what to import: the item file, and the zip of its files if there are any.

    Raises
    ------
    BadInput
        When no file was chosen, it is empty, or a zip does not hold what it must.
    """
    if not sent.files.get("file"):
        raise BadInput("Choose a file", problems=[problem("Choose a file.")])
    name, path = sent.files["file"][0]
    if path.stat().st_size == 0:
        raise BadInput("The file is empty", problems=[problem("The file is empty.")])
    media = _media(settings, sent)
    if not name.lower().endswith(".zip"):
        return Wanted(path, name, media)
    if media is not None:
        words = Sentence(
            "A zip brings its own files: choose either the zip or files beside the item file."
        )
        raise BadInput(words, problems=[problem(words)])
    try:
        items, inner = file_sources.unpack_items(settings, path)
    except BadInput as refused:
        raise BadInput(str(refused), problems=[problem(str(refused))]) from refused
    sent.paths.append(items)
    return Wanted(items, inner, path)


def _media(settings: Settings, sent: Sent) -> Path | None:
    """Return the zip of files: the one that was sent, or one made of those sent one by one."""
    files = sent.files.get("media", [])
    if not files:
        return None
    if len(files) == 1 and files[0][0].lower().endswith(".zip"):
        _check_zip(files[0][1])
        return files[0][1]
    packed = file_sources.pack(settings, files)
    sent.paths.append(packed)
    return packed


def _check_zip(path: Path) -> None:
    try:
        file_sources.ZipFiles(path)
    except BadInput as refused:
        raise BadInput(str(refused), problems=[problem(str(refused), "media")]) from refused
