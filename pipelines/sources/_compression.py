"""Compressed files as plain streams: gzip, zstd, lz4, xz and bzip2, told by their first bytes.

Each format is read member by member (gzip members, zstd and lz4 frames, xz and bzip2 streams
that follow each other are one stream), in bounded memory, and with a limit on what it may
unpack to. What the decoders would end silently or raise in five ways is a RejectError here.
"""

from __future__ import annotations

import bisect
import bz2
import io
import lzma
import zlib
from typing import Any, BinaryIO, Protocol, cast

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

READ_BYTES = 1 << 16
# A zstd block of 4 bytes may unpack to 128 KiB, and its decoder takes no output limit, so it is
# fed this many bytes at a time: 32 MiB at the very most.
ZSTD_STEP_BYTES = 1024
# What `zstd -d` itself accepts without --long, and 64 MiB of memory for xz -9.
ZSTD_WINDOW_BYTES = 1 << 27
XZ_MEMORY_BYTES = 1 << 28
# A WARC compressed with a dictionary carries it in a first skippable frame of this magic:
# https://iipc.github.io/warc-specifications/specifications/warc-zstd/
ZSTD_DICTIONARY = 0x184D2A5D


class _Decoder(Protocol):
    """Decodes one member."""

    eof: bool

    def feed(self, data: bytes, max_length: int) -> tuple[bytes, bytes]:
        """Output of at most about max_length bytes, and the input that is not used yet."""


def open_stream(file: BinaryIO, name: str, *, limit_bytes: int | None) -> BinaryIO:
    """The unpacked content of a file, told by magic bytes; a plain file as it is.

    Args:
        file: the file at the position where the (compressed) data begin; seekable.
        name: what the messages call it.
        limit_bytes: unpacking to more than this is refused; None for no limit.

    Returns:
        A buffered stream; `tell()` counts unpacked bytes, it cannot seek (a plain file can).

    Raises:
        RejectError: from any read: BOMB over the limit, TRUNCATED if a member lacks its end,
            CORRUPT if the bytes contradict the format or other bytes follow the last member.
            Everything before the fault has been read by then.
    """
    if kind_of(file) is None:
        return file
    return cast(BinaryIO, io.BufferedReader(MemberStream(file, name, limit_bytes), READ_BYTES))


def kind_of(file: BinaryIO) -> str | None:
    """The compression of a seekable file from here on (`gzip`, `zstd`...), None for plain."""
    at = file.tell()
    head = file.read(6)
    file.seek(at)
    return _kind(head)


class MemberStream(io.RawIOBase):
    """The unpacked bytes of all members of a compressed file, one after the other.

    Args:
        file: seekable, at the first byte of a member.
        name: what the messages call it.
        limit_bytes: refuse to unpack more than this.
    """

    def __init__(self, file: BinaryIO, name: str, limit_bytes: int | None) -> None:
        self._file, self._name, self._limit = file, name, limit_bytes
        self._pending = b""
        self._packed = file.tell()  # offset in the file of the end of _pending
        self._unpacked = 0
        self._kind: str | None = None
        self._decoder: _Decoder | None = None
        self._dictionary: Any = None
        self._starts: list[tuple[int, int]] = []  # unpacked and packed offset of each member
        self.n_whole = 0  # unpacked bytes of the members that ended as they should

    def readable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Bytes that were unpacked so far."""
        return self._unpacked

    def member_at(self, position: int) -> tuple[int, int]:
        """Which member holds an unpacked position; positions must not go backwards.

        Returns:
            The offset of the member in the file, and of the position inside the member.
        """
        i = bisect.bisect_right(self._starts, position, key=lambda start: start[0]) - 1
        del self._starts[: max(i, 0)]
        unpacked, packed = self._starts[0]
        return packed, position - unpacked

    def member_between(self, start: int, end: int) -> int | None:
        """Offset in the file of the first member that begins after start and before end."""
        return next((packed for at, packed in self._starts if start < at < end), None)

    def readinto(self, buffer: Any) -> int:
        """Unpacks into the buffer; see open_stream for what is raised."""
        while True:
            if self._decoder is None and not self._begin_member():
                return 0
            assert self._decoder is not None
            if not self._pending:
                self._fill()
            starved = not self._pending
            try:
                data, self._pending = self._decoder.feed(self._pending, len(buffer))
            except _FAULTS as error:
                raise self._fault(Reason.CORRUPT, f"bad {self._kind} data: {error}") from error
            if self._decoder.eof:
                self._decoder = None
            elif starved and not data:
                raise self._fault(Reason.TRUNCATED, f"the {self._kind} data end early")
            if self._decoder is None and not data:
                self.n_whole = self._unpacked
            if data:
                return self._give(buffer, data)

    def _give(self, buffer: Any, data: bytes) -> int:
        """Copies what was unpacked; a decoder may have given more than was asked for."""
        if len(data) > len(buffer):
            rest = data[len(buffer) :]
            data = data[: len(buffer)]
            self._decoder = _Leftover(rest, self._decoder)
        self._unpacked += len(data)
        if self._decoder is None:
            self.n_whole = self._unpacked
        if self._limit is not None and self._unpacked > self._limit:
            raise self._fault(Reason.BOMB, f"unpacks to more than {self._limit} bytes")
        buffer[: len(data)] = data
        return len(data)

    def _begin_member(self) -> bool:
        """Starts the next member; false at the end of the file."""
        while True:
            while len(self._pending) < 8 and self._fill():
                pass
            if self._kind is not None:
                self._pending = self._pending.lstrip(b"\0")  # padding, as tapes and xz have it
                if len(self._pending) < 8 and self._fill():
                    continue
            if not self._pending:
                return False
            kind = _kind(self._pending)
            if kind is None or self._kind not in (None, kind):
                short = len(self._pending) < 6 and self._packed_is_short()
                reason = Reason.TRUNCATED if short else Reason.CORRUPT
                message = f"{self._kind} data are followed by something else"
                raise self._fault(reason, message)
            self._kind = kind
            if kind == "zstd" and self._skip_frame():
                continue
            self._starts.append((self._unpacked, self._packed - len(self._pending)))
            self._decoder = self._make_decoder(kind)
            return True

    def _packed_is_short(self) -> bool:
        """Whether the last few bytes are the beginning of another member."""
        return any(m.startswith(self._pending) for m, k in _MAGIC if k == self._kind)

    def _make_decoder(self, kind: str) -> _Decoder:
        if kind == "gzip":
            return _Gzip()
        if kind == "zstd":
            return _Zstd(self._dictionary)
        if kind == "xz":
            return _Buffered(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES))
        if kind == "bzip2":
            return _Buffered(bz2.BZ2Decompressor())
        import lz4.frame

        return _Buffered(lz4.frame.LZ4FrameDecompressor())

    def _skip_frame(self) -> bool:
        """Skips a skippable zstd frame, keeping the dictionary that it may hold."""
        magic = int.from_bytes(self._pending[:4], "little")
        if magic & 0xFFFFFFF0 != 0x184D2A50:
            return False
        size = int.from_bytes(self._pending[4:8], "little")
        if magic == ZSTD_DICTIONARY and self._dictionary is None and size <= 1 << 24:
            while len(self._pending) < 8 + size and self._fill():
                pass
            if len(self._pending) < 8 + size:
                raise self._fault(Reason.TRUNCATED, "the zstd dictionary ends early")
            self._dictionary = self._read_dictionary(self._pending[8 : 8 + size])
            self._pending = self._pending[8 + size :]
            return True
        left = 8 + size
        while left:
            if not self._pending and not self._fill():
                raise self._fault(Reason.TRUNCATED, "a skippable zstd frame ends early")
            step = min(left, len(self._pending))
            self._pending, left = self._pending[step:], left - step
        return True

    def _read_dictionary(self, data: bytes) -> Any:
        """The dictionary of a WARC, which may itself be compressed."""
        import zstandard

        try:
            if _kind(data) == "zstd":
                decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
                with decoder.stream_reader(data) as stream:
                    data = stream.read(1 << 24)
            return zstandard.ZstdCompressionDict(data)
        except (zstandard.ZstdError, ValueError) as error:
            raise self._fault(Reason.CORRUPT, f"bad zstd dictionary: {error}") from error

    def _fill(self) -> bool:
        data = self._file.read(READ_BYTES)
        self._packed += len(data)
        self._pending += data
        return bool(data)

    def _fault(self, reason: Reason, message: str) -> RejectError:
        offset = self._packed - len(self._pending)
        return RejectError(reason, f"{self._name}: {message}", place=f"offset {offset}")


class _Gzip:
    """One gzip member."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(31)  # with the gzip header and its CRC
        self.eof = False

    def feed(self, data: bytes, max_length: int) -> tuple[bytes, bytes]:
        out = self._decoder.decompress(data, max_length)
        self.eof = self._decoder.eof
        return out, self._decoder.unused_data if self.eof else self._decoder.unconsumed_tail


class _Buffered:
    """One xz, bzip2 or lz4 stream; these decoders keep the input that they have not used."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.eof = False

    def feed(self, data: bytes, max_length: int) -> tuple[bytes, bytes]:
        if not self._decoder.needs_input:
            return self._take(self._decoder.decompress(b"", max_length), data)
        return self._take(self._decoder.decompress(data, max_length), b"")

    def _take(self, out: bytes, rest: bytes) -> tuple[bytes, bytes]:
        self.eof = self._decoder.eof
        return out, (self._decoder.unused_data or b"") + rest if self.eof else rest


class _Zstd:
    """One zstd frame."""

    def __init__(self, dictionary: Any) -> None:
        import zstandard

        decoder = zstandard.ZstdDecompressor(
            dict_data=dictionary, max_window_size=ZSTD_WINDOW_BYTES
        )
        self._decoder = decoder.decompressobj()
        self.eof = False

    def feed(self, data: bytes, max_length: int) -> tuple[bytes, bytes]:
        import zstandard

        out: list[bytes] = []
        n_bytes = at = 0
        try:
            while at < len(data) and n_bytes < max_length and not self.eof:
                step = data[at : at + ZSTD_STEP_BYTES]
                out.append(self._decoder.decompress(step))
                n_bytes += len(out[-1])
                self.eof = self._decoder.eof
                at += len(step) - len(self._decoder.unused_data)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        return b"".join(out), data[at:]


class _Leftover:
    """Output that did not fit into the caller's buffer, before the decoder goes on."""

    def __init__(self, data: bytes, after: _Decoder | None) -> None:
        self._data, self._after = data, after
        self.eof = False

    def feed(self, data: bytes, max_length: int) -> tuple[bytes, bytes]:
        if self._data:
            out, self._data = self._data[:max_length], self._data[max_length:]
            self.eof = not self._data and self._after is None
            return out, data
        assert self._after is not None
        out, rest = self._after.feed(data, max_length)
        self.eof = self._after.eof
        return out, rest


_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes([0x50 + i]) + b"\x2a\x4d\x18", "zstd") for i in range(16)),  # skippable frames
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
)
# lz4 raises RuntimeError, bzip2 OSError and ValueError.
_FAULTS = (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError, RuntimeError)


def _kind(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return None
