"""Rust: modules that a file declares, and paths from the crate, the parent or another crate."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from castor.filters.code.imports.tree import Tree

if TYPE_CHECKING:
    from castor.filters.code.imports import SourceFile

_MOD = re.compile(r"^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*;", re.M)
_USE = re.compile(r"^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?use[ \t]+(?:::)?([^;]{1,2000});", re.M)
_ROOTS = ("lib.rs", "main.rs")
_MAX_PATHS = 200  # of one `use`: braces in braces multiply


def needed(tree: Tree, file: SourceFile) -> Iterator[int | None]:
    """The files that `mod x;` and `use a::b` of one file name."""
    folder = _children_folder(file.path)
    for match in _MOD.finditer(file.text):
        yield _module(tree, posixpath.join(folder, match[1]))
    root = _crate_folder(tree, file.path)
    for match in _USE.finditer(file.text):
        for path in _paths(match[1]):
            yield _used(tree, file.path, root, folder, path)


def _children_folder(path: str) -> str:
    """Where the modules lie that a file declares."""
    folder, name = posixpath.split(path)
    return folder if name in (*_ROOTS, "mod.rs") else posixpath.join(folder, name[:-3])


def _crate_folder(tree: Tree, path: str) -> str | None:
    folder = posixpath.dirname(path)
    while True:
        if any(tree.at(posixpath.join(folder, name)) is not None for name in _ROOTS):
            return folder
        if not folder:
            return None
        folder = posixpath.dirname(folder)


def _module(tree: Tree, path: str) -> int | None:
    found = tree.at(path + ".rs")
    return found if found is not None else tree.at(path + "/mod.rs")


def _paths(tree_text: str) -> list[list[str]]:
    """The paths of a use tree: `a::{b, c::{d, e}}` is a::b, a::c::d and a::c::e."""
    found: list[list[str]] = []
    stack: list[list[str]] = []
    here: list[str] = []
    for token in re.findall(r"\w+|::|[{},*]", tree_text):
        if len(found) >= _MAX_PATHS:
            break
        if token == "{":
            stack.append(list(here))
        elif token in ",}":
            if here and (not stack or here != stack[-1]):
                found.append(here)
            here = list(stack[-1]) if stack else []
            if token == "}" and stack:
                stack.pop()
                here = []
            if not here and stack:
                here = list(stack[-1])
        elif token not in ("::", "*", "as"):
            here = [*here, token]
    return [*found, here] if here else found


def _used(tree: Tree, origin: str, root: str | None, inside: str, path: list[str]) -> int | None:
    """The file of the longest beginning of a path that is a module."""
    first, rest = path[0], path[1:]
    if first == "crate":
        base = root
    elif first == "self":
        base = inside
    elif first == "super":
        base = posixpath.dirname(inside) if inside else ""
        while rest and rest[0] == "super":
            base, rest = posixpath.dirname(base), rest[1:]
    else:
        return _other_crate(tree, origin, first)
    if base is None:
        return None
    for length in range(len(rest), 0, -1):
        found = _module(tree, posixpath.join(base, *rest[:length]))
        if found is not None:
            return found
    return None


def _other_crate(tree: Tree, origin: str, name: str) -> int | None:
    """A crate of the same workspace: its folder has its name, `-` for `_` in either."""
    for folder in dict.fromkeys((name, name.replace("_", "-"))):
        found = tree.ending(origin, f"{folder}/src/lib.rs")
        if found is not None:
            return found
    return None
