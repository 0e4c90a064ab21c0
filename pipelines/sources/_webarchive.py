"""Web archives record by record: WARC and ARC, compressed or not, whole or broken.

What stands in the way of the next record is a Fault, never an exception and never silence:
after it the reader looks for the next place where a record begins.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol, cast

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _arc, _compression, _warc
from castor.pipelines.sources._warc import BadHead, Head

MAX_LINE_BYTES = 1 << 16
HEAD_BYTES = 1 << 16  # of a record that is too large: enough for its HTTP header
# HTML packs 5 to 20 fold, deflate's limit is 1032 fold: what unpacks to more is made to do so.
MAX_RATIO = 250
FREE_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One record of an archive.

    Attributes:
        place: offset of the record in the file (bytes): of its own compressed member, or
            `<member>+<bytes into it>` when it does not begin one.
        kind: the WARC record type; `response` or `resource` for ARC.
        headers: the record's own headers, names in lower case, dates as in WARC.
        content: the record's block, its first HEAD_BYTES if it is too large, and empty if the
            kind is not wanted.
        n_bytes: the length that the record states.
    """

    place: str
    kind: str
    headers: dict[str, str]
    content: bytes
    n_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """Something in the archive that is no whole record."""

    place: str
    reason: Reason
    message: str


class Grammar(Protocol):
    """How records begin: one for WARC, one for ARC."""

    def begins(self, line: bytes) -> bool:
        """Whether a record begins with this line."""

    def read_head(self, line: bytes, readline: Callable[[], bytes]) -> Head:
        """The record's headers; raises BadHead, and EOFError if they end early."""


def read_archive(
    file: BinaryIO, name: str, *, max_bytes: int, wanted: frozenset[str]
) -> Iterator[Entry | Fault]:
    """The records of a WARC or ARC file in their order.

    Args:
        file: seekable, at its beginning.
        name: what the messages call it.
        max_bytes: of a record that is larger only the head is kept.
        wanted: the kinds of records whose content is read.

    Yields:
        Entries; and a Fault for each stretch that could not be read.
    """
    at: int | None = 0
    while at is not None:
        file.seek(at)
        cursor = _Cursor(file, name)
        try:
            yield from _read_records(cursor, max_bytes, wanted)
            at = None
        except RejectError as error:
            place = cursor.inside or error.place.removeprefix("offset ")
            yield Fault(place, error.reason, str(error))
            resume = error.reason == Reason.CORRUPT and cursor.stream is not None
            at = _find_member(file, cursor.last_member + 1) if resume else None
        except _Resume as found:
            at = found.offset


def begins_archive(head: bytes) -> bool:
    """Whether unpacked bytes are the beginning of a WARC or ARC file."""
    line = head.lstrip(b"\r\n")[:MAX_LINE_BYTES].split(b"\n")[0]
    return _warc.WARC.begins(line) or _arc.Arc().begins(line)


class _Resume(Exception):
    """Reading goes on at a member that begins a record."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class _Cursor:
    """A position in the unpacked bytes, and how it is written as a place in the file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._base = file.tell()
        self.stream: _compression.MemberStream | None = None
        self._reader: Any = file
        if _compression.kind_of(file) is not None:
            limit = FREE_BYTES + MAX_RATIO * _length(file)
            self.stream = _compression.MemberStream(file, name, limit)
            self._reader = io.BufferedReader(self.stream, _compression.READ_BYTES)
        self.position = 0
        self.last_member = self._base
        self.inside: str | None = None  # place of the record that is being read

    def place(self, position: int) -> str:
        if self.stream is None:
            return str(self._base + position)
        member, into = self.stream.member_at(position)
        self.last_member = member
        return f"{member}+{into}" if into else str(member)

    def readline(self) -> bytes:
        line = self._reader.readline(MAX_LINE_BYTES)
        self.position += len(line)
        return cast(bytes, line)

    def read(self, n_bytes: int) -> bytes:
        data = self._reader.read(n_bytes)
        self.position += len(data)
        return cast(bytes, data)

    def skip(self, n_bytes: int) -> int:
        """Reads past n_bytes; returns how many there were."""
        left = n_bytes
        while left and (data := self.read(min(left, 1 << 20))):
            left -= len(data)
        return n_bytes - left

    def next_line(self) -> tuple[bytes, int]:
        """The next line that is not blank and where it begins; empty at the end."""
        while True:
            start = self.position
            line = self.readline()
            if not line or not line.isspace():
                return line, start

    def is_whole(self, position: int) -> bool:
        """Whether everything before the position is known to be sound."""
        return self.stream is None or position <= self.stream.n_whole

    def find_record(self, grammar: Grammar) -> tuple[bytes, int]:
        """The next line with which a record begins, and its position; empty at the end.

        Raises:
            _Resume: it begins a member, but not a line.
        """
        fresh = True
        while True:
            start = self.position
            line = self.readline()
            if not line or (fresh and grammar.begins(line)):
                return line, start
            if self.stream is not None:
                member = self.stream.member_between(start, self.position)
                if member is not None and _member_begins_record(self._file, member):
                    raise _Resume(member)
            fresh = line.endswith(b"\n")


def _read_records(
    cursor: _Cursor, max_bytes: int, wanted: frozenset[str]
) -> Iterator[Entry | Fault]:
    line, start = cursor.next_line()
    grammar: Grammar = _warc.WARC if _warc.WARC.begins(line) else _arc.Arc()
    while line:
        place = cursor.inside = cursor.place(start)
        try:
            if not grammar.begins(line):
                raise BadHead(f"no record begins with {line[:60]!r}")
            head = grammar.read_head(line, cursor.readline)
        except BadHead as error:
            yield Fault(place, Reason.CORRUPT, str(error))
            line, start = cursor.find_record(grammar)
            continue
        except EOFError:
            yield Fault(place, Reason.TRUNCATED, "the file ends inside the record's header")
            return
        keep = 0
        if head.kind in wanted:
            keep = head.n_bytes if head.n_bytes <= max_bytes else min(HEAD_BYTES, head.n_bytes)
        content = cursor.read(keep)
        got = len(content) + cursor.skip(head.n_bytes - keep if len(content) == keep else 0)
        if got < head.n_bytes:
            message = f"the file ends {head.n_bytes - got} bytes before the record does"
            yield Fault(place, Reason.TRUNCATED, message)
            return
        entry = Entry(place, head.kind, head.headers, content, head.n_bytes)
        # Reading on to the next record verifies the checksum of this one's member.
        end = cursor.position
        try:
            line, start = cursor.next_line()
        except RejectError as error:
            if cursor.is_whole(end) or error.reason == Reason.TRUNCATED:
                cursor.inside = None  # the fault comes after this record
                yield entry
            raise
        yield entry


def _find_member(file: BinaryIO, after: int) -> int | None:
    """Offset of the next compressed member that holds the beginning of a record."""
    file.seek(0)
    magic = file.read(4)[:3]
    overlap = len(magic) - 1
    at, window = after, b""
    file.seek(after)
    while data := file.read(1 << 20):
        window = window[-overlap:] + data if window else data
        base = at + len(data) - len(window)
        i = window.find(magic)
        while i >= 0:
            if _member_begins_record(file, base + i):
                return base + i
            i = window.find(magic, i + 1)
        at += len(data)
        file.seek(at)
    return None


def _member_begins_record(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    try:
        head = _compression.MemberStream(file, "", None).read(MAX_LINE_BYTES)
    except RejectError:
        return False
    return begins_archive(head)


def _length(file: BinaryIO) -> int:
    at = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(at)
    return end
