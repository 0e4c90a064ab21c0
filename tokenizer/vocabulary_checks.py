"""What is true of a vocabulary by itself: what text never gives, and what it must not give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.tokenizer import reserved
from castor.tokenizer.count import Counts
from castor.tokenizer.evaluate import Encoder
from castor.tokenizer.kinds import Kind, kinds
from castor.tokenizer.metrics import rounded

EXAMPLES = 20
BATCH = 8192
# From how many times on a piece counts as seen, in the train-count table.
FEW = (1, 5, 20, 100)


def unreachable(tokenizer: Encoder) -> dict[str, Any]:
    """Ordinary pieces whose own text is not encoded as that piece: encode(decode(t)) != [t].

    Such a piece is a step of merging that a larger or user-defined piece always overtakes, or its
    text is no UTF-8 by itself.

    Returns:
        `count`, `share` of the ordinary pieces, and the first `examples` as [id, piece, ids].
    """
    normal = np.flatnonzero(kinds(tokenizer) == Kind.NORMAL)
    examples: list[list[Any]] = []
    count = 0
    for start in range(0, len(normal), BATCH):
        own = normal[start : start + BATCH].tolist()
        texts = [tokenizer.decode_bytes(np.array([i])).decode("utf-8", "replace") for i in own]
        for i, ids in zip(own, tokenizer.encode_batch(texts), strict=True):
            if ids.tolist() != [i]:
                count += 1
                if len(examples) < EXAMPLES:
                    examples.append([i, tokenizer.sentencepiece.id_to_piece(i), ids.tolist()])
    share = count / len(normal) if len(normal) else 0.0
    return rounded({"count": count, "share": share, "examples": examples})


def injections(tokenizer: Encoder) -> dict[str, Any]:
    """Texts that name a control piece, and how many of them give a control id or a placeholder.

    Every literal of a control piece is tried alone, inside a word, repeated, and after a newline;
    so are the names of what lies outside the text, and of bytes.

    Returns:
        `texts` tried, `failures`, and the failing `examples` as [text, ids].
    """
    own = kinds(tokenizer)
    forbidden = np.isin(own, [Kind.CONTROL, Kind.UNKNOWN, Kind.CODE, Kind.SOFT, Kind.PADDING])
    literals = [
        *tokenizer.id_space.control,
        *("<s>", "</s>", "<soft_image>", "<soft_audio>", "<soft_video>", "<image_code_0>"),
        *reserved.BYTE_PIECES,
    ]
    texts = [
        form.format(literal)
        for literal in literals
        for form in ("{0}", "a{0}b", " {0} {0}", "\n{0}")
    ]
    failing = [
        [text, ids.tolist()]
        for text, ids in zip(texts, tokenizer.encode_batch(texts), strict=True)
        if forbidden[ids].any()
    ]
    return {"texts": len(texts), "failures": len(failing), "examples": failing[:EXAMPLES]}


def usage(counts: np.ndarray) -> dict[str, Any]:
    """How many pieces were seen how often.

    Args:
        counts: how often each id of text occurs, [text_size].

    Returns:
        `size`, `used` (at least once), `utilisation`, and `below`: for some numbers how many
        pieces were seen less often than that.
    """
    below: Mapping[str, int] = {str(n): int((counts < n).sum()) for n in FEW}
    used = int((counts > 0).sum())
    found = {"size": len(counts), "used": used, "utilisation": used / len(counts)}
    return rounded(found) | {"below": dict(below)}


def training(tokenizer: Encoder, counts: Counts) -> dict[str, Any]:
    """How often the pieces occur in the sample that they were learned from, exactly.

    Every row of the counts is encoded once, for no token crosses the border of a row.

    Args:
        counts: of the training, `counts.bin` in the tokenizer's folder.

    Returns:
        As of `usage`, and `scaffold`: ordinary pieces that occur nowhere in it, steps to others.
    """
    seen = np.zeros(tokenizer.id_space.text_size, np.int64)
    for start in range(0, len(counts), BATCH):
        ids = tokenizer.encode_batch(counts.rows.slice(start, BATCH).to_pylist())
        times = np.repeat(counts.counts[start : start + BATCH], list(map(len, ids)))
        np.add.at(seen, np.concatenate(ids), times)
    normal = kinds(tokenizer)[: len(seen)] == Kind.NORMAL
    return usage(seen) | {"scaffold": int(np.count_nonzero(normal & (seen == 0)))}


def faults(found: Mapping[str, Any]) -> Sequence[str]:
    """What an evaluation found that must never be: one line for each, empty if all is well.

    Args:
        found: an evaluation, as `castor tokenizer eval` writes it.
    """
    wrong = []
    if found["injections"]["failures"]:
        n = found["injections"]["failures"]
        wrong.append(f"{n} of {found['injections']['texts']} texts give a control id")
    if found["total"]["control_tokens"]:
        wrong.append(f"{found['total']['control_tokens']} control ids in the documents")
    if found["total"]["unk_share"]:
        wrong.append(f"{found['total']['unk_share']:.3g} of the tokens are <unk>")
    return wrong
