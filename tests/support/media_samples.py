"""Pictures and recordings made here, with the private things that such files carry."""

from __future__ import annotations

import io
import struct
import wave
import zlib

from PIL import Image, ImageDraw, PngImagePlugin

SECRET = b"51.5007N 0.1246W Garden Lane 7"
"""Stands in every sample where a camera or program would leave something private."""


def drawing(width: int = 96, height: int = 64) -> Image.Image:
    """A pot with a plant, in colours that a decoder must get right."""
    picture = Image.new("RGB", (width, height), (236, 240, 232))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 3, height // 2, 2 * width // 3, height - 4), fill=(178, 84, 52))
    draw.ellipse((width // 4, 4, 3 * width // 4, height // 2), fill=(60, 120, 70))
    draw.line((width // 2, height // 4, width // 2, height // 2), fill=(30, 70, 40), width=3)
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SECRET.decode())
    told.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
    return saved(drawing(), "PNG", pnginfo=told, exif=_exif(1)) + SECRET


def _exif(turn: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    exif[0x010E] = SECRET.decode()
    return exif.tobytes()


def jpeg(turn: int = 6) -> bytes:
    plain = saved(drawing(), "JPEG", quality=90, exif=_exif(turn), comment=SECRET)
    return plain + b"\xff\xd8" + SECRET


def progressive_jpeg() -> bytes:
    return saved(drawing(), "JPEG", progressive=True, comment=SECRET)


def gif() -> bytes:
    return saved(drawing().convert("P"), "GIF", comment=SECRET)


def webp() -> bytes:
    xmp = b"<x>" + SECRET + b"</x>"
    return saved(drawing(), "WEBP", exif=_exif(1), xmp=xmp, quality=80)


def moving_gif() -> bytes:
    frames = [drawing(), drawing().rotate(90)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)


def moving_png() -> bytes:
    frames = [drawing(), drawing().rotate(90)]
    return saved(frames[0], "PNG", save_all=True, append_images=frames[1:])


def wide_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"")


def wav(seconds: float = 0.4) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(bytes(128 + (n * 7) % 40 for n in range(int(8000 * seconds))))
    note = struct.pack("<4sI", b"LIST", len(SECRET)) + SECRET
    body = out.getvalue()[12:] + note
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body


def mp3() -> bytes:
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    tag = b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(SECRET)]) + SECRET
    return tag + frame * 4 + b"TAG" + SECRET.ljust(125, b"\0")


def flac() -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        return bytes([kind]) + len(body).to_bytes(3, "big") + body

    return b"fLaC" + block(0, bytes(34)) + block(4 | 0x80, SECRET) + b"\xff\xf8" + bytes(40)


def _box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _track(handler: bytes, told: bytes, sample: tuple[int, int]) -> bytes:
    """A track of one sample, given by place and size."""
    times = struct.pack(">II", 3_900_000_000, 3_900_000_001)
    at, size = sample
    tables = (
        _box(b"stsd", bytes(4), struct.pack(">I", 1), _box(told, bytes(8))),
        _box(b"stsc", bytes(4), struct.pack(">4I", 1, 1, 1, 1)),
        _box(b"stsz", bytes(4), struct.pack(">3I", 0, 1, size)),
        _box(b"stco", bytes(4), struct.pack(">2I", 1, at)),
    )
    hdlr = _box(b"hdlr", bytes(8), handler, bytes(12), SECRET)
    media = _box(b"mdhd", bytes(4), times, bytes(12)), hdlr, _box(b"minf", _box(b"stbl", *tables))
    return _box(b"trak", _box(b"mdia", *media))


def mp4(handler: bytes = b"vide") -> bytes:
    """A film with the tables that say where its frames are, and a track of places beside it."""
    times = struct.pack(">II", 3_900_000_000, 3_900_000_001)
    head = _box(b"mvhd", bytes(4), times, struct.pack(">II", 1000, 400), bytes(80))
    user = _box(b"udta", _box(b"\xa9xyz", SECRET))

    def begin(at: int) -> bytes:
        kind = b"avc1" if handler == b"vide" else b"mp4a"
        tracks = _track(handler, kind, (at + len(SECRET), 6)), _track(b"meta", b"gpmd", (at, 30))
        moov = _box(b"moov", head, *tracks, user)
        return _box(b"ftyp", b"isom", bytes(4), b"isom") + moov + _box(b"uuid", bytes(16), SECRET)

    return begin(len(begin(0)) + 8) + _box(b"mdat", SECRET, b"frames")


def _number(size: int) -> bytes:
    return (size | 0x10000000).to_bytes(4, "big")


def _element(name: int, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + _number(len(body)) + body


def webm(frames: int = 3) -> bytes:
    """A film that plays: a lossy WebP holds one frame of VP8, and here it is shown again."""
    data = saved(drawing(), "WEBP", quality=60)
    at = data.index(b"VP8 ")
    size = struct.unpack_from("<I", data, at + 4)[0]
    frame = data[at + 8 : at + 8 + size]
    video = _element(0xE0, _element(0xB0, b"\0\x60"), _element(0xBA, b"\0\x40"))
    entry = _element(
        0xAE, _element(0xD7, b"\1"), _element(0x73C5, b"\1"), _element(0x83, b"\1"),
        _element(0x86, b"V_VP8"), _element(0x536E, SECRET), video,
    )  # fmt: skip
    info = _element(
        0x1549A966, _element(0x2AD7B1, (1_000_000).to_bytes(3, "big")),
        _element(0x4489, struct.pack(">f", frames * 200.0)),
        _element(0x7BA9, SECRET), _element(0x4D80, b"tests"), _element(0x5741, b"tests"),
    )  # fmt: skip
    blocks = [
        _element(0xA3, b"\x81" + struct.pack(">h", 200 * n) + b"\x80" + frame)
        for n in range(frames)
    ]
    cluster = _element(0x1F43B675, _element(0xE7, b"\0"), *blocks)
    tags = _element(0x1254C367, SECRET * 9) + _element(0x1043A770, SECRET)
    head = _element(
        0x1A45DFA3, _element(0x4286, b"\1"), _element(0x42F7, b"\1"), _element(0x42F2, b"\4"),
        _element(0x42F3, b"\x08"), _element(0x4282, b"webm"), _element(0x4287, b"\2"),
        _element(0x4285, b"\2"),
    )  # fmt: skip
    tracks = _element(0x1654AE6B, entry)
    return head + _element(0x18538067, info, tracks, tags, cluster)


SAMPLES = {
    "image/png": png,
    "image/jpeg": jpeg,
    "image/gif": gif,
    "image/webp": webp,
    "audio/wav": wav,
    "audio/mpeg": mp3,
    "audio/flac": flac,
    "video/mp4": mp4,
    "video/webm": webm,
}
