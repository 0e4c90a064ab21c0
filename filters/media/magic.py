"""What a file is, by its first bytes and never by its name.

Only formats that something here names are listed; `reader` is what may open them: the
Pillow format of a picture, or the FFmpeg demuxer of a sound or clip. A format without a
reader is recognised so that its rejection can say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

# After ID3 tags, cover art included, the audio begins; a longer tag is not followed.
MAX_ID3_BYTES = 32 << 20
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ReadAt = Callable[[int, int], bytes]


class MediaType(NamedTuple):
    """What the bytes are.

    Attributes:
        mime: the media type.
        kind: `image`, `audio`, `video`, `av` (a container of either) or `other`.
        reader: Pillow format or FFmpeg demuxer, None when nothing may open it.
    """

    mime: str
    kind: str
    reader: str | None


JPEG = MediaType("image/jpeg", "image", "JPEG")
MP3 = MediaType("audio/mpeg", "audio", "mp3")
FLAC = MediaType("audio/flac", "audio", "flac")
AAC = MediaType("audio/aac", "audio", "aac")
MP4_AUDIO = MediaType("audio/mp4", "audio", "mov")
MP4 = MediaType("video/mp4", "av", "mov")
QUICKTIME = MediaType("video/quicktime", "av", "mov")
AVIF = MediaType("image/avif", "image", "AVIF")
HEIC = MediaType("image/heic", "image", None)

_PREFIXES = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaType("image/png", "image", "PNG")),
    (b"GIF87a", MediaType("image/gif", "image", "GIF")),
    (b"GIF89a", MediaType("image/gif", "image", "GIF")),
    (b"II*\0", MediaType("image/tiff", "image", "TIFF")),
    (b"MM\0*", MediaType("image/tiff", "image", "TIFF")),
    (b"II+\0", MediaType("image/tiff", "image", "TIFF")),
    (b"MM\0+", MediaType("image/tiff", "image", "TIFF")),
    (b"\0\0\1\0", MediaType("image/vnd.microsoft.icon", "image", "ICO")),
    (b"\0\0\2\0", MediaType("image/x-win-cursor", "image", None)),
    (b"\0\0\0\x0cjP  \r\n\x87\n", MediaType("image/jp2", "image", "JPEG2000")),
    (b"\xff\x4f\xff\x51", MediaType("image/j2c", "image", "JPEG2000")),
    (b"\xff\x0a", MediaType("image/jxl", "image", None)),
    (b"\0\0\0\x0cJXL \r\n\x87\n", MediaType("image/jxl", "image", None)),
    (b"8BPS", MediaType("image/vnd.adobe.photoshop", "image", None)),
    (b"%!PS", MediaType("application/postscript", "image", None)),
    (b"\xd7\xcd\xc6\x9a", MediaType("image/wmf", "image", None)),
    (b"SIMPLE  =", MediaType("image/fits", "image", None)),
    (b"DDS ", MediaType("image/vnd.ms-dds", "image", None)),
    (b"qoif", MediaType("image/qoi", "image", None)),
    (b"fLaC", FLAC),
    (b"#!AMR", MediaType("audio/amr", "audio", None)),
    (b"caff", MediaType("audio/x-caf", "audio", None)),
    (b"MThd", MediaType("audio/midi", "audio", None)),
    (b".snd", MediaType("audio/basic", "audio", None)),
    (ASF, MediaType("video/x-ms-asf", "av", "asf")),
    (b"FLV\1", MediaType("video/x-flv", "video", None)),
    (b"\0\0\1\xba", MediaType("video/mp2p", "video", None)),
    (b"%PDF-", MediaType("application/pdf", "other", None)),
    (b"PK\3\4", MediaType("application/zip", "other", None)),
    (b"\x1f\x8b", MediaType("application/gzip", "other", None)),
    (b"\xfd7zXZ\0", MediaType("application/x-xz", "other", None)),
    (b"BZh", MediaType("application/x-bzip2", "other", None)),
    (b"\x28\xb5\x2f\xfd", MediaType("application/zstd", "other", None)),
    (b"#EXTM3U", MediaType("application/vnd.apple.mpegurl", "video", None)),
    (b"ffconcat", MediaType("application/x-ffconcat", "video", None)),
)
_RIFF = {
    b"WEBP": MediaType("image/webp", "image", "WEBP"),
    b"WAVE": MediaType("audio/wav", "audio", "wav"),
    b"AVI ": MediaType("video/x-msvideo", "av", "avi"),
}
_FORM = {
    b"AIFF": MediaType("audio/aiff", "audio", "aiff"),
    b"AIFC": MediaType("audio/aiff", "audio", "aiff"),
    b"ILBM": MediaType("image/x-ilbm", "image", None),
}
_OGG = (
    (b"\x80theora", MediaType("video/ogg", "video", "ogg")),
    (b"OpusHead", MediaType("audio/opus", "audio", "ogg")),
    (b"\1vorbis", MediaType("audio/ogg", "audio", "ogg")),
    (b"Speex   ", MediaType("audio/ogg", "audio", "ogg")),
    (b"\x7fFLAC", MediaType("audio/ogg", "audio", "ogg")),
)
# Sizes of the DIB headers that ever existed: without one of them "BM" is only two letters.
_DIB_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_SVG = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg\b", re.S
)
# What a QuickTime file without ftyp begins with.
_ATOMS = {b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot", b"styp", b"moof", b"sidx"}


def sniff(head: bytes, read_at: ReadAt | None = None) -> MediaType | None:
    """The media type of a file, or None when its first bytes belong to no known format.

    Args:
        head: the first bytes, 4096 of them where there are that many.
        read_at: (offset, n) -> bytes, to look behind an ID3 tag; without it the tag is
            taken for the beginning of an MP3.
    """
    for prefix, found in _PREFIXES:
        if head.startswith(prefix):
            return found
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM":
        return _FORM.get(head[8:12])
    if head[:4] == b"OggS":
        return next((t for mark, t in _OGG if mark in head[:512]), _OGG_OTHER)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _DIB_HEADERS:
        return MediaType("image/bmp", "image", "BMP")
    if head[:3] == b"ID3":
        return _behind_id3(head, read_at)
    return _by_structure(head)


_OGG_OTHER = MediaType("application/ogg", "av", "ogg")


def id3_bytes(head: bytes) -> int:
    """Bytes of the ID3v2 tag that a file begins with, header included; 0 without a tag."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | (byte & 0x7F)
    return size + (20 if head[5] & 0x10 else 10)


def _behind_id3(head: bytes, read_at: ReadAt | None) -> MediaType:
    size = id3_bytes(head)
    if read_at is None or not 0 < size <= MAX_ID3_BYTES:
        return MP3
    behind = read_at(size, 64).lstrip(b"\0")
    if behind[:4] == b"fLaC":
        return FLAC
    return AAC if _is_adts(behind) else MP3


def _by_structure(head: bytes) -> MediaType | None:
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[4:8] in _ATOMS:
        return QUICKTIME
    if head[:4] == b"\x1a\x45\xdf\xa3":
        webm = b"webm" in head[:64]
        return MediaType("video/webm" if webm else "video/x-matroska", "av", "matroska")
    if head[:1] == b"\x47" and head[188:189] == b"\x47" and head[376:377] in (b"\x47", b""):
        return MediaType("video/mp2t", "video", "mpegts")
    if _is_adts(head):
        return AAC
    if _is_mpeg_audio(head):
        return MP3
    if head[257:262] == b"ustar":
        return MediaType("application/x-tar", "other", None)
    if _SVG.match(head):
        return MediaType("image/svg+xml", "image", None)
    return None


def _by_brand(head: bytes) -> MediaType:
    size = min(max(int.from_bytes(head[:4], "big"), 16), 256)
    brand = head[8:12]
    brands = {brand, *(head[i : i + 4] for i in range(16, min(size, len(head)), 4))}
    if brands & {b"avif", b"avis"}:
        return AVIF
    if brand in (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1"):
        return HEIC
    if brand in (b"M4A ", b"M4B ", b"M4P ", b"F4A "):
        return MP4_AUDIO
    return QUICKTIME if brand == b"qt  " else MP4


def _is_adts(head: bytes) -> bool:
    """AAC in ADTS: 12 sync bits and layer 0."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _is_mpeg_audio(head: bytes) -> bool:
    """An MPEG audio frame header: sync, and no field with a reserved value."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    # Layer I is extinct, and its first bytes are the byte order mark of UTF-16.
    return version != 1 and layer in (1, 2) and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3
