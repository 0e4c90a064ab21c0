"""The pictures of an EPUB: checked, and referred to where they lie in its zip."""

from __future__ import annotations

import collections
from collections.abc import Mapping

from castor.filters.media.decoder import examine
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.reference import HEAD_BYTES
from castor.filters.media.window import Window
from castor.filters.record import MediaRef
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _members

# Bullets, rules and spacers are no pictures of the book.
MIN_SIDE_PIXELS = 32
MAX_TOTAL_BYTES = 1 << 30  # unpacked, of all pictures of one book


class Pictures:
    """Gives the pictures of one book their numbers.

    Args:
        members: of the EPUB, by path.
        uri: of the EPUB as a file of the input, or None where it lies in an archive, so that
            nothing in it can be referred to.

    Attributes:
        media: the references, in the order of their first appearance.
        absent: how many pictures are not among them, by reason: `missing`, `external`,
            `unreachable`, `broken`, `small`, `repeated`.
    """

    def __init__(self, members: Mapping[str, _members.Member], uri: str | None) -> None:
        self.media: list[MediaRef] = []
        self.absent: collections.Counter[str] = collections.Counter()
        self._members, self._uri = members, uri
        self._seen: set[str] = set()
        self._n_bytes = 0

    def number(self, path: str) -> int | None:
        """The number of the picture at a path where it first appears, else None."""
        if path in self._seen:
            why = "repeated"
        elif path not in self._members:
            why = "missing"
        elif self._uri is None:
            why = "unreachable"
        else:
            self._seen.add(path)
            why = self._add(self._members[path], self._uri)
        if why:
            self.absent[why] += 1
            return None
        return len(self.media) - 1

    def _add(self, member: _members.Member, uri: str) -> str:
        """Adds the picture, or says why not."""
        self._n_bytes += member.size
        if member.fault is not None or not member.size or self._n_bytes > MAX_TOTAL_BYTES:
            return "broken"
        try:
            with Window.of_bytes(member.read()) as window:
                found = checked(window, uri, member.path)
        except RejectError:
            return "broken"
        if isinstance(found, str):
            return found
        self.media.append(found)
        return ""


def checked(window: Window, uri: str, member: str | None, offset: int = 0) -> MediaRef | str:
    """What refers to a picture, or why it is none of the book: `broken`, `small`.

    Args:
        window: its bytes.
        uri, member, offset: where they lie.
    """
    try:
        kind = sniff(window.at(0, HEAD_BYTES), window.at)
        if kind is None or kind.kind != "image":
            return "broken"
        digest = window.digest()
        found = examine("image", window, digest, kind.mime, kind.reader)
    except MediaError:
        return "broken"
    sides = [int(found.facts.get(name, "0")) for name in ("width", "height")]
    if min(sides) < MIN_SIDE_PIXELS:
        return "small"
    return MediaRef(uri, member, offset, window.length, kind.mime, digest)
