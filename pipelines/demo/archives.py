"""Archives with fixed times and owners: equal members give equal bytes."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterable

from castor.pipelines.demo.ledger import EPOCH_S

Member = tuple[str, bytes]  # name, content


def tar(members: Iterable[Member], *, compress: bool = False) -> bytes:
    """A tar file, plain or gzip, of regular files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), EPOCH_S, 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 6, mtime=0) if compress else out.getvalue()


def zipped(members: Iterable[Member], *, stored: frozenset[str] = frozenset()) -> bytes:
    """A zip file; the members named in `stored` are not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def locked(data: bytes) -> bytes:
    """The zip with every member marked as encrypted (bit 0 of the flags, APPNOTE.TXT 4.4.4)."""
    found = bytearray(data)
    for magic, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", data, at + flags_at)
            struct.pack_into("<H", found, at + flags_at, flags | 1)
            at = data.find(magic, at + 4)
    return bytes(found)
