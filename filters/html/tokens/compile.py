"""How the parts of a kernel are compiled: into the kernels that call them, and nowhere else."""

from __future__ import annotations

from typing import Any

import numba as nb
from numba.core import types
from numba.extending import intrinsic

# Without an entry for Python's calls, which takes a third of the time to compile.
part = nb.njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@intrinsic
def trailing_zeros(typingctx: Any, value: Any) -> Any:
    """How many low bits of a uint64 are 0; 64 of 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], context.get_constant(types.boolean, False))

    return types.uint64(types.uint64), codegen
