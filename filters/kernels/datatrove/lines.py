"""Lines, paragraphs and whole texts as datatrove's filters see them."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import inlined, inner
from castor.filters.kernels.datatrove.bytes import (
    BRACE,
    BRACKET,
    JAVASCRIPT,
    LONG_WORD,
    LOREM,
    ODD_BREAK,
    POLICY,
    SPACE_AFTER_END,
    code_of,
)
from castor.filters.kernels.datatrove.room import (
    ALL_CHARACTERS,
    ALL_ELLIPSES,
    ALL_HASHES,
    ALL_LETTER_WORDS,
    ALL_TOKENS,
    ALL_WORD_CHARACTERS,
    ALL_WORDS,
    BULLET_LINES,
    C4_LINES,
    ELLIPSIS_LINES,
    ENDED_LINES,
    MIN_WORDS,
    NEWLINES,
    OPEN_LINES,
    SHORT_LINE,
    SHORT_LINES,
    SPLIT_LINES,
    STOP_BITS,
    TEXT_LINES,
)
from castor.filters.kernels.datatrove.tables import BREAK, DIGIT, TERMINAL, load
from castor.filters.kernels.datatrove.words import (
    CHARACTERS,
    CHUNKS,
    ELLIPSES,
    FACTS,
    HASHES,
    LEAD,
    LETTER_WORDS,
    SENTENCES,
    START,
    STOP,
    STOP_WORD_BITS,
    TOKENS,
    TRAIL,
    WORD_CHARACTERS,
    WORDS,
    read_line,
)
from castor.filters.kernels.unicode import decode

LF_LINE, PIECE, UNCITED = range(3)  # what is being read
EDIT, CITATION, NEEDED = map(code_of, ("edit]", "citation", " needed]"))


@inlined
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


@inlined
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


@inlined
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


@inlined
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


@inlined
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


@inlined
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


@inlined
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
        found, after = read_line(text, begin, end, w, room.grams.words, room.grams.ends, table,
                                 scratch, memo, line)  # fmt: skip
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
