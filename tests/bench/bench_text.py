"""Speed of the text kernels, the annotator `text`, content hashes and masks.

MB of UTF-8 per CPU second of one core, on the kit's web pages and books where CASTOR_DATA or
../shared/data has them, else on made-up words. `python_*` is the same by the plain means of
Python; datatrove is compared where it is installed.
"""

import functools
import hashlib
import importlib.util
import pathlib
from collections.abc import Callable, Iterator

import pyarrow as pa
from corpus import books, cut, data_kit, seconds

from castor.filters.annotator import Annotator
from castor.filters.content_hash import content_hashes
from castor.filters.kernels import c4, repetition, scan
from castor.filters.kernels.words import normalised_words
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

CHARACTERS = 4_000_000


def web(kit: pathlib.Path) -> Iterator[str]:
    """The text of the kit's archived pages, as resiliparse reads them."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with open(kit / "web/extraction/trafilatura/pages-a.warc.gz", "rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            html = record.reader.read().decode("utf-8", "replace")
            yield extract_plain_text(html, main_content=True, alt_texts=False)


def python_hashes(texts: list[str]) -> None:
    """Content hashes without kernels."""
    for text in texts:
        hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).digest()


def datatrove(texts: list[str]) -> None:
    """datatrove's four FineWeb filters, each on every document."""
    from datatrove.data import Document
    from datatrove.pipeline import filters

    chain = (
        filters.GopherRepetitionFilter(),
        filters.GopherQualityFilter(),
        filters.C4QualityFilter(filter_no_terminal_punct=False),
        filters.FineWebQualityFilter(),
    )
    for text in texts:
        for one in chain:
            one.filter(Document(text=text, id=""))


def measure(texts: list[str]) -> dict[str, float]:
    """MB per second of each step on the texts."""
    batch = to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(texts))
    column = batch.column("text")
    size = sum(len(t.encode()) for t in texts) / 1e6
    scanned = scan.scan(column)
    annotator: Annotator = load("annotator", "text")
    steps: dict[str, Callable[[], object]] = {
        "text": lambda: annotator.annotate(batch),
        "scan": lambda: scan.scan(column),
        "repetition": lambda: repetition.repetition(scanned),
        "c4": lambda: c4.lines(scanned),
        "normalised_words": lambda: normalised_words(column),
        "content_hash": lambda: content_hashes(batch),
        "python_content_hash": lambda: python_hashes(texts),
        "python_split": lambda: [t.split() for t in texts],
    }
    for name in ("mask_pii", "c4_lines"):
        steps[name] = functools.partial(load("rewriter", name).rewrite, batch)
    found = {f"{name}_mb_s": size / seconds(step) for name, step in steps.items()}
    if importlib.util.find_spec("datatrove"):
        few = texts[:50]
        found["datatrove_text_mb_s"] = sum(map(len, few)) / 1e6 / seconds(lambda: datatrove(few))
    return found


def main() -> dict[str, float]:
    """Prints and returns MB/s of every step, on books and on web pages."""
    kit = data_kit()
    inputs = {"books": cut(books(kit), CHARACTERS)}
    if kit is not None:
        inputs["web"] = [t for t in web(kit) if t]
    pa.set_cpu_count(1)
    found = {}
    for name, texts in inputs.items():
        for step, speed in measure(texts).items():
            found[f"{step.removesuffix('_mb_s')}_{name}_mb_s"] = speed
            print(f"{step:28} {name:8} {speed:10.1f}")
    return found


if __name__ == "__main__":
    main()
