"""castor tokenizer eval: the same figures however it is done, and clear words when it cannot be."""

import gzip
import json
import shutil

import datasets
import pytest
from click.testing import CliRunner

from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Record
from castor.pipelines import api
from castor.pipelines.cli import main
from castor.pipelines.tokens import evaluation_view, parallel_file
from castor.tokenizer.count import count
from castor.tokenizer.processor import load


@pytest.fixture
def own(tokenizer, tmp_path):
    """A copy of the tokenizer: an evaluation is written beside the model."""
    return shutil.copytree(tokenizer, tmp_path / "tokenizer")


@pytest.fixture(scope="module")
def evaluated(tokenizer, dataset, tmp_path_factory):
    mine = shutil.copytree(tokenizer, tmp_path_factory.mktemp("eval") / "tokenizer")
    return api.tokenizer_eval(mine, dataset)


def test_the_figures_are_those_of_the_documents(evaluated, records, tokenizer):
    loaded = load(tokenizer)
    by_language, by_source = {}, {}
    for record in records:
        n_tokens = len(loaded.encode(record.text))
        n_bytes = len(record.text.encode())
        for group, name in (
            (by_language, record.meta.get("language", "und")),
            (by_source, record.source),
        ):
            documents, n, b = group.get(name, (0, 0, 0))
            group[name] = documents + 1, n + n_tokens, b + n_bytes
    result = evaluated.result
    for axis, expected in (("languages", by_language), ("sources", by_source)):
        found = {n: (f["documents"], f["tokens"], f["bytes"]) for n, f in result[axis].items()}
        assert found == expected
    assert set(by_language) == {"en", "de", "ru", "ja", "und"}
    ratios = [b / n for _, n, b in by_language.values()]
    macro = result["macro"]["languages"]
    assert macro["bytes_per_token"] == pytest.approx(sum(ratios) / len(ratios))
    assert macro["groups"]["bytes_per_token"] == 5
    assert macro["groups"]["fertility"] == 4  # Japanese has no words
    assert result["languages"]["ja"]["fertility"] is None
    total = result["total"]
    assert total["tokens"] == sum(n for _, n, _ in by_source.values())
    assert total["documents"] == len(records)
    assert total["round_trip_failures"] == total["unk_share"] == total["control_tokens"] == 0
    assert result["injections"]["failures"] == 0
    assert result["vocabulary"]["size"] == loaded.id_space.text_size
    assert result["against"] is None
    assert "nsl" not in total


def test_the_result_is_beside_the_model_and_made_once(evaluated, dataset):
    folder = evaluated.path.parent
    assert evaluated.path.name == "evaluation.json"
    assert json.loads(evaluated.path.read_bytes()) == evaluated.result
    load(folder)  # the tokenizer is still whole
    assert not (folder / ".work" / "evaluation").exists()
    again = api.tokenizer_eval(folder, dataset)
    assert again.skipped
    assert again.result == evaluated.result
    assert not api.tokenizer_eval(folder, dataset, seed=1).skipped


def test_what_training_saw_is_told_where_its_counts_were_kept(own, dataset, records):
    assert api.tokenizer_eval(own, dataset).result["training"] is None
    assert "--keep-counts" in run("eval", own, dataset).output
    count([record.text for record in records]).save(own / "counts.bin")
    found = api.tokenizer_eval(own, dataset).result["training"]
    assert 0 < found["used"] <= found["size"] == load(own).id_space.text_size
    assert "in training" in run("eval", own, dataset).output


def test_a_damaged_result_is_told_and_replaced_by_force(own, dataset):
    before = api.tokenizer_eval(own, dataset).result
    (own / "evaluation.json").write_text("{broken")
    with pytest.raises(CastorError, match="--force measures again"):
        api.tokenizer_eval(own, dataset)
    assert api.tokenizer_eval(own, dataset, force=True).result == before


def test_workers_and_shards_change_no_figure(evaluated, own, records, tmp_path):
    one = datasets.write_dataset(tmp_path / "one", records, shards=1)
    found = api.tokenizer_eval(own, one, workers=2, mode="threads").result
    for name in ("total", "languages", "sources", "macro", "vocabulary"):
        assert found[name] == evaluated.result[name]


def test_a_cap_takes_a_sample_by_hash(own, dataset):
    small = api.tokenizer_eval(own, dataset, sample_bytes=20_000).result
    assert 10_000 < small["sample"]["bytes"] <= 20_000
    assert set(small["languages"]) == {"en", "de", "ru", "ja", "und"}
    assert small["total"]["bytes"] == small["sample"]["bytes"]
    other = api.tokenizer_eval(own, dataset, sample_bytes=20_000, seed=7).result
    assert other["sample"]["digest"] != small["sample"]["digest"]
    same = api.tokenizer_eval(own, dataset, sample_bytes=20_000, force=True).result
    assert same == small


def test_against_itself_the_length_is_one(own, dataset, tokenizer):
    for other in (tokenizer, tokenizer / "tokenizer.model"):
        found = api.tokenizer_eval(own, dataset, against=other, force=True).result
        assert found["total"]["nsl"] == found["macro"]["sources"]["nsl"] == 1
        assert found["languages"]["ru"]["nsl"] == 1
        assert found["against"]["name"] == other.name


def test_against_a_larger_vocabulary_sequences_are_longer(own, dataset, tmp_path):
    import tokenizers as support

    other = support.make_tokenizer(tmp_path / "other", vocab_size=760)
    found = api.tokenizer_eval(own, dataset, against=other).result
    # The other one was trained on other text and has little but bytes and characters.
    assert found["total"]["nsl"] < 1
    assert found["total"]["other_bytes_per_token"] < found["total"]["bytes_per_token"]
    assert found["against"]["vocabulary"] == 760


def test_documents_that_do_not_come_back_are_named(own, tmp_path):
    rows = [Record("a:1", "a", "text", "fine"), Record("a:2", "a", "text", "not \u2581 fine")]
    found = api.tokenizer_eval(own, datasets.write_dataset(tmp_path / "d", rows)).result
    assert found["total"]["round_trip_failures"] == 1
    assert found["total"]["round_trip_failures_per_million"] == 500_000
    assert found["round_trip_examples"][0][0] == "a:2"


def run(*arguments):
    return CliRunner().invoke(main, ["tokenizer", *map(str, arguments)])


def test_the_table_and_the_json(own, dataset, tmp_path):
    parallel = tmp_path / "p.jsonl"
    parallel.write_text('{"en": "the house", "de": "das haus", "ja": "日本語"}\n')
    done = run("eval", own, dataset, "--against", own, "--parallel", parallel)
    assert done.exit_code == 0, done.output
    for words in ("languages", "sources", "mean of groups", "NSL to tokenizer", "premium to en"):
        assert words in done.output
    assert "240 documents" in done.output
    again = run("eval", own, dataset, "--against", own, "--parallel", parallel)
    told = [text for text in (done.output, again.output) if "unchanged" in text]
    assert told == [again.output]
    assert again.output.splitlines()[:-2] == done.stdout.splitlines()[:-2]
    as_json = run("eval", own, dataset, "--against", own, "--parallel", parallel, "--json")
    found = json.loads(as_json.stdout)
    assert found["parallel"]["languages"]["en"]["premium"] == 1
    titles, rows = evaluation_view.groups(found, "languages")
    assert {len(row) for row in rows} == {len(titles)}
    assert [row[0] for row in rows[-2:]] == ["all", "mean of groups"]


def test_a_gate_says_no_when_text_gives_a_control_id(own, dataset, monkeypatch):
    from castor.tokenizer import vocabulary_checks

    wrong = {"texts": 9, "failures": 1, "examples": [["<bos>", [2]]]}
    monkeypatch.setattr(vocabulary_checks, "injections", lambda tokenizer: wrong)
    done = run("eval", own, dataset)
    assert done.exit_code == 3
    assert "1 of 9 texts give a control id" in done.output
    assert "languages" in done.output  # the figures are there all the same


def test_what_cannot_be_measured_is_said(own, dataset, tmp_path):
    with pytest.raises(CastorError, match="no tokenizer here"):
        api.tokenizer_eval(tmp_path, dataset)
    with pytest.raises(ConfigError, match="the dataset does not exist"):
        api.tokenizer_eval(own, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="must be positive"):
        api.tokenizer_eval(own, dataset, sample_bytes=0)
    with pytest.raises(ConfigError, match="--parallel"):
        api.tokenizer_eval(own, dataset, reference="de")
    silent = datasets.write_dataset(tmp_path / "silent", [Record("a:1", "a", "image")])
    with pytest.raises(CastorError, match="no document of the dataset has text"):
        api.tokenizer_eval(own, silent)
    assert not (own / "evaluation.json").exists()


WIDE = '{"en": "one", "de": "eins"}\n\n{"en": "two", "de": "", "id": "7"}\n'
LONG = (
    '{"id": 1, "lang": "en", "text": "one"}\n{"id": 2, "lang": "en", "text": "two"}\n'
    '{"id": 1, "lang": "de", "text": "eins"}\n'
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wide.jsonl", WIDE),
        ("long.jsonl", LONG),
        ("table.tsv", "en\tde\none\teins\ntwo\t\n"),
        ("table.csv", 'en,de\n"one",eins\ntwo,\n'),
    ],
)
def test_parallel_sentences_in_every_form(tmp_path, name, text):
    expected = {"de": ["eins", None], "en": ["one", "two"]}
    (tmp_path / name).write_text(text)
    assert parallel_file.read(tmp_path / name) == expected
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert parallel_file.read(packed) == expected


def test_parallel_sentences_in_a_folder(tmp_path):
    (tmp_path / "eng_Latn.dev").write_text("one\ntwo\n")
    (tmp_path / "deu_Latn.dev").write_text("eins\n\n")
    assert parallel_file.read(tmp_path) == {
        "deu_Latn": ["eins", None],
        "eng_Latn": ["one", "two"],
    }
    (tmp_path / "fra_Latn.dev").write_text("un\n")
    with pytest.raises(ConfigError, match="1 lines of fra_Latn, 2 of"):
        parallel_file.read(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"en": "one"}\n', "need two languages"),
        (b"", "no line"),
        (b"{broken\n", "line 1"),
        (b"[1]\n", "no object"),
        (b'{"lang": "en", "text": "one"}\n', "no id"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (gzip.compress(WIDE.encode())[:-12], "no text in UTF-8"),
        (gzip.compress(WIDE.encode())[:12] + b"x" * 40, "no text in UTF-8"),
        (b"\x1f\x8b\x01 broken in its header", "cannot read"),
    ],
)
def test_what_are_no_parallel_sentences_is_said(tmp_path, data, words):
    (tmp_path / "p.jsonl").write_bytes(data)
    with pytest.raises(ConfigError, match=words):
        parallel_file.read(tmp_path / "p.jsonl")
    with pytest.raises(ConfigError, match="cannot read"):
        parallel_file.read(tmp_path / "nowhere.jsonl")
