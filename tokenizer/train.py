"""Trains a tokenizer from counts of rows, with sentencepiece's own BPE trainer.

The counts hold all that the trainer needs (castor.tokenizer.rows says why), so the vocabulary,
its order, scores and types are those of sentencepiece trained on the text, in about half the
time and memory: `manifest["flags"]` are the arguments that give the same vocabulary with
`sentence_iterator` over the documents.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc
import sentencepiece

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.tokenizer import id_space, reserved
from castor.tokenizer.alphabet import BOUNDARY, CHUNK, SPACE_CODE, Alphabet, alphabet, literal_rows
from castor.tokenizer.count import Counts, as_arrow, as_numpy
from castor.tokenizer.flags import COVERAGE, trainer_flags
from castor.tokenizer.processor import KIND, MODEL, Tokenizer, control_ids
from castor.tokenizer.vectors import vector_texts

VOCAB = "tokenizer.vocab"
COUNTS = "counts.bin"
TOGETHER = 4096  # bytes of rows in one sentence; a longer row is one by itself
TOO_HIGH = re.compile(r"Vocabulary size too high \(\d+\)\. Please set it to a value <= (\d+)")


def train(
    out: pathlib.Path,
    counts: Counts,
    *,
    vocab_size: int,
    sample: Mapping[str, Any],
    vectors_texts: Sequence[str],
    made_from: Mapping[str, Any],
    image_codes: int = id_space.IMAGE_CODES,
    coverage: float = COVERAGE,
    keep_counts: bool = False,
) -> dict[str, Any]:
    """Trains a tokenizer and writes its folder, the manifest last.

    Args:
        out: the folder; the caller holds its lock and has asked `outputs.is_finished`.
        counts: rows of the sample.
        vocab_size: pieces of the vocabulary, the reserved ones included.
        sample: what the manifest says of the sample; JSON.
        vectors_texts: some texts of the sample, in an order that does not depend on the run; the
            test vectors take windows of 240 characters from them, which the manifest then holds.
        made_from: what determines the bytes, for `outputs.write`.
        image_codes: how many ids there are for discrete image codes.
        coverage: share of all characters that the alphabet covers; the rest is written in bytes.
        keep_counts: write the counts too (`counts.bin`).

    Returns:
        What the manifest holds beside kind and versions of the folder.

    Raises:
        ConfigError: coverage or image codes are out of range.
        CastorError: the sample is empty; the vocabulary is too small for its characters, or
            larger than the sample allows; the folder cannot be written.
    """
    flags = trainer_flags(vocab_size, coverage)
    letters = alphabet(counts, coverage)
    model, f_min = _train(counts, flags, letters)
    storage.write_bytes(out / MODEL, model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    storage.write_bytes(out / VOCAB, vocabulary(processor))
    control = control_ids(list(map(processor.id_to_piece, range(vocab_size))), processor)
    content: dict[str, Any] = {
        "model": {
            "path": MODEL,
            "sha256": hashlib.sha256(model).hexdigest(),
            "bytes": len(model),
        },
        "id_space": id_space.make(vocab_size, control, image_codes).to_json(),
        "sample": dict(sample),
        "counts": {
            "rows": len(counts),
            "mass": counts.mass,
            "sha256": counts.sha256,
            "documents": counts.documents,
            "text_bytes": counts.text_bytes,
            "skipped": counts.skipped,
            "repaired": counts.repaired,
        },
        "flags": flags,
        "versions": {"sentencepiece": importlib.metadata.version("sentencepiece")},
        "characters": len(letters.required),
        "f_min": f_min,
    }
    content["test_vectors"] = _vectors(Tokenizer(model, content, out), vectors_texts)
    if keep_counts:
        counts.save(out / COUNTS)
    outputs.write(out, KIND, made_from, **content)
    return content


def train_model(counts: Counts, flags: Mapping[str, Any]) -> bytes:
    """The model that sentencepiece trains on some counts, as the bytes of its file.

    Args:
        flags: of `trainer_flags`.

    Raises:
        CastorError: the sample is empty, the vocabulary too small for its characters, or larger
            than the sample allows.
    """
    return _train(counts, flags, alphabet(counts, flags["character_coverage"]))[0]


def _train(counts: Counts, flags: Mapping[str, Any], letters: Alphabet) -> tuple[bytes, int | None]:
    """The model, and how often the piece of its last merge occurs."""
    n_letters = len(letters.required)
    if not n_letters:
        raise CastorError(
            "there is no text to train a tokenizer on",
            got=f"{counts.documents} documents with {counts.mass} rows and no character",
            fix="give a dataset with text; `castor inspect` shows what one holds",
        )
    least = reserved.N_RESERVED + n_letters
    if flags["vocab_size"] < least:
        raise CastorError(
            "the vocabulary is too small for its characters",
            got=f"{flags['vocab_size']} pieces",
            fix=f"give at least {least}: {reserved.N_RESERVED} are reserved, and {n_letters} "
            f"characters cover {flags['character_coverage']:.2%} of the text; or a lower coverage",
        )
    found, _ = _sentencepiece(trainer_rows(counts), flags)
    f_min = last_frequency(found, counts, n_letters) if found else 0
    largest = None
    if f_min == 0:
        largest = least + positive_merges(counts, letters, flags["vocab_size"] - least)
    if found is None or (largest is not None and largest < flags["vocab_size"]):
        raise CastorError(
            "the vocabulary is larger than the sample allows",
            got=f"{flags['vocab_size']} pieces",
            fix=f"give at most {largest}, or a larger sample: beyond that sentencepiece would add "
            "pieces that never occur",
        )
    return found, f_min


def positive_merges(counts: Counts, letters: Alphabet, wanted: int) -> int:
    """How many merges there are, up to a number, whose pair occurs at least once.

    sentencepiece goes on merging pairs that have ceased to occur, and says nothing. So a pair of
    two characters that are not in the sample is added, which occurs once, while all else occurs
    twice as often: the merges before it are the ones that occur. The text must have the same
    alphabet as before, so characters outside it become NUL, which is never part of a piece.
    """
    free = np.flatnonzero(letters.histogram[0xE000:0xF8FF] == 0)[:2] + 0xE000
    if len(free) < 2:
        raise CastorError(
            "the sample uses the whole private area of Unicode",
            fix="ask for a smaller vocabulary",
        )
    probe = "".join(map(chr, free))
    rare = letters.histogram > 0
    rare[letters.required] = False
    rare[BOUNDARY] = False
    table = {int(code): "\x00" for code in np.flatnonzero(rare)}
    if SPACE_CODE in table:
        table[ord(" ")] = "\x00"

    def rows() -> Iterator[bytes]:
        for line in trainer_rows(counts, factor=2):
            text, _, number = line.decode().rpartition("\t")
            yield f"{text.translate(table)}\t{number}".encode()
        yield b"%b\t1" % probe.encode()

    size = reserved.N_RESERVED + len(letters.required) + len(probe) + wanted + 1
    flags = trainer_flags(size, 1.0)
    found, possible = _sentencepiece(rows(), flags)
    if found is None:
        found, _ = _sentencepiece(rows(), trainer_flags(possible, 1.0))
    assert found is not None
    processor = sentencepiece.SentencePieceProcessor(model_proto=found)
    place = processor.piece_to_id(probe)
    return min(place - reserved.N_RESERVED, wanted) if place != processor.unk_id() else wanted


def last_frequency(model: bytes, counts: Counts, n_letters: int) -> int | None:
    """How often the piece of the last merge occurs in the sample, as the tokenizer cuts it.

    This is f_min: the evidence for the rarest of the pieces. What is inside reserved literals
    does not count, for the trainer does not see it. None if there was no merge.
    """
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    last = processor.get_piece_size() - n_letters - 1
    if last < reserved.N_RESERVED:
        return None
    piece = processor.id_to_piece(last).replace(reserved.SPACE, " ").encode()
    holding = as_numpy(pc.indices_nonzero(pc.match_substring(counts.rows, piece)))
    holding = holding[~np.isin(holding, literal_rows(counts))]
    rows = counts.rows.take(as_arrow(holding)).to_pylist()
    weights = counts.counts[holding]
    ids = processor.encode(rows, return_type="numpy", num_threads=1) if rows else []
    return sum(int(np.count_nonzero(own == last)) * int(n) for own, n in zip(ids, weights))


def vocabulary(processor: sentencepiece.SentencePieceProcessor) -> bytes:
    """The file that sentencepiece writes beside a model: piece, tab, score, on each line."""
    lines = (
        f"{processor.id_to_piece(i)}\t{processor.get_score(i):g}\n"
        for i in range(processor.get_piece_size())
    )
    return "".join(lines).encode()


def trainer_rows(counts: Counts, factor: int = 1) -> Iterator[bytes]:
    """The counts as sentences for the trainer, `rows <tab> count`.

    All literals are one row, since the trainer makes each of them U+001F. Rows of one count go
    together with NUL between them, which saves a fifth of the time: NUL is not counted and never
    joined to anything.

    Args:
        factor: by which each count is multiplied.
    """
    literals = literal_rows(counts)
    boundaries = int(counts.counts[literals].sum()) * factor
    if boundaries:
        yield b"%c\t%d" % (BOUNDARY, boundaries)
    order = np.argsort(counts.counts, kind="stable")
    order = order[~np.isin(order, literals)]
    for first in range(0, len(order), CHUNK):
        part = order[first : first + CHUNK]
        rows, numbers = counts.rows.take(as_arrow(part)), counts.counts[part] * factor
        yield from _together(Counts(rows, numbers))


def _together(counts: Counts) -> Iterator[bytes]:
    """Neighbours of one count in one sentence, with NUL between them."""
    stops = counts.offsets[1:]
    text = np.insert(counts.text, stops, 0)
    ends = stops + np.arange(1, len(counts) + 1)  # past the NUL of each row
    changes = (np.diff(counts.counts) != 0) | (np.diff(ends // TOGETHER) != 0)
    last = np.append(np.flatnonzero(changes), len(counts) - 1)
    start = 0
    for stop, number in zip(ends[last].tolist(), counts.counts[last].tolist()):
        yield b"%b\t%d" % (text[start : stop - 1].tobytes(), number)
        start = stop


def _sentencepiece(rows: Iterable[bytes], flags: Mapping[str, Any]) -> tuple[bytes | None, int]:
    """The model of some rows; None, and how many pieces there can be, if those are too few.

    Raises:
        CastorError: sentencepiece refuses for any other reason.
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(rows),
            model_writer=model,
            input_format="tsv",
            minloglevel=2,
            **flags,
        )
    except RuntimeError as error:
        too_high = TOO_HIGH.search(str(error))
        if too_high:
            return None, int(too_high[1])
        raise CastorError("sentencepiece cannot train", got=str(error)) from error
    return model.getvalue(), flags["vocab_size"]


def _vectors(tokenizer: Tokenizer, sample: Sequence[str]) -> list[dict[str, Any]]:
    """Texts with their ids, after a look at whether the ids give the texts back.

    Raises:
        CastorError: a text is lost, or text gave a control id: a fault in sentencepiece.
    """
    texts = vector_texts(sample)
    control = np.array(sorted(tokenizer.id_space.control.values()))
    found = []
    for text, ids in zip(texts, tokenizer.encode_batch(texts)):
        if tokenizer.decode(ids) != text.replace(reserved.SPACE, " "):
            raise CastorError("the tokenizer loses text", got=repr(text[:80]))
        if np.isin(ids, control).any():
            raise CastorError("text gives the id of a control piece", got=repr(text[:80]))
        found.append({"text": text, "ids": ids.tolist()})
    return found
