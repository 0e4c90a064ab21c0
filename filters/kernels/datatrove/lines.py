"""Lines, paragraphs and whole texts as datatrove's filters see them."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import U8, inner
from castor.filters.kernels.datatrove.tables import BREAK, DIGIT, K0, K1, TERMINAL, load
from castor.filters.kernels.datatrove.words import (
    BASIS,
    BRACE,
    BRACKET,
    CHARACTERS,
    CHUNKS,
    ELLIPSES,
    FACTS,
    HASHES,
    JAVASCRIPT,
    LEAD,
    LETTER_WORDS,
    LONG_WORD,
    LOREM,
    ODD_BREAK,
    POLICY,
    SENTENCES,
    SPACE_AFTER_END,
    START,
    STEP,
    STOP,
    STOP_WORD_BITS,
    TOKENS,
    TRAIL,
    WORD_CHARACTERS,
    WORDS,
    code_of,
    read_line,
)
from castor.filters.kernels.ngrams import bits_of, first_place, longer, most_frequent, pairs
from castor.filters.kernels.unicode import decode

LF_LINE, PIECE, UNCITED = range(3)  # what is being read
SHORT_LINE = 30  # characters, FineWeb; datatrove takes lines of exactly 30 for short too
MIN_WORDS = 3  # of a line, C4 in datatrove
EDIT, CITATION, NEEDED = map(code_of, ("edit]", "citation", " needed]"))
FIELDS = (
    "CHARACTERS TOKENS WORDS WORD_CHARACTERS LETTER_WORDS STOP_WORD_BITS HASHES ELLIPSES "
    "SPLIT_LINES BULLET_LINES ELLIPSIS_LINES LINES DUPLICATE_LINES DUPLICATE_LINE_CHARACTERS "
    "PARAGRAPHS DUPLICATE_PARAGRAPHS DUPLICATE_PARAGRAPH_CHARACTERS NEWLINES TEXT_LINES "
    "ENDED_LINES SHORT_LINES DUPLICATE_TEXT_CHARACTERS C4_LINES C4_SENTENCES C4_LOREM C4_BRACE "
    "OPEN_LINES OPEN_SENTENCES OPEN_LOREM OPEN_BRACE OPEN_TOKENS OPEN_CHARACTERS OPEN_NEWLINES "
    "OPEN_TEXT_LINES OPEN_ENDED_LINES OPEN_SHORT_LINES OPEN_DUPLICATE_CHARACTERS NGRAMS"
).split()
(
    ALL_CHARACTERS, ALL_TOKENS, ALL_WORDS, ALL_WORD_CHARACTERS, ALL_LETTER_WORDS, STOP_BITS,
    ALL_HASHES, ALL_ELLIPSES, SPLIT_LINES, BULLET_LINES, ELLIPSIS_LINES, LINES, DUPLICATE_LINES,
    DUPLICATE_LINE_CHARACTERS, PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    NEWLINES, TEXT_LINES, ENDED_LINES, SHORT_LINES, DUPLICATE_TEXT_CHARACTERS, C4_LINES,
    C4_SENTENCES, C4_LOREM, C4_BRACE, OPEN_LINES, OPEN_SENTENCES, OPEN_LOREM, OPEN_BRACE,
    OPEN_TOKENS, OPEN_CHARACTERS, OPEN_NEWLINES, OPEN_TEXT_LINES, OPEN_ENDED_LINES,
    OPEN_SHORT_LINES, OPEN_DUPLICATE_CHARACTERS, NGRAMS,
) = range(len(FIELDS))  # fmt: skip
SHORTEST, TOP, LONGEST_GRAM = 2, 4, 10
WIDTH = len(FIELDS) + LONGEST_GRAM - SHORTEST  # the last of FIELDS begins nine columns


class Room(NamedTuple):
    """Room for one row: its tokens, its lines, what C4 leaves of them, and tables."""

    words: np.ndarray  # uint64 [n], hash of each token
    ends: np.ndarray  # int64 [n + 1], characters in all tokens before
    line_hash: np.ndarray  # uint64 [n, 3], of each line: its text, white space before and after
    line_size: np.ndarray  # int64 [n, 3], characters: all, of white space before, and after
    kept_hash: np.ndarray  # uint64 [n, 3], the same of what C4 leaves
    kept_size: np.ndarray  # int64 [n, 5], the same, its tokens, and whether it ends a sentence
    uncited: np.ndarray  # uint8 [n], a line without its citation marks
    uncited_read: np.ndarray  # the same memory, read only
    table: np.ndarray  # uint64 [4 * 2^k]
    seen: np.ndarray  # uint8 [4 * 2^k]
    first: np.ndarray  # int64 [n + 1]
    counts: np.ndarray  # int64 [n + 1]
    places: np.ndarray  # int64 [n + 1]


_u64, _i64 = nb.uint64[::1], nb.int64[::1]
ROOM = nb.types.NamedTuple(
    (_u64, _i64, nb.uint64[:, ::1], nb.int64[:, ::1], nb.uint64[:, ::1], nb.int64[:, ::1],
     nb.uint8[::1], U8, _u64, nb.uint8[::1], _i64, _i64, _i64), Room
)  # fmt: skip


def room(longest: int) -> Room:
    """Room for rows of that many bytes; memory is taken only where it is written."""
    n = longest + 2
    slots = 4 << n.bit_length()
    uncited = np.empty(n, np.uint8)
    uncited_read = uncited.view()
    uncited_read.setflags(write=False)
    return Room(
        np.empty(n, np.uint64), np.zeros(n + 1, np.int64), np.empty((n, 3), np.uint64),
        np.empty((n, 3), np.int64), np.empty((n, 3), np.uint64), np.empty((n, 5), np.int64),
        uncited, uncited_read, np.zeros(slots, np.uint64), np.empty(slots, np.uint8),
        np.empty(n + 1, np.int64), np.empty(n + 1, np.int64), np.empty(n + 1, np.int64),
    )  # fmt: skip


@inner
def _class_before(data, begin, i, table):
    """The classes of the character that ends at byte i; 0 at the beginning."""
    if i <= begin:
        return np.int64(0)
    k = i - 1
    while k > begin and (data[k] & 0xC0) == 0x80:
        k -= 1
    c, _ = decode(data, k, i)
    return np.int64(table.flags[np.int64(table.pages[c >> 8]) << 8 | (c & 255)])


@inner
def _is_three(data, i, first, second, third):
    """Whether the three bytes stand at byte i."""
    return data[i] == first and data[i + 1] == second and data[i + 2] == third


@inner
def _ends_with_dots(data, start, stop):
    return stop - start >= 3 and _is_three(data, stop - 3, 0x2E, 0x2E, 0x2E)


@inner
def _citation(data, i, stop, table):
    """The byte after the citation mark whose `[` stands at byte i; i if there is none."""
    k = i + 1
    while k < stop:
        c, n = decode(data, k, stop)
        if not table.flags[np.int64(table.pages[c >> 8]) << 8 | (c & 255)] & DIGIT:
            break
        k += n
    if k < stop and data[k] == 0x5D:
        return k + 1
    if i + 6 <= stop and load(data, i + 1, 5) == EDIT:
        return i + 6
    whole = i + 17 <= stop and load(data, i + 1, 8) == CITATION
    if whole and load(data, i + 9, 8) == NEEDED:
        return i + 17
    return i


@inner
def _without_citations(data, start, stop, table, copy):
    """Copies the line without its citation marks; returns its bytes."""
    size, i = 0, start
    while i < stop:
        after = _citation(data, i, stop, table) if data[i] == 0x5B else i
        if after > i:
            i = after
            continue
        copy[size] = data[i]
        size += 1
        i += 1
    return size


@inner
def _judge(facts, sentences, row, at):
    """What C4 makes of a line that has its words; `at` is the column of its lines in the row.

    Returns whether the line stays. The filter stops at the first line that drops the page.
    """
    if row[at + 2] or row[at + 3]:
        return False
    if facts & LOREM:
        row[at + 2] = 1
        return False
    if facts & JAVASCRIPT:
        return False
    if facts & BRACE:
        row[at + 3] = 1
        return False
    if facts & POLICY:
        return False
    row[at] += 1
    row[at + 1] += sentences
    return True


@inner
def _c4(data, line, whole, table, room, row, n_kept):
    """Judges the line that was read from data; returns the new number of lines that stay.

    `whole`: it is as it stands in the text, and C4 takes the white space at its ends away; else
    it is what is left without citation marks, and keeps that.
    """
    fact = line.fact
    facts, start, stop = fact[FACTS], fact[START], fact[STOP]
    lead, trail, size = fact[LEAD], fact[TRAIL], fact[CHARACTERS]
    if whole:
        size -= lead + trail
        lead = trail = np.int64(0)
    sentences = fact[SENTENCES] + (trail > 0 and facts & SPACE_AFTER_END != 0)
    if stop > start and trail == 0:
        last = data[stop - 1]
        mark = last == 0x2E or last == 0x3F or last == 0x21 or last == 0x22 or last == 0x27
        if mark and not _ends_with_dots(data, start, stop):
            _judge(facts, sentences, row, C4_LINES)
    if not _judge(facts, sentences, row, OPEN_LINES):
        return n_kept
    kept, parts = room.kept_size[n_kept], room.kept_hash[n_kept]
    kept[0], kept[1], kept[2], kept[3] = size, lead, trail if stop > start else -1, fact[TOKENS]
    kept[4] = _class_before(data, start, stop, table) & TERMINAL != 0
    parts[0] = line.hash[0]
    parts[1] = line.hash[1] if lead else np.uint64(0)
    parts[2] = line.hash[2] if trail else np.uint64(0)
    return n_kept + 1


@inner
def _count_line(data, line, row):
    """Counts a line of `str.splitlines`."""
    start, stop = line.fact[START], line.fact[STOP]
    row[SPLIT_LINES] += 1
    if stop > start:
        bullet = data[start] == 0x2D
        if stop - start >= 3:
            bullet = bullet or _is_three(data, start, 0xE2, 0x80, 0xA2)
            dots = _is_three(data, stop - 3, 0x2E, 0x2E, 0x2E)
            row[ELLIPSIS_LINES] += dots or _is_three(data, stop - 3, 0xE2, 0x80, 0xA6)
        row[BULLET_LINES] += bullet


@inner
def _segment(data, i, e, stop, table):
    """The end of the piece from byte i on of the line that ends at e, and where the next begins.

    Pieces are what `str.splitlines` cuts; the next begins at -1 if there is none.
    """
    k = i
    while k < e:
        c, n = decode(data, k, e)
        if table.flags[np.int64(table.pages[c >> 8]) << 8 | (c & 255)] & BREAK:
            last = c == 13 and k + 1 == e and e < stop  # CR LF is one break
            last = last or (k + n == e and e == stop)
            return k, np.int64(-1) if last else np.int64(k + n)
        k += n
    return e, np.int64(-1)


@inner
def _add_line(data, line, newline, table, room, n_lines, row):
    """Counts a line that was cut at LF."""
    fact, size = line.fact, line.fact[CHARACTERS]
    for k in range(3):
        room.line_hash[n_lines, k] = line.hash[k]
    room.line_size[n_lines, 0], room.line_size[n_lines, 1] = size, fact[LEAD]
    room.line_size[n_lines, 2] = fact[TRAIL] if fact[CHUNKS] else -1
    row[NEWLINES] += newline
    row[ALL_CHARACTERS] += size + newline
    row[ALL_TOKENS] += fact[TOKENS]
    row[ALL_WORDS] += fact[WORDS]
    row[ALL_WORD_CHARACTERS] += fact[WORD_CHARACTERS]
    row[ALL_LETTER_WORDS] += fact[LETTER_WORDS]
    row[STOP_BITS] |= fact[STOP_WORD_BITS]
    row[ALL_HASHES] += fact[HASHES]
    row[ALL_ELLIPSES] += fact[ELLIPSES]
    if fact[CHUNKS]:
        row[TEXT_LINES] += 1
        row[SHORT_LINES] += size <= SHORT_LINE
        ended = _class_before(data, fact[START], fact[STOP], table) & TERMINAL != 0
        row[ENDED_LINES] += ended and fact[TRAIL] == 0


@inner
def read_row(data, i, stop, table, scratch, memo, room, line, row):
    """Reads one text; returns its tokens, its lines and what C4 leaves of those.

    A line with more line breaks than LF is read again piece by piece, one with citation marks
    again without them: `mode` says what is being read, in one loop, so that the reader is
    compiled once.
    """
    w = n_lines = n_kept = 0
    mode = back = LF_LINE
    text, begin, end, e, following = data, i, stop, i, np.int64(-1)
    while mode != LF_LINE or i < stop:
        if mode == LF_LINE:
            begin, end = i, stop
        found, after = read_line(text, begin, end, w, room.words, room.ends, table, scratch, memo,
                                 line)  # fmt: skip
        fact = line.fact
        if mode == LF_LINE:
            e, w = found, after
            _add_line(data, line, e < stop, table, room, n_lines, row)
            n_lines += 1
            if fact[FACTS] & ODD_BREAK:
                mode, begin = PIECE, i
                end, following = _segment(data, begin, e, stop, table)
                i = e + 1
                continue
            i = e + 1
        judged = fact[CHUNKS] >= MIN_WORDS and fact[FACTS] & LONG_WORD == 0
        if mode == UNCITED:
            n_kept = _c4(text, line, False, table, room, row, n_kept)
            mode, text = back, data
        else:
            if mode == PIECE or e < stop or fact[CHARACTERS]:
                _count_line(data, line, row)
            left = fact[STOP] - fact[START]
            if judged and fact[FACTS] & BRACKET:
                left = _without_citations(data, fact[START], fact[STOP], table, room.uncited)
            if left < fact[STOP] - fact[START]:
                back, mode, text, begin, end = mode, UNCITED, room.uncited_read, 0, left
                continue
            if judged:
                n_kept = _c4(data, line, True, table, room, row, n_kept)
        if mode == PIECE and following >= 0:
            begin = following
            end, following = _segment(data, begin, e, stop, table)
        else:
            mode = LF_LINE
    return w, n_lines, n_kept


@inner
def _whole(parts, lead, trail):
    """The hash of a line with or without the white space at its ends."""
    h = parts[0]
    h ^= parts[1] * K1 if lead else np.uint64(0)
    return h ^ (parts[2] * K0 if trail else np.uint64(0))


@inner
def repeated_lines(data, i, stop, room, n, base, row):
    """Lines that were there before, as strings; `base` as in `ngrams.first_place`."""
    bits = bits_of(n)
    for k in range(n):
        size = room.line_size[k, 0]
        if size == 0:
            continue
        row[LINES] += 1
        key = _whole(room.line_hash[k], True, True)
        if first_place(room.table, bits, base, key, k) != k:
            row[DUPLICATE_LINES] += 1
            row[DUPLICATE_LINE_CHARACTERS] += size
            row[DUPLICATE_TEXT_CHARACTERS] += size if room.line_size[k, 2] >= 0 else 0
    both = 0
    if stop > i:
        both = (data[i] == 10) + (data[stop - 1] == 10)
    row[LINES] += both
    row[DUPLICATE_LINES] += both == 2


@inner
def _ends_of(sizes, n):
    """The first and the last of n lines that are not blank; (n, -1) if all are."""
    a, b = 0, n - 1
    while a < n and sizes[a, 2] < 0:
        a += 1
    while b >= a and sizes[b, 2] < 0:
        b -= 1
    return (a, b) if a < n else (n, -1)


@inner
def repeated_paragraphs(room, n, base, row):
    """Paragraphs of the text without white space at its ends that were there before."""
    bits = bits_of(n)
    a, b = _ends_of(room.line_size, n)
    row[PARAGRAPHS] = 1 if b < 0 else 0
    h, size, open_ = BASIS, np.int64(0), False
    for k in range(a, b + 2):
        if k <= b and room.line_size[k, 0] > 0:
            h = (h ^ _whole(room.line_hash[k], k > a, k < b)) * STEP
            h ^= h >> np.uint64(31)
            size += room.line_size[k, 0] + open_
            size -= room.line_size[k, 1] if k == a else 0
            size -= room.line_size[k, 2] if k == b else 0
            open_ = True
        elif open_:
            row[PARAGRAPHS] += 1
            if first_place(room.table, bits, base, h, k) != k:
                row[DUPLICATE_PARAGRAPHS] += 1
                row[DUPLICATE_PARAGRAPH_CHARACTERS] += size
            h, size, open_ = BASIS, np.int64(0), False


@inner
def left_lines(room, n, base, row):
    """FineWeb's counts in what C4 leaves: a text without white space at its ends."""
    bits = bits_of(n)
    a, b = _ends_of(room.kept_size, n)
    for k in range(a, b + 1):
        kept = room.kept_size[k]
        size = kept[0] - (kept[1] if k == a else 0) - (kept[2] if k == b else 0)
        row[OPEN_CHARACTERS] += size
        row[OPEN_NEWLINES] += k > a
        if kept[2] < 0:
            continue
        row[OPEN_TOKENS] += kept[3]
        row[OPEN_TEXT_LINES] += 1
        row[OPEN_ENDED_LINES] += kept[4] != 0 and (kept[2] == 0 or k == b)
        row[OPEN_SHORT_LINES] += size <= SHORT_LINE
        if first_place(room.table, bits, base, _whole(room.kept_hash[k], k > a, k < b), k) != k:
            row[OPEN_DUPLICATE_CHARACTERS] += size


@inner
def _greedy(room, m, size, level):
    """Characters in size-grams that were met before, each cut out as it is met."""
    total, until = np.int64(0), np.int64(0)
    for k in range(m):
        i = room.places[k]
        if i < until:
            continue
        f = room.first[i]
        if room.counts[f] == -level:
            total += room.ends[i + size] - room.ends[i]
            until = i + size
        else:
            room.counts[f] = -level
    return total


@inner
def repeated_grams(room, n, base, row):
    """Fills the n-gram columns; returns the new base of the table."""
    m = pairs(room.words, 0, n, room.table, base, room.seen, room.first, room.counts, room.places)
    for size in range(SHORTEST, LONGEST_GRAM + 1):
        if size > SHORTEST and m:
            base += np.uint64(n)
            m = longer(room.words, 0, n, size, room.table, base, room.first, room.counts,
                       room.places, m)  # fmt: skip
        found = np.int64(0)
        if size <= TOP:
            f = most_frequent(room.first, room.counts, room.places, m) if m else 0
            if n >= size:
                found = room.ends[f + size] - room.ends[f] + size - 1
                found *= room.counts[f] if m else 1
        elif m:
            found = _greedy(room, m, size, size)
        row[NGRAMS + size - SHORTEST] = found
    return base + np.uint64(n)
