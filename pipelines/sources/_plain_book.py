"""Books as plain text and as Markdown: their header, their chapters; the lines stay."""

from __future__ import annotations

import re

from castor.pipelines.sources import _gutenberg, _languages
from castor.pipelines.sources._book import Book, facts, lines_to_parts

_FIELD = re.compile(r"^(Title|Author|Language|Release Date|Posting Date|Translator): *(.+)$", re.M)
_HEADER_CHARS = 20_000
# A heading stands alone on its line: a word for chapter and a number, in the kit's languages.
_NUMBER = r"(?:[IVXLCDM]+|\d{1,3})\b"
_WORD = (
    r"(?:chapter|book|part|letter|stave|act|scene|canto|volume|section|chapitre|livre|partie|"
    r"acte|scène|kapitel|buch|teil|capítulo|capitulo|capitolo|libro|parte|livro|hoofdstuk|"
    r"kapittel|rozdział|глава|часть|книга|действие)"
)
_SPELT = (
    r"(?:(?:the )?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last)|one)"
)
_HEADING = re.compile(
    rf"(?:{_WORD}\s+(?:the\s+)?(?:{_NUMBER}|{_SPELT}\b).{{0,60}}|[IVXLC]+\.?)", re.I
)
_CJK_HEADING = re.compile(
    r"[\s\u3000]*第[〇零一二三四五六七八九十百千两0-9０-９]{1,6}[章回卷部篇节節話话].{0,40}"
)
_CHAPTER_END = re.compile(r"[\s\u3000]*[(（]本章完[)）][\s\u3000]*")


def read_plain(text: str) -> Book:
    """The one book of a text file; `text` has plain line ends.

    A Project Gutenberg header and licence leave the text, and so do the "(end of this
    chapter)" lines of Chinese book sites.
    """
    body, meta = _without_gutenberg(text)
    lines = [line.rstrip() for line in body.strip("\n").split("\n")]
    lines = [line for line in lines if not _CHAPTER_END.fullmatch(line)]
    headings = {i for i in range(len(lines)) if _is_heading(lines, i)}
    while lines and not lines[-1].strip():
        lines.pop()
    return Book("\n".join(lines), lines_to_parts(lines, headings), {"format": "text"} | meta)


def _is_heading(lines: list[str], i: int) -> bool:
    line = lines[i]
    if len(line) > 80 or not line.strip():
        return False
    if _CJK_HEADING.fullmatch(line):
        return not line.rstrip().endswith(("。", "，", "”", "；"))
    if i and lines[i - 1].strip():
        return False
    text = line.strip(" *_=")
    return _HEADING.fullmatch(text) is not None and not text.endswith((",", ";"))


def _without_gutenberg(text: str) -> tuple[str, dict[str, str]]:
    start = _gutenberg.START.search(text)
    if start is None and not _gutenberg.NAME.search(text[:500]):
        return text, {}
    header = text[: start.start() if start else _HEADER_CHARS]
    fields: dict[str, str] = dict(reversed(_FIELD.findall(header)))
    body = text[start.end() :] if start else text
    ends = list(_gutenberg.END.finditer(body))
    if ends:
        body = body[: ends[0].start()]
    body = body.strip("\n")
    first, _, rest = body.partition("\n\n")
    if start and _gutenberg.PRODUCED.match(first) and len(first) < 400:
        body = rest.strip("\n")
    meta = facts(
        title=fields.get("Title"),
        author=fields.get("Author"),
        translator=fields.get("Translator"),
        date=fields.get("Release Date", fields.get("Posting Date", "")).partition("[")[0],
        language=_languages.primary(fields.get("Language")),
        publisher="Project Gutenberg",
    )
    return body, meta


_YAML_FIELD = re.compile(r"^([A-Za-z_-]+):[ \t]*(.*?)[ \t]*$")
_TITLE_FIELD = re.compile(r"#{1,6}\s*(Title|Author|Year|Date|Language|Translator):\s*(.*)", re.I)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*")


def read_markdown(text: str) -> Book:
    """The one document of a Markdown file; `text` has plain line ends.

    Front matter (YAML between `---`, or `# Title: ...` lines before a rule) goes to meta.
    A chapter begins at each heading down to the first level that has two or more of them;
    the Markdown stays as it is.
    """
    lines = [line.rstrip() for line in text.strip("\n").split("\n")]
    fields, lines = _front_matter(lines)
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    levels = _headings(lines)
    title = next((t for i, (level, t) in sorted(levels.items()) if level == 1), None)
    meta = facts(
        format="markdown",
        title=fields.get("title") or title,
        author=fields.get("author"),
        translator=fields.get("translator"),
        date=fields.get("year") or fields.get("date"),
        language=_languages.primary(fields.get("language") or fields.get("lang")),
    )
    used = [level for level, _ in levels.values()]
    deepest = next((n for n in range(1, 7) if used.count(n) > 1), 6)
    chapters = {i for i, (level, _) in levels.items() if level <= deepest}
    return Book("\n".join(lines), lines_to_parts(lines, chapters), meta)


def _front_matter(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    fields: dict[str, str] = {}
    if lines[0] == "---" and "---" in lines[1:100]:
        end = lines.index("---", 1)
        for line in lines[1:end]:
            match = _YAML_FIELD.fullmatch(line)
            if match:
                fields[match[1].lower()] = match[2].strip("\"'")
        return fields, lines[end + 1 :]
    for i, line in enumerate(lines[:40]):
        match = _TITLE_FIELD.fullmatch(line)
        if match:
            fields[match[1].lower()] = match[2]
        elif fields and _RULE.fullmatch(line):
            return fields, lines[i + 1 :]
        elif line.strip():
            break
    return {}, lines


def _headings(lines: list[str]) -> dict[int, tuple[int, str]]:
    """Line index -> level and text of each heading outside fenced code."""
    found: dict[int, tuple[int, str]] = {}
    fence = None
    for i, line in enumerate(lines):
        opened = _FENCE.match(line)
        if fence is not None:
            closes = opened and opened[1].startswith(fence) and not line.strip(" `~")
            fence = None if closes else fence
        elif opened:
            fence = opened[1]
        elif match := _ATX.fullmatch(line):
            found[i] = (len(match[1]), match[2] or "")
        elif _is_underline(lines, i):
            found[i - 1] = (1 if line.strip()[0] == "=" else 2, lines[i - 1].strip())
    return found


def _is_underline(lines: list[str], i: int) -> bool:
    """Whether line i makes a heading of the one before it: a single line of a paragraph."""
    if not i or not lines[i] or not _SETEXT.fullmatch(lines[i]):
        return False
    above = lines[i - 1]
    alone = i == 1 or not lines[i - 2].strip()
    return bool(above.strip()) and alone and not above.lstrip().startswith(("#", ">", "-", "*"))
