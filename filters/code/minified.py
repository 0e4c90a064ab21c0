"""Scripts and style sheets whose white space and names a tool has taken away."""

from __future__ import annotations

import posixpath
import re

SCRIPTS = frozenset({"JavaScript", "TypeScript", "TSX", "JSX", "CSS", "Less", "SCSS"})
_MARKUP = frozenset({"HTML", "Vue", "Svelte"})
_NAME = re.compile(r"[.\-_](?:min|pack|packed|prod|bundle\.min)\.(?:js|mjs|cjs|css|html)$", re.I)
# Linguist calls a script or style sheet minified over a mean of 110 characters a line.
MEAN_LINE_CHARS = 110
# Machine-packed lines: long, with hardly a space. Prose in a line has 1 of 6 characters blank.
PACKED_LINE_CHARS = 300
MAX_BLANK_SHARE = 0.09
MIN_PACKED_SHARE = 0.5
_MIN_CHARS = 200


def is_minified(path: str, language: str | None, text: str) -> bool:
    """Whether most of a script, style sheet or page is packed by a minifier.

    By its name (`x.min.js`), or because at least half of its characters stand in lines of 300
    characters or more of which less than 9 % are blank, or, for scripts, because its lines have
    a mean of more than 110 characters (as Linguist) and are short of blanks.

    Args:
        path: posix path; may be empty.
        language: as Linguist names it; others than scripts, style sheets and pages never are.
        text: the whole text.
    """
    if language not in SCRIPTS and language not in _MARKUP:
        return False
    if _NAME.search(posixpath.basename(path)):
        return True
    if len(text) < _MIN_CHARS:
        return False
    packed = 0
    for line in text.split("\n"):
        if len(line) >= PACKED_LINE_CHARS and _is_packed(line):
            packed += len(line)
    if packed >= MIN_PACKED_SHARE * len(text):
        return True
    mean = len(text) / (text.count("\n") + (not text.endswith("\n")))
    return language in SCRIPTS and mean > MEAN_LINE_CHARS and _is_packed(text)


def _is_packed(text: str) -> bool:
    return text.count(" ") + text.count("\t") + text.count("\n") < MAX_BLANK_SHARE * len(text)
