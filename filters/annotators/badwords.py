"""How many bad words a text has, by the list of its language.

Options, all lists of texts:
    lists: files, folders, globs or tar archives of word lists, one entry per line, one file
        per language, named by its code (`en`, `pt-br.txt`), as LDNOOBW is.
    default_language: whose list is used where `meta.language` is missing; by default `en`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.annotators import _lists
from castor.filters.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from castor.filters.word_lists.lists import WordList

WHERE = "the options of annotator badwords"
OPTIONS = {"lists", "default_language"}
CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9-]+)?")


def fingerprint(options: Mapping[str, object]) -> str:
    """Digest of what the lists contain, wherever they lie, and of the default language.

    Raises:
        ConfigError: an option or a path is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    _, default = compiled(options)  # refuses lists of no language
    return f"{_lists.digest(given.get('lists', []), WHERE)} {default}"


@annotator(
    version=2,
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

    `language` is that of the list that was used: the first part of `meta.language`, or the
    default; null, as are the counts, where there is no list of it. Entries and text are
    compared as `words.normalised_words` cuts them, so case, punctuation and spacing do not
    matter; an entry of several words must stand in one piece. What a word is depends on the
    script: a run of letters and marks between spaces and signs; in Chinese, Japanese and Thai
    every letter with its marks, so an entry is found anywhere (as mC4 has it), but never cuts a
    letter from its marks. In Korean, where particles are written onto the word, a word counts
    that begins with an entry. A word in several entries is counted once. `bad_word_fraction`
    is null for a text without words.
    """
    lists, default = compiled(context.options.get("badwords", {}))
    column = batch.column("text")
    meta = [dict(facts) for facts in batch.column("meta").to_pylist()]
    languages = [_listed(facts.get("language") or default, lists) for facts in meta]
    by_language: dict[str, list[int]] = {}
    for row, valid in enumerate(column.is_valid().to_pylist()):
        if valid and languages[row] in lists:
            by_language.setdefault(languages[row], []).append(row)
    n_bad = n_words = np.zeros(len(column), np.int64)
    if by_language:
        from castor.filters.kernels.column import buffers  # compiled: only where it runs
        from castor.filters.kernels.words import normalised_words
        from castor.filters.word_lists.lists import Words, counts

        words = Words(*normalised_words(column), *buffers(column))
        n_bad, n_words = counts(words, by_language, lists), np.diff(words.offsets)
    used = [language if language in by_language else None for language in languages]
    listed = np.array([language is not None for language in used], bool)
    missing = column.is_null().to_numpy(zero_copy_only=False) | ~listed
    fractions = n_bad / np.maximum(n_words, 1)
    return {
        "language": pa.array(used, pa.string(), mask=missing),
        "n_bad_words": pa.array(n_bad, pa.int64(), mask=missing),
        "bad_word_fraction": pa.array(fractions, pa.float64(), mask=missing | (n_words == 0)),
    }


def compiled(options: Mapping[str, object]) -> tuple[Mapping[str, WordList], str]:
    """The word lists by language, and the default language.

    Raises:
        ConfigError: an option or a path is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    paths = given.get("lists", [])
    lists = _compiled(_lists.stamp(paths, WHERE) if paths else ())
    if paths and not lists:
        raise ConfigError(
            "no list is named by the code of a language", where=WHERE, got=", ".join(paths),
            fix="call them en, de.txt, pt-br.txt",
        )  # fmt: skip
    default = _default_language(given)
    if lists and "default_language" in given and _listed(default, lists) not in lists:
        raise unknown_name("language of word lists", default, lists, where=WHERE)
    return lists, default


def _default_language(given: Mapping[str, list[str]]) -> str:
    languages = given.get("default_language", ["en"])
    if len(languages) != 1:
        raise ConfigError("default_language must be one language", where=WHERE, got=languages)
    return languages[0]


def _primary(language: str) -> str:
    return re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]


# Languages whose list goes by another code: those of ISO 639-3 and of ISO 639-1.
SAME = {
    "nb": "no", "nn": "no", "nob": "no", "nno": "no", "tl": "fil", "tgl": "fil", "cmn": "zh",
    "yue": "zh", "arb": "ar", "pes": "fa", "prs": "fa",
}  # fmt: skip


def _listed(language: str, lists: Mapping[str, WordList]) -> str:
    primary = _primary(language)
    return primary if primary in lists else SAME.get(primary, primary)


@functools.lru_cache(maxsize=4)
def _compiled(files: _lists.Stamp) -> dict[str, WordList]:
    from castor.filters.word_lists.lists import word_list  # compiled: only where it runs

    entries: dict[str, set[str]] = {}
    for name, data in _lists.read(files, WHERE):
        base = name.rpartition("/")[2]
        if CODE.fullmatch(base):
            lines = data.decode("utf-8", "replace").splitlines()
            found = entries.setdefault(_primary(base), set())
            found |= {line.strip() for line in lines if line.strip()}
    return {language: word_list(language, e) for language, e in sorted(entries.items())}
