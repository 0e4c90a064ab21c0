"""Tiny models: one to score without a training behind it, and all that a training needs."""

import contextlib
import pathlib
import shutil

import jax
import numpy as np
import tokens as made
from jax.experimental.compilation_cache import compilation_cache

from castor.model import run_log
from castor.model.checkpoint import Checkpoints
from castor.model.config import ModelConfig, OptimizerConfig, SoftDims
from castor.model.step import init_state

LENGTH = 64
MODEL = ModelConfig(
    layers=1,
    d_model=16,
    heads=2,
    experts=4,
    moe_every=1,
    top_k=2,
    capacity_factor=0.5,  # a training with so few places drops; an evaluation must not
    vocab_size=512,
    soft_dims=SoftDims(image=made.DIMS["image"], audio=made.DIMS["audio"]),
)


def compiled_once_env(folder):
    """The same for another process: variables of its environment."""
    return {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


@contextlib.contextmanager
def compiled_once(folder):
    """Compiles in half the time, and keeps programs in a folder: the same one is compiled once."""
    settings = {
        "jax_disable_most_optimizations": True,
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


def save_checkpoint(out, *, step=5, seed=0, model=MODEL, sha256="0" * 64):
    """Writes a checkpoint as a training would, of chance parameters; returns its state."""
    optimizer = OptimizerConfig()
    shapes = jax.eval_shape(lambda: init_state(model, optimizer, 10, jax.random.key(0)))
    rng = np.random.default_rng(seed)
    state = jax.tree.map(
        lambda s: jax.numpy.asarray(rng.normal(0, 0.3, s.shape).astype(s.dtype)), shapes
    )
    config = {
        "model": model.model_dump(mode="json"),
        "optimizer": optimizer.model_dump(mode="json"),
        "mesh": {"data": 1, "fsdp": 1, "expert": 1, "tensor": 1},
        "steps": 10,
    }
    data = {
        "made_from": {"config": config},
        "sequence_length": LENGTH,
        "tokenizer_sha256": sha256,
    }
    Checkpoints(pathlib.Path(out) / "checkpoints").save(step, state, data)
    return state


def piece_bytes(size=512):
    """Bytes of every id of `tokens.id_space()`: 1 to 4 for text, 0 for the rest."""
    found = np.zeros(size, np.int32)
    found[16:256] = 1 + np.arange(240) % 4
    return found


def sentences(rng, n):
    """Sentences of a language whose next word follows from the last but for a choice of two."""
    words = [f"{a}{b}{c}" for a in "bdgk" for b in "aiou" for c in ("l", "ns", "r")]
    made_ = []
    for _ in range(n):
        at, found = int(rng.integers(len(words))), []
        for _ in range(int(rng.integers(8, 40))):
            found.append(words[at])
            at = (at * 5 + 1 + 7 * int(rng.integers(2))) % len(words)
        made_.append(" ".join(found) + ".")
    return made_


def make_run(folder, *, documents=400):
    """A tokenizer, a token dataset of two sources, a mixture's spec and a configuration.

    The sources are a language with an order to learn (`chain`) and its words without (`bag`).

    Returns:
        the path of the configuration; beside it lie tokens/ and mixture.yaml.
    """
    rng = np.random.default_rng(0)
    chain = sentences(rng, documents)
    bag = [" ".join(rng.permutation(text.rstrip(".").split())) + "." for text in chain[::2]]
    encode(folder, {"bag": bag, "chain": chain})
    (folder / "mixture.yaml").write_text(SPEC)
    (folder / "train.yaml").write_text(CONFIG)
    return folder / "train.yaml"


SPEC = """
castor: 1
name: tiny
seed: 3
sequence_length: 64
sources:
  bag: {tokens: tokens/}
  chain: {tokens: tokens/}
block: 32
budget: {tokens: 100K}
stages:
  - {name: all, until: 1.0, rule: explicit, weights: {bag: 0.25, chain: 0.75}}
"""
CONFIG = """
castor: 1
mixture: mixture.yaml
model: {layers: 1, d_model: 32, heads: 2, d_ff: 64, experts: 4, top_k: 2, moe_every: 1}
optimizer: {peak_lr: 0.02, warmup: 4}
batch_rows: 8
steps: 60
checkpoint_every: 6
log_every: 5
"""


def encode(folder, texts):
    """Trains a tokenizer on the texts, and writes them as tokens; every tenth is held out."""
    from castor import tokenizer
    from castor.filters import outputs
    from castor.mixtures.tokens import Document, ShardWriter, manifest_content
    from castor.tokenizer.count import count
    from castor.tokenizer.train import train

    every = [text for each in texts.values() for text in each]
    train(
        folder / "tokenizer",
        count(every),
        vocab_size=560,
        sample={},
        vectors_texts=every[:5],
        made_from={},
        image_codes=16,
    )
    loaded = tokenizer.load(folder / "tokenizer")
    space, lines = loaded.id_space, []
    out = folder / "tokens"
    for source, each in texts.items():
        for split in ("train", "heldout"):
            writer = ShardWriter(out, source, split, 0)
            for i, text in enumerate(each):
                if (i % 10 == 0) == (split == "heldout"):
                    ids = np.array([space.bos, *loaded.encode(text), space.eos], np.uint32)
                    key = f"{source}:{i}"
                    writer.add(Document(key, source, "text", "en", ids, len(text.encode())))
            lines.append(writer.close())
    shutil.copytree(folder / "tokenizer", out / "tokenizer")
    content = manifest_content(
        lines,
        tokenizer={"sha256": loaded.sha256, "id_space": space.to_json()},
        heldout_share=0.1,
        dataset={"digest": "0" * 32},
    )
    outputs.write(out, "tokens", {"test": True}, **content)


def leaves(out, step):
    """The bytes of every array of a checkpoint, by its place in the state."""
    import orbax.checkpoint as ocp

    checkpoints = Checkpoints(out / "checkpoints")
    checkpoints.data(step)
    with ocp.StandardCheckpointer() as checkpointer:
        state = checkpointer.restore(checkpoints.path(step).resolve() / "state")
    found = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(path): np.asarray(leaf).tobytes() for path, leaf in found}


def log_of(out):
    """The log without what depends on the clock."""
    timed = ("tokens_per_s", "mfu")
    records = run_log.read(out / "log.jsonl")
    return [{k: v for k, v in r.items() if k not in timed} for r in records]


def held_out_texts(folder):
    """The held-out documents of `make_run` as text, by source."""
    from castor import tokenizer
    from castor.mixtures.tokens import open_tokens

    loaded, found = tokenizer.load(folder / "tokenizer"), open_tokens(folder / "tokens")
    return {
        name: [loaded.decode(d.ids) for d in found.source(name, "heldout").read()]
        for name in found.names
    }
