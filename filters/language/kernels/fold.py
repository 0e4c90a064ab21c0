"""Text as the language identifier sees it: folded letters, one sign between words.

A letter of a scored script (see alphabets.py) is a 16-bit code, lower-case,
composed; every run of anything else is one 0. Letters of other scripts are counted, not
written: their script answers by itself. URLs, domains, e-mail addresses and @names leave no
trace, and neither do their letters in the counts.
"""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at, put
from castor.filters.kernels.unicode import decode
from castor.filters.language.kernels.inlined import inlined

# Classes of bytes. A letter is its own lower case; what is at END and above needs a closer look:
# the end of a sentence, the hint of an address, a byte that is no ASCII.
SIGN, SPACE, END, HINT, FAR = 0, 1 << 8, 1 << 9, 1 << 10, 1 << 11
N_COUNTS = 128  # letters by script below GROUPS, by tell-tale from there on
GROUPS = 64
NO_SCRIPT = 255
SKIPPED, COMBINES = np.uint32(1 << 24), np.uint32(1 << 25)
GROUP_SHIFT = np.uint32(26)
SHORTEST, LONGEST = 64, 256  # bytes of a chunk: it ends with a sentence between, or at a space
OVERSHOOT = 64  # bytes that a chunk goes on beyond LONGEST in search of a space
LONGEST_ADDRESS = 4096
N_CODES = LONGEST + OVERSHOOT + 8  # room for the codes of one chunk


def _label(text: str) -> int:
    return int.from_bytes(text.encode(), "big")


# Last labels at which a dotted token is an address even without a slash behind it.
LABELS = tuple(map(_label, "com org net edu gov info html htm php jpg png pdf".split()))


def ascii_classes() -> np.ndarray:
    """uint16 [256]: SIGN, SPACE, END, HINT, FAR or a letter."""
    classes = np.full(256, FAR, np.uint16)
    for byte in range(128):
        char = chr(byte)
        if char.isalpha():
            classes[byte] = ord(char.lower())
        elif char in "\n\r!?":
            classes[byte] = END
        elif char.isspace():
            classes[byte] = SPACE
        elif char in "@:.":
            classes[byte] = HINT
        else:
            classes[byte] = SIGN
    return classes


@inlined
def _is_domain(data, i, stop):
    """Whether the token after the dot before byte i goes on as a domain or a file's name."""
    label, length = np.uint64(0), 0
    stop = min(stop, i + 256)
    while i < stop:
        c = at(data, i)
        if 0x61 <= c <= 0x7A or 0x30 <= c <= 0x39 or c == 0x2D:
            label = label << np.uint64(8) | np.uint64(c)
            length += 1
        elif c == 0x2F:  # a path follows
            return length >= 2
        elif c == 0x2E and length > 0 and i + 1 < stop and 0x61 <= at(data, i + 1) <= 0x7A:
            label, length = np.uint64(0), 0
        else:
            break
        i += 1
    if length < 3 or length > 4:
        return False
    for known in LABELS:  # noqa: SIM110 - Numba knows no any
        if label == np.uint64(known):
            return True
    return False


@inlined
def _is_address(data, i, stop, codes, token, n):
    """Whether the sign at byte i says that the token around it is an address.

    The token's folded letters so far are codes[token:n].
    """
    c = at(data, i)
    if c == 0x40:  # @ before a letter or digit
        d = at(data, i + 1) if i + 1 < stop else np.uint8(0)
        return 0x30 <= d <= 0x39 or 0x41 <= d <= 0x5A or 0x5F <= d <= 0x7A or d >= 0x80
    if c == 0x3A:  # ://
        return i + 2 < stop and at(data, i + 1) == 0x2F and at(data, i + 2) == 0x2F
    if n == token or codes[n - 1] == 0:
        return False
    www = codes[n - 1] == 0x77 and codes[token] == 0x77 and codes[token + 1] == 0x77
    return (n - token == 3 and www) or _is_domain(data, i + 1, stop)


@inlined
def _end_of_address(data, i, stop):
    """Where the address around byte i ends: at a space, a quotation mark or a bracket of HTML."""
    end = min(stop, i + LONGEST_ADDRESS)
    while i < end and at(data, i) > 0x20 and at(data, i) not in (0x22, 0x3C, 0x3E):
        i += 1
    return i


@inlined
def _composed(letter, mark, pairs, composed):
    """The letter that a letter and a mark are together, or 0."""
    pair = np.uint32(letter) << np.uint32(16) | np.uint32(mark)
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle] < pair:
            low = middle + 1
        else:
            high = middle
    found = low < len(pairs) and pairs[low] == pair
    return composed[low] if found else np.uint16(0)


@inlined
def _write(codes, scripts, n, code, before, script):
    """Writes a code behind n others; a 0 behind a 0 is written over by the next one."""
    put(codes, n, code)
    put(scripts, n, script)
    return n + np.int64((code | before) != 0)


@inlined
def fold(data, i, stop, classes, pages, entries, pairs, composed, codes, scripts, letters):
    """Folds the chunk of a text that begins at byte i and ends before stop at the latest.

    Args:
        classes: see `ascii_classes`; pages to composed: see alphabets.Alphabets.
        codes, scripts: uint16 and uint8 [N_CODES]; receive each letter's code, 0 between
            words (first and last too), and its scored script, which a 0 keeps from before.
        letters: int64 [N_COUNTS]; counts are added.

    Returns:
        The byte that the next chunk begins at, and how many codes were written.
    """
    first, n = i, 1
    codes[0], scripts[0] = 0, 0
    before, script = np.uint16(0), np.uint8(0)  # the last code, and the script it is in
    token, count, latin, sentence = n, letters[0], letters[0], -1
    bound, short, long = min(stop, first + LONGEST + OVERSHOOT), first + SHORTEST, first + LONGEST
    while i < bound:
        byte = at(data, i)
        c = at(classes, byte)
        if c < END:  # a letter, a sign or a space, written without a branch
            code = np.uint16(c & 0xFF)
            script = np.uint8(0) if code != 0 else script
            n = _write(codes, scripts, n, code, before, script)
            count += np.int64(code != 0)
            before = code
            i += 1
            space = c == SPACE
            token = n if space else token
            latin = count if space else latin
            if space & ((i >= long) | ((sentence == n) & (i >= short))):
                break
            continue
        if c != FAR:
            if c == HINT and _is_address(data, i, stop, codes, token, n):
                n, count, i = token, latin, _end_of_address(data, i, stop)
                before, script = at(codes, n - 1), at(scripts, n - 1)
                continue
            i += 1
            n = _write(codes, scripts, n, np.uint16(0), before, script)
            before = np.uint16(0)
            if c == END or byte == 0x2E:
                sentence = n
            if byte == 0x0A:
                token, latin = n, count
                if i >= short:
                    break
            continue
        cp, length = decode(data, i, stop)
        i += length
        entry = at(entries, np.int64(at(pages, cp >> 8)) << 8 | (cp & 255))
        code = np.uint16(entry & np.uint32(0xFFFF))
        if entry >= SKIPPED:
            if entry & SKIPPED:
                continue
            if entry & COMBINES and before != 0:
                both = _composed(before, code, pairs, composed)
                if both != 0:
                    put(codes, n - 1, both)
                    before = both
                    continue
            letters[GROUPS + np.int64(entry >> GROUP_SHIFT)] += 1
        kind = np.uint8((entry >> np.uint32(16)) & np.uint32(255))
        if kind == 0:
            count += 1
        elif kind != NO_SCRIPT:
            letters[kind] += 1
        script = kind if code != 0 and kind != NO_SCRIPT else script
        n = _write(codes, scripts, n, code, before, script)
        before = code
        if cp == 0xA0 or cp == 0x3000:
            token, latin = n, count
        if code == 0 and i >= long:
            break
    letters[0] = count
    if before != 0:
        codes[n], scripts[n] = 0, script
        n += 1
    return i, n
