"""What the tokenizer reads and writes: one arena of int32 and one buffer of text.

The arena holds the registers, the stack of open elements, how many of each tag are open, the
spans of one tag's attributes, and then rows of elements, blocks and events and the hashes of class
words. One array instead of ten keeps the calls between compiled functions cheap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part

MAX_DEPTH = 512  # browsers stop nesting there (kMaximumHTMLParserDOMTreeDepth)
MAX_ELEMENTS = 1 << 19  # 10 MB of markup with 20 bytes an element; what follows is not read
MAX_BLOCKS = 1 << 16
MAX_EVENTS = 1 << 17  # links, pictures and metadata; what follows is not kept
MAX_WORDS = 12  # class words that an element may bring

# Columns of an element; the groups of its class words are 64 bits in two columns.
(
    E_TAG, E_PARENT, E_DEPTH, E_FIRST, E_END, E_WORDS, E_WORDS_END, E_NAME, E_MASK, E_MASK_HIGH,
    N_ELEMENT
) = range(11)  # fmt: skip
# Columns of a block: its text, the innermost element around all of it, counts of bytes.
(
    B_START, B_END, B_ELEMENT, B_LINKED, B_BOLD, B_LINES, B_LINKS, B_IMAGES, B_FLAGS, B_SOURCE,
    N_BLOCK
) = range(11)  # fmt: skip
AFTER_RULE, AFTER_BREAKS, IN_PRE = 1, 2, 4  # B_FLAGS
# Columns of an event: kind, place in the text, two spans of the source, an element, a block.
V_KIND, V_TEXT, V_TEXT_END, V_START, V_END, V_START_2, V_END_2, V_ELEMENT, V_BLOCK, N_EVENT = range(
    10
)
LINK, IMAGE, META, LINK_REL, TITLE, LANG, BASE, JSON_LD, TIME = range(1, 10)

# Registers.
(
    R_TEXT, R_BLOCKS, R_ELEMENTS, R_EVENTS, R_WORDS, R_DEPTH, R_OPEN, R_PENDING, R_LCA, R_LOW,
    R_LINK, R_BOLD, R_PRE, R_MUTE, R_CODE, R_TICK, R_BREAKS, R_FLAGS, R_NO_MATH, R_NO_SVG,
    R_FULL, R_AT_ELEMENTS, R_AT_BLOCKS, R_AT_EVENTS, R_AT_WORDS, N_REGISTERS
) = range(26)  # fmt: skip
# Where in the arena: elements that are open (the first is the page), ...
STACK = N_REGISTERS
OPEN = STACK + MAX_DEPTH + 2  # ... how many of each tag are open, ...
SPANS = OPEN + len(tags.NAMES)  # ... start and end of each attribute of one tag, ...
ROWS = SPANS + 2 * len(tags.ATTRIBUTES)  # ... and everything else

# What a byte is in text: ordinary, white space, &, <, to be dropped, first of a sequence that may
# be white space or nothing.
PLAIN, SPACE, AMPERSAND, LESS, DROP, WIDE = range(6)


def _kinds() -> np.ndarray:
    kinds = np.zeros(256, np.uint8)
    kinds[:32] = DROP
    kinds[127] = DROP
    kinds[[9, 10, 12, 13, 32]] = SPACE
    kinds[ord("&")] = AMPERSAND
    kinds[ord("<")] = LESS
    kinds[[0xC2, 0xE2, 0xE3, 0xEF]] = WIDE
    return kinds


KIND = _kinds()


@part
def element_at(m, e):
    """Where in the arena element e begins."""
    return m[R_AT_ELEMENTS] + e * N_ELEMENT


@part
def block_at(m, b):
    """Where in the arena block b begins."""
    return m[R_AT_BLOCKS] + b * N_BLOCK


@part
def event_at(m, v):
    """Where in the arena event v begins."""
    return m[R_AT_EVENTS] + v * N_EVENT


class Tokens(NamedTuple):
    """A page as flat arrays."""

    source: np.ndarray  # uint8: the page's bytes, zeros behind them; spans point into it
    n_bytes: int
    text: np.ndarray  # uint8: the text of all blocks, one after another
    elements: np.ndarray  # int32 [n, N_ELEMENT], in the order of start tags; the first is the page
    blocks: np.ndarray  # int32 [n, N_BLOCK], in their order; a row of short cells is one
    cells: (
        np.ndarray
    )  # int32 [n, N_BLOCK]: blocks as they were before; elements and events count them
    origin: np.ndarray  # int32 [n_blocks + 1]: block b is the cells origin[b] to origin[b + 1]
    events: np.ndarray  # int32 [n, N_EVENT], in their order
    words: np.ndarray  # uint32: class words, each element's in one stretch
    full: bool  # the page has more than the limits allow, and ends early here


def make_arena(n_bytes: int, n_tags: int) -> np.ndarray:
    """The arena for a page of n_bytes with n_tags `<`, which bound whatever it becomes."""
    n_elements = min(n_tags, MAX_ELEMENTS) + 2
    n_words = min(n_elements * MAX_WORDS, n_bytes + 64)
    sizes = (
        n_elements * N_ELEMENT,
        (min(n_tags, MAX_BLOCKS) + 2) * N_BLOCK,
        (min(2 * n_tags, MAX_EVENTS) + 2) * N_EVENT,
        n_words,
    )
    arena = np.empty(ROWS + sum(sizes), np.int32)
    arena[:ROWS] = 0
    at = ROWS
    for register, size in zip(
        (R_AT_ELEMENTS, R_AT_BLOCKS, R_AT_EVENTS, R_AT_WORDS), sizes, strict=True
    ):
        arena[register] = at
        at += size
    return arena


def rows(arena: np.ndarray, register: int, count: int, width: int) -> np.ndarray:
    """The rows of one kind: int32 [n, width], a view."""
    at, n = int(arena[register]), int(arena[count])
    return arena[at : at + n * width].reshape(n, width)
