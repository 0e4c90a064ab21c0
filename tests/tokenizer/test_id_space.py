"""One space of ids: nothing overlaps, nothing is lost on the way through JSON."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import id_space, reserved

CONTROL = {name: i for i, name in enumerate(["<pad>", "<eos>", "<bos>", "<unk>"])} | {
    name: 4 + i for i, name in enumerate(reserved.CONTROL_SYMBOLS)
}


@given(st.integers(500, 300_000), st.integers(0, 100_000))
def test_the_ranges_follow_one_another_and_are_a_multiple_of_256(text_size, codes):
    space = id_space.make(text_size, CONTROL, codes)
    assert space.image_codes == (text_size, text_size + codes)
    assert list(space.soft.values()) == [text_size + codes + i for i in range(3)]
    assert space.size % 256 == 0
    assert text_size + codes + 3 <= space.size < text_size + codes + 3 + 256
    assert id_space.IdSpace.from_json(space.to_json()) == space


def test_what_the_ids_of_a_small_space_are():
    space = id_space.make(1000, CONTROL, 10)
    assert (space.pad, space.eos, space.bos, space.unk) == (0, 1, 2, 3)
    assert space.soft == {"image": 1010, "audio": 1011, "video": 1012}
    assert space.size == 1024
    assert space.begin("image") == CONTROL["<start_of_image>"]
    assert space.end("video") == CONTROL["<end_of_video>"]
    with pytest.raises(ConfigError, match="no ids for this modality"):
        space.begin("text")


@pytest.mark.parametrize(
    "change",
    [
        {"size": 2048},
        {"image_codes": [1001, 1010]},
        {"soft": {"image": 5, "audio": 6, "video": 7}},
        {"control": None},
    ],
)
def test_a_damaged_space_is_an_error(change):
    value = id_space.make(1000, CONTROL, 10).to_json() | change
    with pytest.raises(CastorError, match="id space"):
        id_space.IdSpace.from_json(value, where="manifest")


def test_an_impossible_number_of_codes_is_an_error():
    with pytest.raises(ConfigError, match="image codes is out of range"):
        id_space.make(1000, CONTROL, -1)
    with pytest.raises(ConfigError, match="pieces is out of range"):
        id_space.make(1 << 30, CONTROL)


def test_reserved_pieces_are_distinct_and_runs_of_spaces_are_not_literal_spaces():
    assert len(set(reserved.META_PIECES)) == reserved.N_RESERVED == 478
    assert not any(" " in piece for piece in reserved.META_PIECES)
    assert len(reserved.HTML_TAGS) == 48
    for run in (reserved.SPACE, "\n"):
        own = [p for p in reserved.USER_DEFINED_SYMBOLS if set(p) == {run}]
        assert sorted(map(len, own)) == list(range(2 if run == reserved.SPACE else 1, 32))


def test_no_control_piece_is_text_too():
    assert not set(reserved.CONTROL_SYMBOLS) & set(reserved.USER_DEFINED_SYMBOLS)
    for modality, name in itertools.product(reserved.MODALITIES, ("start", "end")):
        assert f"<{name}_of_{modality}>" in reserved.CONTROL_SYMBOLS
