"""Books in the notation of Aozora Bunko (https://www.aozora.gr.jp/annotation/).

Title and author from the header; the explanation of symbols and the colophon leave the text
(the colophon goes to meta); readings 《》 and notes ［＃］ are removed; characters that
Shift_JIS lacks and that a note describes by their JIS X 0213 or Unicode number become
themselves, others the mark 〓. The lines stay: each is one paragraph.
"""

from __future__ import annotations

import re
import unicodedata

from castor.pipelines.sources._book import Book, facts, lines_to_parts

_RULE = re.compile(r"-{20,}\s*")
_SYMBOLS = "【テキスト中に現れる記号について】"
_COLOPHON = re.compile(r"^(底本|翻訳の底本|底本の親本)[：:]", re.MULTILINE)
_COLOPHON_LINES = 200  # it stands in the last lines of the file
_RUBY = re.compile(r"《[^《》\n]{1,60}》")
_GAIJI = re.compile(r"※［＃([^［］]*)］")
_NOTE = re.compile(r"［＃(?:[^［］]|［＃[^［］]*］)*］")
_HEADING = re.compile(r"［＃[^［］]*(?<!同行)(?<!窓)[大中]見出し］")
_OPENS_HEADING = re.compile(r"［＃(?:ここから)?[大中]見出し］")
_CELL = re.compile(r"(?<![\d-])([12])-(\d{1,2})-(\d{1,2})(?![\d-])")
_CODE_POINT = re.compile(r"U\+([0-9A-Fa-f]{4,6})")
_SMALL_KANA = re.compile(r"小書き(?:片|平)仮名(.)")
# A letter and a sign inside 〔〕: https://www.aozora.gr.jp/accent_separation.html
_ACCENTED = re.compile(r"〔([^〔〕\n]*[A-Za-z][`'^~:&,/_][^〔〕\n]*)〕")
_LETTER = re.compile(r"(ae|AE|oe|OE|s)&|([A-Za-z])([`'^~:&,_/])")
_LIGATURES = {"ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "s": "ß"}
_COMBINING = dict(zip("`'^~:&,_", "\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u0304", strict=True))
_STROKES = {"o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "d": "đ", "D": "Đ", "h": "ħ", "H": "Ħ"}
# The iteration marks for several kana have code points of their own.
_ITERATION = {"／＼": "〳〵", "／″＼": "〴〵"}


def is_aozora(text: str) -> bool:
    """Whether a text is in this notation: its symbol table, or a colophon and readings."""
    if _SYMBOLS in text[:5000]:
        return True
    return _RUBY.search(text) is not None and _COLOPHON.search(text) is not None


def read_aozora(text: str) -> Book:
    """The one book of a file; `text` has plain line ends."""
    lines = text.split("\n")
    header, first = _header(lines)
    body, colophon = _split_colophon(lines[first:])
    kept: list[str] = []
    headings: set[int] = set()
    for line in body:
        plain = _plain(line)
        if not plain.strip() and line.strip():
            continue  # only a note: a new page, a picture
        if _HEADING.search(line) or _OPENS_HEADING.search(line):
            headings.add(len(kept))
        kept.append(plain)
    kept, headings = _trimmed(kept, headings)
    return Book("\n".join(kept), lines_to_parts(kept, headings), _facts(header, colophon))


def _trimmed(lines: list[str], headings: set[int]) -> tuple[list[str], set[int]]:
    """Without the blank lines at both ends."""
    full = [i for i, line in enumerate(lines) if line.strip()]
    if not full:
        return [], set()
    first, last = full[0], full[-1]
    return lines[first : last + 1], {i - first for i in headings}


def _header(lines: list[str]) -> tuple[list[str], int]:
    """The header's lines (title, others, author) and the index of the body's first line."""
    end = next((i for i, line in enumerate(lines) if not line.strip()), len(lines))
    header, at = [line.strip() for line in lines[:end]], end
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at < len(lines) and _RULE.fullmatch(lines[at]):
        closing = (i for i in range(at + 1, len(lines)) if _RULE.fullmatch(lines[i]))
        at = next(closing, at) + 1
    return header, at


def _split_colophon(lines: list[str]) -> tuple[list[str], list[str]]:
    start = max(0, len(lines) - _COLOPHON_LINES)
    for i in range(start, len(lines)):
        if _COLOPHON.match(lines[i]):
            return lines[:i], lines[i:]
    return lines, []


def _facts(header: list[str], colophon: list[str]) -> dict[str, str]:
    people = [line for line in header[1:] if line]
    translators = [p for p in people if p.endswith(("訳", "編訳"))]
    authors = [p for p in people if p not in translators]
    return facts(
        format="aozora",
        title=_plain(header[0]) if header else None,
        subtitle=" ".join(_plain(p) for p in authors[:-1]),
        author=_plain(authors[-1]) if authors else None,
        translator="; ".join(translators),
        language="ja",
        colophon=" / ".join(line.strip() for line in colophon if line.strip()),
    )


def _plain(line: str) -> str:
    """The line without notation."""
    if "※" in line:
        line = _GAIJI.sub(_gaiji, line)
    if "《" in line:
        line = _RUBY.sub("", line)
    line = line.replace("｜", "")
    if "〔" in line:
        line = _ACCENTED.sub(lambda m: _LETTER.sub(_accented, m[1]), line)
    if "［＃" in line:
        line = _NOTE.sub("", line)
    if "／" in line:
        for mark, character in _ITERATION.items():
            line = line.replace(mark, character)
    return line.translate(_PROTECTED)


# 《, 》 and ｜ that are text are described by notes; they must survive the removal of ruby.
_PRIVATE = {"《": "\ue000", "》": "\ue001", "｜": "\ue002"}
_PROTECTED = str.maketrans({v: k for k, v in _PRIVATE.items()})


def _gaiji(match: re.Match[str]) -> str:
    description = match[1]
    small = _SMALL_KANA.match(description)
    if small:
        return small[1]
    code = _CODE_POINT.search(description)
    if code and int(code[1], 16) <= 0x10FFFF and not 0xD800 <= int(code[1], 16) < 0xE000:
        return chr(int(code[1], 16))
    cell = _CELL.search(description)
    character = _of_cell(*map(int, cell.groups())) if cell else None
    return "〓" if character is None else _PRIVATE.get(character, character)


def _accented(match: re.Match[str]) -> str:
    """One letter with its sign; signs that make no letter stay, such as an apostrophe."""
    ligature, letter, sign = match.groups()
    if ligature:
        return _LIGATURES[ligature]
    if sign == "/":
        return _STROKES.get(letter, match[0])
    composed = unicodedata.normalize("NFC", letter + _COMBINING[sign])
    return composed if len(composed) == 1 else match[0]


def _of_cell(plane: int, row: int, column: int) -> str | None:
    """The character at a cell of JIS X 0213, or None if there is none."""
    if not (1 <= row <= 94 and 1 <= column <= 94):
        return None
    lead = b"\x8f" if plane == 2 else b""
    try:
        return (lead + bytes([0xA0 + row, 0xA0 + column])).decode("euc_jis_2004")
    except UnicodeDecodeError:
        return None
