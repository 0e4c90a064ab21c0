"""The MinHash bands of the rows of a batch, a column of every measured shard."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.kernels.minhash import bands, minhash
from castor.filters.kernels.words import normalised_words
from castor.filters.record import Modality
from castor.pipelines.recipe import NearDuplicates

SEED = 1  # of the permutations; part of every stored signature, so it never changes
# The words of a picture, sound or clip are its caption: alike captions do not make alike media.
COMPARED = [str(m) for m in (Modality.TEXT, Modality.CODE, Modality.INTERLEAVED)]


def bands_of(batch: pa.RecordBatch, near: NearDuplicates) -> pa.FixedSizeListArray:
    """Band hashes of each row's word n-grams, fixed_size_list<uint64>[bands] [rows].

    Null for a row without words, since all such rows would look alike, and for media,
    whose text is a caption.
    """
    hashes, _, _, offsets = normalised_words(batch.column("text"))
    signatures = minhash(
        hashes, offsets, ngram=near.ngram, permutations=near.bands * near.rows, seed=SEED
    )
    keys = bands(signatures, bands=near.bands, rows=near.rows)
    compared = pc.is_in(batch.column("modality"), value_set=pa.array(COMPARED))
    null = (np.diff(offsets) == 0) | ~compared.to_numpy(zero_copy_only=False)
    values = pa.array(keys.reshape(-1), pa.uint64())
    return pa.FixedSizeListArray.from_arrays(values, near.bands, mask=pa.array(null))
