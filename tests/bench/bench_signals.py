"""Speed of the text kernels, of the annotators, and of FineWeb's four filters beside datatrove.

MB of UTF-8 per CPU second of one core, on the kit's web pages (`english`: of news sites in
English; `web`: of all kinds in many languages) and books where CASTOR_DATA or ../shared/data has
them, else on made-up words. `fineweb_chain` is what `castor run` does for policy
fineweb/datatrove once a batch is there: annotate and decide. `counts` is its kernel with an empty
table of chunks, `counts_again` with one that the same text has filled. datatrove runs on fewer of
the same texts. `threads_x` is how much sooner two threads are done than one, by the clock.
"""

import functools
import gzip
import hashlib
import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from corpus import books, cut, data_kit, seconds
from peers import NoPeersError, ask

from castor.filters import policy
from castor.filters.annotator import Annotator
from castor.filters.content_hash import content_hashes
from castor.filters.kernels import c4, repetition, scan
from castor.filters.kernels.datatrove import counts as kernel
from castor.filters.kernels.words import normalised_words
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

CHARACTERS = 4_000_000
PEER_CHARACTERS = 250_000
CHAIN = "fineweb/datatrove"


def extracted(pages: Iterator[str]) -> list[str]:
    """The main text of pages, as resiliparse reads them."""
    from resiliparse.extract.html2text import extract_plain_text

    texts = (extract_plain_text(p, main_content=True, alt_texts=False) for p in pages)
    return [t for t in texts if t]


def web(kit: pathlib.Path) -> Iterator[str]:
    """Archived pages of all kinds."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with open(kit / "web/extraction/trafilatura/pages-a.warc.gz", "rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            yield record.reader.read().decode("utf-8", "replace")


def english(kit: pathlib.Path) -> list[str]:
    """The hand-made article bodies of pages in English, each once."""
    path = kit / "web/extraction/scrapinghub/ground-truth.json.gz"
    return [page["articleBody"] for page in json.loads(gzip.decompress(path.read_bytes())).values()]


def python_hashes(texts: Sequence[str]) -> None:
    """Content hashes without kernels."""
    for text in texts:
        hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).digest()


def batch_of(texts: Sequence[str]) -> pa.RecordBatch:
    """The texts as one batch of records."""
    return to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(texts))


def chain(batch: pa.RecordBatch) -> pa.ListArray:
    """Reasons of FineWeb's four filters for each row."""
    signals = load("annotator", "text_datatrove").annotate(batch)
    for field, column in zip(signals.schema, signals.columns, strict=True):
        batch = batch.append_column(field, column)
    return policy.load(CHAIN).decide(batch)


def empty_seconds(column: pa.Array, repeats: int = 5) -> float:
    """CPU seconds of the kernel when nothing is kept from an earlier call; the best of some."""
    best = float("inf")
    for _ in range(repeats):
        vars(kernel._KEPT).clear()
        start = time.process_time()
        kernel.counts(column)
        best = min(best, time.process_time() - start)
    return best


def threads_x(texts: Sequence[str], repeats: int = 5) -> float:
    """Time of one thread over that of two for the same texts, by the clock; the best of each."""
    halves = [pa.array(texts[k::2], pa.large_string()) for k in range(2)]

    def one() -> None:
        for half in halves:
            kernel.counts(half)

    pool = ThreadPoolExecutor(2)
    both = threading.Barrier(2)

    def half_of(half: pa.Array) -> None:
        both.wait()  # so that each thread takes one
        kernel.counts(half)

    def two() -> None:
        list(pool.map(half_of, halves))

    best = []
    for work in (one, two):
        work()
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
        best.append(min(taken))
    return best[0] / best[1]


def measure(texts: list[str]) -> dict[str, float]:
    """MB per second of each step on the texts."""
    batch = batch_of(texts)
    column = batch.column("text")
    size = sum(len(t.encode()) for t in texts) / 1e6
    scanned = scan.scan(column)
    annotators: dict[str, Annotator] = {
        name: load("annotator", name) for name in ("text", "text_datatrove")
    }
    steps: dict[str, Callable[[], object]] = {
        "fineweb_chain": lambda: chain(batch),
        "text_datatrove": lambda: annotators["text_datatrove"].annotate(batch),
        "text": lambda: annotators["text"].annotate(batch),
        "scan": lambda: scan.scan(column),
        "repetition": lambda: repetition.repetition(scanned),
        "c4": lambda: c4.lines(scanned),
        "normalised_words": lambda: normalised_words(column),
        "content_hash": lambda: content_hashes(batch),
        "python_content_hash": lambda: python_hashes(texts),
        "python_split": lambda: [t.split() for t in texts],
        "c4_lines": functools.partial(load("rewriter", "c4_lines").rewrite, batch),
    }
    found = {f"{name}_mb_s": size / seconds(step) for name, step in steps.items()}
    found["counts_mb_s"] = size / empty_seconds(column)
    found["counts_again_mb_s"] = size / seconds(lambda: kernel.counts(column))
    found["threads_x"] = threads_x(texts)
    few = texts[: max(1, sum(1 for _ in _up_to(texts, PEER_CHARACTERS)))]
    try:
        taken = ask("datatrove_filters", texts=few, reasons=False, seconds=True)["seconds"]
        found["datatrove_fineweb_chain_mb_s"] = sum(len(t.encode()) for t in few) / 1e6 / taken
    except NoPeersError as error:
        print(error)
    return found


def _up_to(texts: Sequence[str], characters: int) -> Iterator[str]:
    total = 0
    for text in texts:
        total += len(text)
        if total > characters:
            return
        yield text


def main() -> dict[str, float]:
    """Prints and returns MB/s of every step, on books and on web pages."""
    kit = data_kit()
    inputs = {"books": cut(books(kit), CHARACTERS)}
    if kit is not None:
        inputs["english"] = english(kit)
        inputs["web"] = extracted(web(kit))
    pa.set_cpu_count(1)
    found = {}
    for name, texts in inputs.items():
        for step, speed in measure(texts).items():
            what, _, unit = step.partition("_mb_s" if step.endswith("_mb_s") else "_x")
            label = f"{what}_{name}_{'x' if step.endswith('_x') else 'mb_s'}{unit}"
            found[label] = speed
            print(f"{label:44} {speed:10.2f}")
    return found


if __name__ == "__main__":
    main()
