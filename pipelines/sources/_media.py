"""What the sources of pictures, sounds and clips share: from one file to its records.

A file is taken for what its first bytes say; its suffix only says whether somebody meant it
for this source. So a picture without a suffix is read, a text called `a.jpg` is rejected
with a reason, and a README beside them is skipped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import posixpath
from collections.abc import Callable, Iterator, Mapping

from castor.filters.media.decoder import Found, examine
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import MediaType, sniff
from castor.filters.media.reference import HEAD_BYTES
from castor.filters.media.window import Window
from castor.filters.reasons import Reason, Skip
from castor.filters.record import MediaRef, Modality, Part, Record
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped
from castor.pipelines.sources import _compression, _cues, _members, _sidecars
from castor.pipelines.sources._sidecars import Kinds, Words

AUDIO_SUFFIXES = frozenset(
    ".mp3 .wav .flac .ogg .oga .opus .spx .m4a .m4b .aac .aif .aiff .aifc .afc .wma .mka .weba "
    ".amr .caf .au .mid .midi".split()
)
VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .qt .mkv .webm .avi .mts .m2ts .mpg .mpeg .wmv .asf .flv .ogv .3gp .3g2".split()
)
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .gif .webp .tif .tiff .bmp .dib .ico .avif .avifs .jp2 .j2k "
    ".jpx .mpo".split()
)
# Pictures by their suffix alone: formats without a reader, some of them without magic bytes.
UNREAD_IMAGE_SUFFIXES = frozenset(
    ".svg .svgz .eps .wmf .emf .psd .heic .heif .jxl .tga .pcx .ppm .pgm .pbm .cur".split()
)
# Sidecars of an archive are held in memory while its members are read.
MAX_HELD_BYTES = 64_000_000


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the media sources.

    Attributes:
        max_media_bytes: a single file over this is rejected as `too_large`. Media never
            travel with their record, so this may be more than `max_document_bytes`.
    """

    max_media_bytes: int = 4_000_000_000


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What one source reads: `image`, `audio` or `video`, its suffixes, its sidecars."""

    kind: str
    suffixes: frozenset[str]
    words: Kinds


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one medium lies: a whole file, or a member of an archive."""

    file: InputFile
    member: str | None
    offset: int

    @property
    def name(self) -> str:
        """The path that says how the medium is called."""
        return self.member if self.member is not None else self.file.path

    @property
    def key(self) -> str:
        """The key of its record."""
        return self.file.key(self.member or "")


def read(file: InputFile, wanted: Wanted, options: Options) -> Iterator[Item]:
    """The items of one file: a medium, or an archive of media.

    Raises:
        RejectError: the file cannot be opened, or the archive breaks off.
    """
    if _members.is_archive(file.path):
        yield from _in_archive(file, wanted, options)
    elif _sidecars.is_sidecar(file):
        yield Skipped(Skip.SIDECAR)
    else:
        try:
            stream = file.open()
        except OSError as error:
            raise RejectError(Reason.UNREADABLE, str(error.strerror)) from error
        with stream, Window(stream.fileno(), 0, file.size) as window:
            words = functools.partial(_sidecars.in_folder, file, wanted.words)
            yield _item(Place(file, None, 0), window, words, wanted, options)


def kind_of(found: MediaType, name: str) -> str:
    """`image`, `audio`, `video` or `other`; the suffix decides for a container of either."""
    if found.kind == "av":
        return "audio" if _suffix(name) in AUDIO_SUFFIXES else "video"
    return found.kind


def _suffix(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _item(
    place: Place,
    window: Window,
    words: Callable[[], tuple[list[Words], list[str]]],
    wanted: Wanted,
    options: Options,
) -> Item:
    """The record of one medium, or why there is none."""
    found = sniff(window.at(0, HEAD_BYTES), window.at)
    meant = _suffix(place.name) in wanted.suffixes
    kind = kind_of(found, place.name) if found else None
    if not meant and kind != wanted.kind:
        return Skipped(Skip.OTHER_KIND)
    try:
        digest, examined = _examined(found, kind, window, place, wanted, options)
    except MediaError as error:
        return Rejected(place.key, place.member or "", error.reason, error.what)
    return _record(place, window.length, digest, examined, words, wanted)


def _examined(
    found: MediaType | None,
    kind: str | None,
    window: Window,
    place: Place,
    wanted: Wanted,
    options: Options,
) -> tuple[bytes, Found]:
    if window.length == 0:
        raise MediaError(Reason.EMPTY, "zero bytes")
    if window.length > options.max_media_bytes:
        limit = options.max_media_bytes
        raise MediaError(Reason.TOO_LARGE, f"{window.length} bytes, the limit is {limit}")
    if found is None:
        if _suffix(place.name) in UNREAD_IMAGE_SUFFIXES:
            raise MediaError(Reason.UNSUPPORTED_FORMAT, f"{_suffix(place.name)} has no reader")
        raise MediaError(Reason.CORRUPT, "begins with the bytes of no known format")
    # A sound called clip.mp4 is read as what it is; the two sources read the same containers.
    readable = {"image": ("image",)}.get(wanted.kind, ("audio", "video"))
    if kind is None or kind not in readable or found.reader is None:
        what = "has no reader" if kind == wanted.kind else f"is no {wanted.kind}"
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"{found.mime} {what}")
    digest = window.digest()
    return digest, examine(kind, window, digest, found.mime, found.reader)


def _record(
    place: Place,
    length: int,
    digest: bytes,
    found: Found,
    words: Callable[[], tuple[list[Words], list[str]]],
    wanted: Wanted,
) -> Record:
    file = place.file
    meta = dict(found.facts)
    beside, faults = words()
    inside = [
        Words("subtitle", track["language"], _clean(track["cues"]), "inside")
        for track in found.subtitles
    ]
    in_tables, table_faults = _sidecars.in_tables(file, place.member, wanted.words)
    chosen = _sidecars.merged([*beside, *inside, *in_tables])
    text, spans = _sidecars.as_text(chosen)
    for name, values in (
        ("language", [w.language for w in chosen]),
        ("speaker", [w.speaker for w in chosen]),
        ("sidecar_error", faults + table_faults),
    ):
        value = next((v for v in values if v), None)
        if value:
            meta[name] = value
    ref = MediaRef(file.uri, place.member, place.offset, length, meta["mime"], digest)
    duration_s = found.signals.get("duration_s")
    shown = Part(
        found.kind,
        media_index=0,
        t0_s=None if duration_s is None else 0.0,
        t1_s=duration_s,
    )
    return Record(
        key=place.key,
        source=file.source,
        modality=Modality(found.kind),
        text=text,
        media=(ref,),
        parts=(shown, *spans),
        meta=meta,
    )


def _clean(cues: list[tuple[float, float, str]]) -> list[tuple[float | None, float | None, str]]:
    cleaned = [(t0_s, t1_s, _cues.clean(text)) for t0_s, t1_s, text in cues]
    return [cue for cue in cleaned if cue[2]]


# --- archives ------------------------------------------------------------------------------


def _in_archive(file: InputFile, wanted: Wanted, options: Options) -> Iterator[Item]:
    held, media = _index(file)
    for member, window in members(file, options):
        with window or contextlib.nullcontext():
            yield _member_item(file, member, window, held, media, wanted, options)


def _member_item(
    file: InputFile,
    member: _members.Member,
    window: Window | None,
    held: Mapping[str, bytes],
    media: Mapping[str, str],
    wanted: Wanted,
    options: Options,
) -> Item:
    path, suffix = member.path, _suffix(member.path)
    if suffix in _sidecars.SUFFIXES:
        beside = (media[s] for s in _stems(path) if s in media)
        is_sidecar = suffix in _cues.SUFFIXES or any(_sidecars.belongs(path, m) for m in beside)
        return Skipped(Skip.SIDECAR if is_sidecar else Skip.OTHER_KIND)
    if window is None:
        fault = member.fault
        assert fault is not None
        if suffix not in wanted.suffixes:
            return Skipped(Skip.OTHER_KIND)
        place = f"{path}@{member.offset}" if fault.reason is Reason.DUPLICATE_KEY else path
        return Rejected(file.key(place), path, fault.reason, str(fault))

    def words() -> tuple[list[Words], list[str]]:
        stem = _sidecars.stem_of(path)
        return _sidecars.of_stem(
            (n for n in held if n.startswith(stem + ".")), stem, held.__getitem__, wanted.words
        )

    return _item(Place(file, path, member.offset or 0), window, words, wanted, options)


def members(file: InputFile, options: Options) -> Iterator[tuple[_members.Member, Window | None]]:
    """The members of an archive with a window over their bytes, None where there is a fault.

    Members of a plain tar are read where they lie; others are unpacked into memory one by
    one, which `max_document_bytes` limits.

    Raises:
        RejectError: from the iterator, when the archive breaks off.
    """
    with file.open() as stream:
        size = file.size
        is_zip = stream.read(2) == b"PK"
        stream.seek(0)
        packed = is_zip or _compression.kind_of(stream) is not None
        limit = min(options.max_media_bytes, file.max_document_bytes if packed else 1 << 62)
        for member in _members.members(stream, file.path, limit_bytes=limit):
            if member.fault is not None:
                yield member, None
            elif packed:
                try:
                    yield member, Window.of_bytes(member.read())
                except RejectError as fault:
                    yield dataclasses.replace(member, fault=fault), None
            else:
                assert member.offset is not None
                if member.offset + member.size > size:
                    cut = RejectError(Reason.TRUNCATED, "the tar ends inside it")
                    yield dataclasses.replace(member, fault=cut), None
                else:
                    yield member, Window(stream.fileno(), member.offset, member.size)


def _index(file: InputFile) -> tuple[dict[str, bytes], dict[str, str]]:
    """The sidecars of an archive by path, and its other members by stem."""
    held: dict[str, bytes] = {}
    media: dict[str, str] = {}
    n_held = 0
    # What breaks the archive is raised again, and reported, when its members are read.
    with file.open() as stream, contextlib.suppress(RejectError):
        for member in _members.members(stream, file.path):
            if _suffix(member.path) not in _sidecars.SUFFIXES:
                media[_sidecars.stem_of(member.path)] = member.path
            elif member.size <= _sidecars.MAX_BYTES and n_held + member.size <= MAX_HELD_BYTES:
                held[member.path] = member.read()
                n_held += member.size
    return held, media


def _stems(path: str) -> tuple[str, str]:
    stem = _sidecars.stem_of(path)
    return stem, _sidecars.stem_of(stem)
