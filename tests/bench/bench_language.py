"""Language identification: accuracy on data that never trained it, calibration, speed, peers.

Needs a data kit (CASTOR_DATA, else ../shared/data). MB are of UTF-8, seconds of CPU on one core.
Peers are lingua, py3langid and resiliparse's detect_fast (make peers), and with CASTOR_LID set
to its path a fastText model such as lid.176.bin.
"""

import gzip
import hashlib
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


def articles(kit: pathlib.Path) -> Labelled:
    """Articles in the kit's languages and their usual scripts."""
    found = list(declaration(kit))
    trained = {code for code, _ in sentences(kit)}
    usual = {}
    for code, script, _ in found:  # the first script is that of most speakers, but for these
        usual.setdefault(code, SCRIPTS.get(code, {script}))
    usual |= {code: {"Latn"} for code in ("az", "bs", "vi", "ms", "tr")}
    return [(c, t) for c, s, t in found if c in trained and s in usual[c]]


def xquad(kit: pathlib.Path) -> tuple[Labelled, Labelled]:
    """The questions and the contexts of XQuAD in its twelve languages."""
    questions, contexts = [], []
    for path in sorted((kit / "evals/xquad").glob("*.gz")):
        code = path.name.split(".")[1]
        for article in json.loads(gzip.decompress(path.read_bytes()))["data"]:
            for paragraph in article["paragraphs"]:
                contexts.append((code, paragraph["context"]))
                questions += [(code, each["question"]) for each in paragraph["qas"]]
    return questions, contexts


def mgsm(kit: pathlib.Path) -> Labelled:
    """The questions of MGSM in its eleven languages."""
    found = []
    for path in sorted((kit / "evals/mgsm").glob("*.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        found += [(path.name[5:7], line.partition("\t")[0]) for line in lines]
    return found


def tldr(kit: pathlib.Path, codes: set[str]) -> Labelled:
    """The descriptions of each tldr page, without its commands, in the languages given."""
    found = []
    with tarfile.open(kit / "text/tldr-pages.tar.xz") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None or not member.name.endswith(".md"):
                continue
            folder = next(p for p in member.name.split("/") if p.startswith("pages"))
            code = folder.partition(".")[2].partition("_")[0] or "en"
            lines = stream.read().decode().splitlines()
            text = " ".join(line.strip("->: ") for line in lines if line.startswith((">", "-")))
            found.append(({"no": "nb"}.get(code, code), text))
    return [(code, text) for code, text in found if code in codes]


def unknown(kit: pathlib.Path, known: set[str]) -> dict[str, float]:
    """Prints and returns how many articles in languages that the model does not know are und.

    By halves of the languages: the first one was looked at when the rule was made, the second
    was not.
    """
    found: dict[str, list[str]] = {"seen": [], "unseen": []}
    for code, _, text in declaration(kit):
        if code not in known and code != "und":
            odd = hashlib.md5(code.encode(), usedforsecurity=False).digest()[-1] % 2
            found["unseen" if odd else "seen"].append(text)
    shares = {}
    for half, texts in found.items():
        told = [code == "und" for code, _ in identify_language(texts)]
        shares[f"unknown_{half}_refused"] = float(np.mean(told))
        print(f"{'unknown, ' + half:22} {np.mean(told):.4f}  n {len(told)}")
    return shares


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
    codes = {code for code, _ in pairs}
    questions, contexts = xquad(kit)
    latin_serbian = [(c, t) for c, s, t in declaration(kit) if c == "sr" and s == "Latn"]
    found = accuracy("sentences", pairs) | accuracy("declaration", articles(kit))
    found |= accuracy("xquad_questions", questions) | accuracy("xquad_contexts", contexts)
    found |= accuracy("mgsm", mgsm(kit)) | accuracy("tldr", tldr(kit, codes))
    found |= accuracy("latin_serbian", latin_serbian)
    for words in (1, 3, 10):
        short = [(code, " ".join(text.split()[:words])) for code, text in pairs]
        found |= accuracy(f"first_{words}_words", short)
    found |= unknown(kit, set(models.shipped().languages)) | speeds(pairs)
    try:
        found |= peers(pairs)
    except NoPeersError as missing:
        print(missing)
    return found


if __name__ == "__main__":
    main()
