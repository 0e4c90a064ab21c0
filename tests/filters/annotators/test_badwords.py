"""Annotator badwords: words, phrases and scripts without spaces. The bad words are harmless."""

import pytest

from castor.filters.annotator import Context
from castor.filters.annotators import badwords
from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record, to_batch


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "en": "heck\ndarn it\nit darn\nb!!\n!!\n",
        "de.txt": "mist\n",
        "zh": "坏词\n",
        "ko": "나쁜\n",
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
        ("!!", "en", ["en", 0, None]),
        (None, "en", [None, None, None]),
    ],
)
def test_counts(folder, text, language, expected):
    assert counted(folder, text, language) == expected


def test_the_default_language_is_an_option(folder):
    assert counted(folder, "mist", default_language="de") == ["de", 1, 1.0]


def test_without_lists_there_is_no_language():
    assert badwords.compiled({}) == ({}, "en")


def test_wrong_options_are_configuration_errors():
    with pytest.raises(ConfigError, match="did you mean 'lists'"):
        badwords.compiled({"lits": []})


def test_fingerprint_follows_content(folder):
    one = badwords.fingerprint({"lists": [str(folder)]})
    (folder / "en").write_text("gosh\n")
    assert one != badwords.fingerprint({"lists": [str(folder)]})


def test_the_kit_lists(kit):
    lists, default = badwords.compiled({"lists": [str(kit / "lists" / "bad-words.tar.xz")]})
    assert len(lists) == 27  # 28 files, of which two are French
    assert default == "en"
