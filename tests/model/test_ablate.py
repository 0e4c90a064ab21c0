import dataclasses
import json
import math
import shutil

import jax
import numpy as np
import pytest
import training
from click.testing import CliRunner

from castor.filters.errors import CastorError, ConfigError, GateError
from castor.mixtures import spec as mixture_spec
from castor.mixtures.ablate import runs
from castor.mixtures.compile import resolve_mixture
from castor.model import ablate, proxies
from castor.model.swarm import Outcome
from castor.pipelines.cli import main

SPEC = """
castor: 1
name: tiny
sources:
  chain: {tokens: tokens}
  bag: {tokens: tokens}
  noise: {tokens: tokens}
evaluate: {goal: {tokens: tokens}}
targets: [goal]
sequence_length: 16
batch_rows: 4
target_tokens: 20k
heldout_tokens: 600
swarm: {runs: 6, tokens_per_run: 768}
confirm: {seeds: 3}
model: {layers: 1, d_model: 16, heads: 2}
optimizer: {peak_lr: 0.03}
parallel: 6
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sentences of a language, the same words shuffled, letters; and the language held out."""
    path = tmp_path_factory.mktemp("ablate")
    rng = np.random.default_rng(0)
    chain = training.sentences(rng, 240)
    bag = [" ".join(rng.permutation(text.rstrip(".").split())) + "." for text in chain[:120]]
    noise = ["".join(rng.choice(list("xyzqwvj "), 90)) for _ in range(120)]
    goal = training.sentences(np.random.default_rng(1), 60)
    training.encode(path, {"chain": chain, "bag": bag, "noise": noise, "goal": goal})
    (path / "ablation.yaml").write_text(SPEC)
    return path


class FakeSwarm:
    """Stands in for the compiled programs: losses by a law of what each model would read.

    Counts the models that it trained, and can lose some, as a step that is not finite does.
    """

    def __init__(self, shape, size, domains, vocabulary):
        self.shape, self.size, self.domains = shape, size, domains
        type(self).sizes |= {size}
        del vocabulary

    trained, lose, sign, raise_after, sizes = 0, (), 1.0, None, frozenset()

    def train(self, members, on_step=lambda done: None):
        cls, found = type(self), []
        if cls.raise_after is not None and cls.trained >= cls.raise_after:
            raise KeyboardInterrupt
        for member in members:
            share = dict(zip(member.mixture.plan.names, member.mixture.plan.stages[0].first))
            loss = 2 + math.exp(
                cls.sign * (-1.0 * share["chain"] + 0.2 * share["bag"] + 0.8 * share["noise"])
            )
            wobble = 0.001 * math.sin(member.seed)
            lost = 2 if cls.trained in cls.lose else 0
            found.append(Outcome(dict.fromkeys(self.domains, loss + wobble), 1.0, lost))
            cls.trained += 1
        on_step(self.shape.steps)
        return found


@pytest.fixture
def fake(monkeypatch):
    made = type("Fake", (FakeSwarm,), {})
    monkeypatch.setattr(proxies, "Swarm", made)
    return made


def run(folder, out, *settings, **options):
    return ablate.ablate(folder / "ablation.yaml", folder / out, settings=settings, **options)


@pytest.fixture(scope="module")
def done(folder):
    """A finished ablation of SPEC with stand-ins for models; nothing may change it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(proxies, "Swarm", type("Fake", (FakeSwarm,), {}))
        run(folder, "done")
    return folder / "done"


def copied(done, name):
    """A copy of a finished ablation, beside it."""
    return shutil.copytree(done, done.parent / name)


def test_an_ablation_from_tokens_to_weights(folder, capsys):
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        outcome = run(folder, "real")
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
    out = folder / "real"
    assert outcome["trained"] == 12
    assert sum(outcome["weights"].values()) == pytest.approx(1)
    result = json.loads((out / "ablation.json").read_text())
    assert set(result["domains"]) == {"chain", "bag", "noise"}
    assert len(result["runs"]) == 6
    assert set(result["runs"][0]["losses"]) == {"chain", "bag", "noise", "goal"}
    assert all(0.5 < loss < 9 for r in result["runs"] for loss in r["losses"].values())
    assert result["proxy"]["tokens_per_run"] == 768
    assert result["proxy"]["slices"] == {
        name: pytest.approx(d["tokens"] / 16 * 768 / 20_000, abs=1)
        for name, d in result["domains"].items()
    }
    assert len(runs.read(out / "runs.jsonl")) == 12
    assert "steps 100%  12 of 12" in capsys.readouterr().err
    written = mixture_spec.load(out / "weights.yaml")
    assert written.stages[0].weights == pytest.approx(outcome["weights"])
    resolved, _ = resolve_mixture(out / "weights.yaml")
    assert resolved.stages[0].last == pytest.approx(outcome["weights"])
    page = (out / "ablation.html").read_text()
    assert "What may not" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert str(folder) not in page + (out / "manifest.json").read_text()


def test_the_planted_order_is_found_and_accepted(folder, fake):
    outcome = run(folder, "fake")
    domains = outcome["domains"]
    assert domains["chain"]["slope"] < domains["bag"]["slope"] < domains["noise"]["slope"]
    assert domains["chain"]["proposed"] > domains["bag"]["proposed"] > domains["noise"]["proposed"]
    assert outcome["accepted"]
    assert not list((folder / "fake").glob(".work/*/"))  # no index of the data stays
    ablate.check(outcome)
    again = run(folder, "fake")
    assert again["skipped"]
    assert fake.trained == 12


def test_the_same_runs_give_the_same_bytes(folder, fake, done):
    run(folder, "again")
    for name in ("ablation.json", "ablation.html", "runs.jsonl", "manifest.json", "weights.yaml"):
        assert (folder / "again" / name).read_bytes() == (done / name).read_bytes()


def test_a_proposal_that_is_no_better_exits_3_and_everything_is_written(folder, fake):
    def no_gain(self, members, on_step=lambda done: None):
        found = FakeSwarm.train(self, members, on_step)
        if members[0].seed >= ablate.CONFIRM_SEED:
            found = [Outcome(dict.fromkeys(o.losses, 3.0 + 0.1 * (i % 2)), 1.0, 0)
                     for i, o in enumerate(found)]  # fmt: skip
        return found

    fake.train = no_gain
    spec = str(folder / "ablation.yaml")
    for _ in range(2):  # the second time nothing is left to do, and the answer is the same
        result = CliRunner().invoke(main, ["ablate", spec, str(folder / "no")])
        assert result.exit_code == 3, result.output
        assert "the proposed weights are not accepted" in result.output
    for name in ("manifest.json", "ablation.json", "ablation.html", "weights.yaml"):
        assert (folder / "no" / name).is_file()
    assert "Not accepted" in (folder / "no" / "ablation.html").read_text()
    with pytest.raises(GateError, match="not accepted"):
        ablate.check(run(folder, "no"))


def test_an_interrupted_ablation_trains_only_what_is_missing(folder, fake, done):
    fake.raise_after = 6
    with pytest.raises(KeyboardInterrupt):
        run(folder, "cut")
    assert not (folder / "cut" / "manifest.json").exists()
    assert len(runs.read(folder / "cut" / "runs.jsonl")) == 6
    fake.raise_after = None
    outcome = run(folder, "cut")
    assert outcome["trained"] == 6
    assert fake.trained == 12
    name = "ablation.json"
    assert (folder / "cut" / name).read_bytes() == (done / name).read_bytes()


def test_an_ablation_goes_on_in_groups_of_the_size_that_it_began_with(folder, fake):
    settings = "swarm.runs=8", "parallel=8"
    fake.raise_after = 8  # the swarm is trained, no confirm run is
    with pytest.raises(KeyboardInterrupt):
        run(folder, "sizes", *settings)
    fake.raise_after = None
    assert run(folder, "sizes", *settings)["trained"] == 6
    assert fake.sizes == {8}


def test_another_spec_is_refused_and_with_force_keeps_the_runs_that_fit(folder, fake, done):
    copied(done, "force")
    with pytest.raises(ConfigError, match="made from something else"):
        run(folder, "force", "kl=0.5")
    outcome = run(folder, "force", "kl=0.5", force=True)
    assert outcome["trained"] == 3  # a new proposal; the swarm and the baseline are known
    outcome = run(folder, "force", "swarm.tokens_per_run=1024", force=True)
    assert outcome["trained"] == 12
    outcome = run(folder, "force", "evaluate.goal.source=bag", force=True)
    assert outcome["trained"] == 12  # other documents were asked


def test_a_record_is_fitted_again_without_training(folder, done, monkeypatch):
    copied(done, "refit")
    monkeypatch.setattr(proxies, "Proxies", None)  # nothing of it may be needed
    same = run(folder, "refit", refit=True)
    assert same["accepted"]
    assert same["trained"] == 0
    other = run(folder, "refit", "kl=0.5", refit=True)
    assert other["weights"] != same["weights"]
    assert not other["accepted"]
    assert "No confirm runs of this proposal" in other["verdict"]
    assert run(folder, "refit", "kl=0.5", refit=True)["skipped"]
    with pytest.raises(ConfigError, match="no record of runs to fit again"):
        run(folder, "nothing", refit=True)


def test_runs_of_other_documents_are_not_fitted_again(folder, done):
    path = copied(done, "foreign") / "runs.jsonl"
    path.write_text(path.read_text().replace('"chain": "', '"chain": "0'))
    with pytest.raises(ConfigError, match="no run of these domains as they are now"):
        run(folder, "foreign", refit=True)


def test_a_new_fit_uses_the_runs_that_were_trained_last_and_no_others(folder, fake, done):
    fake.sign = -1.0  # other models, which say the opposite
    run(folder, "mixed", "model.d_model=32")
    fake.sign = 1.0
    run(folder, "mixed", force=True)
    assert len(runs.read(folder / "mixed" / "runs.jsonl")) == 24
    assert not run(folder, "mixed", refit=True)["skipped"]
    name = "ablation.json"
    assert (folder / "mixed" / name).read_bytes() == (done / name).read_bytes()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.d_model=32", "cannot change how the runs were trained.*other values of model"),
        ("swarm.tokens_per_run=1024", r"other values of confirm\.tokens, swarm\.tokens_per_run"),
        ("target_tokens=30k", "other values of target_tokens"),
        ("evaluate.goal.source=bag", "not those that the runs were asked.*got goal"),
    ],
)
def test_what_a_new_fit_cannot_change_is_refused_and_the_old_one_stays(
    folder, done, setting, message
):
    before = (done / "manifest.json").read_bytes()
    with pytest.raises(ConfigError, match=message):
        run(folder, "done", setting, refit=True)
    assert (done / "manifest.json").read_bytes() == before


def test_a_lost_run_is_left_out_and_counted(folder, fake):
    fake.lose = (3,)
    outcome = run(folder, "lost", "swarm.runs=9", "parallel=9")
    result = json.loads((folder / "lost" / "ablation.json").read_text())
    assert len(result["runs"]) == 8
    assert result["lost_runs"] == 1
    assert "1 more were lost" in (folder / "lost" / "ablation.html").read_text()
    assert outcome["accepted"]


def test_too_many_lost_runs_are_an_error_and_nothing_is_lost_with_them(folder, fake):
    fake.lose = (0, 1, 2)
    with pytest.raises(CastorError, match="3 of 6, 6 are needed: got 3 lost; the first: 2 of 12"):
        run(folder, "broken")
    assert len(runs.read(folder / "broken" / "runs.jsonl")) == 6
    assert not (folder / "broken" / "manifest.json").exists()


def test_a_lost_confirm_run_is_an_error(folder, fake):
    fake.lose = (10,)
    with pytest.raises(CastorError, match="a confirm run of the proposal was lost"):
        run(folder, "confirm")


def test_a_record_that_was_changed_is_damaged(folder, done):
    path = copied(done, "damaged") / "runs.jsonl"
    path.write_text(path.read_text()[:-40])
    (folder / "damaged" / "manifest.json").unlink()
    with pytest.raises(CastorError, match=r"the record of runs is damaged, in .*runs\.jsonl:12"):
        run(folder, "damaged")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model={layres: 2}", "no key 'layres'.*did you mean 'layers'"),
        ("optimizer={peak_lr: -1}", "peak_lr: .*greater than 0"),
        ("swarm.tokens_per_run=50", "a run is shorter than one step: got 50 tokens; a step has 64"),
        ("optimizer={warmup: 30}", "warm-up and decay are longer than the run"),
    ],
)
def test_wrong_values_are_refused_before_anything_trains(folder, fake, setting, message):
    with pytest.raises(ConfigError, match=message.replace(".*", "(?s:.*)")):
        run(folder, "wrong", setting)
    assert fake.trained == 0


def test_the_verb_prints_weights_and_json(folder, fake):
    spec = str(folder / "ablation.yaml")
    shown = CliRunner().invoke(main, ["ablate", spec, str(folder / "verb")])
    assert shown.exit_code == 0, shown.output
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:4]] == ["chain", "bag", "noise"]
    printed = CliRunner().invoke(main, ["ablate", spec, str(folder / "verb"), "--json"])
    assert json.loads(printed.stdout)["weights"]["chain"] > 0.5


def test_tokens_without_a_tokenizer_are_said(folder, fake, tmp_path):
    shutil.copytree(folder / "tokens", tmp_path / "tokens")
    shutil.rmtree(tmp_path / "tokens" / "tokenizer")
    (tmp_path / "ablation.yaml").write_text(SPEC)
    with pytest.raises(CastorError, match="no tokenizer here"):
        run(tmp_path, "out")


def test_a_finished_ablation_verifies_and_a_damaged_one_does_not(folder, done):
    copied(done, "verified")
    verb = ["verify", str(folder / "verified")]
    assert CliRunner().invoke(main, verb).exit_code == 0
    path = folder / "verified" / "weights.yaml"
    path.write_text(path.read_text().replace("noise", "nois"))
    (folder / "verified" / "ablation.svg").unlink()
    (folder / "verified" / "notes.txt").write_text("mine")
    found = CliRunner().invoke(main, [*verb, "--json"])
    assert found.exit_code == 1
    assert [(p["where"], p["what"]) for p in json.loads(found.stdout)] == [
        ("ablation.svg", "a file is missing"),
        ("weights.yaml", "a file is damaged"),
        ("notes.txt", "no manifest names this"),
    ]


def test_a_target_without_text_is_an_error_and_another_domain_is_left_out(
    folder, fake, monkeypatch
):
    silent = {"goal"}

    def held_out(source, *args, **options):
        domain = whole(source, *args, **options)
        return dataclasses.replace(domain, bytes=0) if source.name in silent else domain

    whole = proxies.held_out
    monkeypatch.setattr(proxies, "held_out", held_out)
    with pytest.raises(CastorError, match="documents of the target 'goal' have no text"):
        run(folder, "silent")
    silent = {"bag"}
    run(folder, "silent")
    result = json.loads((folder / "silent" / "ablation.json").read_text())
    assert set(result["held_out"]) == {"chain", "noise", "goal"}
