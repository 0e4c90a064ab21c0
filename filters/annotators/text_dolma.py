"""What Dolma's Gopher tagger counts, as it counts it: signals for `gopher/dolma`.

Each signal is an attribute of allenai/dolma's tagger gopher_v1, named as our other signals are;
how it counts is stated in filters/kernels/dolma/counts.py. Beside annotator `text`: words are
cut at white space only; the length of a word is a median; a symbol is a word that holds `#` or
`…`; bullets are `*` and `-` at the very beginning of a line; stop words are occurrences, in
lower case and without signs; all copies of a line are duplicates, over the characters of words.

As there, a fraction of nothing is 0, not null; only a row without text is null.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.annotators._counted import GRAMS, writes

COUNTS = {"n_characters": "CHARACTERS", "n_words": "WORDS", "n_stop_words_en": "STOP_WORDS"}
FRACTIONS = {  # signal -> the columns of part and whole
    "symbol_word_fraction": ("SYMBOL_WORDS", "WORDS"),
    "alphabetic_word_fraction": ("LETTER_WORDS", "WORDS"),
    "bullet_line_fraction": ("BULLET_LINES", "LINES"),
    "ellipsis_line_fraction": ("ELLIPSIS_LINES", "LINES"),
    "duplicate_line_fraction": ("DUPLICATE_LINES", "LINES"),
    "duplicate_line_char_fraction": ("DUPLICATE_LINE_CHARACTERS", "WORD_CHARACTERS"),
}
WRITES: dict[str, pa.DataType] = {
    **dict.fromkeys(COUNTS, pa.int64()),
    "median_word_length_chars": pa.float64(),
    **writes((), FRACTIONS),
}


@annotator(version=1, reads="batch", writes=WRITES)
def text_dolma(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts what Dolma's Gopher tagger counts, as it counts it.

    All signals of a row without text are null. The module's docstring defines each.
    """
    from castor.filters.kernels.dolma import counts as kernel

    column = batch.column("text")
    null = pc.is_null(column).to_numpy(zero_copy_only=False)
    counted, medians = kernel.counts(column)
    count = dict(zip(kernel.FIELDS, counted.T, strict=False))
    found = {s: pa.array(count[c], mask=null) for s, c in COUNTS.items()}
    found["median_word_length_chars"] = pa.array(medians, mask=null)
    ratios = {s: (count[part], count[whole]) for s, (part, whole) in FRACTIONS.items()}
    for n, signal in GRAMS.items():
        part = counted[:, kernel.REPEATED_GRAMS + n - kernel.SHORTEST]
        whole = counted[:, kernel.ALL_GRAMS + n - kernel.SHORTEST]
        ratios[signal] = (part, count["WORD_CHARACTERS"] if n <= kernel.TOP else whole)
    for signal, (part, whole) in ratios.items():
        found[signal] = pa.array(part / np.maximum(whole, 1), pa.float64(), mask=null)
    return found
