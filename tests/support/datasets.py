"""Makes datasets without a run: records by shard, as a run leaves them."""

import json
import random

from castor.filters import storage
from castor.filters.record import RECORD_SCHEMA, Record, batched
from castor.pipelines.dataset import ShardWriter, describe_shard

# Words of several scripts; the text drawn from them repeats enough for merges.
WORDS = {
    "en": "the house of words that people say and read again when they write about it".split(),
    "de": "das haus der wörter die man sagt und wieder liest wenn man darüber schreibt".split(),
    "ru": "дом слов которые люди говорят и снова читают когда пишут об этом".split(),
    "ja": "言葉 の 家 人々 が 話す 読む 書く こと 日本語".split(),
}


def text_of(language, rng, words=60):
    """Chance text of a language, with newlines, digits and the odd run of spaces."""
    joined = "" if language == "ja" else " "
    chosen = [rng.choice(WORDS[language]) for _ in range(words)]
    chosen[::17] = [str(rng.randrange(3000)) for _ in chosen[::17]]
    chosen[::23] = ["\n\n  x" for _ in chosen[::23]]
    return joined.join(chosen)


def records(n, *, seed=0, sources=("web", "books")):
    """Records of text in four languages, one in nine without a language, one in ten code."""
    rng = random.Random(seed)
    found = []
    for i in range(n):
        language = rng.choice(list(WORDS))
        source = sources[i % len(sources)]
        meta = {} if i % 9 == 0 else {"language": language}
        text = text_of(language, rng, rng.randrange(5, 120))
        modality = "text"
        if i % 10 == 3:
            modality, text, meta = "code", f"def f{i}(x):\n    return x + {i}\n" * 3, {}
        found.append(Record(f"{source}:f@{i}", source, modality, text, meta=meta))
    return found


def write_dataset(out, rows, *, shards=1, roots=None):
    """Writes `out` as a run does: `kept/` with so many shards, and run.json; returns it.

    Args:
        rows: records, dealt out to the shards in order.
        roots: absolute input root by name.
    """
    lines = []
    for number in range(shards):
        mine = rows[number * len(rows) // shards : (number + 1) * len(rows) // shards]
        path = out / "kept" / f"part-{number:05d}.parquet"
        writer = ShardWriter(path, RECORD_SCHEMA)
        for batch in batched(mine):
            writer.write(batch)
        lines.append(vars(describe_shard(path, writer.close(keep_empty=True))))
    manifest = {"castor": "0", "schema_version": 1, "dataset": "kept", "shards": lines}
    manifest |= {k: sum(s[k] for s in lines) for k in ("rows", "bytes")}
    storage.write_json(out / "kept" / "manifest.json", manifest)
    storage.write_json(out / "manifest.json", {"schema_version": 1})
    storage.write_json(out / "run.json", {"roots": {k: str(v) for k, v in (roots or {}).items()}})
    return out


def write_jsonl(path, rows):
    """Writes records as rows that somebody else might have: id, text, lang, source."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for row in rows:
            given = {"id": row.key, "text": row.text, "source": row.source}
            given |= {"lang": row.meta["language"]} if "language" in row.meta else {}
            file.write(json.dumps(given, ensure_ascii=False) + "\n")
    return path
