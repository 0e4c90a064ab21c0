"""Personal data, bad words and block lists: speed, spans found, false alarms, memory.

Speed is MB of UTF-8 per CPU second of one core, with all answers about telephone numbers
forgotten before each run; datatrove masks e-mail and IPv4 addresses only. Spans are scored
exactly, with their kind, on the kit's made-up sentences, in five folds; nothing was fitted, so
a fold says how much the score depends on which sentences one has. On books every span is a
false alarm; on code, names and e-mail addresses of authors are not.
"""

import gzip
import json
import pathlib
import resource
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from corpus import books, cut, data_kit, seconds
from peers import NoPeersError, ask

from castor.filters.annotator import Context
from castor.filters.pii import KINDS, find, phones
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

CHARACTERS = 4_000_000
N_ENTRIES = 5_000_000
FOLDS = 5
GOLD = {"email": "email", "phone": "phone", "ipv4": "ip", "ipv6": "ip", "iban": "iban",
        "credit_card": "credit_card", "aws_key_example": "key",
        "us_ssn_invalid": "social_security", "url_credentials": "credentials"}  # fmt: skip


def web(kit: pathlib.Path) -> Iterator[str]:
    """All text of the kit's archived pages, with their headers and footers."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with open(kit / "web/extraction/trafilatura/pages-a.warc.gz", "rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            html = record.reader.read().decode("utf-8", "replace")
            yield extract_plain_text(html, main_content=False, alt_texts=False)


def code(kit: pathlib.Path) -> Iterator[str]:
    """The text files of the kit's repositories, up to 1 MB each."""
    for path in sorted((kit / "code").glob("*.tar.xz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.size < 1_000_000:
                    try:
                        yield archive.extractfile(member).read().decode()
                    except UnicodeDecodeError:
                        continue


def sentences(kit: pathlib.Path) -> Iterator[tuple[str, str]]:
    """(language, text): sentences of 75 languages in texts of a hundred."""
    by_language: dict[str, list[str]] = {}
    with gzip.open(kit / "text" / "sentences.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            by_language.setdefault(row["lang"], []).append(row["text"])
    for language, texts in sorted(by_language.items()):
        for i in range(0, len(texts), 100):
            yield language, "\n".join(texts[i : i + 100])


def fresh(column: pa.Array) -> None:
    """The whole search, none of its answers known."""
    for function in (phones.international, phones.national, phones.labelled):
        function.cache_clear()
    find(column)


def speeds(inputs: dict[str, list[str]]) -> dict[str, float]:
    """MB/s of the search and of the mask, and those of datatrove."""
    found, sizes = {}, {}
    mask = load("rewriter", "mask_pii")
    for name, texts in inputs.items():
        column = pa.array(texts, pa.large_string())
        batch = to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(texts))
        sizes[name] = sum(len(t.encode()) for t in texts) / 1e6
        found[f"pii_{name}_mb_s"] = sizes[name] / seconds(lambda c=column: fresh(c))
        found[f"mask_pii_{name}_mb_s"] = sizes[name] / seconds(lambda b=batch: mask.rewrite(b))
    try:
        few = {name: texts[: max(1, len(texts) // 4)] for name, texts in inputs.items()}
        for name, cpu_s in ask("datatrove_pii", texts=few, repeats=3).items():
            size = sum(len(t.encode()) for t in few[name]) / 1e6
            found[f"datatrove_pii_{name}_mb_s"] = size / cpu_s
    except NoPeersError as error:
        print(error)
    for name, value in found.items():
        print(f"{name:32} {value:10.1f}")
    return found


def spans(kit: pathlib.Path) -> dict[str, float]:
    """F1 of exact spans with their kinds, of each kind and each fold, private addresses apart."""
    with gzip.open(kit / "lists" / "pii-synthetic.jsonl.gz", "rt") as lines:
        rows = list(map(json.loads, lines))
    found = dict(find(pa.array([r["text"] for r in rows])).by_row())
    scores: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        raw = row["text"].encode()
        got = {
            (len(raw[:a].decode()), len(raw[:b].decode()), str(k)) for a, b, k in found.get(i, ())
        }
        gold = {(s["start"], s["end"], GOLD[s["type"]]) for s in row["spans"] if s["type"] in GOLD}
        private = {g for g in gold if row["text"][g[0] : g[1]].startswith("10.")}
        public = gold - private
        groups = {"all, private too": gold, "all": public, f"fold {i % FOLDS}": public}
        for name, wanted in groups.items():
            score = scores.setdefault(name, [0, 0, 0])
            for k, n in enumerate((got & wanted, got, wanted)):
                score[k] += len(n)
        for kind in KINDS:
            score = scores.setdefault(str(kind), [0, 0, 0])
            for k, n in enumerate((got & public, got, public)):
                score[k] += sum(one[2] == kind for one in n)
    for name, (both, n_found, n_wanted) in scores.items():
        if n_wanted or n_found:
            print(f"F1 {name:29} {2 * both / (n_found + n_wanted):10.3f}   of {n_wanted}")
    both, n_found, n_wanted = scores["all"]
    return {"pii_f1": 2 * both / (n_found + n_wanted)}


def alarms(inputs: dict[str, list[str]]) -> None:
    """Spans per million characters, by kind."""
    for name, texts in inputs.items():
        n = sum(map(len, texts)) / 1e6
        counts = Counter(find(pa.array(texts, pa.large_string())).kinds)
        told = ", ".join(f"{kind} {counts[kind] / n:.2f}" for kind in KINDS if counts[kind])
        print(f"spans per million characters, {name:8} ({n:5.1f} M): {told or 'none'}")


def block_list() -> dict[str, float]:
    """Five million entries in a process of its own: seconds, MB, look-ups per second."""
    done = subprocess.run(
        [sys.executable, __file__, "entries"], capture_output=True, encoding="utf-8", check=True
    )
    answer: dict[str, float] = json.loads(done.stdout)
    print(f"{N_ENTRIES} entries: " + ", ".join(f"{k} {v:.1f}" for k, v in answer.items()))
    return {"url_lookups_per_s": answer["lookups_per_s"]}


def entries() -> None:
    """What `block_list` runs: prints the measures as JSON."""
    import time

    from castor.filters.annotators import url

    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    with tempfile.TemporaryDirectory() as folder:
        for k in range(5):
            with open(f"{folder}/list{k}-domains.txt", "w") as file:
                for i in range(k, N_ENTRIES, 5):
                    file.write(f"host{i * 2654435761 % 2**32:x}.example{i % 97}.com\n")
        start = time.process_time()
        lists = url.compiled({"lists": [folder]})
        build_s = time.process_time() - start
        n = len(lists.domains.keys)
        addresses = [f"http://a.b.host{i * 2654435761 % 2**32:x}.example{i % 97}.com/x/y?z={i}"
                     for i in range(0, N_ENTRIES, 200)]  # fmt: skip
        batch = to_batch(
            Record(str(i), "s", Modality.TEXT, "x", meta={"url": a})
            for i, a in enumerate(addresses)
        )
        context = Context(options={"url": {"lists": [folder]}})
        start = time.process_time()
        found = load("annotator", "url").annotate(batch, context)
        lookup_s = time.process_time() - start
    assert pc.all(found.column("url.is_domain_blocked")).as_py()
    assert n == N_ENTRIES
    print(json.dumps({
        "build_s": build_s,
        "table_mb": sum(a.nbytes for a in lists.domains) / 1e6,
        "peak_mb_over_empty": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000 - empty,
        "lookups_per_s": len(addresses) / lookup_s,
    }))  # fmt: skip


def bad_words(kit: pathlib.Path) -> dict[str, float]:
    """MB/s of the annotator on English books and on sentences of all listed languages."""
    options = {"badwords": {"lists": [str(kit / "lists" / "bad-words.tar.xz")]}}
    annotator = load("annotator", "badwords")
    found = {}
    texts = {"books": [("en", t) for t in cut(books(kit), CHARACTERS)], "mixed": sentences(kit)}
    for name, rows in texts.items():
        records = [
            Record(str(i), "s", Modality.TEXT, t, meta={"language": l})
            for i, (l, t) in enumerate(rows)
        ]
        batch = to_batch(records)
        size = sum(len(r.text.encode()) for r in records) / 1e6
        cpu_s = seconds(lambda b=batch: annotator.annotate(b, Context(options=options)))
        found[f"badwords_{name}_mb_s"] = size / cpu_s
        print(f"{f'badwords_{name}_mb_s':32} {size / cpu_s:10.1f}")
    return found


def main() -> dict[str, float]:
    """Prints and returns all of it; without a kit, the speed on made-up words alone."""
    kit = data_kit()
    pa.set_cpu_count(1)
    inputs = {"books": cut(books(kit), CHARACTERS)}
    if kit is None:
        return speeds(inputs) | block_list()
    inputs["web"] = [t for t in web(kit) if t]
    inputs["code"] = list(code(kit))
    found = speeds(inputs) | spans(kit) | bad_words(kit) | block_list()
    alarms(inputs)
    return found


if __name__ == "__main__":
    entries() if sys.argv[1:] == ["entries"] else main()
