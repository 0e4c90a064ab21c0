"""Everything that is counted in a text, in one fused pass; the signals of the text policies.

Fractions whose whole is empty are null, and so is every signal of a row without text.
Characters are code points. What words, lines, paragraphs, ellipses and sentences are is
stated in filters/kernels/{words,scan,c4}.py; in short:

- words: `n_words` are cut at white space, punctuation stays on them; letters of scripts
  without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) are a word each, and
  `unspaced_word_fraction` says how many those are;
- lines end at LF and are stripped of white space; blank lines separate paragraphs and count in
  `n_all_lines`, `mean_line_length_chars` and `max_line_length_chars` only;
- `duplicate_*`: Rae et al. 2021 (arXiv:2112.11446, A.1.1) speak of "the fraction that are
  duplicates" and "the fraction of characters contained within those duplicates". We read that
  as every occurrence of what occurs more than once, the first included, as Dolma and DCLM do
  (datatrove leaves the first out). Two lines are equal if their words are. The whole is the
  characters of all lines, without the white space at their ends;
- n-grams count characters in words, without the space between, over all characters in words
  (DCLM). A character in several overlapping n-grams is counted once, for n = 2 to 4 too.
  Among equally frequent n-grams the earliest is taken; one that occurs once counts nothing;
- hashes and ellipses: `#` per word and ellipses per word; a bullet is one of
  `kernels.unicode.BULLETS`;
- stop words: how many different ones of Rae et al.'s eight stand in the text, in either case,
  signs at both ends left out;
- `punctuation_ended_line_fraction`, `short_line_fraction` (under 30 characters): FineWeb
  (arXiv:2406.17557, section 3.6), closing quotation marks after the sign are looked through;
- `c4_*`: what C4's line rules would leave; `n_lorem_ipsum` and `n_curly_brackets` are of the
  whole text, as the paper has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.annotators._counted import ratio

if TYPE_CHECKING:
    from castor.filters.kernels.scan import Scan

COUNTS = (
    "n_characters n_bytes n_words n_lines n_paragraphs n_all_lines n_distinct_stop_words_en "
    "n_curly_brackets n_lorem_ipsum n_long_lines max_word_length_chars max_line_length_chars "
    "c4_lines c4_lines_with_lorem_ipsum c4_lines_with_curly_bracket "
    "c4_sentences c4_bytes c4_lines_without_end c4_lines_too_short c4_lines_with_long_word "
    "c4_lines_javascript c4_lines_policy"
).split()
FRACTIONS = (
    "mean_word_length_chars mean_line_length_chars hashes_per_word ellipses_per_word "
    "alphabetic_word_fraction unspaced_word_fraction letter_fraction alphanumeric_fraction "
    "digit_fraction uppercase_fraction bullet_line_fraction ellipsis_line_fraction "
    "punctuation_ended_line_fraction short_line_fraction duplicate_line_fraction "
    "duplicate_line_char_fraction duplicate_paragraph_fraction "
    "duplicate_paragraph_char_fraction top_2gram_char_fraction top_3gram_char_fraction "
    "top_4gram_char_fraction duplicate_5gram_char_fraction duplicate_6gram_char_fraction "
    "duplicate_7gram_char_fraction duplicate_8gram_char_fraction duplicate_9gram_char_fraction "
    "duplicate_10gram_char_fraction"
).split()
WRITES: dict[str, pa.DataType] = {
    **{name: pa.int64() for name in COUNTS},
    **{name: pa.float64() for name in FRACTIONS},
}


@annotator(version=2, reads="batch", writes=WRITES)
def text(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts characters, words, lines, repetition and C4's lines.

    The signals of every text policy (gopher, c4, code). All signals of a row without text are
    null, and so are fractions of nothing. The module's docstring defines each.
    """
    column = batch.column("text")
    null = pc.is_null(column).to_numpy(zero_copy_only=False)
    found: dict[str, np.ndarray | pa.Array] = {**_scanned(column)}
    found["n_bytes"] = pc.binary_length(column)
    found["n_lorem_ipsum"] = pc.count_substring(column, "lorem ipsum", ignore_case=True)
    return {name: _null_where(null, found[name]) for name in WRITES}


def _scanned(column: pa.Array) -> dict[str, np.ndarray | pa.Array]:
    """The signals that come from the compiled pass."""
    from castor.filters.kernels import repetition, scan

    scanned = scan.scan(column)
    count = dict(zip(scan.FIELDS, scanned.counts.T, strict=True))
    repeated = repetition.repetition(scanned).T
    lines, line_characters = count["LINES"], count["LINE_CHARACTERS"]
    words, characters = count["WORDS"], count["CHARACTERS"]
    found = {
        "n_characters": characters,
        "n_words": words,
        "n_lines": lines,
        "n_paragraphs": count["PARAGRAPHS"],
        "n_all_lines": count["ALL_LINES"],
        "n_distinct_stop_words_en": np.bitwise_count(count["STOP_WORD_BITS"]),
        "n_curly_brackets": count["BRACES"],
        "n_long_lines": count["LONG_LINES"],
        "max_word_length_chars": count["LONGEST_WORD"],
        "max_line_length_chars": count["LONGEST_LINE"],
        "mean_word_length_chars": ratio(count["WORD_CHARACTERS"], words),
        "mean_line_length_chars": ratio(count["ALL_LINE_CHARACTERS"], count["ALL_LINES"]),
        "hashes_per_word": ratio(count["HASHES"], words),
        "ellipses_per_word": ratio(count["ELLIPSES"], words),
        "alphabetic_word_fraction": ratio(count["ALPHABETIC_WORDS"], words),
        "unspaced_word_fraction": ratio(count["UNSPACED_WORDS"], words),
        "letter_fraction": ratio(count["LETTERS"], characters),
        "alphanumeric_fraction": ratio(count["LETTERS"] + count["NUMBERS"], characters),
        "digit_fraction": ratio(count["DIGITS"], characters),
        "uppercase_fraction": ratio(count["UPPERS"], count["LETTERS"]),
        "bullet_line_fraction": ratio(count["BULLET_LINES"], lines),
        "ellipsis_line_fraction": ratio(count["ELLIPSIS_LINES"], lines),
        "punctuation_ended_line_fraction": ratio(count["ENDED_LINES"], lines),
        "short_line_fraction": ratio(count["SHORT_LINES"], lines),
        "duplicate_line_fraction": ratio(repeated[repetition.DUPLICATE_LINES], lines),
        "duplicate_line_char_fraction": ratio(
            repeated[repetition.DUPLICATE_LINE_CHARACTERS], line_characters
        ),
        "duplicate_paragraph_fraction": ratio(
            repeated[repetition.DUPLICATE_PARAGRAPHS], count["PARAGRAPHS"]
        ),
        "duplicate_paragraph_char_fraction": ratio(
            repeated[repetition.DUPLICATE_PARAGRAPH_CHARACTERS], line_characters
        ),
        **_of_c4(scanned),
    }
    for n in range(repetition.SHORTEST, repetition.LONGEST + 1):
        kind = "top" if n <= repetition.TOP else "duplicate"
        covered = repeated[repetition.NGRAM_CHARACTERS + n - repetition.SHORTEST]
        found[f"{kind}_{n}gram_char_fraction"] = ratio(covered, count["WORD_CHARACTERS"])
    return found


def _of_c4(scanned: Scan) -> dict[str, np.ndarray]:
    from castor.filters.kernels import c4

    verdict, measures = c4.lines(scanned)

    def per_row(values: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0], np.cumsum(values)])
        return total[scanned.line_rows[1:]] - total[scanned.line_rows[:-1]]

    kept = per_row(verdict == c4.KEPT)
    return {
        "c4_lines": kept,
        "c4_sentences": per_row(measures[:, 0]),
        "c4_bytes": per_row(measures[:, 1]) + np.maximum(kept - 1, 0),  # joined by LF
        "c4_lines_without_end": per_row(verdict == c4.NO_END),
        "c4_lines_too_short": per_row(verdict == c4.TOO_SHORT),
        "c4_lines_with_long_word": per_row(verdict == c4.LONG_WORD),
        "c4_lines_javascript": per_row(verdict == c4.JAVASCRIPT),
        "c4_lines_policy": per_row(verdict == c4.POLICY),
        "c4_lines_with_lorem_ipsum": per_row(measures[:, 2] == c4.LOREM),
        "c4_lines_with_curly_bracket": per_row(measures[:, 2] == c4.BRACE),
    }


def _null_where(null: np.ndarray, values: np.ndarray | pa.Array) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return pc.if_else(pa.array(~null), array, pa.scalar(None, array.type)) if null.any() else array
