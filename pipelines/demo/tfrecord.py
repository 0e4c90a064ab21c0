"""A TFRecord writer of `tf.train.Example`s, without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from castor.pipelines.sources._tfrecord import masked_crc


def tfrecord(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The rows as a TFRecord file; every value is a bytes feature of one string.

    Each record is its length, the length's masked CRC-32C, the data and the data's, as in
    tensorflow/core/lib/io/record_writer.h.
    """
    out = bytearray()
    for row in rows:
        data = _example(row)
        length = struct.pack("<Q", len(data))
        out += length + masked_crc(length)
        out += data + masked_crc(data)
    return bytes(out)


def _example(row: Mapping[str, str]) -> bytes:
    """tf.train.Example{features{feature{key, value{bytes_list{value}}}}} as protocol buffer."""
    features = b"".join(
        _field(1, _field(1, key.encode()) + _field(2, _field(1, _field(1, value.encode()))))
        for key, value in sorted(row.items())
    )
    return _field(1, features)


def _field(number: int, data: bytes) -> bytes:
    """One length-delimited field."""
    size, length = len(data), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + data
