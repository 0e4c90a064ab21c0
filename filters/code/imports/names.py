"""Imports that open a namespace: a file needs those that declare the names which it mentions."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from castor.filters.code.imports.tree import Tree

if TYPE_CHECKING:
    from castor.filters.code.imports import SourceFile

_WORD = re.compile(r"[^\W\d]\w*")
_OWN = frozenset({"main", "init", "Main", "Program"})
_MAX_SAME = 20  # a name that more files of a namespace declare says nothing of which is meant


@dataclasses.dataclass(frozen=True)
class Scoped:
    """How a language declares and imports names.

    Attributes:
        family: languages of one family see each other's names.
        scope: the namespace of a file: pattern with the name in group 1, or None: its folder.
        declares: names that other files can use, in any of the groups.
        imports: what it imports, in group 1.
        sign: between the parts of a namespace.
        shared: every file sees the names of every other one.
    """

    family: str
    scope: re.Pattern[str] | None
    declares: re.Pattern[str]
    imports: re.Pattern[str]
    sign: str
    shared: bool = False


# Blanks stand in one place of the pattern each: what can be cut in several ways takes for ever.
_MODIFIERS = r"^[ \t]*+(?:(?:@\w+(?:\([^)\n]*\))?|[a-z]+(?:\([a-z]+\))?)[ \t]++){0,6}"
_JVM = (
    _MODIFIERS + r"(?:class|interface|enum|record|object|trait|@interface|typealias)[ \t]+"
    r"(?:class[ \t]+)?(\w+)"
)
_KOTLIN = (
    _JVM
    + r"|^(?:[a-z]+[ \t]+){0,4}(?:fun|val|var|const val)[ \t]+(?:<[^>\n]*>[ \t]*)?(?:\w+\.)?(\w+)"
)
_CSHARP = (
    _MODIFIERS + r"(?:class|interface|enum|record|struct|delegate[ \t]+\w+)[ \t]+"
    r"(?:struct[ \t]+|class[ \t]+)?(\w+)"
)
_GO = r"^func[ \t]+(\w+)|^(?:type|var|const)[ \t]+(\w+)|^\t(\w+)[ \t]+(?:struct|interface|func)\b"
_SWIFT = (
    _MODIFIERS + r"(?:class|struct|enum|protocol|actor|typealias)[ \t]+(\w+)"
    r"|^(?:[a-z]+[ \t]+){0,4}func[ \t]+(\w+)"
)
_PHP = (
    r"^[ \t]*(?:(?:final|abstract|readonly)[ \t]+)*(?:class|interface|trait|enum)[ \t]+(\w+)"
    r"|^function[ \t]+(\w+)"
)
_DOTTED = r"\w+(?:\.\w+)*"


def _scoped(
    family: str, scope: str | None, declares: str, imports: str, sign: str, shared: bool = False
) -> Scoped:
    return Scoped(
        family,
        None if scope is None else re.compile(scope, re.M),
        re.compile(declares, re.M),
        re.compile(imports, re.M),
        sign,
        shared,
    )


LANGUAGES = {
    "Java": _scoped(
        "jvm", r"^[ \t]*package[ \t]+([\w.]+)", _JVM,
        rf"^[ \t]*import[ \t]+(?:static[ \t]+)?({_DOTTED}(?:\.\*)?)", ".",
    ),
    "Kotlin": _scoped(
        "jvm", r"^[ \t]*package[ \t]+([\w.`]+)", _KOTLIN,
        rf"^[ \t]*import[ \t]+({_DOTTED}(?:\.\*)?)", ".",
    ),
    "Scala": _scoped(
        "jvm", r"^[ \t]*package[ \t]+([\w.]+)", _JVM,
        rf"^[ \t]*import[ \t]+({_DOTTED}(?:\.\{{[^}}\n]*\}}|\._|\.\*)?)", ".",
    ),
    "C#": _scoped(
        "net", r"^[ \t]*namespace[ \t]+([\w.]+)", _CSHARP,
        r"^[ \t]*(?:global[ \t]+)?using[ \t]+(?:static[ \t]+|\w+[ \t]*=[ \t]*)?([\w.]+)[ \t]*;",
        ".",
    ),
    "Go": _scoped(
        "go", None, _GO,
        r"^(?:import)?[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?\"([^\"\n ]+)\"", "/",
    ),
    "Swift": _scoped("swift", None, _SWIFT, r"^[ \t]*import[ \t]+(\w+)", ".", shared=True),
    "PHP": _scoped(
        "php", r"^[ \t]*namespace[ \t]+([\w\\]+)", _PHP,
        r"^[ \t]*use[ \t]+(?:function[ \t]+|const[ \t]+)?\\?([\w\\]+)", "\\",
    ),
}  # fmt: skip


def needed(tree: Tree, files: Sequence[SourceFile]) -> dict[int, set[int]]:
    """Index of a file -> the files that declare what it mentions and can see."""
    mine = {i: LANGUAGES[f.language] for i, f in enumerate(files) if f.language in LANGUAGES}
    # (family, namespace) -> name -> files that declare it
    declared: dict[tuple[str, str], dict[str, list[int]]] = {}
    scopes: dict[int, str] = {}
    for i, scoped in mine.items():
        scopes[i] = _scope(scoped, files[i])
        names = declared.setdefault((scoped.family, scopes[i]), {})
        for name in _declared(scoped, files[i].text):
            names.setdefault(name, []).append(i)
    return {i: _of_file(tree, files[i], scoped, scopes[i], declared) for i, scoped in mine.items()}


def _scope(scoped: Scoped, file: SourceFile) -> str:
    if scoped.shared:
        return ""
    if scoped.scope is None:
        return posixpath.dirname(file.path)
    match = scoped.scope.search(file.text)
    return match[1] if match else ""


def _declared(scoped: Scoped, text: str) -> set[str]:
    found = {n for m in scoped.declares.finditer(text) for n in m.groups() if n}
    return found - _OWN  # every program has one, and nobody calls that of another


def _of_file(
    tree: Tree,
    file: SourceFile,
    scoped: Scoped,
    scope: str,
    declared: dict[tuple[str, str], dict[str, list[int]]],
) -> set[int]:
    found: set[int] = set()
    visible = {scope}
    sign = scoped.sign
    for match in scoped.imports.finditer(file.text):
        for target in _targets(match[1], sign):
            if scoped.scope is None:
                folder = _go_folder(tree, target) if not scoped.shared else None
                visible.update(() if folder is None else (folder,))
                continue
            visible.update(_namespaces(target, sign, lambda s: (scoped.family, s) in declared))
            # a name of the namespace: a.b.C, or a.b.C.d of which C is declared
            parts = target.split(sign)
            for k in range(len(parts) - 1, 0, -1):
                names = declared.get((scoped.family, sign.join(parts[:k])), {})
                if parts[k] in names:
                    found.update(names[parts[k]])
                    break
    words = set(_WORD.findall(file.text))
    for namespace in visible:
        names = declared.get((scoped.family, namespace), {})
        for name in names.keys() & words:
            seen = namespace == scope or scoped.family != "go" or name[0].isupper()
            if seen and len(names[name]) <= _MAX_SAME:
                found.update(names[name])
    return found


def _targets(text: str, sign: str) -> list[str]:
    """`a.b.{C, D => E}` is a.b.C and a.b.D; a final wildcard stays."""
    head, brace, rest = text.partition("{")
    if not brace:
        return [text]
    members = (m.split("=>")[0].strip() for m in rest.rstrip("}").split(","))
    return [head + m for m in members if m]


def _namespaces(target: str, sign: str, known: Callable[[str], bool]) -> Iterable[str]:
    """The namespaces that an import opens: itself if it is one, all of `a.b.*`."""
    for end in (f"{sign}*", f"{sign}_"):
        target = target.removesuffix(end)
    return (target,) if known(target) else ()


def _go_folder(tree: Tree, target: str) -> str | None:
    """The folder of the package at an import path: the longest end of it that is a folder."""
    parts = target.split("/")
    # Go's own packages have no dot in their first part; they are in no repository by a part.
    for k in range(len(parts) if "." in parts[0] else 1):
        found = tree.folder_ending("/".join(parts[k:]))
        if found is not None:
            return found
    return None
