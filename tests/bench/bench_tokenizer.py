"""Counting, training, encoding: 50 MB of real text, 32,000 pieces, beside sentencepiece.

Every measure is a child process of its own: CPU seconds of the one phase, and the peak memory of
the whole process. Text is the data kit's books, where there is a kit, and what Python packages
bring along (code and documentation), files in an order that mixes the packages.
"""

import collections
import gzip
import hashlib
import json
import pathlib
import re
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator

from corpus import data_kit

SIZE = 50_000_000  # bytes of text
VOCABULARY = 32_000
LONGEST = 400_000  # bytes taken of one file of a package, so that none is much of the whole
ENDINGS = {".py", ".pyi", ".md", ".rst", ".txt", ".h", ".js", ".css"}
WORD = re.compile(r" *[^ ]+| +")


def documents() -> Iterator[bytes]:
    """50 MB of documents: the kit's books, then files of Python packages in a mixed order."""
    kit = data_kit()
    paths = sorted((kit / "books").rglob("*.gz")) if kit is not None else []
    packages = pathlib.Path(sysconfig.get_paths()["purelib"])
    files = [p for p in packages.rglob("*") if p.suffix in ENDINGS and p.is_file()]
    paths += sorted(
        files, key=lambda p: hashlib.sha256(str(p.relative_to(packages)).encode()).digest()
    )
    left = SIZE
    for path in paths:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data[:LONGEST]
        data = data[:left].decode("utf-8", "ignore").encode()
        left -= len(data)
        if data:
            yield data
        if left < 4:
            return


def texts(folder: pathlib.Path) -> list[str]:
    """The documents that the parent wrote."""
    return json.loads((folder / "texts.json").read_bytes())


def timed(phase: Callable[[], object]) -> float:
    """CPU seconds of a phase, of all threads."""
    start = time.process_time()
    phase()
    return time.process_time() - start


def child_count(folder: pathlib.Path) -> float:
    """Our exact counts of fine rows."""
    from castor.tokenizer.count import count

    count(["compile first"])
    given = texts(folder)
    found = []
    seconds = timed(lambda: found.append(count(given)))
    found[0].save(folder / "counts")
    return seconds


def child_counter(folder: pathlib.Path) -> float:
    """A Counter of sentencepiece's words, found by a regular expression."""
    given = texts(folder)
    counter: collections.Counter[str] = collections.Counter()

    def phase() -> None:
        for text in given:
            counter.update(WORD.findall(text))

    return timed(phase)


def child_train(folder: pathlib.Path) -> float:
    """Our training phase: counts to a whole folder, checks and test vectors included."""
    from castor.tokenizer.count import Counts
    from castor.tokenizer.train import train

    given = Counts.load(folder / "counts")
    sample = json.loads((folder / "some.json").read_bytes())
    out = folder / "tokenizer"
    out.mkdir(exist_ok=True)
    return timed(
        lambda: train(
            out, given, vocab_size=VOCABULARY, sample={}, vectors_texts=sample, made_from={}
        )
    )


def child_ready(folder: pathlib.Path) -> float:
    """sentencepiece on a file of the same counts."""
    import sentencepiece

    from castor.tokenizer.flags import trainer_flags

    return timed(
        lambda: sentencepiece.SentencePieceTrainer.train(
            input=folder / "counts.tsv",
            input_format="tsv",
            model_prefix=folder / "ready",
            minloglevel=2,
            **trainer_flags(VOCABULARY),
        )
    )


def child_text(folder: pathlib.Path) -> float:
    """sentencepiece on the text."""
    import sentencepiece

    from castor.tokenizer.flags import trainer_flags

    given = texts(folder)
    return timed(
        lambda: sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(given),
            model_prefix=folder / "text",
            minloglevel=2,
            **trainer_flags(VOCABULARY),
        )
    )


def child_encode(folder: pathlib.Path) -> float:
    """The tokenizer on the text, in one thread."""
    import castor.tokenizer

    tokenizer = castor.tokenizer.load(folder / "tokenizer")
    given = texts(folder)
    return timed(lambda: [tokenizer.encode(text) for text in given])


def child_plain(folder: pathlib.Path) -> float:
    """sentencepiece on the text, with the same model, in one thread."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(
        model_file=str(folder / "tokenizer" / "tokenizer.model")
    )
    given = texts(folder)
    return timed(lambda: [processor.encode(t, return_type="numpy", num_threads=1) for t in given])


def measure(name: str, folder: pathlib.Path) -> tuple[float, float]:
    """(CPU seconds of the phase, peak megabytes of the process) of a child."""
    done = subprocess.run(
        [sys.executable, __file__, name, str(folder)], check=True, capture_output=True
    )
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    print(f"  {name:8} {seconds:7.2f} CPU-s, peak {megabytes:5.0f} MB", flush=True)
    return seconds, megabytes


def main() -> dict[str, float]:
    """Prints CPU seconds, ratios and peak memory; checks that all vocabularies are the same."""
    from castor.tokenizer.alphabet import literal_rows
    from castor.tokenizer.count import Counts

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        given = [d.decode() for d in documents()]
        size = sum(len(text.encode()) for text in given) / 1e6
        (folder / "texts.json").write_text(json.dumps(given))
        (folder / "some.json").write_text(json.dumps(given[:100]))
        print(f"{size:.1f} MB in {len(given)} documents, {VOCABULARY} pieces", flush=True)
        del given
        counting, counting_peak = measure("count", folder)
        plain, _ = measure("counter", folder)
        counts = Counts.load(folder / "counts")
        literals = set(literal_rows(counts).tolist())  # to the trainer they are one row, U+001F
        with (folder / "counts.tsv").open("wb") as file:
            file.write(b"\x1f\t%d\n" % counts.counts[list(literals)].sum())
            for i, (row, number) in enumerate(counts.items()):
                if i not in literals:
                    file.write(b"%b\t%d\n" % (row, number))
        print(f"  {len(counts)} rows, {len(counts.text) / 1e6:.1f} MB", flush=True)
        # The better of two each, in turn: other work on the machine counts for both.
        (ours, our_peak), (ready, ready_peak) = map(
            min, zip(*[(measure("train", folder), measure("ready", folder)) for _ in range(2)])
        )
        text, text_peak = measure("text", folder)
        (encode, _), (spm, _) = measure("encode", folder), measure("plain", folder)
        same = {
            path.read_bytes()
            for path in (
                folder / "tokenizer" / "tokenizer.vocab",
                folder / "ready.vocab",
                folder / "text.vocab",
            )
        }
    print(f"counting: {size / counting:.1f} MB/s, {plain / counting:.1f} x a Counter's")
    print(f"training on counts: {ours / ready:.2f} x sentencepiece on the ready counts (<= 1.1)")
    print(f"training and counting: {(ours + counting) / text:.2f} x sentencepiece on the text")
    print(f"encoding: {size / encode:.2f} MB/s, {spm / encode:.1f} x sentencepiece's")
    print(f"peak: {max(our_peak, counting_peak):.0f} MB, sentencepiece {ready_peak:.0f} on counts,")
    print(f"  {text_peak:.0f} on text (<= 1500); vocabularies {len(same)} (1: all the same)")
    return {
        "tokenizer_count_mb_s": size / counting,
        "counter_tokenizer_count_mb_s": size / plain,
        "tokenizer_train_cpu_s": ours,
        "ready_counts_tokenizer_train_cpu_s": ready,
        "tokenizer_encode_mb_s": size / encode,
        "sentencepiece_tokenizer_encode_mb_s": size / spm,
        "tokenizer_peak_mb": max(our_peak, counting_peak),
        "text_tokenizer_peak_mb": text_peak,
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        found = globals()[f"child_{sys.argv[1]}"](pathlib.Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps([found, peak]))
    else:
        main()
