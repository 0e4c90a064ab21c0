"""What the compiled scan asks of single bytes, and the codes of its candidates."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at

# Classes of bytes. A byte of a character outside ASCII has none of them.
DIGIT = 1
UPPER = 2
LOWER = 4
HEX = 8
WORD = 16  # A-Z a-z 0-9 _
LOCAL = 32  # in the local part of an e-mail address (RFC 5322 atext, less what is quoted or code)
TOKEN = 64  # in a key or token
RUN = 256  # in a word with hyphens and dots
URL = 128  # in a URL (RFC 3986), brackets and quotation marks left out

NONE = -1
# Codes of candidates: what shape was found, not yet which kind it is.
EMAIL, INTERNATIONAL, NATIONAL, LABELLED, IPV4, IPV6 = 0, 1, 2, 3, 4, 5
CARD, IBAN, SOCIAL, PLACE, ADDRESS, PREFIXED, ASSIGNED = 6, 7, 8, 9, 10, 11, 12

SPACE, HYPHEN, DOT, MIXED = 32, 45, 46, 1  # gaps between groups of digits
MAX_GROUPS = 8


def _classes() -> np.ndarray:
    table = np.zeros(256, np.uint16)
    for byte in range(128):
        c = chr(byte)
        table[byte] = (
            DIGIT * c.isdigit()
            | UPPER * c.isupper()
            | LOWER * c.islower()
            | HEX * (c in "0123456789abcdefABCDEF")
            | WORD * (c.isalnum() or c == "_")
            | LOCAL * (c.isalnum() or c in "._%+-&'~")
            | TOKEN * (c.isalnum() or c in "_-+/=.~!@#$%^&*")
            | RUN * (c.isalnum() or c in "_-.")
            | URL * (c.isalnum() or c in "-._~:/?#@!$&*+,;=%")
        )
    table.setflags(write=False)
    return table


CLASSES = _classes()


@nb.njit(nogil=True, _nrt=False)
def is_a(data, i, stop, classes, wanted):
    """Whether byte i is before stop and of a class."""
    return i < stop and np.int64(at(classes, np.int64(at(data, i)))) & wanted != 0


@nb.njit(nogil=True, _nrt=False)
def byte_at(data, i, first, stop):
    """Byte i of a row, 0 outside."""
    return np.int64(at(data, i)) if first <= i < stop else np.int64(0)


@nb.njit(nogil=True, _nrt=False)
def run_end(data, i, stop, classes, wanted):
    """The end of the run of bytes of a class that begins at byte i."""
    while i < stop and np.int64(at(classes, np.int64(at(data, i)))) & wanted != 0:
        i += 1
    return i


@nb.njit(nogil=True, _nrt=False)
def lower(byte):
    """An ASCII letter in lower case; other bytes are themselves."""
    return byte | 32 if 65 <= byte <= 90 else byte
