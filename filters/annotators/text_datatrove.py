"""What datatrove's filters count, with its words, lines and slips: signals for `*/datatrove`.

Every signal is the number that datatrove 0.10.1 compares with a threshold; how it counts is
stated in filters/kernels/datatrove/. It differs from annotator `text`, which counts as we
read the papers: words are the tokens of spaCy's blank English (a comma is one); of what repeats
the first copy is not counted; characters are taken over the whole text.

- `n_tokens`: all of them; `n_words`, `mean_word_length_chars`: without those of signs only;
- `bullet_line_fraction`, `ellipsis_line_fraction`: of all lines, blank ones too;
- `top_{2,3,4}gram_char_fraction`: of the most frequent n-gram, spaces included, times how often
  it stands there, also if that is once;
- `duplicate_text_line_char_fraction`, `punctuation_ended_line_fraction`, `short_line_fraction`
  (30 characters and less), `newlines_per_token`: FineWeb's, of lines that are not blank;
- `c4_*`: C4's filter as it comes (a line must end with one of `.?!"'` and have 3 words):
  `c4_sentences` in what it leaves, and whether it stops at `lorem ipsum` or at `{`;
- `c4_open_*`: the same filter as FineWeb runs it, without the demand for an end mark, and
  FineWeb's own numbers of what it leaves.

Fractions whose whole is empty are null, and so is every signal of a row without text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.annotators._counted import GRAMS, ratio, writes

COUNTS = {  # signal -> the column of the kernel
    "n_characters": "CHARACTERS",
    "n_tokens": "TOKENS",
    "n_words": "WORDS",
    "n_text_lines": "TEXT_LINES",
    "c4_lines": "C4_LINES",
    "c4_sentences": "C4_SENTENCES",
    "c4_lorem_ipsum": "C4_LOREM",
    "c4_curly_bracket": "C4_BRACE",
    "c4_open_lines": "OPEN_LINES",
    "c4_open_sentences": "OPEN_SENTENCES",
    "c4_open_lorem_ipsum": "OPEN_LOREM",
    "c4_open_curly_bracket": "OPEN_BRACE",
    "c4_open_text_lines": "OPEN_TEXT_LINES",
}
FRACTIONS = {  # signal -> the columns of part and whole
    "mean_word_length_chars": ("WORD_CHARACTERS", "WORDS"),
    "hashes_per_token": ("HASHES", "TOKENS"),
    "ellipses_per_token": ("ELLIPSES", "TOKENS"),
    "bullet_line_fraction": ("BULLET_LINES", "SPLIT_LINES"),
    "ellipsis_line_fraction": ("ELLIPSIS_LINES", "SPLIT_LINES"),
    "alphabetic_token_fraction": ("LETTER_WORDS", "TOKENS"),
    "duplicate_paragraph_fraction": ("DUPLICATE_PARAGRAPHS", "PARAGRAPHS"),
    "duplicate_paragraph_char_fraction": ("DUPLICATE_PARAGRAPH_CHARACTERS", "CHARACTERS"),
    "duplicate_line_fraction": ("DUPLICATE_LINES", "LINES"),
    "duplicate_line_char_fraction": ("DUPLICATE_LINE_CHARACTERS", "CHARACTERS"),
    "punctuation_ended_line_fraction": ("ENDED_LINES", "TEXT_LINES"),
    "short_line_fraction": ("SHORT_LINES", "TEXT_LINES"),
    "duplicate_text_line_char_fraction": ("DUPLICATE_TEXT_CHARACTERS", "LINE_CHARACTERS"),
    "newlines_per_token": ("NEWLINES", "TOKENS"),
    "c4_open_punctuation_ended_line_fraction": ("OPEN_ENDED_LINES", "OPEN_TEXT_LINES"),
    "c4_open_short_line_fraction": ("OPEN_SHORT_LINES", "OPEN_TEXT_LINES"),
    "c4_open_duplicate_text_line_char_fraction": ("OPEN_DUPLICATE_CHARACTERS", "OPEN_CHARACTERS"),
    "c4_open_newlines_per_token": ("OPEN_NEWLINES", "OPEN_TOKENS"),
}
WRITES = writes({**COUNTS, "n_distinct_stop_words_en": "STOP_WORD_BITS"}, FRACTIONS)


@annotator(version=1, reads="batch", writes=WRITES)
def text_datatrove(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts what datatrove's Gopher, C4 and FineWeb filters count, as they count it.

    All signals of a row without text are null, and so are fractions of nothing. The module's
    docstring defines each.
    """
    from castor.filters.kernels.datatrove import counts as kernel

    column = batch.column("text")
    counted = kernel.counts(column)
    count = dict(zip(kernel.FIELDS, counted.T, strict=False))
    count["LINE_CHARACTERS"] = count["CHARACTERS"] - count["NEWLINES"]
    count["PARAGRAPHS"] = np.where(count["CHARACTERS"] > 0, count["PARAGRAPHS"], 0)
    null = pc.is_null(column).to_numpy(zero_copy_only=False)
    found = {s: pa.array(count[c], mask=null) for s, c in COUNTS.items()}
    found["n_distinct_stop_words_en"] = pa.array(
        np.bitwise_count(count["STOP_WORD_BITS"]), mask=null
    )
    for signal, (part, whole) in FRACTIONS.items():
        found[signal] = ratio(count[part], count[whole], null)
    for n, signal in GRAMS.items():
        column_of = kernel.NGRAMS + n - kernel.SHORTEST
        found[signal] = ratio(counted[:, column_of], count["CHARACTERS"], null)
    return found
