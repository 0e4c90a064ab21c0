"""Personal data: found by one compiled pass, proven candidate by candidate, masked by kind.

`find` gives the spans in a text column; the rewriter `mask_pii` masks them, the annotator
`pii` counts them. What each kind covers and what it leaves out is said in docs/safety.md.
"""

from __future__ import annotations

from castor.filters.pii.find import Spans, find
from castor.filters.pii.kinds import KINDS, MASKS, Kind

__all__ = ["KINDS", "MASKS", "Kind", "Spans", "find"]
