"""The verbs as functions: of the same names as on the command line, with the same results."""

import json
import pathlib

import pytest

from castor.filters.errors import CastorError
from castor.pipelines import api
from castor.pipelines.cli import main


@pytest.fixture
def rows(tmp_path) -> pathlib.Path:
    folder = tmp_path / "rows"
    folder.mkdir()
    texts = [f"row {i % 6} of a file in which some are there twice" for i in range(9)]
    lines = [json.dumps({"id": i, "text": t}) for i, t in enumerate(texts)]
    (folder / "a.jsonl").write_text("\n".join(lines))
    return folder


def test_every_verb_has_a_function():
    for name, verb in main.commands.items():
        names = [f"{name}_{one}" for one in verb.commands] if hasattr(verb, "commands") else [name]
        for function in names:
            assert callable(getattr(api, function)), function


def test_a_notebook_goes_from_rows_to_a_report(rows, tmp_path):
    outcome = api.run("rows", tmp_path / "out", settings=[f"input={rows}"], workers=1)
    assert outcome.manifest["counts"]["total"]["in"] == 9
    kept = api.open_dataset(tmp_path / "out")
    assert kept.rows == 6
    assert kept.table(["key"]).to_pandas()["key"].is_unique
    key = kept.table(["key"]).column("key")[0].as_py()
    assert api.inspect(tmp_path / "out", key)["outcome"] == "kept"
    assert api.verify(tmp_path / "out") == []
    assert api.report(tmp_path / "out").is_file()
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "{name: p, version: 1, modality: text, rules: "
        "[{reason: p.few, signal: text.n_words, at_least: 99, cite: none}]}"
    )
    assert api.decide(tmp_path / "out", [str(policy)], tmp_path / "decided")
    assert "gopher/paper" in {f["name"] for f in api.filters()}


def test_signals_stay_when_a_dataset_is_deduplicated_against_an_older_one(rows, tmp_path):
    api.run("rows", tmp_path / "old", settings=[f"input={rows}"], workers=1)
    more = tmp_path / "more"
    more.mkdir()
    texts = ["row 3 of a file in which some are there twice", "something that was not there before"]
    lines = [json.dumps({"id": f"n{i}", "text": t}) for i, t in enumerate(texts)]
    (more / "b.jsonl").write_text("\n".join(lines))
    api.run("rows", tmp_path / "new", settings=[f"input={more}"], workers=1)
    outcome = api.dedup(tmp_path / "new", tmp_path / "out", against=tmp_path / "old", workers=1)
    total = outcome.manifest["counts"]["total"]
    assert (total["in"], total["kept"], total["duplicate"]) == (2, 1, 1)
    kept = api.open_dataset(tmp_path / "out").table().to_pydict()
    assert kept["text"] == ["something that was not there before"]
    assert kept["text.n_words"] == [6]
    duplicate = api.open_dataset(tmp_path / "out" / "duplicate").table().to_pydict()
    assert duplicate["duplicate_of"] == ["rows:a.jsonl@3"]
    assert api.verify(tmp_path / "out") == []
    inputs = outcome.manifest["inputs"]
    assert {name: entry["files"] for name, entry in inputs.items()} == {"old": 1, "rows": 1}
    assert list(api.inspect(tmp_path / "out")["counts"]["by_source"]) == ["rows"]


def test_leaked_questions_leave(rows, tmp_path):
    question = (
        "How many copper kettles did the three sisters from the mill carry up the hill in May?"
    )
    benchmark = tmp_path / "quiz.jsonl"
    benchmark.write_text(json.dumps({"question": question, "answer": "seventeen kettles"}))
    with (rows / "a.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"id": "leak", "text": f"Homework. {question} I say 17."}))
    outcome = api.decontaminate(rows, tmp_path / "out", against=[str(benchmark)], workers=1)
    assert outcome.manifest["counts"]["total"]["contaminated"] == 1
    found = api.open_dataset(tmp_path / "out" / "contaminated").table().to_pydict()
    assert found["key"] == ["rows:a.jsonl@leak"]
    assert json.loads(found["matches"][0])[0]["benchmark"] == "quiz"
    assert "copper kettles" in found["sample"][0]
    assert api.open_dataset(tmp_path / "out" / "findings").rows == 1


def test_a_run_that_did_not_finish_is_no_input(tmp_path):
    (tmp_path / "half" / ".work" / "measured").mkdir(parents=True)
    with pytest.raises(CastorError, match="no finished dataset here"):
        api.dedup(tmp_path / "half", tmp_path / "out")
