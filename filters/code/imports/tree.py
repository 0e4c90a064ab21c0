"""The paths of a repository, found by their whole or by their end."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence


class Tree:
    """Looks files up by path, and by the last folders and the name of a path."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = list(paths)
        self._by_path: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        for i, path in enumerate(paths):
            self._by_path.setdefault(path, i)
            self._by_name.setdefault(posixpath.basename(path), []).append(i)
        self.folders: dict[str, list[int]] = {}
        for i, path in enumerate(paths):
            self.folders.setdefault(posixpath.dirname(path), []).append(i)

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
        found = [
            i
            for i in self._by_name.get(posixpath.basename(end), ())
            if self.paths[i] == end or self.paths[i].endswith("/" + end)
        ]
        return self.nearest(origin, found)

    def nearest(self, origin: str, found: Iterable[int]) -> int | None:
        """The one of some files that lies nearest to `origin`, or None of none."""
        return min(found, default=None, key=lambda i: self._distance(origin, i))

    def _distance(self, origin: str, i: int) -> tuple[int, int, str]:
        path = self.paths[i]
        mine, theirs = posixpath.dirname(origin).split("/"), posixpath.dirname(path).split("/")
        common = 0
        for a, b in zip(mine, theirs, strict=False):
            if a != b:
                break
            common += 1
        return -common, len(path), path
