"""Folds texts for a classifier: `Don't PAY £25!` is read as `don ' t pay £ 00 !`.

Letters by simple case folding; every digit, of any script, is 0; every other sign is a word of
its own; letters of scripts without spaces between words (Han, kana, Thai, Lao, Khmer, Myanmar) are
words of their own, with their marks; soft hyphens, zero-width and direction marks are dropped;
one space between words. Measured on the kit by five-fold cross-validation, everything else alike:
AUC .979 -> .994 on spam, .946 -> .968 on toxicity, .779 -> .830 on quality.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from castor.filters.kernels.column import buffers


def fold(column: pa.Array, *, keep_lines: bool = False) -> pa.Array:
    """The texts of a column, folded: large_string [rows]; a null becomes an empty text.

    Args:
        keep_lines: LF stands between two words if one stood there, instead of a space.
    """
    from castor.filters.classify.kernels import fold as kernels
    from castor.filters.kernels.unicode import tables

    data, rows = buffers(column)
    n_bytes = int(rows[-1] - rows[0])
    out = np.empty(kernels.GROWTH * n_bytes + len(rows), np.uint8)
    offsets = np.empty(len(rows), np.int64)
    n = kernels.fold(data, rows, *tables(), out, offsets, keep_lines)
    return pa.LargeStringArray.from_buffers(
        len(rows) - 1, pa.py_buffer(offsets), pa.py_buffer(out[:n])
    )
