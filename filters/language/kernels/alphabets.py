"""What a code point is to the identifier: its folded letter, its script, its tell-tale language.

The tables are made once, when a model is trained, from the running Python's Unicode database,
and travel inside the model's file: the same text gives the same answer under any Python.

Four scripts are *scored*: so many languages share them that only the letters' company tells
which. Every other script answers by itself with the language that uses it most. Within a
script, letters that one language alone uses (`TELL_TALES`) answer for languages that the model
was not trained on, as ҳ does for Tajik.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

SCORED = ("LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI")
HAN, KANA, HANGUL = 4, 5, 6  # the decision knows these three by number
# Script, as the names of its letters begin, and the language that it answers with.
ANSWERS: Mapping[str, str] = {
    "HAN": "zh",
    "KANA": "ja",
    "HANGUL": "ko",
    "GREEK": "el",
    "HEBREW": "he",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "ORIYA": "or",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "TIBETAN": "bo",
    "ETHIOPIC": "am",
    "THAANA": "dv",
    "CHEROKEE": "chr",
    "CANADIAN": "iu",
    "COPTIC": "cop",
    "SYRIAC": "syr",
    "NKO": "nqo",
    "TIFINAGH": "zgh",
    "YI": "ii",
    "OL": "sat",
    "MEETEI": "mni",
    "VAI": "vai",
    "GOTHIC": "got",
    "MONGOLIAN": "mn",
    "ADLAM": "ff",
    "JAVANESE": "jv",
    "BALINESE": "ban",
    "SUNDANESE": "su",
}
SCRIPTS = (*SCORED, *ANSWERS, "OTHER")
OTHER = len(SCRIPTS) - 1
NO_SCRIPT = 255


class TellTale(NamedTuple):
    """Letters that only one language of a script uses, and how many of them it takes.

    Attributes:
        code: BCP 47.
        script: name in SCRIPTS.
        letters: lower-case.
        per_mille: least share of the script's letters in a text.
    """

    code: str
    script: str
    letters: str
    per_mille: int


TELL_TALES = (
    TellTale("as", "BENGALI", "ৰৱ", 10),
    TellTale("yi", "HEBREW", "װױײ", 10),
    TellTale("ti", "ETHIOPIC", "ቐቑቒቓቔቕቖቘቚቛቜቝኸኹኺኻኼኽኾ", 12),
    TellTale("ckb", "ARABIC", "ێۆڕڵ", 20),
    TellTale("ps", "ARABIC", "ټډړښګۍځڅ", 15),
    TellTale("sd", "ARABIC", "ڄڃٻڀٺٽڊڍڳڱڻڦڪ", 15),
    TellTale("ug", "ARABIC", "ۇۈۋڭ", 20),
    TellTale("tg", "CYRILLIC", "ӣӯҳҷ", 15),
    TellTale("ba", "CYRILLIC", "ҙҫҡ", 10),
    TellTale("cv", "CYRILLIC", "ӑӗҫӳ", 40),
    TellTale("os", "CYRILLIC", "ӕ", 30),
    TellTale("ce", "CYRILLIC", "ӏ", 15),
)

# Bits of an entry: folded code (16), script (8), then these; the group of a tell-tale on top.
SKIPPED = 1 << 24  # leaves no trace: zero-width signs, soft hyphens, Arabic vowel signs
COMBINES = 1 << 25  # a mark that may make one letter with the letter before it
GROUP_SHIFT = 26
FOREIGN = 2  # the folded code of letters beyond U+FFFF in a scored script
_SKIPPED = frozenset(
    "\u00ad\u0640\u0670\u200b\u200c\u200d\u2060\ufeff"
    + "".join(map(chr, (*range(0x64B, 0x653), *range(0xFE00, 0xFE10))))
)
_MARKS = ("COMBINING ", *(f"{script} " for script in SCORED))
_PREFIXES = {"HIRAGANA": "KANA", "KATAKANA": "KANA", "CJK": "HAN", "KANGXI": "HAN"} | {
    "BOPOMOFO": "HAN",
    "IDEOGRAPHIC": "HAN",
    "HALFWIDTH": "KANA",
}


class Alphabets(NamedTuple):
    """Two-stage table of entries: `entries[pages[cp >> 8] << 8 | cp & 255]`.

    Attributes:
        pages: uint16 [4352].
        entries: uint32 [n_pages * 256]; see the bits above. A sign is NO_SCRIPT << 16.
        pairs: uint32 [n], sorted: letter << 16 | mark, both folded.
        composed: uint16 [n]: the one letter that the pair is in NFC.
    """

    pages: np.ndarray
    entries: np.ndarray
    pairs: np.ndarray
    composed: np.ndarray


@functools.cache
def build() -> Alphabets:
    """The tables of the running Python's Unicode database, made once per process."""
    entries = np.array([_entry(chr(cp)) for cp in range(0x110000)], np.uint32)
    pairs = _pairs(entries)
    for group, tale in enumerate(TELL_TALES, 1):
        for letter in tale.letters:
            for cp in {ord(letter), ord(letter.upper()[0])}:
                entries[cp] |= group << GROUP_SHIFT
    for pair in pairs:
        entries[pair & 0xFFFF] |= COMBINES
    seen: dict[bytes, int] = {}
    rows = entries.reshape(-1, 256)
    pages = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], np.uint16)
    return Alphabets(
        pages,
        np.concatenate([np.frombuffer(row, np.uint32) for row in seen]),
        np.array(list(pairs), np.uint32),
        np.array(list(pairs.values()), np.uint16),
    )


def _entry(char: str) -> int:
    folded = _lower(char)
    if char in _SKIPPED or folded in _SKIPPED:
        return SKIPPED
    kind, name = unicodedata.category(folded)[0], unicodedata.name(folded, "")
    code = ord(folded) if ord(folded) < 1 << 16 else FOREIGN
    if kind == "M" and name.startswith(_MARKS):
        return NO_SCRIPT << 16 | code
    if kind != "L":
        return NO_SCRIPT << 16
    script = _script(name)
    return script << 16 | (code if script < len(SCORED) else 0)


def _lower(char: str) -> str:
    """Lower case of the compatibility form, where each is one character."""
    plain = unicodedata.normalize("NFKC", char)
    plain = plain if len(plain) == 1 else char
    lowered = plain.lower()
    return lowered if len(lowered) == 1 else {"İ": "i"}.get(plain, plain)


def _script(name: str) -> int:
    first = name.partition(" ")[0]
    first = _PREFIXES.get(first, first)
    return SCRIPTS.index(first) if first in SCRIPTS else OTHER


def _pairs(entries: np.ndarray) -> dict[int, int]:
    """Letter << 16 | mark -> what both are in NFC, whatever the order of a letter's marks."""
    own = [cp for cp in range(1 << 16) if entries[cp] & 0xFFFF == cp and cp > FOREIGN]
    letters = [cp for cp in own if entries[cp] >> 16 & 255 < len(SCORED)]
    marks = [cp for cp in own if unicodedata.combining(chr(cp))]
    found = {}
    for letter in letters:
        for mark in marks:
            both = unicodedata.normalize("NFC", chr(letter) + chr(mark))
            if len(both) == 1:
                found[letter << 16 | mark] = ord(both)
    return dict(sorted(found.items()))
