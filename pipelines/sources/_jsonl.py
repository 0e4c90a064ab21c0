"""JSON lines: one object per line, and one fault per line that is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

_SKIP_BYTES = 1 << 20


def read_jsonl(
    stream: BinaryIO, *, max_bytes: int
) -> Iterator[tuple[int, dict[str, Any] | RejectError]]:
    """The rows of a file with their line numbers, from 1; blank lines are no rows.

    Args:
        stream: unpacked.
        max_bytes: a longer line is a fault and is not kept in memory.

    Yields:
        The object, or the fault of the line: TOO_LARGE, BAD_ENCODING, CORRUPT; TRUNCATED for a
        last line that has no end and is no JSON.

    Raises:
        RejectError: as the stream does; the rows before the fault have been given.
    """
    number = 0
    while line := stream.readline(max_bytes + 1):
        number += 1
        if len(line) > max_bytes and not line.endswith(b"\n"):
            message = f"a line of more than {max_bytes} bytes"
            yield number, RejectError(Reason.TOO_LARGE, message)
            while line and not line.endswith(b"\n"):
                line = stream.readline(_SKIP_BYTES)
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.isspace() and line:
            yield number, _parse(line)


def _parse(line: bytes) -> dict[str, Any] | RejectError:
    import orjson

    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        # NaN and integers over 64 bits, which Python writes and orjson refuses.
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            return RejectError(Reason.BAD_ENCODING, f"not UTF-8: {error}")
        except (ValueError, RecursionError) as error:
            reason = Reason.CORRUPT if line.endswith(b"\n") else Reason.TRUNCATED
            return RejectError(reason, f"no JSON: {error}")
    if not isinstance(row, dict):
        return RejectError(Reason.CORRUPT, f"a JSON {type(row).__name__}, not an object")
    return cast(dict[str, Any], row)
