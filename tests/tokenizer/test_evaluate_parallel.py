"""Premiums of languages on the same sentences, by hand."""

import pytest
from toy_tokenizer import Toy

from castor.filters.errors import ConfigError
from castor.tokenizer.parallel import premiums

TOY = Toy(["the", " cat", " sat", "die", " katze", "日", "本"])


def test_premiums_by_hand():
    # English 2 + 3 tokens; German die| katze| s a ß (4 bytes with the space) and a missing one;
    # Japanese 2 and 1.
    found = premiums(
        TOY,
        {"en": ["the cat", "the cat sat"], "de": ["die katze saß", None], "ja": ["日本", "日"]},
    )
    assert found["reference"] == "en"
    languages = found["languages"]
    assert languages["en"]["premium"] == 1
    assert languages["de"]["sentences"] == 1
    # " saß" is a space, s, a, and two bytes of ß: 5 bytes.
    assert languages["de"]["tokens"] == 2 + 5
    assert languages["de"]["reference_tokens"] == 2
    assert languages["de"]["premium"] == 3.5
    assert languages["ja"]["premium"] == pytest.approx(3 / 5)
    assert found["mean"] == pytest.approx((1 + 3.5 + 0.6) / 3)
    assert found["max"] == 3.5
    # |1-3.5| + |1-0.6| + |3.5-0.6|, twice, over 2 * 9 * mean.
    assert found["gini"] == pytest.approx(2 * (2.5 + 0.4 + 2.9) / (2 * 9 * (5.1 / 3)))
    assert languages["de"]["byte_share"] == pytest.approx(5 / 7)
    assert found["byte_languages"] == ["de"]
    assert found["without_byte_languages"]["max"] == 1
    assert found["without_byte_languages"]["mean"] == pytest.approx(0.8)


def test_the_reference_may_be_chosen():
    sentences = {"ja": ["日本"], "de": ["die katze"], "xx": ["the"]}
    assert premiums(TOY, sentences)["reference"] == "de"
    found = premiums(TOY, sentences, "xx")
    assert found["languages"]["ja"]["premium"] == 2
    with pytest.raises(ConfigError, match="de, ja, xx"):
        premiums(TOY, sentences, "en")


def test_a_language_that_shares_no_sentence_is_an_error():
    with pytest.raises(ConfigError, match="ja and en"):
        premiums(TOY, {"en": ["the", None], "ja": [None, "日"]})
