"""Packed signatures: what they hold of a row, and how prefixes cut them."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from castor.filters.record import MediaRef, Modality, Record, to_batch
from castor.pipelines.dedup import signatures
from castor.pipelines.dedup.signatures import BAND, EXACT, SAMPLE


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def record(key, text, content_hash, media=()):
    modality = Modality.IMAGE if text is None else Modality.TEXT
    return Record(key, "s", modality, text, media, content_hash=content_hash)


PICTURE = MediaRef("s:a.png", None, 0, 700, "image/png", b"0" * 16)
BATCH = to_batch(
    [
        record("a", "some text", digest("a")),
        record("b", "größer", digest("b")),
        record("c", None, digest("c"), (PICTURE, PICTURE)),
        record("d", "", None),
        record("e", "dropped", digest("e")),
        record("f", "with a picture", digest("f"), (PICTURE,)),
    ]
)
ALIVE = np.array([True, True, True, True, False, True])


def band_column(rows):
    return pa.array(rows, pa.list_(pa.uint64(), 2))


def test_exact_signatures_hold_the_hash_the_size_and_the_place():
    packed = signatures.pack_exact(BATCH, 7, 100, ALIVE)
    assert packed.dtype == EXACT
    hashes = [int(h) << 64 | int(low) for h, low in zip(packed["hash_hi"], packed["hash_lo"])]
    assert hashes == [int.from_bytes(digest(k), "big") for k in "abcf"]
    assert packed["n_bytes"].tolist() == [9, 8, 1400, 14]
    assert packed["shard"].tolist() == [7] * 4
    assert packed["row"].tolist() == [100, 101, 102, 105]


def test_exact_signatures_of_a_slice_are_those_of_its_rows():
    whole = signatures.pack_exact(BATCH, 1, 0)
    cut = signatures.pack_exact(BATCH.slice(2), 1, 2)
    assert cut.tolist() == [row for row in whole.tolist() if row[4] >= 2]


def test_rows_without_bands_and_dead_rows_have_no_band_signatures():
    column = band_column([[1, 2], [3, 4], None, None, [5, 6], [1, 1]])
    packed = signatures.pack_bands(BATCH, column, 3, 50, ALIVE)
    assert packed.dtype == BAND
    assert packed["row"].tolist() == [50, 50, 51, 51, 55, 55]
    assert packed["n_bytes"].tolist() == [9, 9, 8, 8, 14, 14]
    assert packed["band_hash"][0] == packed["band_hash"][4]


def test_rows_whose_keys_are_all_zero_have_no_band_signatures():
    column = band_column([[0, 0], [0, 4], None, None, [5, 6], [1, 1]])
    assert signatures.pack_bands(BATCH, column, 0, 0)["row"].tolist() == [1, 1, 4, 4, 5, 5]


def test_bands_of_a_slice_are_those_of_its_rows():
    column = band_column([[1, 2], [3, 4], None, None, [5, 6], [1, 1]])
    whole = signatures.pack_bands(BATCH, column, 0, 0)
    cut = signatures.pack_bands(BATCH.slice(1), column.slice(1), 0, 1)
    assert cut.tolist() == whole.tolist()[2:]


@pytest.mark.parametrize("n_prefixes", [1, 3, 16, 256])
def test_prefixes_cut_every_signature_into_one_range_of_hashes(n_prefixes):
    rng = np.random.default_rng(0)
    array = np.zeros(1000, BAND)
    array["band_hash"] = rng.integers(0, 2**64, 1000, np.uint64)
    array["band_hash"][:2] = 0, 2**64 - 1
    array["row"] = np.arange(1000)
    pieces = list(signatures.by_prefix(array, n_prefixes))
    assert [p for p, _ in pieces] == sorted({p for p, _ in pieces})
    rows = []
    for prefix, blob in pieces:
        piece = signatures.unpack([blob], BAND)
        rows += piece["row"].tolist()
        assert all(h * n_prefixes >> 64 == prefix for h in piece["band_hash"].tolist())
    assert sorted(rows) == list(range(1000))


def test_nothing_to_pack_gives_nothing():
    dead = np.zeros(BATCH.num_rows, bool)
    assert len(signatures.pack_exact(BATCH, 0, 0, dead)) == 0
    column = band_column([None] * BATCH.num_rows)
    assert list(signatures.by_prefix(signatures.pack_bands(BATCH, column, 0, 0), 16)) == []


def test_sample_signatures_hold_the_gram_the_size_the_place_and_how_many_there_are():
    column = pa.array([[5, 8], [5], None, [], [7], [9]], pa.list_(pa.uint64()))
    packed = signatures.pack_samples(BATCH, column, 3, 50, ALIVE)
    assert packed.dtype == SAMPLE
    assert packed.tolist() == [
        (5, 9, 3, 50, 2), (8, 9, 3, 50, 2), (5, 8, 3, 51, 1), (9, 14, 3, 55, 1)
    ]  # fmt: skip
    cut = signatures.pack_samples(BATCH.slice(1), column.slice(1), 3, 51, ALIVE[1:])
    assert cut.tolist() == packed.tolist()[2:]
