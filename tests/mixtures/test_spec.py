"""Specs: read, written, and every fault told before any work."""

import pathlib

import pytest
from mixing import SPEC, explicit, stages, write_spec

from castor.filters.errors import ConfigError
from castor.mixtures import spec as specs


def load(folder, settings=(), **changes):
    return specs.load(write_spec(folder, **changes), settings)


def test_defaults(tmp_path):
    found = load(tmp_path, block=None)
    assert (found.seed, found.block, found.packing.kind) == (0, 1024, "concat-chunk")
    assert found.sources["web"].split == "train"
    assert found.sources["web"].max_epochs is None
    assert found.stages[0].ramp == "step"


@pytest.mark.parametrize(
    ("text", "number"),
    [("2M", 2_000_000), ("1.4M", 1_400_000), ("3B", 3 * 10**9), ("60k", 60_000), ("2_000", 2000),
     ("1e6", 10**6), (500, 500), ("0.1T", 10**11), ("1.1G", 1_100_000_000)],
)  # fmt: skip
def test_numbers_as_people_write_them(tmp_path, text, number):
    assert load(tmp_path, budget={"tokens": text}).budget.tokens == number


@pytest.mark.parametrize("text", ["2X", "many", "1.5", "-3", 0, "inf", "1.0000001M"])
def test_what_is_no_number_of_tokens(tmp_path, text):
    with pytest.raises(ConfigError, match=r"budget\.tokens"):
        load(tmp_path, budget={"tokens": text})


@pytest.mark.parametrize("packing", ["best-fit", {"kind": "best-fit"}])
def test_packing_by_name_or_mapping(tmp_path, packing):
    assert load(tmp_path, packing=packing).packing.kind == "best-fit"


def test_settings(tmp_path):
    found = load(tmp_path, ["budget.tokens=4B", "sources.web.max_epochs=2", "stages.0.until=0.5"])
    assert found.budget.tokens == 4 * 10**9
    assert found.sources["web"].max_epochs == 2
    assert found.stages[0].until == 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 5, "packing": "best-fit", "block": 64},
        {"budget": {"rule": "hoffmann", "active_parameters": "3M", "overtraining": 1.5}},
        {"budget": None, "stages": stages(explicit(1, 0, 0.5, until_tokens="1M", ramp="step"))},
        {"stages": stages(
            {"rule": "unimax", "max_epochs": 3, "shrink": True, "until": 0.2},
            {"rule": "temperature", "temperature": 3.33, "limit": "9k", "until": 0.4},
            explicit(1 / 3, 0.2, 1e-9, cap="water-fill", ramp="linear"),
        )},
    ],
)  # fmt: skip
def test_what_is_written_reads_back_equal(tmp_path, changes):
    found = load(tmp_path, **changes)
    path = tmp_path / "again.yaml"
    path.write_text(specs.to_yaml(found))
    assert specs.load(path) == found


def test_a_spec_moves_with_its_paths(tmp_path):
    old, new = tmp_path / "a", tmp_path / "b" / "c"
    moved = specs.moved(specs.MixtureSpec(**SPEC), old, new)
    assert moved.sources["web"].tokens == "../../a/tokens"
    assert (new / moved.sources["web"].tokens).resolve() == (old / "tokens").resolve()
    assert specs.moved(moved, new, old) == specs.MixtureSpec(**SPEC)


def test_a_spec_moves_to_where_a_link_leads(tmp_path):
    real = tmp_path / "far" / "away"
    real.mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "tokens").mkdir()
    moved = specs.moved(specs.MixtureSpec(**SPEC), tmp_path, tmp_path / "link" / "out")
    (real / "out").mkdir()
    found = tmp_path / "link" / "out" / moved.sources["web"].tokens
    assert found.resolve() == (tmp_path / "tokens").resolve()


def weights(**given):
    return stages({"rule": "explicit", "weights": given})


FAULTS = [
    ({"stagse": []}, "did you mean 'stages'"),
    ({"sources": {"web": {"tokens": "t", "max_epoch": 3}}}, "did you mean 'max_epochs'"),
    ({"sources": {"web": {}}}, r"sources\.web\.tokens: this key is missing"),
    ({"sources": {}}, "sources"),
    ({"sources": {"../up": {"tokens": "t"}}}, "should match pattern"),
    ({"stages": weights(web=1, boks=1, code=1)}, "did you mean 'books'"),
    ({"stages": weights(web=1, code=1)}, "write books: 0 to leave it out"),
    ({"stages": weights(web=0, books=0, code=0)}, "all weights are 0"),
    ({"stages": weights(web=-1, books=1, code=1)}, "greater than or equal to 0"),
    ({"stages": weights(web=".inf", books=1, code=1)}, "valid number"),
    ({"stages": stages({"rule": "explicit"})}, "the rule explicit needs `weights`"),
    ({"stages": stages({"rule": "temperature"})}, "needs `temperature`"),
    ({"stages": stages({"rule": "proportional", "temperature": 2})}, "belongs to the rule"),
    ({"stages": stages({"rule": "proportinal"})}, "should be 'explicit'"),
    ({"stages": stages({"rule": "unimax", "cap": "strict"})}, "unimax has no cap"),
    ({"stages": stages(explicit(1, 1, 1, shrink=True))}, "`shrink` belongs to"),
    ({"stages": stages(explicit(1, 1, 1, ramp="linear"))}, "first stage cannot be a ramp"),
    ({"stages": []}, "stages"),
    ({"stages": [explicit(1, 1, 1, name="a", until=0.2), explicit(1, 1, 1, name="a")]},
     "same name"),
    ({"stages": stages(explicit(1, 1, 1), explicit(1, 1, 1))}, "only the last stage"),
    ({"stages": stages(explicit(1, 1, 1, until=0.5, until_tokens=5))}, "not both"),
    ({"stages": stages(explicit(1, 1, 1, until=0.5))}, "ends with the budget"),
    ({"stages": stages(explicit(1, 1, 1, until=1.5))}, "less than or equal to 1"),
    ({"budget": None}, "has no end"),
    ({"budget": None, "stages": stages(explicit(1, 1, 1, until=0.5),
                                       explicit(1, 1, 1, until_tokens=9))}, "share of a budget"),
    ({"budget": {"rule": "hoffmann"}}, "needs active_parameters"),
    ({"budget": {"tokens": 5, "tokens_per_parameter": 12}}, "belongs to the rule ratio"),
    ({"budget": {"rule": "hoffmann", "active_parameters": 5, "tokens_per_parameter": 12}},
     "belongs to the rule ratio, in budget: got rule hoffmann"),
    ({"budget": {"rule": "ratio", "active_parameters": 5, "constants": "hoffmann"}},
     "law of Hoffmann, in budget: got rule ratio"),
    ({"budget": {"tokens": 5, "constants": "hoffmann"}}, "got tokens without active_parameters"),
    ({"packing": "first-fit"}, "packing"),
    ({"castor": 2}, "castor"),
    ({"sequence_length": 0}, "sequence_length"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), FAULTS)
def test_faults_are_told_before_any_work(tmp_path, changes, told):
    with pytest.raises(ConfigError, match=told) as caught:
        load(tmp_path, **changes)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there():
    with pytest.raises(ConfigError, match="cannot read the mixture"):
        specs.load(pathlib.Path("nowhere.yaml"))
