"""Every signal of annotator text_dolma against a slow reading of Dolma's Gopher tagger."""

import collections
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import REPEATED_GRAMS, REPEATED_LINES, STOP_WORDS, equal_to, measured, near


def signals(text):
    words, lines = text.split(), text.split("\n")
    size, n = sum(map(len, words)), max(len(words), 1)
    copies = {line: k for line, k in collections.Counter(lines).items() if k > 1}
    found = {
        "n_characters": len(text),
        "n_words": len(words),
        "n_stop_words_en": sum(w in STOP_WORDS for w in words),
        "median_word_length_chars": float(statistics.median([len(w) for w in words] or [0])),
        "symbol_word_fraction": sum("#" in w or "…" in w for w in words) / n,
        "alphabetic_word_fraction": sum(any(c.isalpha() for c in w) for w in words) / n,
        "bullet_line_fraction": sum(line.startswith(("*", "-")) for line in lines) / len(lines),
        "ellipsis_line_fraction": sum(line.endswith("…") for line in lines) / len(lines),
        "duplicate_line_fraction": sum(copies.values()) / len(lines),
        "duplicate_line_char_fraction": sum(len(c) * k for c, k in copies.items()) / max(size, 1),
    }
    for k in range(2, 11):
        grams = collections.Counter(zip(*(words[i:] for i in range(k)), strict=False))
        sizes = {g: sum(map(len, g)) * c for g, c in grams.items()}
        if k <= 4:
            first, count = grams.most_common(1)[0] if grams else ((), 0)
            found[f"top_{k}gram_char_fraction"] = count * sum(map(len, first)) / max(size, 1)
        else:
            part = sum(sizes[g] for g, c in grams.items() if c > 1)
            found[f"duplicate_{k}gram_char_fraction"] = part / max(sum(sizes.values()), 1)
    return found


PIECES = st.sampled_from(
    [*"a b c the of and The #tag wait… … - -x *x é 中文 12 3.5 ." .split(), *" \n\t\u2028\xa0"]
    + [" "] * 12 + ["\n", "\n\n", " a b c d e f ", "\na b\n"]
)  # fmt: skip


@settings(deadline=None, max_examples=70)
@given(st.lists(st.lists(PIECES, max_size=50).map("".join), min_size=1, max_size=8))
def test_signals_equal_the_oracle(texts):
    equal_to(signals, "text_dolma", texts)


@pytest.mark.parametrize(
    ("text", "signal", "expected"),
    [
        (REPEATED_LINES, "duplicate_line_fraction", 0.3333),
        (REPEATED_LINES, "duplicate_line_char_fraction", 0.3566),
        (REPEATED_GRAMS, "duplicate_5gram_char_fraction", 0.7115),
        (REPEATED_GRAMS, "top_2gram_char_fraction", 0.1667),
    ],
)
def test_vectors(text, signal, expected):
    assert measured("text_dolma", [text])[0][signal] == near(expected)


def test_a_row_without_text_is_null():
    assert set(measured("text_dolma", [None])[0].values()) == {None}
