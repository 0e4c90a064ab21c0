"""Unicode properties as flat arrays, and the UTF-8 decoder of the kernels.

The properties are a two-stage table: `FLAGS[PAGES[cp >> 8] << 8 | cp & 255]`; page 0 is
stored first, so `FLAGS[byte]` answers for ASCII. They ship as filters/data/unicode.npz
(Unicode 14.0, written by `python -m castor.filters.kernels.unicode`) and are not built from
the running Python's own database, which changes with the version of Python: the same text
must give the same signals everywhere.
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at

SPACE = 1  # what str.split splits at: White_Space and the separators U+001C to U+001F
LETTER = 2  # general category L*, as str.isalpha
MARK = 4  # general category M*
DIGIT = 8  # general category Nd
NUMBER = 16  # general category N*; LETTER | NUMBER is "alphanumeric"
UPPER = 32  # general category Lu or Lt
UNSPACED = 64  # letters of scripts that do not separate words by spaces, see `is_unspaced`
BULLET = 128  # signs that open an item of a list
STOP = 256  # signs that end a sentence
CLOSER = 512  # closing quotation marks and brackets, which may follow the end of a sentence
TRIGGER = 1024  # ASCII letters at which the boilerplate phrases of C4 are looked for

BULLETS = "•‣⁃◦●○▪▫■□·*-"
STOPS = ".!?…։؟۔।॥။።។᠃᠉‼‽⁇⁈⁉。．！？｡"
QUOTES = "\"'“‘”’«»"
UNSPACED_NAMES = (
    "CJK UNIFIED IDEOGRAPH",
    "CJK COMPATIBILITY IDEOGRAPH",
    "HIRAGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "IDEOGRAPHIC",
    "THAI CHARACTER",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
)
INVALID = 0xFFFD  # stands for every byte that is not UTF-8
LAST = 0x10FFFF


class Tables(NamedTuple):
    """Arrays that the kernels take: two-stage flags, and two-stage simple case folding."""

    pages: np.ndarray  # uint16 [4352]
    flags: np.ndarray  # uint16 [n_pages * 256]
    ascii: np.ndarray  # uint16 [256]: flags of a byte that is ASCII, 0 of any other
    fold_pages: np.ndarray  # uint16 [4352]
    folds: np.ndarray  # int32 [n_pages * 256]: folded code point minus code point


@functools.cache
def tables() -> Tables:
    """The tables that ship with Castor."""
    file = importlib.resources.files("castor.filters") / "data" / "unicode.npz"
    with file.open("rb") as stream, np.load(stream) as arrays:
        found = Tables(*(arrays[name] for name in Tables._fields))
    for array in found:
        array.setflags(write=False)
    return found


@nb.njit(nogil=True, _nrt=False)
def decode(data: np.ndarray, i: int, stop: int) -> tuple[int, int]:
    """The code point at byte i and its length in bytes; a wrong byte is (0xFFFD, 1)."""
    c = np.int64(data[i])
    if c < 0x80:
        return c, 1
    if 0xC2 <= c < 0xE0 and i + 1 < stop and (data[i + 1] & 0xC0) == 0x80:
        return (c & 0x1F) << 6 | np.int64(data[i + 1] & 0x3F), 2
    if 0xE0 <= c < 0xF0 and i + 2 < stop:
        d, e = np.int64(data[i + 1]), np.int64(data[i + 2])
        cp = (c & 0x0F) << 12 | (d & 0x3F) << 6 | (e & 0x3F)
        if (d & 0xC0) == 0x80 and (e & 0xC0) == 0x80 and cp >= 0x800 and cp >> 11 != 0x1B:
            return cp, 3
    if 0xF0 <= c < 0xF5 and i + 3 < stop:
        d, e, f = np.int64(data[i + 1]), np.int64(data[i + 2]), np.int64(data[i + 3])
        cp = (c & 0x07) << 18 | (d & 0x3F) << 12 | (e & 0x3F) << 6 | (f & 0x3F)
        following = (d & 0xC0) == 0x80 and (e & 0xC0) == 0x80 and (f & 0xC0) == 0x80
        if following and 0x10000 <= cp <= 0x10FFFF:
            return cp, 4
    return np.int64(INVALID), 1


@nb.njit(nogil=True, _nrt=False)
def flags_of(cp: int, pages: np.ndarray, flags: np.ndarray) -> int:
    """The properties of a code point."""
    return np.int64(flags[np.int64(pages[cp >> 8]) << 8 | (cp & 255)])


@nb.njit(nogil=True, _nrt=False)
def char_at(data: np.ndarray, i: int, stop: int, pages: np.ndarray, flags: np.ndarray) -> tuple:
    """Code point, length in bytes and properties of the character at byte i."""
    byte = at(data, i)
    if byte < 0x80:
        return np.int64(byte), 1, np.int64(flags[byte])
    c, n = decode(data, i, stop)
    return c, n, flags_of(c, pages, flags)


def is_unspaced(char: str) -> bool:
    """Whether a letter belongs to a script that does not put spaces between words.

    These are Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar, by the character's
    name. Each such letter, with the marks that follow it, is a word of its own here.
    """
    import unicodedata

    name = unicodedata.name(char, "")
    is_letter = unicodedata.category(char)[0] == "L" or char == "〇"
    return is_letter and name.startswith(UNSPACED_NAMES)


def properties(char: str) -> int:
    """The flags of one character from the running Python's Unicode database."""
    import unicodedata

    category = unicodedata.category(char)
    tests = {
        SPACE: char.isspace(),
        LETTER: category[0] == "L",
        MARK: category[0] == "M",
        DIGIT: category == "Nd",
        NUMBER: category[0] == "N",
        UPPER: category in ("Lu", "Lt"),
        UNSPACED: is_unspaced(char),
        BULLET: char in BULLETS,
        STOP: char in STOPS,
        CLOSER: category in ("Pe", "Pf") or char in QUOTES,
        TRIGGER: char in "jkvfJKVF",
    }
    return sum(flag for flag, true in tests.items() if true)


def fold(char: str) -> str:
    """Simple case folding: one character to one character."""
    return next((c for c in (char.casefold(), char.lower()) if len(c) == 1), char)


def build() -> Tables:
    """The tables of the running Python's Unicode database."""
    points = [chr(cp) for cp in range(LAST + 1)]
    pages, flags = _two_stage(np.array([properties(c) for c in points], np.uint16))
    deltas = [ord(fold(c)) - cp for cp, c in enumerate(points)]
    fold_pages, folds = _two_stage(np.array(deltas, np.int32))
    ascii_flags = np.where(np.arange(256) < 128, flags[:256], 0).astype(np.uint16)
    return Tables(pages, flags, ascii_flags, fold_pages, folds)


def _two_stage(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = values.reshape(-1, 256)
    seen: dict[bytes, int] = {}
    pages = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], np.uint16)
    unique = np.concatenate([np.frombuffer(row, values.dtype) for row in seen])
    return pages, unique


def main() -> None:
    """Writes filters/data/unicode.npz, where this file lies in a checkout."""
    import pathlib

    path = pathlib.Path(__file__).parent.parent / "data" / "unicode.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **build()._asdict())


if __name__ == "__main__":
    main()
