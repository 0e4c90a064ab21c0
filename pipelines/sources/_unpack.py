"""How much a compressed file may unpack to, for archives and single files alike."""

from __future__ import annotations

import os
from typing import BinaryIO

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _compression

# Deflate cannot exceed 1032:1 (zlib's technical details) and reaches it only on a constant
# run; text packs 3:1 to 30:1, source trees in xz up to 20:1.
MAX_RATIO = 200
# Below this many unpacked bytes a file is no danger whatever its ratio.
FREE_BYTES = 32_000_000
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".lz4")


def open_unpacked(file: BinaryIO, name: str, *, max_ratio: float = MAX_RATIO) -> BinaryIO:
    """The unpacked content of a file at its beginning; a plain file as it is.

    Raises:
        RejectError: from any read: `bomb` over `max_ratio` unpacked bytes per packed byte,
            `truncated`, `corrupt`.
    """
    n_packed = file.seek(0, os.SEEK_END)
    file.seek(0)
    limit = max(FREE_BYTES, int(n_packed * max_ratio))
    return _compression.open_stream(file, name, limit_bytes=limit)


def unpack(file: BinaryIO, name: str, *, limit_bytes: int) -> bytes:
    """The whole unpacked file (as it is when it is not compressed).

    Raises:
        RejectError: as `open_unpacked`; `too_large` over `limit_bytes`.
    """
    data = open_unpacked(file, name).read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise RejectError(Reason.TOO_LARGE, f"{name} holds more than {limit_bytes} bytes")
    return data
