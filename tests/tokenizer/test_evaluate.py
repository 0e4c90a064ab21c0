"""Counting what a tokenizer makes of documents: by hand on a toy, by other means on a real one."""

import numpy as np
import pytest
import tokenizers as support
from hypothesis import given
from hypothesis import strategies as st
from toy_tokenizer import Toy

from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import evaluate, metrics, reserved
from castor.tokenizer.evaluate import Counter, Other, Tally, figures
from castor.tokenizer.kinds import Kind, kinds

TOY = Toy(["the", " cat", " s", "at", " ", "a"])


def tally(tokenizer, *texts, other=None):
    counter = Counter(tokenizer, other)
    counter.add([("x",)] * len(texts), [str(i) for i in range(len(texts))], texts)
    return counter.tallies[("x",)], counter.pieces()[("x",)]


def test_two_sentences_by_hand():
    # the| cat| s|at, and é in two bytes followed by | cat.
    found, pieces = tally(TOY, "the cat sat", "é cat")
    assert found == Tally(
        documents=2,
        bytes=11 + 6,
        characters=11 + 5,
        visible=9 + 4,
        unspaced=0,
        words=3 + 2,
        aligned_words=5,
        single_words=2 + 1,  # the, cat, and cat again; sat is two tokens, é two bytes
        tokens=4 + 3,
        byte_tokens=2,
    )
    assert pieces.sum() == 7
    figured = figures(found, pieces, compared=False)
    assert figured["bytes_per_token"] == pytest.approx(17 / 7)
    assert figured["characters_per_token"] == pytest.approx(16 / 7)
    assert figured["fertility"] == pytest.approx(7 / 5)
    assert figured["strr"] == pytest.approx(3 / 5)
    assert figured["byte_share"] == pytest.approx(2 / 7)
    assert figured["unk_share"] == 0
    size = len(TOY.names)
    assert figured["utilisation"] == pytest.approx(6 / size)
    shares = (2 / 7) ** 2.5 + 5 * (1 / 7) ** 2.5
    assert figured["renyi_efficiency"] == pytest.approx(np.log2(shares) / -1.5 / np.log2(size))
    assert figured["round_trip_failures_per_million"] == 0
    assert "nsl" not in figured


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ("the", 1),
        ("the  the", 2),  # the space before is a token of its own
        (" cat", 1),
        ("  cat", 1),
        ("\n cat", 1),  # the line feed is a byte
        ("the cat\n", 2),
        ("thethe", 0),
        ("thea", 0),
        ("a the", 2),
        ("", 0),
        (" ", 0),
    ],
)
def test_words_that_are_one_token(text, single):
    assert tally(TOY, text)[0].single_words == single


def test_a_token_of_two_words_is_neither():
    found, _ = tally(Toy(["New York", " ", "a"]), "New York a")
    assert (found.words, found.single_words) == (3, 1)


def test_scripts_without_spaces_have_no_words_to_speak_of():
    found, pieces = tally(TOY, "日本語の文章 cat")
    assert found.unspaced == 6
    figured = figures(found, pieces, compared=False)
    assert figured["fertility"] is None
    assert figured["strr"] is None
    assert figured["characters_per_token"] == pytest.approx(10 / 19)
    mostly_latin, pieces = tally(TOY, "the cat sat the cat 日本")
    assert figures(mostly_latin, pieces, compared=False)["fertility"] is not None


def test_no_text_has_no_ratios():
    found, pieces = tally(TOY, "")
    figured = figures(found, pieces, compared=True)
    assert figured["documents"] == 1
    for name in ("bytes_per_token", "fertility", "strr", "renyi_efficiency", "unk_share", "nsl"):
        assert figured[name] is None


def test_documents_that_do_not_come_back_are_counted_and_named():
    counter = Counter(Toy(["the"], loses="é"))
    texts = ["the", "thé the", "the", "é"]
    counter.add([("x",), ("x",), ("y",), ("y",)], ["a", "b", "c", "d"], texts)
    assert counter.tallies[("x",)].failures == 1
    assert counter.tallies[("y",)].failures == 1
    assert counter.examples == [
        ["b", "character 2: 'é the' came back as '? the'"],
        ["d", "character 0: 'é' came back as '?'"],
    ]
    figured = figures(counter.tallies[("x",)], counter.pieces()[("x",)], compared=False)
    assert figured["round_trip_failures_per_million"] == 500_000


def test_control_ids_and_unknown_ones_are_counted():
    found, _ = tally(Toy(["the"], injects="evil"), "evil", "the")
    assert (found.control_tokens, found.tokens, found.failures) == (1, 2, 1)
    assert found.aligned_words == 1  # of the document whose bytes add up


class Thrice:
    def count(self, texts):
        return [3 * len(t) for t in texts]


def test_sequence_length_is_compared_with_another_tokenizer():
    found, pieces = tally(TOY, "the cat sat", "é cat", other=Thrice())
    assert found.other_tokens == 48
    figured = figures(found, pieces, compared=True)
    assert figured["nsl"] == pytest.approx(7 / 48)
    assert figured["other_bytes_per_token"] == pytest.approx(17 / 48)


texts = st.lists(st.text("the cat\n\té日 \u3000", max_size=20), min_size=1, max_size=6)


@given(texts, st.randoms())
def test_counts_add_up_however_documents_are_dealt_out(given_texts, random):
    groups = [(random.choice("ab"),) for _ in given_texts]
    keys = [str(i) for i in range(len(given_texts))]
    together, apart = Counter(TOY), Counter(TOY)
    together.add(groups, keys, given_texts)
    for one in zip(groups, keys, given_texts):
        apart.add(*[[part] for part in one])
    assert together.tallies == apart.tallies
    ours, theirs = together.pieces(), apart.pieces()
    for group in ours:
        np.testing.assert_array_equal(ours[group], theirs[group])


def test_counts_of_pieces_add_up_when_ids_are_not_kept(monkeypatch):
    expected = tally(TOY, "the cat", "sat")[1]
    monkeypatch.setattr(evaluate, "FLUSH_TOKENS", 1)
    counter = Counter(TOY)
    for text in ("the cat", "sat"):
        counter.add([("x",)], ["1"], [text])
    np.testing.assert_array_equal(counter.pieces()[("x",)], expected)


def test_faults_of_two_documents_that_make_up_for_each_other_are_two():
    toy = Toy(["ab", "c"])
    first = toy.names.index("ab")
    toy.surfaces[first : first + 2] = [b"a", b"bc"]
    toy.piece_bytes[first : first + 2] = [1, 2]
    assert tally(toy, "ab", "c")[0].failures == 2


def test_a_real_tokenizer_against_its_own_offsets(tokenizer):
    # sentencepiece tells where its pieces stand; our counts come from bytes of pieces instead.
    given_texts = support.corpus(60, seed=5)
    found, pieces = tally(tokenizer, *given_texts)
    single = words = 0
    for text in given_texts:
        proto = tokenizer.sentencepiece.encode(text, return_type="proto")
        data = text.encode()
        spans = {(len(data[: p.begin]), p.begin, p.end) for p in proto.pieces}
        spans = {(b, e) for _, b, e in spans}
        at = 0
        for word in text.split():
            begin = text.index(word, at)
            at = begin + len(word)
            first = len(text[:begin].encode())
            last = first + len(word.encode())
            words += 1
            single += any(
                e == last and (b == first or (b < first and not data[b:first].strip()))
                for b, e in spans
            )
    assert (found.words, found.aligned_words) == (words, words)
    assert found.single_words == single
    ids = [i for text in given_texts for i in tokenizer.sentencepiece.encode(text)]
    assert found.tokens == len(ids)
    assert found.byte_tokens == sum(map(tokenizer.sentencepiece.is_byte, ids))
    assert found.bytes == sum(len(t.encode()) for t in given_texts)
    assert found.failures == found.unk_tokens == found.control_tokens == 0
    np.testing.assert_array_equal(pieces, np.bincount(ids, minlength=len(pieces)))


def test_a_literal_block_character_comes_back_as_a_space(tokenizer):
    # Inherent in sentencepiece, and the one loss that these flags leave.
    found, _ = tally(tokenizer, "the\u2581of", "the of")
    assert (found.failures, found.words, found.aligned_words) == (1, 3, 2)


def test_what_each_id_is(tokenizer):
    own = kinds(tokenizer)
    space, model = tokenizer.id_space, tokenizer.sentencepiece
    assert own.shape == (space.size,)
    assert {Kind(k) for k in own[list(space.control.values())]} == {Kind.CONTROL, Kind.UNKNOWN}
    assert Kind(own[space.unk]) is Kind.UNKNOWN
    assert Kind(own[model.piece_to_id("<0x00>")]) is Kind.BYTE
    assert Kind(own[model.piece_to_id("\n\n")]) is Kind.USER_DEFINED
    assert Kind(own[model.piece_to_id("e")]) is Kind.NORMAL
    assert Kind(own[space.image_codes[0]]) is Kind.CODE
    assert Kind(own[space.soft["audio"]]) is Kind.SOFT
    counts = np.bincount(own, minlength=8)
    assert counts[Kind.BYTE] == 256
    assert counts[Kind.USER_DEFINED] == len(reserved.USER_DEFINED_SYMBOLS)
    assert counts[Kind.CODE] == space.image_codes[1] - space.image_codes[0]
    assert counts[Kind.SOFT] == 3


def test_another_tokenizer_is_a_folder_or_a_model(tokenizer_folder, tmp_path):
    folder, model = Other(tokenizer_folder), Other(tokenizer_folder / "tokenizer.model")
    assert folder.sha256 == model.sha256
    assert folder.vocabulary == 1000
    assert model.name == "tokenizer.model"
    assert folder.count(["the of", ""]) == model.count(["the of", ""])
    with pytest.raises(ConfigError, match="does not exist"):
        Other(tmp_path / "nowhere")
    (tmp_path / "bad.model").write_bytes(b"not a model")
    with pytest.raises(CastorError, match="cannot read the model"):
        Other(tmp_path / "bad.model")


def test_the_spaces_of_words_are_those_of_python():
    assert metrics.spaces().sum() == sum(chr(c).isspace() for c in range(0x110000))
