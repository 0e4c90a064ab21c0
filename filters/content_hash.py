"""128 bits that are equal for exact duplicates.

The content of a document is its text, with runs of white space made one space, none at the
ends, and in NFC; and the digests of its media in order. The hash is BLAKE2b-128 of the UTF-8
of the text and, if there are media, of the byte 0xFF (which no UTF-8 holds) and their 16-byte
digests. The modality personalises the hash: a code file and a web page of the same words are
not duplicates of each other.
"""

from __future__ import annotations

import hashlib
import unicodedata

import pyarrow as pa

MEDIA_MARK = b"\xff"


def content_hashes(batch: pa.RecordBatch) -> pa.Array:
    """The content hash of every row: binary(16) [rows].

    Null for a row without content: no text but white space, and no media.

    Args:
        batch: has the columns `text`, `media` and `modality` of the record schema.
    """
    from castor.filters.kernels.collapse import collapse

    data, offsets, is_ascii = collapse(batch.column("text"))
    view = data.data
    media = batch.column("media")
    lengths = media.value_lengths().to_pylist()
    digests = media.flatten().field("blake2b").to_pylist()
    found: list[bytes | None] = []
    bounds, at = offsets.tolist(), 0
    for row, modality in enumerate(batch.column("modality").to_pylist()):
        text, shown = view[bounds[row] : bounds[row + 1]], digests[at : at + lengths[row]]
        at += lengths[row]
        if not len(text) and not shown:
            found.append(None)
            continue
        hasher = hashlib.blake2b(digest_size=16, person=str(modality).encode())
        hasher.update(text if is_ascii[row] else _nfc(text))
        if shown:
            hasher.update(MEDIA_MARK + b"".join(shown))
        found.append(hasher.digest())
    return pa.array(found, pa.binary(16))


def _nfc(text: memoryview) -> bytes | memoryview:
    decoded = bytes(text).decode("utf-8", "surrogateescape")
    if unicodedata.is_normalized("NFC", decoded):
        return text
    return unicodedata.normalize("NFC", decoded).encode("utf-8", "surrogateescape")
