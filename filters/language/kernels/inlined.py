"""How the identifier's functions are compiled: into their callers, always.

They take the model and the scratch room whole, some two hundred words that a call would put on
the stack each time.
"""

from __future__ import annotations

import numba as nb

inlined = nb.njit(
    nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)
