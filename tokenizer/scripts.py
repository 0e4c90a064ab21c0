"""Where sentencepiece's trainer never joins two characters: its script table, as a class each.

With split_by_unicode_script and split_digits a piece holds no digit beside anything, and no two
characters of different scripts (Inherited goes with any; kana and U+30FC count as Han). The
table ships as tokenizer/data/scripts.npz. It was not made from Unicode's own data, whose
version is another, but by asking the installed library: `python -m castor.tokenizer.scripts`
trains it on pairs of characters and looks which pairs become pieces. The tests ask it again.
"""

from __future__ import annotations

import functools
import importlib.resources
import io
import itertools
import pathlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

ANY = 0  # may stand beside anything: script Inherited
ALONE = 1  # never beside anything: digits, NUL, and what the trainer keeps for itself
FIRST = 2  # classes from here on are scripts: joined with their own and with ANY only

LAST = 0x10FFFF
PAGE = 256  # code points of one page of the two-stage table


class Table(NamedTuple):
    """`classes[pages[c >> 8] << 8 | c & 255]` is the class of code point c.

    Page 0 comes first, so `classes[c]` answers for Latin-1.
    """

    pages: np.ndarray  # uint16 [4352]
    classes: np.ndarray  # uint8 [n_pages * 256]

    def of(self, codes: np.ndarray) -> np.ndarray:
        """The class of each code point, uint8 [codes]."""
        pages = self.pages[codes >> 8].astype(np.int64)
        return self.classes[pages << 8 | codes & 255]


@functools.cache
def table() -> Table:
    """The table that ships with Castor."""
    file = importlib.resources.files("castor.tokenizer") / "data" / "scripts.npz"
    with file.open("rb") as stream, np.load(stream) as arrays:
        found = Table(*(arrays[name] for name in Table._fields))
    for array in found:
        array.setflags(write=False)
    return found


def joined(pairs: Iterable[str]) -> set[str]:
    """Those of some two-character strings that the installed trainer makes one piece of.

    Args:
        pairs: strings of two characters, none of them a tab, a newline or a carriage return
            (which cannot be given to it), a space, or U+2585 (which it skips).
    """
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(f"{pair}\t1" for pair in pairs),
        model_writer=model,
        model_type="bpe",
        input_format="tsv",
        vocab_size=4_000_000,
        hard_vocab_limit=False,
        character_coverage=1.0,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    names = map(processor.id_to_piece, range(processor.get_piece_size()))
    return {name for name in names if len(name) == 2}


def ask() -> np.ndarray:
    """The class of every code point, uint8 [0x110000], by asking the installed trainer."""
    classes = np.full(LAST + 1, ALONE, np.uint8)
    codes = [c for c in range(LAST + 1) if _can_ask(c)]
    with_latin = joined("a" + chr(c) for c in codes)
    with_greek = joined("\u03b1" + chr(c) for c in codes)
    rest = []
    for c in codes:
        latin, greek = "a" + chr(c) in with_latin, "\u03b1" + chr(c) in with_greek
        if latin and greek:
            classes[c] = ANY
        else:
            rest.append(c)
    # Without ANY, "stands beside" is an equivalence: runs of neighbours first, then their heads.
    beside = joined(chr(a) + chr(b) for a, b in itertools.pairwise(rest))
    heads = [b for a, b in zip([None, *rest], rest) if a is None or chr(a) + chr(b) not in beside]
    alike = joined(chr(a) + chr(b) for i, a in enumerate(heads) for b in heads[: i + 1])
    class_of: dict[int, int] = {}
    n_classes = FIRST
    for i, a in enumerate(heads):
        same = next((b for b in heads[:i] if chr(a) + chr(b) in alike), None)
        if same is not None:
            class_of[a] = class_of[same]
        elif chr(a) * 2 in alike:
            class_of[a] = n_classes
            n_classes += 1
        else:
            class_of[a] = ALONE
    current = ALONE
    for c in rest:
        current = class_of.get(c, current)
        classes[c] = current
    # Tab, newline and carriage return cannot be asked; like all control characters they are
    # Common, which U+0001 is too.
    classes[[0x09, 0x0A, 0x0D]] = classes[0x01]
    assert n_classes <= 256
    return classes


def _can_ask(c: int) -> bool:
    return c not in (0x09, 0x0A, 0x0D, 0x20, 0x2581, 0x2585) and not 0xD800 <= c <= 0xDFFF


def pack(classes: np.ndarray) -> Table:
    """The classes of all code points as a two-stage table."""
    rows = classes.reshape(-1, PAGE)
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    order = np.concatenate(([inverse[0]], np.delete(np.arange(len(unique)), inverse[0])))
    place = np.argsort(order)
    return Table(place[inverse].astype(np.uint16).ravel(), unique[order].ravel())


def runs(found: Table) -> Iterator[tuple[int, int, int]]:
    """(first, last, class) of each run of code points of one class, in order."""
    classes = found.of(np.arange(LAST + 1))
    starts = np.flatnonzero(np.diff(classes, prepend=255 - classes[0])).tolist()
    for start, stop in zip(starts, [*starts[1:], LAST + 1]):
        yield start, stop - 1, int(classes[start])


if __name__ == "__main__":
    path = pathlib.Path(__file__).parent / "data" / "scripts.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **pack(ask())._asdict())
