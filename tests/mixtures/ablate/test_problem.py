import math
import pathlib

import pytest
from tokens import make_tokens

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures import spec as mixture_spec
from castor.mixtures.ablate import problem, spec
from castor.mixtures.compile import preview_mixture

MIXTURE = """
castor: 1
name: two stages
sequence_length: 16
sources:
  web: {tokens: tokens}
  books: {tokens: tokens, max_epochs: 4}
  code: {tokens: tokens}
block: 32
budget: {tokens: 40960}
stages:
  - {name: early, until: 0.75, rule: proportional}
  - {name: late, until: 1.0, rule: explicit, weights: {web: 0.4, books: 0.6, code: 0}}
"""
ABLATION = """
castor: 1
mixture: mixture.yaml
targets: [books]
swarm: {runs: 8, tokens_per_run: 1k}
"""
SOURCES = """
castor: 1
sources: {web: {tokens: tokens}, books: {tokens: tokens}}
targets: {books: 3, web: 1}
swarm: {runs: 8, tokens_per_run: 1k}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("problem")
    make_tokens(path / "tokens", {"web": 9_000, "books": 3_000, "code": 6_000, "tiny": 90})
    make_tokens(path / "others", {"essays": 3_000}, seed=1)
    (path / "mixture.yaml").write_text(MIXTURE)
    return path


def settled(folder: pathlib.Path, text: str, *settings: str) -> problem.Problem:
    path = folder / "ablation.yaml"
    path.write_text(text)
    return problem.settle(path, spec.load(path, settings))


def test_the_last_stage_gives_the_baseline_and_the_target_tokens(folder):
    found = settled(folder, ABLATION)
    assert found.stages == ("late",)
    assert found.before
    assert found.baseline == pytest.approx({"web": 0.4, "books": 0.6})  # code has no weight there
    assert found.target_tokens == 40960 // 4
    total = sum(found.tokens.values())
    assert found.natural == pytest.approx({n: t / total for n, t in found.tokens.items()})
    assert set(found.heldout) == {"web", "books"}


def test_all_stages_give_the_mean_by_tokens(folder):
    found = settled(folder, ABLATION, "stage=all")
    rows = {n: -(-(t - 1) // 16) for n, t in found.tokens.items()}
    early = {n: r / sum(rows.values()) for n, r in rows.items()}
    late = {"web": 0.4, "books": 0.6, "code": 0.0}
    assert found.baseline == pytest.approx({n: 0.75 * early[n] + 0.25 * late[n] for n in early})
    assert found.target_tokens == 40960
    assert not found.before


def test_caps_are_what_the_limits_leave_after_the_other_stages(folder):
    found = settled(folder, ABLATION)
    tokens = -(-(found.tokens["books"] - 1) // 16) * 16
    share = found.tokens["books"] / (18_000 / 0.999)
    used = 0.75 * 40960 * share
    assert found.caps["books"] == pytest.approx((4 * tokens - used) / found.target_tokens, rel=0.05)
    assert "web" not in found.caps
    tighter = settled(folder, ABLATION, "max_epochs=0.5")
    assert tighter.caps["books"] == pytest.approx(0.5 * found.tokens["books"] / found.target_tokens)


@pytest.mark.parametrize("stage", ["rule: explicit", "ramp: linear, rule: explicit"])
def test_weights_at_their_caps_are_a_mixture_that_does_not_run_dry(folder, stage):
    text = MIXTURE.replace("max_epochs: 4", "max_epochs: 2.5").replace("rule: explicit", stage)
    (folder / "capped.yaml").write_text(text)
    found = settled(folder, ABLATION.replace("mixture.yaml", "capped.yaml"))
    most = found.caps["books"]
    assert 0.1 < most < 0.4
    path = folder / "weights.yaml"
    for books, dry in ((most, False), (most + 0.02, True)):
        path.write_text(found.weights_yaml({"web": 1 - books, "books": books}, folder))
        assert bool(preview_mixture(path)["problems"]) is dry


def test_sources_without_a_mixture_have_natural_proportions(folder):
    found = settled(folder, SOURCES)
    assert found.baseline == pytest.approx(found.natural)
    assert found.target_tokens == sum(found.tokens.values())
    assert found.caps == {}
    assert found.spec.target_weights == {"books": 0.75, "web": 0.25}


def test_the_weights_are_a_spec_of_the_mixture_that_leads_to_the_same_tokens(folder):
    out = folder / "deep" / "out"
    out.mkdir(parents=True, exist_ok=True)
    found = settled(folder, ABLATION)
    (out / "weights.yaml").write_text(found.weights_yaml({"web": 0.3, "books": 0.7}, out))
    written = mixture_spec.load(out / "weights.yaml")
    assert (out / written.sources["web"].tokens).resolve() == (folder / "tokens").resolve()
    before = mixture_spec.load(folder / "mixture.yaml")
    assert written.stages[0] == before.stages[0]
    assert written.stages[1].weights == {"web": 0.3, "books": 0.7, "code": 0.0}
    assert written.stages[1].until == 1.0
    assert written.budget == before.budget


def test_weights_of_sources_without_a_mixture_are_a_spec_too(folder):
    found = settled(folder, SOURCES)
    path = folder / "weights.yaml"
    path.write_text(found.weights_yaml({"web": 0.3, "books": 0.7}, folder))
    written = mixture_spec.load(path)
    assert written.stages[0].weights == {"web": 0.3, "books": 0.7}


def test_evaluate_names_held_out_text_outside_of_the_mixture(folder):
    text = ABLATION.replace("[books]", "[essays]") + "evaluate: {essays: {tokens: others}}\n"
    found = settled(folder, text)
    assert set(found.heldout) == {"web", "books", "essays"}
    assert set(found.inputs) == {"web", "books"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets: [books]": "targets: [boks]"}, "no domain named 'boks'.*in targets"),
        ({"targets: [books]": "targets: []"}, "targets: name at least one domain|at least one"),
        ({"targets: [books]": "targets: [books, books]"}, "named twice"),
        ({"runs: 8": "runs: 5"}, r"too few runs for 2 domains, in swarm\.runs: got 5"),
        ({"mixture: mixture.yaml": "mixture: none.yaml"}, "cannot read the mixture"),
        ({"mixture: mixture.yaml\n": ""}, "give `mixture` or `sources`"),
        ({"castor: 1\n": "castor: 1\nstage: middle\n"}, "no stage named 'middle'"),
        ({"castor: 1\n": "castor: 1\nkll: 1\n"}, "no key 'kll'"),
        ({"castor: 1\n": "castor: 1\nbootstrap: 20\n"}, "bootstrap: .*200"),
        ({"castor: 1\n": "castor: 1\nconfirm: {seeds: 2}\n"}, "confirm.seeds: .*3"),
        (
            {"castor: 1\n": "castor: 1\nevaluate: {web: {tokens: tokens}}\n"},
            "which is a domain of the mixture",
        ),
    ],
)
def test_a_wrong_spec_is_refused_before_anything_runs(folder, change, message):
    text = ABLATION
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigError, match=message):
        settled(folder, text)


def test_a_mixture_of_one_domain_is_nothing_to_weigh(folder):
    text = SOURCES.replace(", books: {tokens: tokens}", "").replace("{books: 3, web: 1}", "[web]")
    with pytest.raises(ConfigError, match="at least two domains to weigh: got 1"):
        settled(folder, text)


def test_a_domain_without_tokens_is_named(folder):
    text = SOURCES.replace("books: {tokens: tokens}}", "books: {tokens: tokens, source: bocks}}")
    with pytest.raises(ConfigError, match="bocks"):
        settled(folder, text)


def test_a_target_without_held_out_text_is_named(folder):
    path = folder / "no-heldout"
    if not path.exists():
        make_tokens(path, {"web": 9_000, "short": 9})
    text = SOURCES.replace("books: {tokens: tokens}}", "short: {tokens: no-heldout}}")
    text = text.replace("{web: {tokens: tokens}", "{web: {tokens: no-heldout}")
    text = text.replace("{books: 3, web: 1}", "[short]")
    with pytest.raises(ConfigError, match="target has no held-out text, in targets: got short"):
        settled(folder, text)


def test_held_out_text_of_another_tokenizer_is_refused(folder):
    import json

    from castor.filters import storage

    path = folder / "foreign"
    if not path.exists():
        make_tokens(path, {"essays": 500})
        manifest = json.loads((path / "manifest.json").read_text())
        del manifest["blake2b"]
        manifest["tokenizer"]["sha256"] = "1" * 64
        manifest["blake2b"] = storage.digest_of(manifest)
        storage.write_json(path / "manifest.json", manifest)
    text = ABLATION.replace("[books]", "[essays]") + "evaluate: {essays: {tokens: foreign}}\n"
    with pytest.raises(CastorError, match="another tokenizer than the mixture's"):
        settled(folder, text)


def test_runs_needed_are_one_and_a_half_per_domain():
    assert [spec.runs_needed(n) for n in (2, 4, 5, 17)] == [6, 6, math.ceil(7.5), 26]
