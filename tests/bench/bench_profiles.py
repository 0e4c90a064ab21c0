"""Decisions of the profiles beside the system that each is named after, on the kit's text.

For every text: the reasons of each of datatrove's filters alone and of FineWeb's chain, which must
be the first reason of our policy, and every quantity behind the thresholds. Every
disagreement is printed; the known causes of one are told in filters/kernels/datatrove/split.py
and counts.py. Of dolma and dclm no package is needed: tests hold their definitions.
"""

import gzip
import json
import pathlib
import tarfile
from collections.abc import Iterator

import pyarrow as pa
from bench_signals import batch_of, chain, extracted, web
from corpus import data_kit
from peers import NoPeersError, ask

from castor.filters import policy
from castor.filters.kernels.datatrove import counts as kernel
from castor.filters.registry import load

LONGEST = 60_000  # characters; datatrove reads 0.1 MB/s
STEP = 3  # every third text of the kit, and all web pages
POLICIES = {  # datatrove's filter -> the policy, the first of its reasons
    "repetition": ("gopher/datatrove", "gopher.empty", "gopher.duplicate_10grams"),
    "quality": ("gopher/datatrove", "gopher.too_few_words", "gopher.too_few_stop_words"),
    "c4": ("c4/datatrove", "c4.lorem_ipsum", "c4.too_few_sentences"),
    "fineweb": ("fineweb/code", "fineweb.empty", "fineweb.list"),
    "chain": ("fineweb/datatrove", "gopher.empty", "fineweb.list"),
}
REASONS = {
    "gopher.empty": "empty",
    "gopher.duplicate_paragraphs": "dup_para_frac",
    "gopher.duplicate_paragraph_characters": "dup_para_char_frac",
    "gopher.duplicate_lines": "dup_line_frac",
    "gopher.duplicate_line_characters": "dup_line_char_frac",
    **{f"gopher.top_{n}gram": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"gopher.duplicate_{n}grams": f"duplicated_{n}_n_grams" for n in range(5, 11)},
    "gopher.too_few_words": "gopher_short_doc",
    "gopher.too_many_words": "gopher_long_doc",
    "gopher.words_too_short": "gopher_below_avg_threshold",
    "gopher.words_too_long": "gopher_above_avg_threshold",
    "gopher.too_many_hashes": "gopher_too_many_hashes",
    "gopher.too_many_ellipses": "gopher_too_many_ellipsis",
    "gopher.too_many_bullet_lines": "gopher_too_many_bullets",
    "gopher.too_many_ellipsis_lines": "gopher_too_many_end_ellipsis",
    "gopher.too_few_alphabetic_words": "gopher_below_alpha_threshold",
    "gopher.too_few_stop_words": "gopher_enough_stop_words",
    "c4.lorem_ipsum": "lorem_ipsum",
    "c4.curly_bracket": "curly_bracket",
    "c4.too_few_sentences": "too_few_sentences",
    "fineweb.empty": "empty",
    "fineweb.too_few_ended_lines": "line_punct_ratio",
    "fineweb.too_many_short_lines": "short_line_ratio",
    "fineweb.duplicate_line_characters": "char_dup_ratio",
    "fineweb.list": "list_ratio",
}


def rows(path: pathlib.Path) -> Iterator[str]:
    """The texts of a file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line).get("text") or ""


def members(path: pathlib.Path) -> Iterator[str]:
    """The text files of an archive of source code."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and member.size < LONGEST:
                yield file.read().decode("utf-8", "replace")


def texts_of(kit: pathlib.Path) -> list[str]:
    """Web pages, books in several scripts, labelled rows, sentences and code of the kit."""
    found: list[str] = []
    for path in sorted([*kit.glob("labelled/*/*.jsonl.gz"), *kit.glob("text/*.jsonl.gz")]):
        found += list(rows(path))[:1500]
    for path in sorted(kit.glob("books/*/*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")[:150_000]
        found += [text[i : i + 20_000] for i in range(0, len(text), 20_000)]
    for name in ("click", "aeneas"):
        found += members(kit / "code" / f"{name}.tar.xz")
    return extracted(web(kit)) + [t for t in found[::STEP] if len(t) < LONGEST]


def reasons(batch: pa.RecordBatch, name: str, first: str, last: str) -> list[str]:
    """For each row datatrove's name of the first reason of a policy, between two of its rules."""
    found = policy.load(name)
    order = [r.reason for r in found.rules]
    mine = set(order[order.index(first) : order.index(last) + 1])
    decided = chain(batch) if name == "fineweb/datatrove" else found.decide(batch)
    firsts = []
    for row in decided.to_pylist():
        given = [r.removesuffix(":missing") for r in row]
        firsts.append(next((REASONS[r] for r in given if r in mine), ""))
    return firsts


def compare(texts: list[str]) -> dict[str, float]:
    """Asks datatrove about the texts, and prints where we differ."""
    answer = ask("datatrove_filters", texts=texts, values=True, timeout_s=3600)
    batch = batch_of(texts)
    signals = load("annotator", "text_datatrove").annotate(batch)
    whole = batch
    for field, column in zip(signals.schema, signals.columns, strict=True):
        whole = whole.append_column(field, column)
    found = {"documents": float(len(texts))}
    for theirs, (name, first, last) in POLICIES.items():
        ours = reasons(batch if theirs == "chain" else whole, name, first, last)
        pairs = list(zip(ours, answer[theirs], strict=True))
        differ = [k for k, (a, b) in enumerate(pairs) if a != b]
        found[f"{theirs}_disagreements"] = float(len(differ))
        for k in differ:
            print(f"{theirs}: text {k} {texts[k][:40]!r}: ours {pairs[k][0]!r}, {pairs[k][1]!r}")
    counted = kernel.counts(batch.column("text"))
    at = {name: kernel.FIELDS.index(name) for name in kernel.FIELDS}
    columns = {
        "n_tokens": at["TOKENS"],
        "n_words": at["WORDS"],
        "word_characters": at["WORD_CHARACTERS"],
        "letter_words": at["LETTER_WORDS"],
        **{f"{'top' if n < 5 else 'duplicate'}_{n}": at["NGRAMS"] + n - 2 for n in range(2, 11)},
    }
    differ = 0
    for k, row in enumerate(answer["values"]):
        for name, column in columns.items():
            if counted[k, column] != row[name]:
                differ += 1
                print(f"{name}: text {k} {texts[k][:40]!r}: {counted[k, column]}, {row[name]}")
    found["values"] = float(len(texts) * len(columns))
    found["values_that_differ"] = float(differ)
    return found


def main() -> dict[str, float]:
    """Prints and returns how many decisions and values differ."""
    kit = data_kit()
    if kit is None:
        print("needs a data kit: set CASTOR_DATA")
        return {}
    try:
        found = compare(texts_of(kit))
    except NoPeersError as error:
        print(error)
        return {}
    for name, value in found.items():
        print(f"{name:32} {value:10.0f}")
    return found


if __name__ == "__main__":
    main()
