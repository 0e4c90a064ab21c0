"""Speed of the loader: rows of 2,048 tokens with masks, segments and positions, on one core.

Million tokens per CPU second, without threads, from a made dataset of 64 million tokens in four
sources whose rows a plan shuffles and mixes. The peer is grain over ArrayRecord: the same rows in
the same order, stored ready as 2,049 ids, made into the same arrays by plain numpy; and again
into inputs and targets only. `python tests/bench/bench_loader.py` runs it alone.
"""

import dataclasses
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from corpus import seconds

from castor.mixtures.loader import Loader
from castor.mixtures.pack import PACKINGS, build_index, row_source
from castor.mixtures.plan import Plan, PlanStage
from castor.mixtures.rows import RowSource
from castor.mixtures.tokens import BOS_ID, EOS_ID, PAD_ID, Document, Tokens, open_tokens

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from tokens import write_tokens

TOKENS = 16_000_000  # in each source
SOURCES = {"chat": 120, "web": 700, "code": 1_500, "books": 30_000}  # mean tokens of a document
LENGTH = 2_048
BATCH = 32  # rows
BLOCK = 1_024  # rows
STEPS = 64  # batches in one measurement: 4.2 million tokens


def make(folder: pathlib.Path) -> Tokens:
    """A token dataset of chance ids, documents of geometric length, four parts a source."""
    rng = np.random.default_rng(0)
    documents = []
    for source, mean in SOURCES.items():
        lengths = rng.geometric(1 / mean, TOKENS // mean) + 2
        ids = rng.integers(512, 32_000, int(lengths.sum()), np.uint32)
        stops = np.cumsum(lengths)
        ids[stops - lengths], ids[stops - 1] = BOS_ID, EOS_ID
        for i, one in enumerate(np.split(ids, stops[:-1])):
            documents.append(Document(f"{source}:{i}", source, "text", "en", one, 4 * len(one)))
    return open_tokens(write_tokens(folder, documents, parts=4))


@dataclasses.dataclass(frozen=True)
class Mixture:
    """What the loader needs of a compiled mixture: equal shares of some sources."""

    plan: Plan
    sources: list[RowSource]
    sequences: int = STEPS * BATCH
    sequence_length: int = LENGTH
    soft_dims: dict[str, int] = dataclasses.field(default_factory=dict)


def mixed(sources: list[RowSource]) -> Mixture:
    """A mixture of equal shares."""
    names = [s.source.name for s in sources]
    share = (1 / len(names),) * len(names)
    stage = PlanStage(-(-STEPS * BATCH // BLOCK), share, share)
    plan = Plan(names, [s.rows for s in sources], [stage], seed=1, block=BLOCK)
    return Mixture(plan, sources)


def read(loader: Loader) -> None:
    """The first batches, one after the other."""
    for step in range(STEPS):
        loader.batches(step)


def array_record(folder: pathlib.Path, sources: list[RowSource]) -> list[str]:
    """The rows of every source as a file of ArrayRecord, a row a record."""
    from array_record.python.array_record_module import ArrayRecordWriter

    paths = []
    for number, source in enumerate(sources):
        path = str(folder / f"{number}.array_record")
        writer = ArrayRecordWriter(path, "group_size:1,uncompressed")
        for row in range(source.rows):
            batch = source.gather(np.array([row]))
            ids = np.concatenate([batch["inputs"][0], batch["targets"][0, -1:]])
            writer.write(ids.astype("<u4").tobytes())
        writer.close()
        paths.append(path)
    return paths


def parse_ids(record: bytes) -> dict[str, np.ndarray]:
    """Inputs and targets of a stored row."""
    ids = np.frombuffer(record, "<u4").astype(np.int32)
    return {"inputs": ids[:-1], "targets": ids[1:]}


def parse(record: bytes) -> dict[str, np.ndarray]:
    """All arrays of a stored row, documents told by their first id."""
    row = parse_ids(record)
    begins = row["inputs"] == BOS_ID
    begins[0] = True
    place = np.arange(LENGTH, dtype=np.int32)
    row["segment_ids"] = np.cumsum(begins, dtype=np.int32)
    row["positions"] = place - np.maximum.accumulate(np.where(begins, place, 0))
    targets = row["targets"]
    row["loss_mask"] = ((targets != BOS_ID) & (targets != PAD_ID)).astype(np.float32)
    return row


def grain_reads(
    paths: list[str], mixture: Mixture, make: Callable[[bytes], dict[str, np.ndarray]]
) -> None:
    """The same rows in the same order through grain, without threads."""
    import grain

    source, _, row = mixture.plan.locate(np.arange(STEPS * BATCH))
    first = np.cumsum([0] + [s.rows for s in mixture.sources])
    order = (first[source] + row).tolist()
    records = grain.sources.ArrayRecordDataSource(paths)
    rows = grain.MapDataset.range(len(order)).map(lambda i: make(records[order[i]])).batch(BATCH)
    for _ in rows.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)):
        pass


def check_same(paths: list[str], mixture: Mixture) -> None:
    """Fails if the peer's rows are other rows."""
    import grain

    batch = Loader(mixture, BATCH).batches(0)
    source, _, row = mixture.plan.locate(np.arange(BATCH))
    first = np.cumsum([0] + [s.rows for s in mixture.sources])
    records = grain.sources.ArrayRecordDataSource(paths)
    for i, place in enumerate((first[source] + row).tolist()):
        for name, array in parse(records[place]).items():
            np.testing.assert_array_equal(batch[name][i], array, name)


def main() -> dict[str, float]:
    """Prints and returns each measure."""
    million = STEPS * BATCH * LENGTH / 1e6
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        tokens = make(root / "tokens")
        for packing in PACKINGS:
            name = f"{packing}_mtok_s".replace("-", "_")
            sources = []
            for one in tokens.names:
                source, index = tokens.source(one), root / packing / one
                start = time.process_time()
                build_index(source, packing, LENGTH, index)
                if one == "web":
                    spent = time.process_time() - start
                    found[f"{packing}_index_mtok_s".replace("-", "_")] = source.tokens / 1e6 / spent
                sources.append(row_source(source, packing, LENGTH, index))
                loader = Loader(mixed(sources[-1:]), BATCH)
                found[f"{name}_{one}"] = million / seconds(lambda to=loader: read(to), 3)
            mixture = mixed(sources)
            loader = Loader(mixture, BATCH)
            found[name] = million / seconds(lambda to=loader: read(to))
            if packing == "concat-chunk":
                paths = array_record(root, sources)
                check_same(paths, mixture)
                for peer, make_row in (("array_record", parse), ("array_record_of_ids", parse_ids)):
                    found[f"{peer}_{name}"] = million / seconds(
                        lambda files=paths, rows=mixture, to=make_row: grain_reads(files, rows, to)
                    )
    for name, value in found.items():
        print(f"{name:42} {value:8.1f}")
    return found


if __name__ == "__main__":
    main()
