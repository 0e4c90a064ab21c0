"""Cuts documents into beginning, middle and end, and moves the middle behind the end.

Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle"
(arXiv:2207.14255): two places drawn uniformly among the characters of the document cut it in
three, which are joined in one of two orders:

    PSM  <fim_prefix> beginning <fim_suffix> end <fim_middle> middle
    SPM  <fim_prefix><fim_suffix> end <fim_middle> beginning middle

SPM is their variant for joint training (section 3 and appendix D), in which beginning and middle
stand together.

Options:
    rate: share of the documents that are cut; 0.5 (StarCoder, arXiv:2305.06161, section 5.1).
    spm: share of those in the order SPM; 0.5.
    seed: another one gives other documents and other places; 0.
    sentinels: the signs before beginning, end and middle.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality
from castor.filters.rewriter import Edit, rewriter

SENTINELS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
WHERE = "the options of rewriter fill_in_the_middle"


def checked(options: Mapping[str, object]) -> dict[str, Any]:
    """All options, those that are not given by their defaults.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    found: dict[str, Any] = {"rate": 0.5, "spm": 0.5, "seed": 0, "sentinels": list(SENTINELS)}
    for name in options:
        if name not in found:
            raise unknown_name("option", name, found, where=WHERE)
    found |= options
    for name in ("rate", "spm"):
        value = found[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or math.isnan(value) or not 0 <= value <= 1:
            raise ConfigError(f"{name} must be from 0 to 1", where=WHERE, got=repr(value))
    if isinstance(found["seed"], bool) or not isinstance(found["seed"], int):
        raise ConfigError("seed must be a whole number", where=WHERE, got=repr(found["seed"]))
    signs = found["sentinels"]
    if (
        not isinstance(signs, list)
        or len(signs) != 3
        or not all(isinstance(s, str) and s for s in signs)
        or len(set(signs)) != 3
    ):
        raise ConfigError(
            "sentinels must be three different texts", where=WHERE, got=repr(signs),
            fix=f"leave it out for {', '.join(SENTINELS)}",
        )  # fmt: skip
    return found


@rewriter(version=1, reads="keyed", modalities=[Modality.CODE, Modality.TEXT], check=checked)
def fill_in_the_middle(document: tuple[str, str], options: Mapping[str, object]) -> Iterator[Edit]:
    """Moves the middle of some documents behind their end, with a sign before each piece.

    Whether, where and in which order follows from the key of the document and the seed alone.
    A document that holds one of the signs itself stays as it is: else its text could be taken
    for a cut. The signs are text; a tokenizer that has no piece of their own for them spells them.
    """
    text, key = document
    chosen = checked(options)
    before, behind, middle = chosen["sentinels"]
    numbers = drawn(key, int(chosen["seed"]))
    if not text or next(numbers) >= chosen["rate"] or any(s in text for s in chosen["sentinels"]):
        return
    swapped = next(numbers) < chosen["spm"]
    first, second = sorted(int(next(numbers) * (len(text) + 1)) for _ in range(2))
    if swapped:
        yield Edit(0, 0, before + behind + text[second:] + middle)
        if second < len(text):
            yield Edit(second, len(text))
    else:
        yield Edit(0, 0, before)
        yield Edit(first, second, behind)
        yield Edit(len(text), len(text), middle + text[first:second])


def drawn(key: str, seed: int) -> Iterator[float]:
    """Four numbers, uniform from 0 up to but without 1, that follow from a key and a seed."""
    name = f"{seed}\0{key}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(name, digest_size=32, person=b"fill-in-middle").digest()
    for k in range(4):
        # 53 bits: what a float holds exactly, so that none rounds up to 1
        yield (int.from_bytes(digest[8 * k : 8 * k + 8], "little") >> 11) / (1 << 53)
