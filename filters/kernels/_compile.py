"""Compiles a kernel for one signature, cached on disk until any kernel's source changes."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Callable
from typing import Any

import numba as nb

U8 = nb.types.Array(nb.uint8, 1, "C", readonly=True)
U16 = nb.types.Array(nb.uint16, 1, "C", readonly=True)
U32 = nb.types.Array(nb.uint32, 1, "C", readonly=True)
U64 = nb.types.Array(nb.uint64, 1, "C", readonly=True)
I32 = nb.types.Array(nb.int32, 1, "C", readonly=True)
I64 = nb.types.Array(nb.int64, 1, "C", readonly=True)


def _stamp() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


STAMP = _stamp()


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compiles the decorated function at import, for this signature only.

    Numba's own cache looks at the time stamp of the one file that defines a function, so a
    change in a helper of another file would go unnoticed. Here the stamp is a digest of all
    kernels' sources.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        dispatcher = nb.njit(nogil=True, _nrt=False)(function)
        dispatcher.enable_caching()
        dispatcher._cache._cache_file._source_stamp = STAMP
        dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher

    return decorate
