"""Labelled texts of the kind `language`: reading them, their scripts, Serbian in Latin script."""

from __future__ import annotations

import collections
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from castor.filters.errors import ConfigError
from castor.filters.language.kernels.alphabets import NO_SCRIPT, SCRIPTS, Alphabets

# The Serbian alphabets are one to one.
_SERBIAN = dict(
    zip(
        "абвгдђежзијклљмнњопрстћуфхцчџш",
        "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š".split(),
        strict=True,
    )
)
_LATIN = str.maketrans(
    _SERBIAN | {cyrillic.upper(): latin.capitalize() for cyrillic, latin in _SERBIAN.items()}
)


class Rows(NamedTuple):
    """Texts and the BCP 47 code of each."""

    texts: list[str]
    codes: list[str]


def read(paths: Sequence[Path]) -> Rows:
    """The rows of JSON lines files, in order.

    Raises:
        ConfigError: a file cannot be read, or a line is no object with `lang` and `text`.
    """
    rows = Rows([], [])
    for path in paths:
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError) as error:
            raise ConfigError(
                "cannot read the labelled texts", where=path, got=error, fix="check the file"
            ) from error
        for number, line in enumerate(data.splitlines(), 1):
            if line.strip():
                text, code = _row(line, f"{path}, line {number}")
                rows.texts.append(text)
                rows.codes.append(code)
    if not rows.texts:
        raise ConfigError("there are no labelled texts", where=", ".join(map(str, paths)))
    return rows


def _row(line: bytes, where: str) -> tuple[str, str]:
    try:
        row = orjson.loads(line)
        text, code = row["text"], row["lang"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            "no labelled text", where=where, got=line[:80].decode("utf-8", "replace"),
            fix='give JSON lines like {"lang": "en", "text": "A sentence."}',
        ) from error  # fmt: skip
    if not (isinstance(text, str) and isinstance(code, str) and code):
        raise ConfigError("`lang` and `text` must be texts", where=where, got=f"{code!r}")
    return text, code


def script_of_languages(rows: Rows, letters: Alphabets) -> dict[str, str]:
    """The script in which most letters of each language's texts are."""
    counts: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for text, code in zip(*rows, strict=True):
        for char, n in collections.Counter(text).items():
            cp = ord(char)
            entry = letters.entries[int(letters.pages[cp >> 8]) << 8 | cp & 255]
            script = int(entry) >> 16 & 255
            if script != NO_SCRIPT:
                counts[code][script] += n
    return {code: SCRIPTS[found.most_common(1)[0][0]] for code, found in counts.items()}


def latin_serbian(text: str) -> str:
    """Serbian in Cyrillic script, in Latin script."""
    return text.translate(_LATIN)
