"""Jupyter notebooks as scripts: code as it is, prose as comments, outputs if asked for.

https://nbformat.readthedocs.io/en/latest/format_description.html, versions 3 and 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from castor.filters.code.comments import comment
from castor.filters.reasons import Reason
from castor.filters.record import Part, utf8_length
from castor.pipelines.source import RejectError
from castor.pipelines.sources._book import spans
from castor.pipelines.sources._decode import newlines

_KINDS = {"code": "code", "markdown": "text", "raw": "text", "heading": "text"}
_SEPARATOR = "\n\n"
# Lines for the notebook's shell, not for its language; a cell that begins with `%%bash` is one.
_MAGIC = re.compile(r"^[ \t]*(?:%{1,2}[a-zA-Z]|![ \t]*[\w./]|\?\w)")
_CELL_MAGIC = re.compile(r"^[ \t]*%%(?!time\b|timeit\b|capture\b|prun\b)\w")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
MAX_OUTPUT_LINES = 50  # of a cell: what people read of a table or a log
_LANGUAGES = {
    "python": "Python", "ipython": "Python", "python3": "Python", "r": "R", "julia": "Julia",
    "javascript": "JavaScript", "typescript": "TypeScript", "scala": "Scala", "rust": "Rust",
    "c++": "C++", "c++17": "C++", "c#": "C#", "f#": "F#", "java": "Java", "kotlin": "Kotlin",
    "go": "Go",
    "ruby": "Ruby", "bash": "Shell", "sql": "SQL", "haskell": "Haskell", "ocaml": "OCaml",
    "octave": "MATLAB", "matlab": "MATLAB", "lua": "Lua", "swift": "Swift", "groovy": "Groovy",
}  # fmt: skip


def read_notebook(text: str, *, outputs: bool = False) -> tuple[str, tuple[Part, ...], str | None]:
    """The script, one part per cell that together cover it, and the notebook's language.

    Parts are `code`, `text` (prose, each line a comment) and `output`. Lines for the notebook's
    shell (`%matplotlib inline`, `!pip install x`) are comments, and so are cells in another
    language (`%%bash`).

    Args:
        text: the JSON of the notebook.
        outputs: whether what its cells printed follows them, as comments: text alone, no pictures.

    Raises:
        RejectError: `corrupt` if it is no notebook, `no_text` if its cells are empty.
    """
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectError(Reason.CORRUPT, f"not the JSON of a notebook: {error}") from error
    if not isinstance(notebook, dict):
        raise RejectError(Reason.CORRUPT, "not a notebook: no JSON object")
    language = _language(notebook)
    sign = _LANGUAGES.get((language or "python").lower())
    cells = []
    for cell in _cells(notebook):
        kind, source = _source(cell)
        if source.strip():
            cells.append((kind, _script(kind, source, sign)))
        shown = _output(cell) if outputs and kind == "code" else ""
        if shown:
            cells.append(("output", _commented(shown, sign)))
    if not cells:
        raise RejectError(Reason.NO_TEXT, "a notebook without a filled cell")
    starts, position = [], 0
    for kind, source in cells:
        starts.append((kind, position))
        position += utf8_length(source) + len(_SEPARATOR)
    body = _SEPARATOR.join(source for _, source in cells)
    return body, spans(starts, position - len(_SEPARATOR)), language


def _script(kind: str, source: str, language: str | None) -> str:
    """A cell as lines of the notebook's language."""
    if kind != "code" or _CELL_MAGIC.match(source):
        return _commented(source, language)
    if not re.search(r"^[ \t]*[%!?]", source, re.M):
        return source
    lines = source.split("\n")
    return "\n".join(comment(x, language) if _MAGIC.match(x) else x for x in lines)


def _commented(source: str, language: str | None) -> str:
    return "\n".join(comment(line, language) for line in source.split("\n"))


def _output(cell: Any) -> str:
    """What a cell printed: streams and plain results, no errors' traces, no pictures."""
    shown = cell.get("outputs") if isinstance(cell, dict) else None
    pieces = [p for o in (shown if isinstance(shown, list) else ()) for p in _printed(o)]
    text = _ANSI.sub("", newlines("".join(pieces))).strip("\n")
    lines = text.encode("utf-8", "replace").decode().split("\n")
    if len(lines) > MAX_OUTPUT_LINES:
        lines = [*lines[:MAX_OUTPUT_LINES], "..."]
    return "\n".join(lines) if text else ""


def _printed(output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        return
    data = output.get("data")
    found = output.get("text") if output.get("output_type") in ("stream", "pyout") else None
    if isinstance(data, dict) and not any(str(k).startswith("image/") for k in data):
        found = data.get("text/plain")
    lines = found if isinstance(found, list) else [found]
    pieces = [line for line in lines if isinstance(line, str)]
    if len(pieces) == len(lines):
        text = "".join(pieces)
        yield text if text.endswith("\n") else text + "\n"


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
