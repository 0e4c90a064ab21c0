"""Recipes: typed, frozen, and every fault named before anything runs."""

import pathlib

import pydantic
import pytest
import yaml

from castor.filters.errors import ConfigError
from castor.pipelines import dataset_recipes, recipe, run
from castor.pipelines.job import read_policies

MINIMAL = {"castor": 1, "name": "m", "sources": [{"name": "rows", "kind": "rows", "input": "."}]}


def write(folder: pathlib.Path, data: dict) -> str:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data))
    return str(path)


def test_a_recipe_is_frozen(tmp_path):
    found = recipe.load(write(tmp_path, MINIMAL))
    with pytest.raises(pydantic.ValidationError):
        found.name = "other"


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_that_ships_names_what_exists(name, tmp_path):
    data = yaml.safe_load(recipe.importlib.resources.files("castor.pipelines").joinpath(
        f"recipes/{name}.yaml").read_text())  # fmt: skip
    settings = [
        f"{variable}={tmp_path}"
        for variable, default in data.get("set", {}).items()
        if default is None or isinstance(default, dict)
    ]
    if name == "decontaminate":
        settings.append(f"decontaminate.against={tmp_path}")
    found = recipe.load(name, settings)
    if not any(s.kind == "dataset" for s in found.sources):
        tools = run.tools_of(run.Job(found, "", {}, (), {}, {}, policies=read_policies(found)))
        assert set(tools.sources) == {s.name for s in found.sources}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sorces": []}, ["no key 'sorces'", "did you mean 'sources'?"]),
        ({"name": None}, ["name", "valid string"]),
        ({"castor": 2}, ["castor", "got 2"]),
        ({"sources": []}, ["sources", "at least 1 item"]),
        ({"sources": [{"name": "a", "kind": "rows"}]}, ["sources.0.input: this key is missing"]),
        ({"annotate": "text"}, ["annotate: must be a list", "got 'text'"]),
        ({"dedup": 1}, ["dedup: must be a mapping of keys to values", "got 1"]),
        ({"sources": ["rows"]}, ["sources.0: must be a mapping", "got 'rows'"]),
        ({"sources": [{"name": "A b", "kind": "rows", "input": "."}]}, ["sources.0.name"]),
        ({"sources": MINIMAL["sources"] * 2}, ["two sources have the same name", "rows"]),
        ({"annotate": [{"name": "text", "sources": ["rwos"]}]}, ["no source named 'rwos'", "rows"]),
        ({"dedup": {"near": {"band": 3}}}, ["no key 'dedup.near.band'", "did you mean 'bands'?"]),
        ({"limits": {"shard_bytes": 0}}, ["limits.shard_bytes", "greater than or equal to 1"]),
        ({"decontaminate": {"against": []}}, ["decontaminate.against", "at least 1 item"]),
    ],
    ids=str,
)
def test_faults_say_where_and_what_is_near(tmp_path, change, words):
    with pytest.raises(ConfigError) as caught:
        recipe.load(write(tmp_path, MINIMAL | change))
    for word in words:
        assert word in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"annotate": ["txet"]}, ["no annotator named 'txet'", "did you mean 'text'"]),
        ({"rewrite": ["mask_pi"]}, ["no rewriter named", "'mask_pii'"]),
        ({"decide": ["gopher/papr"]}, ["no policy named", "'gopher/paper'"]),
        ({"annotate": ["image"], "decide": ["gopher/paper"]}, ["no signal named 'text."]),
        ({"decide": ["nowhere.yaml"]}, ["no such policy file"]),
        ({"sources": [{"name": "a", "kind": "rowz", "input": "."}]}, ["no source named 'rowz'"]),
        ({"sources": [{"name": "a", "kind": "rows", "input": ".", "options": {"txt": 1}}]},
         ["no option named 'txt'", "text_field"]),
    ],
    ids=str,
)  # fmt: skip
def test_unknown_names_are_found_when_the_run_is_planned(tmp_path, change, words):
    found = recipe.load(write(tmp_path, MINIMAL | change))
    with pytest.raises(ConfigError) as caught:
        run.plan(found, tmp_path / "out")
    for word in words:
        assert word in str(caught.value)


def test_settings_reach_variables_and_any_path(tmp_path):
    data = MINIMAL | {"set": {"where": None}, "decide": ["a", "b"]}
    data["sources"] = [{"name": "rows", "kind": "rows", "input": "${where}/x"}]
    found = recipe.load(
        write(tmp_path, data),
        ["where=/data", "dedup.near.jaccard=0.5", "decide.1.name=c", "limits.shard_files=7"],
    )
    assert found.sources[0].input == "/data/x"
    assert found.dedup.near.jaccard == 0.5
    assert found.dedup.near.bands == 14
    assert found.limits.shard_files == 7
    assert [s.name for s in found.decide] == ["a", "c"]


def test_the_thresholds_of_the_verb_reach_the_recipe(tmp_path):
    found = recipe.load(*dataset_recipes.dedup(tmp_path, jaccard=0.6, containment=0.7)).dedup.near
    assert (found.jaccard, found.containment) == (0.6, 0.7)
    assert recipe.load(*dataset_recipes.dedup(tmp_path)).dedup.near.containment is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("input", "--set needs key=value"),
        ("name=[}", r"the value is not valid YAML, in --set name=\[\}"),
        ("sources.7.kind=rows", "no such entry"),
        ("name.x=1", "there is nothing to set inside"),
    ],
)
def test_settings_that_are_wrong(tmp_path, setting, message):
    with pytest.raises(ConfigError, match=message):
        recipe.load(write(tmp_path, MINIMAL), [setting])


def test_a_setting_of_a_number_is_a_number_and_of_a_text_stays_as_it_is(tmp_path):
    options = {"rate": "${rate}", "n": "${n}", "on": "${on}", "name": "${name}"}
    source = {"name": "rows", "kind": "rows", "input": "x", "options": options}
    data = MINIMAL | {"set": {"rate": 0.5, "n": 3, "on": False, "name": ""}, "sources": [source]}
    found = recipe.load(write(tmp_path, data), ["rate=0.25", "n=7", "on=true", "name=007"])
    assert found.sources[0].options == {"rate": 0.25, "n": 7, "on": True, "name": "007"}


def test_a_variable_may_come_from_the_environment(tmp_path, monkeypatch):
    data = MINIMAL | {"set": {"data": {"env": "SOME_FOLDER"}}, "about": "${data}"}
    monkeypatch.setenv("SOME_FOLDER", "/here")
    assert recipe.load(write(tmp_path, data)).about == "/here"
    monkeypatch.delenv("SOME_FOLDER")
    with pytest.raises(ConfigError, match="needs a value for 'data'"):
        recipe.load(write(tmp_path, data))


def test_files_that_are_no_recipe(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        recipe.load(str(tmp_path / "bad.yaml"))
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="mapping of keys"):
        recipe.load(str(tmp_path / "list.yaml"))
    with pytest.raises(ConfigError, match="cannot read the recipe"):
        recipe.load(str(tmp_path / "absent.yaml"))


def test_an_optional_source_without_input_is_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "here"}')
    data = MINIMAL | {
        "sources": [
            {"name": "here", "kind": "rows", "input": str(tmp_path / "in"), "optional": True},
            {"name": "gone", "kind": "rows", "input": f"{tmp_path}/x/*.jsonl", "optional": True},
        ]
    }
    job = run.plan(recipe.load(write(tmp_path, data)), tmp_path / "out")
    assert [s.name for s in job.recipe.sources] == ["here"]
    data["sources"] = data["sources"][1:]
    with pytest.raises(ConfigError, match="none of the recipe's inputs exists"):
        run.plan(recipe.load(write(tmp_path, data)), tmp_path / "out")
