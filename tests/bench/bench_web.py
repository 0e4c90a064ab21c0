"""Pages per second and core of the web source, beside its peers where they are installed.

    python tests/bench/bench_web.py [FILE.warc.gz] [--copies N]

Without a file it makes one of 300 pages. Start-up is not counted. With --copies the file is read
N times over as one, to show that memory does not grow with it.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import pathlib
import random
import resource
import tempfile
import time
from collections.abc import Callable

from castor.filters.record import Record
from castor.pipelines import source


def make(path: pathlib.Path, n_pages: int = 300) -> None:
    """Writes pages of 40 paragraphs of made-up words, and navigation around them."""
    chance = random.Random(1)
    words = ["".join(chance.choices("aeinorstlmd", k=chance.randint(2, 9))) for _ in range(5000)]
    with path.open("wb") as out:
        for number in range(n_pages):
            texts = [" ".join(chance.choices(words, k=60)) for _ in range(40)]
            menu = "".join(f"<li><a href=/{w}>{w}</a></li>" for w in chance.choices(words, k=200))
            body = f"<html><title>{number}</title><nav><ul>{menu}</ul></nav><main>"
            body += "".join(f"<div class=p><p>{text}.</p></div>" for text in texts) + "</main>"
            content = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{body}".encode()
            head = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {len(content)}\r\n\r\n"
            out.write(gzip.compress(head.encode() + content + b"\r\n\r\n"))


def ours(path: pathlib.Path) -> int:
    """Pages that the web source gives."""
    file = source.InputFile("bench", str(path.parent), path.name)
    return sum(isinstance(item, Record) for item in source.load("web")(file))


def fastwarc_resiliparse(path: pathlib.Path) -> int:
    """Pages of fastwarc and resiliparse in a loop, with no other work: the floor."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    count = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            tree = HTMLTree.parse_from_bytes(record.reader.read(), "utf-8")
            count += bool(extract_plain_text(tree, main_content=True, preserve_formatting=True))
    return count


def trafilatura(path: pathlib.Path) -> int:
    """Pages of fastwarc and trafilatura."""
    import trafilatura as peer
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as file:
        records = ArchiveIterator(file, record_types=WarcRecordType.response)
        return sum(bool(peer.extract(record.reader.read())) for record in records)


def datatrove(path: pathlib.Path) -> int:
    """Pages of datatrove's reader and its default extractor."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader

    reader = WarcReader(str(path.parent), glob_pattern=path.name)
    return sum(1 for _ in Trafilatura()(reader()))


def rate(function: Callable[[pathlib.Path], int], path: pathlib.Path) -> tuple[int, float]:
    """Pages, and pages per second of processor time, the better of two."""
    best = 0.0
    count = 0
    for _ in range(2):
        began = time.process_time()
        count = function(path)
        best = max(best, count / (time.process_time() - began))
    return count, best


def main() -> None:
    """Prints one line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=pathlib.Path)
    parser.add_argument("--copies", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.file
        if path is None:
            path = pathlib.Path(folder, "made.warc.gz")
            make(path)
        if args.copies > 1:
            data = path.read_bytes()
            path = pathlib.Path(folder, "copies.warc.gz")
            with path.open("wb") as out:
                for _ in range(args.copies):
                    out.write(data)
            del data
            count = ours(path)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"castor web: {count} pages of {args.copies} copies, peak {peak:.0f} MB")
            return
        count, pages = rate(ours, path)
        print(f"castor web               {pages:8.1f} pages/s/core ({count} pages)")
        peers = {
            "fastwarc": fastwarc_resiliparse,
            "trafilatura": trafilatura,
            "datatrove": datatrove,
        }
        for name, function in peers.items():
            if importlib.util.find_spec(name) is not None:
                theirs = rate(function, path)[1]
                label = function.__name__.replace("_", " + ")
                print(f"{label:24} {theirs:8.1f} pages/s/core, castor is {pages / theirs:.1f} x")


if __name__ == "__main__":
    main()
