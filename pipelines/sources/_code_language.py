"""The language of a source file, by its name, its suffix, its first line or its content.

Names are those of GitHub's Linguist, so that policies and reports mean the same by them.
Suffixes that several languages share are settled by words that only one of them has.
"""

from __future__ import annotations

import posixpath
import re

from castor.pipelines.sources._code_content import by_content

_SUFFIXES = """
ABAP: abap
ActionScript: as
Ada: adb ads ada gpr
Agda: agda
ANTLR: g4
AppleScript: applescript
AsciiDoc: adoc asciidoc
ASP.NET: aspx ascx asmx
Assembly: asm s nasm inc
Astro: astro
AutoHotkey: ahk
Awk: awk
Ballerina: bal
Batchfile: bat cmd
BibTeX: bib
Bicep: bicep
Bison: y yy
BitBake: bb bbclass
Blade: blade.php
Boo: boo
C: c h
C#: cs csx cake
C++: cc cpp cxx c++ hpp hh hxx h++ ipp tpp inl ixx
Cabal Config: cabal
Cap'n Proto: capnp
Chapel: chpl
Clojure: clj cljs cljc edn
CMake: cmake cmake.in
COBOL: cob cbl cpy
CoffeeScript: coffee litcoffee
ColdFusion: cfm cfc
Common Lisp: lisp lsp cl asd
Coq: v
Crystal: cr
CSON: cson
CSS: css
CSV: csv
Cuda: cu cuh
CUE: cue
Cython: pyx pxd pxi
D: d di
Dart: dart
Dhall: dhall
Diff: diff patch
Dockerfile: dockerfile
DTrace: dtrace
Eiffel: e
EJS: ejs jst
Elixir: ex exs
Elm: elm
Emacs Lisp: el
Erlang: erl hrl
F#: fs fsi fsx
Factor: factor
Fennel: fnl
FIRRTL: fir
Fluent: ftl
Forth: 4th forth fth
Fortran: f f77 for fpp
Fortran Free Form: f90 f95 f03 f08
GAP: gap gi
GDScript: gd
Gettext Catalog: po pot
Gherkin: feature
GLSL: glsl vert frag geom tesc tese comp
Gleam: gleam
Gnuplot: gp gnuplot plt
Graphviz (DOT): dot gv
Go: go
Go Checksums: go.sum
Go Module: go.mod
Go Template: tmpl gotmpl
Gradle: gradle
GraphQL: graphql gql graphqls
Groovy: groovy gvy gsh
Hack: hack hhi
Haml: haml
Handlebars: hbs handlebars
Haskell: hs hsc
Haxe: hx
HCL: hcl tf tfvars
HLSL: hlsl fx fxh
HTML: html htm xhtml
HTML+ERB: erb
HTML+Razor: cshtml razor
Idris: idr lidr
IDL: idl
INI: ini cfg conf properties prefs editorconfig
Inno Setup: iss
Isabelle: thy
J: ijs
Java: java jav
Java Server Pages: jsp
JavaScript: js mjs cjs jsx es6 jsm
Jinja: jinja jinja2 j2
jq: jq
JSON: json webmanifest geojson har avsc map
JSON5: json5
JSON with Comments: jsonc code-workspace
Jsonnet: jsonnet libsonnet
Julia: jl
Jupyter Notebook: ipynb
KiCad Layout: kicad_pcb
Kotlin: kt kts ktm
Lean: lean
Less: less
Lex: l lex
Linker Script: ld lds
Liquid: liquid
Literate Haskell: lhs
LiveScript: ls
LLVM: ll
Logos: xm
Lua: lua
M4: m4 ac
Makefile: mk mak make
Markdown: md markdown mdown mkd livemd
Mathematica: wl nb wls
MATLAB: m
Meson: meson.build
Metal: metal
Microsoft Visual Studio Solution: sln
MLIR: mlir
Modelica: mo
Modula-2: mod def
Motorola 68K Assembly: x68
Mojo: mojo
Mustache: mustache
Nginx: nginx nginxconf
Nim: nim nims nimble
Ninja: ninja
Nix: nix
NSIS: nsi nsh
Nu: nu
Objective-C: m
Objective-C++: mm
OCaml: ml mli mll mly
Odin: odin
OpenStep Property List: pbxproj
OpenCL: opencl clh
OpenSCAD: scad
Org: org
Pascal: pas pp dpr lpr
Perl: pl pm perl pod t psgi
PHP: php php3 php4 php5 phtml
PL/pgSQL: pgsql
PLSQL: pls plsql pkb pks
PlantUML: puml plantuml
PostScript: ps eps
PowerShell: ps1 psm1 psd1
Prisma: prisma
Prolog: pro prolog yap
Protocol Buffer: proto
Pug: pug jade
Puppet: epp
PureScript: purs
Python: py pyw pyi pyt bzl gyp gypi
QML: qml
R: r rd rsx
Racket: rkt rktd
Raku: raku rakumod p6 pm6
ReasonML: re rei
ReScript: res resi
reStructuredText: rst rest
RMarkdown: rmd qmd
RobotFramework: robot
Roff: roff ms me nr tmac
Roff Manpage: man mdoc 1 2 3 4 5 6 7 8 9 1m 3p 3pm 3x
Ruby: rb rake gemspec ru podspec thor
Rust: rs
Sass: sass
Scala: scala sbt sc
Scheme: scm ss sld sls
SCSS: scss
Shell: sh bash zsh ksh bats command
Slim: slim
SMT: smt2 smt z3
Smali: smali
Smalltalk: st
Solidity: sol
SPARQL: sparql rq
SQL: sql ddl
Squirrel: nut
Standard ML: sml fun sig
Starlark: star
Stan: stan
Stata: do ado
Stylus: styl
Svelte: svelte
SVG: svg
Swift: swift
SystemVerilog: sv svh
Tcl: tcl tk itk
Tcsh: tcsh csh
TeX: tex sty cls ltx dtx
SubRip Text: srt
Text: txt text
Thrift: thrift
TOML: toml
TSQL: tsql
TSV: tsv
TSX: tsx
Turtle: ttl
Twig: twig
TypeScript: ts mts cts
Typst: typ
Unity3D Asset: unity prefab asset
Vala: vala vapi
VBA: bas
VBScript: vbs
Verilog: v vh
VHDL: vhd vhdl
Vim Script: vim vimrc
Visual Basic .NET: vb
Vue: vue
WebAssembly: wat wast
WebIDL: webidl
Web Ontology Language: owl
WGSL: wgsl
Wikitext: wiki mediawiki
Xcode Config: xcconfig
Xojo: xojo_code
XML: xml xsd rng xaml plist csproj vcxproj fsproj props targets resx ui xcscheme storyboard xib iml
XML: xcworkspacedata xcsettings wsdl
XQuery: xquery xq xqm
XSLT: xsl xslt
Yacc: yacc
YAML: yml yaml cff sublime-syntax
Yul: yul
Zig: zig zon
Zimpl: zpl
"""
_NAMES = """
Batchfile: gradlew.bat
CMake: CMakeLists.txt
Dockerfile: Dockerfile Containerfile
Dotenv: .env
EditorConfig: .editorconfig
Git Attributes: .gitattributes
Git Config: .gitconfig .gitmodules
Go Checksums: go.sum
Go Module: go.mod
Groovy: Jenkinsfile
HTML+ERB: .erb
Ignore List: .gitignore .dockerignore .npmignore .eslintignore .prettierignore .helmignore
INI: .npmrc .pylintrc .flake8 .coveragerc setup.cfg tox.ini
JSON: .eslintrc .prettierrc .babelrc .jshintrc .watchmanconfig composer.lock Pipfile.lock flake.lock
JSON with Comments: tsconfig.json jsconfig.json .eslintrc.json
Just: justfile Justfile
Makefile: Makefile makefile GNUmakefile Kbuild Makefile.am Makefile.in
Meson: meson.build meson_options.txt meson.options
Python: SConstruct SConscript wscript
Ruby: Rakefile Gemfile Podfile Vagrantfile Brewfile Guardfile Fastfile Appfile Dangerfile
Shell: .bashrc .profile .zshrc .bash_profile .envrc configure gradlew PKGBUILD APKBUILD
Starlark: BUILD BUILD.bazel WORKSPACE WORKSPACE.bazel MODULE.bazel Tiltfile
Text: README INSTALL AUTHORS CONTRIBUTORS CHANGES NEWS TODO MAINTAINERS VERSION requirements.txt
TOML: Cargo.lock poetry.lock uv.lock Pipfile pdm.lock
YAML: .clang-format .clang-tidy .gemrc CITATION.cff pubspec.lock Podfile.lock
Yarn: yarn.lock
"""
_INTERPRETERS = {
    "sh": "Shell", "bash": "Shell", "dash": "Shell", "zsh": "Shell", "ksh": "Shell",
    "fish": "fish", "tcsh": "Tcsh", "csh": "Tcsh", "python": "Python", "pypy": "Python",
    "perl": "Perl", "ruby": "Ruby", "jruby": "Ruby", "node": "JavaScript", "nodejs": "JavaScript",
    "deno": "TypeScript", "bun": "TypeScript", "ts-node": "TypeScript", "php": "PHP",
    "lua": "Lua", "luajit": "Lua", "tclsh": "Tcl", "wish": "Tcl", "awk": "Awk", "gawk": "Awk",
    "mawk": "Awk", "sed": "sed", "make": "Makefile", "Rscript": "R", "r": "R", "julia": "Julia",
    "groovy": "Groovy", "scala": "Scala", "guile": "Scheme", "racket": "Racket",
    "sbcl": "Common Lisp", "runhaskell": "Haskell", "stack": "Haskell", "ocaml": "OCaml",
    "elixir": "Elixir",
    "escript": "Erlang", "swift": "Swift", "dart": "Dart", "pwsh": "PowerShell", "expect": "Tcl",
    "osascript": "AppleScript", "gnuplot": "Gnuplot", "jq": "jq", "nix-shell": "Nix",
    "kotlin": "Kotlin", "crystal": "Crystal", "nu": "Nushell", "emacs": "Emacs Lisp",
    "clojure": "Clojure", "bb": "Clojure", "raku": "Raku", "perl6": "Raku", "octave": "MATLAB",
}  # fmt: skip
# Suffix -> (language, words that show it), tried in order; else the first language listed
# for the suffix.
_SHARED = {
    "h": (
        ("Objective-C", r"^[ \t]*(@interface|@protocol|@class|#import)\b"),
        ("C++", r"^[ \t]*(class\s+\w|namespace\s+\w|template\s*<|using\s+namespace|public:)"),
        ("C", ""),
    ),
    "m": (
        ("Objective-C", r"^[ \t]*(@implementation|@interface|@import|#import|#include)\b"),
        ("MATLAB", r"^[ \t]*(function\b|%|end\b|classdef\b)"),
        ("Mathematica", r"\(\*|:=|\[\["),
        ("MATLAB", ""),
    ),
    "v": (
        ("Coq", r"^[ \t]*(Require\s|Theorem\s|Lemma\s|Proof\.|Inductive\s|Definition\s)"),
        ("V", r"^[ \t]*(fn\s+(\(|\w)|module\s+main\s*$|import\s+[a-z.]+\s*$)"),
        ("Verilog", ""),
    ),
    "pl": (("Prolog", r"^[ \t]*:-|^[a-z]\w*\(.*\)\s*:-"), ("Perl", "")),
    "ts": (("XML", r"^[ \t]*<\?xml|^[ \t]*<!DOCTYPE TS>"), ("TypeScript", "")),
    "inc": (("PHP", r"^[ \t]*<\?php"), ("C++", r"^[ \t]*#(include|define|if)"), ("Assembly", "")),
    "e": (("Eiffel", r"^[ \t]*(class|feature|inherit)\b"), ("E", "")),
    "fs": (("GLSL", r"^[ \t]*(#version|uniform\s|varying\s|void\s+main)"), ("F#", "")),
    "cls": (("TeX", r"^[ \t]*[%\\]"), ("VBA", r"^VERSION \d"), ("Apex", "")),
    "d": (("Makefile", r"^[^\s:]+\.o\s*:"), ("D", "")),
    "l": (("Lex", r"^%%|^%\{"), ("Common Lisp", r"^[ \t]*\("), ("Roff", r"^\."), ("Lex", "")),
    "mod": (("Modula-2", r"^[ \t]*(IMPLEMENTATION |DEFINITION )?MODULE\s"), ("AMPL", "")),
    "pro": (("QMake", r"^[ \t]*(TEMPLATE|SOURCES|HEADERS|QT)\s*[+=]"),
            ("Proguard", r"^(#|-keep|-dont)"), ("Prolog", "")),
    **{str(n): (("Roff Manpage", r"^[.'][A-Za-z\\]"),) for n in range(1, 10)},
    "asm": (("Motorola 68K Assembly", r"(?i)\bmoveq?(\.[bwl])?\s+#|\bmovem?\.[bwl]\s.*\b[ad][0-7]"),
            ("Assembly", "")),
    "cl": (("OpenCL", r"\b__?(kernel|global)\b|^kernel\s"), ("Common Lisp", "")),
    "pp": (("Puppet", r"^[ \t]*(class|define|node)\s+[\w:'\"]+.*[{(]|=>"), ("Pascal", "")),
    "rs": (("XML", r"^[ \t]*<\?xml"), ("Rust", "")),
    "spec": (("RPM Spec", r"^(Name|Version|Summary|%\w+)\b"),
             ("Ruby", r"^[ \t]*describe\b"), ("Text", "")),
    "sc": (("SuperCollider", r"\bSynthDef\b|^[ \t]*[+~]\s*\w+\s*\{|\{\s*\|\w+\|"), ("Scala", "")),
    "pm": (("Raku", r"^[ \t]*(use v6|unit (module|class))\b"), ("Perl", "")),
    "t": (("Turing", r"^[ \t]*(?:var|const)\s+\w+\s*:=|^[ \t]*end\s+for\b"), ("Perl", "")),
    "asset": (("Unity3D Asset", r"^%YAML"), ("Text", "")),
}  # fmt: skip


def _table(lines: str) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines.strip().splitlines())
    found: dict[str, str] = {}
    for language, keys in pairs:
        for key in keys.split():
            found.setdefault(key, language)
    return found


SUFFIXES = _table(_SUFFIXES)
NAMES = _table(_NAMES)
_PATTERNS = {
    suffix: [(language, re.compile(words, re.M)) for language, words in choices]
    for suffix, choices in _SHARED.items()
}
_HEAD_CHARS = 20_000


def language_of(path: str, text: str) -> str | None:
    """The language of a file, or None when neither its name nor what it holds tells.

    Args:
        path: posix path, of which only the base name counts.
        text: the file's text; it settles shared suffixes, and tells where the name does not.
    """
    name = posixpath.basename(path)
    if name in NAMES:
        return NAMES[name]
    if name.lower().startswith(("dockerfile.", "makefile.")):
        return NAMES[name.split(".")[0].capitalize()]
    suffixes = name.lower().split(".")[1:]
    for suffix in (".".join(suffixes[-2:]), suffixes[-1] if suffixes else ""):
        if suffix in _PATTERNS:
            head = text[:_HEAD_CHARS]
            return next((lang for lang, words in _PATTERNS[suffix] if words.search(head)), None)
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        if suffix == "in" and len(suffixes) > 1:
            return language_of(name[:-3], text)
    return _by_shebang(text) or by_content(text, has_suffix=bool(suffixes and suffixes[-1]))


def _by_shebang(text: str) -> str | None:
    if not text.startswith("#!"):
        return None
    words = text[2:300].split("\n", 1)[0].split()
    program = posixpath.basename(words[0]) if words else ""
    if program == "env":
        program = next((w for w in words[1:] if not w.startswith("-") and "=" not in w), "")
    return _INTERPRETERS.get(program) or _INTERPRETERS.get(program.rstrip("0123456789."))
