"""Cuts text into rows and counts them: the compiled core of `count`.

A row is as small as it can be without changing what sentencepiece's BPE trainer does. It learns
pieces within words (a word is spaces and what follows them up to the next space); no piece may
join two scripts or hold a digit beside anything; the literals of reserved pieces are taken out
before. So text is cut

- around every literal of a reserved piece, the longest first, which is a row of its own;
- before a space that follows something else;
- between two characters that no piece can join (`castor.tokenizer.scripts`).

Every pair of characters that could become a piece is inside a row, so that counts of rows tell
the trainer all that the text does, in a fraction of the room.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba as nb
import numpy as np

from castor.tokenizer import reserved
from castor.tokenizer.scripts import ALONE, ANY, FIRST, table

SPACE = 0x20
LEADS, LEADS_SPACE, WIDE = 253, 254, 255
ROW_FILL = 0.5  # of the slots of the hash table, at most


class Literals(NamedTuple):
    """The reserved literals as a trie over the bytes that occur in them.

    Attributes:
        columns: uint8 [256], the column of a byte; 0 for one that is in no literal.
        next: int16 [nodes, columns], the node after a byte; 0 for none. Node 0 is the root.
        ends: bool [nodes], whether a literal ends here.
    """

    columns: np.ndarray
    next: np.ndarray
    ends: np.ndarray


@functools.cache
def literals(pieces: Sequence[str] = reserved.META_PIECES) -> Literals:
    """The trie of some literals, with a space for U+2581."""
    names = [piece.replace(reserved.SPACE, " ").encode() for piece in pieces]
    used = sorted({byte for name in names for byte in name})
    columns = np.zeros(256, np.uint8)
    columns[used] = np.arange(1, len(used) + 1)
    nodes: list[dict[int, int]] = [{}]
    ends = [False]
    for name in names:
        node = 0
        for byte in name:
            if byte not in nodes[node]:
                nodes[node][byte] = len(nodes)
                nodes.append({})
                ends.append(False)
            node = nodes[node][byte]
        ends[node] = True
    following = np.zeros((len(nodes), len(used) + 1), np.int16)
    for node, children in enumerate(nodes):
        for byte, child in children.items():
            following[node, columns[byte]] = child
    return Literals(columns, following, np.array(ends))


@functools.cache
def kinds() -> np.ndarray:
    """What a byte can begin, uint8 [256]: the class of a character of ASCII, or one of these.

    LEADS: maybe a literal; LEADS_SPACE: the same, and it is a space; WIDE: a character of more
    bytes.
    """
    trie = literals()
    found = table().classes[:256].copy()
    leads = trie.next[0, trie.columns] != 0
    found[:128][leads[:128]] = LEADS
    found[SPACE] = LEADS_SPACE
    found[128:] = WIDE
    assert not leads[128:].any()
    return found


class Store(NamedTuple):
    """Counts of rows under construction: an open-addressing table over one buffer of bytes.

    Attributes:
        slots: int64 [power of two], `row + 1` in the low 32 bits and a tag of the hash above; 0
            is free.
        starts: int64 [rows + 1], where each row begins in `text`; the next one begins at its end.
        counts: int64 [rows].
        text: uint8, the rows one after another.
        used: int64 [1], rows in use.
    """

    slots: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    text: np.ndarray
    used: np.ndarray


def new_store(rows: int = 1 << 14, size: int = 1 << 18) -> Store:
    """An empty store with room for some rows (a power of two) and bytes."""
    return Store(
        slots=np.zeros(int(rows / ROW_FILL), np.int64),
        starts=np.zeros(rows + 1, np.int64),
        counts=np.zeros(rows, np.int64),
        text=np.empty(size, np.uint8),
        used=np.zeros(1, np.int64),
    )


def grown(store: Store, row_bytes: int) -> Store:
    """The same counts with twice the room where it was short.

    Args:
        row_bytes: length of the longest row that may come, in bytes.
    """
    n = int(store.used[0])
    slots, starts, counts, text = store[:4]
    if n >= len(counts):
        starts = np.concatenate((starts, np.zeros(len(counts), np.int64)))
        counts = np.concatenate((counts, np.zeros(len(counts), np.int64)))
        slots = np.zeros(2 * len(slots), np.int64)
        _rehash(slots, starts, text, n)
    if int(starts[n]) + row_bytes > len(text):
        bigger = np.empty(max(2 * len(text), int(starts[n]) + row_bytes), np.uint8)
        bigger[: starts[n]] = text[: starts[n]]
        text = bigger
    return Store(slots, starts, counts, text, store.used)


def add_texts(store: Store, data: np.ndarray, ends: np.ndarray) -> Store:
    """Counts the rows of some texts; gives the store, which may have grown.

    Args:
        data: uint8, the UTF-8 of the texts one after another, U+2581 written as a space.
        ends: int64 [texts], where each text ends.
    """
    trie, scripts = literals(), table()
    position, document = 0, 0
    while document < len(ends):
        document, position, needed = _scan(
            data, ends, document, position, kinds(), *trie, *scripts, *store
        )
        if document < len(ends):
            store = grown(store, needed)
    return store


@nb.njit(cache=True, nogil=True, _nrt=False)
def _hash(text: np.ndarray, start: int, stop: int) -> Any:
    """FNV-1a, ended by the finaliser of MurmurHash3."""
    h = np.uint64(14695981039346656037)
    for i in range(start, stop):
        h = (h ^ np.uint64(text[i])) * np.uint64(1099511628211)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(33))


@nb.njit(cache=True, nogil=True, _nrt=False)
def _rehash(slots: np.ndarray, starts: np.ndarray, text: np.ndarray, n: int) -> None:
    """Enters all rows into empty slots."""
    mask = len(slots) - 1
    for row in range(n):
        h = _hash(text, starts[row], starts[row + 1])
        slot = np.int64(h & np.uint64(mask))
        while slots[slot] != 0:
            slot = (slot + 1) & mask
        slots[slot] = np.int64(h >> np.uint64(33)) << 32 | (row + 1)


@nb.njit(cache=True, nogil=True, _nrt=False)
def _count(
    data: np.ndarray,
    start: int,
    stop: int,
    slots: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
    text: np.ndarray,
    used: np.ndarray,
) -> bool:
    """Counts one row; False if there is no room for a new one."""
    mask = len(slots) - 1
    h = _hash(data, start, stop)
    tag = np.int64(h >> np.uint64(33))
    slot = np.int64(h & np.uint64(mask))
    n_bytes = stop - start
    while slots[slot] != 0:
        entry = slots[slot]
        if entry >> 32 == tag:
            row = (entry & 0xFFFFFFFF) - 1
            first = starts[row]
            if starts[row + 1] - first == n_bytes:
                i = 0
                while i < n_bytes and text[first + i] == data[start + i]:
                    i += 1
                if i == n_bytes:
                    counts[row] += 1
                    return True
        slot = (slot + 1) & mask
    n = used[0]
    first = starts[n]
    if n >= len(counts) or first + n_bytes > len(text):
        return False
    for i in range(n_bytes):
        text[first + i] = data[start + i]
    starts[n + 1] = first + n_bytes
    counts[n] = 1
    slots[slot] = tag << 32 | (n + 1)
    used[0] = n + 1
    return True


@nb.njit(cache=True, nogil=True, _nrt=False)
def _literal(
    data: np.ndarray,
    i: int,
    stop: int,
    columns: np.ndarray,
    following: np.ndarray,
    ends: np.ndarray,
) -> int:
    """Length of the longest reserved literal at byte i, 0 if there is none."""
    node, longest, j = 0, 0, i
    while j < stop:
        node = following[node, columns[data[j]]]
        if node == 0:
            break
        j += 1
        if ends[node]:
            longest = j - i
    return longest


@nb.njit(cache=True, nogil=True, _nrt=False)
def _class_at(data: np.ndarray, i: int, pages: np.ndarray, classes: np.ndarray) -> Any:
    """Class of the character of two bytes or more at byte i; the text is valid UTF-8."""
    byte = np.int64(data[i])
    code = np.int64(data[i + 1] & 0x3F)
    if byte < 0xE0:
        code |= (byte & 0x1F) << 6
    elif byte < 0xF0:
        code = (byte & 0x0F) << 12 | code << 6 | np.int64(data[i + 2] & 0x3F)
    else:
        code = (byte & 0x07) << 18 | code << 12 | np.int64(data[i + 2] & 0x3F) << 6
        code |= np.int64(data[i + 3] & 0x3F)
    return np.int64(classes[np.int64(pages[code >> 8]) << 8 | (code & 255)])


@nb.njit(cache=True, nogil=True, _nrt=False)
def _row_end(
    data: np.ndarray,
    start: int,
    stop: int,
    kinds: np.ndarray,
    columns: np.ndarray,
    following: np.ndarray,
    ends: np.ndarray,
    pages: np.ndarray,
    classes: np.ndarray,
) -> int:
    """Where the row that begins at a byte ends."""
    i = start
    before = ANY  # class of the character before, ANY at the start and after a space
    spaces = True  # whether the row holds nothing but spaces yet
    while i < stop:
        found: Any = np.int64(kinds[data[i]])
        n = 1
        if found >= LEADS:
            if found != WIDE:
                size = _literal(data, i, stop, columns, following, ends)
                if size:
                    return i + size if i == start else i
                if found == LEADS_SPACE:
                    if not spaces:
                        return i
                    i += 1
                    continue
                found = np.int64(classes[data[i]])
            else:
                found = _class_at(data, i, pages, classes)
                byte = data[i]
                n = 2 + (byte >= 0xE0) + (byte >= 0xF0)
        if found != before:
            if found == ALONE:
                return i + n if i == start else i
            if found >= FIRST and before >= FIRST:
                return i
            before = found
        spaces = False
        i += n
    return i


@nb.njit(cache=True, nogil=True, _nrt=False)
def _scan(
    data: np.ndarray,
    stops: np.ndarray,
    document: int,
    position: int,
    kinds: np.ndarray,
    columns: np.ndarray,
    following: np.ndarray,
    ends: np.ndarray,
    pages: np.ndarray,
    classes: np.ndarray,
    slots: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
    text: np.ndarray,
    used: np.ndarray,
) -> tuple[int, int, int]:
    """Counts rows from a place on until the end, or until there is no room.

    Returns:
        The document and byte where it stopped, which is the beginning of a row; and the length
        of that row.
    """
    while document < len(stops):
        stop = stops[document]
        while position < stop:
            end = _row_end(data, position, stop, kinds, columns, following, ends, pages, classes)
            if not _count(data, position, end, slots, starts, counts, text, used):
                return document, position, end - position
            position = end
        document += 1
    return document, position, 0
