"""What a training is configured by: the shape of the decoder, the optimiser, the mesh, the run.

Every fault is a ConfigError before anything is allocated. The defaults are those of a small
run on a processor; docs/model.md says which of them come from where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import pydantic

from castor.filters.configuration import Count, Frozen, Positive
from castor.filters.errors import ConfigError

MODALITIES = ("image", "audio", "video")  # whose spans enter as soft inputs

Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Coefficient = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


class SoftDims(Frozen):
    """The width of one soft input of each modality; 0 where the data have none."""

    image: int = pydantic.Field(default=0, ge=0)
    audio: int = pydantic.Field(default=0, ge=0)
    video: int = pydantic.Field(default=0, ge=0)

    def present(self) -> dict[str, int]:
        """Modality to width, of those that occur."""
        return {m: getattr(self, m) for m in MODALITIES if getattr(self, m)}


class ModelConfig(Frozen):
    """The shape of the decoder. Hashable, so it may be a static argument of jax.jit.

    Attributes:
        layers: blocks of attention and feed-forward.
        d_model: width of the residual stream.
        heads: query heads.
        kv_heads: heads of keys and values: 1 is multi-query, `heads` is multi-head.
        head_dim: width of a head, even; d_model / heads if not given.
        d_ff: inner width of the gated MLP; 8/3 d_model, rounded up to 32, if not given: three
            matrices then hold what two of 4 d_model do (Shazeer 2020, arXiv 2002.05202).
        experts: experts of a mixture-of-experts layer; 0 is a dense model.
        top_k: experts that a token goes to.
        expert_d_ff: inner width of one expert; d_ff if not given.
        moe_every: every how many layers the feed-forward is a mixture: 1 all, 2 every second.
        capacity_factor: a sequence of S tokens leaves each expert ceil(cf k S / E) places; what
            comes after those is dropped (GShard, arXiv 2006.16668).
        balance_loss: coefficient of the load-balance loss (Switch, arXiv 2101.03961, 2.2).
        router_z_loss: coefficient of the router's z-loss (ST-MoE, arXiv 2202.08906, eq. 5).
        logit_z_loss: coefficient of the mean squared log-partition of the output (PaLM, 5).
        tie_embeddings: the output matrix is the embedding's transpose.
        rope_theta: base of the rotary wavelengths (arXiv 2104.09864).
        qk_norm: RMSNorm on each query and key before the rotation.
        norm_eps: added to the mean square.
        dtype: what matrix products are computed in; parameters, softmax, router and logits are
            float32 whatever it says.
        remat: what the backward pass computes again: nothing, everything, or everything but
            matrix products.
        loss_chunk: tokens of the batch whose logits exist at one time, 0 is all; by default
            see `loss.usual_chunk`. The gradient is that of the whole either way.
        attention_pieces: how many pieces the queries of a sequence attend in; each leaves out
            the keys after it, so that 4 do 5/8 of the whole square.
        scan_unroll: blocks per turn of the loop over layers.
        vocab_size, soft_dims: come from the data; see `for_data`.
    """

    layers: Positive = 4
    d_model: Positive = 128
    heads: Positive = 4
    kv_heads: Positive = 1
    head_dim: Positive | None = None
    d_ff: Positive | None = None
    experts: int = pydantic.Field(default=0, ge=0)
    top_k: Positive = 2
    expert_d_ff: Positive | None = None
    moe_every: Positive = 2
    capacity_factor: float = pydantic.Field(default=1.5, gt=0, allow_inf_nan=False)
    balance_loss: Coefficient = 0.01
    router_z_loss: Coefficient = 0.001
    logit_z_loss: Coefficient = 0.0
    tie_embeddings: bool = True
    rope_theta: float = pydantic.Field(default=10_000.0, gt=1, allow_inf_nan=False)
    qk_norm: bool = True
    norm_eps: float = pydantic.Field(default=1e-6, gt=0)
    dtype: Literal["float32", "bfloat16"] = "float32"
    remat: Literal["none", "full", "dots"] = "none"
    loss_chunk: int | None = pydantic.Field(default=None, ge=0)
    attention_pieces: Positive = 4
    scan_unroll: Positive = 1
    vocab_size: Positive | None = None
    soft_dims: SoftDims = SoftDims()

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Self:
        if self.head_dim is None and self.d_model % self.heads:
            raise ValueError(
                f"d_model {self.d_model} is no multiple of heads {self.heads}: give head_dim,"
                " or change one of them"
            )
        if self.width_of_head % 2:
            raise ValueError(
                f"head_dim {self.width_of_head} must be even: the rotary embedding turns pairs"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is no multiple of kv_heads {self.kv_heads}")
        if self.experts == 1:
            raise ValueError("experts: 1 is a dense model: give 0, or two or more")
        if self.experts and self.top_k > self.experts:
            raise ValueError(f"top_k {self.top_k} is more than experts {self.experts}")
        if self.experts and self.layers % self.moe_every:
            raise ValueError(f"layers {self.layers} is no multiple of moe_every {self.moe_every}")
        return self

    @property
    def width_of_head(self) -> int:
        """head_dim, or what it is by default."""
        return self.head_dim or self.d_model // self.heads

    @property
    def width_of_mlp(self) -> int:
        """d_ff, or what it is by default."""
        return self.d_ff or -(-8 * self.d_model // (3 * 32)) * 32

    @property
    def width_of_expert(self) -> int:
        """expert_d_ff, or what it is by default."""
        return self.expert_d_ff or self.width_of_mlp

    @property
    def group(self) -> int:
        """Layers of one turn of the loop: dense ones, and last a mixture if there is any."""
        return self.moe_every if self.experts else 1

    @property
    def vocabulary(self) -> int:
        """vocab_size, once it is known.

        Raises:
            ConfigError: it is not: the data were not asked.
        """
        if self.vocab_size is None:
            raise ConfigError(
                "the model has no vocab_size",
                where="model",
                fix="use config.for_data(vocab_size, soft_dims), or give vocab_size",
            )
        return self.vocab_size

    def for_data(self, vocab_size: int, soft_dims: Mapping[str, int] | None = None) -> ModelConfig:
        """This shape for a mixture: its id space's size, and the widths of its soft inputs.

        Raises:
            ConfigError: the file gives another vocabulary, or there is an unknown modality.
        """
        if self.vocab_size not in (None, vocab_size):
            raise ConfigError(
                "model.vocab_size is not the size of the mixture's id space",
                where="model",
                got=f"{self.vocab_size}, where the mixture has {vocab_size}",
                fix="leave vocab_size out",
            )
        from castor.filters.configuration import typed

        soft = typed(dict(soft_dims or {}), SoftDims, where="soft_dims of the mixture")
        return self.model_copy(update={"vocab_size": vocab_size, "soft_dims": soft})


class OptimizerConfig(Frozen):
    """AdamW with decoupled weight decay, and a schedule of the learning rate.

    Attributes:
        peak_lr: the learning rate after warm-up.
        schedule: `wsd`, warm-up, stable, decay (MiniCPM, arXiv 2404.06395), or `cosine`.
        warmup: steps of linear warm-up; below 1, a share of all steps.
        decay: of wsd, the last steps that decay; below 1, a share of all steps. A fifth, as
            in Hägele et al. 2024 (arXiv 2405.18392).
        decay_shape: of wsd: `sqrt` is 1 - sqrt(x) of the same paper, or `linear`.
        final_share: the learning rate at the end over the peak.
        b1, b2, eps: of Adam.
        weight_decay: on matrices; norms, biases and embeddings have none.
        clip: the gradient's norm is brought down to this; 0 is no limit.
    """

    peak_lr: float = pydantic.Field(default=3e-3, gt=0, allow_inf_nan=False)
    schedule: Literal["wsd", "cosine"] = "wsd"
    warmup: float = pydantic.Field(default=0.05, ge=0, allow_inf_nan=False)
    decay: float = pydantic.Field(default=0.2, ge=0, allow_inf_nan=False)
    decay_shape: Literal["sqrt", "linear"] = "sqrt"
    final_share: Share = 0.0
    b1: float = pydantic.Field(default=0.9, ge=0, lt=1)
    b2: float = pydantic.Field(default=0.95, ge=0, lt=1)
    eps: float = pydantic.Field(default=1e-8, gt=0)
    weight_decay: Coefficient = 0.1
    clip: Coefficient = 1.0


class MeshConfig(Frozen):
    """How many devices lie along each axis of the mesh; their product is all devices."""

    data: Positive = 1
    fsdp: Positive = 1
    expert: Positive = 1
    tensor: Positive = 1

    @property
    def devices(self) -> int:
        """The product of the axes."""
        return self.data * self.fsdp * self.expert * self.tensor


class TrainConfig(Frozen):
    """One training: `castor train CONFIG OUT`.

    Attributes:
        castor: version of this format.
        mixture: folder of a compiled mixture, or its spec; relative to the file.
        model, optimizer, mesh: see their classes.
        batch_rows: sequences of one step, over all devices and micro-batches.
        accumulate: micro-batches whose gradients make one step.
        steps, tokens: how long it trains, in one of them; the mixture's budget if neither.
        seed: of the parameters; the order of the data is the mixture's.
        checkpoint_every: steps between checkpoints.
        keep: checkpoints that stay.
        log_every: steps between lines of the log.
    """

    castor: Literal[1]
    mixture: str
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    mesh: MeshConfig = MeshConfig()
    batch_rows: Positive = 16
    accumulate: Positive = 1
    steps: Count | None = None
    tokens: Count | None = None
    seed: int = pydantic.Field(default=0, ge=0, lt=2**32)
    checkpoint_every: Count = 200
    keep: Positive = 2
    log_every: Count = 10

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Self:
        if self.steps is not None and self.tokens is not None:
            raise ValueError("give steps or tokens, not both")
        shards = self.mesh.data * self.mesh.fsdp * self.mesh.expert
        if self.batch_rows % (self.accumulate * shards):
            raise ValueError(
                f"batch_rows {self.batch_rows} is no multiple of accumulate {self.accumulate}"
                f" x data x fsdp x expert {shards}"
            )
        check_mesh(self.model, self.mesh)
        return self

    def steps_for(self, sequence_length: int) -> int | None:
        """Steps of the run at sequences of so many tokens, rounded up; None if not given."""
        if self.tokens is None:
            return self.steps
        return -(-self.tokens // (self.batch_rows * sequence_length))


def check_mesh(model: ModelConfig, mesh: MeshConfig) -> None:
    """Checks that what a mesh axis divides can be divided by it.

    Raises:
        ValueError: it cannot.
    """
    divided = [
        ("model.d_model", model.d_model, "fsdp", mesh.fsdp),
        ("model.heads", model.heads, "tensor", mesh.tensor),
        ("model.d_ff", model.width_of_mlp, "tensor", mesh.tensor),
        ("model.experts", model.experts, "expert", mesh.expert),
    ]
    if model.experts:
        divided.append(("model.expert_d_ff", model.width_of_expert, "tensor", mesh.tensor))
    elif mesh.expert > 1:
        raise ValueError(f"mesh.expert is {mesh.expert}, but the model has no experts")
    if model.vocab_size:
        divided.append(("the vocabulary", model.vocab_size, "tensor", mesh.tensor))
    for name, size, axis, over in divided:
        if size % over:
            raise ValueError(f"{name} {size} is no multiple of mesh.{axis} {over}")
