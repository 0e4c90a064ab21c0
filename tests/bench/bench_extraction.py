"""HTML to text: pages per second, and how good the text is, beside resiliparse and trafilatura.

    python tests/bench/bench_extraction.py

The kit's pages with hand-made answers: 181 with the whole article (4-gram F1), 460 with phrases
(phrase F1); `castor.pipelines.classifiers._measures` defines both. Our model has seen these pages,
so ours are the figures of its card: cross-validation by domain. Texts of peers are scored here.
"""

import json
import pathlib
import statistics
import tempfile
import time

import corpus
import peers

from castor.filters.html import judge
from castor.filters.html.charset import as_utf8
from castor.filters.html.extract import extract_html
from castor.pipelines.classifiers import _measures, extraction

REPEATS = 3


def speed(pages: list[bytes]) -> float:
    """Pages per second of processor time: the median of some runs."""
    for page in pages[:3]:
        extract_html(page)
    rates = []
    for _ in range(REPEATS):
        began = time.process_time()
        for page in pages:
            extract_html(page)
        rates.append(len(pages) / (time.process_time() - began))
    return statistics.median(rates)


def ask_peers(pages: list[bytes], urls: list[str]) -> dict[str, dict]:
    """What the peers make of the same pages, as UTF-8."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "pages.jsonl")
        with path.open("w", encoding="utf-8") as out:
            for url, page in zip(urls, pages, strict=True):
                out.write(json.dumps({"url": url, "html": page.decode()}) + "\n")
        return peers.ask("html_text", pages=str(path))


def main() -> dict[str, float]:
    """Prints a line for each extractor; returns rates and F1 of ours and of peers."""
    kit = corpus.data_kit()
    if kit is None:
        print("extraction: no data kit (CASTOR_DATA)")
        return {}
    folder = kit / "web" / "extraction"
    gold = extraction.read([folder / "scrapinghub", folder / "trafilatura"])
    pages = [as_utf8(page.data, None)[0] for page in gold]
    bodies = [page for page, answer in zip(pages, gold) if answer.body is not None]
    n_bytes = sum(map(len, pages))
    rate = speed(pages)
    card = json.loads((judge.FOLDER / "card.json").read_text())
    ours = card.get("cross_validation", {})
    print(f"castor: {rate:.0f} pages/s ({n_bytes / len(pages) * rate / 1e6:.0f} MB/s)", end="")
    print(f"; {speed(bodies):.0f} pages/s on the {len(bodies)} larger ones")
    for name, found in ours.items():
        print(f"  {name} {found}")
    result = {"pages_per_s": rate}
    result |= {f"{name}_f1": found["f1"] for name, found in ours.items()}
    try:
        answers = ask_peers(pages, [page.url for page in gold])
    except peers.NoPeersError as error:
        print(error)
        return result
    for peer, answer in answers.items():
        theirs = len(pages) / answer["cpu_s"]
        print(f"{peer}: {theirs:.0f} pages/s, castor is {rate / theirs:.2f} x")
        result[f"{peer}_pages_per_s"] = theirs
        for name, found in _measures.figures(gold, answer["texts"]).items():
            print(f"  {name} {found}")
            result[f"{peer}_{name}_f1"] = found["f1"]
    return result


if __name__ == "__main__":
    main()
