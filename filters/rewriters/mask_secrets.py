"""Masks secrets in source code: keys and tokens, URLs with a password, e-mail addresses.

Options:
    kinds: which kinds of `castor.filters.pii.KINDS`; by default key, credentials and email.
        StarCoder (arXiv:2305.06161, section 4) masks e-mail addresses, keys, passwords and IP
        addresses too; in code most of what looks like an address is a version, a test or a mask
        of a network, so `ip` is left to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from castor.filters.pii import kinds
from castor.filters.pii.kinds import Kind
from castor.filters.record import Modality
from castor.filters.rewriter import Edit, rewriter
from castor.filters.rewriters._masked import masked

WHERE = "the options of rewriter mask_secrets"
DEFAULT = (Kind.EMAIL, Kind.KEY, Kind.CREDENTIALS)


def checked(options: Mapping[str, object]) -> dict[str, list[str]]:
    """The kinds that are chosen; an option or a kind that is unknown is a ConfigError."""
    return kinds.checked(options, WHERE, DEFAULT)


@rewriter(version=2, reads="batch", modalities=[Modality.CODE], check=checked)
def mask_secrets(
    column: pa.Array, options: Mapping[str, object]
) -> Iterator[tuple[int, list[Edit]]]:
    """Replaces secrets in code by a mask that says what kind it was: `|||KEY|||`."""
    yield from masked(column, checked(options)["kinds"])
