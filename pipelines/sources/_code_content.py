"""The language of a source file by what it holds, where its name does not tell.

In this order: what the file says for editors (modelines), what only one language begins with, and
marks of languages (filters/data/code_languages), of which one language must have more than all
others.
"""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import math
import re
from typing import NamedTuple

_HEAD_CHARS = 20_000
_MAX_JSON_CHARS = 2_000_000
_EMACS = re.compile(r"-\*-(?:[^\n]*?\bmode:)?[ \t]*([A-Za-z+#_-]+)[ \t]*(?:;[^\n]*)?-\*-")
_VIM = re.compile(r"\b(?:vim?|ex):[^\n]*?\b(?:ft|filetype|syntax)=(\w+)")
# Language: its modes in Emacs and file types in Vim.
_EDITOR_MODES = """
Ada: ada
Awk: awk
C: c
C#: cs csharp
C++: c++ cpp
CMake: cmake
CSS: css
Clojure: clojure
Common Lisp: lisp
Dart: dart
Dockerfile: dockerfile
Elixir: elixir
Emacs Lisp: emacs-lisp
Erlang: erlang
F#: fsharp
Fortran: fortran
Go: go
Groovy: groovy
HTML: html
Haskell: haskell
INI: conf dosini
JSON: json
Java: java
JavaScript: javascript js js2
Julia: julia
Kotlin: kotlin
Lua: lua
MATLAB: matlab
Makefile: make makefile makefile-gmake
Markdown: markdown
Nim: nim
OCaml: ocaml tuareg
Objective-C: objc
Org: org
PHP: php
Pascal: pascal
Perl: cperl perl
Prolog: prolog
Python: python
R: ess r
Roff: nroff
Ruby: ruby
Rust: rust
SQL: sql
Scala: scala
Scheme: scheme
Shell: bash sh shell-script zsh
Swift: swift
TOML: toml
Tcl: tcl
TeX: latex plaintex tex
Text: text
TypeScript: typescript
VHDL: vhdl
Verilog: verilog
Vim Script: vim
XML: nxml xml
YAML: yaml
Zig: zig
reStructuredText: rst
"""
_MODES = {
    mode: language
    for language, _, modes in (x.partition(": ") for x in _EDITOR_MODES.strip().split("\n"))
    for mode in modes.split()
}

# What a file of one language begins with, comments of no other language before it.
_BEGINS = [
    (language, re.compile(pattern, re.I))
    for language, pattern in (
        ("PHP", r"\s*<\?php\b"),
        ("HTML", r"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?s:.){0,2000}?-->\s*+)?"
                 r"<(?:!doctype html|html)\b"),
        ("SVG", r"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype svg[^>]*>\s*)?<svg\b"),
        ("XSLT", r"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?s:.){0,2000}?-->\s*+)?"
                 r"(?:<!doctype[^>]*+>\s*+)?<xsl:(?:stylesheet|transform)\b"),
        ("XML", r"\s*<\?xml\b"),
        ("Vue", r"\s*+<(?:template\b[^>\n]{0,80}>"
                r"|script\b[^>\n]{0,80}>\s{0,9}(?:import|export)\b)"),
        ("PostScript", r"%!PS"),
        ("TeX", r"(?:\s*%[^\n]*\n)*\s*\\(?:documentclass|documentstyle|input|begin)\b"),
        ("Diff", r"(?:diff --git |Index: |--- \S[^\n]*\n\+\+\+ |From [0-9a-f]{40} )"),
        ("Roff", r"(?:\.\\\"[^\n]*\n|'\\\"[^\n]*\n)*\.(?:TH|Dd) "),
        ("Protocol Buffer", r"(?:\s*//[^\n]*\n)*\s*syntax\s*=\s*[\"']proto[23]"),
        ("Dockerfile", r"(?:\s*#[^\n]*\n|\s*ARG [^\n]*\n)*\s*FROM [\w./:${}@-]+(?: AS [\w-]+)?\s*\n"
                       r"(?:\s*#[^\n]*\n)*\s*(?:RUN|COPY|ADD|WORKDIR|ENV|CMD|LABEL|ENTRYPOINT"
                       r"|ARG|USER)\b"),
        ("Gettext Catalog", r"(?:\s*#[^\n]*\n)*msgid \""),
        ("Unity3D Asset", r"%YAML 1\.1\s*\n%TAG !u!"),
    )
]  # fmt: skip
_READ_CHARS = 4_000  # of a long text: its beginning and twice as much of its middle
_MAX_HITS = 4  # of one mark: a file says a thing again and again
# Marks that only this language has, and one more; and more than of the next language.
_MIN_EVIDENCE, _MIN_LEAD, _MIN_OWN = 4.0, 1.0, 3.0
_MIN_OF_SUFFIX, _LEAD_OF_SUFFIX = 12.0, 2.0  # and so many times as much as of the next


class _Language(NamedTuple):
    """The marks of a language with their weights, and the language whose marks are its own too."""

    marks: list[tuple[int, re.Pattern[str]]]
    of: str


@functools.cache
def _languages() -> dict[str, _Language]:
    path = importlib.resources.files("castor.filters") / "data/code_languages/marks.txt"
    found: dict[str, _Language] = {}
    marks: list[tuple[int, re.Pattern[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        weight, _, pattern = line.partition(" ")
        if weight == "#" or not line:
            continue
        if re.fullmatch(r"-?[1-9]", weight):
            marks.append((int(weight), re.compile(pattern, re.M)))
        else:
            name, _, of = line.partition(" < ")
            marks = []
            found[name] = _Language(marks, of)
    return found


def by_content(text: str, *, has_suffix: bool = False) -> str | None:
    """The language that the text shows, or None.

    Args:
        text: the file's text; its beginning, middle and last lines are looked at.
        has_suffix: whether the name has a suffix, which then is that of no language: records of
            tests and tools, with something of many languages in them, need more evidence.
    """
    least, lead = (_MIN_OF_SUFFIX, _LEAD_OF_SUFFIX) if has_suffix else (_MIN_EVIDENCE, 1.0)
    return by_modeline(text) or _by_beginning(text) or _by_marks(text, least, lead)


def by_modeline(text: str) -> str | None:
    """The language that a file names for editors, in its first two or its last five lines."""
    top = "\n".join(text[:2000].split("\n")[:5])
    emacs = _EMACS.search("\n".join(top.split("\n")[:2]))
    if emacs and (found := _MODES.get(emacs[1].lower())):
        return found
    bottom = "\n".join(text[-2000:].rstrip("\n").split("\n")[-5:])
    vim = _VIM.search(top) or _VIM.search(bottom)
    return _MODES.get(vim[1].lower()) if vim else None


def _by_beginning(text: str) -> str | None:
    head = text[:_HEAD_CHARS]
    for language, pattern in _BEGINS:
        if pattern.match(head):
            return language
    if head.lstrip()[:1] in ("{", "[") and len(text) <= _MAX_JSON_CHARS:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return "JSON" if isinstance(found, dict | list) and found else None
    return None


def _sample(text: str) -> str:
    """What is read of a text: all of a short one, else whole lines of its middle too."""
    if len(text) <= _READ_CHARS:
        return text
    size = _READ_CHARS * 2 // 3
    middle = (len(text) - size) // 2
    line = text.find("\n", middle, middle + size)
    middle = max(middle, line)
    return text[: _READ_CHARS - size] + text[middle : middle + size]


def _by_marks(text: str, least: float, lead: float) -> str | None:
    """The language with most evidence: the weights of its marks, more for what comes again."""
    head = _sample(text)
    own: dict[str, float] = {}
    for name, language in _languages().items():
        own[name] = 0.0
        for weight, mark in language.marks:
            n = sum(1 for _ in itertools.islice(mark.finditer(head), _MAX_HITS))
            own[name] += weight * (1 + math.log2(n)) if n else 0.0
    total = dict(own)
    for name, language in _languages().items():
        if language.of:
            total[name] = own[name] + own[language.of] if own[name] >= _MIN_OWN else 0.0
    best = min(total, key=lambda name: (-total[name], name))
    kin = {best, _languages()[best].of}  # what it has of another speaks for that one too
    second = max(total[name] for name in total if name not in kin)
    return best if total[best] >= max(least, second + _MIN_LEAD, lead * second) else None
