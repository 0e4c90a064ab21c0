"""From a MediaRef to bytes: resolves root, path, member, offset and length, and checks them.

The last opened container stays open, and a compressed one is unpacked once, from its
beginning only as far as was asked for, into an unnamed temporary file.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

from castor.filters.media.decoder import Found, examine, recall
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.window import COPY_BYTES, Window
from castor.filters.reasons import Reason
from castor.filters.record import MediaRef

HEAD_BYTES = 4096
# Scratch disk for one unpacked container.
MAX_SPOOL_BYTES = 8 << 30
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


def read_media(ref: MediaRef, roots: Mapping[str, str]) -> bytes:
    """The bytes of a medium.

    Args:
        ref: where they lie.
        roots: absolute folder of each input root by name.

    Raises:
        MediaError: `unreadable`, `unsafe` (the path leaves its root), `truncated` (it ends
            before the bytes do), `corrupt` (other bytes than those that were referred to).
    """
    with open_media(ref, roots) as window:
        data = window.at(0, ref.length)
    _check(ref, len(data), Window.of_bytes(data).digest())
    return data


def examine_media(ref: MediaRef, kind: str, roots: Mapping[str, str]) -> Found:
    """Facts and measures of a medium; remembered ones without opening it again.

    Raises:
        MediaError: it could not be read, with the typed reason.
    """
    known = recall(kind, ref.blake2b, ref.length)
    if known is not None:
        return known
    with open_checked(ref, roots) as window:
        found = sniff(window.at(0, HEAD_BYTES), window.at)
        if found is None:
            raise MediaError(Reason.CORRUPT, "begins with the bytes of no known format")
        return examine(kind, window, ref.blake2b, found.mime, found.reader)


def signals_of(ref: MediaRef, kind: str, roots: Mapping[str, str]) -> dict[str, Any]:
    """What an annotator writes of a medium: nothing of one whose bytes do not decode.

    Raises:
        MediaError: it could not be opened, which says nothing about its bytes.
    """
    try:
        return dict(examine_media(ref, kind, roots).signals)
    except MediaError as error:
        if not error.of_content:
            raise
        return {}


def open_media(ref: MediaRef, roots: Mapping[str, str]) -> Window:
    """A stream over the bytes of a medium; close it when done.

    Raises:
        MediaError: as `read_media`, except that the digest is not checked.
    """
    path = resolve(ref.uri, roots)
    with _lock:
        try:
            container = _container(path)
        except OSError as error:
            raise MediaError(Reason.UNREADABLE, f"{ref.uri}: {error.strerror}") from error
        return container.window(ref)


@contextlib.contextmanager
def open_checked(ref: MediaRef, roots: Mapping[str, str]) -> Iterator[Window]:
    """A stream over the bytes of a medium, which are those that were referred to.

    Raises:
        MediaError: as `read_media`.
    """
    with open_media(ref, roots) as window:
        _check(ref, window.length, window.digest())
        yield window


def resolve(uri: str, roots: Mapping[str, str]) -> str:
    """The file that `<root>:<path>` names.

    Raises:
        MediaError: no such root (`unreadable`), or the path leaves it (`unsafe`).
    """
    name, _, path = uri.partition(":")
    if name not in roots:
        known = ", ".join(sorted(roots)) or "none"
        raise MediaError(Reason.UNREADABLE, f"no input root {name!r} for {uri}; known: {known}")
    root = os.path.realpath(roots[name])
    full = os.path.realpath(os.path.join(root, path))
    if os.path.commonpath([root, full]) != root:
        raise MediaError(Reason.UNSAFE, f"{uri} leads out of its root")
    return full


def _check(ref: MediaRef, n_bytes: int, digest: bytes) -> None:
    if n_bytes != ref.length:
        raise MediaError(Reason.TRUNCATED, f"{ref.uri}: {n_bytes} of {ref.length} bytes")
    if digest != ref.blake2b:
        raise MediaError(Reason.CORRUPT, f"{ref.uri}: its bytes changed since it was read")


class _Container:
    """A file whose uncompressed bytes are addressed; unpacked as far as was asked for."""

    def __init__(self, path: str) -> None:
        self.file: IO[bytes] = open(path, "rb")  # noqa: SIM115 - closed by close()
        self.state = _state(path)
        head = self.file.read(8)
        self.is_zip = head[:4] == b"PK\3\4"
        self.packed = _unpacker(path, head)
        self.plain: IO[bytes] = self.file
        if self.packed:
            self.plain = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()

    def window(self, ref: MediaRef) -> Window:
        if self.is_zip and ref.member is not None:
            return self._zip_window(ref)
        try:
            self._unpack_to(ref.offset + ref.length)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            raise MediaError(Reason.CORRUPT, f"{ref.uri}: {error}") from error
        fd = self.plain.fileno()
        if ref.offset < 0 or ref.length < 0 or os.fstat(fd).st_size < ref.offset + ref.length:
            raise MediaError(Reason.TRUNCATED, f"{ref.uri} ends before byte {ref.offset} + length")
        return Window(os.dup(fd), ref.offset, ref.length, owned=True)

    def _zip_window(self, ref: MediaRef) -> Window:
        try:
            with zipfile.ZipFile(self.file) as archive, archive.open(ref.member or "") as member:
                member.seek(ref.offset)
                return Window.of_bytes(member.read(ref.length))
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise MediaError(Reason.CORRUPT, f"{ref.uri}, {ref.member}: {error}") from error

    def _unpack_to(self, end: int) -> None:
        if self.packed is None:
            return
        at = self.plain.seek(0, os.SEEK_END)
        while at < end:
            if at > MAX_SPOOL_BYTES:
                raise MediaError(Reason.TOO_LARGE, f"unpacks to more than {MAX_SPOOL_BYTES} bytes")
            data = self.packed.read(min(COPY_BYTES, end - at))
            if not data:
                break
            at += self.plain.write(data)
        self.plain.flush()

    def close(self) -> None:
        for file in {id(f): f for f in (self.plain, self.packed, self.file) if f}.values():
            file.close()


def _unpacker(path: str, head: bytes) -> Any:
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            return opener(path, "rb")
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return zstandard.open(path, "rb")
    if head.startswith(b"\x04\x22\x4d\x18"):
        import lz4.frame

        return lz4.frame.open(path, "rb")
    return None


_lock = threading.Lock()
_last: tuple[str, _Container] | None = None


def _state(path: str) -> tuple[int, ...]:
    """Changes with the file, and with the process: a fork shares the position of its files."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, os.getpid()


def _container(path: str) -> _Container:
    """The container at a path, kept open until another one is asked for."""
    global _last
    if _last is not None:
        known, container = _last
        if known == path and container.state == _state(path):
            return container
        container.close()
        _last = None
    container = _Container(path)
    _last = path, container
    return container
