"""Benchmarks are read from every format and layout, or refused; none is left out."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines.decontaminate.benchmarks import load_benchmarks
from castor.pipelines.decontaminate.fields import Item, items

QA = {"question": "How many legs has a spider?", "answer": "eight"}
ASKED = Item("b", "0", QA["question"], answers=("eight",))


def only(path, **options):
    found = load_benchmarks(path, **options).items
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "name, data",
    [
        ("b.jsonl", json.dumps(QA).encode()),
        ("b.jsonl", b"\xef\xbb\xbf" + json.dumps(QA).encode() + b"\n\n"),
        ("b.json", json.dumps([QA]).encode()),
        ("b.json", json.dumps({"version": 1, "data": [QA]}).encode()),
        ("b.json", json.dumps({k: [v] for k, v in QA.items()}).encode()),
        ("b.csv", b'question,answer\n"How many legs has a spider?",eight\n'),
        ("b.csv", b'"How many legs has a spider?",eight\n'),
        ("b.tsv", b"answer\tquestion\neight\tHow many legs has a spider?\n"),
        ("b.JSONL.gz", gzip.compress(json.dumps(QA).encode())),
        ("b.jsonl.xz", lzma.compress(json.dumps(QA).encode())),
        ("b.jsonl.bz2", bz2.compress(json.dumps(QA).encode())),
        ("b.jsonl.zst", zstandard.compress(json.dumps(QA).encode())),
    ],
)
def test_every_format_gives_the_same_item(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert only(tmp_path) == ASKED


def test_parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist([QA]), tmp_path / "b.parquet")
    assert only(tmp_path / "b.parquet") == ASKED


def test_the_id_that_an_item_brings_is_used():
    assert items("b", "b", [{"id": 17, **QA}])[0].item_id == "17"
    assert items("b", "part", [{"task_id": "T/3", **QA}])[0].item_id == "part/T/3"


@pytest.mark.parametrize(
    "row, expected",
    [
        pytest.param(
            {"choices": ["gray", "warm"], "query": "Question: Which?", "gold": 1},
            Item("b", "0", "Which?", "", ("gray", "warm"), ("warm",)),
            id="arc-as-prompt",
        ),
        pytest.param(
            {"question": {"stem": "Which?", "choices": [{"text": "x", "label": "A"}]},
             "answerKey": "A"},
            Item("b", "0", "Which?", "", ("x",), ("x",)),
            id="arc",
        ),
        pytest.param(
            {"question": "Which?", "choices": {"text": ["x", "y"], "label": ["A", "B"]},
             "answerKey": "B"},
            Item("b", "0", "Which?", "", ("x", "y"), ("y",)),
            id="arc-hub",
        ),
        pytest.param(
            {"query": "Passage: A text.\nQuestion: is it?", "choices": ["no", "yes"], "gold": 1},
            Item("b", "0", "is it?", "A text.", ("no", "yes"), ("yes",)),
            id="boolq-as-prompt",
        ),
        pytest.param(
            {"question": "is it", "passage": "A text.", "answer": True},
            Item("b", "0", "is it", "A text.", (), ("True",)),
            id="boolq",
        ),
        pytest.param(
            {"input": "Which?\nOptions:\n(A) one\n(B) two", "target": "(B)"},
            Item("b", "0", "Which?\nOptions:\n(A) one\n(B) two", "", ("one", "two"), ("two",)),
            id="bbh",
        ),
        pytest.param(
            {"context": "It was a", "continuation": "cat"},
            Item("b", "0", "It was a", "", (), ("cat",)),
            id="lambada",
        ),
        pytest.param(
            {"goal": "Fix it", "sol1": "so", "sol2": "thus", "label": 0},
            Item("b", "0", "Fix it", "", ("so", "thus"), ("so",)),
            id="piqa",
        ),
        pytest.param(
            {"Question": "Which?", "A": "1", "B": "2", "C": "3", "D": "4", "Answer": "C"},
            Item("b", "0", "Which?", "", ("1", "2", "3", "4"), ("3",)),
            id="mmlu",
        ),
        pytest.param(
            {"question": "who", "answer": ["Bob", "Rob", "Bob"]},
            Item("b", "0", "who", "", (), ("Bob", "Rob")),
            id="nq-open",
        ),
        pytest.param(
            {"question": "This question refers to the following information.\nA text.\nIs it?",
             "answer": "so"},
            Item("b", "0", "Is it?", "A text.", (), ("so",), refers=True),
            id="mmlu-history",
        ),
        pytest.param(
            {"prompt": "def f():", "canonical_solution": " pass", "test": "assert f"},
            Item("b", "0", "def f():", "", (), (" pass",)),
            id="humaneval",
        ),
    ],
)  # fmt: skip
def test_layouts_of_known_benchmarks(row, expected):
    assert items("b", "b", [row]) == [expected]


def test_rows_per_choice_become_one_item():
    rows = [
        {"question": "Q", "answer": a, "is_correct": a == "y", "eval_instance_index": 4,
         "split": "test"}
        for a in "xyz"
    ]  # fmt: skip
    assert items("b", "b", rows) == [Item("b", "test-4", "Q", "", ("x", "y", "z"), ("y",))]


def test_squad_and_big_bench_files(tmp_path):
    asked = {"id": "q1", "question": "Q", "answers": [{"answer_start": 0, "text": "A"}]}
    squad = {"data": [{"paragraphs": [{"context": "C", "qas": [asked]}]}]}
    bbh = {"canary": "canary GUID 1", "examples": [{"input": "I", "target": "T"}]}
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "squad.json").write_text(json.dumps(squad))
    (tmp_path / "t.json").write_text(json.dumps(bbh))
    assert load_benchmarks(tmp_path).items == (
        Item("s", "squad/q1", "Q", "C", (), ("A",)),
        Item("t", "canary", "canary GUID 1"),
        Item("t", "1", "I", "", (), ("T",)),
    )


def test_a_folder_is_read_in_order_and_pinned(tmp_path):
    for name in (
        "z/1.jsonl",
        "a/2.jsonl",
        "m.jsonl",
        ".hidden.jsonl",
        "a/README.md",
        "x/skip.jsonl",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(QA | {"id": name}))
    found = load_benchmarks(tmp_path, exclude=["x/*"])
    assert [f.path for f in found.files] == ["a/2.jsonl", "m.jsonl", "z/1.jsonl"]
    assert [i.benchmark for i in found.items] == ["a", "m", "z"]
    assert len({f.blake2b for f in found.files}) == 3
    assert load_benchmarks([tmp_path / "m.jsonl"]).files == found.files[1:2]


def test_repeated_items_count_once_and_ids_stay_distinct(tmp_path):
    rows = [{"id": 1, **QA}, {"id": 1, **QA}, {"id": 1, "question": "Other?", "answer": "x"}]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [i.item_id for i in load_benchmarks(tmp_path).items] == ["1", "1#2"]


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("b.jsonl", b"{", r"cannot be read.*in .*b\.jsonl: got ValueError: line 1"),
        ("b.jsonl", b"[1]", r"cannot be read.*line 1 is no object but list"),
        ("b.jsonl.gz", gzip.compress(b"x" * 99)[:-12], r"cannot be read.*b\.jsonl\.gz: got EOF"),
        ("b.json", b"\xff\xfe", "cannot be read"),
        ("b.json", b"3", "neither a list nor an object"),
        ("b.parquet", b"PAR1", "cannot be read"),
        ("b.csv", b"x,y,z\n1,2,3\n", "no known name among the first row's 3 columns"),
        ("b.tsv", b"question\tanswer\nq\n", "row 0 has 1 columns, not 2"),
        ("b.jsonl", b"\n", r"no items, in .*b\.jsonl"),
        ("b.pdf", b"%PDF", r"none that can be read, in b\.pdf"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_name(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CastorError, match=message):
        load_benchmarks(tmp_path)


@pytest.mark.parametrize(
    "row", [{"text": "a document"}, {"stem": "q", "key": "a"}, {"prompt": "p"}]
)
def test_unknown_fields_are_listed_with_how_to_map_them(tmp_path, row):
    (tmp_path / "b.jsonl").write_text(json.dumps(row))
    with pytest.raises(ConfigError) as caught:
        load_benchmarks(tmp_path)
    assert f"b.jsonl: got fields {', '.join(sorted(row))}" in str(caught.value)
    assert "question=FIELD" in str(caught.value)


def test_a_mapping_names_the_fields(tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps({"stem": "Q", "key": "A"}))
    found = only(tmp_path, mapping={"question": "stem", "answer": "key"})
    assert (found.question, found.answers) == ("Q", ("A",))
    with pytest.raises(ConfigError, match=r"lacks, in .*b\.jsonl: got frage"):
        load_benchmarks(tmp_path, mapping={"question": "frage"})
    with pytest.raises(ConfigError, match="no such role: got quest"):
        load_benchmarks(tmp_path, mapping={"quest": "stem"})


def test_no_benchmark_at_all_is_an_error(tmp_path):
    with pytest.raises(CastorError, match="no benchmark to decontaminate against"):
        load_benchmarks(tmp_path)
    with pytest.raises(CastorError, match="no such folder"):
        load_benchmarks(tmp_path / "absent")


BENCHMARKS = {
    "arc", "bbh", "boolq", "gsm8k", "humaneval", "lambada", "mgsm", "mmlu", "nq-open", "piqa",
    "xquad",
}  # fmt: skip


def test_a_file_of_every_benchmark_of_the_kit_is_read(kit):
    for name in sorted(BENCHMARKS):
        smallest = min((kit / "evals" / name).iterdir(), key=lambda p: (p.stat().st_size, p))
        found = load_benchmarks(smallest).items
        assert len(found) > 100
        assert all(i.question.strip() for i in found)
        assert all(i.answers for i in found if i.item_id != "canary")
    with pytest.raises(ConfigError, match="training-clean"):
        load_benchmarks(kit / "evals" / "contaminated-examples", exclude=["reference-*"])


@pytest.mark.kit
def test_every_benchmark_of_the_kit_is_read(kit):
    found = load_benchmarks(kit / "evals", exclude=["contaminated-examples/*"])
    assert len(found.files) == 64
    assert {i.benchmark for i in found.items} == BENCHMARKS
    assert all(i.question.strip() for i in found.items)
    assert sum(not i.answers for i in found.items) <= 2
