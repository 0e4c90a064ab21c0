"""Removes what C4 removes inside a page: lines, and citation marks in the lines it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from castor.filters.rewriter import Edit, rewriter

CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")


@rewriter(version=1, reads="batch")
def c4_lines(column: pa.Array) -> Iterator[tuple[int, list[Edit]]]:
    """Leaves the lines that C4 keeps, stripped, without citation marks, joined by line feeds.

    The rules, their order and their sources are those of filters/kernels/c4.py, the same that
    the signals `text.c4_*` count: what is left has `text.c4_bytes` bytes. Rules that drop a
    whole page are left to the policy c4/paper.
    """
    from castor.filters.kernels.column import buffers

    data, rows = buffers(column)
    runs, run_rows = _runs(column)
    for row in range(len(column)):
        text = column[row].as_py()
        start, stop = rows[row], rows[row + 1]
        spans = runs[run_rows[row] : run_rows[row + 1]] - start
        if len(text) < stop - start:  # bytes to characters
            begins = (data[start:stop] & 0xC0) != 0x80
            spans = np.concatenate([[0], np.cumsum(begins)])[spans]
        edits = list(_edits(text, spans.tolist()))
        if edits:
            yield row, edits


def _runs(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """What stays of the texts, before citation marks are removed.

    Returns:
        runs: int64 [n, 2], bytes in the column's buffer: kept lines, those together that stand
            beside one another with nothing but a LF between them, and no `[` in them.
        run_rows: int64 [rows + 1]; row r has the runs `run_rows[r]` to `run_rows[r + 1]`.
    """
    from castor.filters.kernels import c4, scan

    scanned = scan.scan(column)
    kept = c4.lines(scanned)[0] == c4.KEPT
    spans = scanned.line_spans[kept]
    brackets = np.searchsorted(np.flatnonzero(scanned.data == ord("[")), spans)
    marked = brackets[:, 0] < brackets[:, 1]
    line_rows = np.concatenate([[0], np.cumsum(kept)])[scanned.line_rows]
    begins = np.ones(len(spans) + 1, bool)
    begins[1:-1] = (spans[1:, 0] - spans[:-1, 1] > 1) | marked[1:] | marked[:-1]
    begins[line_rows] = True
    first = np.flatnonzero(begins)
    runs = np.stack([spans[first[:-1], 0], spans[first[1:] - 1, 1]], axis=1)
    return runs, np.searchsorted(first, line_rows)


def _edits(text: str, runs: list[tuple[int, int]]) -> Iterator[Edit]:
    """What leaves of a text its runs, in characters, joined by line feeds."""
    done = 0
    for start, stop in runs:
        between = "\n" if done else ""
        for piece, (begin, end) in enumerate(_pieces(text, start, stop)):
            replacement = between if piece == 0 else ""
            if text[done:begin] != replacement:
                yield Edit(done, begin, replacement)
            done = end
    if done < len(text):
        yield Edit(done, len(text))


def _pieces(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """The parts of a run that stay: no citation marks, no white space at either end."""
    marks = [m.span() for m in CITATION.finditer(text, start, stop)]
    if not marks:
        return [(start, stop)]
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
