"""How many bad words a text has, by the list of its language.

Options, all lists of texts:
    lists: files, folders, globs or tar archives of word lists, one entry per line, one file
        per language, named by its code (`en`, `pt-br.txt`), as LDNOOBW is.
    default_language: whose list is used where `meta.language` is missing; by default `en`.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.annotators import _lists
from castor.filters.errors import ConfigError

WHERE = "the options of annotator badwords"
OPTIONS = {"lists", "default_language"}
CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9-]+)?")
SUBSTRINGS = ("ko",)  # particles are written onto the word


class WordList(NamedTuple):
    """The entries of one language: by length in words, their hashes, sorted."""

    by_length: dict[int, np.ndarray]  # uint64 [n] each
    pattern: re.Pattern[str] | None  # for SUBSTRINGS, over case-folded text


def fingerprint(options: Mapping[str, object]) -> str:
    """Digest of what the lists contain, wherever they lie, and of the default language.

    Raises:
        ConfigError: an option or a path is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    return f"{_lists.digest(given.get('lists', []), WHERE)} {_default_language(given)}"


@annotator(
    version=1,
    reads="batch",
    writes={
        "language": pa.string(),
        "n_bad_words": pa.int64(),
        "bad_word_fraction": pa.float64(),
    },
    check=fingerprint,
)
def badwords(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts the words that belong to an entry of the list of the text's language.

    `language` is the language whose list was used: the first part of `meta.language`, or the
    default; null, as are the counts, where there is no list of it. Entries and text are
    compared as `words.normalised_words` cuts them, so case, punctuation and spacing do not
    matter; an entry of several words must stand in one piece. In Chinese, Japanese and Thai
    every letter is a word, so an entry is found anywhere; in Korean too, where each place
    that an entry is found at counts as one word. A word in several entries is counted once.
    `bad_word_fraction` is null for a text without words.
    """
    lists, default = compiled(context.options.get("badwords", {}))
    column = batch.column("text")
    meta = [dict(facts) for facts in batch.column("meta").to_pylist()]
    languages = [_primary(facts.get("language") or default) for facts in meta]
    valid = column.is_valid().to_pylist()
    rows = [i for i, l in enumerate(languages) if l in lists and valid[i]]
    counts: list[int | None] = [None] * len(column)
    totals: list[int] = [0] * len(column)
    if rows:
        from castor.filters.kernels.words import normalised_words

        chosen = column.take(pa.array(rows, pa.int64()))
        hashes, _, _, offsets = normalised_words(chosen)
        for k, row in enumerate(rows):
            words = hashes[offsets[k] : offsets[k + 1]]
            entry = lists[languages[row]]
            totals[row] = len(words)
            counts[row] = (
                len(entry.pattern.findall(chosen[k].as_py().casefold()))
                if entry.pattern
                else _covered(words, entry.by_length)
            )
    fractions = [None if not n or c is None else c / n for c, n in zip(counts, totals, strict=True)]
    used = [l if c is not None else None for l, c in zip(languages, counts, strict=True)]
    return {
        "language": pa.array(used, pa.string()),
        "n_bad_words": pa.array(counts, pa.int64()),
        "bad_word_fraction": pa.array(fractions, pa.float64()),
    }


def compiled(options: Mapping[str, object]) -> tuple[Mapping[str, WordList], str]:
    """The word lists by language, and the default language.

    Raises:
        ConfigError: an option or a path is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    paths = given.get("lists", [])
    files = _lists.stamp(paths, WHERE) if paths else ()
    return _compiled(files), _default_language(given)


def _default_language(given: Mapping[str, list[str]]) -> str:
    languages = given.get("default_language", ["en"])
    if len(languages) != 1:
        raise ConfigError("default_language must be one language", where=WHERE, got=languages)
    return languages[0]


def _primary(language: str) -> str:
    return re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]


def _covered(words: np.ndarray, by_length: Mapping[int, np.ndarray]) -> int:
    """Words that lie in an entry."""
    from castor.filters.kernels.words import fold_grams

    covered = np.zeros(len(words), bool)
    for n, entries in by_length.items():
        if n > len(words):
            continue
        grams = fold_grams(words, n)
        place = np.minimum(np.searchsorted(entries, grams), len(entries) - 1)
        for start in np.flatnonzero(entries[place] == grams):
            covered[start : start + n] = True
    return int(covered.sum())


@functools.lru_cache(maxsize=4)
def _compiled(files: _lists.Stamp) -> dict[str, WordList]:
    entries: dict[str, set[str]] = {}
    for name, data in _lists.read(files, WHERE):
        base = name.rpartition("/")[2]
        if CODE.fullmatch(base):
            lines = data.decode("utf-8", "replace").splitlines()
            found = entries.setdefault(_primary(base), set())
            found |= {line.strip() for line in lines if line.strip()}
    return {language: _word_list(language, sorted(e)) for language, e in sorted(entries.items())}


def _word_list(language: str, entries: list[str]) -> WordList:
    from castor.filters.kernels.words import fold_grams, normalised_words

    hashes, _, _, offsets = normalised_words(pa.array(entries, pa.large_string()))
    by_length: dict[int, set[int]] = {}
    for start, stop in itertools.pairwise(offsets.tolist()):
        n = int(stop - start)
        if n:  # an entry of signs only is no word
            by_length.setdefault(n, set()).add(int(fold_grams(hashes[start:stop], n)[0]))
    arrays = {n: np.array(sorted(by_length[n]), np.uint64) for n in sorted(by_length)}
    if language not in SUBSTRINGS:
        return WordList(arrays, None)
    longest_first = sorted((e.casefold() for e in entries), key=lambda e: (-len(e), e))
    return WordList(arrays, re.compile("|".join(map(re.escape, longest_first))))
