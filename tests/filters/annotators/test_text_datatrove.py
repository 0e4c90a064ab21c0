"""Every signal of annotator text_datatrove against a slow reading of datatrove's filters.

Texts are made of chunks whose tokens are known, so that no tokenizer is needed here;
tests/bench/bench_profiles.py compares with datatrove itself.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import REPEATED_GRAMS, REPEATED_LINES, STOP_WORDS, equal_to, measured, near, ratio

# chunk -> its tokens, as spaCy's blank English (3.8.18) cuts it
CHUNKS = {
    chunk: (tokens or chunk).split("|")
    for chunk, tokens in {
        "the": "", "of": "", "and": "", "word": "", "Word": "", "Zürich": "", "слово": "",
        "a.": "", "Mr.": "", "U.S.": "", "e.g.": "", "word,": "word|,", "Word.": "Word|.",
        "слово.": "слово|.", "USA.": "USA|.", "I.": "",
        "vitaminC.": "", "stop!": "stop|!", "why?": "why|?",
        "(see": "(|see", "page)": "page|)", "8)": "", "18)": "18|)",
        '"He': '"|He', 'said."': 'said|.|"',
        "don't": "do|n't", "cannot": "can|not", "it's": "it|'s", "Anna’s": "Anna|’s",
        "well-known": "well|-|known", "vitamin-c.": "vitamin|-|c.", "a--b": "a|--|b",
        "and/or": "", "either/or": "either|/|or", "1,000": "", "3.14.": "3.14|.", "2019": "",
        "5km": "5|km", "$5": "$|5", "100%": "100|%", "10am": "10|am", "#tag": "#|tag", "#": "",
        "...": "", "wait...": "wait|...", "…": "", "so…": "so|…", "•": "", "-": "", "—": "",
        "http://www.example.com/a-b?c=d": "", "me@example.org,": "me@example.org|,",
        "end.Next": "end|.|Next", "{x}": "{|x|}", "[1]": "[|1|]", "fact.[2]": "fact.[2|]",
        "[edit]": "[|edit|]", "JavaScript": "", "x=javascript": "x|=|javascript",
        "terms": "", "use": "", "privacy": "", "policy.": "policy|.", "cookies": "", "uses": "",
        "lorem": "", "Ipsum": "", "你好。": "你好|。", "😀😀": "😀|😀", ":-)": "",
        "foo:)": "foo|:)", "x" * 1001: "", "y" * 17: "", "ß": "", "1.": "1|.",
        "myJavaScriptword": "", "dogs'": "dogs|'",
    }.items()
}  # fmt: skip
LEFT = {**CHUNKS, "fact.": ["fact", "."]}  # with what is left without citation marks
SYMBOLS = set("!/—”:;'’{|}=[]-`*.(),>$~@_\"<#%&+?…。\\")
TERMINAL = ".!?。…"[:4]
SIGNS = set(",.!?()\"'’-—…•。&:;[]{}#%@*/")  # general category P, of the above
PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip


def tokens_of(text):
    return [t for chunk in text.split() for t in CHUNKS[chunk]]


def duplicates(items):
    seen, number, characters = set(), 0, 0
    for item in items:
        number += item in seen
        characters += len(item) if item in seen else 0
        seen.add(item)
    return number, characters


def top(words, n):
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    best = max(grams, key=grams.count, default="")
    return len(best) * grams.count(best)


def repeated(words, n):
    seen, total, i = set(), 0, 0
    while i < len(words) - n + 1:
        gram = tuple(words[i : i + n])
        total += len("".join(gram)) if gram in seen else 0
        i += n if gram in seen else 1
        seen.add(gram)
    return total


def sentences(line):
    """Sentences of a line: a new one begins after `.`, `!`, `?` with what is no punctuation."""
    found, seen = 1, False
    for piece in re.findall(r"\s+|\S+", line):
        if piece.isspace():
            if piece != " " and seen:
                found, seen = found + 1, False
            continue
        for token in LEFT[piece]:
            if token in set(".!?。"):
                seen = True
            elif seen and not set(token) <= SIGNS:
                found, seen = found + 1, False
    return found


def c4(text, ended):
    """What C4 leaves, sentences in it, and whether it stops at lorem ipsum or at a bracket."""
    kept, total = [], 0
    for line in text.splitlines():
        line = line.strip()
        words = line.split()
        if any(len(w) > 1000 for w in words):
            continue
        line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
        if ended and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            continue
        if len(words) < 3:
            continue
        if "lorem ipsum" in line.lower():
            return kept, total, 1, 0
        if "javascript" in line.lower():
            continue
        if "{" in line:
            return kept, total, 0, 1
        if any(p in line.lower() for p in PHRASES):
            continue
        kept.append(line)
        total += sentences(line)
    return kept, total, 0, 0


def fineweb(text, n_tokens):
    lines = [line for line in text.split("\n") if line.strip()]
    return (
        len(lines),
        ratio(sum(line.endswith(tuple(TERMINAL)) for line in lines), len(lines)),
        ratio(sum(len(line) <= 30 for line in lines), len(lines)),
        ratio(duplicates(lines)[1], len(text.replace("\n", ""))),
        ratio(text.count("\n"), n_tokens),
    )


def left_tokens(kept):
    """Tokens of what C4 leaves."""
    return [t for line in kept for chunk in line.split() for t in LEFT[chunk]]


def signals(text):
    words, size = tokens_of(text), len(text)
    real = [w for w in words if not set(w) <= SYMBOLS]
    lines, split = re.split("\n+", text) if text else [], text.splitlines()
    paragraphs = re.split("\n{2,}", text.strip()) if text else []
    kept, n_sentences, lorem, brace = c4(text, True)
    open_, n_open, open_lorem, open_brace = c4(text, False)
    left = "\n".join(open_).strip()
    own, after = fineweb(text, len(words)), fineweb(left, len(left_tokens(open_)))
    names = ("punctuation_ended_line_fraction", "short_line_fraction",
             "duplicate_text_line_char_fraction", "newlines_per_token")  # fmt: skip
    found = {
        "n_characters": size,
        "n_tokens": len(words),
        "n_words": len(real),
        "n_text_lines": own[0],
        "n_distinct_stop_words_en": len(STOP_WORDS & set(words)),
        "mean_word_length_chars": ratio(sum(map(len, real)), len(real)),
        "hashes_per_token": ratio(text.count("#"), len(words)),
        "ellipses_per_token": ratio(text.count("...") + text.count("…"), len(words)),
        "bullet_line_fraction": ratio(
            sum(line.lstrip().startswith(("•", "-")) for line in split), len(split)
        ),
        "ellipsis_line_fraction": ratio(
            sum(line.rstrip().endswith(("...", "…")) for line in split), len(split)
        ),
        "alphabetic_token_fraction": ratio(
            sum(any(c.isalpha() for c in w) for w in words), len(words)
        ),
        "duplicate_paragraph_fraction": ratio(duplicates(paragraphs)[0], len(paragraphs)),
        "duplicate_paragraph_char_fraction": ratio(duplicates(paragraphs)[1], size),
        "duplicate_line_fraction": ratio(duplicates(lines)[0], len(lines)),
        "duplicate_line_char_fraction": ratio(duplicates(lines)[1], size),
        "c4_lines": len(kept),
        "c4_sentences": n_sentences,
        "c4_lorem_ipsum": lorem,
        "c4_curly_bracket": brace,
        "c4_open_lines": len(open_),
        "c4_open_sentences": n_open,
        "c4_open_lorem_ipsum": open_lorem,
        "c4_open_curly_bracket": open_brace,
        "c4_open_text_lines": after[0],
        **dict(zip(names, own[1:], strict=True)),
        **{f"c4_open_{n}": v for n, v in zip(names, after[1:], strict=True)},
    }
    for n in range(2, 11):
        kind, count = ("top", top) if n <= 4 else ("duplicate", repeated)
        found[f"{kind}_{n}gram_char_fraction"] = ratio(count(words, n), size)
    return found


ODD_SPACE = ["\n\n", "  ", "\t", "\r\n", " \n", "\n  ", "\x0c", "\u2028", "\xa0", "\r", "\x85",
             "\n \n", "\u3000"]  # fmt: skip
SPACE = st.sampled_from([" "] * 12 + ["\n"] * 5 + ODD_SPACE)
PIECES = st.sampled_from([*CHUNKS, "the of", "word Word."]) | SPACE
TEXTS = st.lists(PIECES, max_size=60)


def spaced(pieces):
    """The pieces as a text: a space where two chunks would meet."""
    text = ""
    for piece in pieces:
        both = text and not text[-1].isspace() and not piece[0].isspace()
        text += " " + piece if both else piece
    return text


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXTS.map(spaced), min_size=1, max_size=8))
def test_signals_equal_the_oracle(texts):
    equal_to(signals, "text_datatrove", texts)


def test_rare_texts_equal_the_oracle():
    texts = [
        "the JavaScript and word\nthe word of",
        "the myJavaScriptword and\nthe word of",
        'the word said."',  # the quotation mark begins no sentence
        "the of Word.  -",  # nor does a sign, but two spaces are a token
        "the word\nthe  word",
        "the of Word.  [1]",  # spaces that a citation mark leaves at the end
        "the of dogs'",
        "the and word\nthe of word\n[1] the of word\nof the word",  # or at the beginning
        "the of word [1]\nthe of word [1]",
        "the of and word the of and the",  # 30 characters are short
        "  the word\n\n  the word",
        "the word\n\nthe word  ",
    ]
    equal_to(signals, "text_datatrove", texts)


@pytest.mark.parametrize(
    ("text", "signal", "expected"),
    [
        (REPEATED_LINES, "duplicate_line_fraction", 0.1667),
        (REPEATED_LINES, "duplicate_line_char_fraction", 0.1465),
        (REPEATED_GRAMS, "duplicate_5gram_char_fraction", 0.2388),
        (REPEATED_GRAMS, "top_2gram_char_fraction", 0.1343),
        ("once only here", "top_2gram_char_fraction", 9 / 14),  # the first, which stands once
        ("  \n", "duplicate_line_fraction", 0.0),
        ("\na\n", "duplicate_line_fraction", 1 / 3),  # empty ones at both ends
    ],
)
def test_vectors(text, signal, expected):
    assert measured("text_datatrove", [text])[0][signal] == near(expected)


def test_a_row_without_text_is_null_and_an_empty_one_has_counts():
    null, empty = measured("text_datatrove", [None, ""])
    assert set(null.values()) == {None}
    assert empty["n_tokens"] == 0
    assert empty["duplicate_line_fraction"] is None


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.text(st.sampled_from("aB1.,'’\"()-/:@…é中\n\r \xa0#[{\x00\u2028😀")), max_size=5)
)
def test_any_text_is_measured_alike_alone_and_in_a_batch(texts):
    together = measured("text_datatrove", texts)
    assert together == [measured("text_datatrove", [t])[0] for t in texts]
    assert all(row["error"] is None for row in together)


def test_a_text_ends_where_its_row_ends():
    texts = ["of th", "e and", "word", ". b", "12", "3 4", "é", "é x", "(", ") y", "Mr", ". z", "a"]
    texts += ["in a buffer there may be text behind the la", "st word of a row, and be", "hind."]
    alone = [measured("text_datatrove", [t])[0] for t in texts]
    assert measured("text_datatrove", texts) == alone
    assert [row["n_characters"] for row in alone] == list(map(len, texts))


def test_long_chunks_take_time_in_proportion_to_their_length():
    hostile = ["a-" * 400_000, "@a.b" * 200_000, "." * 800_000, "(" * 800_000, "'s" * 400_000]
    rows = measured("text_datatrove", hostile)  # a square of these would take minutes
    assert [row["n_characters"] for row in rows] == [800_000] * 5
    assert rows[0]["n_tokens"] == 799_999  # the last hyphen is not between letters
