"""Removes what C4 removes inside a page: lines, and citation marks in the lines it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from castor.filters.rewriter import Edit, rewriter

CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")


@rewriter(version=1)
def c4_lines(text: str) -> Iterator[Edit]:
    """Leaves the lines that C4 keeps, stripped, without citation marks, joined by line feeds.

    The rules, their order and their sources are those of filters/kernels/c4.py, the same that
    the signals `text.c4_*` count: what is left has `text.c4_bytes` bytes. Rules that drop a
    whole page are left to the policy c4/paper.
    """
    done = 0
    for start, stop in _kept(text):
        between = "\n" if done else ""
        for piece, (begin, end) in enumerate(_pieces(text, start, stop)):
            replacement = between if piece == 0 else ""
            if text[done:begin] != replacement:
                yield Edit(done, begin, replacement)
            done = end
    if done < len(text):
        yield Edit(done, len(text))


def _kept(text: str) -> list[tuple[int, int]]:
    """The spans of the kept lines, in characters."""
    import pyarrow as pa

    from castor.filters.kernels import c4, scan

    scanned = scan.scan(pa.array([text], pa.large_string()))
    verdict, _ = c4.lines(scanned)
    spans = scanned.line_spans[verdict == c4.KEPT]
    if not text.isascii():
        begins = (scanned.data & 0xC0) != 0x80
        spans = np.concatenate([[0], np.cumsum(begins)])[spans]
    return [tuple(span) for span in spans.tolist()]


def _pieces(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """The parts of a line that stay: no citation marks, no white space at either end."""
    marks = [m.span() for m in CITATION.finditer(text, start, stop)] if "[" in text else []
    edges = [start, *(edge for span in marks for edge in span), stop]
    pieces = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    while pieces and not text[slice(*pieces[0])].strip():
        del pieces[0]
    while pieces and not text[slice(*pieces[-1])].strip():
        del pieces[-1]
    if pieces:
        first = text[slice(*pieces[0])]
        pieces[0] = (pieces[0][0] + len(first) - len(first.lstrip()), pieces[0][1])
        last = text[slice(*pieces[-1])]
        pieces[-1] = (pieces[-1][0], pieces[-1][1] - len(last) + len(last.rstrip()))
    return pieces
