"""Imports that name a place: a path, or a module whose name is one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from castor.filters.code.imports import rust
from castor.filters.code.imports.tree import Tree

if TYPE_CHECKING:
    from castor.filters.code.imports import SourceFile

Finder = Callable[[Tree, "SourceFile"], Iterator[int | None]]


def needed(tree: Tree, file: SourceFile) -> set[int]:
    """The files of the tree that the imports of one name."""
    finder = FINDERS.get(file.language or "")
    return set() if finder is None else {i for i in finder(tree, file) if i is not None}


# --- Python ---------------------------------------------------------------------------------

_PYTHON = re.compile(
    r"^[ \t]*+(?:from[ \t]++(\.*+)[ \t]*+((?:(?!c?import\b)[\w.]++)?)[ \t]*+c?import[ \t]+"
    r"(\([^)]{0,5000}\)|[^\n#;]+)"
    r"|c?import[ \t]+([^\n#;]+))",
    re.M,
)
_PYTHON_SUFFIXES = (".py", ".pyx", ".pyi", ".pxd", "/__init__.py", "/__init__.pyi")


def _python(tree: Tree, file: SourceFile) -> Iterator[int | None]:
    for match in _PYTHON.finditer(file.text):
        dots, module, members, plain = match.groups()
        if plain is not None:
            for each in plain.split(","):
                words = each.split()
                yield from _python_module(tree, file, "", words[0] if words else "")
            continue
        whole = list(_python_module(tree, file, dots, module))
        found = False
        for member in members.strip("()").split(","):
            words = member.split("#")[0].split()
            name = words[0] if words else ""
            if re.fullmatch(r"\w+", name):
                inner = f"{module}.{name}" if module else name
                of_member = [i for i in _python_module(tree, file, dots, inner) if i is not None]
                found = found or bool(of_member)
                yield from of_member
        if not found:  # its members are defined in the module itself
            yield from whole


def _python_module(tree: Tree, file: SourceFile, dots: str, module: str) -> Iterator[int | None]:
    if module and not re.fullmatch(r"\w+(?:\.\w+)*", module):
        return
    path = module.replace(".", "/")
    for suffix in _PYTHON_SUFFIXES:
        if not path:
            suffix = suffix.lstrip("/") if suffix.startswith("/") else ""
        if not suffix:
            continue
        if dots:
            found = tree.beside(file.path, "../" * (len(dots) - 1) + path + suffix)
        else:
            found = tree.ending(file.path, path + suffix) if path else None
        if found is not None:
            yield found
            return


# --- JavaScript and TypeScript --------------------------------------------------------------

_JAVASCRIPT = re.compile(
    r"(?:\bfrom|\bimport|\brequire[ \t]*\(|\bimport[ \t]*\()\s{0,20}[\"'`]([^\"'`\n]{1,500})[\"'`]"
)
_JAVASCRIPT_SUFFIXES = (
    *("", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"),
    *(f"/index{s}" for s in (".ts", ".tsx", ".js", ".jsx", ".mjs", ".d.ts")),
)


def _javascript(tree: Tree, file: SourceFile) -> Iterator[int | None]:
    for match in _JAVASCRIPT.finditer(file.text):
        target = match[1]
        if not target.startswith("."):
            continue  # a package; what an alias means stands in the configuration of a bundler
        plain = re.sub(r"\.[mc]?jsx?$", "", target)  # TypeScript imports a.ts as ./a.js
        tries = [target + s for s in _JAVASCRIPT_SUFFIXES]
        tries += [] if plain == target else [plain + s for s in _JAVASCRIPT_SUFFIXES[1:]]
        yield next((i for t in tries if (i := tree.beside(file.path, t)) is not None), None)


# --- languages that name a file -------------------------------------------------------------

_INCLUDE = re.compile(
    r"^[ \t]*#[ \t]*(?:include|import)[ \t]*(?:\"([^\"\n]+)\"|<([^>\n]+/[^>\n]+)>)", re.M
)


def _c(tree: Tree, file: SourceFile) -> Iterator[int | None]:
    for match in _INCLUDE.finditer(file.text):
        target = match[1] or match[2]
        beside = tree.beside(file.path, target) if match[1] else None
        yield beside if beside is not None else tree.ending(file.path, target)


def _paths(
    tree: Tree, file: SourceFile, *, pattern: re.Pattern[str], suffixes: tuple[str, ...] = ("",)
) -> Iterator[int | None]:
    """Imports by path: relative to the file, else anywhere in the tree."""
    for match in pattern.finditer(file.text):
        target = next(g for g in match.groups() if g is not None).strip()
        found = None
        for suffix in suffixes:
            found = tree.beside(file.path, target + suffix)
            if found is None and "/" not in target[:1]:
                found = tree.ending(file.path, target.removeprefix("./") + suffix)
            if found is not None:
                break
        yield found


def _modules(
    tree: Tree, file: SourceFile, *, pattern: re.Pattern[str], sign: str, suffixes: tuple[str, ...]
) -> Iterator[int | None]:
    """Imports by module: `A.B` is the file whose path ends with `A/B` and a suffix."""
    for match in pattern.finditer(file.text):
        path = match[1].replace(sign, "/")
        tries = (tree.ending(file.path, path + s) for s in suffixes)
        yield next((i for i in tries if i is not None), None)


def _by_path(pattern: str, *suffixes: str) -> Finder:
    compiled = re.compile(pattern, re.M)
    return functools.partial(_paths, pattern=compiled, suffixes=suffixes or ("",))


def _by_module(pattern: str, sign: str, *suffixes: str) -> Finder:
    compiled = re.compile(pattern, re.M)
    return functools.partial(_modules, pattern=compiled, sign=sign, suffixes=suffixes)


_DART = re.compile(r"^[ \t]*(?:import|export|part)[ \t]+[\"']([^\"'\n]+)[\"']", re.M)


def _dart(tree: Tree, file: SourceFile) -> Iterator[int | None]:
    for match in _DART.finditer(file.text):
        target = match[1]
        if target.startswith("package:"):
            package, _, path = target[8:].partition("/")
            inside = tree.ending(file.path, f"{package}/lib/{path}")
            yield inside if inside is not None else tree.ending(file.path, f"lib/{path}")
        elif ":" not in target:
            yield tree.beside(file.path, target)


_QUOTED = r"[\"']([^\"'\n$]{1,300})[\"']"
_RUBY = _by_path(rf"^[ \t]*(?:require|require_relative|load|autoload[ \t]+:\w+,)[ \t(]*{_QUOTED}",
                 "", ".rb")  # fmt: skip
_SHELL = _by_path(
    r"^[ \t]*(?:source|\.)[ \t]+[\"']?(?:\$\{?\w+\}?/|\$\(dirname [^)\n]{1,60}\)\"?/)?"
    r"([\w./-]{1,200})"
)
_HASKELL = _by_module(
    r"^[ \t]*import[ \t]+(?:\{-# SOURCE #-\}[ \t]+)?(?:safe[ \t]+)?"
    r"(?:qualified[ \t]+)?([A-Z][\w.']*)", ".", ".hs", ".hsc", ".lhs",
)  # fmt: skip
_PERL = _by_module(
    r"^[ \t]*(?:use|require)[ \t]+(?:parent[ \t]+(?:-norequire,[ \t]*)?(?:qw\(|['\"]))?"
    r"([A-Z]\w*(?:::\w+)*)", "::", ".pm", ".pl",
)  # fmt: skip
_LUA = _by_module(rf"\b(?:require|dofile|loadfile)[ \t]*+\(?[ \t]*+{_QUOTED}", ".",
                  ".lua", "/init.lua")  # fmt: skip
_ELIXIR_JULIA = _by_path(rf"^[ \t]*include[ \t]*\([ \t]*{_QUOTED}")
_C_FAMILY = ("C", "C++", "Objective-C", "Objective-C++", "Cuda", "OpenCL", "HLSL", "GLSL", "Metal")
FINDERS: dict[str, Finder] = {
    "Python": _python,
    "Cython": _python,
    **dict.fromkeys(("JavaScript", "TypeScript", "TSX", "Vue", "Svelte"), _javascript),
    **dict.fromkeys(_C_FAMILY, _c),
    "Rust": rust.needed,
    "Dart": _dart,
    "Ruby": _RUBY,
    "Shell": _SHELL,
    "Haskell": _HASKELL,
    "Perl": _PERL,
    "Lua": _LUA,
    "PHP": _by_path(
        r"\b(?:require|include)(?:_once)?[ \t(]+(?:__DIR__[ \t]*\.[ \t]*)?"
        r"[\"']/?([^\"'\n$]{1,300})[\"']"
    ),
    "Julia": _ELIXIR_JULIA,
    "R": _by_path(rf"^[ \t]*source[ \t]*\([ \t]*{_QUOTED}"),
    "Tcl": _by_path(r"^[ \t]*source[ \t]+(?:\[file join [^\]\n]{0,60} )?([\w./-]{1,200})"),
    "Zig": _by_path(rf"@import\({_QUOTED}\)"),
    "Protocol Buffer": _by_path(rf"^[ \t]*import[ \t]+(?:public[ \t]+|weak[ \t]+)?{_QUOTED}"),
    "jq": _by_path(r"^[ \t]*(?:include|import)[ \t]+\"@?([^\"\n]{1,300})\"", "", ".jq"),
    "Sass": _by_path(rf"^[ \t]*@(?:import|use|forward)[ \t]+{_QUOTED}", "", ".sass", ".scss"),
    "SCSS": _by_path(rf"^[ \t]*@(?:import|use|forward)[ \t]+{_QUOTED}", "", ".scss", ".css"),
    "Less": _by_path(rf"^[ \t]*@import[ \t]+(?:\(\w+\)[ \t]+)?{_QUOTED}", "", ".less", ".css"),
    "CSS": _by_path(rf"^[ \t]*@import[ \t]+(?:url\()?{_QUOTED}"),
    "TeX": _by_path(r"\\(?:input|include|subfile)\{([^}\n]{1,200})\}", "", ".tex"),
    "XSLT": _by_path(rf"<xsl:(?:import|include)\s+href={_QUOTED}"),
}
