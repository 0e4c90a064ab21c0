"""Writes filters/data/english.npz: what datatrove's word tokenizer, spaCy's English, goes by.

    .venv-peers/bin/python -P tests/bench/peers/english_tables.py

For every code point the classes that the rules ask for, found by asking spaCy's own compiled
patterns; and the strings that have a tokenization of their own, with the bytes of their
tokens. What the columns mean is told in filters/kernels/datatrove/tables.py, which reads them.
"""

import pathlib
import re
import unicodedata

import numpy as np
import spacy
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
from spacy.lang import char_classes as cc
from spacy.lang.char_classes import ALPHA, ALPHA_LOWER, ALPHA_UPPER, CONCAT_QUOTES, PUNCT

NLP = spacy.blank("en")
WORDS = NLP.tokenizer
SENTENCES = NLP.add_pipe("sentencizer")
FILE = pathlib.Path(__file__).parents[3] / "filters" / "data" / "english.npz"


def one(pattern: str):
    """A test of one character by a character class."""
    return lambda c, match=re.compile(f"[{pattern}]").match: match(c) is not None


# in the order of the constants of filters/kernels/datatrove/tables.py
CLASSES = [
    str.isspace,
    lambda c: len(f"a{c}a".splitlines()) > 1,
    lambda c: WORDS.find_prefix(c + "a") == 1,
    lambda c: WORDS.find_suffix(c) == 1,
    lambda c: len(WORDS.find_infix(c)) > 0,
    one(ALPHA),
    one(ALPHA_LOWER + CONCAT_QUOTES),
    one(ALPHA_UPPER + CONCAT_QUOTES),
    one(ALPHA_LOWER),
    one(ALPHA_UPPER),
    one(rf"0-9{ALPHA_LOWER}%²\-\+{PUNCT}(?:{CONCAT_QUOTES})"),
    lambda c: c in PUNCTUATION_SET,
    str.isalpha,
    lambda c: c in TERMINAL_PUNCTUATION,
    lambda c: c in SENTENCES.punct_chars,
    lambda c: unicodedata.category(c).startswith("P"),
    one(r"\w"),
    one(r"\d"),
]


def classes() -> tuple[np.ndarray, np.ndarray]:
    """Two-stage table of the classes: uint16 [4352] and uint32 [n_pages * 256]."""
    values = np.zeros(0x110000, np.uint32)
    for point in range(0x110000):
        if not 0xD800 <= point < 0xE000:
            c = chr(point)
            values[point] = sum(1 << k for k, test in enumerate(CLASSES) if test(c))
    seen: dict[bytes, int] = {}
    pages = [seen.setdefault(row.tobytes(), len(seen)) for row in values.reshape(-1, 256)]
    return np.array(pages, np.uint16), np.frombuffer(b"".join(seen), np.uint32)


def starts(tokens: list[str]) -> int:
    """A bit for every byte at which a token begins."""
    found, at = 0, 0
    for token in tokens:
        found |= 1 << at
        at += len(token.encode())
    return found


def strings() -> dict[str, tuple[int, int]]:
    """text -> where its tokens begin, and where they begin by rules alone where that is met
    inside of longer chunks and mended afterwards (0 where it is not)."""
    bare = spacy.blank("en").tokenizer
    bare.rules = {}
    found = {}
    for text in sorted(WORDS.rules):
        if text.isspace():
            continue
        affixed = WORDS.find_prefix(text) or WORDS.find_infix(text) or WORDS.find_suffix(text)
        mended = starts([t.text for t in bare(text)]) if affixed else 0
        found[text] = (starts([t.text for t in WORDS(text)]), mended)
    return found


def after_digits() -> list[str]:
    """The suffixes that are cut off after an ASCII digit only."""
    pieces = [*cc.LIST_UNITS, *(c.replace("\\", "") for c in cc.LIST_CURRENCY), "+"]
    found = sorted({p for p in pieces if WORDS.find_suffix("5" + p) == len(p)})
    assert len(found) > 100
    assert all(not re.search("[0-9]", p) for p in found)
    return found


def main() -> None:
    """Writes the file; prints what is in it."""
    pages, flags = classes()
    own = strings()
    units = after_digits()
    texts = [t.encode() for t in [*own, *units]]
    np.savez_compressed(
        FILE,
        pages=pages,
        flags=flags,
        texts=np.frombuffer(b"".join(texts), np.uint8),
        ends=np.cumsum([len(t) for t in texts]).astype(np.int64),
        starts=np.array([s for s, _ in own.values()] + [0] * len(units), np.uint64),
        mended=np.array([m for _, m in own.values()] + [0] * len(units), np.uint64),
        n_own=np.array([len(own)]),
    )
    print(len(own), "strings,", len(units), "units,", len(flags) // 256, "pages,", FILE.stat())


if __name__ == "__main__":
    main()
