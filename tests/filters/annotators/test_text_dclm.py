"""Every signal of annotator text_dclm against a slow reading of DCLM's Gopher filters."""

import collections
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import REPEATED_GRAMS, REPEATED_LINES, STOP_WORDS, equal_to, measured, near, ratio

SEGMENTS = {  # chunk -> its segments by UAX #29 that begin with a letter or numeral
    chunk: words.split("|") if words else []
    for chunk, words in {
        "word": "word", "Word,": "Word", "the": "the", "The": "The", "OF": "OF", "a": "a",
        "can't": "can't", "can’t": "can’t", "rock'n'roll": "rock'n'roll", "'tis": "tis",
        "dogs'": "dogs", "well-known": "well|known", "a.b": "a.b", "U.S.": "U.S", "1,000": "1,000",
        "3.14.": "3.14", "1,a": "1|a", "a,b": "a|b", "x:y": "x:y", "12:30": "12|30",
        "a1b2": "a1b2", "foo_bar": "foo_bar", "_x": "", "é": "é", "e\u0301t": "e\u0301t",
        "中文字": "中|文|字", "カタカナ": "カタカナ", "ひら": "ひ|ら",
        "한국어": "한국어", "ไทย": "ไ|ท|ย",
        "x²": "x|²", "#tag": "tag", "#": "", "...": "", "…": "", "-": "", "•": "", "*": "", "●": "",
        ". . .": "", "wait...": "wait", "(see": "see", "soft\u00adly": "soft\u00adly", "٣٫٤": "٣٫٤",
        "слово": "слово", "3,": "3",
    }.items()
}  # fmt: skip


def copies(parts):
    count = collections.Counter(parts)
    chosen = [p for p in parts if count[p] > 1]
    return ratio(len(chosen), len(parts)), ratio(sum(map(len, chosen)), sum(map(len, parts)))


def segments(text):
    pieces = [p for p in re.split(r"(\. \. \.)|\s+", text) if p and p.strip(".")]
    bare = {chunk.rstrip("."): found for chunk, found in SEGMENTS.items()}
    # (of `wait... . .` the split takes a dot of the word)
    return [w for p in pieces for w in SEGMENTS.get(p, bare.get(p.rstrip(".")))]


def gram_fraction(words, n):
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    count = collections.Counter(grams)
    most = max(count.values(), default=1)
    size = sum(map(len, words))
    if n <= 4:
        best = max((sum(map(len, g)) for g, c in count.items() if c == most), default=0)
        return ratio(best * most if most > 1 else 0, size)
    places = {k for i, g in enumerate(grams) if count[g] > 1 for k in range(i, i + n)}
    return ratio(sum(len(words[k]) for k in places), size)


def signals(text):
    words = text.split()
    lines = [s for line in text.split("\n") if (s := line.strip())]
    paragraphs = [s for part in text.split("\n\n") if (s := part.strip())]
    line, paragraph, found = copies(lines), copies(paragraphs), segments(text)
    return {
        "n_words": len(words),
        "n_page_words": sum(w[0].isalnum() for w in re.split(r"[ \t\n\v\f\r\0]+", text) if w),
        "n_stop_words_en": sum(w.lower() in STOP_WORDS for w in words),
        "mean_word_length_chars": ratio(sum(map(len, words)), len(words)),
        "symbols_per_word": ratio(
            sum(text.count(s) for s in ("#", "...", ". . .", "…")), len(words)
        ),
        "alphabetic_word_fraction": ratio(
            sum(any(c.isalpha() for c in w) for w in words), len(words)
        ),
        "bullet_line_fraction": ratio(
            sum(s.startswith(("●", "•", "*", "-")) for s in lines), len(lines)
        ),
        "ellipsis_line_fraction": ratio(
            sum(s.endswith(("...", ". . .", "…")) for s in lines), len(lines)
        ),
        "duplicate_line_fraction": line[0],
        "duplicate_line_char_fraction": line[1],
        "duplicate_paragraph_fraction": paragraph[0],
        "duplicate_paragraph_char_fraction": paragraph[1],
        **{
            f"{'top' if n <= 4 else 'duplicate'}_{n}gram_char_fraction": gram_fraction(found, n)
            for n in range(2, 11)
        },
    }


SPACE = st.sampled_from(
    [" "] * 8 + ["\n"] * 4 + ["\n\n", "\n\n\n", "  ", "\t", " \n", "\u2028", "\xa0"]
)
TEXTS = st.lists(
    st.tuples(st.sampled_from(list(SEGMENTS)), SPACE).map("".join), max_size=50
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=70)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_signals_equal_the_oracle(texts):
    equal_to(signals, "text_dclm", texts)


@pytest.mark.parametrize(
    ("text", "signal", "expected"),
    [
        (REPEATED_LINES, "duplicate_line_fraction", 0.3333),
        (REPEATED_LINES, "duplicate_line_char_fraction", 0.3026),
        (REPEATED_GRAMS, "duplicate_5gram_char_fraction", 0.75),
        ("a b c once", "top_2gram_char_fraction", 0.0),  # what occurs once does not repeat
        ("a b aa bb a b aa bb", "top_2gram_char_fraction", 8 / 12),  # the longest of equals
    ],
)
def test_vectors(text, signal, expected):
    assert measured("text_dclm", [text])[0][signal] == near(expected)


def test_a_row_without_text_is_null():
    assert set(measured("text_dclm", [None])[0].values()) == {None}
