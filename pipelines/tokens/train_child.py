"""What the process does that trains a tokenizer: adds up the counts of all shards, and trains."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.pipelines import progress
from castor.pipelines.tokens.sampling import choose_vectors


def train_counts(
    out: str,
    folder: str,
    counted: Sequence[Mapping[str, Any]],
    sample: Mapping[str, Any],
    made_from: Mapping[str, Any],
) -> None:
    """Writes the tokenizer into `out`, its manifest last.

    Args:
        folder: where the counts lie.
        counted: what `count_shard` gave of each shard of which something was taken.
        sample: what the manifest says of the sample.
        made_from: the options of the training and what else determines its bytes.

    Raises:
        CastorError: the vocabulary is larger than the sample allows, or nothing can be written.
    """
    from castor.tokenizer.count import Counts, merge
    from castor.tokenizer.train import train

    work = pathlib.Path(out, outputs.WORK)
    progress.tell(work, "merge")
    vectors = [storage.read_json(pathlib.Path(folder, r["vectors"])) for r in counted]
    counts = merge(Counts.load(pathlib.Path(folder, r["file"])) for r in counted)
    progress.tell(work, "train")
    train(
        pathlib.Path(out),
        counts,
        vocab_size=made_from["vocab_size"],
        sample=sample,
        vectors_texts=choose_vectors(vectors),
        made_from=made_from,
        image_codes=made_from["image_codes"],
        coverage=made_from["coverage"],
        keep_counts=made_from["keep_counts"],
    )
