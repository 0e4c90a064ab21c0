"""Whole documents as ids: the order, what is never lost, and what text can never give."""

import io

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import CastorError
from castor.filters.record import MediaRef, Modality, Part, Record
from castor.tokenizer import id_space, reserved
from castor.tokenizer.document import encode_record, encode_records, media_kinds


class Small:
    """A tokenizer of bytes and a few pieces, trained on the spot; counts its calls."""

    def __init__(self):
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the quick brown fox jumps over the lazy dog"] * 50),
            model_writer=model,
            model_type="bpe",
            vocab_size=reserved.N_RESERVED + 60,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            byte_fallback=True,
            pad_id=0,
            eos_id=1,
            bos_id=2,
            unk_id=3,
            pad_piece=reserved.PAD,
            eos_piece=reserved.EOS,
            bos_piece=reserved.BOS,
            unk_piece=reserved.UNK,
            control_symbols=list(reserved.CONTROL_SYMBOLS),
            user_defined_symbols=list(reserved.USER_DEFINED_SYMBOLS),
            minloglevel=2,
        )
        self.model = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        names = (reserved.PAD, reserved.EOS, reserved.BOS, reserved.UNK, *reserved.CONTROL_SYMBOLS)
        control = {name: self.model.piece_to_id(name) for name in names}
        self.id_space = id_space.make(self.model.get_piece_size(), control)
        self.calls = 0

    def encode_batch(self, texts):
        self.calls += 1
        return [np.array(ids, np.uint32) for ids in self.model.encode(list(texts))]

    def decode(self, ids):
        return self.model.decode([int(i) for i in ids])


TOKENIZER = Small()
SPACE = TOKENIZER.id_space
SPECIAL = set(SPACE.control.values()) | set(SPACE.soft.values())


def ref(mime="image/png"):
    return MediaRef("x:a", None, 0, 1, mime, bytes(16))


def record(text=None, media=(), parts=(), modality=Modality.INTERLEAVED):
    return Record("x:1", "x", modality, text, tuple(media), tuple(parts))


def rows(n, dim=4):
    return np.zeros((n, dim), np.float16)


def shape(encoded):
    """The document as text and names, for reading: `text`, `<image*3>`."""
    out, text, ids = [], [], encoded.ids.tolist()
    assert ids[0] == SPACE.bos
    assert ids[-1] == SPACE.eos
    at = 1
    begins = {SPACE.begin(m): m for m in SPACE.soft}
    while at < len(ids) - 1:
        if ids[at] in begins:
            if text:
                out.append(TOKENIZER.decode(text))
            text = []
            modality = begins[ids[at]]
            end = ids.index(SPACE.end(modality), at)
            assert set(ids[at + 1 : end]) == {SPACE.soft[modality]}
            out.append(f"<{modality}*{end - at - 1}>")
            at = end
        else:
            assert ids[at] not in SPECIAL
            text.append(ids[at])
        at += 1
    return [*out, TOKENIZER.decode(text)] if text else out


def test_text_alone_stands_between_begin_and_end():
    encoded = encode_record(TOKENIZER, record("the fox", modality=Modality.TEXT))
    inside = TOKENIZER.encode_batch(["the fox"])[0].tolist()
    assert encoded.ids.tolist() == [SPACE.bos, *inside, SPACE.eos]
    assert encoded.ids.dtype == np.uint32
    assert (encoded.text_bytes, encoded.spans) == (7, ())


def test_an_empty_document_is_begin_and_end():
    for text in (None, ""):
        encoded = encode_record(TOKENIZER, record(text))
        assert encoded.ids.tolist() == [SPACE.bos, SPACE.eos]
        assert encoded.text_bytes == 0


def test_media_stand_between_the_parts_and_the_bytes_between_parts_stay():
    # An interleaved page: paragraph, picture, its alternative text, paragraph, a line each.
    page = record(
        "one é\ntwo\nthree",
        [ref()],
        [
            Part("text", 0, 6),
            Part("image", media_index=0),
            Part("alt", 7, 10),
            Part("text", 11, 16),
        ],
    )
    encoded = encode_record(TOKENIZER, page, [rows(3)])
    assert shape(encoded) == ["one é", "<image*3>", "\ntwo\nthree"]
    assert encoded.text_bytes == 16


def test_structure_is_no_cut():
    text = "the quick\n\nbrown fox"
    book = record(text, (), [Part("front", 0, 5), Part("chapter", 5, 20)], Modality.TEXT)
    plain = record(text, modality=Modality.TEXT)
    np.testing.assert_array_equal(
        encode_record(TOKENIZER, book).ids, encode_record(TOKENIZER, plain).ids
    )


def test_a_medium_without_parts_comes_before_its_text():
    picture = record("a caption", [ref()], modality=Modality.IMAGE)
    assert shape(encode_record(TOKENIZER, picture, [rows(2)])) == ["<image*2>", "a caption"]


def test_a_clip_comes_before_its_subtitles():
    clip = record(
        "one\ntwo",
        [ref("video/mp4")],
        [
            Part("video", media_index=0, t0_s=0.0, t1_s=9.0),
            Part("subtitle", 0, 3, None, 0.0, 1.0),
            Part("subtitle", 4, 7, None, 1.0, 2.0),
        ],
        Modality.VIDEO,
    )
    assert shape(encode_record(TOKENIZER, clip, [rows(4)])) == ["<video*4>", "one\ntwo"]


def test_a_medium_that_is_left_out_leaves_no_trace():
    page = record("the fox", [ref()], [Part("text", 0, 2), Part("image", media_index=0)])
    without = encode_record(TOKENIZER, page, [None])
    np.testing.assert_array_equal(without.ids, encode_record(TOKENIZER, record("the fox")).ids)
    assert without.spans == ()


def test_spans_point_at_the_placeholders():
    page = record(
        "ab",
        [ref(), ref("audio/flac"), ref()],
        [
            Part("image", media_index=2),
            Part("text", 0, 1),
            Part("audio", media_index=1),
            Part("text", 1, 2),
            Part("image", media_index=0),
        ],
    )
    encoded = encode_record(TOKENIZER, page, [rows(3), rows(1), rows(2)])
    assert shape(encoded) == ["<image*2>", "a", "<audio*1>", "b", "<image*3>"]
    assert [(s.modality, s.length, s.media_index) for s in encoded.spans] == [
        ("image", 2, 2),
        ("audio", 1, 1),
        ("image", 3, 0),
    ]
    for span in encoded.spans:
        found = encoded.ids[span.start : span.start + span.length]
        assert set(found.tolist()) == {SPACE.soft[span.modality]}
        assert encoded.ids[span.start - 1] == SPACE.begin(span.modality)
        assert encoded.ids[span.start + span.length] == SPACE.end(span.modality)


def test_text_goes_in_the_order_of_its_bytes_whatever_parts_say():
    odd = record(
        "abcdef",
        [ref()],
        [
            Part("chapter", 3, 6),
            Part("caption", 4, 5),
            Part("image", media_index=0),
            Part("x", 0, 3),
        ],
    )
    assert shape(encode_record(TOKENIZER, odd, [rows(1)])) == ["abcdef", "<image*1>"]


@pytest.mark.parametrize(
    ("modality", "mime", "part", "kind"),
    [
        (Modality.AUDIO, "video/mp4", None, "audio"),
        (Modality.INTERLEAVED, "image/png", None, "image"),
        (Modality.VIDEO, "application/ogg", None, "video"),
        (Modality.INTERLEAVED, "video/mp4", "audio", "audio"),
        (Modality.INTERLEAVED, "image/png", "figure", "image"),
    ],
)
def test_what_a_medium_is(modality, mime, part, kind):
    parts = [Part(part, media_index=0)] if part else []
    assert media_kinds(record("", [ref(mime)], parts, modality)) == [kind]


@pytest.mark.parametrize("literal", reserved.META_PIECES)
def test_no_literal_of_a_user_becomes_a_control_id(literal):
    text = f"a{literal}b {literal}{literal}"
    ids = encode_record(TOKENIZER, record(text)).ids
    assert not SPECIAL & set(ids[1:-1].tolist())
    if reserved.SPACE not in literal:
        assert TOKENIZER.decode(ids[1:-1]) == text


# U+2581 is how sentencepiece writes a space, so it cannot give it back.
texts = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\u2581"), max_size=30
) | st.sampled_from(["<start_of_image>", "<eos> the", "<soft_image>", "\n\n  x", "<0x0A>"])


@st.composite
def documents(draw):
    """A record with text parts, gaps between them and media, and soft inputs for it."""
    steps = draw(st.lists(st.tuples(texts, st.booleans(), st.integers(0, 3)), max_size=6))
    text, parts, media, soft = b"", [], [], []
    for piece, named, n in steps:
        data = piece.encode()
        if named:
            parts.append(Part("text", len(text), len(text) + len(data)))
        text += data
        if n:
            kind = ("image", "audio", "video")[n - 1]
            if draw(st.booleans()):
                parts.append(Part(kind, media_index=len(media)))
            media.append(ref(f"{kind}/x"))
            soft.append(rows(draw(st.integers(1, 5))) if draw(st.booleans()) else None)
    return record(text.decode(), media, parts), soft


@given(documents())
def test_every_byte_of_text_and_every_row_is_there_once(document):
    made, soft = document
    encoded = encode_record(TOKENIZER, made, soft)
    ids = encoded.ids[1:-1]
    inside = np.ones(len(encoded.ids), bool)
    inside[[0, -1]] = False
    for span in encoded.spans:
        assert span.length == len(soft[span.media_index])
        where = slice(span.start, span.start + span.length)
        assert set(encoded.ids[where].tolist()) == {SPACE.soft[span.modality]}
        inside[span.start - 1 : span.start + span.length + 1] = False
    text_ids = encoded.ids[inside]
    assert not SPECIAL & set(text_ids.tolist())
    assert encoded.text_bytes == len(made.text.encode())
    # Decoding piece by piece: bytes of one character never lie on both sides of a medium.
    edges = np.flatnonzero(np.diff(np.r_[0, inside.view(np.int8), 0]))
    pieces = [TOKENIZER.decode(encoded.ids[a:b]) for a, b in zip(edges[::2], edges[1::2])]
    assert "".join(pieces) == made.text
    assert sorted(s.media_index for s in encoded.spans) == [
        i for i, found in enumerate(soft) if found is not None
    ]
    n_media = sum(len(found) + 2 for found in soft if found is not None)
    assert len(ids) == len(text_ids) + n_media


@given(st.lists(documents(), max_size=4))
def test_many_at_once_are_as_one_by_one_in_a_single_call(found):
    made, soft = [d[0] for d in found], [d[1] for d in found]
    before = TOKENIZER.calls
    together = encode_records(TOKENIZER, made, soft)
    assert TOKENIZER.calls == before + 1
    for one, a, b in zip(together, made, soft, strict=True):
        alone = encode_record(TOKENIZER, a, b)
        np.testing.assert_array_equal(one.ids, alone.ids)
        assert (one.text_bytes, one.spans) == (alone.text_bytes, alone.spans)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part("text", 0, 9), "0 to 9 of 4"),
        (Part("text", 3, 2), "3 to 2"),
        (Part("text", -1, 2), "-1 to 2"),
        (Part("text", 0, None), "0 to None"),
        (Part("text"), "None to None"),
        (Part("image", media_index=1), "media_index 1 of 1"),
        (Part("image", media_index=-1), "media_index -1"),
    ],
)
def test_parts_that_do_not_fit_are_an_error(part, message):
    with pytest.raises(CastorError, match="x:1") as caught:
        encode_record(TOKENIZER, record("abcd", [ref()], [part]), [None])
    assert message in str(caught.value)


def test_half_a_character_is_an_error():
    parts = [Part("text", 0, 1), Part("image", media_index=0)]
    with pytest.raises(CastorError, match="cuts a character"):
        encode_record(TOKENIZER, record("é", [ref()], parts), [rows(1)])


@pytest.mark.parametrize("soft", [[], [None, None], [rows(0)], [np.zeros(3)]])
def test_soft_inputs_that_do_not_fit_are_an_error(soft):
    with pytest.raises(CastorError, match="soft inputs"):
        encode_record(TOKENIZER, record("a", [ref()]), soft)


def test_a_medium_of_no_known_kind_is_an_error():
    with pytest.raises(CastorError, match="application/pdf"):
        encode_record(TOKENIZER, record("a", [ref("application/pdf")]), [None])
