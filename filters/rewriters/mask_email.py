"""Masks e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from castor.filters.rewriter import Edit, rewriter

PLACEHOLDER = "|||EMAIL_ADDRESS|||"  # as Dolma (arXiv:2402.00159, appendix)
# The longest parts that RFC 5321, section 4.5.3.1, allows.
LOCAL = re.compile(r"[\w.!#$%&'*+?^`{}~-]{1,64}\Z")
DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w@-])")
CREDENTIALS = re.compile(r"://[^\s/@]{0,200}\Z")


@rewriter(version=1, needs="@")
def mask_email(text: str) -> Iterator[Edit]:
    """Replaces every e-mail address by `|||EMAIL_ADDRESS|||`.

    An address is a local part of up to 64 letters, digits and signs, an `@` and a domain of
    two labels or more that ends in letters; letters of any script; `=` is left
    out of the local part, though allowed there, because `key=name@host` is far more common. Not
    masked: user and
    password of a URL (`https://user:secret@host`), the decorators and mentions of code
    (`foo@bar`), addresses that are spelt out (`name at host`).
    """
    at, done = text.find("@"), 0
    while at >= 0:
        last = text[at - 1 : at]
        is_part = last.isalnum() or last in ("_", "-", "+")
        local = LOCAL.search(text, max(done, at - 64), at) if is_part else None
        domain = DOMAIN.match(text, at + 1) if local else None
        if local and domain:
            start = local.start() + _leading(local.group())
            if start < at and not CREDENTIALS.search(text, max(0, start - 250), start):
                done = domain.end()
                yield Edit(start, done, PLACEHOLDER)
        at = text.find("@", max(at + 1, done))


def _leading(local: str) -> int:
    """Signs that open the match but no address: quotation marks, brackets, dots."""
    return len(local) - len(local.lstrip(".!#$%&'*?^`{}~-"))
