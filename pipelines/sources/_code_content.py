"""The language of a source file by what it holds, where its name does not tell.

In this order: what the file says for editors (modelines), what only one language begins with, and
lines that are typical of a language: at least three different ones, and more than of any other.
"""

from __future__ import annotations

import json
import re

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
        ("HTML", r"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html)\b"),
        ("SVG", r"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype svg[^>]*>\s*)?<svg\b"),
        ("XML", r"\s*<\?xml\b"),
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
# Language, and under it patterns of lines that are typical of it.
_LINES = r"""
Python
    ^(?:async )?def \w+\(.*\).*:\s*$
    ^class \w+(?:\(.*\))?:\s*$
    ^(?:from [\w.]+ )?import [\w., ]+$
    ^\s+(?:elif .+|except .*|else|try|finally):\s*$
    ^\s*self\.\w+ =
    ^if __name__ == ['\"]__main__['\"]:
    ^\s+return .*[^;{]$
JavaScript
    ^\s*(?:const|let|var) \w+ = (?:require\(|function|\(|async|new |\{|\[)
    ^(?:export )?(?:async )?function \w+\(.*\) ?\{
    => ?\{\s*$
    ^\}\);?\s*$
    ^import .* from ['\"]
    ^(?:module\.)?exports\b
    console\.log\(
    [!=]==
TypeScript
    ^(?:export )?interface \w+
    ^(?:export )?type \w+(?:<.*>)? =
    \w\??: (?:string|number|boolean|void|any|unknown)\b
    ^import .* from ['\"]
    ^(?:export )?enum \w+
    \b(?:private|public|readonly) \w+\??:
     as \w+[;)]
Java
    ^package [\w.]+;
    ^import (?:static )?(?:java|javax|org|com)\.[\w.*]+;
    ^\s*public (?:final |abstract )?(?:class|interface|enum) \w+
    ^\s*@Override\b
    ^\s*(?:public|private|protected) (?:static )?(?:final )?[\w<>\[\]]+ \w+\(
    System\.out\.print
C#
    ^using [A-Z][\w.]+;
    ^namespace [\w.]+
    ^\s*(?:public|internal) (?:sealed |static |partial )*class \w+
    \{ get; (?:private |protected )?(?:set|init); \}
    Console\.Write
    \bstring\[\] args
C
    ^#include <(?:std\w+|string|unistd|errno|sys/\w+)\.h>
    ^(?:static )?(?:int|void|char|size_t) \*?\w+\(.*\)?\s*\{?$
    ^#(?:define|ifdef|ifndef|endif)\b
    \b(?:malloc|free|printf|sizeof|memcpy|strlen)\(
    ^struct \w+ \{
    \w->\w
C++
    ^#include <(?:iostream|vector|string|map|memory|algorithm|cstd\w+)>
    \bstd::\w+
    ^\s*(?:public|private|protected):\s*$
    ^\s*template ?<
    ^\s*(?:using )?namespace \w+
    ^\s*class \w+(?: final)?(?: : (?:public|private) \w+)? ?\{?$
    \bcout <<
Go
    ^package \w+\s*$
    ^import (?:\(|\")
    ^func (?:\(\w+ \*?\w+\) )?\w+\(
    \w+(?:, \w+)* :=[ ]
    ^type \w+ (?:struct|interface) \{
    if err != nil \{
Rust
    ^(?:pub(?:\(\w+\))? )?fn \w+(?:<.*>)?\(
    ^\s*let (?:mut )?\w+
    ^(?:pub )?(?:struct|enum|trait) \w+
    ^impl(?:<.*>)? \w+
    ^use (?:std|crate|super|\w+)::
    ^#\[derive\(
    \b\w+!\(
    \) -> [\w<>&']+ \{
Ruby
    ^\s*def (?:self\.)?\w+[?!]?(?:\(.*\))?\s*$
    ^\s*end\s*$
    ^require(?:_relative)? ['\"]
    ^\s*(?:class|module) [A-Z]\w*(?: < [\w:]+)?\s*$
    \bdo \|\w+(?:, \w+)*\|\s*$
    ^\s*attr_(?:reader|accessor|writer) :
    \bputs\b
Perl
    ^use (?:strict|warnings|[A-Z]\w*(?:::\w+)*)\b.*;
    ^sub \w+
    ^\s*my [\$@%(]
    \$\w+->\{?
    =~ [ms]?[/{]
    ^\s*(?:return|print) .*\$\w+
Shell
    ^\s*(?:fi|done|esac)\s*(?:#.*)?$
    ^\s*if \[\[? .* \]\]?; then
    ^\s*export \w+=
    ^\s*\w+\(\) ?\{
    \$\{\w+[}:#%-]
    ^\s*(?:echo|cd|mkdir|exit|set -[eux]) ?
    \$\(\w+.*\)
    ^\s*(?:for|while) .*; do
Haskell
    ^module [A-Z][\w.]*
    ^import (?:qualified )?[A-Z][\w.]+
    ^\w+ ::[ ]
    ^(?:data|newtype|instance|class) [A-Z]
    ^\s+where\s*$
    ^\{-# LANGUAGE
Lua
    ^\s*local (?:function )?\w+
    ^\s*end\)?,?\s*$
    ^\s*(?:if|elseif) .* then\s*$
    ^(?:local )?function [\w.:]+\(.*\)\s*$
    \brequire\(?['\"]
     \.\.[ ]
    ~=[ ]
SQL
    ^\s*(?i:create (?:or replace )?(?:temp(?:orary)? )?(?:table|view|index|function|database))\b
    ^\s*(?i:insert into) \w+
    ^\s*(?i:select)\b.*
    ^\s*(?i:from) \w+
    ^\s*(?i:where|group by|order by|left join|inner join)\b
    (?i:primary key|not null|varchar\()
    ^\s*(?i:alter table|drop table)\b
Swift
    ^import (?:Foundation|UIKit|SwiftUI)\b
    ^\s*(?:private |public )?func \w+\(.*\)(?: -> .*)? \{
    ^\s*(?:guard|if) let \w+
    ^\s*(?:let|var) \w+: [A-Z]
    ^\s*(?:extension|protocol|struct) [A-Z]\w*
Kotlin
    ^\s*(?:private |override |suspend )*fun (?:<.*> )?(?:\w+\.)?\w+\(
    ^\s*(?:val|var) \w+(?:: [\w<>?]+)? =
    ^\s*(?:data |sealed )?class \w+\(
    ^package [\w.]+\s*$
    ^import [\w.]+\s*$
    \?\.
PHP
    <\?php
    \$this->\w+
    ^\s*(?:public|private|protected) (?:static )?function \w+\(
    ^namespace [\w\\]+;
    ^use [\w\\]+;
    \$\w+ =[ ]
R
    ^\w[\w.]* <- function\(
    ^\s*[\w.$]+ <-[ ]
    ^library\(
    \bdata\.frame\(
    %>%
    \bc\(
Makefile
    ^\.PHONY:
    ^[\w./$(){}%-]+:(?!=)(?: [^\n]*)?\n\t
    \$\([A-Z_]+\)
    ^[A-Z_]+ ?[:?+]?=[ ]
    ^\t(?:@|-)?\$\(
YAML
    ^---\s*$
    ^[\w-]+:(?: [^\n{};]*)?$
    ^\s+- [\w-]+(?:: .*)?$
    ^ {2,8}[\w-]+:(?: [^\n{};]+)?$
TOML
    ^\[[\w.-]+\]\s*$
    ^\w[\w-]* = (?:\"|\[|\d|true|false|\{)
    ^\[\[[\w.-]+\]\]\s*$
    ^\w[\w-]* = \[$
INI
    ^\[[\w .-]+\]\s*$
    ^\w[\w .-]*=[^=\"]
    ^;
    ^\w[\w.-]* ?= ?\w[^\"\[{]*$
Markdown
    ^#{1,4} \w
    ^```
    \[[^\]\n]+\]\([^)\n]+\)
    ^\s*[-*] \w
    \*\*\w[^*\n]*\*\*
reStructuredText
    ^\.\. \w+::
    ^[=~\-^]{4,}\s*$
    ``[^`\n]+``
    :\w+:`[^`\n]+`
CSS
    ^[.#@]?[\w-][\w\s.#:>,-]* \{\s*$
    ^\s+[a-z-]+: [^;{}\n]+;\s*$
    ^@media\b
    \b\d+(?:px|em|rem|%);
"""


def _typical() -> dict[str, list[re.Pattern[str]]]:
    found: dict[str, list[re.Pattern[str]]] = {}
    language = ""
    for line in _LINES.strip("\n").split("\n"):
        if line.startswith("    "):
            found[language].append(re.compile(line[4:], re.M))
        else:
            language = line
            found[language] = []
    return found


_TYPICAL = _typical()
_MIN_TYPICAL = 3


def by_content(text: str) -> str | None:
    """The language that the text shows, or None.

    Args:
        text: the file's text; its beginning and its last lines are looked at.
    """
    return by_modeline(text) or _by_beginning(text) or _by_typical_lines(text[:_HEAD_CHARS])


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


def _by_typical_lines(head: str) -> str | None:
    scores = {
        language: sum(1 for p in patterns if p.search(head))
        for language, patterns in _TYPICAL.items()
    }
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    (best, most), (_, second) = ordered[:2]
    return best if most >= _MIN_TYPICAL and most > second else None
