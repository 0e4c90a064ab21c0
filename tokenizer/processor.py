"""A trained tokenizer: text to ids and back, with the ids of sentencepiece.

Every id comes from sentencepiece itself; here are the checks of a folder, batches, long
documents, bytes that are no UTF-8, and what the ids outside the text mean.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sentencepiece

from castor.filters import outputs
from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import reserved
from castor.tokenizer.id_space import IdSpace
from castor.tokenizer.utf8 import decode_bytewise, to_bytes

MODEL = "tokenizer.model"
KIND = "tokenizer"
BATCH_BYTES = 1 << 20  # text that goes to sentencepiece in one call
# A longer document is encoded in parts: memory stays linear, and 12 MB in one call ran at 2.3 MB/s,
# in parts of this size at 6.
CUT_CHARACTERS = 1 << 15
UNK_TEXT = " \u2047 ".encode()  # what sentencepiece writes for <unk>


def load(path: str | os.PathLike[str], *, verify: bool = True) -> Tokenizer:
    """Opens a folder that `castor tokenizer train` wrote.

    Args:
        path: the folder.
        verify: encode the test vectors of the manifest and compare (about 0.1 s).

    Raises:
        CastorError: there is no finished tokenizer, a file was changed, or this sentencepiece
            gives other ids than the one that trained it.
    """
    folder = pathlib.Path(path)
    manifest = outputs.read(folder, KIND)
    model = folder / MODEL
    try:
        data = model.read_bytes()
    except OSError as error:
        raise CastorError(
            "cannot read the model of the tokenizer",
            where=model,
            got=error.strerror,
            fix="train it again with --force",
        ) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != manifest["model"]["sha256"]:
        raise CastorError(
            "the model of the tokenizer was changed",
            where=model,
            got=f"sha256 {sha256[:16]}...",
            fix=f"restore the one with sha256 {manifest['model']['sha256'][:16]}..., "
            "or train it again with --force",
        )
    tokenizer = Tokenizer(data, manifest, folder)
    if verify:
        tokenizer.verify()
    return tokenizer


class Tokenizer:
    """Text to ids and back. Safe to use from several threads.

    Attributes:
        id_space: what every id means.
        sha256: hexadecimal SHA-256 of `tokenizer.model`.
        manifest: the manifest of its folder.
        path: its folder.
        sentencepiece: the processor of sentencepiece, for what is not here.
        piece_bytes: int32 [id_space.size], bytes of text that each id stands for: its raw bytes,
            a space as one; 1 for a byte piece, 0 for control pieces, codes and placeholders.
    """

    def __init__(self, model: bytes, manifest: dict[str, Any], path: pathlib.Path) -> None:
        """Takes the bytes of a model and the manifest that goes with it; see `load`.

        Raises:
            CastorError: sentencepiece cannot read the model, or the manifest is of another one.
        """
        self.path = path
        self.manifest = manifest
        self.sha256 = hashlib.sha256(model).hexdigest()
        self.id_space = IdSpace.from_json(manifest["id_space"], where=path)
        try:
            self.sentencepiece = sentencepiece.SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError) as error:
            raise CastorError("sentencepiece cannot read the model", where=path) from error
        n_pieces = self.sentencepiece.get_piece_size()
        names = list(map(self.sentencepiece.id_to_piece, range(n_pieces)))
        found = control_ids(names, self.sentencepiece)
        if found != self.id_space.control or n_pieces != self.id_space.text_size:
            raise CastorError(
                "the id space of the manifest is not the model's",
                where=path,
                got=f"{n_pieces} pieces, {len(found)} of them control pieces",
                fix=f"the manifest says {self.id_space.text_size} and {len(self.id_space.control)}",
            )
        self._surfaces = _surfaces(names, self.sentencepiece, self.id_space)
        self.piece_bytes = np.array(list(map(len, self._surfaces)), np.int32)
        self.piece_bytes[self.id_space.unk] = 0
        self.piece_bytes.setflags(write=False)
        self._joined: frozenset[str] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Travels to a worker as its path: the worker reads and checks the folder itself."""
        return load, (self.path,)

    def encode(self, text: str | bytes) -> np.ndarray:
        """The ids of one text, without begin and end of document.

        Args:
            text: a string, or bytes of which each that is not UTF-8 counts as U+FFFD.

        Returns:
            uint32 [tokens].

        Raises:
            CastorError: the string holds a lone surrogate, which is no text.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str | bytes]) -> list[np.ndarray]:
        """The ids of each text, as `encode` gives them; faster than one call each."""
        parts: list[bytes] = []
        n_parts: list[int] = []
        for text in texts:
            data = to_bytes(text)
            cut = [data] if len(data) <= CUT_CHARACTERS else self._cut(decode_bytewise(data))
            parts += cut
            n_parts.append(len(cut))
        ids = [found for batch in _batches(parts) for found in self._encode(batch)]
        result = []
        position = 0
        for n in n_parts:
            own = ids[position : position + n]
            result.append(own[0] if n == 1 else np.concatenate(own))
            position += n
        return result

    def _encode(self, batch: list[bytes]) -> list[np.ndarray]:
        found = self.sentencepiece.encode(batch, return_type="numpy", num_threads=1)
        return [ids.view(np.uint32) for ids in found]

    def _cut(self, text: str) -> list[bytes]:
        """Cuts a long text where no piece of the vocabulary can cross.

        Two characters that stand side by side in no piece are never joined by a merge, nor
        matched by a user-defined piece, so both sides have the ids that they have in the whole.
        """
        if self._joined is None:
            self._joined = frozenset(
                pair
                for i in range(self.id_space.text_size)
                if not self.sentencepiece.is_byte(i)
                for piece in [self.sentencepiece.id_to_piece(i)]
                for pair in map("".join, itertools.pairwise(piece))
            )
        text = text.replace(" ", reserved.SPACE)
        parts = []
        start, place = 0, CUT_CHARACTERS
        while place < len(text):
            if text[place - 1 : place + 1] in self._joined:
                place += 1
                continue
            parts.append(text[start:place].encode())
            start, place = place, place + CUT_CHARACTERS
        return [*parts, text[start:].encode()]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; a byte that is no UTF-8 counts as U+FFFD.

        Raises:
            CastorError: an id is outside the space.
        """
        return decode_bytewise(self.decode_bytes(ids))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of some ids; control pieces, codes and placeholders stand for none.

        Raises:
            CastorError: an id is outside the space.
        """
        try:
            wanted = ids if isinstance(ids, np.ndarray) else np.fromiter(ids, np.int64)
        except OverflowError as error:
            raise self._outside("a number of more than 64 bits") from error
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < self.id_space.size:
            raise self._outside(
                int(wanted.max() if wanted.max() >= self.id_space.size else wanted.min())
            )
        return b"".join(map(self._surfaces.__getitem__, wanted.tolist()))

    def _outside(self, got: object) -> CastorError:
        return CastorError(
            "an id is outside the space of the tokenizer",
            where=self.path,
            got=got,
            fix=f"ids are 0 to {self.id_space.size - 1}; was it encoded by another tokenizer?",
        )

    def piece(self, i: int) -> str:
        """The name of an id: the piece as sentencepiece writes it, or what the id stands for.

        Raises:
            ConfigError: the id is outside the space.
        """
        space = self.id_space
        if 0 <= i < space.text_size:
            return self.sentencepiece.id_to_piece(int(i))
        first, stop = space.image_codes
        if first <= i < stop:
            return f"<image_code_{i - first}>"
        for modality, placeholder in space.soft.items():
            if i == placeholder:
                return f"<soft_{modality}>"
        if 0 <= i < space.size:
            return f"<padding_{i}>"
        raise ConfigError("no such id", got=i, fix=f"ids are 0 to {space.size - 1}")

    def verify(self) -> None:
        """Encodes the test vectors of the manifest.

        Raises:
            CastorError: one gives other ids than when the tokenizer was trained.
        """
        vectors = self.manifest["test_vectors"]
        for vector, ids in zip(vectors, self.encode_batch([v["text"] for v in vectors])):
            if ids.tolist() != vector["ids"]:
                raise CastorError(
                    "this sentencepiece gives other ids than the one that trained the tokenizer",
                    where=self.path,
                    got=f"{ids.tolist()[:8]} for {vector['text'][:40]!r}, not {vector['ids'][:8]}",
                    fix="install sentencepiece " + str(self.manifest["versions"]["sentencepiece"]),
                )


def _batches(parts: Sequence[bytes]) -> Iterable[list[bytes]]:
    """The parts in order, in lists of about a megabyte."""
    batch: list[bytes] = []
    size = 0
    for part in parts:
        if batch and size + len(part) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += len(part)
    if batch:
        yield batch


def control_ids(
    names: Sequence[str], model: sentencepiece.SentencePieceProcessor
) -> dict[str, int]:
    """Name -> id of every piece that text can never give; each is written in angle brackets."""
    return {
        name: i
        for i, name in enumerate(names)
        if name.startswith("<") and (model.is_control(i) or model.is_unknown(i))
    }


def _surfaces(
    names: Sequence[str], model: sentencepiece.SentencePieceProcessor, space: IdSpace
) -> list[bytes]:
    """The bytes that each id stands for, [space.size]."""
    found = [name.replace(reserved.SPACE, " ").encode() for name in names]
    for i, name in enumerate(names):
        if name.startswith("<0x") and model.is_byte(i):
            found[i] = bytes([int(name[3:5], 16)])
    for i in space.control.values():
        found[i] = b""
    found[space.unk] = UNK_TEXT
    return found + [b""] * (space.size - len(found))
