"""The vocabulary from counts is sentencepiece's own from the text: pieces, scores, types."""

import gzip
import io
import json
import re

import numpy as np
import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import ATOMS, corpus, make_tokenizer

import castor.tokenizer
from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import reserved, train
from castor.tokenizer.alphabet import alphabet
from castor.tokenizer.count import Counts, count, merge
from castor.tokenizer.flags import trainer_flags

DOCUMENTS = st.lists(
    st.lists(st.sampled_from([*ATOMS, "\u2585", "ab", "abc "]), max_size=40).map("".join),
    min_size=1,
    max_size=10,
)


def pieces(model):
    """(piece, score, type) of every id."""
    found = sentencepiece.SentencePieceProcessor(model_proto=model)
    kinds = (found.is_control, found.is_unknown, found.is_byte, found.is_unused)
    return [
        (found.id_to_piece(i), found.get_score(i), *(kind(i) for kind in kinds))
        for i in range(found.get_piece_size())
    ]


def from_text(documents, flags):
    """The model of sentencepiece trained on the text."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(documents), model_writer=model, minloglevel=2, **flags
    )
    return model.getvalue()


def largest(error):
    return int(re.search(r"at most (\d+)", error.fix)[1])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(DOCUMENTS, st.sampled_from([1.0, 0.9995, 0.99, 0.98]), st.integers(0, 40))
def test_any_text_gives_the_vocabulary_of_sentencepiece(documents, coverage, merges):
    counts = merge([count(documents[::2]), count(documents[1::2])])
    letters = alphabet(counts, coverage)
    if not len(letters.required):
        with pytest.raises(CastorError, match="no text"):
            train.train_model(counts, trainer_flags(10_000, coverage))
        return
    size = reserved.N_RESERVED + len(letters.required) + merges
    try:
        flags = trainer_flags(size, coverage)
        found = train.train_model(counts, flags)
    except CastorError as error:
        flags = trainer_flags(largest(error), coverage)
        assert flags["vocab_size"] < size
        found = train.train_model(counts, flags)
        with pytest.raises(CastorError, match="larger than the sample allows"):
            train.train_model(counts, trainer_flags(flags["vocab_size"] + 1, coverage))
    peer = pieces(from_text(documents, flags))
    assert pieces(found) == peer
    assert [name for name, *_ in peer[-len(letters.required) :]] == list(map(chr, letters.required))


@pytest.mark.parametrize("coverage", [1.0, 0.9995, 0.985])
def test_documents_give_the_vocabulary_of_sentencepiece(coverage):
    documents = [*corpus(150), "long " + "x" * 70_000 + "\r\n\n", "a\u2585b"]
    flags = json.loads(json.dumps(trainer_flags(1100, coverage)))
    found = train.train_model(count(documents), flags)
    peer = pieces(from_text(documents, flags))
    assert pieces(found) == peer
    letters = alphabet(count(documents), coverage).required
    assert [name for name, *_ in peer[-len(letters) :]] == list(map(chr, letters))


def test_real_text_gives_the_vocabulary_of_sentencepiece(kit):
    folders = sorted(p for p in (kit / "books").iterdir() if p.is_dir())
    documents = [
        gzip.decompress(path.read_bytes()).decode("utf-8", "replace")[:300_000]
        for folder in folders
        for path in sorted(folder.glob("*.gz"))[:2]
    ]
    languages = {c for document in documents for c in document if ord(c) > 0x400}
    assert sum(map(len, documents)) > 1_000_000
    assert len(languages) > 1000
    flags = trainer_flags(6000, 0.9995)
    found = train.train_model(count(documents), flags)
    assert pieces(found) == pieces(from_text(documents, flags))


def test_the_manifest_says_how_to_get_the_vocabulary(tokenizer_folder):
    manifest = castor.tokenizer.load(tokenizer_folder).manifest
    model = (tokenizer_folder / "tokenizer.model").read_bytes()
    assert pieces(from_text(corpus(), manifest["flags"])) == pieces(model)
    assert manifest["counts"]["sha256"] == count(corpus()).sha256
    assert manifest["model"]["bytes"] == len(model)
    assert manifest["versions"]["sentencepiece"] == sentencepiece.__version__


def test_the_vocabulary_file_is_the_one_that_sentencepiece_writes(tokenizer_folder, tmp_path):
    flags = castor.tokenizer.load(tokenizer_folder).manifest["flags"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_prefix=tmp_path / "peer", minloglevel=2, **flags
    )
    ours = (tokenizer_folder / "tokenizer.vocab").read_bytes()
    assert ours == (tmp_path / "peer.vocab").read_bytes()


def test_training_again_gives_the_same_bytes(tokenizer_folder, tmp_path):
    again = make_tokenizer(tmp_path / "again", keep_counts=True)
    for name in ("tokenizer.model", "tokenizer.vocab", "manifest.json"):
        assert (again / name).read_bytes() == (tokenizer_folder / name).read_bytes()
    assert Counts.load(again / "counts.bin").sha256 == count(corpus()).sha256


def test_the_alphabet_is_the_trainers(tokenizer_folder):
    tokenizer = castor.tokenizer.load(tokenizer_folder)
    letters = alphabet(count(corpus()), tokenizer.manifest["flags"]["character_coverage"])
    last = [tokenizer.piece(i) for i in range(1000 - len(letters.required), 1000)]
    assert last == [chr(code) for code in letters.required]
    assert tokenizer.manifest["characters"] == len(letters.required)


def test_the_last_frequency_is_counted_in_the_text(tokenizer_folder):
    tokenizer = castor.tokenizer.load(tokenizer_folder)
    last = 1000 - tokenizer.manifest["characters"] - 1
    expected = sum(int(np.count_nonzero(tokenizer.encode(text) == last)) for text in corpus())
    assert tokenizer.manifest["f_min"] == expected > 1


def test_what_only_a_reserved_literal_holds_is_no_evidence_for_a_piece():
    # "ab" is merged first, then "p" with it, so "pa" is gone; but "<pad>" is encoded with it.
    counts = count(["ab", "ab", "pab", "<pad>"])
    size = reserved.N_RESERVED + len("abp") + len(["ab", "pab"])
    found = pieces(train.train_model(counts, trainer_flags(size, 1.0)))
    assert [name for name, *_ in found[reserved.N_RESERVED :]] == ["ab", "pab", "a", "b", "p"]
    with pytest.raises(CastorError, match="larger than the sample allows") as error:
        train.train_model(counts, trainer_flags(size + 1, 1.0))
    assert largest(error.value) == size


def test_counts_tell_the_number_of_tokens_without_the_text(tokenizer):
    rows = list(count(corpus()).items())
    lengths = [len(ids) for ids in tokenizer.encode_batch([row for row, _ in rows])]
    texts = [text.rstrip("\r\n") for text in corpus()]
    tokens = sum(map(len, tokenizer.encode_batch(texts)))
    assert sum(n * length for (_, n), length in zip(rows, lengths)) == tokens


def test_sentences_for_the_trainer_hold_every_row_and_are_short():
    texts = [*corpus(), "y" * 10_000, "z" * 5000, "\x00 <b>\n"]
    counts = count(texts)
    lines = list(train.trainer_rows(counts, factor=3))
    found = {}
    for line in lines:
        rows, number = line.split(b"\t")
        assert len(rows) <= 2 * train.TOGETHER or b"\x00" not in rows
        found |= dict.fromkeys(rows.split(b"\x00"), int(number) // 3)
    expected = dict(counts.items())
    literals = {name.replace("\u2581", " ").encode() for name in reserved.META_PIECES}
    boundaries = sum(expected.pop(name, 0) for name in literals)
    assert found.pop(b"\x1f") == boundaries > 0
    found.pop(b"", None)
    expected.pop(b"\x00")
    assert found == expected


def test_an_empty_sample_is_an_error(tmp_path):
    for texts in ([], [""], ["\n\n", "<b>"], ["\u2585"], ["\x00"]):
        with pytest.raises(CastorError, match="no text to train"):
            make_tokenizer(tmp_path / "t", texts)
    assert not (tmp_path / "t" / "manifest.json").exists()


def test_a_vocabulary_too_small_for_its_characters_says_what_is_enough(tmp_path):
    with pytest.raises(CastorError, match="too small for its characters") as error:
        make_tokenizer(tmp_path / "t", vocab_size=500)
    least = int(re.search(r"at least (\d+)", error.value.fix)[1])
    with pytest.raises(CastorError, match="too small"):
        make_tokenizer(tmp_path / "t", vocab_size=least - 1)
    make_tokenizer(tmp_path / "t", vocab_size=least)
    assert castor.tokenizer.load(tmp_path / "t").manifest["f_min"] is None


@pytest.mark.parametrize("wanted", [20_000, 2_000_000])
def test_a_vocabulary_larger_than_the_sample_allows_says_how_large_it_may_be(tmp_path, wanted):
    texts = corpus(40)
    with pytest.raises(CastorError, match="larger than the sample allows") as error:
        make_tokenizer(tmp_path / "t", texts, vocab_size=wanted)
    size = largest(error.value)
    with pytest.raises(CastorError, match="larger than the sample allows"):
        make_tokenizer(tmp_path / "t", texts, vocab_size=size + 1)
    assert not (tmp_path / "t" / "manifest.json").exists()
    make_tokenizer(tmp_path / "t", texts, vocab_size=size)
    assert castor.tokenizer.load(tmp_path / "t").manifest["f_min"] >= 1


def test_a_digit_too_rare_for_the_alphabet_is_no_digit_of_a_count():
    documents = ["ab abc abd " * 300 + "0"]
    counts = count(documents)
    size = reserved.N_RESERVED + len(alphabet(counts, 0.98).required) + len(["ab", " ab"]) + 2
    flags = trainer_flags(size, 0.98)
    assert pieces(train.train_model(counts, flags)) == pieces(from_text(documents, flags))
    with pytest.raises(CastorError, match="larger than the sample allows") as error:
        train.train_model(counts, trainer_flags(size + 1, 0.98))
    assert largest(error.value) == size


def test_pieces_that_never_occur_are_what_sentencepiece_would_add():
    # Nothing is left to merge but pairs that are gone: "b" + "a" of "ab ab ab".
    documents = ["ababab " * 50]
    counts = count(documents)
    with pytest.raises(CastorError, match="larger than the sample allows") as error:
        train.train_model(counts, trainer_flags(600, 1.0))
    size = largest(error.value)
    ours = {name for name, *_ in pieces(train.train_model(counts, trainer_flags(size, 1.0)))}
    theirs = from_text(documents, trainer_flags(size + 1, 1.0))
    (added,) = {name for name, *_ in pieces(theirs)} - ours
    model = sentencepiece.SentencePieceProcessor(model_proto=theirs)
    assert model.piece_to_id(added) not in model.encode(documents[0])


def test_wrong_options_are_errors(tmp_path):
    for coverage in (0.5, 1.1):
        with pytest.raises(ConfigError, match="coverage"):
            make_tokenizer(tmp_path / "t", coverage=coverage)
    with pytest.raises(ConfigError, match="image codes"):
        make_tokenizer(tmp_path / "t", image_codes=-5)


def test_vectors_are_two_hundred_however_small_the_sample():
    from castor.tokenizer.vectors import vector_texts

    for sample in ([], ["short"], corpus()):
        texts = vector_texts(sample)
        assert len(set(texts)) == len(texts) == 200
        assert all(any(text in document for document in sample) for text in texts[100:]) or (
            len(sample) < 2
        )
