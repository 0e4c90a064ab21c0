"""Exports: what other trainers' readers ask of the files, and weights that come back the same."""

import json

import pytest
import yaml
from mixing import explicit, make, stages, write_spec

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures import export
from castor.mixtures.described import describe

THIRDS = stages(
    explicit(1 / 3, 1 / 7, 0.1, until=0.4),
    explicit(1, 0, 1, until=0.7),
    explicit(0.2, 0.7, 0.1, ramp="linear"),
)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    make(folder)
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    sources["books"]["max_epochs"] = 6.5
    return describe(write_spec(folder, stages=THIRDS, sources=sources))


def wanted(mixture):
    """The mean shares of every stage, without what has none."""
    return [{n: s for n, s in stage.shares.items() if s} for stage in mixture.stages]


@pytest.mark.parametrize("target", sorted(export.FORMATS))
def test_weights_come_back(mixture, target):
    files = export.export(mixture, target, batch_rows=32)
    read = [w for _, content in sorted(files.items()) for w in export.read_weights(content, target)]
    assert len(read) == 3
    for found, share in zip(read, wanted(mixture)):
        assert found.keys() == share.keys()
        for name, value in share.items():
            assert abs(found[name] - value) <= 1e-9


def test_maxtext(mixture):
    """input_pipeline/grain_data_processing.py reads {name: {path, weight}}, and grain wants
    weights above 0."""
    files = export.export(mixture, "maxtext", paths="gs://data/{name}/{split}*.array_record")
    assert sorted(files) == ["01-stage0.json", "02-stage1.json", "03-stage2.json"]
    first = json.loads(files["01-stage0.json"])
    assert list(first) == ["web", "books", "code"]  # the order of its per_dataset_names
    assert first["web"]["path"] == "gs://data/web/train*.array_record"
    assert set(first["web"]) == {"path", "weight"}
    second = json.loads(files["02-stage1.json"])
    assert list(second) == ["web", "code"]
    assert all(line["weight"] > 0 for line in second.values())


def test_olmo_core(mixture):
    """olmo_core/data/source_mixture.py: SourceMixtureList.validate and SourceMixtureConfig's."""
    for i, content in enumerate(export.export(mixture, "olmo-core").values()):
        data = yaml.safe_load(content)
        assert set(data) == {"sources"}
        assert sum(s["target_ratio"] for s in data["sources"]) == pytest.approx(1)
        stage = mixture.stages[i]
        for line in data["sources"]:
            known = {"source_name", "target_ratio", "max_repetition_ratio", "paths"}
            assert set(line) == known
            assert 0 < line["target_ratio"] <= 1
            assert line["max_repetition_ratio"] >= 1
            rows = mixture.sources[line["source_name"]].rows
            asked = line["target_ratio"] * (stage.end - stage.begin)
            assert asked <= rows * line["max_repetition_ratio"]
            (path,) = line["paths"]
            assert path.endswith(f"tokens/{line['source_name']}/train/*.ids")
    assert data["sources"][1]["max_repetition_ratio"] == 6.5


def test_olmo_core_finds_the_token_shards(mixture):
    import glob

    import numpy as np

    (line, *_) = yaml.safe_load(export.export(mixture, "olmo-core")["01-stage0.yaml"])["sources"]
    found = [np.fromfile(p, np.uint32) for p in sorted(glob.glob(line["paths"][0]))]
    assert sum(map(len, found)) == mixture.sources["web"].tokens


def test_levanter(mixture):
    """levanter/data/mixture.py: stages begin with 0, on blocks, one after the other; in
    data/text.py they are counted in batches."""
    data = yaml.safe_load(export.export(mixture, "levanter", batch_rows=16)["levanter.yaml"])
    steps = [step for step, _ in data["train_weights"]]
    assert [step * 16 for step in steps] == [s.begin for s in mixture.stages]
    assert steps[0] == 0
    assert all(step * 16 % data["mixture_block_size"] == 0 for step in steps)
    assert data["mixture_block_size"] == 32
    assert set(data["configs"]) == {"web", "books", "code"}
    for _, shares in data["train_weights"]:
        assert set(shares) <= set(data["configs"])


def test_levanter_needs_the_batch(mixture):
    with pytest.raises(ConfigError, match="counts its stages in batches"):
        export.export(mixture, "levanter")
    with pytest.raises(ConfigError, match="begins inside a batch"):
        export.export(mixture, "levanter", batch_rows=48)


def test_unknown_things_are_told(mixture):
    with pytest.raises(ConfigError, match="did you mean 'maxtext'"):
        export.export(mixture, "maxtex")
    for pattern in ("{nme}/x", "{", "{0}"):
        with pytest.raises(ConfigError, match="pattern of paths"):
            export.export(mixture, "maxtext", paths=pattern)


def test_files_are_not_overwritten(mixture, tmp_path):
    files = export.export(mixture, "maxtext")
    assert export.write(files, tmp_path) == sorted(files)
    assert export.write(files, tmp_path) == []
    changed = files | {"01-stage0.json": b"{}\n"}
    with pytest.raises(CastorError, match="another content"):
        export.write(changed, tmp_path)
    assert (tmp_path / "01-stage0.json").read_bytes() == files["01-stage0.json"]
    assert export.write(changed, tmp_path, force=True) == ["01-stage0.json"]
