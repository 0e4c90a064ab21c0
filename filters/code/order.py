"""The order of the files of a repository: what is needed first, or shuffled."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def dependency_order(paths: Sequence[str], needs: Sequence[Sequence[int]]) -> list[int]:
    """Indices of the files, each behind the files that it needs, as far as there are no cycles.

    Files are visited in the order of their paths, what each needs before itself, again by path
    (a depth-first topological order), so that a file stands close behind what it needs. Of the
    files of a cycle the one that is met first by path comes last; files of different cycles are
    always in order. The result depends on the paths and the graph, not on the order given.

    Guo et al. 2024 (DeepSeek-Coder, arXiv:2401.14196, section 2.2) and Granite Code
    (arXiv:2407.13739) order a repository's files so.

    Args:
        paths: of each file; unique.
        needs: for each file the files that it needs.
    """
    rank = {i: r for r, i in enumerate(sorted(range(len(paths)), key=lambda i: paths[i]))}
    ordered: list[int] = []
    seen = [False] * len(paths)
    for root in sorted(rank, key=rank.__getitem__):
        if seen[root]:
            continue
        seen[root] = True
        stack = [(root, iter(sorted(needs[root], key=rank.__getitem__)))]
        while stack:
            file, left = stack[-1]
            following = next((n for n in left if not seen[n]), None)
            if following is None:
                ordered.append(file)
                stack.pop()
            else:
                seen[following] = True
                inner = iter(sorted(needs[following], key=rank.__getitem__))
                stack.append((following, inner))
    return ordered


def shuffled_order(paths: Sequence[str], repository: str, seed: int) -> list[int]:
    """Indices of the files in an order drawn from the repository's name and the seed."""

    def drawn(i: int) -> tuple[bytes, str]:
        name = f"{seed}\0{repository}\0{paths[i]}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, digest_size=16).digest(), paths[i]

    return sorted(range(len(paths)), key=drawn)
