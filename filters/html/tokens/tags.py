"""The elements and attributes that the tokenizer knows, and what each means for the tree.

Implied ends and scopes follow the HTML standard's tree construction
(https://html.spec.whatwg.org/multipage/parsing.html) as far as blocks of text depend on it.
"""

from __future__ import annotations

import numpy as np

# What an element does, one bit each.
BLOCK = 1 << 0  # begins and ends a block of text
VOID = 1 << 1  # has no content and no end tag
RAW = 1 << 2  # its content is no markup; ends at its own end tag only
MUTE = 1 << 3  # what it holds is not shown as text of the page
ENDS_P = 1 << 4  # its start ends an open paragraph
SCOPE = 1 << 5  # an end tag inside does not reach what is open outside
BOLD = 1 << 6
# What an implied end looks for, and where the search stops.
IS_P = 1 << 8
IS_LI = 1 << 9
IS_DT = 1 << 10
IS_CELL = 1 << 11
IS_ROW = 1 << 12
IS_ROWS = 1 << 13
IS_A = 1 << 14
IS_HEADING = 1 << 15
IS_TABLE = 1 << 16
LOOSE = 1 << 17  # address, div, p: an implied end of a list item passes through

_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark math nobr "
    "picture q rb rp rt rtc ruby s samp slot small span strike strong sub sup time tt u var video "
    "audio map object canvas noscript annotation"
).split()
_BLOCKS = (
    "address article aside blockquote button caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup legend li listing "
    "main menu nav ol p pre search section summary table tbody td tfoot th thead tr ul "
    "select optgroup option datalist template html head body frameset"
).split()
_VOIDS = "area base br col embed frame hr img input keygen link meta param source track wbr".split()
_RAWS = "script style textarea title iframe noembed noframes xmp svg".split()

UNKNOWN, CUSTOM = 0, 1  # no known name; one with a hyphen, which pages use like a div
NAMES = ("?", "-", *_INLINE, *_BLOCKS, *_VOIDS, *_RAWS)
TAG = {name: i for i, name in enumerate(NAMES)}

_ENDS_P = (
    "address article aside blockquote center details dialog dir div dl dd dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main menu nav ol p pre "
    "search section summary table ul xmp"
).split()


def _flags() -> np.ndarray:
    """uint32 [len(NAMES)]: the bits of every element."""
    marked = {
        BLOCK: ["-", *_BLOCKS, "hr", "xmp", "textarea", "title", "iframe"],
        VOID: _VOIDS,
        RAW: _RAWS,
        MUTE: "select optgroup option datalist template rp rt rtc".split(),
        ENDS_P: _ENDS_P,
        SCOPE: "table td th caption template object button".split(),
        BOLD: "b strong big dt th h1 h2 h3 h4 h5 h6".split(),
        IS_P: ["p"],
        IS_LI: ["li"],
        IS_DT: ["dt", "dd"],
        IS_CELL: ["td", "th", "caption"],
        IS_ROW: ["tr"],
        IS_ROWS: ["tbody", "thead", "tfoot"],
        IS_A: ["a"],
        IS_HEADING: "h1 h2 h3 h4 h5 h6".split(),
        IS_TABLE: ["table"],
        LOOSE: ["address", "div", "p"],
    }
    flags = np.zeros(len(NAMES), np.uint32)
    for bit, names in marked.items():
        for name in names:
            flags[TAG[name]] |= np.uint32(bit)
    return flags


FLAGS = _flags()

ATTRIBUTES = (
    "class id role itemprop data-testid href src data-src alt style hidden lang xml:lang name "
    "property content rel type alttext display datetime srcset data-srcset http-equiv "
    "aria-hidden data-lazy-src data-original start encoding title"
).split()
ATTRIBUTE = {name: i for i, name in enumerate(ATTRIBUTES)}

MIX = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio
SLOT_BITS = 9


def name_key(name: str) -> int:
    """The number that the tokenizer computes of a name, lower case: exact up to 8 bytes."""
    key = 0
    for i, byte in enumerate(name.lower().encode()):
        key = key << 8 | byte if i < 8 else (key ^ byte) * MIX & (1 << 64) - 1
    return key


def slots(names: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """An open-addressing table of names: keys uint64 and values int32, both [512]."""
    keys = np.zeros(1 << SLOT_BITS, np.uint64)
    values = np.zeros(1 << SLOT_BITS, np.int32)
    for name, value in names.items():
        key = name_key(name)
        slot = (key * MIX & (1 << 64) - 1) >> 64 - SLOT_BITS
        while keys[slot]:
            slot = (slot + 1) % len(keys)
        keys[slot], values[slot] = key, value
    return keys, values


TAG_KEYS, TAG_VALUES = slots({n: i for n, i in TAG.items() if n not in "?-"})
ATTRIBUTE_KEYS, ATTRIBUTE_VALUES = slots(ATTRIBUTE)


def _name_bytes() -> np.ndarray:
    """uint8 [256]: the lower-case byte inside a tag's or attribute's name; 0 where a name ends."""
    table = np.arange(256, dtype=np.uint8)
    table[65:91] += 32
    table[[*b" \t\n\r\f/>="]] = 0
    table[0] = 1  # any sign that is not 0: a null byte ends no name
    return table


NAME_BYTE = _name_bytes()
