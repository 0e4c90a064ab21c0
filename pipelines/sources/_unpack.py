"""Decompressed streams of one file, with a guard against bombs.

The kind of compression is told by magic bytes, never by the name. What the stream raises is
a RejectError with a typed reason, so that no caller needs to know three libraries' errors.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

# Deflate cannot exceed 1032:1 (zlib's technical details) and reaches it only on a constant
# run; text packs 3:1 to 30:1, source trees in xz up to 20:1.
MAX_RATIO = 200
# Below this many unpacked bytes a file is no danger whatever its ratio.
FREE_BYTES = 32_000_000
SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_CUT = (EOFError,)
_BROKEN = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, ValueError)


def compression_of(head: bytes) -> str | None:
    """`gzip`, `bz2`, `xz` or `zstd` by the first bytes of a file, else None."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


@contextlib.contextmanager
def faults(what: str) -> Iterator[None]:
    """Turns what decompressors raise into RejectError; `what` begins the message."""
    try:
        yield
    except _CUT as error:
        raise RejectError(Reason.TRUNCATED, f"{what} ends early: {error}") from error
    except _BROKEN as error:
        raise RejectError(Reason.CORRUPT, f"{what} is damaged: {error}") from error
    except OSError as error:
        # An errno means that the file system failed; decompressors raise plain OSError.
        reason = Reason.CORRUPT if error.errno is None else Reason.UNREADABLE
        if error.errno is None and "runcated" in str(error):
            reason = Reason.TRUNCATED
        raise RejectError(reason, f"{what}: {error}") from error


class Unpacked(io.RawIOBase):
    """The unpacked bytes of a file, forward only.

    Raises RejectError: `bomb` over MAX_RATIO, `truncated`, `corrupt` or `unreadable`.
    """

    def __init__(self, file: BinaryIO, name: str, *, max_ratio: float = MAX_RATIO) -> None:
        """Reads `file` from its current position; `name` is for messages."""
        super().__init__()
        start = file.tell()
        self.compression = compression_of(file.read(8))
        file.seek(start)
        self._file, self._start, self._name, self._max_ratio = file, start, name, max_ratio
        with faults(name):
            self._stream = _decompressor(file, self.compression)
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Bytes unpacked so far."""
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, or all that remain; fewer only at the end."""
        if size is None or size < 0:
            chunks = list(iter(lambda: self.read(1 << 20), b""))
            return b"".join(chunks)
        chunks, left = [], size
        while left > 0:
            chunk = self._some(min(left, 1 << 20))
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)

    def readall(self) -> bytes:
        """All bytes that remain."""
        return self.read(-1)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Fills the buffer as far as there is data."""
        chunk = self._some(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _some(self, size: int) -> bytes:
        with faults(self._name):
            chunk = bytes(self._stream.read(size))
        self._position += len(chunk)
        if self.compression is not None and self._position > FREE_BYTES:
            n_packed = max(1, self._file.tell() - self._start)
            if self._position / n_packed > self._max_ratio:
                raise RejectError(
                    Reason.BOMB,
                    f"{self._name} unpacks to over {self._max_ratio:g} times its size "
                    f"({self._position} bytes from {n_packed})",
                )
        return chunk


def unpack(file: BinaryIO, name: str, *, limit_bytes: int) -> bytes:
    """The whole unpacked file (as it is when it is not compressed).

    Raises:
        RejectError: as `Unpacked`; `too_large` over `limit_bytes`.
    """
    data = Unpacked(file, name).read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise RejectError(Reason.TOO_LARGE, f"{name} unpacks to more than {limit_bytes} bytes")
    return data


def _decompressor(file: BinaryIO, compression: str | None) -> BinaryIO:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[return-value]
    if compression == "bz2":
        return bz2.BZ2File(file)  # type: ignore[return-value]
    if compression == "xz":
        return lzma.LZMAFile(file)  # type: ignore[return-value]
    if compression == "zstd":
        # Arrow's reader tells a cut frame; zstandard's stream_reader ends silently on one.
        import pyarrow as pa

        return pa.CompressedInputStream(file, "zstd")
    return file
