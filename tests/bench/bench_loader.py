"""Speed of the loader: rows of 2,048 tokens with masks, segments and positions, on one core.

Million tokens per CPU second, from a made dataset of 64 million tokens in four sources whose
rows are read in shuffled order, as a mixture has them. The peer is grain over ArrayRecord with
the same rows in the same order, ready-made of 2,049 ids: it makes inputs and targets only.
`python tests/bench/bench_loader.py` runs it alone.
"""

import dataclasses
import pathlib
import sys
import tempfile

import numpy as np
from corpus import seconds

from castor.mixtures.loader import Loader
from castor.mixtures.pack import PACKINGS, build_index, row_source
from castor.mixtures.rows import RowSource
from castor.mixtures.tokens import BOS_ID, EOS_ID, Document, Tokens, open_tokens

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from tokens import write_tokens

TOKENS = 16_000_000  # in each source
SOURCES = {"chat": 120, "web": 700, "code": 1_500, "books": 30_000}  # mean tokens of a document
LENGTH = 2_048
BATCH = 32  # rows
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
class Shuffled:
    """A mixture of equal shares whose plan is an array: what is measured is reading."""

    sources: list[RowSource]
    order: np.ndarray  # int64 [sequences, 2]: source, row
    sequence_length: int = LENGTH
    soft_dims: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def plan(self) -> "Shuffled":
        """Itself."""
        return self

    @property
    def sequences(self) -> int:
        """Rows in all."""
        return len(self.order)

    def locate(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Looks them up."""
        source, row = self.order[index].T
        return source.astype(np.int32), np.zeros(len(index), np.int32), row


def shuffled(sources: list[RowSource]) -> Shuffled:
    """All rows of the sources once, in chance order."""
    rows = [np.stack([np.full(s.rows, i), np.arange(s.rows)], 1) for i, s in enumerate(sources)]
    return Shuffled(sources, np.random.default_rng(1).permutation(np.concatenate(rows)))


def read(loader: Loader) -> None:
    """The first batches, one after the other."""
    for step in range(STEPS):
        loader.batches(step)


def array_record(folder: pathlib.Path, mixture: Shuffled) -> list[str]:
    """The rows of every source as a file of ArrayRecord, a row a record."""
    from array_record.python.array_record_module import ArrayRecordWriter

    paths = []
    for number, source in enumerate(mixture.sources):
        path = str(folder / f"{number}.array_record")
        writer = ArrayRecordWriter(path, "group_size:1,uncompressed")
        for row in range(source.rows):
            batch = source.gather(np.array([row]))
            ids = np.concatenate([batch["inputs"][0], batch["targets"][0, -1:]])
            writer.write(ids.astype("<u4").tobytes())
        writer.close()
        paths.append(path)
    return paths


def grain_reads(paths: list[str], mixture: Shuffled) -> None:
    """The same rows through grain's own source, parsing and batching, without threads."""
    import grain

    source = grain.sources.ArrayRecordDataSource(paths)
    first = np.cumsum([0] + [s.rows for s in mixture.sources])
    order = first[mixture.order[:, 0]] + mixture.order[:, 1]

    def parse(index: int) -> dict[str, np.ndarray]:
        ids = np.frombuffer(source[int(order[index])], "<u4").astype(np.int32)
        return {"inputs": ids[:-1], "targets": ids[1:]}

    dataset = grain.MapDataset.range(STEPS * BATCH).map(parse).batch(BATCH)
    for _ in dataset.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)):
        pass


def main() -> dict[str, float]:
    """Prints and returns each measure."""
    million = STEPS * BATCH * LENGTH / 1e6
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        tokens = make(root / "tokens")
        for packing in PACKINGS:
            sources = []
            for name in tokens.names:
                source = tokens.source(name)
                build_index(source, packing, LENGTH, root / packing / name)
                sources.append(row_source(source, packing, LENGTH, root / packing / name))
                loader = Loader(shuffled(sources[-1:]), BATCH)
                measure = f"{packing}_{name}_mtok_s"
                found[measure.replace("-", "_")] = million / seconds(lambda to=loader: read(to), 3)
            mixture = shuffled(sources)
            loader = Loader(mixture, BATCH)
            measure = f"{packing}_mtok_s".replace("-", "_")
            found[measure] = million / seconds(lambda to=loader: read(to))
            if packing == "concat-chunk":
                paths = array_record(root, mixture)
                peer = seconds(lambda files=paths, rows=mixture: grain_reads(files, rows))
                found[f"grain_array_record_{measure}"] = million / peer
    for name, value in found.items():
        print(f"{name:42} {value:8.1f}")
    return found


if __name__ == "__main__":
    main()
