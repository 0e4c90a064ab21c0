"""Four planted domains out of a real token dataset: what an ablation must be able to tell apart.

`related` is more documents of the source whose held-out text is the target, `noise` is uniformly
random ids in documents of the same lengths, and two other sources are what they are. A pipeline
that ranks them otherwise than related, others, noise is broken; that it ranks them so says
nothing about real weights.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from castor.filters import lock, outputs, storage
from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.tokens import BOS_ID, EOS_ID, Document, ShardWriter, Tokens, open_tokens
from castor.mixtures.tokens import manifest_content as content_of

RELATED, NOISE, TARGET = "related", "noise", "target"
ENOUGH = 0.5  # of the tokens asked for; a source with less is not worth an ablation
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Planted:
    """What was planted.

    Attributes:
        path: the token dataset: four sources with a train split, and `target` held out only.
        tokens: of every train split, by domain.
        heldout: of every held-out split, by domain.
    """

    path: pathlib.Path
    tokens: Mapping[str, int]
    heldout: Mapping[str, int]


def plant(
    tokens: str | pathlib.Path, out: str | pathlib.Path, *, piece_bytes: np.ndarray,
    target: str, others: tuple[str, str], domain_tokens: int,
    related_tokens: int | None = None, heldout_tokens: int = 50_000,
    longest: int = 2_048, seed: int = 0, force: bool = False,
) -> Planted:  # fmt: skip
    """Makes the four domains as a token dataset of its own; nothing to do if it is there already.

    Only documents without media are taken, cut to `longest` tokens, so that a few books do not
    make a domain. What is held out in the input is held out here, and never trained on.

    Args:
        tokens: a token dataset.
        out: where the planted one goes.
        piece_bytes: bytes of text that each id stands for, of the tokenizer of `tokens`.
        target: source whose held-out text is the target, and whose other text is `related`.
        others: two more sources.
        domain_tokens: of each train split, about.
        related_tokens: of `related`, if other.
        heldout_tokens: of each held-out split, about.
        seed: of the noise and of which documents are taken.

    Raises:
        ConfigError: the sources are not three, or not there.
        CastorError: a source has less than half of the tokens asked for.
    """
    out = pathlib.Path(out)
    given = open_tokens(tokens)
    if len({target, *others, RELATED, NOISE, TARGET}) != 6 or len(others) != 2:
        raise ConfigError(
            "planting needs a target and two other sources, all different",
            got=", ".join([target, *others]),
        )
    settings: dict[str, Any] = {
        "version": VERSION, "seed": seed, "target": target, "others": sorted(others),
        "domain_tokens": domain_tokens, "related_tokens": related_tokens or domain_tokens,
        "heldout_tokens": heldout_tokens, "longest": longest,
        "tokens": given.manifest["blake2b"],
    }  # fmt: skip
    if not outputs.is_finished(out, "tokens", settings, force=force):
        with lock.locked(out):
            _write(given, out, piece_bytes, settings)
    found = open_tokens(out).manifest["sources"]
    return Planted(
        out,
        {n: s["train"]["tokens"] for n, s in found.items() if s["train"]["tokens"]},
        {n: s["heldout"]["tokens"] for n, s in found.items() if s["heldout"]["tokens"]},
    )


def in_order(effects: Mapping[str, float]) -> bool:
    """Whether an ablation found what was planted: related helps most, noise hurts most.

    Args:
        effects: `slope` of every domain, as in `ablation.json`: negative helps.
    """
    others = [slope for name, slope in effects.items() if name not in (RELATED, NOISE)]
    return effects[RELATED] < min(others) and max(others) < effects[NOISE]


def _write(
    given: Tokens, out: pathlib.Path, piece_bytes: np.ndarray, settings: Mapping[str, Any]
) -> None:
    target, seed, longest = settings["target"], settings["seed"], settings["longest"]
    related = settings["related_tokens"]
    splits = [(RELATED, target, "train", related), (TARGET, target, "heldout", None)]
    for other in settings["others"]:
        splits += [
            (other, other, "train", settings["domain_tokens"]),
            (other, other, "heldout", None),
        ]
    lines = []
    for name, source, split, wanted in splits:
        wanted = wanted or settings["heldout_tokens"]
        documents = _documents(given, source, split, piece_bytes, longest=longest, seed=seed)
        lines.append(_part(out, name, split, documents, wanted))
        if lines[-1]["tokens"] < ENOUGH * wanted and (split == "train" or name == TARGET):
            raise CastorError(
                f"the {split} split of {source!r} has too little text to plant {name!r}",
                where=given.path,
                got=f"{lines[-1]['tokens']:,} tokens of {wanted:,}",
                fix="choose another source, or fewer tokens",
            )
    noise = _noise(given, target, piece_bytes, longest=longest, seed=seed)
    lines.append(_part(out, NOISE, "train", noise, settings["domain_tokens"]))
    tokenizer = given.path / "tokenizer"
    if tokenizer.is_dir():
        with storage.writing(out / "tokenizer"):
            shutil.copytree(tokenizer, out / "tokenizer", dirs_exist_ok=True)
    content = content_of(
        lines,
        tokenizer={"sha256": given.tokenizer_sha256, "id_space": given.id_space},
        heldout_share=given.manifest["heldout_share"],
        dataset=given.manifest["dataset"],
    )
    outputs.write(out, "tokens", settings, **content)


def _part(
    out: pathlib.Path, name: str, split: str, documents: Iterator[Document], wanted: int
) -> dict[str, Any]:
    """Writes documents until there are enough tokens; the last may go over."""
    total = 0
    writer = ShardWriter(out, name, split, 0)
    try:
        for document in documents:
            if total >= wanted:
                break
            writer.add(dataclasses.replace(document, source=name))
            total += len(document.ids)
    except BaseException:
        writer.abandon()
        raise
    return writer.close()


def _documents(
    given: Tokens, source: str, split: str, piece_bytes: np.ndarray, *, longest: int, seed: int
) -> Iterator[Document]:
    """The documents of a source without media, ordered by the seed, cut to `longest` tokens."""
    found = given.source(source, split)
    table = found.table(["key", "modality", "language", "spans"]).to_pylist()
    offsets = found.offsets
    texts = [i for i, row in enumerate(table) if not row["spans"]]
    for i in np.random.default_rng(seed).permutation(np.array(texts, np.int64)).tolist():
        start, stop = offsets[i : i + 2].tolist()
        ids = found.ids(start, min(stop, start + longest))
        ids[-1] = EOS_ID
        yield Document(
            key=f"planted/{table[i]['key']}", source=source, modality=table[i]["modality"],
            language=table[i]["language"], ids=ids, text_bytes=int(piece_bytes[ids].sum()),
        )  # fmt: skip


def _noise(
    given: Tokens, source: str, piece_bytes: np.ndarray, *, longest: int, seed: int
) -> Iterator[Document]:
    """Documents as long as those of a source, of ids of text drawn uniformly; without an end."""
    space = given.id_space
    control = {BOS_ID, EOS_ID, *space["control"].values()}
    text = np.array([i for i in range(space["text_size"]) if i not in control and piece_bytes[i]])
    generator = np.random.default_rng([seed, 1])
    offsets = given.source(source, "train").offsets
    lengths = np.minimum(np.diff(offsets), longest)
    number = 0
    while True:
        ids = generator.choice(text, int(generator.choice(lengths))).astype(np.uint32)
        ids[0], ids[-1] = BOS_ID, EOS_ID
        yield Document(
            key=f"planted/{NOISE}/{number}", source=NOISE, modality="text", language="und",
            ids=ids, text_bytes=int(piece_bytes[ids].sum()),
        )  # fmt: skip
        number += 1
