"""The preview: its figures are those of the plan, and it refuses what runs dry."""

import numpy as np
import pytest
from mixing import explicit, make, stages, write_spec
from tokens import make_tokens

from castor.filters.errors import ConfigError, GateError
from castor.mixtures.compile import preview_mixture, resolve_mixture
from castor.mixtures.preview import check


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("preview")
    make(made)
    return made


def preview(folder, settings=(), **changes):
    return preview_mixture(write_spec(folder, **changes), settings)


THREE = stages(
    {"rule": "proportional", "until": 0.5},
    explicit(1, 1, 1, until=0.8, ramp="linear"),
    explicit(0, 3, 1),
)


def test_figures_are_counted_in_the_order_itself(folder):
    found = preview(folder, stages=THREE)
    resolved, _ = resolve_mixture(folder / "mixture.yaml")
    plan = resolved.plan
    source, epoch, _ = plan.locate(np.arange(plan.sequences))
    assert found["sequences"] == plan.sequences
    assert found["tokens"] == plan.sequences * 32
    for stage in found["stages"]:
        here = slice(stage["begin"], stage["end"])
        for i, name in enumerate(plan.names):
            mine = source[here] == i
            told = stage["sources"][name]
            assert told["tokens"] == mine.sum() * 32
            assert told["share"] == pytest.approx(mine.mean())
            assert told["unique_tokens"] == (mine & (epoch[here] == 0)).sum() * 32
            so_far = (source[: stage["end"]] == i).sum()
            assert told["epochs_so_far"] == pytest.approx(so_far / found["sources"][name]["rows"])
    for i, name in enumerate(plan.names):
        told = found["total"]["sources"][name]
        assert told["tokens"] == (source == i).sum() * 32
        assert told["unique_tokens"] == ((source == i) & (epoch == 0)).sum() * 32


def test_stages_add_up_to_the_total(folder):
    found = preview(folder, stages=THREE)
    assert sum(s["tokens"] for s in found["stages"]) == found["tokens"]
    for name, told in found["total"]["sources"].items():
        weighted = sum(s["tokens"] * s["sources"][name]["share"] for s in found["stages"])
        assert told["share"] == pytest.approx(weighted / found["tokens"])
        parts = [s["sources"][name] for s in found["stages"]]
        assert told["unique_tokens"] == sum(p["unique_tokens"] for p in parts)
        assert told["epochs"] == pytest.approx(sum(p["epochs"] for p in parts))
    assert sum(t["share"] for t in found["total"]["sources"].values()) == pytest.approx(1)


def test_shares_are_those_of_the_spec_within_a_sequence(folder):
    found = preview(folder, stages=stages(explicit(6, 3, 1)))
    for name, share in (("web", 0.6), ("books", 0.3), ("code", 0.1)):
        n = found["stages"][0]["sources"][name]["tokens"] / 32
        assert abs(n - share * found["sequences"]) <= 1


def test_the_late_raise_of_a_domain_shows(folder):
    found = preview(folder)  # books: a tenth at first, half at last
    first, last = (s["sources"]["books"]["share"] for s in found["stages"])
    assert last > 4 * first
    told = found["total"]["sources"]
    assert told["books"]["raise"] == pytest.approx(last / first)
    assert told["web"]["raise"] < 0.5


def test_a_source_that_comes_in_late_has_no_raise(folder):
    found = preview(folder, stages=stages(explicit(1, 0, 1, until=0.5), explicit(1, 1, 1)))
    assert found["total"]["sources"]["books"]["raise"] is None
    assert found["stages"][0]["sources"]["books"]["unique"] is None


def test_bytes_of_text_are_in_proportion(folder):
    found = preview(folder)
    for name, told in found["total"]["sources"].items():
        there = found["sources"][name]
        assert told["text_bytes"] == pytest.approx(told["epochs"] * there["text_bytes"], abs=1)


def test_the_budget_is_compared_with_the_optimum(folder):
    budget = {"rule": "ratio", "active_parameters": 2000, "overtraining": 1.5}
    told = preview(folder, budget=budget)["budget"]
    assert told["tokens"] == 60_000
    assert told["optimum"] == 40_000
    assert told["overtraining"] == pytest.approx(1.5, rel=0.02)
    assert preview(folder, budget={"tokens": 60_000})["budget"]["optimum"] is None


def test_within_its_limits_a_mixture_passes(folder):
    sources = {n: {"tokens": "tokens", "max_epochs": 20} for n in ("web", "books", "code")}
    found = preview(folder, sources=sources)
    assert found["problems"] == []
    check(found, where="here")


def test_a_source_that_runs_dry_is_refused_and_where_is_told(folder):
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    sources["books"]["max_epochs"] = 2
    found = preview(folder, sources=sources)
    (problem,) = found["problems"]
    resolved, _ = resolve_mixture(folder / "mixture.yaml")
    index = np.arange(resolved.plan.sequences)
    mine = index[resolved.plan.locate(index)[0] == 1]
    # Two epochs, and one row more, which is what rounding may do; the next is too many.
    over = mine[2 * found["sources"]["books"]["rows"] + 1]
    assert problem["sequence"] == over
    assert problem["token"] == over * 32
    assert (problem["source"], problem["stage"]) == ("books", "late")
    assert problem["epochs"] == pytest.approx(found["total"]["sources"]["books"]["epochs"])
    with pytest.raises(GateError) as caught:
        check(found, where="mixture.yaml")
    assert caught.value.exit_code == 3
    told = str(caught.value)
    assert "'books' runs dry" in told
    assert "stage late" in told
    assert f"sequence {over:,}" in told
    assert "raise sources.books.max_epochs" in told


def test_a_limit_of_a_stage_is_checked_in_that_stage(folder):
    found = preview(
        folder, stages=stages(explicit(8, 1, 1, until=0.5), explicit(1, 2, 1, max_epochs=1.5))
    )
    problems = {p["source"]: p for p in found["problems"]}
    assert set(problems) == {"books"}
    assert problems["books"]["limit"] == "stages.1.max_epochs"
    assert problems["books"]["sequence"] >= found["stages"][1]["begin"]


@pytest.mark.parametrize("cap", ["water-fill", "strict"])
def test_a_cap_mends_it(folder, cap):
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    sources["books"]["max_epochs"] = 2
    found = preview(folder, sources=sources, stages=stages(explicit(1, 2, 1, cap=cap)))
    assert found["problems"] == []
    (stage,) = found["stages"]
    assert stage["sources"]["books"]["capped"]
    assert stage["sources"]["books"]["epochs"] <= 2.02
    assert (stage["tokens"] < stage["asked_tokens"]) == (cap == "strict")


def test_what_a_cap_cannot_mend_on_a_ramp_is_told(folder):
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    # 53 of 59 blocks read 565 rows, the beginning of the ramp reads 32 more, its end none.
    sources["books"]["max_epochs"] = 580 / preview(folder)["sources"]["books"]["rows"]
    late = explicit(1, 1, 1, cap="water-fill", ramp="linear")
    found = preview(folder, sources=sources, stages=stages(explicit(1, 1, 1, until=0.9), late))
    (problem,) = found["problems"]
    assert "write ramp: step" in problem["fix"]
    found = preview(folder, sources=sources, stages=stages(explicit(1, 1, 1)))
    assert "set cap: water-fill" in found["problems"][0]["fix"]


def test_best_fit_counts_its_own_rows(folder):
    chunks, packed = preview(folder), preview(folder, packing="best-fit")
    for name in chunks["sources"]:
        assert packed["sources"][name]["rows"] >= chunks["sources"][name]["rows"]
    assert packed["sources"]["web"]["padding"] > chunks["sources"]["web"]["padding"]


def test_nothing_is_written(folder):
    before = sorted(p.relative_to(folder) for p in folder.rglob("*"))
    preview_mixture(folder / "mixture.yaml")
    assert sorted(p.relative_to(folder) for p in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"tokens": "nowhere"}, "token dataset does not exist"),
        ({"tokens": "tokens", "source": "bookz"}, "did you mean 'books'"),
        ({"tokens": "tokens", "split": "test"}, "split"),
    ],
)
def test_a_source_that_is_not_there(folder, source, told):
    sources = {"web": {"tokens": "tokens"}, "books": source, "code": {"tokens": "tokens"}}
    with pytest.raises(ConfigError, match=told):
        preview(folder, sources=sources)


def test_an_empty_source(tmp_path):
    make_tokens(tmp_path / "tokens", {"web": 2000, "books": 5})  # a tenth of 5 is no held-out token
    sources = {"web": {"tokens": "tokens"}, "books": {"tokens": "tokens", "split": "heldout"}}
    with pytest.raises(ConfigError, match="the source is empty"):
        preview(tmp_path, sources=sources, stages=stages({"rule": "proportional"}))


def test_different_tokenizers(tmp_path):
    from castor.filters import outputs
    from castor.mixtures.tokens import open_tokens

    make(tmp_path)
    make_tokens(tmp_path / "other", {"web": 2000})
    manifest = dict(open_tokens(tmp_path / "other").manifest)
    manifest["tokenizer"] = manifest["tokenizer"] | {"sha256": "f" * 64}
    for key in ("kind", "schema_version", "castor", "blake2b"):
        del manifest[key]
    outputs.write(tmp_path / "other", "tokens", manifest.pop("made_from"), **manifest)
    sources = {"web": {"tokens": "tokens"}, "books": {"tokens": "other", "source": "web"}}
    with pytest.raises(ConfigError, match="different tokenizers") as caught:
        preview(tmp_path, sources=sources, stages=stages({"rule": "proportional"}))
    assert "sources.web and sources.books" in str(caught.value)


def test_a_source_too_small_for_one_row(tmp_path, monkeypatch):
    from castor.mixtures import pack

    make(tmp_path)
    build = pack.build_index
    monkeypatch.setattr(pack, "build_index", lambda *a: build(*a) | {"rows": 0})
    with pytest.raises(ConfigError, match="too small for one row"):
        preview(tmp_path)
