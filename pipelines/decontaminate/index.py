"""The index of everything that must not be in the corpus: n-grams of benchmark items.

Which grams, for lengths in words (scaled for scripts without spaces, see `units`):

- a question of 13 units or more: all its 13-grams (GPT-3, Brown et al. 2020, appendix C);
- a question of 8 to 12 units: the whole question must be found; 8 is the least N of GPT-3's
  table C.1. One gram of it, the rarest among the items, is in the index;
- a question of 5 to 7 units: likewise, and its answer must stand beside it, as questions that
  short ("what is the capital of france") are asked outside of benchmarks; so must that of
  any short question that says nothing without its passage;
- a question of under 5 units: question and answer as one text of at least 8 units;
- an answer of 20 units or more (worked solutions, code; not one that is a piece of the
  passage) and a passage: all 13-grams.

Scripts without spaces are found by 13-grams of letters as well, which must extend to runs of
the scaled length. The scan thus looks for grams of three lengths.

Short questions of few different letters ("not true and not true") are left out, and so are
grams that more than 10 parts have in common: templates, not items. An item of which nothing
is left is *unprotected*; the index says which and why, and so does the report.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError
from castor.pipelines.decontaminate.fields import Item
from castor.pipelines.decontaminate.kernels import part_grams
from castor.pipelines.decontaminate.parts import GRAM, Kind, Rule, Status, parts_of
from castor.pipelines.decontaminate.units import word_hashes

VERSION = 1
TEMPLATE = 10  # parts that may share a gram
# Lengths of grams in the index: few, because the scan pays for each.
_LENGTHS = (5, 8, 13)


ARRAYS = (
    "grams", "starts", "lengths", "bitmaps", "bitmap_starts", "posting_offsets", "postings",
    "parts", "status",
)  # fmt: skip
POSTING = np.dtype([("part", "<u4"), ("position", "<u4")])
_ITEMS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item_id", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("answers", pa.list_(pa.string())),
    ]
)


@dataclasses.dataclass(frozen=True)
class Index:
    """An index in memory, or mapped from a folder.

    Attributes:
        grams: sorted hashes of the n-grams (uint64[grams]); a gram's id is its place here.
        starts: where the grams of each hash prefix begin (uint32).
        lengths: the lengths of grams that occur, ascending (int64).
        bitmaps: for each length a bit per longer prefix, which stop most text (uint64).
        bitmap_starts: where the bitmap of each length begins (int64[lengths + 1]).
        posting_offsets: each gram's slice of `postings` (uint32[grams + 1]).
        postings: part and position in it (POSTING).
        parts: item, kind, rule, and the shortest run that counts, in units (PART).
        status: Status of each item (uint8[items]).
        texts: the text of each part.
        items: table of benchmark, item_id, choices, answers.
        fingerprint: digest of all of this, in hex.
    """

    grams: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    bitmaps: np.ndarray
    bitmap_starts: np.ndarray
    posting_offsets: np.ndarray
    postings: np.ndarray
    parts: np.ndarray
    status: np.ndarray
    texts: pa.LargeStringArray
    items: pa.Table
    fingerprint: str

    def name(self, item: int) -> tuple[str, str]:
        """(benchmark, item_id) of an item."""
        row = self.items
        return row.column("benchmark")[item].as_py(), row.column("item_id")[item].as_py()

    def text(self, part: int) -> str:
        """The text of a part."""
        return self.texts[part].as_py()

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays and texts."""
        return sum(getattr(self, n).nbytes for n in ARRAYS) + self.texts.nbytes + self.items.nbytes

    def unprotected(self) -> list[tuple[str, str, str]]:
        """(benchmark, item_id, why) of every item that cannot be found."""
        return [
            (*self.name(i), Status(self.status[i]).name.lower())
            for i in np.flatnonzero(self.status).tolist()
        ]


def build_index(items: tuple[Item, ...]) -> Index:
    """The index of the items, the same for the same items in the same order."""
    parts, texts, status = parts_of(items)
    column = pa.array(texts, pa.large_string())
    hashes, offsets = word_hashes(column)
    lead = np.array([_lead(n) for n in np.diff(offsets).tolist()], np.int64)
    found = np.empty(len(hashes), np.uint64)
    part, position = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    n = part_grams(hashes, offsets, lead, found, part, position)
    order = np.argsort(found[:n], kind="stable")  # grams come by part and position
    found, part, position = _chosen(found[order], part[order], position[order], parts)
    _mark_templates(status, parts, part)
    grams, first = np.unique(found, return_index=True)
    lengths = np.unique(lead[part]).astype(np.int64)
    bitmaps, bitmap_starts = _bitmaps(grams, lead[part[first]], lengths)
    postings = np.empty(len(found), POSTING)
    postings["part"], postings["position"] = part, position
    table = pa.table(
        [
            [i.benchmark for i in items],
            [i.item_id for i in items],
            [list(i.choices) for i in items],
            [list(i.answers) for i in items],
        ],
        schema=_ITEMS,
    )
    index = Index(
        grams=grams,
        starts=_starts(grams),
        bitmaps=bitmaps,
        bitmap_starts=bitmap_starts,
        lengths=lengths,
        posting_offsets=np.append(first, len(found)).astype(np.uint32),
        postings=postings,
        parts=parts,
        status=status,
        texts=column,
        items=table.combine_chunks(),
        fingerprint="",
    )
    return dataclasses.replace(index, fingerprint=_fingerprint(index))


def save_index(index: Index, folder: str | os.PathLike[str]) -> None:
    """Writes the index as a folder of arrays that `load_index` maps; whole or not at all."""
    folder = pathlib.Path(folder)
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in ARRAYS:
        np.save(temporary / f"{name}.npy", getattr(index, name))
    texts = pa.table({"text": index.texts})
    for name, table in (("texts", texts), ("items", index.items)):
        with pa.ipc.new_file(str(temporary / f"{name}.arrow"), table.schema) as writer:
            writer.write_table(table)
    (temporary / "fingerprint").write_text(f"{VERSION} {index.fingerprint}\n")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def load_index(folder: str | os.PathLike[str]) -> Index:
    """Maps an index; its pages are shared by all processes that do.

    Raises:
        CastorError: there is none, or one of another version.
    """
    folder = pathlib.Path(folder)
    try:
        version, fingerprint = (folder / "fingerprint").read_text().split()
        arrays = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ARRAYS}
        tables = {
            name: pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
            for name in ("texts", "items")
        }
    except (OSError, ValueError) as error:
        raise CastorError(
            "there is no whole index of benchmarks", where=folder, got=error, fix="build it again"
        ) from error
    if int(version) != VERSION:
        raise CastorError(
            "the index of benchmarks is of another version",
            where=folder,
            got=f"{version}, not {VERSION}",
            fix="build it again",
        )
    texts = tables["texts"].column("text").combine_chunks()
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    return Index(**plain, texts=texts, items=tables["items"], fingerprint=fingerprint)


def _lead(n_units: int) -> int:
    """Length of the grams by which a part is found: the longest that fits."""
    return max(length for length in _LENGTHS if length <= n_units)


def _chosen(
    grams: np.ndarray, part: np.ndarray, position: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Without templates; of a part that must be found whole only the rarest gram.

    Where the shortest run that counts is longer than a gram, every such run holds a gram
    at a multiple of their difference, plus one; no other is needed. The arrays are sorted
    by gram, part and position, and stay so.
    """
    if not len(grams):
        return grams, part, position
    new_gram = np.append(True, grams[1:] != grams[:-1])
    new_part = new_gram | np.append(True, part[1:] != part[:-1])
    frequency = np.add.reduceat(new_part.astype(np.int64), np.flatnonzero(new_gram))
    frequency = frequency[np.cumsum(new_gram) - 1]
    step = np.maximum(parts["run"][part].astype(np.int64) - GRAM + 1, 1)
    keep = (frequency <= TEMPLATE) & (position % step == 0)
    whole = np.flatnonzero(parts["rule"][part] != Rule.GRAMS)
    keep[whole] = False
    order = whole[np.lexsort((position[whole], frequency[whole], part[whole]))]
    rarest = order[np.append(True, part[order][1:] != part[order][:-1])] if len(order) else order
    keep[rarest] = frequency[rarest] <= TEMPLATE
    return grams[keep], part[keep], position[keep]


def _mark_templates(status: np.ndarray, parts: np.ndarray, indexed: np.ndarray) -> None:
    """Items whose question or pair has no gram left are unprotected."""
    asks = np.isin(parts["kind"], (Kind.QUESTION, Kind.PAIR))
    has_gram = np.zeros(len(parts), bool)
    has_gram[indexed] = True
    lost = set(parts["item"][asks].tolist()) - set(parts["item"][asks & has_gram].tolist())
    status[sorted(lost)] = Status.TEMPLATE


def _starts(grams: np.ndarray) -> np.ndarray:
    bits = max(1, len(grams).bit_length())
    prefix = (grams >> np.uint64(64 - bits)).astype(np.int64)
    return np.searchsorted(prefix, np.arange((1 << bits) + 1)).astype(np.uint32)


def _bitmaps(
    grams: np.ndarray, length: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bitmaps, where each length's begins): 16 to 32 bits per gram, one for every length.

    At most one other gram in 16 passes, and those of the lengths that only short items
    have are so small that they stay in the cache.
    """
    maps = []
    for wanted in lengths.tolist():
        own = grams[length == wanted]
        bits = max(6, int(16 * len(own)).bit_length())
        flags = np.zeros(1 << bits, np.uint8)
        flags[own >> np.uint64(64 - bits)] = 1
        maps.append(np.packbits(flags, bitorder="little").view("<u8"))
    starts = np.cumsum([0, *map(len, maps)]).astype(np.int64)
    return np.concatenate([np.empty(0, np.uint64), *maps]), starts


def _fingerprint(index: Index) -> str:
    digest = hashlib.blake2b(f"{VERSION}".encode(), digest_size=16)
    for name in ARRAYS:
        array = getattr(index, name)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for buffer in index.texts.buffers()[1:]:
        digest.update(buffer or b"")
    digest.update(json.dumps(index.items.to_pydict()).encode())
    return digest.hexdigest()
