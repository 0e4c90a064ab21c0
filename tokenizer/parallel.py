"""What the same sentences cost in different languages: premiums and their inequality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import ConfigError
from castor.tokenizer import metrics
from castor.tokenizer.evaluate import Encoder
from castor.tokenizer.kinds import Kind, kinds

ENGLISH = ("en", "eng", "eng_Latn")
# A language most of whose tokens are single bytes has no pieces of its own; a few of them swing
# every aggregate, so aggregates are given without them too.
BYTE_SHARE = 0.5


def premiums(
    tokenizer: Encoder,
    sentences: Mapping[str, Sequence[str | None]],
    reference: str | None = None,
) -> dict[str, Any]:
    """Tokens of each language over tokens of the reference, on the same sentences.

    premium(l) = T(l) / T(reference) (Petrov et al., 2023), over the sentences that both have.
    Gini is over these costs per sentence (`metrics.gini`).

    Args:
        tokenizer: the one that is measured.
        sentences: by language, sentence i of all languages being the same; None where it lacks.
        reference: a language of `sentences`; default: English if it is there, else the first.

    Returns:
        `reference`, `languages` (by name: sentences, tokens, reference_tokens, premium,
        bytes_per_token, byte_share), `mean`, `max`, `gini` of the premiums, `byte_languages`
        (see BYTE_SHARE), and `without_byte_languages` with the same three figures.

    Raises:
        ConfigError: the reference is none of the languages, or shares no sentence with one.
    """
    names = sorted(sentences)
    if reference is None:
        reference = next((n for n in ENGLISH if n in sentences), names[0])
    if reference not in sentences:
        raise ConfigError(
            "the reference is none of the parallel languages",
            got=reference,
            fix=f"one of {', '.join(names)}",
        )
    is_byte = kinds(tokenizer) == Kind.BYTE
    counts = {name: _counts(tokenizer, sentences[name], is_byte) for name in names}
    base = counts[reference][:, 0]
    languages: dict[str, dict[str, Any]] = {}
    for name in names:
        both = (counts[name][:, 0] >= 0) & (base >= 0)
        if not both.any() or not base[both].sum():
            raise ConfigError(
                "a language shares no sentence with the reference",
                got=f"{name} and {reference}",
                fix="leave it out of the parallel sentences",
            )
        tokens, n_bytes, n_byte_tokens = (int(n) for n in counts[name][both].sum(axis=0))
        reference_tokens = int(base[both].sum())
        found = {
            "sentences": int(both.sum()),
            "tokens": tokens,
            "reference_tokens": reference_tokens,
            "premium": tokens / reference_tokens,
            "bytes_per_token": metrics.ratio(n_bytes, tokens),
            "byte_share": metrics.ratio(n_byte_tokens, tokens),
        }
        languages[name] = metrics.rounded(found)
    in_bytes = [n for n in names if (languages[n]["byte_share"] or 0) >= BYTE_SHARE]
    others = [n for n in names if n not in in_bytes]
    return {
        "reference": reference,
        "languages": languages,
        **_spread([languages[n]["premium"] for n in names]),
        "byte_languages": in_bytes,
        "without_byte_languages": _spread([languages[n]["premium"] for n in others]),
    }


def _counts(tokenizer: Encoder, sentences: Sequence[str | None], is_byte: np.ndarray) -> np.ndarray:
    """Tokens, bytes and byte tokens of each sentence, int64 [sentences, 3]; -1 where it lacks."""
    found = np.full((len(sentences), 3), -1, np.int64)
    there = [i for i, text in enumerate(sentences) if text is not None]
    texts = [text for text in sentences if text is not None]
    for i, text, ids in zip(there, texts, tokenizer.encode_batch(texts), strict=True):
        found[i] = len(ids), len(text.encode()), int(is_byte[ids].sum())
    return found


def _spread(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"mean": None, "max": None, "gini": None}
    mean = sum(values) / len(values)
    return metrics.rounded({"mean": mean, "max": max(values), "gini": metrics.gini(values)})
