"""One pass over the bytes of a text column: characters, words, lines and paragraphs.

Definitions (`n_` are counts per row):

- A line ends at LF. Its length counts the characters before the LF and a CR before that. A
  line of white space only is blank: it is counted in N_ALL_LINES, is no line otherwise, and
  ends a paragraph. A line's text is the line without white space at its ends.
- A word is as `words.word_hashes` says.
- An ellipsis is a run of three or more full stops, or U+2026.
- A line ends a sentence if its last sign, closing quotation marks and brackets left out, is
  one of `unicode.STOPS`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, U64, at, inlined, inner, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.unicode import (
    BULLET,
    CLOSER,
    DIGIT,
    LETTER,
    NUMBER,
    SPACE,
    STOP,
    UNSPACED,
    UPPER,
    char_at,
    tables,
)
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

LONG_LINE = 200  # characters, mC4 (Xue et al. 2021, arXiv:2010.11934, section 3.1)
SHORT_LINE = 30  # characters, FineWeb (arXiv:2406.17557, section 3.6)
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
FIELDS = (
    "CHARACTERS LETTERS NUMBERS DIGITS UPPERS WORDS WORD_CHARACTERS ALPHABETIC_WORDS "
    "STOP_WORD_BITS UNSPACED_WORDS LONGEST_WORD HASHES BRACES ELLIPSES ALL_LINES "
    "ALL_LINE_CHARACTERS LONGEST_LINE LINES LINE_CHARACTERS BULLET_LINES ELLIPSIS_LINES "
    "ENDED_LINES SHORT_LINES PARAGRAPHS LONG_LINES"
).split()
(
    CHARACTERS, LETTERS, NUMBERS, DIGITS, UPPERS, WORDS, WORD_CHARACTERS, ALPHABETIC_WORDS,
    STOP_WORD_BITS, UNSPACED_WORDS, LONGEST_WORD, HASHES, BRACES, ELLIPSES, ALL_LINES,
    ALL_LINE_CHARACTERS, LONGEST_LINE, LINES, LINE_CHARACTERS, BULLET_LINES, ELLIPSIS_LINES,
    ENDED_LINES, SHORT_LINES, PARAGRAPHS, LONG_LINES,
) = range(len(FIELDS))  # fmt: skip
FLUSH = 1 << 15  # bytes after which the 16-bit lanes are emptied


class Scan(NamedTuple):
    """What one pass finds. Words and lines of all rows lie one after another."""

    data: np.ndarray  # uint8 [n_bytes], the column's buffer
    counts: np.ndarray  # int64 [rows, len(FIELDS)]
    word_hashes: np.ndarray  # uint64 [n_words]
    word_ends: np.ndarray  # int64 [n_words + 1]: characters in all words before
    word_rows: np.ndarray  # int64 [rows + 1]
    line_hashes: np.ndarray  # uint64 [n_lines], of the words of lines that are not blank
    line_spans: np.ndarray  # int64 [n_lines, 2], bytes in data, white space stripped
    line_characters: np.ndarray  # int32 [n_lines]
    line_begins: np.ndarray  # uint8 [n_lines], 1 if the line begins a paragraph
    line_rows: np.ndarray  # int64 [rows + 1]


def scan(column: pa.Array) -> Scan:
    """Scans a string or large_string column; a null row is an empty text."""
    data, rows = buffers(column)
    most = (int(rows[-1] - rows[0]) + 1) // 2 + len(rows)
    counts = np.zeros((len(rows) - 1, len(FIELDS)), np.int64)
    hashes, ends = np.empty(most, np.uint64), np.empty(most + 1, np.int64)
    line_hashes, spans = np.empty(most, np.uint64), np.empty((most, 2), np.int64)
    characters, begins = np.empty(most, np.int32), np.empty(most, np.uint8)
    word_rows, line_rows = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    table = tables()
    _scan(data, rows, table.pages, table.flags, _lanes(), STOP_CODES, counts, hashes, ends,
          word_rows, line_hashes, spans, characters, begins, line_rows)  # fmt: skip
    n, m = word_rows[-1], line_rows[-1]
    return Scan(data, counts, hashes[:n], ends[: n + 1], word_rows, line_hashes[:m], spans[:m],
                characters[:m], begins[:m], line_rows)  # fmt: skip


def _lanes() -> np.ndarray:
    """uint64 [256]: what a plain ASCII byte adds to four 16-bit lanes; 0 for all others.

    Lanes from the lowest: letters, decimal digits, upper-case letters, other signs.
    """
    flags = tables().ascii.astype(np.uint64)
    lanes = np.zeros(256, np.uint64)
    for lane, flag in enumerate((LETTER, DIGIT, UPPER)):
        lanes += ((flags & np.uint64(flag)) != 0).astype(np.uint64) << np.uint64(16 * lane)
    plain = [c for c in range(33, 127) if chr(c) not in ".#{" and lanes[c] == 0]
    lanes[plain] = np.uint64(1) << np.uint64(48)
    return lanes


def _code(word: str) -> int:
    return int.from_bytes(word.encode(), "big")


STOP_CODES = np.array([_code(w) for w in STOP_WORDS], np.uint64)


@inner
def _is_letter(c):
    return 65 <= c <= 90 or 97 <= c <= 122


@inlined
def _stop_word(data, start, stop, n_letters, stop_codes):
    """The bit of the stop word that the bytes are, signs at both ends left out; 0 if none."""
    while start < stop and not _is_letter(data[start]):
        start += 1
    while start < stop and not _is_letter(data[stop - 1]):
        stop -= 1
    if stop - start != n_letters:  # a sign inside, or a letter that is not ASCII
        return np.int64(0)
    code = np.uint64(0)
    for i in range(start, stop):
        code = code << np.uint64(8) | np.uint64(data[i] | 32)
    for k in range(len(stop_codes)):
        if stop_codes[k] == code:
            return np.int64(1) << k
    return np.int64(0)


@inlined
def _word(data, i, stop, pages, flags, lanes, count):
    """Reads the word that begins at byte i, which is not white space.

    Adds the rare signs to `count`. Returns the byte after the word, its hash, and its numbers
    of characters, letters, numerals, decimal digits and upper-case letters.
    """
    h = FNV_BASIS
    characters = letters = numbers = digits = uppers = dots = 0
    unspaced = False
    while i < stop:
        lane, begin = np.uint64(0), i
        limit = i if unspaced else min(stop, i + FLUSH)
        while i < limit:
            byte = at(data, i)
            added = lanes[byte]
            if added == 0:
                break
            lane += added
            h = (h ^ np.uint64(byte)) * FNV_PRIME
            i += 1
        if i > begin:
            characters += i - begin
            letters += np.int64(lane & np.uint64(0xFFFF))
            digits += np.int64(lane >> np.uint64(16) & np.uint64(0xFFFF))
            numbers += np.int64(lane >> np.uint64(16) & np.uint64(0xFFFF))
            uppers += np.int64(lane >> np.uint64(32) & np.uint64(0xFFFF))
            dots = 0
            continue
        c, n, f = char_at(data, i, stop, pages, flags)
        if f & SPACE:
            break
        if f & UNSPACED:
            if letters + numbers > 0:
                break
            unspaced = True
        elif unspaced and f & (LETTER | NUMBER):
            break
        for k in range(i, i + n):
            h = (h ^ np.uint64(data[k])) * FNV_PRIME
        i += n
        characters += 1
        letters += (f & LETTER) != 0
        numbers += (f & NUMBER) != 0
        digits += (f & DIGIT) != 0
        uppers += (f & UPPER) != 0
        dots = dots + 1 if c == 0x2E else 0
        count[ELLIPSES] += dots == 3 or c == 0x2026
        count[HASHES] += c == 0x23
        count[BRACES] += c == 0x7B
    count[UNSPACED_WORDS] += unspaced
    return i, finish(h), characters, letters, numbers, digits, uppers


@inner
def _line_signs(data, start, stop, characters, pages, flags, count):
    """Counts what a line's two ends say: bullet, ellipsis, end of a sentence, shortness."""
    _, _, f = char_at(data, start, stop, pages, flags)
    count[BULLET_LINES] += (f & BULLET) != 0
    count[SHORT_LINES] += characters < SHORT_LINE
    dots = stop - start >= 3 and data[stop - 1] == 46 and data[stop - 2] == 46
    dots = dots and data[stop - 3] == 46
    sign = stop - start >= 3 and data[stop - 3] == 0xE2 and data[stop - 2] == 0x80
    count[ELLIPSIS_LINES] += dots or (sign and data[stop - 1] == 0xA6)
    while stop > start:
        i = stop - 1
        while i > start and (data[i] & 0xC0) == 0x80:
            i -= 1
        _, _, f = char_at(data, i, stop, pages, flags)
        if f & STOP:
            count[ENDED_LINES] += 1
        if f & STOP or not f & CLOSER:
            break
        stop = i


@kernel(nb.void(U8, I64, U16, U16, U64, U64, nb.int64[:, ::1], nb.uint64[::1], nb.int64[::1],
                nb.int64[::1], nb.uint64[::1], nb.int64[:, ::1], nb.int32[::1], nb.uint8[::1],
                nb.int64[::1]))  # fmt: skip
def _scan(data, rows, pages, flags, lanes, stop_codes, counts, hashes, ends, word_rows,
          line_hashes, spans, line_characters, begins, line_rows):  # fmt: skip
    w = l = 0
    ends[0] = 0
    for row in range(len(rows) - 1):
        count = counts[row]
        i, stop = rows[row], rows[row + 1]
        begin = True  # the next line begins a paragraph
        while i < stop:
            length = characters = before = 0  # in the line: all, up to the last word, before it
            start = end = i
            first_word, line_hash, carriage = w, FNV_BASIS, 0
            while i < stop and at(data, i) != 10:
                c, n, f = char_at(data, i, stop, pages, flags)
                if f & SPACE:
                    carriage = c == 13
                    length += 1
                    i += n
                    continue
                if w == first_word:
                    start, before = i, length
                word = i
                i, h, size, letters, numbers, digits, uppers = _word(
                    data, i, stop, pages, flags, lanes, count
                )
                carriage = 0
                length += size
                characters, end = length, i
                line_hash = (line_hash ^ h) * FNV_PRIME
                hashes[w] = h
                ends[w + 1] = ends[w] + size
                w += 1
                count[LETTERS] += letters
                count[NUMBERS] += numbers
                count[DIGITS] += digits
                count[UPPERS] += uppers
                count[ALPHABETIC_WORDS] += letters > 0
                count[LONGEST_WORD] = max(count[LONGEST_WORD], size)
                if 2 <= letters <= 4 and numbers == 0:
                    count[STOP_WORD_BITS] |= _stop_word(data, word, i, letters, stop_codes)
            newline = i < stop
            i += newline
            count[CHARACTERS] += length + newline
            count[ALL_LINES] += 1
            count[LONG_LINES] += length >= LONG_LINE
            count[ALL_LINE_CHARACTERS] += length - carriage
            count[LONGEST_LINE] = max(count[LONGEST_LINE], length - carriage)
            if w == first_word:
                begin = True
                continue
            line_hashes[l], spans[l, 0], spans[l, 1] = finish(line_hash), start, end
            line_characters[l], begins[l] = characters - before, begin
            count[LINES] += 1
            count[PARAGRAPHS] += begin
            count[LINE_CHARACTERS] += characters - before
            _line_signs(data, start, end, characters - before, pages, flags, count)
            l += 1
            begin = False
        count[WORDS] = w - word_rows[row]
        count[WORD_CHARACTERS] = ends[w] - ends[word_rows[row]]
        word_rows[row + 1], line_rows[row + 1] = w, l
