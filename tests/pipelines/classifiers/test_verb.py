"""The verb `castor classifier`, around a kind that counts bytes."""

import json
import types

import pytest

from castor.filters.errors import ConfigError
from castor.pipelines import api, verify
from castor.pipelines.classifiers import _card, _kinds


def train(data, out, *, seed, options):
    size = sum(path.stat().st_size for path in data if path.is_file())
    (out / "model.txt").write_text(f"{size} {seed} {sorted(options.items())}")
    return {"classes": 2, "heldout": {"auc": 0.75, "auc_interval": [0.7, 0.8]}}


def evaluate(model, data, *, options):
    return {"files": len(data), "model": (model / "model.txt").read_text()}


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    fake = types.SimpleNamespace(HELP="Counts bytes.", train=train, evaluate=evaluate)
    monkeypatch.setattr(_kinds, "load", lambda name: fake)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n')
    return path


def test_a_trained_model_has_card_manifest_and_no_leavings(tmp_path, data):
    out = tmp_path / "out"
    made = api.classifier_train("bytes", [data], out, seed=3, settings=["a=b"], licence="CC0-1.0")
    assert not made["skipped"]
    assert {p.name for p in out.iterdir()} == {
        "model.txt", "card.json", "card.md", "manifest.json", ".work",
    }  # fmt: skip
    card = api.classifier_card(out)
    assert card["data"][0]["name"] == "rows.jsonl"
    assert card["licence"] == "CC0-1.0"
    assert card["options"] == {"a": "b"}
    assert card["heldout"]["auc"] == 0.75
    assert card["files"]["model.txt"]["bytes"] == (out / "model.txt").stat().st_size
    text = (out / "card.md").read_text()
    assert "| auc interval | 0.7, 0.8 |" in text
    assert data.name in text
    assert verify.verify(out) == []


def test_the_same_again_does_nothing_and_another_seed_is_refused(tmp_path, data):
    out = tmp_path / "out"
    first = api.classifier_train("bytes", [data], out)
    again = api.classifier_train("bytes", [data], out)
    assert again["skipped"]
    assert again["files"] == first["files"]
    with pytest.raises(ConfigError, match="made from something else"):
        api.classifier_train("bytes", [data], out, seed=1)
    assert not api.classifier_train("bytes", [data], out, seed=1, force=True)["skipped"]
    assert (out / "model.txt").read_text().split()[1] == "1"


def test_a_training_that_fails_leaves_the_old_model_as_it_was(tmp_path, data, monkeypatch):
    out = tmp_path / "out"
    api.classifier_train("bytes", [data], out)
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}

    def fail(data, out, *, seed, options):
        (out / "model.txt").write_text("half")
        raise ConfigError("no")

    fake = types.SimpleNamespace(HELP="Fails.", train=fail, evaluate=evaluate)
    monkeypatch.setattr(_kinds, "load", lambda name: fake)
    with pytest.raises(ConfigError, match="no"):
        api.classifier_train("bytes", [data], out, seed=1, force=True)
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before


def test_a_folder_with_other_files_is_not_written_to(tmp_path, data):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    for force in (False, True):
        with pytest.raises(ConfigError, match="did not write"):
            api.classifier_train("bytes", [data], out, force=force)
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


def test_changed_data_is_noticed_and_a_folder_is_described_file_by_file(tmp_path, data):
    folder = tmp_path / "pages"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.html").write_text("x")
    (folder / ".hidden").write_text("y")
    card = api.classifier_train("bytes", [folder, data], tmp_path / "out")
    assert [d["name"] for d in card["data"]] == ["pages/a/1.html", "rows.jsonl"]
    (folder / "a" / "1.html").write_text("z")
    with pytest.raises(ConfigError, match="made from something else"):
        api.classifier_train("bytes", [folder, data], tmp_path / "out")


def test_eval_runs_on_other_data_and_refuses_that_of_the_training(tmp_path, data):
    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    other.write_text('{"text": "b"}\n')
    api.classifier_train("bytes", [data], out)
    assert api.classifier_eval(out, [other])["files"] == 1
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(data.read_bytes())
    with pytest.raises(ConfigError, match="trained on this file"):
        api.classifier_eval(out, [other, copy])


def test_a_changed_model_file_is_found(tmp_path, data):
    out = tmp_path / "out"
    api.classifier_train("bytes", [data], out)
    whole = (out / "model.txt").read_text()
    (out / "model.txt").write_text(whole.replace("0", "9", 1))
    (found,) = verify.verify(out)
    assert (found.what, found.where) == ("a file is damaged", "model.txt")


@pytest.mark.parametrize("settings", [["a"], ["=b"], ["a=1", "a=2"]])
def test_wrong_settings_are_refused_before_anything_is_written(tmp_path, data, settings):
    with pytest.raises(ConfigError, match="--set"):
        api.classifier_train("bytes", [data], tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_data_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        api.classifier_train("bytes", [tmp_path / "nowhere"], tmp_path / "out")


def test_the_command_takes_several_files_and_prints_json(tmp_path, data, monkeypatch):
    from click.testing import CliRunner

    from castor.pipelines import cli

    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    other.write_text("{}\n")
    args = ["classifier", "train", "bytes", str(data), str(other), str(out), "--json"]
    made = CliRunner().invoke(cli.main, args)
    assert made.exit_code == 0, made.output
    assert len(json.loads(made.output)["data"]) == 2
    shown = CliRunner().invoke(cli.main, ["classifier", "card", str(out)])
    assert shown.output == (out / "card.md").read_text()


def test_an_estimate_with_its_interval_is_one_cell():
    estimate = {"value": 0.5, "low": 0.25, "high": 0.75}
    nothing = {"value": None, "low": None, "high": None}
    text = _card.markdown(
        {"classifier": "x", "figures": {"auc": estimate, "at": {"rate": estimate}, "odd": nothing}}
    )
    assert "| odd | not measurable |" in text
    assert "| auc | 0.5000 (0.2500-0.7500) |" in text
    assert "| rate | 0.5000 (0.2500-0.7500) |" in text


def test_a_long_list_of_data_is_cut_in_the_text_only():
    rows = [{"name": str(i), "bytes": 1} for i in range(_card.MAX_DATA_ROWS + 5)]
    text = _card.markdown({"classifier": "x", "data": rows})
    assert "5 more in card.json" in text
    assert text.count("\n| ") == _card.MAX_DATA_ROWS + 2  # head and rule
