"""TFRecord files of tf.train.Example or of plain text, without TensorFlow.

Framing: length (uint64, little-endian), its masked CRC-32C, the bytes, their masked CRC-32C
(https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

HEAD_BYTES = 12
_STEP_BYTES = 1 << 20
Value = str | bytes | int | float | list[Any]


def read_tfrecord(
    stream: BinaryIO, *, max_bytes: int
) -> Iterator[tuple[int, dict[str, Value] | str | RejectError]]:
    """The records of a file, numbered from 1.

    Args:
        stream: unpacked.
        max_bytes: a longer record is a fault and is not kept in memory.

    Yields:
        The features of an Example by name, or the text of a record that is none, or the
        record's fault: TOO_LARGE, CORRUPT.

    Raises:
        RejectError: TRUNCATED, CORRUPT if the length of a record cannot be trusted, or as
            the stream does; the records before the fault have been given.
    """
    number = 0
    while head := stream.read(HEAD_BYTES):
        number += 1
        place = f"row {number}"
        if len(head) < HEAD_BYTES:
            raise RejectError(Reason.TRUNCATED, "ends inside a record's length", place=place)
        if not is_head(head):
            raise RejectError(Reason.CORRUPT, "a record's length is damaged", place=place)
        n_bytes = int.from_bytes(head[:8], "little")
        if n_bytes > max_bytes:
            _skip(stream, n_bytes + 4, place)
            message = f"a record of {n_bytes} bytes, the limit is {max_bytes}"
            yield number, RejectError(Reason.TOO_LARGE, message)
            continue
        data = stream.read(n_bytes + 4)
        if len(data) < n_bytes + 4:
            raise RejectError(Reason.TRUNCATED, "ends inside a record", place=place)
        data, checksum = data[:n_bytes], data[n_bytes:]
        if checksum != masked_crc(data):
            yield number, RejectError(Reason.CORRUPT, "the record fails its checksum")
        else:
            yield number, _parse(data)


def is_head(head: bytes) -> bool:
    """Whether 12 bytes are the length of a record and its checksum."""
    return len(head) == HEAD_BYTES and head[8:] == masked_crc(head[:8])


def masked_crc(data: bytes) -> bytes:
    """The four bytes that follow a length or a record: its CRC-32C, turned and offset."""
    import google_crc32c

    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _skip(stream: BinaryIO, n_bytes: int, place: str) -> None:
    while n_bytes:
        data = stream.read(min(n_bytes, _STEP_BYTES))
        if not data:
            raise RejectError(Reason.TRUNCATED, "ends inside a record", place=place)
        n_bytes -= len(data)


def _parse(data: bytes) -> dict[str, Value] | str | RejectError:
    """An Example, else text: nothing but an Example parses without unknown fields."""
    features = parse_example(data)
    if features is not None:
        return features
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return RejectError(Reason.CORRUPT, "neither a tf.train.Example nor UTF-8 text")


def parse_example(data: bytes) -> dict[str, Value] | None:
    """The features of a serialised tf.train.Example; None if it is none.

    A feature of one value is that value, of several a list; bytes that are UTF-8 are strings.
    """
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet

    example = _example_class()()
    try:
        example.ParseFromString(data)
    except DecodeError:
        return None
    found: dict[str, Value] = {}
    if len(UnknownFieldSet(example)) or len(UnknownFieldSet(example.features)):
        return None
    for entry in example.features.feature:
        if len(UnknownFieldSet(entry)):
            return None
        kind = entry.value.WhichOneof("kind")
        values = list(getattr(entry.value, kind).value) if kind else []
        if kind == "bytes_list":
            values = [_text_or_bytes(value) for value in values]
        found[entry.key] = values[0] if len(values) == 1 else values
    return found


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


@functools.cache
def _example_class() -> Any:
    """tf.train.Example, described here in a pool of its own (tensorflow/core/example)."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="castor_example.proto", package="castor.example", syntax="proto3"
    )

    def message(name: str, *fields: tuple[str, int, int, str, bool], oneof: str = "") -> None:
        described = file.message_type.add(name=name)
        if oneof:
            described.oneof_decl.add(name=oneof)
        for field_name, number, kind, type_name, repeated in fields:
            label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            added = described.field.add(name=field_name, number=number, type=kind, label=label)
            if type_name:
                added.type_name = f".castor.example.{type_name}"
            if oneof:
                added.oneof_index = 0

    message("BytesList", ("value", 1, field.TYPE_BYTES, "", True))
    message("FloatList", ("value", 1, field.TYPE_FLOAT, "", True))
    message("Int64List", ("value", 1, field.TYPE_INT64, "", True))
    message(
        "Feature",
        ("bytes_list", 1, field.TYPE_MESSAGE, "BytesList", False),
        ("float_list", 2, field.TYPE_MESSAGE, "FloatList", False),
        ("int64_list", 3, field.TYPE_MESSAGE, "Int64List", False),
        oneof="kind",
    )
    # A map field travels as repeated entries, of which the last of a name counts.
    message(
        "Entry",
        ("key", 1, field.TYPE_STRING, "", False),
        ("value", 2, field.TYPE_MESSAGE, "Feature", False),
    )
    message("Features", ("feature", 1, field.TYPE_MESSAGE, "Entry", True))
    message("Example", ("features", 1, field.TYPE_MESSAGE, "Features", False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("castor.example.Example")
    return message_factory.GetMessageClass(descriptor)
