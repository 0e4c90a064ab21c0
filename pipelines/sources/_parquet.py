"""Rows of a Parquet file, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

MAGIC = b"PAR1"
ENCRYPTED = b"PARE"
_BATCH_BYTES = 8_000_000
_MAX_ROWS = 1024


def read_parquet(file: BinaryIO, n_bytes: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file, numbered from 1; a string that is not UTF-8 comes as bytes.

    Args:
        file: seekable.
        n_bytes: its size.

    Raises:
        RejectError: TRUNCATED without a footer, CORRUPT, ENCRYPTED; the rows of the batches
            before the fault have been given.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.seek(max(n_bytes - 4, 0))
    tail = file.read(4)
    if tail == ENCRYPTED:
        raise RejectError(Reason.ENCRYPTED, "an encrypted Parquet file")
    if n_bytes < 12 or tail != MAGIC:
        raise RejectError(Reason.TRUNCATED, "a Parquet file without its footer")
    number = 0
    try:
        with pq.ParquetFile(file) as parquet:
            about = parquet.metadata
            total = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
            mean = max(total // max(about.num_rows, 1), 1)
            n_rows = min(max(_BATCH_BYTES // mean, 1), _MAX_ROWS)
            for batch in parquet.iter_batches(batch_size=n_rows):
                columns = [_values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(batch.schema.names, values, strict=True))
    except (pa.ArrowException, OSError, OverflowError) as error:
        message = f"bad Parquet after row {number}: {' '.join(str(error).split())[:200]}"
        raise RejectError(Reason.CORRUPT, message) from error


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        if pa.types.is_large_string(column.type):
            column = column.cast(pa.large_binary())
        elif pa.types.is_string(column.type):
            column = column.cast(pa.binary())
        else:
            raise RejectError(Reason.BAD_ENCODING, "nested strings that are not UTF-8") from None
        return list(column.to_pylist())
