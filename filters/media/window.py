"""A stretch of a file as a seekable stream: how a decoder sees the bytes of one medium."""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any

COPY_BYTES = 1 << 20
BUFFER_BYTES = 1 << 16


class Window(io.RawIOBase):
    """`length` bytes of an open file from `offset` on, as a read-only stream.

    Reads with pread, so windows may share one descriptor. The window owns the descriptor
    only when `owned`, and closes it then.
    """

    def __init__(self, fd: int, offset: int, length: int, *, owned: bool = False) -> None:
        self.fd, self.offset, self.length = fd, offset, length
        self._at, self._owned = 0, owned

    @classmethod
    def of_bytes(cls, data: bytes) -> Window:
        """A window over bytes, kept in an anonymous file in memory."""
        fd = os.memfd_create("castor-media", os.MFD_CLOEXEC)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return cls(fd, 0, len(data), owned=True)

    def at(self, offset: int, n_bytes: int) -> bytes:
        """Up to `n_bytes` from `offset` of the window on; fewer at its end."""
        n_bytes = max(0, min(n_bytes, self.length - offset))
        parts = []
        while n_bytes > 0:
            part = os.pread(self.fd, n_bytes, self.offset + offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def digest(self) -> bytes:
        """16-byte BLAKE2b of the bytes."""
        state = hashlib.blake2b(digest_size=16)
        for at in range(0, self.length, COPY_BYTES):
            state.update(self.at(at, COPY_BYTES))
        return state.digest()

    def buffered(self) -> io.BufferedReader:
        """The window from its beginning, buffered; closing that leaves the window open."""
        self.seek(0)
        return _Unclosing(self, BUFFER_BYTES)

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads up to len(buffer) bytes; 0 at the end."""
        data = self.at(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to an offset of the window; beyond its end reads give nothing."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The offset of the next read."""
        return self._at

    def close(self) -> None:
        """Closes the descriptor if the window owns it."""
        if self._owned and not self.closed:
            os.close(self.fd)
        super().close()


class _Unclosing(io.BufferedReader):
    def close(self) -> None:
        pass
