"""The text policies: a table of (text, reasons), alone and in a batch, for each."""

import pytest

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load, names

FAMILIES = ("gopher/", "c4/", "fineweb/", "massivetext/", "mc4/", "url/", "badwords/")
POLICIES = [n for n in names("policy") if n.startswith(FAMILIES)]


def prose(n_words, *, sentence=12):
    """Words that never repeat as n-grams, with stop words, in sentences on lines."""
    words = [f"{'the of and with have'.split()[i % 5]} x{i:05d}word" for i in range(n_words // 2)]
    lines = [" ".join(words[i : i + sentence]) for i in range(0, len(words), sentence)]
    return "\n".join(f"{line}." for line in lines)


def decided(name, rows, options=None):
    """Reasons of every row, decided in one batch, and again row by row, which must agree."""
    found = policy.load(name)
    records = [Record(str(i), "s", m, t, meta=meta) for i, (t, m, meta) in enumerate(rows)]
    batch = to_batch(records)
    context = Context(options=options or {})
    parts = [batch] + [batch.slice(i, 1) for i in range(len(rows))]
    reasons = []
    for part in parts:
        for annotator in ("text", "text_datatrove", "text_dolma", "text_dclm", "url", "badwords"):
            signals = load("annotator", annotator).annotate(part, context)
            for field, column in zip(signals.schema, signals.columns, strict=True):
                part = part.append_column(field, column)
        policy.check(found, part.schema)
        reasons.append(found.decide(part).to_pylist())
    assert reasons[0] == [row for (row,) in reasons[1:]]
    return reasons[0]


def reasons(name, text, meta=None, modality=Modality.TEXT, options=None):
    return decided(name, [(text, modality, meta or {})], options)[0]


ENGLISH = {"language": "en"}
GOPHER = [
    pytest.param(prose(100), ENGLISH, [], id="prose"),
    pytest.param(prose(48), ENGLISH, ["gopher.too_few_words"], id="short"),
    pytest.param(prose(50), ENGLISH, [], id="50 words"),
    pytest.param(prose(100_000), ENGLISH, [], id="100,000 words"),
    pytest.param(prose(100_002), ENGLISH, ["gopher.too_many_words"], id="long"),
    pytest.param(" ".join(f"a{i}" for i in range(9)) + " b" * 1, None,
                 ["gopher.too_few_words", "gopher.word_length"], id="short words"),
    pytest.param(" ".join(f"Wortungetüm{i:04d}" for i in range(60)), None,
                 ["gopher.word_length"], id="long words"),
    pytest.param("".join(chr(0x4E00 + i) for i in range(60)), {"language": "zh"}, [],
                 id="Han, a word each"),
    pytest.param(prose(100) + " #" * 14, ENGLISH, ["gopher.too_many_hashes"], id="hashes"),
    pytest.param(prose(100).replace("w", "…w", 12), ENGLISH, ["gopher.too_many_ellipses"],
                 id="ellipses"),
    pytest.param("- " + prose(100, sentence=2).replace("\n", "\n- "), ENGLISH,
                 ["gopher.too_many_bullet_lines"], id="bullets"),
    pytest.param(prose(100).replace(".\n", "...\n"), ENGLISH, ["gopher.too_many_ellipsis_lines"],
                 id="lines that trail off"),
    pytest.param(" ".join(f"{i * 977:05d}" for i in range(60)), None,
                 ["gopher.too_few_alphabetic_words"], id="numbers"),
    pytest.param(" ".join(f"word{i}" for i in range(60)), ENGLISH,
                 ["gopher.too_few_stop_words"], id="no stop words in English"),
    pytest.param(" ".join(f"word{i}" for i in range(60)), {"language": "fr"}, [],
                 id="no stop words in French"),
    pytest.param(" ".join(f"word{i}" for i in range(60)), None, [], id="no language"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meta", "expected"), GOPHER)
def test_gopher_paper(text, meta, expected):
    assert reasons("gopher/paper", text, meta) == expected


def test_gopher_says_missing_where_nothing_can_be_measured():
    rules = policy.load("gopher/paper").rules
    unconditional = [f"{r.reason}:missing" for r in rules if not r.when]
    assert reasons("gopher/paper", None) == unconditional
    # an empty text has counts, but no fractions
    assert reasons("gopher/paper", "") == ["gopher.too_few_words", *unconditional[2:]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\n".join([prose(24)] * 2 + [prose(80)[300:]]), "gopher.duplicate_line_characters"),
        ("\n\n".join([prose(40)] * 2 + [prose(100)[500:]]), "gopher.duplicate_paragraphs"),
        (prose(100) + " spam ham" * 40, "gopher.top_2gram"),
        ((" ".join(f"w{i}x" for i in range(20)) + " ") * 5, "gopher.duplicate_10grams"),
    ],
)
def test_gopher_repetition(text, wanted):
    assert wanted in reasons("gopher/paper", text)


PAPER_REPETITION = {  # Rae et al. 2021, Table A1
    "duplicate_line_fraction": 0.3, "duplicate_paragraph_fraction": 0.3,
    "duplicate_line_char_fraction": 0.2, "duplicate_paragraph_char_fraction": 0.2,
    "top_2gram_char_fraction": 0.2, "top_3gram_char_fraction": 0.18,
    "top_4gram_char_fraction": 0.16,
    **{f"duplicate_{n}gram_char_fraction": (20 - n) / 100 for n in range(5, 11)},
}  # fmt: skip
DOLMA_REPETITION = {  # no paragraphs, and .3 for characters of lines
    **{s: bound for s, bound in PAPER_REPETITION.items() if "paragraph" not in s},
    "duplicate_line_char_fraction": 0.3,
}


def at_most(bounds):
    return {signal: {"at_most": bound} for signal, bound in bounds.items()}


def gopher(repetition, words="n_words", mean="mean_word_length_chars", hashes="hashes_per_word",
           ellipses="ellipses_per_word", letters="alphabetic_word_fraction",
           stops="n_distinct_stop_words_en"):  # fmt: skip
    """Rae et al. 2021, A.1.1, by the names of the signals that differ."""
    return {
        words: {"at_least": 50, "at_most": 100_000},
        mean: {"at_least": 3, "at_most": 10},
        **at_most({hashes: 0.1, "bullet_line_fraction": 0.9, "ellipsis_line_fraction": 0.3}),
        **at_most({ellipses: 0.1}),
        letters: {"at_least": 0.8},
        stops: {"at_least": 2},
        **at_most(repetition),
    }


def fineweb(opened="", lines="n_text_lines"):
    """The thresholds that FineWeb was made with, of the text or of what C4 leaves."""
    return {
        f"{opened}{lines}": {"at_least": 1},
        f"{opened}punctuation_ended_line_fraction": {"at_least": 0.12},
        f"{opened}short_line_fraction": {"at_most": 0.67},
        f"{opened}duplicate_text_line_char_fraction": {"at_most": 0.01},
        f"{opened}newlines_per_token": {"at_most": 0.3},
    }


def c4(opened, sentences):
    """C4's page rules as datatrove counts them."""
    return {
        **at_most({f"{opened}lorem_ipsum": 0, f"{opened}curly_bracket": 0}),
        f"{opened}sentences": {"at_least": sentences},
    }


GOPHER_DATATROVE = {
    "n_characters": {"at_least": 1},
    **gopher(PAPER_REPETITION, hashes="hashes_per_token", ellipses="ellipses_per_token",
             letters="alphabetic_token_fraction"),
}  # fmt: skip
THRESHOLDS = {  # policy -> the annotator it reads, and what each of its signals must be
    "gopher/paper": ("text", gopher(PAPER_REPETITION)),
    "gopher/datatrove": ("text_datatrove", GOPHER_DATATROVE),
    "gopher/dolma": (
        "text_dolma",
        gopher(DOLMA_REPETITION, mean="median_word_length_chars", hashes="symbol_word_fraction",
               ellipses="symbol_word_fraction", stops="n_stop_words_en"),
    ),
    "gopher/dclm": (
        "text_dclm",
        gopher(PAPER_REPETITION, words="n_page_words", hashes="symbols_per_word",
               ellipses="symbols_per_word", stops="n_stop_words_en"),
    ),
    "c4/datatrove": ("text_datatrove", c4("c4_", 5)),
    "c4/paper": (
        "text", {"c4_sentences": {"at_least": 3}, **at_most({"n_lorem_ipsum": 0,
                                                              "n_curly_brackets": 0})},
    ),
    "c4/tfds": (
        "text", {"c4_sentences": {"at_least": 3}, **at_most({"n_characters": 190_000,
                 "c4_lines_with_lorem_ipsum": 0, "c4_lines_with_curly_bracket": 0})},
    ),
    "fineweb/paper": (
        "text", {"punctuation_ended_line_fraction": {"above": 0.12},
                 "duplicate_line_char_fraction": {"below": 0.1},
                 "short_line_fraction": {"below": 0.67}},
    ),
    "fineweb/code": ("text_datatrove", fineweb()),
    "fineweb/datatrove": (
        "text_datatrove", {**GOPHER_DATATROVE, **c4("c4_open_", 5),
                           **fineweb("c4_open_", "text_lines")},
    ),
    "mc4/paper": ("text", {"n_long_lines": {"at_least": 3}}),
    "refinedweb/lines": ("text_refinedweb", at_most({"removed_word_fraction": 0.05})),
}  # fmt: skip


@pytest.mark.parametrize("name", THRESHOLDS)
def test_thresholds_are_those_of_the_system(name):
    annotator, wanted = THRESHOLDS[name]
    bounds = {}
    for rule in policy.load(name).rules:
        bounds.setdefault(rule.signal, {}).update(rule.bounds)
    assert bounds == {f"{annotator}.{signal}": bound for signal, bound in wanted.items()}
    assert policy.load(name).modalities == {Modality.TEXT, Modality.INTERLEAVED}


def test_massivetext_is_gopher_without_allowances():
    gopher, massive = policy.load("gopher/paper").rules, policy.load("massivetext/paper").rules
    assert [(r.signal, r.bounds) for r in massive] == [(r.signal, r.bounds) for r in gopher]
    assert not any(r.when for r in massive)
    words = " ".join(f"mot{i}" for i in range(60))
    assert reasons("massivetext/paper", words) == ["massivetext.too_few_stop_words"]


LONG = "A sentence of some length that no other line in this text repeats, number {}."
FINEWEB = [  # text, reasons of fineweb/paper, of fineweb/code
    pytest.param("\n".join(LONG.format(i) for i in range(9)), [], [], id="prose"),
    pytest.param("\n".join([LONG.format(1)] * 2 + [LONG.format(i) for i in range(40)]),
                 [], ["fineweb.duplicate_line_characters"], id="one line twice more"),
    pytest.param("\n".join(LONG.format(i % 8) for i in range(9)),
                 ["fineweb.duplicate_line_characters"], ["fineweb.duplicate_line_characters"],
                 id="every ninth line twice"),
    pytest.param("\n".join(f"item {i}" for i in range(30)) + ".",
                 ["fineweb.too_few_ended_lines", "fineweb.too_many_short_lines"],
                 ["fineweb.too_few_ended_lines", "fineweb.too_many_short_lines", "fineweb.list"],
                 id="list"),
    pytest.param("\n".join(f"{'x' * 26} {i:02d}." for i in range(9)),  # 30 characters
                 [], ["fineweb.too_many_short_lines"], id="lines of 30"),
    pytest.param("\n".join(LONG.format(i) + '"' for i in range(9)),
                 [], ["fineweb.too_few_ended_lines"], id="a quotation mark last"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paper", "code"), FINEWEB)
def test_fineweb(text, paper, code):
    assert reasons("fineweb/paper", text) == paper
    assert reasons("fineweb/code", text) == code


CHAIN = [  # the first reason is datatrove's own
    pytest.param("\n".join(LONG.format(f"x{i} with the {i}th of {i + 3}") for i in range(60)),
                 "gopher.top_4gram", id="a form"),
    pytest.param("", "gopher.empty", id="empty"),
    pytest.param("one line\n" * 9, "gopher.duplicate_lines", id="lines"),
    pytest.param(prose(90)[:-1] + ", a, b, c, d, e, f.", "c4.too_few_sentences", id="4 sentences"),
    pytest.param(prose(100) + "\nAnd { the of more", "c4.curly_bracket", id="bracket"),
    pytest.param(prose(100) + "\n { }", None, id="bracket in a short line"),
    pytest.param(prose(100).replace(".", ""), "fineweb.too_few_ended_lines", id="no end marks"),
    pytest.param(prose(100), None, id="prose"),
    pytest.param(prose(300, sentence=2).replace("word", "wo"), "fineweb.too_many_short_lines",
                 id="short lines"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "first"), CHAIN)
def test_the_first_reason_of_fineweb_datatrove(text, first):
    assert next(iter(reasons("fineweb/datatrove", text)), None) == first


def test_gopher_datatrove_says_what_its_part_of_the_chain_says():
    chain, gopher = policy.load("fineweb/datatrove").rules, policy.load("gopher/datatrove").rules
    assert chain[: len(gopher)] == gopher
    text = prose(48)
    assert reasons("gopher/datatrove", text) == ["gopher.too_few_words"]


DOLMA = [
    pytest.param(prose(100), [], id="prose"),
    pytest.param(prose(48), ["gopher.too_few_words"], id="short"),
    pytest.param(prose(100).replace("the", "The"), [], id="of is enough"),
    pytest.param(" ".join(f"word{i}" for i in range(60)), ["gopher.too_few_stop_words"], id="none"),
    pytest.param(prose(100) + " #" * 14, ["gopher.too_many_symbols"], id="hashes"),
    pytest.param("* " + prose(100, sentence=2).replace("\n", "\n* "),
                 ["gopher.too_many_bullet_lines"], id="bullets"),
    pytest.param("  * " + prose(100, sentence=2).replace("\n", "\n  * "), [], id="after spaces"),
    pytest.param("\n".join([prose(24)] * 2 + [prose(90)[300:]]),
                 ["gopher.duplicate_lines", "gopher.duplicate_line_characters"], id="lines"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DOLMA)
def test_gopher_dolma(text, expected):
    assert [r for r in reasons("gopher/dolma", text) if "gram" not in r] == expected


DCLM = [
    pytest.param(prose(100), [], id="prose"),
    pytest.param(prose(48), ["gopher.too_few_words"], id="short"),
    pytest.param(prose(50) + " - -", [], id="50 words and signs"),
    pytest.param(prose(48) + " - -", ["gopher.too_few_words"], id="48 words and signs"),
    pytest.param(" ".join(f"word{i}" for i in range(60)), ["gopher.too_few_stop_words"], id="none"),
    pytest.param(" ".join(f"word{i}" for i in range(60)) + " The THE", [], id="in either case"),
    pytest.param(prose(100) + " #" * 7 + " . . ." * 2, [], id="9 symbols in 113 words"),
    pytest.param(prose(100) + " #" * 7 + " . . ." * 8,
                 ["gopher.too_many_symbols", "gopher.too_few_alphabetic_words"], id="15 in 131"),
    pytest.param("● " + prose(100, sentence=2).replace("\n", "\n  ● "),
                 ["gopher.too_many_bullet_lines"], id="bullets"),
    pytest.param("\n\n".join([prose(40)] * 2 + [prose(100)[500:]]),
                 ["gopher.duplicate_lines", "gopher.duplicate_paragraphs",
                  "gopher.duplicate_line_characters", "gopher.duplicate_paragraph_characters"],
                 id="paragraphs"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DCLM)
def test_gopher_dclm(text, expected):
    assert [r for r in reasons("gopher/dclm", text) if "gram" not in r] == expected


SENTENCES = "One two three four five. " * 2
C4 = [
    pytest.param(SENTENCES + "One two three four five.", [], id="three sentences"),
    pytest.param(SENTENCES, ["c4.too_few_sentences"], id="two"),
    pytest.param(
        "A b c d.\nE f g h i\nJ k l m n o...", ["c4.too_few_sentences"], id="no line left"
    ),
    pytest.param(SENTENCES * 2 + "Lorem Ipsum a b c.", ["c4.lorem_ipsum"], id="lorem ipsum"),
    pytest.param(SENTENCES * 2 + "\n{", ["c4.curly_bracket"], id="bracket"),
    pytest.param("", ["c4.too_few_sentences"], id="empty"),
]


C4_TFDS = [
    pytest.param(SENTENCES + "One two three four five.", [], id="three sentences"),
    pytest.param(SENTENCES * 2 + "\nLorem Ipsum a b c.", ["c4.lorem_ipsum"], id="lorem ipsum"),
    pytest.param(SENTENCES * 2 + "\nLorem Ipsum a b c", [], id="in a line without an end"),
    pytest.param(SENTENCES * 2 + "\n{", [], id="bracket in a short line"),
    pytest.param(SENTENCES * 2 + "\nA b c d {e}.", ["c4.curly_bracket"], id="bracket"),
    pytest.param(SENTENCES * 2 + "\nA b javascript d {e}.", [], id="bracket in javascript"),
    pytest.param(SENTENCES * 2 + "\nA b use cookies d {e}.", ["c4.curly_bracket"], id="policy"),
    pytest.param(SENTENCES * 3801, ["c4.too_long"], id="long"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), C4_TFDS)
def test_c4_tfds(text, expected):
    assert reasons("c4/tfds", text) == expected


@pytest.mark.parametrize(("lengths", "kept"), [([200] * 3, True), ([200, 200, 199], False)])
def test_mc4(lengths, kept):
    text = "\n".join("é" * n for n in [*lengths, 5])
    assert reasons("mc4/paper", text) == ([] if kept else ["mc4.too_few_long_lines"])


@pytest.mark.parametrize(("text", "expected"), C4)
def test_c4_paper(text, expected):
    assert reasons("c4/paper", text) == expected


def test_url_blocklist(tmp_path):
    (tmp_path / "x-domains.txt").write_text("evil.example\nsite.example/bad\n")
    options = {"url": {"lists": [str(tmp_path)]}}
    rows = [
        ("a", Modality.TEXT, {"url": "http://www.evil.example/"}),
        ("a", Modality.IMAGE, {"url": "http://site.example/bad/x.png"}),
        ("a", Modality.TEXT, {"url": "http://good.example/"}),
        ("a", Modality.TEXT, {}),
        ("a", Modality.TEXT, {"url": "nonsense"}),
    ]
    assert decided("url/blocklist", rows, options) == [
        ["url.blocked_domain"],
        ["url.blocked_address"],
        [],
        [],
        ["url.blocked_domain:missing", "url.blocked_address:missing"],
    ]


def test_badwords_c4(tmp_path):
    (tmp_path / "en").write_text("heck\n")
    options = {"badwords": {"lists": [str(tmp_path)]}}
    rows = [
        ("what the heck", Modality.TEXT, {}),
        ("heckle", Modality.TEXT, {"language": "en"}),
        ("heck", Modality.TEXT, {"language": "fr"}),
        ("", Modality.TEXT, {}),
    ]
    assert decided("badwords/c4", rows, options) == [["badwords.bad_word"], [], [], []]


def test_these_policies_ship():
    families = ("gopher/", "c4/", "fineweb/", "massivetext/", "mc4/")
    assert [n for n in POLICIES if n.startswith(families)] == [
        "c4/datatrove", "c4/paper", "c4/tfds", "fineweb/code", "fineweb/datatrove",
        "fineweb/paper", "gopher/datatrove", "gopher/dclm", "gopher/dolma", "gopher/paper",
        "massivetext/paper", "mc4/paper",
    ]  # fmt: skip


@pytest.mark.parametrize("name", POLICIES)
def test_every_rule_has_its_source_and_the_reason_its_family(name):
    found = policy.load(name)
    assert found.name == name
    assert found.about
    for rule in found.rules:
        families = ["gopher", "c4", "fineweb"] if name == "fineweb/datatrove" else [name]
        assert rule.reason.split(".")[0] in {f.split("/")[0] for f in families}
        assert "arXiv:" in rule.cite
