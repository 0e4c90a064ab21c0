"""How the parts of a kernel are compiled: into the kernels that call them, and nowhere else."""

from __future__ import annotations

import numba as nb

# Without an entry for Python's calls, which takes a third of the time to compile.
part = nb.njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
