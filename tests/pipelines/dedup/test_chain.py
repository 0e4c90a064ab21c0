"""From texts in Parquet shards to matches, the way the stages of a run are put together."""

import hashlib
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from castor.filters.kernels.minhash import bands, minhash
from castor.filters.kernels.words import normalised_words
from castor.filters.record import Modality, Record, to_batch
from castor.pipelines.dedup import candidates, exact, resolve, shingles, signatures


def corpus():
    """Three shards of texts: originals, exact copies, changed copies, and a dead row."""
    rng = random.Random(3)
    originals = [" ".join(f"w{rng.randrange(5000)}" for _ in range(120)) for _ in range(8)]
    changed = [" ".join([*t.split()[:116], "new", "end"]) for t in originals[:4]]
    shards = [[*originals[:5], "tiny text"], [*changed, originals[0], "tiny text"], originals[5:]]
    shards[2] += [changed[0], "", originals[6] + " "]
    return shards


DEAD = (2, 4)  # the first empty text's place; nothing may name it


def batch_of(texts, shard):
    def digest(text):
        return hashlib.blake2b(text.strip().encode(), digest_size=16).digest() if text else None

    return to_batch(
        Record(f"{shard}-{i}", "s", Modality.TEXT, t, content_hash=digest(t))
        for i, t in enumerate(texts)
    )


def run(tmp_path, order, n_prefixes):
    sent_exact, sent_bands = {}, {}
    batches = {shard: batch_of(texts, shard) for shard, texts in enumerate(corpus())}
    for shard in order:
        batch = batches[shard]
        pq.write_table(pa.Table.from_batches([batch]), tmp_path / f"{shard}.parquet")
        alive = np.ones(batch.num_rows, bool)
        if shard == DEAD[0]:
            alive[DEAD[1]] = False
        hashes, _, _, offsets = normalised_words(batch.column("text"))
        keys = bands(minhash(hashes, offsets))
        column = pa.FixedSizeListArray.from_arrays(pa.array(keys.ravel()), keys.shape[1])
        for prefix, blob in signatures.by_prefix(
            signatures.pack_exact(batch, shard, 0, alive), n_prefixes
        ):
            sent_exact.setdefault(prefix, []).append(blob)
        for prefix, blob in signatures.by_prefix(
            signatures.pack_bands(batch, column, shard, 0, alive), n_prefixes
        ):
            sent_bands.setdefault(prefix, []).append(blob)
    same = candidates.join_exact(
        exact.exact_duplicates(blobs).tobytes() for blobs in sent_exact.values()
    )
    groups = [candidates.candidate_groups(blobs).tobytes() for blobs in sent_bands.values()]
    shared = candidates.without(candidates.sorted_groups(groups), same)
    wanted = candidates.rows_to_read(signatures.place(shared))
    sets = {}
    for shard, rows in wanted.items():
        shingles.write_shingles(tmp_path / f"{shard}.parquet", rows, tmp_path / f"{shard}.shingles")
        sets[shard] = shingles.read_shingles(tmp_path / f"{shard}.shingles")
    return resolve.all_matches(same, resolve.near_duplicates(groups, same, sets))


def test_what_is_removed_and_what_it_duplicates(tmp_path):
    matches = run(tmp_path, [0, 1, 2], 16)
    got = {tuple(m)[:2]: tuple(m)[2:4] for m in matches.tolist()}
    assert got == {
        (1, 0): (0, 0), (1, 1): (0, 1), (1, 2): (0, 2), (1, 3): (0, 3),  # changed copies
        (1, 4): (0, 0), (1, 5): (0, 5),  # exact copies
        (2, 1): (2, 5),  # the copy with one more byte is kept
        (2, 3): (0, 0),  # exact copy of (1, 0), which is no reference
    }  # fmt: skip
    methods = {tuple(m)[:2]: signatures.METHODS[m[5]] for m in matches.tolist()}
    assert methods[1, 4] == "exact"
    assert methods[2, 3] == methods[1, 0] == "near"


@pytest.mark.parametrize("order, n_prefixes", [([2, 0, 1], 1), ([1, 2, 0], 7)])
def test_nothing_depends_on_the_order_or_on_the_number_of_prefixes(tmp_path, order, n_prefixes):
    expected = run(tmp_path, [0, 1, 2], 16)
    assert run(tmp_path, order, n_prefixes).tolist() == expected.tolist()
