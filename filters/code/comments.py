"""A line of text as a comment of a programming language."""

from __future__ import annotations

# Signs by language, as Linguist names them; what is not here takes `#`. A comment in a language
# that has none (JSON) is no part of that language.
_BEFORE = {
    "//": "C C++ C# Java JavaScript TypeScript TSX Go Rust Swift Kotlin Scala Dart PHP Objective-C "
    "Objective-C++ Cuda D Zig Groovy GLSL HLSL Metal OpenCL SCSS Less Sass Solidity Vala F# Gradle "
    "Verilog SystemVerilog WGSL CUE Odin Jsonnet Pascal Stylus",
    "--": "Haskell SQL Lua Ada VHDL Elm Idris Agda AppleScript PureScript PLSQL TSQL PL/pgSQL "
    "Dhall Lean",
    "%": "TeX MATLAB Erlang Prolog PostScript BibTeX",
    ";": "Assembly Clojure Scheme Racket INI LLVM NSIS AutoHotkey",
}
_SIGNS = {name: sign for sign, names in _BEFORE.items() for name in names.split()}
_SIGNS |= {"Emacs Lisp": ";;", "Common Lisp": ";;", "WebAssembly": ";;", "Vim Script": '"'}
_SIGNS |= {"Protocol Buffer": "//", "Fortran": "!", "Fortran Free Form": "!", "Roff": '.\\"'}
_SIGNS |= {"Roff Manpage": '.\\"', "Batchfile": "REM", "reStructuredText": "..", "VBScript": "'"}
_SIGNS |= {"Visual Basic .NET": "'", "VBA": "'", "Java Server Pages": "//", "Vala": "//"}
_AROUND = {
    **dict.fromkeys(
        ("HTML", "XML", "SVG", "Markdown", "Vue", "Svelte", "XSLT", "HTML+ERB"), ("<!--", "-->")
    ),
    "CSS": ("/*", "*/"),
    **dict.fromkeys(("OCaml", "Standard ML", "Coq", "Isabelle"), ("(*", "*)")),
}


def comment(line: str, language: str | None) -> str:
    """The line as a comment; an empty line is the sign alone."""
    before, after = _AROUND.get(language or "", (_SIGNS.get(language or "", "#"), ""))
    return " ".join(piece for piece in (before, line, after) if piece)
