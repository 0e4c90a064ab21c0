"""Speed of MinHash (shingling included), of near-duplicate matching and of the benchmark scan.

MB of UTF-8 per CPU second of one core. `python tests/bench/bench_dedup.py` runs it alone, on the
kit's books and all its benchmarks where CASTOR_DATA or ../shared/data has them, else on made-up
words.
"""

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from corpus import books, cut, data_kit, seconds

from castor.filters.kernels.minhash import BANDS, PERMUTATIONS, bands, minhash
from castor.filters.kernels.words import normalised_words
from castor.pipelines.decontaminate.benchmarks import load_benchmarks
from castor.pipelines.decontaminate.fields import Item
from castor.pipelines.decontaminate.index import Index, build_index
from castor.pipelines.decontaminate.scan import scan
from castor.pipelines.dedup import candidates, resolve
from castor.pipelines.dedup.shingles import Shingles, shingle_sets
from castor.pipelines.dedup.signatures import BAND, MATCH


def signatures(column: pa.Array) -> np.ndarray:
    """Band keys of every document, from the text on."""
    hashes, _, _, offsets = normalised_words(column)
    return bands(minhash(hashes, offsets))


def datasketch_signatures(texts: list[str]) -> None:
    """The same with datasketch: word 5-grams, 112 permutations."""
    from datasketch import MinHash

    for text in texts:
        words = text.lower().split()
        grams = {" ".join(words[i : i + 5]).encode() for i in range(max(1, len(words) - 4))}
        signature = MinHash(num_perm=PERMUTATIONS)
        signature.update_batch(list(grams))


def match(column: pa.Array) -> int:
    """Near-duplicates among the documents and a changed copy of each; returns their number."""
    both = pa.concat_arrays([column, pc.utf8_slice_codeunits(column, 0, 3300)])
    values, offsets = shingle_sets(both)
    rows = np.arange(len(both), dtype=np.uint64)
    sets = {0: Shingles(rows, offsets.astype(np.uint64), values)}
    keys = signatures(both)
    packed = np.zeros(keys.shape, BAND)
    packed["band_hash"], packed["row"] = keys, rows[:, None]
    packed["n_bytes"] = pc.binary_length(both).to_numpy()[:, None]
    groups = candidates.candidate_groups([packed.tobytes()])
    return len(resolve.near_duplicates([groups.tobytes()], np.empty(0, MATCH), sets))


def index_of(kit: pathlib.Path | None) -> Index:
    """The kit's benchmarks, or as many made-up items."""
    if kit is not None and (kit / "evals").is_dir():
        against = load_benchmarks(kit / "evals", exclude=["contaminated-examples/*"])
        return build_index(against.items)
    rng = np.random.default_rng(1)
    words = rng.integers(0, 50_000, (30_000, 40))
    return build_index(
        tuple(
            Item("made", str(i), " ".join(f"item{w}" for w in row)) for i, row in enumerate(words)
        )
    )


def main() -> dict[str, float]:
    """Prints and returns each measure."""
    kit = data_kit()
    texts = cut(books(kit))
    column = pa.array(texts, pa.large_string())
    size = sum(len(t.encode()) for t in texts) / 1e6
    few = texts[:100]
    few_size = sum(len(t.encode()) for t in few) / 1e6
    index = index_of(kit)
    found = {
        "minhash_mb_s": size / seconds(lambda: signatures(column)),
        "datasketch_minhash_mb_s": few_size / seconds(lambda: datasketch_signatures(few)),
        "shingle_sets_mb_s": size / seconds(lambda: shingle_sets(column)),
        "signatures_and_match_mb_s": 2 * size / seconds(lambda: match(column)),
        "contamination_scan_mb_s": size / seconds(lambda: scan(column, index)),
        "index_items": len(index.items),
        "index_mb": index.n_bytes / 1e6,
        "bands": BANDS,
    }
    try:
        from rensa import RMinHash
    except ImportError:
        print("rensa is not installed, so it is not compared")
    else:

        def with_rensa() -> None:
            for text in texts:
                words = text.lower().split()
                grams = [" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))]
                RMinHash(num_perm=PERMUTATIONS, seed=1).update(grams)

        found["rensa_minhash_mb_s"] = size / seconds(with_rensa)
    for name, value in found.items():
        print(f"{name:28} {value:10.2f}")
    return found


if __name__ == "__main__":
    main()
