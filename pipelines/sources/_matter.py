"""Front and back matter, told by the headings that stand before the first and after the last
chapter: a preface, a list of contents, an index. Words of eleven languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Alone on the line, with an article or an owner before it at most.
_FRONT_ALONE = (
    "contents|table of contents|list of (?:illustrations|figures|tables|maps|plates)|illustrations"
    "|dedication|acknowledge?ments|copyright|advertisement|(?:author|editor|translator|publisher)"
    "(?:'|’)?s? (?:note|preface|foreword)|prefatory note|note on the text|biographical note"
    "|table des matières|table|sommaire|avertissement|dédicace|remerciements"
    "|inhalt|inhaltsverzeichnis|widmung|danksagung|índice|indice|sommario|sumário|dedicatoria"
    "|dedicatória|agradecimientos|agradecimentos|inhoud|inhoudsopgave|содержание|оглавление"
    "|от автора|от редактора|от издателя|посвящение|目次|目錄|目录|凡例|献辞|فهرس|المحتويات|תוכן"
)
# Also with more behind it: "Preface to the second edition".
_FRONT = (
    "preface|foreword|préface|avant-propos|vorwort|geleitwort|vorrede|prefacio|prefácio|prefazione"
    "|voorwoord|предисловие|まえがき|はしがき|序文|前言|序言|自序|مقدمة|تمهيد|הקדמה"
)
_BACK_ALONE = (
    "index|indices|general index|glossary|bibliography|(?:list of )?references|works cited"
    "|further reading|notes|endnotes|footnotes|errata|colophon|about the (?:author|authors|type)"
    "|also by .{1,40}|other books by .{1,40}|acknowledge?ments|chronology|credits"
    "|transcriber(?:'|’)?s notes?|afterword|the end|register|sachregister"
    "|literaturverzeichnis|anmerkungen|glossar"
    "|nachwort|glossaire|bibliographie|postface|notas|bibliografía|bibliografia|glosario|glossário"
    "|índice|indice|note|nawoord|noten|bibliografie|table des matières|table"
    "|примечания|комментарии|послесловие|библиография|оглавление|содержание|あとがき|解説|索引"
    "|参考文献|奥付|后记|後記|跋|参考书目|注释|فهرس|المراجع|خاتمة"
)
_BACK = (
    "appendix|appendices|annexe?|anhang|apéndice|apêndice|appendice|bijlage|приложение|付録|附录"
    "|附錄"
)
_ARTICLE = r"(?:the|a|an|le|la|les|el|los|o|a|os|il|die|das|der|de|het)?\s*"
_FRONT_TITLE = re.compile(rf"{_ARTICLE}(?:(?:{_FRONT_ALONE})|(?:{_FRONT})(?:\W.{{0,60}})?)", re.I)
_BACK_TITLE = re.compile(rf"{_ARTICLE}(?:(?:{_BACK_ALONE})|(?:{_BACK})(?:\W.{{0,60}})?)", re.I)
_NOTES_TITLE = re.compile(
    rf"{_ARTICLE}(?:(?:end|foot)?notes|anmerkungen|notas|noten|примечания|注释|注釈|註)", re.I
)
_TRIM = " \t\u3000#*_=.:[]()〔〕"


def settle(kinds: Sequence[str], titles: Sequence[str]) -> list[str]:
    """The kinds of sections, those that nobody named anything else than chapters judged anew.

    A chapter whose heading is one of front matter is `front` if all before it is front
    matter; likewise `back` and `notes` if all after it is back matter. A book is never all
    front and back: then nothing changes.

    Args:
        kinds: `chapter` where the markup says nothing better.
        titles: the headings of the sections, empty where there is none.
    """
    found = list(kinds)
    for i, title in enumerate(titles):
        if found[i] == "chapter" and _matches(_FRONT_TITLE, title):
            found[i] = "front"
        elif found[i] != "front":
            break
    for i in range(len(found) - 1, -1, -1):
        if found[i] == "chapter" and _matches(_BACK_TITLE, titles[i]):
            found[i] = "notes" if _matches(_NOTES_TITLE, titles[i]) else "back"
        elif found[i] not in ("back", "notes", "auxiliary"):
            break
    return found if "chapter" in found else list(kinds)


def _matches(pattern: re.Pattern[str], title: str) -> bool:
    line = title.partition("\n")[0].strip(_TRIM)
    return len(line) <= 90 and pattern.fullmatch(line) is not None
