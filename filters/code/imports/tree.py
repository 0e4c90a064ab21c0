"""The paths of a repository, found by their whole or by their end."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence


class Tree:
    """Looks files up by path, and by the last folders and the name of a path."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self._by_path: dict[str, int] = {}
        self._by_end: dict[str, list[int]] = {}
        for i, path in enumerate(paths):
            self._by_path.setdefault(path, i)
            for end in _ends(path):
                self._by_end.setdefault(end, []).append(i)
        self._nearest: dict[tuple[str, str], int | None] = {}  # folder and end, as asked for
        self._folders: dict[str, list[str]] = {}
        for folder in sorted({posixpath.dirname(p) for p in paths}, key=lambda f: (len(f), f)):
            for end in _ends(folder):
                self._folders.setdefault(end, []).append(folder)

    def at(self, path: str) -> int | None:
        """The file at a path, which may hold `.` and `..`, or None."""
        return self._by_path.get(posixpath.normpath(path))

    def beside(self, origin: str, relative: str) -> int | None:
        """The file at a path relative to the folder of another."""
        return self.at(posixpath.join(posixpath.dirname(origin), relative))

    def ending(self, origin: str, end: str) -> int | None:
        """The file whose path is, or ends with, `end`: the nearest to `origin` of several.

        Nearest is with the longest common folder, then with the shortest path, then the first
        by name.
        """
        end = end.strip("/")
        if not end or ".." in end.split("/"):
            return None
        known = (posixpath.dirname(origin), end)
        if known not in self._nearest:
            same = self._by_end.get(_ends(end)[-1], ())
            found = (i for i in same if _ends_with(self.paths[i], end))
            nearest = min(found, default=None, key=lambda i: self._distance(origin, i))
            self._nearest[known] = nearest
        return self._nearest[known]

    def folder_ending(self, end: str) -> str | None:
        """The folder whose path is, or ends with, `end`: the shortest of several, then by name."""
        found = self._folders.get(_ends(end)[-1], ())
        return next((f for f in found if _ends_with(f, end)), None)

    def _distance(self, origin: str, i: int) -> tuple[int, int, str]:
        path = self.paths[i]
        mine, theirs = posixpath.dirname(origin).split("/"), posixpath.dirname(path).split("/")
        common = 0
        for a, b in zip(mine, theirs, strict=False):
            if a != b:
                break
            common += 1
        return -common, len(path), path


def _ends(path: str) -> list[str]:
    """The last part of a path and, if it has two, its last two: few files share those."""
    parts = path.rsplit("/", 2)
    return [parts[-1], "/".join(parts[-2:])] if len(parts) > 1 else [path]


def _ends_with(path: str, end: str) -> bool:
    """Whether the last parts of a path are those of another."""
    return path.endswith(end) and (len(path) == len(end) or path[-len(end) - 1] == "/")
