"""Ids are sentencepiece's, whatever the text; control pieces never come from text."""

import json
import pickle
import shutil

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import corpus, make_tokenizer

import castor.tokenizer
from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import processor, reserved

TEXTS = st.lists(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*reserved.META_PIECES, *" ab1αあ\u0301"]), max_size=20).map("".join)
    | st.binary(max_size=40),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(texts=TEXTS)
def test_ids_are_those_of_sentencepiece(tokenizer, texts):
    peer = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer.path / processor.MODEL))
    found = tokenizer.encode_batch(texts)
    assert [ids.tolist() for ids in found] == [peer.encode(text) for text in texts]
    assert all(ids.dtype == np.uint32 for ids in found)
    for text, ids in zip(texts, found):
        assert np.array_equal(tokenizer.encode(text), ids)
        assert tokenizer.decode(ids) == peer.decode(ids.tolist())


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=100))
def test_text_comes_back_but_for_the_sign_that_stands_for_a_space(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text.replace("\u2581", " ")
    assert tokenizer.piece_bytes[ids].sum() == len(text.replace("\u2581", " ").encode())
    assert not np.isin(ids, list(tokenizer.id_space.control.values())).any()


@pytest.mark.parametrize("literal", ["<pad>", "<eos>", "<bos>", "<unk>", *reserved.CONTROL_SYMBOLS])
def test_text_never_gives_a_control_id(tokenizer, literal):
    own = tokenizer.id_space.control[literal]
    for text in (literal, f"x{literal}y", f" {literal} ", literal * 3, literal.encode()):
        ids = tokenizer.encode(text)
        assert own not in ids
        assert ids.max() < tokenizer.id_space.text_size
        assert len(ids) > 1
        expected = text.decode() if isinstance(text, bytes) else text
        assert tokenizer.decode(ids) == expected


def test_every_control_piece_has_its_id():
    names = ["<pad>", "<eos>", "<bos>", "<unk>", *reserved.CONTROL_SYMBOLS]
    assert len(names) == 112


def test_user_defined_pieces_are_one_id_each(tokenizer):
    for literal in reserved.USER_DEFINED_SYMBOLS:
        text = literal.replace(reserved.SPACE, " ")
        ids = tokenizer.encode(f"x{text}y").tolist()
        assert ids[1:-1] == [tokenizer.sentencepiece.piece_to_id(literal)], repr(literal)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 50))
def test_long_documents_are_cut_where_nothing_changes(tokenizer, seed, cut):
    text = "".join(corpus(3, seed)) + "<b>x</b>" + " " * 70 + "\n" * 70 + "\u2581 12345 \u0301e"
    whole = tokenizer.sentencepiece.encode(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor, "CUT_CHARACTERS", cut)
        parts = tokenizer._cut(text)
        ids = tokenizer.encode(text)
        assert np.array_equal(tokenizer.encode(text.encode()), ids)
    assert ids.tolist() == whole
    assert len(parts) > 5 * len(text) // 100 // cut


def test_a_long_document_of_bad_bytes_is_cut_too(tokenizer):
    data = "größe 日本 \n".encode()[:-3] * 20_000
    assert len(tokenizer._cut(data.decode("utf-8", "replace"))) > 3
    assert tokenizer.encode(data).tolist() == tokenizer.sentencepiece.encode(data)


def test_batches_do_not_change_ids(tokenizer, monkeypatch):
    texts = corpus(40)
    found = tokenizer.encode_batch(texts)
    monkeypatch.setattr(processor, "BATCH_BYTES", 500)
    assert all(map(np.array_equal, tokenizer.encode_batch(texts), found))
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.encode("").tolist() == []


def test_half_a_surrogate_pair_is_an_error(tokenizer):
    with pytest.raises(CastorError, match="half of a surrogate pair"):
        tokenizer.encode("a\ud800")


def test_ids_outside_the_text_stand_for_nothing_and_have_names(tokenizer):
    space = tokenizer.id_space
    first, stop = space.image_codes
    ids = [space.bos, space.begin("image"), first, stop - 1, space.soft["image"], space.size - 1]
    assert tokenizer.decode_bytes(ids) == b""
    assert tokenizer.piece_bytes.shape == (space.size,)
    assert tokenizer.piece_bytes[ids].tolist() == [0] * 6
    assert tokenizer.piece(space.begin("image")) == "<start_of_image>"
    assert tokenizer.piece(first) == "<image_code_0>"
    assert tokenizer.piece(space.soft["audio"]) == "<soft_audio>"
    for wrong in (-1, space.size):
        with pytest.raises(CastorError, match="outside the space"):
            tokenizer.decode([wrong])
        with pytest.raises(ConfigError, match="no such id"):
            tokenizer.piece(wrong)


def test_bytes_of_a_byte_piece_are_one(tokenizer):
    first = tokenizer.sentencepiece.piece_to_id("<0x00>")
    assert tokenizer.piece_bytes[first : first + 256].tolist() == [1] * 256
    assert tokenizer.decode_bytes(range(first, first + 256)) == bytes(range(256))


def test_the_vectors_are_checked_and_a_wrong_one_is_an_error(tokenizer_folder, tmp_path):
    folder = shutil.copytree(tokenizer_folder, tmp_path / "t")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["blake2b"]
    assert len(manifest["test_vectors"]) == 200
    manifest["test_vectors"][77]["ids"][0] += 1
    storage.write_json(
        folder / "manifest.json", manifest | {"blake2b": storage.digest_of(manifest)}
    )
    with pytest.raises(CastorError, match="gives other ids"):
        castor.tokenizer.load(folder)
    castor.tokenizer.load(folder, verify=False)


def test_damage_is_an_error(tokenizer_folder, tmp_path):
    folder = shutil.copytree(tokenizer_folder, tmp_path / "t")
    model = folder / processor.MODEL
    data = bytearray(model.read_bytes())
    data[5000] ^= 1
    model.write_bytes(data)
    with pytest.raises(CastorError, match="model of the tokenizer was changed"):
        castor.tokenizer.load(folder)
    model.unlink()
    with pytest.raises(CastorError, match="cannot read the model"):
        castor.tokenizer.load(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(CastorError, match="no tokenizer here"):
        castor.tokenizer.load(folder)


def test_a_manifest_of_another_model_is_an_error(tokenizer_folder, tmp_path):
    other = make_tokenizer(tmp_path / "other", vocab_size=900)
    manifest = castor.tokenizer.load(tokenizer_folder).manifest
    with pytest.raises(CastorError, match="not the model's"):
        castor.tokenizer.Tokenizer((other / processor.MODEL).read_bytes(), manifest, other)


def test_it_travels_to_a_worker(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.sha256 == tokenizer.sha256
    assert np.array_equal(copy.encode("abc"), tokenizer.encode("abc"))
