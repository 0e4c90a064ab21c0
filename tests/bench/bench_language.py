"""Language identification: accuracy on data that never trained it, calibration, speed, peers.

Needs a data kit (CASTOR_DATA, else ../shared/data). MB are of UTF-8, seconds of CPU on one core.
Peers are lingua, py3langid and resiliparse's detect_fast (make peers), and with CASTOR_LID set
to its path a fastText model such as lid.176.bin.
"""

import gzip
import json
import os
import pathlib
import statistics
import tarfile
import time
from collections.abc import Iterator

import numpy as np
from corpus import data_kit
from lxml import etree
from peers import NoPeersError, ask

from castor.filters import identify_language
from castor.filters.language import model as models
from castor.pipelines.classifiers._language_fit import calibration_error, wilson

Labelled = list[tuple[str, str]]
UDHR = "{http://efele.net/udhr}"
# Codes of the Declaration's index that the model answers with a macrolanguage's.
INDIVIDUAL = {
    "arb": "ar", "azj": "az", "cmn": "zh", "ekk": "et", "khk": "mn", "lvs": "lv", "nob": "nb",
    "pes": "fa", "als": "sq", "swh": "sw", "zsm": "ms",
}  # fmt: skip
SCRIPTS = {"sr": {"Cyrl"}, "zh": {"Hans", "Hant", "Hani"}, "ja": {"Jpan"}, "ko": {"Kore"}}
PEERS = ("lingua", "py3langid", "resiliparse")


def sentences(kit: pathlib.Path) -> Labelled:
    """The test half of text/langid."""
    with gzip.open(kit / "text/langid/test.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [(row["lang"], row["text"]) for row in map(json.loads, lines)]


def declaration(kit: pathlib.Path) -> Iterator[tuple[str, str, str]]:
    """Code, script and text of each article of the Declaration of Human Rights."""
    with (kit / "text/udhr.jsonl").open(encoding="utf-8") as lines:
        index = {row["member"]: row for row in map(json.loads, lines)}
    with tarfile.open(kit / "text/udhr.tar.xz") as archive:
        for member in archive:
            row, stream = index.get(member.name), archive.extractfile(member)
            if row is None or stream is None:
                continue
            code = row["bcp47"].partition("-")[0]
            for article in etree.fromstring(stream.read()).iter(f"{UDHR}article"):
                words = " ".join(" ".join(p.itertext()) for p in article.iter(f"{UDHR}para"))
                if words.strip():
                    yield INDIVIDUAL.get(code, code), row["script"], " ".join(words.split())


def articles(kit: pathlib.Path, known: set[str]) -> tuple[Labelled, list[str]]:
    """Articles in the kit's languages and their usual scripts, and those in unknown languages."""
    found = list(declaration(kit))
    trained = {code for code, _ in sentences(kit)}
    usual = {}
    for code, script, _ in found:  # the first script is that of most speakers, but for these
        usual.setdefault(code, SCRIPTS.get(code, {script}))
    usual |= {code: {"Latn"} for code in ("az", "bs", "vi", "ms", "tr")}
    listed = [(c, t) for c, s, t in found if c in trained and s in usual[c]]
    return listed, [text for code, _, text in found if code not in known and code != "und"]


def questions(kit: pathlib.Path) -> Labelled:
    """The questions of XQuAD in its twelve languages."""
    found = []
    for path in sorted((kit / "evals/xquad").glob("*.gz")):
        for article in json.loads(gzip.decompress(path.read_bytes()))["data"]:
            for paragraph in article["paragraphs"]:
                code = path.name.split(".")[1]
                found += [(code, each["question"]) for each in paragraph["qas"]]
    return found


def accuracy(name: str, pairs: Labelled) -> dict[str, float]:
    """Prints and returns the accuracy and the calibration error on labelled texts."""
    answers = identify_language([text for _, text in pairs])
    right = np.array([code == told for (code, _), (told, _) in zip(pairs, answers, strict=True)])
    scores = np.array([score for _, score in answers])
    low, high = wilson(int(right.sum()), len(right))
    error = calibration_error(scores, right)
    print(
        f"{name:22} {right.mean():.4f} ({low:.4f} to {high:.4f})  ECE {error:.4f}  n {len(right)}"
    )
    return {f"{name}_accuracy": float(right.mean()), f"{name}_ece": error}


def speed(texts: list[str], repeats: int = 5) -> float:
    """MB/s of `identify_language`, the median of some runs."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    identify_language(texts[:100])
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        identify_language(texts)
        taken.append(time.process_time() - start)
    return size / statistics.median(taken)


def documents(pairs: Labelled, n_bytes: int) -> list[str]:
    """Documents of one language each, made of its sentences."""
    found, current, code = [], "", ""
    for language, text in pairs:
        current = f"{current} {text}" if language == code else text
        code = language
        if len(current.encode()) >= n_bytes:
            found.append(current)
            current = ""
    return found


def speeds(pairs: Labelled) -> dict[str, float]:
    """Prints and returns MB/s by the kind and the size of texts."""
    latin = set(models.shipped().codes[:64])
    inputs = {
        "mixed_sentences": [text for _, text in pairs],
        "latin_sentences": [text for code, text in pairs if code in latin and text.isascii()],
        "documents_3kb": documents(pairs, 3_000),
        "documents_8kb": documents(pairs, 8_000),
        "documents_64kb": ["\n".join(documents(pairs, 8_000)[k : k + 8]) for k in range(0, 160, 8)],
    }
    found = {f"{name}_mb_s": speed(texts) for name, texts in inputs.items()}
    for name, value in found.items():
        print(f"{name:22} {value:8.1f}")
    return found


def peers(pairs: Labelled) -> dict[str, float]:
    """Prints and returns what the peers get right of the sentences, and their speed."""
    path = os.environ.get("CASTOR_LID")
    names = [*PEERS, *(["fasttext"] if path else [])]
    few = pairs[::4]  # lingua takes a minute for all
    texts, codes = [text for _, text in few], [code for code, _ in few]
    size = sum(len(text.encode()) for text in texts) / 1e6
    found = {}
    for name, each in ask("languages", texts=texts, codes=codes, peers=names, model=path).items():
        found[f"{name}_sentences_accuracy"] = each["right"] / len(texts)
        found[f"{name}_mixed_sentences_mb_s"] = size / each["seconds"]
        print(f"{name:22} {each['right'] / len(texts):.4f} {size / each['seconds']:8.2f} MB/s")
    return found


def main() -> dict[str, float]:
    """Prints and returns every figure of docs/language.md."""
    kit = data_kit()
    if kit is None:
        print("needs a data kit: set CASTOR_DATA to one")
        return {}
    pairs = sentences(kit)
    listed, unknown = articles(kit, set(models.shipped().languages))
    found = accuracy("sentences", pairs) | accuracy("declaration", listed)
    found |= accuracy("xquad_questions", questions(kit))
    for words in (1, 3, 10):
        short = [(code, " ".join(text.split()[:words])) for code, text in pairs]
        found |= accuracy(f"first_{words}_words", short)
    refused = float(np.mean([code == "und" for code, _ in identify_language(unknown)]))
    print(f"{'unknown_refused':22} {refused:.4f}  n {len(unknown)}")
    found |= {"unknown_refused": refused, **speeds(pairs)}
    try:
        found |= peers(pairs)
    except NoPeersError as missing:
        print(missing)
    return found


if __name__ == "__main__":
    main()
