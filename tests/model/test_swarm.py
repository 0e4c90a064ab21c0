import dataclasses

import jax
import numpy as np
import pytest
import training
from tokens import make_tokens

from castor.filters.errors import CastorError
from castor.mixtures import pack
from castor.mixtures.ablate import proxy
from castor.mixtures.loader import Loader
from castor.mixtures.tokens import open_tokens
from castor.model import compact
from castor.model.config import ModelConfig, OptimizerConfig
from castor.model.step import make_evaluator, make_step
from castor.model.swarm import Member, Shape, Swarm, group_size, held_out

pytestmark = pytest.mark.slow

LENGTH, ROWS, STEPS = 16, 4, 6
BYTES = training.piece_bytes()
WEIGHTS = ({"web": 0.2, "pics": 0.8}, {"web": 1.0, "pics": 0.0}, {"web": 0.5, "pics": 0.5})


@pytest.fixture(scope="module", autouse=True)
def _compiled_fast():
    """Compiles without optimising: these programs run for milliseconds."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Rows of two sources, one with media, their held-out windows, and a compiled swarm of 3."""
    folder = tmp_path_factory.mktemp("swarm")
    tokens = open_tokens(
        make_tokens(
            folder / "tokens", {"web": 3_000, "pics": 3_000}, media=("web", "pics"), mean=40
        )
    )
    sources = {}
    for name in tokens.names:
        source = tokens.source(name)
        pack.build_index(source, "concat-chunk", LENGTH, folder / name)
        sources[name] = pack.row_source(source, "concat-chunk", LENGTH, folder / name)
    slices = {"web": 40, "pics": 60}
    rows = proxy.cut(sources, slices, sequence_length=LENGTH, seed=1)
    domains = {
        name: held_out(tokens.source(name, "heldout"), BYTES, length=LENGTH, tokens=200)
        for name in tokens.names
    }
    seen = [source.gather(np.arange(source.rows)) for source in rows.sources.values()]
    vocabulary = compact.of(
        [*seen, *(b for d in domains.values() for b in d.batches)], tokens.id_space["size"]
    )
    model = ModelConfig(layers=1, d_model=16, heads=2).for_data(vocabulary.size, rows.soft_dims)
    shape = Shape(model, OptimizerConfig(peak_lr=0.02), ROWS, STEPS, 2)
    return rows, Swarm(shape, 3, domains, vocabulary)


def members(rows, *seeds):
    return [
        Member(rows.mixture(w, sequences=STEPS * ROWS, seed=s), s) for w, s in zip(WEIGHTS, seeds)
    ]


@pytest.fixture(scope="module")
def outcomes(made):
    rows, swarm = made
    return swarm.train(members(rows, 0, 1, 2))


def test_a_member_learns_what_it_would_learn_alone(made, outcomes):
    rows, swarm = made
    shape = swarm.shape
    step = jax.jit(make_step(shape.model, shape.optimizer, steps=STEPS, sources=2))
    state = jax.tree.map(lambda x: x[0], swarm._init(np.arange(3, dtype=np.uint32)))
    member = members(rows, 0, 1, 2)[0]
    for batch in Loader(member.mixture, ROWS, threads=0):
        if int(state["step"]) < STEPS:
            state, _ = step(state, swarm.vocabulary.apply(batch))
    nll = jax.jit(make_evaluator(shape.model))
    for name, domain in swarm.domains.items():
        nats = sum(
            float((nll(state["params"], batch) * batch["loss_mask"]).sum())
            for batch in domain.batches
        )
        assert outcomes[0].losses[name] == pytest.approx(nats / np.log(2) / domain.bytes, rel=1e-4)


def test_models_have_their_own_mixtures_and_seeds(outcomes):
    losses = [tuple(outcome.losses.values()) for outcome in outcomes]
    assert len(set(losses)) == 3
    assert all(outcome.lost_steps == 0 for outcome in outcomes)


def test_a_smaller_group_has_the_same_results(made, outcomes):
    rows, swarm = made
    alone = swarm.train(members(rows, 0, 1, 2)[1:2])
    assert len(alone) == 1
    assert alone[0].losses == pytest.approx(outcomes[1].losses, rel=1e-6)


def test_steps_that_are_not_finite_are_counted(made):
    rows, swarm = made
    vocabulary = swarm.vocabulary
    poisoned = dataclasses.replace(vocabulary)

    def apply(batch):
        found = vocabulary.apply(batch)
        if found["loss_mask"].ndim == 3:
            found["loss_mask"] = found["loss_mask"].copy()
            found["loss_mask"][1] = np.nan
        return found

    object.__setattr__(poisoned, "apply", apply)
    swarm.vocabulary = poisoned
    try:
        found = swarm.train(members(rows, 0, 1, 2))
    finally:
        swarm.vocabulary = vocabulary
    assert [outcome.lost_steps for outcome in found] == [0, STEPS, 0]


def test_held_out_windows_come_from_as_many_documents_as_there_are(tmp_path):
    tokens = open_tokens(make_tokens(tmp_path / "tokens", {"web": 20_000}, mean=100))
    source = tokens.source("web", "heldout")
    few = held_out(source, BYTES, length=LENGTH, tokens=source.documents * LENGTH // 2)
    firsts = {tuple(source.ids(a, a + 8).tolist()) for a in source.offsets[:-1].tolist()}
    begun = [tuple(row[:8].tolist()) for b in few.batches for row in b["inputs"]]
    assert len(firsts & set(begun)) >= source.documents // 2
    everything = held_out(source, BYTES, length=LENGTH, tokens=10**9)
    ids = source.ids(0, source.tokens)
    assert everything.bytes == BYTES[ids].sum()
    assert everything.tokens == (BYTES[ids] > 0).sum()


def test_groups_are_even():
    assert [group_size(n, 8) for n in (1, 8, 9, 14, 16, 17)] == [1, 8, 5, 7, 8, 6]


def test_a_vocabulary_numbers_the_ids_that_occur():
    batch = {"inputs": np.array([[5, 900, 5]]), "targets": np.array([[900, 5, 7]])}
    vocabulary = compact.of([batch], 1000)
    assert vocabulary.size == 64
    found = vocabulary.apply(batch)
    assert found["inputs"].tolist() == [[0, 2, 0]]
    assert found["targets"].tolist() == [[2, 0, 1]]
    with pytest.raises(CastorError, match="an id that no source held before: got 6"):
        vocabulary.apply({"inputs": np.array([6]), "targets": np.array([5])})
