"""Measures a tokenizer on documents: what is counted of each, and the figures that follow.

Counting is done shard by shard, for every group of documents apart (a language of a source);
counts of groups and shards add up, and all figures come from the sums.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import metrics
from castor.tokenizer.id_space import IdSpace
from castor.tokenizer.kinds import Kind, kinds

# Figures that are averaged over languages and sources.
AVERAGED = (
    "bytes_per_token",
    "characters_per_token",
    "fertility",
    "strr",
    "renyi_efficiency",
    "byte_share",
    "nsl",
)
EXAMPLES = 5  # documents that are named when they do not come back
FLUSH_TOKENS = 1 << 22


class Encoder(Protocol):
    """What is asked of the tokenizer that is measured."""

    @property
    def id_space(self) -> IdSpace:
        """Its ids."""

    @property
    def piece_bytes(self) -> np.ndarray:
        """Bytes of text of each id."""

    @property
    def sentencepiece(self) -> Any:
        """The processor of sentencepiece."""

    def encode_batch(self, texts: Sequence[str | bytes]) -> list[np.ndarray]:
        """The ids of each text."""

    def decode_bytes(self, ids: np.ndarray) -> bytes:
        """The bytes of some ids."""


@dataclasses.dataclass
class Tally:
    """Counts over some documents; they add up.

    Attributes:
        documents, bytes, characters: of the texts, UTF-8.
        visible, unspaced: characters that are no white space, and those of them whose script
            puts no spaces between words.
        words: runs without white space.
        aligned_words, single_words: words of documents whose pieces add up to their bytes, and
            those of them that are one token, with a space before it or not.
        tokens, byte_tokens, unk_tokens, control_tokens: ids, by what they are.
        failures: documents that do not come back from their ids byte by byte.
        other_tokens: ids of the same texts by the tokenizer that this one is compared with.
    """

    documents: int = 0
    bytes: int = 0
    characters: int = 0
    visible: int = 0
    unspaced: int = 0
    words: int = 0
    aligned_words: int = 0
    single_words: int = 0
    tokens: int = 0
    byte_tokens: int = 0
    unk_tokens: int = 0
    control_tokens: int = 0
    failures: int = 0
    other_tokens: int = 0

    def __add__(self, other: Tally) -> Tally:
        names = [f.name for f in dataclasses.fields(Tally)]
        return Tally(**{n: getattr(self, n) + getattr(other, n) for n in names})


class Counter:
    """Counts documents of several groups.

    Args:
        tokenizer: the one that is measured.
        other: the one it is compared with, or None.

    Attributes:
        tallies: by group.
        examples: [key, what differs] of the first documents that do not come back.
    """

    def __init__(self, tokenizer: Encoder, other: Other | None = None) -> None:
        self._tokenizer, self._other = tokenizer, other
        self._kinds = kinds(tokenizer)
        self._ids: dict[tuple[str, ...], list[np.ndarray]] = {}
        self._n_held = 0
        self._pieces: dict[tuple[str, ...], np.ndarray] = {}
        self.tallies: dict[tuple[str, ...], Tally] = {}
        self.examples: list[list[str]] = []

    def add(
        self, groups: Sequence[tuple[str, ...]], keys: Sequence[str], texts: Sequence[str]
    ) -> None:
        """Counts some documents, each of its group; all arrays of a call are in memory at once."""
        encoded = self._tokenizer.encode_batch(texts)
        counts = _Batch(self._tokenizer, self._kinds, texts, encoded).counts()
        if self._other:
            counts["other_tokens"] = np.array(self._other.count(texts))
        for i in np.flatnonzero(counts["failures"]).tolist():
            if len(self.examples) < EXAMPLES:
                back = self._tokenizer.decode_bytes(encoded[i]).decode("utf-8", "replace")
                self.examples.append([keys[i], _difference(texts[i], back)])
        place = {group: n for n, group in enumerate(dict.fromkeys(groups))}
        own = np.array([place[group] for group in groups], np.int64)
        for group, n in place.items():
            sums = {name: int(values[own == n].sum()) for name, values in counts.items()}
            self.tallies[group] = self.tallies.get(group, Tally()) + Tally(**sums)
        for group, ids in zip(groups, encoded, strict=True):
            self._ids.setdefault(group, []).append(ids)
            self._n_held += len(ids)
        if self._n_held > FLUSH_TOKENS:
            self._flush()

    def pieces(self) -> dict[tuple[str, ...], np.ndarray]:
        """How often each id occurs, int64 [text_size], by group."""
        self._flush()
        return self._pieces

    def _flush(self) -> None:
        size = self._tokenizer.id_space.text_size
        for group, held in self._ids.items():
            counts = np.bincount(np.concatenate(held), minlength=size)
            known = self._pieces.get(group)
            self._pieces[group] = counts if known is None else known + counts
        self._ids, self._n_held = {}, 0


class _Batch:
    """The texts of one call as one array of characters, each text ended by a line feed."""

    def __init__(
        self,
        tokenizer: Encoder,
        kinds_: np.ndarray,
        texts: Sequence[str],
        encoded: Sequence[np.ndarray],
    ) -> None:
        self._tokenizer, self._kinds = tokenizer, kinds_
        self._texts, self._encoded = texts, encoded
        self._ids = np.concatenate([np.empty(0, np.uint32), *encoded])
        joined = "\n".join([*texts, ""])
        self._codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
        self._characters = np.array([len(text) for text in texts], np.int64)
        # First character of each text, and the byte at which each character begins.
        self._firsts = np.cumsum(self._characters + 1) - self._characters - 1
        self._offsets = np.concatenate(([0], np.cumsum(metrics.utf8_lengths(self._codes))))
        self._bytes = np.diff(self._offsets[np.append(self._firsts, len(self._codes))]) - 1

    def counts(self) -> dict[str, np.ndarray]:
        """The fields of `Tally` for each text, int64 [texts]; all but `other_tokens`."""
        n = len(self._texts)
        starts, stops = metrics.words(self._codes)
        of_word = np.searchsorted(self._firsts, starts, side="right") - 1
        of_token = np.repeat(np.arange(n), [len(ids) for ids in self._encoded])
        own = self._kinds[self._ids]
        unspaced = np.flatnonzero(metrics.unspaced(self._codes))
        of_unspaced = np.searchsorted(self._firsts, unspaced, side="right") - 1
        ends, aligned = self._ends()
        single = _single_words(self._offsets, starts, stops, ends)

        def per_text(where: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
            return np.bincount(where, weights, n).astype(np.int64)

        return {
            "documents": np.ones(n, np.int64),
            "bytes": self._bytes,
            "characters": self._characters,
            "visible": per_text(of_word, stops - starts),
            "unspaced": per_text(of_unspaced),
            "words": per_text(of_word),
            "aligned_words": per_text(of_word) * aligned,
            "single_words": per_text(of_word, single) * aligned,
            "tokens": per_text(of_token),
            "byte_tokens": per_text(of_token, own == Kind.BYTE),
            "unk_tokens": per_text(of_token, own == Kind.UNKNOWN),
            "control_tokens": per_text(of_token, own == Kind.CONTROL),
            "failures": self._failures(aligned),
        }

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Where tokens end among all bytes, and for which texts their bytes add up.

        Between texts stands one more token, the line feed; a text whose bytes do not add up is
        one token as a whole, and its words are not asked for.

        Returns:
            int64 [tokens, more or less], bool [texts].
        """
        lengths = self._tokenizer.piece_bytes[self._ids]
        stops = np.cumsum([len(ids) for ids in self._encoded], dtype=np.int64)
        sums = np.diff(
            np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))[np.concatenate(([0], stops))]
        )
        aligned = sums == self._bytes
        parts = []
        for own, good, n_bytes in zip(
            np.split(lengths, stops[:-1]), aligned.tolist(), self._bytes.tolist(), strict=True
        ):
            parts += [own if good else [n_bytes], [1]]
        return np.cumsum(np.concatenate(parts), dtype=np.int64), aligned

    def _failures(self, aligned: np.ndarray) -> np.ndarray:
        """Which texts do not come back from their ids, as 0 and 1."""
        decode = self._tokenizer.decode_bytes
        # Where all lengths are right, all texts are right if they are so one after another.
        if aligned.all() and decode(self._ids) == "".join(self._texts).encode():
            return np.zeros(len(self._texts), np.int64)
        pairs = zip(self._texts, self._encoded, strict=True)
        return np.array([decode(ids) != text.encode() for text, ids in pairs], np.int64)


def _single_words(
    offsets: np.ndarray, starts: np.ndarray, stops: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Which words are one token: it ends with the word, and before it holds white space only.

    Args:
        offsets: byte at which each character begins.
        starts, stops: words, in characters.
        ends: where each token ends, in bytes.
    """
    first, last = offsets[starts], offsets[stops]
    token = np.searchsorted(ends, first, side="right")
    begins = np.concatenate(([0], ends))[token]
    before = offsets[np.concatenate(([0], stops))[: len(starts)]]  # where the word before ends
    return (ends[token] == last) & (begins >= before)


def _difference(text: str, back: str) -> str:
    """Where a text and what came back of it first differ, in words."""
    at = next((i for i, (a, b) in enumerate(zip(text, back)) if a != b), min(len(text), len(back)))
    return f"character {at}: {text[at : at + 12]!r} came back as {back[at : at + 12]!r}"


def figures(tally: Tally, pieces: np.ndarray, *, compared: bool) -> dict[str, Any]:
    """What follows from the counts of some documents.

    Args:
        tally: the counts.
        pieces: how often each id of text occurs, [text_size].
        compared: whether there is another tokenizer to compare with.

    Returns:
        Plain numbers by name; None where there is nothing to measure. `fertility` and `strr` are
        None where at least half of the characters are of scripts without spaces between words.
    """
    size = len(pieces)
    spaced = tally.unspaced < metrics.UNSPACED_SHARE * tally.visible
    found: dict[str, Any] = {
        "documents": tally.documents,
        "bytes": tally.bytes,
        "characters": tally.characters,
        "words": tally.words,
        "tokens": tally.tokens,
        "bytes_per_token": metrics.ratio(tally.bytes, tally.tokens),
        "characters_per_token": metrics.ratio(tally.characters, tally.tokens),
        "fertility": metrics.ratio(tally.tokens, tally.words) if spaced else None,
        "strr": metrics.ratio(tally.single_words, tally.aligned_words) if spaced else None,
        "renyi_efficiency": metrics.renyi_efficiency(pieces, size),
        "utilisation": float((pieces > 0).sum() / size),
        "byte_share": metrics.ratio(tally.byte_tokens, tally.tokens),
        "unk_share": metrics.ratio(tally.unk_tokens, tally.tokens),
        "control_tokens": tally.control_tokens,
        "round_trip_failures": tally.failures,
        "round_trip_failures_per_million": metrics.ratio(tally.failures * 1e6, tally.documents),
    }
    if compared:
        found["nsl"] = metrics.ratio(tally.tokens, tally.other_tokens)
        found["other_bytes_per_token"] = metrics.ratio(tally.bytes, tally.other_tokens)
    return metrics.rounded(found)


class Other:
    """A tokenizer to compare with, of which only the number of tokens is asked.

    Args:
        path: a folder of `castor tokenizer train`, or a model of sentencepiece.

    Attributes:
        name: of the folder or file.
        sha256: of the model.
        vocabulary: number of its pieces.

    Raises:
        CastorError: it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import sentencepiece

        from castor.tokenizer.processor import MODEL, load

        place = pathlib.Path(path)
        self.name = place.resolve().name
        if not place.exists():
            raise ConfigError(
                "the tokenizer to compare with does not exist",
                where=place,
                fix="give a folder of `castor tokenizer train`, or a model of sentencepiece",
            )
        file = place / MODEL if place.is_dir() else place
        if place.is_dir():
            load(place)
        data = file.read_bytes()
        self.sha256 = hashlib.sha256(data).hexdigest()
        try:
            self._model = sentencepiece.SentencePieceProcessor(model_proto=data)
        except (RuntimeError, ValueError) as error:
            raise CastorError(
                "sentencepiece cannot read the model to compare with", where=file
            ) from error
        self.vocabulary = self._model.get_piece_size()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, without begin and end."""
        return [len(ids) for ids in self._model.encode(list(texts), num_threads=1)]
