"""The pieces of a text: ids, bytes and kinds, and that nothing is missing between them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from castor.tokenizer.inspection import pieces


def shown(tokenizer, text):
    return [(p.piece, p.kind, p.bytes) for p in pieces(tokenizer, text)]


def test_every_kind_that_text_can_give(tokenizer):
    found = shown(tokenizer, "th<b>\n\n🦉")
    assert found[0] == ("th", "normal", b"th")
    assert found[1] == ("<b>", "user-defined", b"<b>")
    assert found[2] == ("\n\n", "user-defined", b"\n\n")
    assert found[3:] == [(f"<0x{b:02X}>", "byte", bytes([b])) for b in "🦉".encode()]


def test_a_control_literal_is_ordinary_text(tokenizer):
    found = shown(tokenizer, "<start_of_image>")
    assert len(found) > 1
    assert {kind for _, kind, _ in found} <= {"normal", "byte"}
    assert b"".join(data for _, _, data in found) == b"<start_of_image>"


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\u2581")))
def test_pieces_are_the_text(tokenizer, text):
    found = pieces(tokenizer, text)
    data = text.encode()
    assert b"".join(p.bytes for p in found) == data
    np.testing.assert_array_equal([p.id for p in found], tokenizer.encode(text))
    for piece in found:
        assert data[piece.start : piece.end] == piece.bytes


def test_json_holds_bytes_in_hexadecimal(tokenizer):
    found = [p.to_json() for p in pieces(tokenizer, "th🦉")]
    assert found[0] | {"id": 0} == {
        "id": 0,
        "piece": "th",
        "kind": "normal",
        "bytes": "7468",
        "text": "th",
        "start": 0,
        "end": 2,
    }
    assert found[1]["bytes"] == "f0"
    assert found[1]["text"] is None


def test_bytes_that_are_no_utf8_are_shown_as_what_they_become(tokenizer):
    assert b"".join(p.bytes for p in pieces(tokenizer, b"a\xffb")) == "a\ufffdb".encode()
