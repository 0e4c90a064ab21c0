"""What DCLM's Gopher filters count, as they count it: signals for `gopher/dclm`.

How each is counted is stated in filters/kernels/dclm/. Beside annotator `text`: the words of
n-grams are UAX #29's without signs, those of a page's length begin with a letter or numeral,
all others are cut at white space; hashes and ellipses (`. . .` is one too) are counted
together; stop words are occurrences in either case; lines and paragraphs are equal as strings; of
equally frequent n-grams the longest is taken.

Fractions whose whole is empty are null, and so is every signal of a row without text.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.annotators._counted import GRAMS, ratio, writes

COUNTS = {"n_words": "WORDS", "n_page_words": "PAGE_WORDS", "n_stop_words_en": "STOP_WORDS"}
FRACTIONS = {  # signal -> the columns of part and whole
    "mean_word_length_chars": ("WORD_CHARACTERS", "WORDS"),
    "symbols_per_word": ("SYMBOLS", "WORDS"),
    "alphabetic_word_fraction": ("LETTER_WORDS", "WORDS"),
    "bullet_line_fraction": ("BULLET_LINES", "LINES"),
    "ellipsis_line_fraction": ("ELLIPSIS_LINES", "LINES"),
    "duplicate_line_fraction": ("DUPLICATE_LINES", "LINES"),
    "duplicate_line_char_fraction": ("DUPLICATE_LINE_CHARACTERS", "LINE_CHARACTERS"),
    "duplicate_paragraph_fraction": ("DUPLICATE_PARAGRAPHS", "PARAGRAPHS"),
    "duplicate_paragraph_char_fraction": (
        "DUPLICATE_PARAGRAPH_CHARACTERS",
        "PARAGRAPH_CHARACTERS",
    ),
}
WRITES = writes(COUNTS, FRACTIONS)


@annotator(version=1, reads="batch", writes=WRITES)
def text_dclm(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts what DCLM's Gopher filters count, as they count it.

    All signals of a row without text are null, and so are fractions of nothing. The module's
    docstring defines each.
    """
    from castor.filters.kernels.dclm import counts as kernel

    column = batch.column("text")
    null = pc.is_null(column).to_numpy(zero_copy_only=False)
    counted = kernel.counts(column)
    count = dict(zip(kernel.FIELDS, counted.T, strict=False))
    found = {s: pa.array(count[c], mask=null) for s, c in COUNTS.items()}
    for signal, (part, whole) in FRACTIONS.items():
        found[signal] = ratio(count[part], count[whole], null)
    for n, signal in GRAMS.items():
        repeated = counted[:, kernel.REPEATED_GRAMS + n - kernel.SHORTEST]
        found[signal] = ratio(repeated, count["SEGMENT_CHARACTERS"], null)
    return found
