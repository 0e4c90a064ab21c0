"""The configurations of the demonstration's token side, written for what was encoded.

They are files in the output folder, so that a reader can change one and run its verb again.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence

from castor.filters.errors import CastorError
from castor.mixtures.ablate.plant import RELATED
from castor.mixtures.tokens import open_tokens

# In this order of preference, then the larger ones: the target of the ablation, and the two
# beside it. With the first three, in this order, it was tried with three seeds and found its order.
TARGETS = ("rows", "web", "books", "code", "interleaved")
PLANTED = "planted"  # the folder of the planted domains
LATE = "books"  # whose share is raised towards the end, as of a domain one wants to be good at


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the token side is; the default fits eight minutes on two cores, with the data.

    Attributes:
        vocab_size: pieces of the tokenizer; coverage: share of the characters that have one;
            image_codes: ids after them.
        heldout: share of the documents that are only evaluated on.
        sequence_length, batch_rows, steps: of the training.
        layers, d_model, experts: of its model.
        planted_tokens, planted_heldout: of every planted domain of the ablation.
        swarm_runs, swarm_tokens, confirm_seeds: of the ablation's small models;
        ablation_heldout: tokens that each is scored on.
        scored: held-out documents of each source that the model is evaluated on, at most.
    """

    vocab_size: int = 4096
    coverage: float = 0.9995
    image_codes: int = 256
    heldout: float = 0.1
    sequence_length: int = 256
    batch_rows: int = 16
    steps: int = 120
    layers: int = 4
    d_model: int = 128
    experts: int = 8
    planted_tokens: int = 190_000
    planted_heldout: int = 12_000
    swarm_runs: int = 16
    swarm_tokens: int = 50_000
    ablation_heldout: int = 8_000
    confirm_seeds: int = 4
    scored: int = 12

    @property
    def rows(self) -> int:
        """Sequences of the whole training."""
        return self.steps * self.batch_rows


def size_for(data: str | None) -> Size:
    """The size for a folder of one's own, or for None, the material of this machine.

    Data of one's own may be in many scripts, whose characters alone would fill 4,096 pieces.
    """
    return Size(vocab_size=8192, coverage=0.99) if data else Size()


def mixture(tokens: pathlib.Path, size: Size) -> str:
    """The mixture's spec: UniMax over all sources first, then one domain raised step by step."""
    n_tokens = _train_tokens(tokens)
    block = max(64, 8 * len(n_tokens))
    n_blocks = math.ceil(size.rows / block)  # a mixture ends with a whole block, not in one
    lines = [
        "# UniMax (arXiv 2304.09151) over everything that was encoded; then a late stage that",
        f"# raises {LATE}. Look with: castor mixture preview mixture.yaml",
        "castor: 1",
        "name: demo",
        "seed: 0",
        f"sequence_length: {size.sequence_length}",
        f"block: {block}",
        f"budget: {{tokens: {n_blocks * block * size.sequence_length}}}",
        "packing: concat-chunk",
        "sources:",
        *(f"  {name}: {{tokens: {tokens.name}}}" for name in n_tokens),
        "stages:",
        "  - {name: broad, until: 0.7, rule: unimax, max_epochs: 4}",
        "  - name: late",
        "    until: 1.0",
        "    rule: explicit",
        "    ramp: linear",
        "    weights:",
        *(f"      {name}: {weight:.4f}" for name, weight in _late(n_tokens).items()),
    ]
    return "\n".join(lines) + "\n"


def ablation(sources: Sequence[str], size: Size) -> str:
    """The ablation's configuration, over the planted domains."""
    lines = [
        "# Which of these domains help the target? Small models show the machinery; the page",
        "# says what may not be claimed. Change one and run: castor ablate ablation.yaml other/",
        "castor: 1",
        "name: planted domains",
        "sources:",
        *(f"  {name}: {{tokens: {PLANTED}}}" for name in sources),
        "evaluate:",
        f"  target: {{tokens: {PLANTED}, like: {RELATED}}}",
        "targets: [target]",
        f"target_tokens: {size.planted_tokens * 8 // 5}",
        "sequence_length: 64",
        "batch_rows: 8",
        f"heldout_tokens: {size.ablation_heldout}",
        f"swarm: {{runs: {size.swarm_runs}, tokens_per_run: {size.swarm_tokens}, "
        "concentration: [1, 8]}",
        f"confirm: {{seeds: {size.confirm_seeds}}}",
        "model: {layers: 1, d_model: 32, heads: 2, loss_chunk: 16}",
        "optimizer: {peak_lr: 0.02, weight_decay: 0.01, decay: 0.3}",
    ]
    return "\n".join(lines) + "\n"


def training(size: Size) -> str:
    """The training's configuration: a mixture-of-experts decoder with multi-query attention."""
    return (
        "\n".join(
            [
                "# Change a value and run: castor train train.yaml other/",
                "castor: 1",
                "mixture: mixture",
                f"batch_rows: {size.batch_rows}",
                "accumulate: 4",  # small pieces stay in a processor's caches
                f"steps: {size.steps}",
                f"checkpoint_every: {max(1, size.steps // 2)}",
                "log_every: 5",
                "model:",
                f"  layers: {size.layers}",
                f"  d_model: {size.d_model}",
                "  heads: 4",
                "  kv_heads: 1",
                f"  experts: {size.experts}",
                f"  expert_d_ff: {size.d_model * 3 // 2}",
                "  top_k: 2",
                "  moe_every: 2",
                "optimizer:",
                "  schedule: wsd",
                "  peak_lr: 0.006",
                "  warmup: 0.05",
            ]
        )
        + "\n"
    )


def planted(tokens: pathlib.Path, size: Size) -> tuple[str, tuple[str, str]]:
    """The source whose held-out text is the ablation's target, and two others.

    Raises:
        CastorError: fewer than three sources have text enough.
    """
    n_tokens = _train_tokens(tokens)
    others = sorted(set(n_tokens) - set(TARGETS), key=lambda name: (-n_tokens[name], name))
    enough = [n for n in (*TARGETS, *others) if n_tokens.get(n, 0) >= size.planted_tokens]
    if len(enough) < 3:
        raise CastorError(
            "the demonstration's ablation needs three sources of text",
            where=tokens,
            got=f"{', '.join(enough) or 'none'} with {size.planted_tokens:,} tokens or more",
            fix="castor demo --data-only ends before it",
        )
    return enough[0], (enough[1], enough[2])


def _train_tokens(tokens: pathlib.Path) -> Mapping[str, int]:
    opened = open_tokens(tokens)
    found = {n: opened.source(n, "train").tokens for n in opened.names}
    return {n: t for n, t in found.items() if t}


def _late(n_tokens: Mapping[str, int]) -> dict[str, float]:
    """By the root of the tokens, which is temperature 2, with the late domain at two fifths."""
    rest = {n: math.sqrt(t) for n, t in n_tokens.items() if n != LATE}
    total = sum(rest.values())
    share = 0.4 if LATE in n_tokens else 0.0
    found = {n: (1 - share) * w / total for n, w in rest.items()}
    return found | ({LATE: share} if LATE in n_tokens else {})
