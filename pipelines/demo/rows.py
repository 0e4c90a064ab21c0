"""Raw rows: docstrings as somebody's JSONL, Parquet and TFRecord, with bad rows among them."""

from __future__ import annotations

import gzip
import io
import itertools
import json
from collections.abc import Iterator

from castor.pipelines.demo import benchmarks, junk, machine, prose
from castor.pipelines.demo.benchmarks import Item
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger
from castor.pipelines.demo.tfrecord import tfrecord

Row = dict[str, str]
_MIN_CHARACTERS = 400  # a shorter docstring is one line and says little
_TFRECORD_SHARE = 20  # one row in so many is in this format


def write(ledger: Ledger, budget: int, questions: tuple[Item, ...]) -> None:
    """Writes about `budget` bytes of text as rows."""
    found = list(_docstrings(budget))
    if found:
        ledger.count("rows", FOUND, sum(len(r["text"]) for r in found), len(found))
    else:
        ledger.note("rows: no docstrings found on this machine; all rows are made")
    cut = len(found) // 2
    taken = found[cut::_TFRECORD_SHARE]
    ledger.write("rows/docstrings.tfrecord", tfrecord([*taken, *_stories(ledger, "tfrecord", 4)]))
    rest = [r for i, r in enumerate(found[cut:]) if i % _TFRECORD_SHARE]
    ledger.write("rows/docstrings.parquet", _parquet([*rest, *_stories(ledger, "parquet", 4)]))
    ledger.write("rows/docstrings.jsonl.gz", gzip.compress(_jsonl(found[:cut]), 6, mtime=0))
    _planted(ledger, questions)


def _docstrings(budget: int) -> Iterator[Row]:
    modules = itertools.chain(
        machine.library_modules(), *(machine.package_modules(p) for p in machine.PACKAGES[:4])
    )
    total = 0
    for module in modules:
        for doc in module.docs:
            if doc.kind == "module" or len(doc.text) < _MIN_CHARACTERS:
                continue
            total += len(doc.text)
            if total > budget:
                return
            yield {
                "id": f"{module.name}.{doc.name}",
                "text": doc.text,
                "lang": "en",
                "source": module.package,
            }


def _stories(ledger: Ledger, kind: str, n: int) -> list[Row]:
    """Made rows, so that every format has some that a run keeps for certain."""
    made = []
    for i in range(n):
        title, text = prose.article(f"rows {kind} {i}", 4)
        made.append(
            {
                "id": f"made-{kind}-{i}",
                "text": "\n".join([title + ".", *text]),
                "lang": "en",
                "source": "made",
            }
        )
        ledger.count("rows", MADE, len(made[-1]["text"]))
        ledger.plant("rows", f"docstrings.{kind}", made[-1]["id"], "kept", "a made row")
    return made


def _planted(ledger: Ledger, questions: tuple[Item, ...]) -> None:
    """One JSONL file with a good row, and everything that rows can suffer from."""
    file = "made-rows.jsonl"
    lines: list[bytes] = []

    def add(
        name: str, text: str, outcome: str, why: str, **more: str | tuple[str, ...] | None
    ) -> None:
        lines.append(_jsonl([{"id": name, "text": text, "lang": "en", "source": "made"}]))
        ledger.count("rows", MADE, len(text))
        ledger.plant("rows", file, name, outcome, why, **more)

    for i in range(6):
        text = "\n".join(prose.article(f"rows {i}", 4)[1])
        add(f"made-{i}", text, "kept", "a made row")
    add(
        "made-0-again",
        "\n".join(prose.article("rows 0", 4)[1]),
        "duplicate",
        "the same text under another id",
        of="made-0",
    )
    _, personal = prose.article("rows personal", 4)
    personal.insert(2, "Whoever finds it may write to bea.dam@example.org before Friday.")
    add(
        "made-personal",
        "\n".join(personal),
        "kept",
        "personal data, to be masked",
        absent=("bea.dam@example.org",),
        present=("Whoever finds it may write to",),
    )
    for i, how in enumerate(("verbatim", "spaced", "upper", "punctuation")):
        leak = questions[41 + 30 * i]
        _, leaky = prose.article(f"rows leak {i}", 4)
        leaky.insert(2, junk.disguised(leak.question, how))
        add(
            f"made-leak-{i}",
            "\n".join(leaky),
            "contaminated",
            f"a benchmark question leaked into it ({how})",
            item=leak.id,
        )
    short = next(q for q in questions if q.id.startswith(benchmarks.SHORT))
    for name, said, outcome, why, item in (
        ("made-short", f"{short.question} {short.answer}", "contaminated", "with", short.id),
        ("made-short-alone", short.question, "kept", "without", None),
    ):
        _, leaky = prose.article(f"rows {name}", 4)
        leaky.insert(2, said)
        add(
            name,
            "\n".join(leaky),
            outcome,
            f"a question of four words, {why} its answer",
            item=item,
        )
    for line, reason, why in (
        (b'{"id": "made-broken", "text": "no end\n', "corrupt", "a line that is no JSON"),
        (b'{"id": "made-bytes", "text": "\xff\xfe"}\n', "bad_encoding", "bytes, but no UTF-8"),
        (b'{"id": "made-bare", "lang": "en"}\n', "no_text", "a row without text"),
        (b'{"id": "made-1", "text": "Once more."}\n', "duplicate_key", "an id that is taken"),
    ):
        lines.append(line)
        ledger.plant("rows", file, f"row {len(lines)}", "rejected", why, reason=reason)
    ledger.write(f"rows/{file}", b"".join(lines))


def _jsonl(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(rows: list[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, compression="zstd")
    return out.getvalue()
