"""Classifiers: accuracy and speed beside the fasttext package, and the speed of perplexity.

On the kit's labelled sets, by five-fold cross-validation with equal texts in one fold: area under
the ROC curve of our trainer and of fasttext with 12 threads, same folded texts and settings; and
of fasttext as it comes, with its own defaults on the texts as they are. `langid` is 75 languages,
trained on a part of the train half and judged on the test half. Speeds are MB of UTF-8 per CPU
second of one core.
"""

import gzip
import itertools
import json
import pathlib
import tempfile
import time
from collections.abc import Iterator

import fasttext
import numpy as np
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
from castor.pipelines.classifiers import _labels

THREADS = 12  # of fasttext: with fewer than ten it trains from memory that nobody set
FOLDS = 5
SETS = {
    "spam": ("spam/sms-spam-a.tsv.gz", {"positive": "spam"}),
    "toxicity": ("toxicity/davidson-sample.csv.gz", {"label": "class", "positive": "0,1"}),
    "quality": ("quality/dclm-human-a.jsonl.gz", {}),
}
SETTINGS = trainer.Settings(dim=16, lr=0.5, epochs=25, word_ngrams=2, buckets=200_000)
LANGUAGES = trainer.Settings(dim=16, lr=0.5, epochs=25, minn=2, maxn=4, buckets=200_000)
CHARACTERS = 4_000_000


def theirs(
    texts: list[str], labels: np.ndarray, settings: trainer.Settings | None
) -> fasttext.FastText._FastText:
    """A model of the fasttext package, of these settings or of its own."""
    given = {} if settings is None else {
        "dim": settings.dim, "lr": settings.lr, "epoch": settings.epochs,
        "wordNgrams": settings.word_ngrams, "minn": settings.minn, "maxn": settings.maxn,
        "bucket": settings.buckets, "minCount": settings.min_count,
    }  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{k} {t}\n" for t, k in zip(texts, labels, strict=True))
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


def cross_validated(kit: pathlib.Path, name: str) -> dict[str, float]:
    """Areas of one labelled set; prints them with their intervals."""
    file, options = SETS[name]
    labelled = _labels.read([kit / "labelled" / file], options)
    plain = [" ".join(row.text.split()) for row in labelled.rows]
    column = fold(pa.array(plain))
    texts = column.to_pylist()
    folds = _labels.folds(column, labelled.labels, FOLDS, 0)
    ways = ("ours", "fasttext", "plain fasttext")
    scores = {way: np.zeros(len(texts)) for way in ways}
    place = labelled.names.index(str(labelled.positive))
    for number in range(FOLDS):
        rest, held = np.flatnonzero(folds != number), np.flatnonzero(folds == number)
        labels = labelled.labels[rest]
        for way in ways:
            source = plain if way == "plain fasttext" else texts
            train, test = [source[k] for k in rest], [source[k] for k in held]
            if way == "ours":
                found = of_ours(ours(train, labels, SETTINGS, 2), test, 2)
            else:
                settings = None if way == "plain fasttext" else SETTINGS
                found = probabilities(theirs(train, labels, settings), test, 2)
            scores[way][held] = found[:, place]
    positive = labelled.labels == place
    majority = np.full(len(positive), positive.mean() > 0.5) == positive
    print(f"{name}: {len(positive)} rows, accuracy of the majority {majority.mean():.3f}")
    areas = {}
    for way in ways:
        right = (scores[way] >= 0.5) == positive
        area = metrics.auc(scores[way], positive)
        share = metrics.proportion(int(right.sum()), len(right))
        areas[way] = area.value
        print(
            f"  {way:16} AUC {area.value:.4f} ({area.low:.4f}-{area.high:.4f})  accuracy "
            f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f}), "
            f"p against majority {metrics.mcnemar(right, majority):.1e}"
        )
    return {
        f"{name}_auc": areas["ours"],
        f"fasttext_{name}_auc": areas["fasttext"],
        f"fasttext-defaults_{name}_auc": areas["plain fasttext"],
    }


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
    few = pa.array(texts[: len(texts) // 2])
    language = ngram_model.NgramModel(
        *ngram_train.pack(ngram_train.estimate(few, ngram_train.Settings())), np.zeros(0)
    )
    found["perplexity_mb_s"] = size / seconds(lambda: language.score(column))
    for name, value in found.items():
        print(f"{name:36} {value:8.1f}")
    return found


def main() -> dict[str, float]:
    """Prints and returns accuracies and speeds."""
    kit = data_kit()
    pa.set_cpu_count(1)
    found = speeds(cut(books(kit), CHARACTERS))
    if kit is not None:
        for name in SETS:
            found.update(cross_validated(kit, name))
        found.update(languages(kit))
    return found


if __name__ == "__main__":
    main()
