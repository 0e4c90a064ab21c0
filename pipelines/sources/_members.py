"""Members of zip and tar archives in archive order, read in memory, never extracted by name.

    for member in members(file, "books.tar.xz", limit_bytes=64_000_000):
        if member.fault: ...            # a link, a climbing path, an encrypted entry ...
        else: data = member.read()

One bad member never costs the others. What breaks the archive itself is raised from the
iterator after the members before it were given: a RejectError with a typed reason.
"""

from __future__ import annotations

import contextlib
import dataclasses
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Self

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _compression
from castor.pipelines.sources._unpack import FREE_BYTES, MAX_RATIO, open_unpacked

MEMBER_BYTES = 64_000_000  # default limit of one member
SUFFIXES = (
    *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tzst"),
    *(f".tar.{c}" for c in ("gz", "bz2", "xz", "zst")),
)
# A tar's extended header holds names and times; a larger one only costs memory.
_MAX_HEADER_BYTES = 1 << 20
_EXTENDED = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive; directories are not given.

    Attributes:
        path: posix path inside the archive, valid UTF-8, unique among the members of an
            archive that have no fault.
        size: unpacked bytes, as the archive declares them.
        offset: first byte of the content in the uncompressed tar; None in a zip.
        fault: why this member cannot be read (`unsafe`, `encrypted`, `bomb`, `too_large`,
            `unsupported_format`, `duplicate_key`), or None.
    """

    path: str
    size: int
    offset: int | None
    fault: RejectError | None
    _read: Callable[[], bytes]

    def read(self) -> bytes:
        """The unpacked bytes; call it before the next member is asked for.

        Raises:
            RejectError: the fault, or `corrupt` or `truncated` content.
        """
        if self.fault is not None:
            raise self.fault
        return self._read()


def is_archive(name: str) -> bool:
    """Whether the name is that of an archive that `members` reads."""
    return name.lower().endswith(SUFFIXES)


def stem(name: str) -> str:
    """The base name without the suffix of its archive kind: `a/click.tar.xz` -> `click`."""
    base = name.rpartition("/")[2]
    suffix = max((s for s in SUFFIXES if base.lower().endswith(s)), key=len, default="")
    return base[: len(base) - len(suffix)]


def members(
    file: BinaryIO,
    name: str,
    *,
    limit_bytes: int = MEMBER_BYTES,
    max_ratio: float = MAX_RATIO,
) -> Iterator[Member]:
    """The entries of a zip or a (compressed) tar, in the order in which they lie.

    The kind is told by magic bytes.

    Args:
        file: seekable, at its beginning.
        name: of the archive, for messages.
        limit_bytes: a member over this is given with the fault `too_large`.
        max_ratio: unpacked bytes per packed byte, above which it is a bomb.

    Raises:
        RejectError: from the iterator, when the archive itself is empty, truncated,
            corrupt, a bomb, or not one.
    """
    head = file.read(4)
    file.seek(0)
    if not head:
        raise RejectError(Reason.EMPTY, f"{name} has no bytes")
    if head[:2] == b"PK":
        found = _zip_members(file, name, head, max_ratio)
    else:
        found = _tar_members(file, name, max_ratio)
    seen: set[str] = set()
    for member in found:
        yield _checked(member, seen, limit_bytes)
        seen.add(member.path)


def path_fault(path: str) -> str | None:
    """Why a member's path is unsafe, or None: absolute, climbing, with a drive or a NUL."""
    if not path or "\0" in path:
        return "the member's path is empty or has a NUL"
    if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", path):
        return f"the member's path is absolute: {path!r}"
    if ".." in re.split(r"[\\/]", path):
        return f"the member's path climbs out of the archive: {path!r}"
    return None


def _checked(member: Member, seen: set[str], limit_bytes: int) -> Member:
    if member.fault is not None:
        return member
    unsafe = path_fault(member.path)
    if unsafe:
        return _faulty(member, Reason.UNSAFE, unsafe)
    if member.path in seen:
        return _faulty(member, Reason.DUPLICATE_KEY, "an earlier member has the same path")
    if member.size > limit_bytes:
        return _faulty(member, Reason.TOO_LARGE, f"{member.size} bytes, the limit is {limit_bytes}")
    return member


def _faulty(member: Member, reason: Reason, message: str) -> Member:
    return dataclasses.replace(member, fault=RejectError(reason, message, place=member.path))


def _unicode(path: str) -> str:
    """The path as valid UTF-8: bytes that no charset explains are written in hex."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


# --- tar -----------------------------------------------------------------------------------


class _TarInfo(tarfile.TarInfo):
    """Says what is wrong where tarfile, past the first header, takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        offset = tarfile_.fileobj.tell()
        data = tarfile_.fileobj.read(tarfile.BLOCKSIZE)
        if 0 < len(data) < tarfile.BLOCKSIZE:
            raise RejectError(Reason.TRUNCATED, f"the tar ends inside a header at byte {offset}")
        try:
            info = cls.frombuf(data, tarfile_.encoding, tarfile_.errors)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise  # two zero blocks, or none: the end
        except tarfile.HeaderError as error:
            raise RejectError(Reason.CORRUPT, f"no tar header at byte {offset}: {error}") from error
        if info.size < 0:
            raise RejectError(Reason.CORRUPT, f"negative size in the tar header at byte {offset}")
        if info.type in _EXTENDED and info.size > _MAX_HEADER_BYTES:
            raise RejectError(Reason.BOMB, f"a tar header of {info.size} bytes at byte {offset}")
        info.offset = offset
        return info._proc_member(tarfile_)  # type: ignore[attr-defined]


def _tar_members(file: BinaryIO, name: str, max_ratio: float) -> Iterator[Member]:
    plain = _compression.kind_of(file) is None
    stream = open_unpacked(file, name, max_ratio=max_ratio)
    with _faults(name):
        tar = tarfile.TarFile.open(
            name=None,
            mode="r:" if plain else "r|",
            fileobj=stream,
            tarinfo=_TarInfo,
            errors="surrogateescape",
            encoding="utf-8",
        )
    while True:
        with _faults(name):
            info = tar.next()
        if info is None:
            return
        tar.members.clear()  # type: ignore[attr-defined]  # else memory grows with the archive
        if not info.isdir():
            yield _tar_member(tar, info, name)


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo, name: str) -> Member:
    def read() -> bytes:
        with _faults(name):
            content = tar.extractfile(info)
            data = b"" if content is None else content.read()
        if len(data) < info.size:
            raise RejectError(Reason.TRUNCATED, f"the tar ends inside {path}", place=path)
        return data

    path = _unicode(info.name)
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    member = Member(path, info.size, info.offset_data, None, read)
    if info.issym() or info.islnk():
        return _faulty(member, Reason.UNSAFE, f"a link to {_unicode(info.linkname)!r}")
    if info.issparse():
        return _faulty(member, Reason.UNSUPPORTED_FORMAT, "a sparse file in a tar")
    if not info.isfile():
        return _faulty(member, Reason.UNSAFE, "a device, a pipe or an unknown kind of member")
    return member


@contextlib.contextmanager
def _faults(name: str) -> Iterator[None]:
    """Turns what tarfile, zipfile and zlib raise into RejectError."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        cut = "unexpected end" in str(error) or "truncated" in str(error)
        reason = Reason.TRUNCATED if cut else Reason.CORRUPT
        raise RejectError(reason, f"{name}: {error}") from error
    except NotImplementedError as error:
        raise RejectError(Reason.UNSUPPORTED_FORMAT, f"{name}: {error}") from error
    except EOFError as error:
        raise RejectError(Reason.TRUNCATED, f"{name} ends early") from error
    except OSError as error:
        # An errno means that the file system failed; bz2 raises a plain OSError on bad data.
        reason = Reason.CORRUPT if error.errno is None else Reason.UNREADABLE
        raise RejectError(reason, f"{name}: {error}") from error
    except (zlib.error, lzma.LZMAError, ValueError) as error:
        raise RejectError(Reason.CORRUPT, f"{name} is damaged: {error}") from error
    except (struct.error, OverflowError, RecursionError, LookupError, TypeError) as error:
        # Lying fields reach struct and slices inside the libraries.
        raise RejectError(Reason.CORRUPT, f"{name} has an impossible header: {error}") from error


# --- zip -----------------------------------------------------------------------------------


def _zip_members(file: BinaryIO, name: str, head: bytes, max_ratio: float) -> Iterator[Member]:
    n_bytes = file.seek(0, os.SEEK_END)
    try:
        with _faults(name):
            archive = zipfile.ZipFile(file)
    except RejectError as error:
        if error.reason is Reason.CORRUPT and head == b"PK\x03\x04":
            message = f"{name} is a zip without its directory at the end: {error}"
            raise RejectError(Reason.TRUNCATED, message) from error
        raise
    # Entries that share bytes unpack more than the file holds (Fifield 2019, "A better zip
    # bomb"): honest ones cannot add up to more than the file.
    if sum(i.compress_size for i in archive.infolist()) > n_bytes:
        raise RejectError(Reason.BOMB, f"{name} has entries that overlap")
    for info in archive.infolist():
        if not info.is_dir():
            yield _zip_member(archive, info, max_ratio)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_ratio: float) -> Member:
    def read() -> bytes:
        with _faults(path), archive.open(info) as content:
            return content.read()

    path = _unicode(info.filename)
    member = Member(path, info.file_size, None, None, read)
    mode = info.external_attr >> 16
    if info.flag_bits & 0x41:  # bit 0: encrypted; bit 6: strong encryption (APPNOTE 4.4.4)
        return _faulty(member, Reason.ENCRYPTED, "the zip entry needs a password")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return _faulty(member, Reason.UNSAFE, "a link or a device in a zip")
    ratio = info.file_size / max(1, info.compress_size)
    if info.file_size > FREE_BYTES and ratio > max_ratio:
        return _faulty(
            member, Reason.BOMB, f"unpacks to {ratio:.0f} times its size ({info.file_size} bytes)"
        )
    return member
