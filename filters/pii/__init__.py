"""Personal data: found by one compiled pass, proven candidate by candidate, masked by kind.

`find` gives the spans in a text column; the rewriter `mask_pii` masks them, the annotator
`pii` counts them. What each kind covers and what it leaves out is said in docs/safety.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from castor.filters.pii.kinds import KINDS, MASKS, Kind

if TYPE_CHECKING:
    from castor.filters.pii.spans import Spans, find

__all__ = ["KINDS", "MASKS", "Kind", "Spans", "find"]


def __getattr__(name: str) -> Any:
    """What is compiled is loaded where it is used: a run that is only checked needs none of it."""
    if name in ("Spans", "find"):
        from castor.filters.pii import spans

        return getattr(spans, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
