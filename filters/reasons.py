"""Why something could not be read: the closed list of typed reasons."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """Why an input became a row of `rejected/` instead of a document.

    A reason names what is wrong with the input, never what the code was doing. The
    accompanying message carries the detail. Add a member rather than overload one.
    """

    BAD_ENCODING = "bad_encoding"  # bytes that no charset we may assume can decode
    BOMB = "bomb"  # unpacks or decodes to more than the stated limits
    CORRUPT = "corrupt"  # the container or payload contradicts its own format
    DUPLICATE_KEY = "duplicate_key"  # a second row with the key of an earlier one
    EMPTY = "empty"  # zero bytes, or a container without content
    ENCRYPTED = "encrypted"  # needs a password or a key
    NO_TEXT = "no_text"  # a document was read but has no text in it
    NOT_DECODABLE = "not_decodable"  # the decoder refused the payload
    READER_FAILED = "reader_failed"  # the reader itself raised something unforeseen
    SCANNED = "scanned"  # its pages are pictures: there is no text to read, only to recognise
    TIMEOUT = "timeout"  # the decoder exceeded its wall-clock limit
    TOO_LARGE = "too_large"  # over the recipe's max_document_bytes
    TRUNCATED = "truncated"  # ends early, and nothing before the end is usable
    UNREADABLE = "unreadable"  # the file system would not give the bytes
    UNSAFE = "unsafe"  # an absolute or climbing member path, a link, a nested open
    UNSUPPORTED_FORMAT = "unsupported_format"  # a format that has no reader yet
    WORKER_DIED = "worker_died"  # the decoder process was killed on this input


class Skip(enum.StrEnum):
    """Why a part of an input is not a document at all. Skips are counted, not stored."""

    NOT_A_DOCUMENT = "not_a_document"  # WARC request, metadata, warcinfo, WAT records
    NOT_HTML = "not_html"  # a response of another media type
    NOT_OK = "not_ok"  # a response whose status is not 2xx
    REVISIT = "revisit"  # a WARC revisit record: the content lies elsewhere
    SIDECAR = "sidecar"  # captions, subtitles, licences read together with another file
    OTHER_KIND = "other_kind"  # a file that belongs to another source
