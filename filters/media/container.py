"""Opens a sound or clip with FFmpeg so that it can do nothing but read the given bytes.

Runs in the decoder's child process only. FFmpeg opens any local file that a playlist, a
concat script or a `subfile:` address in the input names; what stops it was measured: a
demuxer named by magic bytes instead of guessed, a demuxer allow-list, and a protocol
allow-list that holds no protocol that can open anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import av

from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.magic import id3_bytes
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

av.logging.set_level(None)
DEMUXERS = ("mov", "matroska", "mp3", "flac", "wav", "ogg", "aac", "aiff", "avi", "mpegts", "asf")
# Decoders that real collections need; HLS, DASH, screen recorders, games and the rest of
# FFmpeg's 500 stay closed. An encrypted or DRM codec is in no list.
CODECS = {
    *("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg1video", "mpeg2video", "theora"),
    *("prores", "mjpeg", "aac", "mp1", "mp2", "mp3", "opus", "vorbis", "flac", "alac", "speex"),
    *("ac3", "eac3", "wmav1", "wmav2", "wmapro", "wmalossless", "gsm", "gsm_ms"),
    *("adpcm_ms", "adpcm_ima_wav"),
}
MAX_TAG_CHARS = 500
TAGS = ("title", "artist", "album", "album_artist", "composer", "date", "genre", "language")
# Common encryption (ISO/IEC 23001-7) names its scheme in a `schm` box of the sample entry.
_CENC = re.compile(rb"schm.{4}(?:cenc|cens|cbc1|cbcs)", re.S)
# The Content Encryption objects of ASF, by their GUIDs.
_ASF_KEYS = (
    bytes.fromhex("fbb31122 23bdd211 b4b700a0c955fc6e"),
    bytes.fromhex("14e68a29 2226174c b935dae07ee9289c"),
)
_ASF_FILE = bytes.fromhex("a1dcab8c 47a9cf11 8ee400c0 0c205365")  # File Properties
_METADATA_ERRORS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)


def opened(window: Window, demuxer: str, limits: Limits) -> av.container.InputContainer:
    """The container over the window's bytes, its header parsed; close it when done.

    Raises:
        MediaError: `unsupported_format`, `encrypted`, `truncated`, `corrupt`, `bomb`.
    """
    if demuxer not in DEMUXERS:
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"no demuxer for {demuxer}")
    check_encryption(window, demuxer)
    try:
        container = av.open(
            window.buffered(),
            mode="r",
            format=demuxer,
            options={"format_whitelist": demuxer, "protocol_whitelist": "crypto"},
            **_METADATA_ERRORS,
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise unopened(error, window, demuxer) from error
    if len(container.streams) > limits.streams:
        n_streams = len(container.streams)
        container.close()
        raise MediaError(Reason.BOMB, f"{n_streams} streams, the limit is {limits.streams}")
    return container


def unopened(error: Exception, window: Window, demuxer: str) -> MediaError:
    """Why a container does not open: it is cut off, or its content contradicts its format."""
    if isinstance(error, MemoryError):
        return MediaError(Reason.BOMB, "its header asks for more memory than there is")
    end = declared_bytes(window, demuxer)
    text = getattr(error, "strerror", None) or str(error)
    if end is not None and end > window.length:
        return MediaError(Reason.TRUNCATED, f"{window.length} of {end} bytes: {text}")
    # The Ogg demuxer gives up with this error on any page that it does not like.
    if isinstance(error, av.error.EOFError) and demuxer != "ogg":
        return MediaError(Reason.TRUNCATED, f"ends inside its header: {text}")
    return MediaError(Reason.CORRUPT, f"does not open as {demuxer}: {text}")


def check_codec(stream: Any) -> str:
    """The canonical name of a stream's codec, if it may be decoded.

    Raises:
        MediaError: `unsupported_format`: there is no decoder, or it is not allowed.
    """
    context = stream.codec_context
    if context is None:
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"no decoder for its {stream.type} stream")
    name = context.codec.canonical_name
    if name not in CODECS and not name.startswith("pcm_"):
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"the codec {name} is not read")
    # More threads than one multiply memory and make the workers fight for the cores.
    context.thread_count = 1
    context.thread_type = "NONE"
    return name


def packets(container: Any, streams: list[Any], limits: Limits) -> Iterator[Any]:
    """The packets of the streams in file order, without the empty ones that flush.

    A container that breaks in the middle ends there.

    Raises:
        MediaError: `bomb`: more packets than the limit.
    """
    source = container.demux(streams)
    for _ in range(limits.packets):
        try:
            packet = next(source)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.size:
            yield packet
    raise MediaError(Reason.BOMB, f"more than {limits.packets} packets")


def check_encryption(window: Window, demuxer: str) -> None:
    """Refuses what needs a key.

    Raises:
        MediaError: `encrypted`.
    """
    if demuxer == "mov":
        head = b"".join(
            window.at(at, min(size, 8 << 20)) for at, size, kind in boxes(window) if kind == b"moov"
        )
        found = _CENC.search(head) is not None
    else:
        head = window.at(0, 1 << 16)
        found = demuxer == "asf" and any(guid in head for guid in _ASF_KEYS)
    if found:
        raise MediaError(Reason.ENCRYPTED, "its streams need a key")


def boxes(window: Window, limit: int = 10_000) -> Iterator[tuple[int, int, bytes]]:
    """The top-level boxes of an MP4 file: offset, declared size in bytes, type."""
    at = 0
    for _ in range(limit):
        head = window.at(at, 16)
        if len(head) < 8:
            return
        size = int.from_bytes(head[:4], "big")
        if size == 1 and len(head) == 16:
            size = int.from_bytes(head[8:], "big")
        elif size == 0:
            size = window.length - at
        if size < 8:
            return
        yield at, size, head[4:8]
        at += size


def declared_bytes(window: Window, demuxer: str) -> int | None:
    """How many bytes the file should have by its own account, None where it does not say."""
    head = window.at(0, 64)
    if demuxer in ("wav", "avi", "aiff") and head[:4] in (b"RIFF", b"FORM"):
        size = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
        return size + 8 if 0 < size < 0xFFFFFFF0 else None
    if demuxer == "mov":
        ends = [at + size for at, size, _ in boxes(window)]
        return ends[-1] if ends else None
    if demuxer == "matroska":
        return _matroska_bytes(window)
    if demuxer == "asf":
        head = window.at(0, 1 << 16)
        at = head.find(_ASF_FILE) + 40  # object and file ids, and between them a length
        return int.from_bytes(head[at : at + 8], "little") if at >= 40 else None
    if head[:3] == b"ID3":
        return id3_bytes(head)
    return None


def _matroska_bytes(window: Window) -> int | None:
    at = 0
    for _ in range(16):
        identity, after = _vint(window, at, keep_marker=True)
        size, body = _vint(window, after, keep_marker=False)
        if identity is None or size is None:
            return None
        if identity == 0x18538067:  # Segment
            return body + size
        at = body + size
    return None


def _vint(window: Window, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """A variable-length integer of EBML; None for a broken or unknown one."""
    head = window.at(at, 8)
    n_bytes = 9 - head[0].bit_length() if head and head[0] else 0
    if not n_bytes or len(head) < n_bytes:
        return None, at
    value = int.from_bytes(head[:n_bytes], "big")
    marker = 1 << (7 * n_bytes)
    if not keep_marker:
        value -= marker
        if value == marker - 1:  # all ones: live streams do not know their size
            return None, at
    return value, at + n_bytes


def tags(*holders: Any) -> dict[str, str]:
    """The common tags of a container and its stream, each once, cleaned of controls."""
    found: dict[str, str] = {}
    for holder in holders:
        known = {str(k).lower(): str(v) for k, v in holder.metadata.items()}
        for name in TAGS:
            text = "".join(c if c.isprintable() else " " for c in known.get(name, ""))
            text = " ".join(text.split())[:MAX_TAG_CHARS]
            if text and name not in found and not (name == "language" and text == "und"):
                found[name] = text
    return found
