"""`castor run web` beside datatrove's FineWeb chain, and the web source alone; pages per second.

    python tests/bench/bench_web.py [FILE.warc.gz]

Extraction, language, FineWeb's profile, personal data, and near-duplicate removal, which the peer
does not do here. Without a file the kit's pages are read, or 300 that are made up. Processor time
of one process, imports and kernels warm. What a run costs whatever it reads (a pipeline is built,
manifests are written) is told apart: of both tools a short run is subtracted from a long one.
"""

import gzip
import pathlib
import random
import sys
import tempfile
import time

import bench_run
import corpus
import peers

from castor.filters.record import Record
from castor.pipelines import source

PEER_PAGES = 100


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


def read(path: pathlib.Path) -> float:
    """Pages per second of the web source alone, the better of two."""
    best = 0.0
    for _ in range(2):
        began = time.process_time()
        file = source.InputFile("bench", str(path.parent), path.name)
        count = sum(isinstance(item, Record) for item in source.load("web")(file))
        best = max(best, count / (time.process_time() - began))
    return best


def main() -> dict[str, float]:
    """Prints a line for each; returns pages per second of ours and of the peer."""
    kit = corpus.data_kit()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if sys.argv[1:]:
            path = pathlib.Path(sys.argv[1])
        elif kit is not None:
            path = kit / bench_run.PAGES
        else:
            path = folder / "made.warc.gz"
            make(path)
        print(f"web source: {read(path):.0f} pages/s")
        found = bench_run.measure(path, folder)
        more, seconds = found["pages"] - found["few_pages"], found["cpu_s"] - found["few_cpu_s"]
        rate, whole = more / seconds, found["pages"] / found["cpu_s"]
        print(f"castor run web: {rate:.0f} pages/s", end="; ")
        print(f"{whole:.0f} with what a run of {found['pages']:.0f} pages costs beside them")
        result = {"web_pages_per_s": rate, "web_run_pages_per_s": whole}
        try:
            theirs = peers.ask(
                "web_chain", folder=str(path.parent), name=path.name, pages=PEER_PAGES
            )
        except peers.NoPeersError as error:
            print(error)
            return result
        result["datatrove_web_pages_per_s"] = theirs["pages_per_s"]
        ratio = rate / theirs["pages_per_s"]
        print(f"datatrove: {theirs['pages_per_s']:.1f} pages/s, castor is {ratio:.1f} x", end=" (")
        print(f"{whole / theirs['pages_per_s']:.1f} x with the costs of one run)")
        return result


if __name__ == "__main__":
    main()
