"""Classifiers: accuracy and speed beside the fasttext package, perplexity beside KenLM.

On the kit's labelled sets, by five-fold cross-validation with equal texts in one fold, five times
with other seeds and other folds: area under the ROC curve of our trainer and of fasttext with 12
threads, same folded texts and settings, with the interval of their difference over rows; and of
fasttext as it comes, with its own defaults on the texts as they are. `topics` is one label out of
32, which book a paragraph is from; `votes` several labels, what at least one person called a tweet.
`langid` is 75 languages, trained on a part of the train half and judged on the test half. Speeds
are MB of UTF-8 per CPU second of one core. KenLM, where it is installed beside the other peers
(`uv pip install --python .venv-peers/bin/python kenlm==0.3.0`, which needs a compiler), scores with
the n-grams that we estimate, not quantised.
"""

import csv
import dataclasses
import gzip
import itertools
import json
import pathlib
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import arpa
import fasttext
import numpy as np
import peers
import pyarrow as pa
from corpus import books, cut, data_kit, seconds

from castor.filters.classify import (
    fasttext_file,
    linear,
    metrics,
    ngram_model,
    ngram_train,
    trainer,
)
from castor.filters.classify.classifier import Classifier
from castor.filters.classify.fold import fold
from castor.pipelines.classifiers import _figures, _labelled, _labels

THREADS = 12  # of fasttext: with fewer than ten it trains from memory that nobody set
FOLDS, SEEDS = 5, 5
SETS = {
    "spam": ("spam/sms-spam-a.tsv.gz", {"positive": "spam"}),
    "toxicity": ("toxicity/davidson-sample.csv.gz", {"label": "class", "positive": "0,1"}),
    "quality": ("quality/dclm-human-a.jsonl.gz", {}),
}
SETTINGS = trainer.Settings(dim=16, lr=0.5, epochs=25, word_ngrams=2, buckets=200_000)
LANGUAGES = trainer.Settings(dim=16, lr=0.5, epochs=25, minn=2, maxn=4, buckets=200_000)
CHARACTERS = 4_000_000


def theirs(
    texts: list[str], labels: Iterable[int | list[int]], settings: trainer.Settings | None
) -> fasttext.FastText._FastText:
    """A model of the fasttext package, of these settings or of its own."""
    given = {} if settings is None else {
        "dim": settings.dim, "lr": settings.lr, "epoch": settings.epochs,
        "wordNgrams": settings.word_ngrams, "minn": settings.minn, "maxn": settings.maxn,
        "bucket": settings.buckets, "minCount": settings.min_count, "loss": settings.loss,
    }  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            each = label if isinstance(label, list) else [label]
            file.write(" ".join([*(f"__label__{k}" for k in each), text]) + "\n")
        file.flush()
        return fasttext.train_supervised(file.name, thread=THREADS, verbose=0, **given)


def probabilities(model: fasttext.FastText._FastText, texts: list[str], n: int) -> np.ndarray:
    """What the package says of every label: float [rows, n]."""
    found = np.zeros((len(texts), n))
    for row, text in enumerate(texts):
        for label, p in zip(*model.predict(text, k=n), strict=True):
            found[row, int(label[9:])] = p
    return found


def ours(texts: list[str], labels: np.ndarray, settings: trainer.Settings, n: int) -> linear.Linear:
    """A model of our trainer."""
    names = [str(k) for k in range(n)]
    return linear.Linear(trainer.train(pa.array(texts), labels[:, None].tolist(), names, settings))


def of_ours(model: linear.Linear, texts: list[str], n: int) -> np.ndarray:
    """What ours says of every label: float [rows, n]."""
    order = [model.names.index(str(k)) for k in range(n)]
    return model.probabilities(pa.array(texts))[:, order]


def scores_of(
    labelled: _labels.Labelled, way: str, texts: list[str], folds: np.ndarray, seed: int
) -> np.ndarray:
    """Probabilities of every row by the model of the other folds: float [rows, labels]."""
    n = len(labelled.names)
    found = np.zeros((len(texts), n))
    for number in range(FOLDS):
        rest, held = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        train, test = [texts[k] for k in rest], [texts[k] for k in held]
        labels = labelled.labels[rest]
        if way == "ours":
            settings = dataclasses.replace(SETTINGS, seed=seed)
            found[held] = of_ours(ours(train, labels, settings, n), test, n)
        else:
            settings = None if way == "plain fasttext" else SETTINGS
            found[held] = probabilities(theirs(train, labels, settings), test, n)
    return found


def cross_validated(kit: pathlib.Path, name: str) -> dict[str, float]:
    """Areas of one labelled set, means over seeds; prints them with their intervals."""
    file, options = SETS[name]
    labelled = _labels.read([kit / "labelled" / file], options)
    plain = [" ".join(row.text.split()) for row in labelled.rows]
    column = fold(pa.array(plain))
    texts = column.to_pylist()
    place = labelled.names.index(str(labelled.positive))
    positive = labelled.labels == place
    majority = np.full(len(positive), positive.mean() > 0.5) == positive
    print(f"{name}: {len(positive)} rows, accuracy of the majority {majority.mean():.3f}")
    found: dict[str, list[np.ndarray]] = {"ours": [], "fasttext": [], "plain fasttext": []}
    for seed in range(SEEDS):
        folds = _labels.folds(column, labelled.labels, FOLDS, seed)
        for way, each in found.items():
            source = plain if way == "plain fasttext" else texts
            each.append(scores_of(labelled, way, source, folds, seed)[:, place])
    for way, each in found.items():
        areas = [metrics.auc(scores, positive).value for scores in each]
        low_high = difference(positive, each, [np.zeros(len(positive))] * SEEDS)
        rights = [(scores >= 0.5) == positive for scores in each]
        hits = [right.mean() for right in rights]
        worst = max(metrics.mcnemar(right, majority) for right in rights)
        print(
            f"  {way:16} AUC {np.mean(areas):.4f} ({0.5 + low_high.low:.4f}-"
            f"{0.5 + low_high.high:.4f}), seeds {min(areas):.4f}-{max(areas):.4f}; accuracy "
            f"{np.mean(hits):.3f}, seeds {min(hits):.3f}-{max(hits):.3f}, largest p against "
            f"majority {worst:.1e}"
        )
    for way in ("fasttext", "plain fasttext"):
        gap = difference(positive, found["ours"], found[way])
        print(f"  ours - {way:16} AUC {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})")
    mean = {way: np.mean([metrics.auc(s, positive).value for s in e]) for way, e in found.items()}
    return {
        f"{name}_auc": float(mean["ours"]),
        f"fasttext_{name}_auc": float(mean["fasttext"]),
        f"fasttext-defaults_{name}_auc": float(mean["plain fasttext"]),
    }


def difference(
    positive: np.ndarray, some: list[np.ndarray], other: list[np.ndarray]
) -> metrics.Interval:
    """Mean area of some scores minus that of others, with DeLong's interval over rows."""
    placed = [[np.mean(v, axis=0) for v in zip(*(metrics.placements(s, positive) for s in side),
                                               strict=True)]
              for side in (some, other)]  # fmt: skip
    v10, v01 = (a - b for a, b in zip(*placed, strict=True))
    half = metrics.Z95 * np.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))
    return metrics.Interval(float(v10.mean()), float(v10.mean() - half), float(v10.mean() + half))


def topics(kit: pathlib.Path) -> dict[str, float]:
    """Accuracy of which of 32 books a paragraph is from, by cross-validation; prints it."""
    rows = []
    for file in sorted((kit / "books" / "en").glob("*.gz")):
        text = gzip.decompress(file.read_bytes()).decode().replace("\r\n", "\n")
        long = [" ".join(p.split()) for p in text.split("\n\n") if len(p) >= 200]
        rows += [_labelled.Row(p, (file.name,), False, file.name) for p in long[:100]]
    names = sorted({row.file for row in rows})
    labels = np.array([names.index(row.file) for row in rows])
    labelled = _labels.Labelled(rows, labels, names, None, False)
    column = fold(pa.array([row.text for row in rows]))
    folds = _labels.folds(column, labels, FOLDS, 0)
    found = {}
    for way, key in (("ours", "topics_accuracy"), ("fasttext", "fasttext_topics_accuracy")):
        said = scores_of(labelled, way, column.to_pylist(), folds, 0).argmax(axis=1)
        share = metrics.proportion(int((said == labels).sum()), len(labels))
        print(f"topics: {way:9} accuracy {share.value:.4f} ({share.low:.4f}-{share.high:.4f}) of "
              f"{len(names)} books, {len(labels)} paragraphs")  # fmt: skip
        found[key] = share.value
    return found


def votes(kit: pathlib.Path) -> dict[str, float]:
    """F1 of several labels, those that one person or more gave a tweet; prints it."""
    names = ["hate_speech", "offensive_language", "neither"]
    with gzip.open(kit / "labelled" / SETS["toxicity"][0], "rt", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    truth = np.array([[int(row[n]) > 0 for n in names] for row in table])
    column = fold(pa.array([row["tweet"] for row in table]))
    texts = column.to_pylist()
    folds = _labels.folds(column, truth @ np.array([1, 2, 4]), FOLDS, 0)
    settings = dataclasses.replace(SETTINGS, loss="ova")
    found = {way: np.zeros(truth.shape) for way in ("ours", "fasttext")}
    for number in range(FOLDS):
        rest, held = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        train, test = [texts[k] for k in rest], [texts[k] for k in held]
        lists = [np.flatnonzero(row).tolist() for row in truth[rest]]
        model = linear.Linear(trainer.train(pa.array(train), lists, ["0", "1", "2"], settings))
        found["ours"][held] = of_ours(model, test, 3)
        found["fasttext"][held] = probabilities(theirs(train, lists, settings), test, 3)
    measured = {}
    for way, key in (("ours", "votes_f1"), ("fasttext", "fasttext_votes_f1")):
        figures = _figures.of_several(found[way], truth, names)
        areas = ", ".join(f"{n} {v['auc']['value']:.3f}" for n, v in figures["by label"].items())
        f1 = figures["micro f1"]
        print(f"votes: {way:9} micro F1 {f1['value']:.4f} ({f1['low']:.4f}-{f1['high']:.4f}), "
              f"majority {figures['majority micro f1']:.4f}; AUC {areas}")  # fmt: skip
        measured[key] = f1["value"]
    return measured


def sentences(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """(language, text) of the lines of a file of the kit."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["lang"], " ".join(row["text"].split())


def languages(kit: pathlib.Path) -> dict[str, float]:
    """Accuracy on 75 languages after the same training; prints it."""
    train = list(itertools.islice(sentences(kit / "text/langid/train.jsonl.gz"), 0, None, 2))
    test = list(sentences(kit / "text/langid/test.jsonl.gz"))
    names = sorted({lang for lang, _ in train})
    labels = np.array([names.index(lang) for lang, _ in train])
    texts, test_texts = [t for _, t in train], [t for _, t in test]
    wanted = np.array([lang for lang, _ in test])
    start = time.process_time()
    model = ours(texts, labels, LANGUAGES, len(names))
    spent = time.process_time() - start
    said = np.array(names)[of_ours(model, test_texts, len(names)).argmax(axis=1)]
    start = time.process_time()
    other = theirs(texts, labels, LANGUAGES)
    spent_theirs = time.process_time() - start
    said_theirs = np.array([names[int(other.predict(t)[0][0][9:])] for t in test_texts])
    found = {}
    for way, answers, cpu in (("", said, spent), ("fasttext_", said_theirs, spent_theirs)):
        share = metrics.proportion(int((answers == wanted).sum()), len(wanted))
        print(
            f"langid: {way or 'ours ':9} accuracy {share.value:.4f} ({share.low:.4f}-"
            f"{share.high:.4f}), {cpu:.1f} CPU s of training on {len(texts)} sentences"
        )
        found[f"{way}langid_accuracy"] = share.value
    return found


def speeds(texts: list[str]) -> dict[str, float]:
    """MB/s of inference by models of ours and by fasttext, and of perplexity."""
    column, size = pa.array(texts), sum(len(t.encode()) for t in texts) / 1e6
    lines = [t.replace("\n", " ") for t in texts]
    labels = np.arange(len(texts)) % 2
    found = {}
    for name, settings in (
        ("words", trainer.Settings(dim=100, epochs=1, word_ngrams=2, buckets=200_000)),
        ("characters", trainer.Settings(dim=16, epochs=1, minn=2, maxn=4, buckets=200_000)),
    ):
        few = slice(0, 200)
        model = trainer.train(column[few], labels[few, None].tolist(), ["no", "yes"], settings)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.bin"
            fasttext_file.write(path, model)
            judge = Classifier(linear.load(path), text="folded", positive="yes")
            peer = fasttext.load_model(str(path))
        found[f"classify_{name}_mb_s"] = size / seconds(lambda j=judge: j.judge(column))
        spent = seconds(lambda p=peer: [p.predict(t, k=2) for t in lines[:300]], repeats=3)
        peer_size = sum(len(t.encode()) for t in lines[:300]) / 1e6
        found[f"fasttext_classify_{name}_mb_s"] = peer_size / spent
    for name, value in found.items():
        print(f"{name:36} {value:8.1f}")
    return found


def many_labels(kit: pathlib.Path) -> dict[str, float]:
    """MB/s of inference with 75 labels and 2 million buckets, on sentences."""
    train = list(itertools.islice(sentences(kit / "text/langid/train.jsonl.gz"), 0, None, 4))
    names = sorted({lang for lang, _ in train})
    settings = trainer.Settings(dim=16, epochs=1, minn=2, maxn=4)
    labels = [[names.index(lang)] for lang, _ in train]
    model = trainer.train(pa.array([text for _, text in train]), labels, names, settings)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.bin"
        fasttext_file.write(path, model)
        judge, peer = Classifier(linear.load(path), text="folded"), fasttext.load_model(str(path))
    texts = [text for _, text in sentences(kit / "text/langid/test.jsonl.gz")]
    column, few = pa.array(texts), texts[::5]
    size, few_size = (sum(len(t.encode()) for t in some) / 1e6 for some in (texts, few))
    found = {
        "classify_75_labels_mb_s": size / seconds(lambda: judge.judge(column)),
        "fasttext_classify_75_labels_mb_s": few_size
        / seconds(lambda: [peer.predict(t, k=1) for t in few], repeats=3),
    }
    for name, value in found.items():
        print(f"{name:36} {value:8.1f}")
    return found


def perplexities(texts: list[str]) -> dict[str, float]:
    """MB/s and memory of perplexity; its error by quantisation, by the scores of KenLM."""
    size = sum(len(t.encode()) for t in texts) / 1e6
    cut_at = len(texts) * 4 // 5
    few, fresh = fold(pa.array(texts[:cut_at]), keep_lines=True), pa.array(texts[cut_at:])
    tracemalloc.start()
    start = time.process_time()
    orders = ngram_train.estimate(few, ngram_train.Settings(min_count=1))
    spent, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"perplexity: estimated from {size * 0.8:.1f} MB in {spent:.1f} CPU s, "
          f"{peak / (size * 0.8e6):.0f} bytes of memory a byte of text")  # fmt: skip
    model = ngram_model.NgramModel(*ngram_train.pack(orders), np.zeros(0))
    found = {"perplexity_mb_s": size / seconds(lambda: model.score(pa.array(texts)))}
    print(f"{'perplexity_mb_s':36} {found['perplexity_mb_s']:8.1f}")
    lines = [line for text in fold(fresh, keep_lines=True).to_pylist() for line in text.split("\n")]
    known = set(" ".join(few.to_pylist()).split())
    lines = [line for line in lines if line and known.issuperset(line.split())]
    ours = model.score(pa.array(lines))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.arpa"
        arpa.write(path, few, orders)
        try:
            answer = peers.ask("kenlm_score", model=str(path), texts=lines)
        except (peers.NoPeersError, RuntimeError) as error:
            print(f"no KenLM: {str(error).splitlines()[-1]}")
            return found
    column = pa.array(lines)
    line_size = sum(len(line.encode()) for line in lines) / 1e6
    found["perplexity_lines_mb_s"] = line_size / seconds(lambda: model.score(column))
    found["kenlm_perplexity_lines_mb_s"] = line_size / answer["seconds"]
    theirs = np.exp(-np.array(answer["logs"]) / ours.n_tokens)
    off = np.abs(np.log(ours.perplexity / theirs))
    whole = [np.exp(-np.sum(logs) / ours.n_tokens.sum()) for logs in (ours.logs, answer["logs"])]
    print(f"perplexity of {len(lines)} unseen lines of known words: {whole[0]:.2f}, KenLM, not "
          f"quantised, {whole[1]:.2f}; of a line, off by {100 * np.median(off):.2f} % (median), "
          f"{100 * np.quantile(off, 0.99):.1f} % (99 of 100 are nearer)")  # fmt: skip
    return found


def main() -> dict[str, float]:
    """Prints and returns accuracies and speeds."""
    kit = data_kit()
    pa.set_cpu_count(1)
    texts = cut(books(kit), CHARACTERS)
    found = {**speeds(texts), **perplexities(texts)}
    if kit is not None:
        found.update(many_labels(kit))
        for name in SETS:
            found.update(cross_validated(kit, name))
        found.update({**topics(kit), **votes(kit)})
        found.update(languages(kit))
    return found


if __name__ == "__main__":
    main()
