"""Jupyter notebooks: the source of their cells, in order; outputs are not read.

https://nbformat.readthedocs.io/en/latest/format_description.html, versions 3 and 4.
"""

from __future__ import annotations

import json
from typing import Any

from castor.filters.reasons import Reason
from castor.filters.record import Part, utf8_length
from castor.pipelines.source import RejectError
from castor.pipelines.sources._book import spans
from castor.pipelines.sources._decode import newlines

_KINDS = {"code": "code", "markdown": "text", "raw": "text", "heading": "text"}
_SEPARATOR = "\n\n"


def read_notebook(text: str) -> tuple[str, tuple[Part, ...], str | None]:
    """The text, one part per cell (`code` or `text`) that together cover it, the language.

    Raises:
        RejectError: `corrupt` if it is no notebook, `no_text` if its cells are empty.
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectError(Reason.CORRUPT, f"not the JSON of a notebook: {error}") from error
    if not isinstance(notebook, dict):
        raise RejectError(Reason.CORRUPT, "not a notebook: no JSON object")
    cells = [_source(cell) for cell in _cells(notebook)]
    cells = [(kind, source) for kind, source in cells if source.strip()]
    if not cells:
        raise RejectError(Reason.NO_TEXT, "a notebook without a filled cell")
    starts, position = [], 0
    for kind, source in cells:
        starts.append((kind, position))
        position += utf8_length(source) + len(_SEPARATOR)
    body = _SEPARATOR.join(source for _, source in cells)
    return body, spans(starts, position - len(_SEPARATOR)), _language(notebook)


def _cells(notebook: dict[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    if cells is None:
        sheets = notebook.get("worksheets")
        if not isinstance(sheets, list):
            raise RejectError(Reason.CORRUPT, "not a notebook: it has no cells")
        cells = [c for sheet in sheets if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise RejectError(Reason.CORRUPT, "not a notebook: its cells are no list")
    return cells


def _source(cell: Any) -> tuple[str, str]:
    if not isinstance(cell, dict):
        raise RejectError(Reason.CORRUPT, "not a notebook: a cell is no JSON object")
    source = cell.get("source", cell.get("input", ""))
    lines: list[Any] = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise RejectError(Reason.CORRUPT, "not a notebook: a cell's source is no text")
    kind = _KINDS.get(str(cell.get("cell_type")), "text")
    text = "".join(lines).encode("utf-8", "replace").decode()  # lone surrogates are no text
    return kind, newlines(text).strip("\n")


def _language(notebook: dict[str, Any]) -> str | None:
    metadata = notebook.get("metadata")
    if not isinstance(metadata, dict):
        return None
    for table, key in (("language_info", "name"), ("kernelspec", "language")):
        inner = metadata.get(table)
        if isinstance(inner, dict) and isinstance(inner.get(key), str):
            return inner[key]
    return None
