"""A tokenizer of a dataset: the same bytes however the documents lie, and sentencepiece's own."""

import dataclasses
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import sys

import click
import datasets
import pytest
from runs import contents, wait_for

from castor.filters import outputs, storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Record
from castor.pipelines import api
from castor.pipelines.commands.tokenizer import tokenizer as tokenizer_group
from castor.pipelines.tokens import evaluation, sampling
from castor.pipelines.tokens.corpus import Reader, open_corpus
from castor.pipelines.tokens.train import Options, choose, read_bytes
from castor.tokenizer.count import Counts, merge
from castor.tokenizer.sample import salt_of

from .conftest import VOCAB

pytestmark = pytest.mark.slow

COMMAND = pathlib.Path(sys.executable).parent / "castor"


def model(folder):
    return (folder / "tokenizer.model").read_bytes()


def test_sentencepiece_on_the_same_text_learns_the_same_vocabulary(tokenizer, records):
    import sentencepiece

    flags = outputs.read(tokenizer, "tokenizer")["flags"]
    theirs = io.BytesIO()
    texts = [r.text for r in records]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=theirs, minloglevel=2, **flags
    )
    ours = sentencepiece.SentencePieceProcessor(model_proto=model(tokenizer))
    other = sentencepiece.SentencePieceProcessor(model_proto=theirs.getvalue())
    assert ours.get_piece_size() == other.get_piece_size() == VOCAB
    for i in range(VOCAB):
        assert ours.id_to_piece(i) == other.id_to_piece(i)
        assert ours.get_score(i) == other.get_score(i)


def test_the_manifest_says_what_the_sample_is(tokenizer, dataset, records, tmp_path):
    manifest = outputs.read(tokenizer, "tokenizer")
    sample = manifest["sample"]
    languages = {s["language"] for s in sample["strata"]}
    assert languages == {"en", "de", "ru", "ja", "und"}
    assert {s["source"] for s in sample["strata"]} == {"web", "books"}
    n_bytes = sum(len(r.text.encode()) for r in records)
    assert sample["bytes"] == sum(s["taken_bytes"] for s in sample["strata"]) == n_bytes
    assert sample["documents"] == len(records)
    assert (sample["seed"], sample["byte_cap"]) == (0, 10_000_000_000)
    _, found = scanned(dataset, tmp_path / "work", salt_of(0))
    assert sample["digest"] == choose(found, Options(VOCAB)).digest
    assert len(manifest["test_vectors"]) == 200
    text = (tokenizer / "manifest.json").read_text()
    assert str(tokenizer.parent) not in text
    assert os.uname().nodename not in text
    assert sorted(p.name for p in (tokenizer / ".work").iterdir()) == ["lock"]


def scanned(path, work, salt="salt"):
    """What the first pass finds, without an engine."""
    work.mkdir(parents=True)
    corpus = open_corpus(path, work)
    common = {"folder": str(work), "salt": salt}
    found = [sampling.scan_shard(item, common, nobody) for item in corpus.items]
    return corpus, sampling.Scanned(work, found)


def nobody(**done):
    pass


@pytest.fixture(scope="module", params=[1, 5])
def by_shards(request, records, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"by{request.param}")
    data = datasets.write_dataset(folder / "data", records, shards=request.param)
    return scanned(data, folder / "work")


SAMPLES = {}


def test_a_smaller_sample_does_not_depend_on_the_shards(by_shards, records, tmp_path):
    corpus, found = by_shards
    sample = choose(found, Options(900, sample_bytes=30_000, caps={"en": 2000}))
    strata = sample.strata
    assert 25_000 < sample.bytes <= 30_000
    english = [s for s in strata if s.language == "en"]
    assert len(english) == 2
    assert 0 < sum(s.taken_bytes for s in english) <= 2000
    assert sum(s.documents for s in strata) == len(records)  # what there is, not what is taken
    assert sum(s.bytes for s in strata) == sum(len(r.text.encode()) for r in records)
    # The second pass takes what the first chose, and the same vectors of it.
    common = {"folder": str(tmp_path), "salt": "salt", "selection": sample.to_json()}
    results = [sampling.count_shard(item, common, nobody) for item in corpus.items]
    counts = merge(Counts.load(tmp_path / r["file"]) for r in results)
    assert (counts.documents, counts.text_bytes) == (sample.documents, sample.bytes)
    vectors = [json.loads((tmp_path / r["vectors"]).read_text()) for r in results]
    told = [sample.to_json(), counts.sha256, sampling.choose_vectors(vectors)]
    assert len(told[2]) == min(sampling.VECTORS, sample.documents)
    assert SAMPLES.setdefault("first", told) == told


def test_vectors_are_of_the_smallest_hashes(monkeypatch):
    monkeypatch.setattr(sampling, "VECTORS", 3)
    documents = [sampling.Sampled(0, n, f"key {n}", f"text {n}") for n in (5, 9, 1, 7, 3)]
    texts = sampling._Texts(iter(documents))
    assert list(texts) == [d.text for d in documents]
    assert [text for *_, text in texts.vectors()] == ["text 1", "text 3", "text 5"]


def test_another_seed_chooses_others(dataset, tmp_path):
    digests = {
        choose(scanned(dataset, tmp_path / salt, salt)[1], Options(900, sample_bytes=30_000)).digest
        for salt in ("one", "two")
    }
    assert len(digests) == 2


def test_only_some_languages(by_shards):
    sample = choose(by_shards[1], Options(900, languages=("de", "ja")))
    taken = {s.language for s in sample.strata if s.taken_bytes}
    assert taken == {"de", "ja"}
    assert all(s.taken_bytes == s.bytes for s in sample.strata if s.language in taken)
    assert all(s.bytes > 0 and s.threshold is None
               for s in sample.strata if s.language not in taken)  # fmt: skip


def test_one_stratum_gives_no_more_than_its_cap(by_shards):
    sample = choose(by_shards[1], Options(900, stratum_bytes=1500))
    assert all(0 < s.taken_bytes <= 1500 for s in sample.strata)


def test_a_finished_tokenizer_is_not_made_again(dataset, tokenizer):
    before = {p: p.stat().st_mtime_ns for p in tokenizer.rglob("*")}
    assert api.tokenizer_train(dataset, tokenizer, vocab_size=VOCAB).skipped
    with pytest.raises(ConfigError, match="another vocab_size"):
        api.tokenizer_train(dataset, tokenizer, vocab_size=VOCAB + 1)
    assert before == {p: p.stat().st_mtime_ns for p in tokenizer.rglob("*")}


def test_what_was_measured_of_the_tokenizer_before_does_not_stay(dataset, tmp_path):
    out = tmp_path / "out"
    api.tokenizer_train(dataset, out, vocab_size=VOCAB, keep_counts=True, workers=1)
    api.tokenizer_eval(out, dataset)
    assert (out / "counts.bin").is_file()
    assert (out / evaluation.FILE).is_file()
    api.tokenizer_train(dataset, out, vocab_size=VOCAB - 1, force=True, workers=1)
    names = {p.name for p in out.iterdir()} - {".work"}
    assert names == {"manifest.json", "tokenizer.model", "tokenizer.vocab"}


def test_rows_of_somebody_elses_give_the_same_model(records, tokenizer, tmp_path, monkeypatch):
    shuffled = list(records)
    random.Random(7).shuffle(shuffled)
    for name, first in (("a", 0), ("b", 1), ("c", 2)):
        datasets.write_jsonl(tmp_path / "rows" / f"{name}.jsonl", shuffled[first::3])
    with (tmp_path / "rows" / "b.jsonl").open("a") as file:
        file.write('{"id": "broken\n{"id": "empty", "text": ""}\n')
    found = api.tokenizer_train(tmp_path / "rows", tmp_path / "out", vocab_size=VOCAB)
    assert model(tmp_path / "out") == model(tokenizer)
    assert found.rejected == {"corrupt": 1, "no_text": 1}
    strata = found.manifest["sample"]["strata"]
    assert {s["source"] for s in strata} == {"web", "books"}
    with monkeypatch.context() as patch:
        patch.delattr(storage, "digest")  # what was read before is not read again to compare it
        again = api.tokenizer_train(tmp_path / "rows", tmp_path / "out", vocab_size=VOCAB)
    assert again.skipped
    assert again.rejected == found.rejected
    path = tmp_path / "rows" / "a.jsonl"
    path.write_text(path.read_text().replace("house", "horse"))
    with pytest.raises(ConfigError, match="made from something else"):
        api.tokenizer_train(tmp_path / "rows", tmp_path / "out", vocab_size=VOCAB)


def test_a_training_that_failed_counts_only_what_is_missing(
    dataset, tokenizer, tmp_path, monkeypatch
):
    out, counted = tmp_path / "out", []
    count_shard = sampling.count_shard

    def fails_at_two(item, common, tell):
        if len(counted) == 2:
            raise OSError(28, "No space left on device")
        counted.append(item["number"])
        return count_shard(item, common, tell)

    def counts(item, common, tell):
        counted.append(item["number"])
        return count_shard(item, common, tell)

    monkeypatch.setattr(sampling, "count_shard", fails_at_two)
    with pytest.raises(CastorError, match="a worker failed"):
        api.tokenizer_train(dataset, out, vocab_size=VOCAB, workers=1)
    assert not (out / "manifest.json").exists()
    monkeypatch.setattr(sampling, "count_shard", counts)
    found = api.tokenizer_train(dataset, out, vocab_size=VOCAB, workers=1)
    assert found.reused == 2
    assert sorted(counted) == [0, 1, 2, 3]
    assert contents(out) == contents(tokenizer)
    (out / "tokenizer.vocab").unlink()
    assert not api.tokenizer_train(dataset, out, vocab_size=VOCAB, workers=1).skipped
    assert contents(out) == contents(tokenizer)


def test_a_training_on_two_processes_that_was_killed_resumes(castor, dataset, tokenizer, tmp_path):
    out = tmp_path / "out"
    command = ["tokenizer", "train", dataset, out, "--vocab-size", VOCAB, "--workers", 2]
    process = subprocess.Popen(
        [str(COMMAND), *map(str, command)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for(lambda: list((out / ".work" / "results" / "count").glob("*.json")), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    assert not (out / "manifest.json").exists()
    done = castor(*command, "--mode", "threads", "--json")
    assert json.loads(done.stdout)["shards_reused"] >= 1
    assert contents(out) == contents(tokenizer)
    assert not list(out.rglob(".tmp-*"))


def write(tmp_path, rows, shards=1):
    return datasets.write_dataset(tmp_path / "data", rows, shards=shards)


def rows_without_text(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1, "words": "no such field"}\n{"id": 2, "words": "nor here"}\n')
    return path


def nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


PICTURE = Record("images:a.png", "images", "image")
TEXT = Record("web:a", "web", "text", "some words of text", meta={"language": "en"})


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        pytest.param(lambda p: write(p, [], 0), {}, ["the dataset is empty"], id="no shards"),
        pytest.param(lambda p: write(p, []), {}, ["the dataset is empty"], id="no rows"),
        pytest.param(lambda p: write(p, [PICTURE]), {},
                     ["no document of the dataset has text", "1 without text"], id="no text"),
        pytest.param(rows_without_text, {},
                     ["no document of the dataset has text", "2 no_text",
                      "no field text or content", "the row has: id, words"], id="no text column"),
        pytest.param(lambda p: p / "nowhere", {}, ["the dataset does not exist"], id="nowhere"),
        pytest.param(nothing, {}, ["the dataset matches no file"], id="empty folder"),
        pytest.param(lambda p: write(p, [TEXT]), {"vocab_size": 50_000},
                     ["the vocabulary is larger than the sample allows", "give at most"],
                     id="vocabulary"),
        pytest.param(lambda p: write(p, [TEXT]), {"languages": ("en", "fr")},
                     ["no text in this language", "got fr", "with text: en"], id="language"),
        pytest.param(lambda p: write(p, [TEXT]), {"languages": ()}, ["no language is named"],
                     id="no language"),
        pytest.param(lambda p: write(p, [TEXT]), {"vocab_size": 3 * 10**9},
                     ["the number of pieces is out of range"], id="more than 32 bits"),
        pytest.param(lambda p: write(p, [TEXT]), {"caps": {"xx": 5}},
                     ["no text in this language", "got xx"], id="cap"),
        pytest.param(lambda p: write(p, [TEXT]), {"caps": {"en": 5}, "languages": ("de",)},
                     ["a language that is left out has a cap"], id="cap left out"),
        pytest.param(lambda p: write(p, [TEXT]), {"sample_bytes": 0},
                     ["must be positive"], id="nothing wanted"),
        pytest.param(lambda p: write(p, [TEXT]), {"coverage": 0.5},
                     ["the coverage of characters is out of range"], id="coverage"),
    ],
)  # fmt: skip
def test_bad_input_is_a_clear_error(tmp_path, make, options, words):
    with pytest.raises(CastorError) as caught:
        api.tokenizer_train(
            make(tmp_path), tmp_path / "out", **{"vocab_size": 600, "workers": 1, **options}
        )
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_all_rows_are_told_before_the_last_bytes(records, tmp_path):
    # What a pass ends with on the terminal is what was told when the last byte was.
    paths = [datasets.write_jsonl(tmp_path / f"{i}.jsonl", records[i::2]) for i in range(2)]
    corpus = open_corpus(tmp_path, tmp_path.with_name("out"))
    (shard,) = corpus.shards
    told = []
    for _ in Reader(shard, lambda **done: told.append(done)).batches(["key"]):
        pass
    assert sum(done.get("rows", 0) for done in told) == len(records)
    assert sum(done.get("n_bytes", 0) for done in told) == sum(p.stat().st_size for p in paths)
    assert "n_bytes" in told[-1]


def test_rows_that_change_while_they_are_read_are_refused(records, tmp_path):
    path = datasets.write_jsonl(tmp_path / "rows.jsonl", records)
    corpus = open_corpus(path, tmp_path / "out")
    path.write_text(path.read_text().replace("house", "horse"))
    with pytest.raises(CastorError, match="changed while it was read") as caught:
        list(Reader(corpus.shards[0], nobody).batches())
    assert "rows.jsonl" in str(caught.value)
    path.unlink()
    with pytest.raises(CastorError, match="cannot read an input file"):
        list(Reader(corpus.shards[0], nobody).batches())


def test_the_command_has_the_defaults_of_the_functions():
    train = tokenizer_group.commands["train"]
    given = {p.name: p.get_default(click.Context(train)) for p in train.params}
    for field in dataclasses.fields(Options):
        if field.default not in (dataclasses.MISSING, None):
            found = given[field.name]
            assert (read_bytes(found) if isinstance(found, str) else found) == field.default
    evaluate = tokenizer_group.commands["eval"]
    (sample,) = (p for p in evaluate.params if p.name == "sample_bytes")
    assert read_bytes(sample.default) == evaluation.SAMPLE_BYTES


def test_the_dataset_is_not_overwritten(dataset):
    before = contents(dataset)
    for out in (dataset, dataset / "kept", dataset / "kept" / "tokenizer"):
        with pytest.raises(ConfigError, match="the output folder is the dataset's own"):
            api.tokenizer_train(dataset, out, vocab_size=VOCAB, force=True)
    assert contents(dataset) == before


def test_a_damaged_shard_is_named(records, tmp_path):
    data = datasets.write_dataset(tmp_path / "data", records[:9], shards=2)
    path = data / "kept" / "part-00001.parquet"
    path.write_bytes(path.with_name("part-00000.parquet").read_bytes())
    with pytest.raises(CastorError, match="a shard is damaged") as caught:
        api.tokenizer_train(data, tmp_path / "out", vocab_size=VOCAB, workers=1)
    assert "part-00001" in str(caught.value)


def test_a_full_disk_is_told(castor, dataset, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(small)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small file system here")
    try:
        done = castor("tokenizer", "train", dataset, small / "out", "--vocab-size", VOCAB,
                      check=False)  # fmt: skip
        assert done.returncode == 1
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (small / "out" / "manifest.json").exists()
    finally:
        subprocess.run(["umount", str(small)], check=False)


@pytest.mark.parametrize(
    ("text", "n"), [("500", 500), ("2kB", 2000), ("1.5 GB", 1_500_000_000), ("3m", 3_000_000)]
)
def test_numbers_of_bytes(text, n):
    assert read_bytes(text) == n


@pytest.mark.parametrize("text", ["", "GB", "many", "1e999", "-", "nan"])
def test_no_numbers_of_bytes(text):
    with pytest.raises(ConfigError, match="no number of bytes"):
        read_bytes(text)
