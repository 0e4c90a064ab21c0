"""Files that hold data, whatever their suffix: rows, dumps, tables of numbers, catalogues."""

from __future__ import annotations

import re

# StarCoder2 (Lozhkov et al. 2024, arXiv:2402.19173, section 2.1): files of these languages with
# more than 512 lines hold data (OWL and DOT are Linguist's Web Ontology Language and Graphviz).
DATA_LANGUAGES = frozenset({"Text", "JSON", "YAML", "Web Ontology Language", "Graphviz (DOT)"})
MAX_DATA_LINES = 512
# Languages that Linguist files under data, of which a long file is never written by hand.
_ROWS = frozenset({"CSV", "TSV", "JSON with Comments", "JSON5", "GeoJSON", "Turtle", "OpenStep "
                   "Property List", "Unity3D Asset", "Gettext Catalog", "KiCad Layout", "N-Triples",
                   "XML Property List", "SubRip Text", "WebVTT", "STL", "Wavefront Object",
                   "SVG", "Jupyter Notebook"})  # fmt: skip
_ALWAYS = frozenset({"CSV", "TSV", "N-Triples", "SubRip Text", "STL", "Wavefront Object"})
_FIXTURE_LANGUAGES = frozenset({None, "Text", "JSON", "YAML", "XML", "SVG", "TOML", "INI", "Diff"})
_MIN_BYTES = 1000
# Digits of any base, signs, separators, brackets and white space: what tables of numbers are made
# of. Source code has 25 to 45 % of these bytes, a table of numbers more than 80 %.
_NUMERIC = b"0123456789+-.,;:xX(){}[]<>|/ \t\r\n\"'_"
MAX_NUMERIC_SHARE = 0.75
# A dump: an address or an offset, then bytes in hexadecimal (xxd, hexdump, od, objdump).
_DUMP = re.compile(
    r"^[^\n]{0,12}?(?:0x)?[0-9a-fA-F]{2,16}[:| ]{1,4}(?:[0-9a-fA-F]{2,4}[ |]{1,3}){4,}", re.M
)
MIN_DUMP_SHARE = 0.25
# Rows: most lines have the same separators in the same number, and are not statements.
_SEPARATORS = ",;\t|"
# Folders of what tests read and what they expect; what has no language there is such data.
_FIXTURES = re.compile(
    r"(?:^|/)(?:test[-_]?data|test[-_]?files|fixtures?|__fixtures__|goldens?|golden[-_]files|snapshots?"
    r"|__snapshots__|cassettes|corpus|corpora)/",
    re.I,
)
MIN_ROWS = 50
MIN_ROW_SHARE = 0.9


def is_data(path: str, language: str | None, text: str) -> bool:
    """Whether the file is data rather than something that a person wrote to be read.

    Files of data languages with more than 512 lines (StarCoder2); rows of separated values; dumps
    in hexadecimal; files of which over 75 % of the bytes are numbers and what stands between
    numbers; and files without a language in a folder of test data.

    Args:
        path: posix path in the repository; may be empty.
        language: as Linguist names it, or None.
        text: the whole text.
    """
    if language in _ALWAYS:
        return True
    if language in DATA_LANGUAGES | _ROWS and text.count("\n") > MAX_DATA_LINES:
        return True
    if language in _FIXTURE_LANGUAGES and _FIXTURES.search(path):
        return True
    if len(text) < _MIN_BYTES:
        return False
    return numeric_fraction(text) > MAX_NUMERIC_SHARE or _is_dump(text) or _has_rows(language, text)


def numeric_fraction(text: str) -> float:
    """The share of the UTF-8 bytes that are digits or stand between numbers; 0 of an empty text.

    White space at the beginning of lines is not counted, neither here nor in the whole.
    """
    raw = re.sub(r"^[ \t]+", "", text, flags=re.M).encode("utf-8", "surrogatepass")
    digits = len(raw) - len(raw.translate(None, b"0123456789"))
    if not raw or digits < 0.2 * len(raw):
        return 0.0  # brackets and blanks alone make no numbers
    return (len(raw) - len(raw.translate(None, _NUMERIC))) / len(raw)


def _is_dump(text: str) -> bool:
    lines = text.count("\n") + 1
    return sum(1 for _ in _DUMP.finditer(text)) >= max(8, MIN_DUMP_SHARE * lines)


def _has_rows(language: str | None, text: str) -> bool:
    """Lines of separated values: the same number of one separator in nearly all of them."""
    if language not in (None, "Text"):
        return False
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    if len(lines) < MIN_ROWS:
        return False
    for sign in _SEPARATORS:
        counts: dict[int, int] = {}
        for line in lines:
            n = line.count(sign)
            counts[n] = counts.get(n, 0) + 1
        usual, times = max(counts.items(), key=lambda item: (item[1], item[0]))
        if usual > 0 and times >= MIN_ROW_SHARE * len(lines):
            return True
    return False
