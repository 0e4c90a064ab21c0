"""The header of an ARC record, the format before WARC.

One line: URL, IP address, 14-digit date, media type, length; five more fields in version 2
(https://archive.org/web/researcher/ArcFileFormat.php).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

from castor.pipelines.sources._warc import BadHead, Head

# The URL may hold blanks, so the fields are counted from the right: from the IP address on.
# Any length is let through here, so that a bad one is told from what is no header at all.
_LINE = re.compile(
    rb"(?P<url>[a-zA-Z][a-zA-Z0-9+.-]{1,15}:.*?) "
    rb"(?P<ip>\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*|-|null|unknown) (?P<date>\S+) "
    rb"(?P<mime>\S*) (?:\S+ \S+ \S+ \S+ \S+ )?(?P<length>\S+)\s*"
)


class Arc:
    """How the records of one ARC file begin."""

    def begins(self, line: bytes) -> bool:
        """Whether a record begins with this line."""
        return _LINE.fullmatch(line) is not None

    def read_head(self, line: bytes, readline: Callable[[], bytes]) -> Head:
        """The headers of a record, named as in WARC.

        Raises:
            BadHead: the length or the date is none.
            EOFError: the line is cut.
        """
        if not line.endswith(b"\n"):
            raise EOFError
        found = _LINE.fullmatch(line)
        assert found is not None  # begins() came first
        length = found["length"].decode("ascii", "replace")
        if not length.isdigit():
            raise BadHead(f"an ARC record of length {length!r}")
        url = found["url"].decode("utf-8", "replace")
        headers = {
            "warc-target-uri": url,
            "content-type": found["mime"].decode("ascii", "replace"),
        }
        date = iso_date(found["date"].decode("ascii", "replace"))
        if date is not None:
            headers["warc-date"] = date
        if url.startswith("filedesc:"):
            return Head("warcinfo", headers, int(length))
        kind = "response" if url.lower().startswith(("http:", "https:")) else "resource"
        return Head(kind, headers, int(length))


def iso_date(digits: str) -> str | None:
    """`20140216050221` as `2014-02-16T05:02:21Z`; None if it is no date."""
    try:
        return datetime.datetime.strptime(digits, "%Y%m%d%H%M%S").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
