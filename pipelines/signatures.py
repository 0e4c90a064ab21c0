"""The MinHash bands of the rows of a batch, a column of every measured shard."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.record import Modality
from castor.pipelines.recipe import NearDuplicates

SEED = 1  # of the permutations; part of every stored signature, so it never changes
# The words of a picture, sound or clip are its caption: alike captions do not make alike media.
COMPARED = [str(m) for m in (Modality.TEXT, Modality.CODE, Modality.INTERLEAVED)]


def bands_type(near: NearDuplicates) -> pa.DataType:
    """The type of the column: the band hashes as little-endian bytes.

    (Parquet readers refuse fixed-size lists with nulls, hence no list.)
    """
    return pa.binary(8 * near.bands)


def bands_of(batch: pa.RecordBatch, near: NearDuplicates) -> pa.FixedSizeBinaryArray:
    """Band hashes of each row's word n-grams, fixed_size_binary[8 * bands] [rows].

    Null for a row without words, since all such rows would look alike, and for media,
    whose text is a caption.
    """
    from castor.filters.kernels.minhash import bands, minhash  # compiled: only where it runs
    from castor.filters.kernels.words import normalised_words

    hashes, _, _, offsets = normalised_words(batch.column("text"))
    signatures = minhash(
        hashes, offsets, ngram=near.ngram, permutations=near.bands * near.rows, seed=SEED
    )
    keys = bands(signatures, bands=near.bands, rows=near.rows).astype("<u8", copy=False)
    compared = pc.is_in(batch.column("modality"), value_set=pa.array(COMPARED))
    absent = (np.diff(offsets) == 0) | ~compared.to_numpy(zero_copy_only=False)
    rows = [None if a else k.tobytes() for a, k in zip(absent.tolist(), keys, strict=True)]
    return pa.array(rows, bands_type(near))


def as_lists(column: pa.FixedSizeBinaryArray) -> pa.FixedSizeListArray:
    """The column as fixed_size_list<uint64>[bands], as the packing of signatures takes it."""
    width = column.type.byte_width // 8
    null = column.is_null()
    blank = pa.scalar(bytes(8 * width), column.type)
    filled = pc.if_else(null, blank, column).to_pylist()
    values = np.frombuffer(b"".join(filled), "<u8")
    return pa.FixedSizeListArray.from_arrays(pa.array(values), width, mask=null)
