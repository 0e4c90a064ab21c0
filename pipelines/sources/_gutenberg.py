"""The header and the licence that Project Gutenberg puts around its books."""

from __future__ import annotations

import re

# Around these lines since 1971, in changing words: "*** START OF THE PROJECT GUTENBERG EBOOK
# MOBY DICK ***", "*END*THE SMALL PRINT!".
START = re.compile(
    r"^[ \t]*(\*\*\* ?START OF (THE|THIS) PROJECT GUTENBERG .*|\*END\*? ?THE SMALL PRINT!.*)$",
    re.M,
)
END = re.compile(
    r"^[ \t]*(\*\*\* ?END OF (THE|THIS) PROJECT GUTENBERG .*"
    r"|End of (the |this )?Project Gutenberg.*"
    r"|\*\*\*START\*\*THE SMALL PRINT!.*)$",
    re.M,
)
WORDS = ("GUTENBERG", "Gutenberg", "SMALL PRINT")  # one of them stands in all of these
NAME = re.compile(r"Project Gutenberg", re.I)
PRODUCED = re.compile(r"(E-text prepared|(This e-?book was )?Produced|Transcribed|Scanned) ", re.I)
# What the EPUBs and pages made since 2012 call the same.
ELEMENTS = frozenset({"pg-header", "pg-footer", "pg-machine-header", "pg-start-separator"})
CLASSES = frozenset({"pg-boilerplate", "pgheader", "pgfooter"})
