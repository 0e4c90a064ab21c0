"""Every signal of annotator text against a slow, independent reading of its definitions."""

import collections
import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

UNSPACED = re.compile(
    "CJK UNIFIED|CJK COMPAT|HIRAGANA|KATAKANA|HALFWIDTH KATAKANA|IDEOGRAPHIC|THAI|LAO|KHMER|MYANMAR"
)
STOPS = ".!?…։؟۔।॥။።᠃᠉‼‽⁇⁈⁉。．！？｡"
BULLETS = "•‣⁃◦●○▪▫■□·*-"
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
SHORT_FORMS = {"mr", "mrs", "ms", "dr", "prof", "st", "vs", "jr", "sr", "etc"}
POLICY = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip


def is_letter(c):
    return unicodedata.category(c)[0] == "L"


def is_numeral(c):
    return unicodedata.category(c)[0] == "N"


def is_unspaced(c):
    return (is_letter(c) or c == "〇") and bool(UNSPACED.match(unicodedata.name(c, "")))


def is_closer(c):
    return unicodedata.category(c) in ("Pe", "Pf") or c in "\"'“‘”’«»"


def words_of(text):
    """(word, is it a letter of an unspaced script), in order."""
    found = []
    for chunk in text.split():
        word, unspaced = "", False
        for c in chunk:
            has_letter = any(is_letter(k) or is_numeral(k) for k in word)
            if (is_unspaced(c) and has_letter) or (
                unspaced and not is_unspaced(c) and (is_letter(c) or is_numeral(c))
            ):
                found.append((word, unspaced))
                word, unspaced = "", False
            word += c
            unspaced = unspaced or is_unspaced(c)
        found.append((word, unspaced))
    return found


def ratio(part, whole):
    return part / whole if whole else None


def ends_sentence(line):
    while line and line[-1] not in STOPS and is_closer(line[-1]):
        line = line[:-1]
    return bool(line) and line[-1] in STOPS


def trimmed(word):
    while word and not (word[0].isascii() and word[0].isalpha()):
        word = word[1:]
    while word and not (word[-1].isascii() and word[-1].isalpha()):
        word = word[:-1]
    return word.lower()


def is_stop_word(word):
    inner = trimmed(word)
    rest = "".join(c for c in word if is_letter(c) or is_numeral(c)).lower()
    return inner in STOP_WORDS and rest == inner


def c4_sentences(line):
    count = 0
    for m in re.finditer(r"\S+", line):
        token = m.group()
        while token and token[-1] not in STOPS and is_closer(token[-1]):
            token = token[:-1]
        if not token or token[-1] not in STOPS:
            continue
        following = line[m.end() :].lstrip()
        if token[-1] == ".":
            letters = ""
            for c in reversed(token[:-1]):
                if not is_letter(c):
                    break
                letters = c + letters
            short = len(letters) == 1 and letters.isascii()
            if short or (letters.isascii() and letters.lower() in SHORT_FORMS):
                continue
            if following and "a" <= following[0] <= "z":
                continue
        count += 1
    return max(count, 1)


def c4(text):
    """Verdict, sentences, kept line and what drops the page of every line that is not blank."""
    for line in text.split("\n"):
        if not line.strip():
            continue
        line = re.sub(r"\[[0-9]*\]|\[edit\]|\[citation needed\]", "", line).strip()
        lower = line.translate({c: c + 32 for c in range(65, 91)})
        if not line.endswith((".", "?", "!", '"')) or line.endswith("..."):
            yield "without_end", 0, None, ""
        elif len(line.split()) < 5:
            yield "too_short", 0, None, ""
        elif any(len(w) > 1000 for w in line.split()):
            yield "with_long_word", 0, None, ""
        else:
            script = "javascript" in lower
            page = "curly_bracket" if "{" in line and not script else ""
            page = "lorem_ipsum" if "lorem ipsum" in lower else page
            if script:
                yield "javascript", 0, None, page
            elif any(p in lower for p in POLICY):
                yield "policy", 0, None, page
            else:
                yield "kept", c4_sentences(line), line, page


def covered(words, spans):
    """Characters of the words at any of the places."""
    places = {k for a, b in spans for k in range(a, b)}
    return sum(len(words[k]) for k in places)


def ngram_characters(words, n):
    grams = collections.defaultdict(list)
    for i in range(len(words) - n + 1):
        grams[tuple(words[i : i + n])].append(i)
    repeated = {g: places for g, places in grams.items() if len(places) > 1}
    if n <= 4:
        top = max(repeated.values(), key=len, default=[])  # max keeps the earliest of equals
        return covered(words, [(i, i + n) for i in top])
    return covered(words, [(i, i + n) for places in repeated.values() for i in places])


def duplicates(items, lengths):
    count = collections.Counter(items)
    chosen = [k for k, item in enumerate(items) if count[item] > 1]
    return len(chosen), sum(lengths[k] for k in chosen)


def signals(text):
    pairs = words_of(text)
    words = [w for w, _ in pairs]
    raw = text.split("\n")
    raw = raw[:-1] if raw[-1] == "" else raw
    raw_lengths = [len(line.removesuffix("\r")) for line in raw]
    lines = [line.strip() for line in raw if line.strip()]
    keys = [tuple(w for w, _ in words_of(line)) for line in lines]
    paragraphs, paragraph_lengths, open_ = [], [], False
    for line in raw:
        if line.strip():
            if not open_:
                paragraphs.append([])
                paragraph_lengths.append(0)
            paragraphs[-1].append(tuple(w for w, _ in words_of(line)))
            paragraph_lengths[-1] += len(line.strip())
        open_ = bool(line.strip())
    n_words, n_lines, n_chars = len(words), len(lines), len(text)
    word_chars, line_chars = sum(map(len, words)), sum(map(len, lines))
    letters = sum(map(is_letter, text))
    dup_lines = duplicates(keys, list(map(len, lines)))
    dup_paragraphs = duplicates(list(map(tuple, paragraphs)), paragraph_lengths)
    verdicts = list(c4(text))
    kept = [line for _, _, line, _ in verdicts if line is not None]
    found = {
        "n_characters": n_chars,
        "n_bytes": len(text.encode()),
        "n_words": n_words,
        "n_lines": n_lines,
        "n_paragraphs": len(paragraphs),
        "n_all_lines": len(raw),
        "n_distinct_stop_words_en": len({trimmed(w) for w in words if is_stop_word(w)}),
        "n_curly_brackets": text.count("{"),
        "n_long_lines": sum(len(line) >= 200 for line in text.split("\n")),
        "n_lorem_ipsum": text.lower().count("lorem ipsum"),
        "max_word_length_chars": max(map(len, words), default=0),
        "max_line_length_chars": max(raw_lengths, default=0),
        "mean_word_length_chars": ratio(word_chars, n_words),
        "mean_line_length_chars": ratio(sum(raw_lengths), len(raw)),
        "hashes_per_word": ratio(text.count("#"), n_words),
        "ellipses_per_word": ratio(len(re.findall(r"\.{3,}|…", text)), n_words),
        "alphabetic_word_fraction": ratio(sum(any(map(is_letter, w)) for w in words), n_words),
        "unspaced_word_fraction": ratio(sum(u for _, u in pairs), n_words),
        "letter_fraction": ratio(letters, n_chars),
        "alphanumeric_fraction": ratio(letters + sum(map(is_numeral, text)), n_chars),
        "digit_fraction": ratio(sum(unicodedata.category(c) == "Nd" for c in text), n_chars),
        "uppercase_fraction": ratio(
            sum(unicodedata.category(c) in ("Lu", "Lt") for c in text), letters
        ),
        "bullet_line_fraction": ratio(sum(line[0] in BULLETS for line in lines), n_lines),
        "ellipsis_line_fraction": ratio(
            sum(line.endswith(("...", "…")) for line in lines), n_lines
        ),
        "punctuation_ended_line_fraction": ratio(sum(map(ends_sentence, lines)), n_lines),
        "short_line_fraction": ratio(sum(len(line) < 30 for line in lines), n_lines),
        "duplicate_line_fraction": ratio(dup_lines[0], n_lines),
        "duplicate_line_char_fraction": ratio(dup_lines[1], line_chars),
        "duplicate_paragraph_fraction": ratio(dup_paragraphs[0], len(paragraphs)),
        "duplicate_paragraph_char_fraction": ratio(dup_paragraphs[1], line_chars),
        "c4_lines": len(kept),
        "c4_sentences": sum(n for _, n, _, _ in verdicts),
        "c4_bytes": len("\n".join(kept).encode()),
    }
    for rule in ("without_end", "too_short", "with_long_word", "javascript", "policy"):
        found[f"c4_lines_{rule}"] = sum(v == rule for v, _, _, _ in verdicts)
    for page in ("lorem_ipsum", "curly_bracket"):
        found[f"c4_lines_with_{page}"] = sum(v == page for _, _, _, v in verdicts)
    for n in range(2, 11):
        kind = "top" if n <= 4 else "duplicate"
        found[f"{kind}_{n}gram_char_fraction"] = ratio(ngram_characters(words, n), word_chars)
    return found


PIECES = st.sampled_from(
    [
        *"a b ab the The THE of to-day be, “with” that's have. Mr. etc. J. e.g. U.S. word".split(),
        *'Word x1 3.14 ... .... … # ## { } [1] [] [edit] [ ] [x] - • * · " \' ” ) ]. !? ."'.split(),
        *"。 、 你 好吗 「中 々 〇 カ ー ｱ ไ ทย ก็ ပြီး មែ é e\u0301 ß ǅ Ж ١٢ ½ Ⅳ ² İ 𠀀 😀".split(),
        *"\u200d \u0301 JavaScript javascrip Terms-of-use auto-generated 0xff, fe \\xab".split(),
        *"\\u00e9 deadbeef ab, Zm9vYmFy+/= [citation needed] ..]".split(),
        *("[citation needed]", "terms of use", "use of cookies", "Cookie Policy", "lorem ipsum"),
        *("this is a longer line of words", "0x1f, " * 9, "\\u1234" * 8, "QUJD" * 17, "w" * 1001),
        *("<?xml version=", "Automatically generated", "ab cd ef 01 23 45 67 89 "),
    ]
)
GAPS = st.sampled_from(
    [*("", "", " ", " ", " ", "\n", "\n\n", ". ", ".\n", ' "\n', "\r\n"), *"\t\u00a0\u3000\x1c\x85"]
)
TEXTS = st.one_of(
    st.lists(st.tuples(PIECES, GAPS), max_size=60).map(lambda p: "".join(a + b for a, b in p)),
    st.lists(st.sampled_from("a b c.".split()), max_size=60).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.text("a .\n", max_size=60),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_signal_equals_the_oracle(rows):
    batch = to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(rows))
    annotator = load("annotator", "text")
    annotated = annotator.annotate(batch)
    assert annotated.column("text.error").to_pylist() == [None] * len(rows)
    for i, text in enumerate(rows):
        expected = signals(text)
        got = {s: annotated.column(f"text.{s}")[i].as_py() for s in annotator.signals}
        assert expected.keys() == got.keys()
        wrong = {s: (got[s], v) for s, v in expected.items() if got[s] != v}
        assert not wrong, text
