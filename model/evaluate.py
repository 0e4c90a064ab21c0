"""`castor evaluate`: bits per byte of held-out documents, and loss by position.

Bits per byte do not depend on the tokenizer, as long as every byte is paid for: the loss of
all tokens that stand for bytes, over those bytes. Tokens that stand for none (begin and end of
a document or of a medium, placeholders of soft inputs, image codes) are given to the model, and
neither their loss nor anything for them is counted.
"""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from castor.filters import storage
from castor.filters.errors import ConfigError
from castor.mixtures.token_source import TokenSource
from castor.mixtures.tokens import Tokens, open_tokens
from castor.model import programs, unigram, windows
from castor.model.config import ModelConfig
from castor.model.nll_position import ByPosition
from castor.model.progress import Progress, say
from castor.model.sharding import BATCH, shard_batch
from castor.model.trained import Trained, open_trained

TOKENIZER = "tokenizer"  # in the folder of a token dataset


@dataclasses.dataclass
class Score:
    """What was summed over the documents of a source, or of several.

    Attributes:
        documents: how many.
        tokens: those that stand for bytes.
        bytes: that they stand for.
        bits: of the model, for those tokens.
        own, all: bits of the unigram models, of the source's training documents and of those of
            all sources; None where there are none.
    """

    documents: int = 0
    tokens: int = 0
    bytes: int = 0
    bits: float = 0.0
    own: float | None = 0.0
    all: float | None = 0.0

    def add(self, other: Score) -> None:
        """Adds what another source has; a baseline that one lacks is lacking in the sum."""
        for name in ("documents", "tokens", "bytes", "bits"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.documents:
            self.own = None if None in (self.own, other.own) else self.own + other.own  # type: ignore[operator]
            self.all = None if None in (self.all, other.all) else self.all + other.all  # type: ignore[operator]

    def to_json(self) -> dict[str, Any]:
        """The row of the result; what cannot be divided by no bytes is null."""

        def per_byte(bits: float | None) -> float | None:
            return None if bits is None or not self.bytes else bits / self.bytes

        return {
            "documents": self.documents,
            "tokens": self.tokens,
            "bytes": self.bytes,
            "bits_per_byte": per_byte(self.bits),
            "unigram_bits_per_byte": {"own": per_byte(self.own), "all": per_byte(self.all)},
        }


def evaluate(
    checkpoint: str | os.PathLike[str], suite: str | os.PathLike[str], *, limit: int | None = None
) -> dict[str, Any]:
    """Scores a checkpoint on the held-out documents of a token dataset, and writes the result.

    Args:
        checkpoint: the folder of a training, or of one checkpoint.
        suite: the token dataset.
        limit: only the first so many documents of every source.

    Returns:
        `step`, `suite` (digest), `limit`, `sequence_length`, `sources` (by name, see `Score`),
        `total`, `nll_by_position` (`up_to`, `nll` in nats, `tokens`), `power_law` or None,
        `soft_left_out`: the content of evaluation.json.

    Raises:
        ConfigError: there is no checkpoint or nothing is held out, the tokenizers differ.
        CastorError: the checkpoint or a file of the suite is damaged.
    """
    trained = open_trained(checkpoint)
    tokens = open_tokens(os.fspath(suite))
    scored_bytes = _piece_bytes(trained, tokens)
    held_out = [tokens.source(name, "heldout") for name in tokens.names]
    if not any(source.documents for source in held_out):
        raise ConfigError(
            "the suite holds no held-out documents",
            where=tokens.path,
            fix="encode it again with --heldout 0.02, or give another token dataset",
        )
    result = score(trained, tokens, held_out, scored_bytes, limit=limit)
    name = f"evaluation-{trained.step}.json" if trained.named else "evaluation.json"
    storage.write_json(trained.out / name, result)
    return result


def _piece_bytes(trained: Trained, tokens: Tokens) -> np.ndarray:
    """Bytes that each id stands for, int32 [ids].

    Raises:
        ConfigError: model and suite are of different tokenizers.
    """
    from castor import tokenizer

    if trained.tokenizer_sha256 != tokens.tokenizer_sha256:
        raise ConfigError(
            "the suite was encoded with another tokenizer than the model was trained on",
            where=tokens.path,
            got=f"sha256 {tokens.tokenizer_sha256[:12]}..., the model's is "
            f"{trained.tokenizer_sha256[:12]}...",
            fix=f"encode it again with the tokenizer in {trained.out / TOKENIZER}",
        )
    found = tokenizer.load(tokens.path / TOKENIZER).piece_bytes
    if len(found) != trained.model.vocabulary:
        raise ConfigError(
            "the id space of the suite is not the model's",
            where=tokens.path,
            got=f"{len(found):,} ids, the model has {trained.model.vocabulary:,}",
        )
    return found


def score(
    trained: Trained,
    tokens: Tokens,
    held_out: list[TokenSource],
    piece_bytes: np.ndarray,
    *,
    limit: int | None = None,
) -> dict[str, Any]:
    """The result of `evaluate`, for ids that stand for so many bytes."""
    length = trained.sequence_length
    scorer = Scorer(trained, piece_bytes)
    cuts = [windows.cut(source, length, limit=limit) for source in held_out]
    counts = {
        name: unigram.count(tokens.source(name, "train"), len(piece_bytes)) for name in tokens.names
    }
    everything = np.sum(list(counts.values()), axis=0)
    by_position = ByPosition(length)
    by_name: dict[str, Score] = {}
    total = Score()
    with Progress("windows", sum(len(c.start) for c in cuts)) as progress:
        for source, cut in zip(held_out, cuts, strict=True):
            found, seen = scorer.score(source, cut, by_position, progress)
            found.own = unigram.total(seen, counts[source.name], scorer.scored)
            found.all = unigram.total(seen, everything, scorer.scored)
            by_name[source.name] = found
            total.add(found)
    law = by_position.fit()
    return {
        "step": trained.step,
        "suite": tokens.manifest["blake2b"],
        "tokenizer_sha256": trained.tokenizer_sha256,
        "limit": limit,
        "sequence_length": length,
        "sources": {name: found.to_json() for name, found in by_name.items()},
        "total": total.to_json(),
        "nll_by_position": by_position.curve(),
        "power_law": dataclasses.asdict(law) if law else None,
        "soft_left_out": sorted(scorer.left_out),
    }


class Scorer:
    """A model, ready to score windows.

    Args:
        trained: the checkpoint.
        piece_bytes: int32 [ids], bytes that each stands for.
    """

    def __init__(self, trained: Trained, piece_bytes: np.ndarray) -> None:
        self.scored = piece_bytes > 0
        self.left_out: set[str] = set()  # modalities whose soft inputs the model does not take
        self._piece_bytes = piece_bytes
        self._length = trained.sequence_length
        self._mesh = trained.mesh()
        self._params = trained.params(self._mesh)
        self._soft = trained.model.soft_dims.present()
        self._nll = programs.evaluator(without_drops(trained.model), self._mesh)
        self._rows_multiple = math.prod(self._mesh.shape[axis] for axis in BATCH)
        self._done = 0

    def score(
        self,
        source: TokenSource,
        cut: windows.Windows,
        by_position: ByPosition,
        progress: Progress,
    ) -> tuple[Score, np.ndarray]:
        """Scores the windows of a source; also returns how often each id was a scored target."""
        found = Score(documents=cut.documents)
        seen = np.zeros(len(self.scored), np.int64)
        given = windows.batches(
            source,
            cut,
            self.scored,
            length=self._length,
            rows_multiple=self._rows_multiple,
            soft=self._taken(source),
        )
        for batch in given:
            nll = np.asarray(self._nll(self._params, shard_batch(batch.arrays, self._mesh)))
            counted = batch.arrays["loss_mask"] > 0
            found.bits += float(nll[counted].sum(dtype=np.float64)) / math.log(2)
            seen += np.bincount(batch.arrays["targets"][counted], minlength=len(seen))
            whole = np.flatnonzero(batch.lengths == self._length)
            if len(whole):
                by_position.add(nll[whole], counted[whole])
            self._done += len(batch.lengths)
            progress.update(self._done)
        found.tokens = int(seen.sum())
        found.bytes = int(seen @ self._piece_bytes)
        return found, seen

    def _taken(self, source: TokenSource) -> tuple[str, ...]:
        """The modalities of a source whose soft inputs the model takes.

        Raises:
            ConfigError: theirs have another width.
        """
        for modality, dim in source.soft_dims.items():
            if modality not in self._soft and modality not in self.left_out:
                self.left_out.add(modality)
                say(f"the model was trained without {modality}: its placeholders stay empty")
            elif self._soft.get(modality, dim) != dim:
                raise ConfigError(
                    f"the soft inputs of {modality} have another width than the model takes",
                    where=source.folder,
                    got=f"{dim}, the model takes {self._soft[modality]}",
                )
        return tuple(m for m in source.soft_dims if m in self._soft)


def without_drops(model: ModelConfig) -> ModelConfig:
    """The model with a place for every token at its experts.

    With too few places, what a token is worth would depend on the tokens before it in another
    way than in a shorter window, and a score would depend on how its windows are padded.
    """
    if not model.experts:
        return model
    return model.model_copy(update={"capacity_factor": model.experts / model.top_k})
