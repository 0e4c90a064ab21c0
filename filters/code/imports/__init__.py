"""Which file of a repository needs which: the import graph.

    edges = graph([SourceFile("a.py", "Python", "import b"), SourceFile("b.py", "Python", "")])
    edges == [[1], []]

Two ways in which languages name what they need:

- a *place*: a path (`#include "a/b.h"`, `from './b'`, `require_relative`) or a module whose
  name is a path (`import a.b`, `use crate::a::b`, `use A::B`): filters/code/imports/places.py;
- a *name* that another file declares in a namespace which the file can see (Java, Kotlin,
  Scala, C#, Go, Swift, PHP): filters/code/imports/names.py.

What is not in the repository is nobody's edge. Text is searched, not parsed: an import in a
comment counts if the file that it names is there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a repository: posix path, language as Linguist names it, text."""

    path: str
    language: str | None
    text: str


def graph(files: Sequence[SourceFile]) -> list[list[int]]:
    """For each file the files that it needs: indices, ascending, itself left out.

    Args:
        files: of one repository; their order does not matter to who needs whom.
    """
    from castor.filters.code.imports import names, places
    from castor.filters.code.imports.tree import Tree

    tree = Tree([f.path for f in files])
    needed: list[set[int]] = [set() for _ in files]
    for i, file in enumerate(files):
        needed[i].update(places.needed(tree, file))
    for i, found in names.needed(tree, files).items():
        needed[i].update(found)
    return [sorted(found - {i}) for i, found in enumerate(needed)]
