"""Annotator badwords: words, phrases and scripts without spaces. The bad words are harmless."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.annotators import _lists, badwords
from castor.filters.errors import ConfigError
from castor.filters.kernels.column import buffers
from castor.filters.kernels.words import normalised_words
from castor.filters.record import Modality, Record, to_batch
from castor.filters.word_lists.lists import Words, counts, word_list


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "en": "heck\ndarn it\nit darn\nb!!\n!!\n",
        "de.txt": "mist\n",
        "zh": "坏词\n",
        "ko": "나쁜\n고자\n나쁜 말\n",
        "th": "กู\nมาก ๆ\n",
        "ja": "ばか\nアホ\n",
        "ru": "плохой\n",
        "tr": "kötıcık\n",
        "ar": "سيئ\n",
        "no": "dust\n",
        "LICENSE": "everyone",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def counted(folder, text, language=None, **options):
    meta = {} if language is None else {"language": language}
    options = {"lists": [str(folder)], **options}
    found = badwords.badwords.annotate(
        to_batch([Record("k", "s", Modality.TEXT, text, meta=meta)]),
        Context(options={"badwords": options}),
    )
    assert found.column("badwords.error").to_pylist() == [None]
    return [found.column(f"badwords.{s}")[0].as_py() for s in badwords.badwords.signals]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("What the Heck!", "en-US", ["en", 1, 1 / 3]),
        ("heckle a hecker", "en", ["en", 0, 0.0]),
        ("Darn, it. darn", None, ["en", 3, 1.0]),  # two entries share a word
        ("darn the it", None, ["en", 0, 0.0]),
        ("b plan", "en", ["en", 1, 0.5]),
        ("So ein Mist", "de", ["de", 1, 1 / 3]),
        ("So ein Mist", "DE_at", ["de", 1, 1 / 3]),
        ("heck", "fr", [None, None, None]),
        ("这是坏词吗", "zh", ["zh", 2, 0.4]),
        ("나쁜데 좋다", "ko", ["ko", 1, 0.5]),
        ("하고자 한다", "ko", ["ko", 0, 0.0]),  # inside a word, another word
        ("고자를 나쁜 말", "ko", ["ko", 3, 1.0]),
        ("กูไป", "th", ["th", 1, 1 / 3]),
        ("กไก่", "th", ["th", 0, 0.0]),  # the letter without its mark
        ("お前はばかだ", "ja", ["ja", 2, 1 / 3]),
        ("アホ", "ja", ["ja", 2, 1.0]),
        ("Плохой, плохойный", "ru", ["ru", 1, 0.5]),
        ("KÖTICIK kötıcık kötıcıklar", "tr", ["tr", 2, 2 / 3]),
        ("هذا سيئ جدا", "ar", ["ar", 1, 1 / 3]),
        ("en dust", "nb", ["no", 1, 0.5]),
        ("!!", "en", ["en", 0, None]),
        (None, "en", [None, None, None]),
    ],
)
def test_counts(folder, text, language, expected):
    assert counted(folder, text, language) == expected


# language: a harmless word as an entry, a text in which it stands as a word, and one in which its
# letters stand in another word (in scripts without spaces: in which a letter has another mark).
LANGUAGES = {
    "ar": ("قمر", "هذا قمر، نعم", "هذا قمران نعم"),
    "cs": ("kůň", "Bílý KŮŇ.", "Bílý kůňský"),
    "da": ("æble", "et Æble!", "et æbler"),
    "de": ("straße", "die STRAßE?", "die straßen"),
    "en": ("moon", "the Moon!", "the moonlight"),
    "eo": ("ĝardeno", "la Ĝardeno,", "la ĝardenoj"),
    "es": ("niño", "¡NIÑO!", "niños"),
    "fa": ("سیب", "یک سیب؟", "یک سیبی"),
    "fi": ("yö", "pitkä YÖ.", "pitkä yöt"),
    "fil": ("buwan", "ang buwan", "ang buwanan"),
    "fr": ("élan", "l'un, ÉLAN", "élans"),
    "hi": ("चाँद", "यह चाँद है।", "यह चाँदी है"),
    "hu": ("kő", "egy KŐ", "egy kövek kőre"),
    "it": ("città", "la CITTÀ:", "la cittàs"),
    "ja": ("月夜", "この月夜に", "この月の夜に"),
    "kab": ("aɣrum", "d AƔRUM.", "d aɣruma"),
    "ko": ("사과", "사과를 먹다", "풋사과 먹다"),
    "nl": ("één", "ÉÉN huis", "eenéén huis"),
    "no": ("ørn", "en ØRN", "en ørner"),
    "pl": ("łódź", "ta ŁÓDŹ.", "ta łódźka"),
    "pt": ("maçã", "uma MAÇÃ", "uma maçãs"),
    "ru": ("ёлка", "это ЁЛКА!", "это ёлками ёлкам"),
    "sv": ("älg", "en Älg", "en älgar"),
    "th": ("กา", "นกกาดำ", "นกก่าดำ"),
    "tlh": ("Qapla'", "tugh Qapla'!", "tugh Qapla'mey"),
    "tr": ("ışık", "bu IŞIK", "bu ışıklar"),
    "zh": ("月亮", "看月亮吧", "看月光亮吧"),
    "fr-CA-u-sd-caqc": ("neigé", "la NEIGÉ", "la neigée"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_end_where_their_script_ends_them(language, tmp_path):
    entry, has, has_not = LANGUAGES[language]
    (tmp_path / language).write_text(f"{entry}\n", encoding="utf-8")
    options = {"lists": [str(tmp_path)]}
    alone = counted(tmp_path, entry, language, **options)[1]
    assert alone == (len(entry) if language in ("ja", "th", "zh") else 1)
    assert counted(tmp_path, has, language, **options)[1] == alone
    assert counted(tmp_path, has_not, language, **options)[1] == 0


def test_rows_of_many_languages_are_counted_each_by_its_own(folder):
    rows = [("heck mist", "en"), ("heck mist", "de"), (None, "de"), ("heck", "xx"), ("", "en"),
            ("나쁜데", "ko"), ("darn it, darn it", "en")]  # fmt: skip
    batch = to_batch(
        Record(str(i), "s", Modality.TEXT, t, meta={"language": l})
        for i, (t, l) in enumerate(rows)
    )  # fmt: skip
    options = {"badwords": {"lists": [str(folder)]}}
    found = badwords.badwords.annotate(batch.slice(1), Context(options=options))
    assert found.column("badwords.n_bad_words").to_pylist() == [1, None, None, 0, 1, 4]
    assert found.column("badwords.bad_word_fraction").to_pylist() == [0.5, None, None, None, 1, 1]


WORDS = st.sampled_from(["heck", "darn", "it", "b", "x", "mist"])


@settings(deadline=None, max_examples=150)
@given(st.lists(WORDS, max_size=12), st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=6))
def test_covered_words_are_those_that_an_oracle_finds(text, entries):
    covered = set()
    for entry in entries:
        for i in range(len(text) - len(entry) + 1):
            if text[i : i + len(entry)] == entry:
                covered |= set(range(i, i + len(entry)))
    column = pa.array([" ".join(text)], pa.large_string())
    table = {"en": word_list("en", [" ".join(e) for e in entries])}
    words = Words(*normalised_words(column), *buffers(column))
    assert counts(words, {"en": [0]}, table).tolist() == [len(covered)]


def test_the_default_language_is_an_option(folder):
    assert counted(folder, "mist", default_language="de") == ["de", 1, 1.0]


def test_without_lists_there_is_no_language():
    assert badwords.compiled({}) == ({}, "en")


def test_wrong_options_are_configuration_errors():
    with pytest.raises(ConfigError, match="did you mean 'lists'"):
        badwords.compiled({"lits": []})


def test_lists_of_no_language_are_refused(folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "badwords.txt").write_text("heck\n")
    with pytest.raises(ConfigError, match="no list is named by the code of a language"):
        badwords.fingerprint({"lists": [str(tmp_path / "other")]})
    with pytest.raises(ConfigError, match=r"no language of word lists named 'english'"):
        badwords.fingerprint({"lists": [str(folder)], "default_language": "english"})


def test_fingerprint_follows_content(folder):
    one = badwords.fingerprint({"lists": [str(folder)]})
    (folder / "en").write_text("gosh\n")
    assert one != badwords.fingerprint({"lists": [str(folder)]})


def test_the_kit_lists(kit):
    lists, default = badwords.compiled({"lists": [str(kit / "lists" / "bad-words.tar.xz")]})
    assert len(lists) == 27  # 28 files, of which two are French
    assert default == "en"


def test_every_entry_of_the_kit_lists_is_found_and_not_in_longer_words(kit):
    """Between other words of its script it counts; with a letter of its own on both sides not."""
    archive = kit / "lists" / "bad-words.tar.xz"
    lists, _ = badwords.compiled({"lists": [str(archive)]})
    n_found = n_inside = n = 0
    for file in _lists.read(_lists.stamp([str(archive)], "test"), "test"):
        language = file.name.rpartition("/")[2].split("-")[0]
        entries = [e for e in file.data.decode().splitlines() if e.strip()]
        entries = [e for e in entries if any(c.isalnum() for c in e)]
        if language not in lists:
            continue
        glued = [e.strip()[0] + e.strip() + e.strip()[-1] for e in entries]
        column = pa.array([*(f"1 {e} 2" for e in entries), *glued], pa.large_string())
        words = Words(*normalised_words(column), *buffers(column))
        found = counts(words, {language: range(len(column))}, lists) > 0
        n_found += found[: len(entries)].sum()
        n += len(entries)
        spaced = language not in ("ja", "zh", "th")
        n_inside += found[len(entries) :].sum() if spaced else 0
    assert n > 2000
    assert n_found == n
    assert n_inside < 0.02 * n  # a doubled letter makes another entry here and there


def test_policies_drop_by_one_word_or_by_share(folder):
    rows = ["heck", "heck " + "fine " * 20, "heck " + "fine " * 22, "fine", "!!"]
    batch = to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(rows))
    found = badwords.badwords.annotate(
        batch, Context(options={"badwords": {"lists": [str(folder)]}})
    )
    for field, column in zip(found.schema, found.columns, strict=True):
        batch = batch.append_column(field, column)
    by_share = policy.load("badwords/data_juicer").decide(batch).to_pylist()
    assert by_share == [["badwords.too_many"], ["badwords.too_many"], [], [], []]
    by_word = policy.load("badwords/c4").decide(batch).to_pylist()
    assert by_word == [["badwords.bad_word"]] * 3 + [[], []]
