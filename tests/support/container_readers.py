"""Readers of containers as the tests call them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from annotate.services.containers import Cleaned, FileRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[memoryview], Cleaned]


def cleaned(reader: Reader, data: bytes) -> bytes:
    return b"".join(reader(memoryview(data)).pieces)


def refused(reader: Reader, data: bytes) -> str:
    with pytest.raises(FileRefused) as caught:
        cleaned(reader, data)
    return str(caught.value)


def riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = form + b"".join(
        struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) & 1)
        for kind, data in chunks
    )
    return struct.pack("<4sI", b"RIFF", len(body)) + body
