"""Masks personal data by its kind.

Options:
    kinds: which kinds; by default all of `castor.filters.pii.KINDS`: email, phone, ip,
        credit_card, iban, key, social_security, coordinates, credentials, username.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from castor.filters.pii import kinds
from castor.filters.rewriter import Edit, rewriter
from castor.filters.rewriters._masked import masked

WHERE = "the options of rewriter mask_pii"


def checked(options: Mapping[str, object]) -> dict[str, list[str]]:
    """The kinds that are chosen; an option or a kind that is unknown is a ConfigError."""
    return kinds.checked(options, WHERE)


@rewriter(version=2, reads="batch", check=checked)
def mask_pii(column: pa.Array, options: Mapping[str, object]) -> Iterator[tuple[int, list[Edit]]]:
    """Replaces personal data by a mask that says what kind it was: `|||EMAIL_ADDRESS|||`.

    E-mail addresses, telephone numbers, public IP addresses, payment cards, bank accounts, keys
    and tokens, social security numbers, coordinates of a house, URLs with a password, and the
    names of people in the URLs of their pages. What each covers: docs/safety.md.
    """
    yield from masked(column, checked(options)["kinds"])
