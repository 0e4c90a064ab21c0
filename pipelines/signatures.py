"""The MinHash bands and the sampled grams of the rows of a batch: columns of measured shards."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.record import Modality
from castor.pipelines.recipe import NearDuplicates

SEED = 1  # of the permutations; part of every stored signature, so it never changes
# The words of a picture, sound or clip are its caption: alike captions do not make alike media.
COMPARED = [str(m) for m in (Modality.TEXT, Modality.CODE, Modality.INTERLEAVED)]


BANDS = "minhash.bands"
SAMPLE = "minhash.sample"
COLUMNS = (BANDS, SAMPLE)


def fields_of(near: NearDuplicates | None) -> list[pa.Field]:
    """The columns: the band hashes as little-endian bytes, the sampled grams if they count.

    (Parquet readers refuse fixed-size lists with nulls, hence the bytes.)
    """
    if near is None:
        return []
    sample = [pa.field(SAMPLE, pa.list_(pa.uint64()))] if near.containment is not None else []
    return [pa.field(BANDS, pa.binary(8 * near.bands)), *sample]


def with_signatures(batch: pa.RecordBatch, near: NearDuplicates) -> pa.RecordBatch:
    """The batch with the columns of `fields_of`.

    Null for a row without words, since all such rows would look alike, and for media,
    whose text is a caption.
    """
    from castor.filters.kernels.words import normalised_words  # compiled: only where it runs
    from castor.pipelines.dedup.containment import samples_of

    hashes, _, _, offsets = normalised_words(batch.column("text"))
    compared = pc.is_in(batch.column("modality"), value_set=pa.array(COMPARED))
    absent = (np.diff(offsets) == 0) | ~compared.to_numpy(zero_copy_only=False)
    batch = batch.append_column(BANDS, _bands_of(hashes, offsets, absent, near))
    if near.containment is None:
        return batch
    sample = samples_of(hashes, offsets, near.ngram)
    return batch.append_column(SAMPLE, pc.if_else(pa.array(absent), None, sample))


def _bands_of(
    hashes: np.ndarray, offsets: np.ndarray, absent: np.ndarray, near: NearDuplicates
) -> pa.FixedSizeBinaryArray:
    from castor.filters.kernels.minhash import bands, minhash

    signatures = minhash(
        hashes, offsets, ngram=near.ngram, permutations=near.bands * near.rows, seed=SEED
    )
    keys = bands(signatures, bands=near.bands, rows=near.rows).astype("<u8", copy=False)
    rows = [None if a else k.tobytes() for a, k in zip(absent.tolist(), keys, strict=True)]
    return pa.array(rows, pa.binary(8 * near.bands))


def as_lists(column: pa.FixedSizeBinaryArray) -> pa.FixedSizeListArray:
    """The column as fixed_size_list<uint64>[bands], as the packing of signatures takes it."""
    width = column.type.byte_width // 8
    null = column.is_null()
    blank = pa.scalar(bytes(8 * width), column.type)
    filled = pc.if_else(null, blank, column).to_pylist()
    values = np.frombuffer(b"".join(filled), "<u8")
    return pa.FixedSizeListArray.from_arrays(pa.array(values), width, mask=null)
