"""The line rules of C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2), per line.

A line is kept if, in this order,

1. it ends with `.`, `?`, `!` or `"`, and not with `...`;
2. it has at least 5 words (cut at white space) and none over 1,000 characters;
3. it does not mention javascript;
4. it has none of the phrases of policy notices.

White space at its ends and the citation marks `[12]`, `[]`, `[edit]`, `[citation needed]` are
removed first. Phrases are found in either case of ASCII letters. The paper names rules 1 to 4;
the numbers, the ellipsis, the long words and the order are those of the reference code,
tensorflow_datasets' c4_utils.py. It counts sentences with NLTK's punkt, which we replace by a
rule of our own: a sentence ends at a sign of `unicode.STOPS`, closing quotation marks and
brackets may follow, and then white space or the end of the line; but not at a full stop after
a single letter or after one of ABBREVIATIONS, nor before a word that begins with an ASCII
lower-case letter. A kept line has one at least.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, U16, U64, inlined, inner, kernel
from castor.filters.kernels.scan import Scan
from castor.filters.kernels.unicode import CLOSER, LETTER, SPACE, STOP, TRIGGER, char_at, tables

MIN_WORDS = 5
LONGEST_WORD = 1000  # characters
KEPT, NO_END, TOO_SHORT, LONG_WORD, JAVASCRIPT, POLICY = range(6)  # what a line is
LOREM, BRACE = 1, 2  # what a line holds that drops the page: lorem ipsum, or {
ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "prof", "st", "vs", "jr", "sr", "etc")
# The phrase, and the place in it of a letter that is rare: there the search begins.
PHRASES = (
    ("javascript", 0),
    ("terms of use", 7),
    ("privacy policy", 3),
    ("cookie policy", 3),
    ("uses cookies", 8),
    ("use of cookies", 10),
    ("use cookies", 7),
)
CITATIONS = ("[edit]", "[citation needed]")


def _table(texts: tuple[str, ...]) -> tuple[np.ndarray, int]:
    """The texts as uint8 rows of equal width, padded with zeros, flat; and the width."""
    width = max(map(len, texts)) + 1
    return np.frombuffer(b"".join(t.encode().ljust(width, b"\0") for t in texts), np.uint8), width


LOREM_IPSUM = np.frombuffer(b"lorem ipsum\0", np.uint8)
PHRASE_TABLE, PHRASE_WIDTH = _table(tuple(p for p, _ in PHRASES))
PHRASE_AT = np.array([at for _, at in PHRASES], np.int64)
CITATION_TABLE, CITATION_WIDTH = _table(CITATIONS)
SHORT_FORMS = np.array([int.from_bytes(a.encode(), "big") for a in ABBREVIATIONS], np.uint64)


def lines(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """What C4 does with every line that is not blank.

    Returns:
        verdict: uint8 [n_lines], KEPT or the first rule that removes the line.
        measures: int64 [n_lines, 3]: of kept lines sentences, and bytes without citations; of
            lines that rules 1 and 2 leave, LOREM or BRACE if it is one for which the reference
            code drops the page, else 0.
    """
    n = len(scan.line_spans)
    verdict, measures = np.empty(n, np.uint8), np.zeros((n, 3), np.int64)
    table = tables()
    scratch = np.empty(
        int((scan.line_spans[:, 1] - scan.line_spans[:, 0]).max(initial=0)), np.uint8
    )
    view = scratch.view()
    view.setflags(write=False)
    _lines(scan.data, scan.line_spans.ravel(), table.pages, table.flags, PHRASE_TABLE, PHRASE_AT,
           PHRASE_WIDTH, CITATION_TABLE, CITATION_WIDTH, SHORT_FORMS, scratch, view, verdict,
           measures)  # fmt: skip
    return verdict, measures


@inner
def _starts(data, i, stop, table, k, width):
    """Whether text k of the table stands at byte i, in either case."""
    for j in range(width):
        wanted = table[k * width + j]
        if wanted == 0:
            return True
        if i + j >= stop:
            return False
        c = data[i + j]
        if c != wanted and not (65 <= c <= 90 and c + 32 == wanted):
            return False
    return False


@inner
def _citation(data, i, stop, table, width):
    """The byte after the citation mark at i, where a `[` stands; i if there is none."""
    k = i + 1
    while k < stop and 48 <= data[k] <= 57:
        k += 1
    if k < stop and data[k] == 93:
        return k + 1
    for k in range(len(table) // width):
        same = True
        for j in range(width):
            wanted = table[k * width + j]
            if wanted == 0:
                break
            if i + j >= stop or data[i + j] != wanted:
                same = False
                break
        if same:
            return i + j
    return i


@inner
def _phrase(data, i, start, stop, table, at, width):
    """1 if javascript, 2 if a policy phrase has its rare letter at byte i, else 0."""
    for k in range(len(at)):
        begin = i - at[k]
        if begin >= start and _starts(data, begin, stop, table, k, width):
            return 1 if k == 0 else 2
    return 0


@inner
def _is_abbreviation(letters, n_letters, short_forms):
    """Whether a word of n_letters, its last 8 lower-case ASCII letters packed, is short."""
    if n_letters == 1:
        return True
    found = False
    for k in range(len(short_forms)):
        found |= short_forms[k] == letters
    return found


@inner
def _without_citations(data, start, stop, citations, cited, scratch):
    """Copies the line without its citation marks into scratch; returns its bytes."""
    size, i = 0, start
    while i < stop:
        if data[i] == 0x5B:
            after = _citation(data, i, stop, citations, cited)
            if after > i:
                i = after
                continue
        scratch[size] = data[i]
        size += 1
        i += 1
    return size


@inlined
def _line(data, start, stop, pages, flags, phrases, at, width, short_forms):
    """Verdict, sentences, bytes and LOREM, BRACE or 0 of the line [start, stop) without marks."""
    words = size = characters = sentences = said = tail = 0
    letters, n_letters = np.uint64(0), 0  # of the word being read: for abbreviations
    ending = pending = dot = long_word = lorem = brace = False
    first, i = -1, start
    while i < stop:
        c, n, f = char_at(data, i, stop, pages, flags)
        if f & SPACE:
            pending |= ending
            ending = False
            characters = 0
            i += n
            continue
        if pending:
            sentences += not (dot and 97 <= c <= 122)
            pending = False
        if characters == 0:
            words += 1
            letters, n_letters, tail = np.uint64(0), 0, 0
        characters += 1
        long_word |= characters > LONGEST_WORD
        brace |= c == 0x7B
        if (c == 0x4C or c == 0x6C) and not lorem:
            lorem = _starts(data, i, stop, LOREM_IPSUM, 0, 12)
        if f & TRIGGER:
            said |= _phrase(data, i, start, stop, phrases, at, width)
        if f & STOP:
            short = c == 0x2E and _is_abbreviation(letters, n_letters, short_forms)
            ending, dot = not short, c == 0x2E
        elif not f & CLOSER:
            ending = False
        if f & LETTER:
            letters = letters << np.uint64(8) | np.uint64((c | 32) & 0x7F)
            n_letters += 1 if c < 128 else 9
        else:
            letters, n_letters = np.uint64(0), 0
        tail = (tail << 8 | np.int64(data[i + n - 1])) & 0xFFFFFF
        first = i if first < 0 else first
        i += n
        size = i - first
    sentences += ending or pending
    last = tail & 0xFF
    if tail == 0x2E2E2E or not (last == 0x2E or last == 0x3F or last == 0x21 or last == 0x22):
        return NO_END, 0, 0, 0
    if words < MIN_WORDS:
        return TOO_SHORT, 0, 0, 0
    if long_word:
        return LONG_WORD, 0, 0, 0
    page = LOREM if lorem else BRACE if brace and not said & 1 else 0
    if said:
        return JAVASCRIPT if said & 1 else POLICY, 0, 0, page
    return KEPT, max(sentences, 1), size, page


@kernel(nb.void(U8, I64, U16, U16, U8, I64, nb.int64, U8, nb.int64, U64, nb.uint8[::1], U8,
                nb.uint8[::1], nb.int64[:, ::1]))  # fmt: skip
def _lines(data, spans, pages, flags, phrases, at, width, citations, cited, short_forms, scratch,
           view, verdict, measures):  # fmt: skip
    for k in range(len(verdict)):
        start, stop = spans[2 * k], spans[2 * k + 1]
        last = data[stop - 1]
        if not (last == 0x2E or last == 0x3F or last == 0x21 or last == 0x22 or last == 0x5D):
            verdict[k] = NO_END
            continue
        marked = False
        for i in range(start, stop):
            marked |= data[i] == 0x5B
        text = data
        if marked:
            stop = _without_citations(data, start, stop, citations, cited, scratch)
            text, start = view, np.int64(0)
        found = _line(text, start, stop, pages, flags, phrases, at, width, short_forms)
        verdict[k], measures[k, 0], measures[k, 1], measures[k, 2] = found
