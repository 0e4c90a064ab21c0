"""The source `code`: files of source trees, with their language and their licence."""

from __future__ import annotations

import contextlib
import dataclasses
import posixpath
from collections.abc import Callable, Iterator

from castor.filters import spdx
from castor.filters.code import vendored
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Part, Record, utf8_length
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped, source
from castor.pipelines.sources import _licence_tree, _members

BINARY = frozenset(
    """
    7z a aac avi avif bin bmp br bz2 class dat db deb dex dll dmg doc docx dylib eot exe flac gif
    gz h5 ico icns iso jar jpeg jpg ko lib lz4 lzma m4a mkv mo mov mp3 mp4 npy npz o obj odt ogg
    onnx opus otf parquet pb pdf pkl png ppt pptx psd pt pth pyc pyd pyo rar rpm so sqlite swf tar
    tflite tgz tif tiff ttf wasm wav webm webp whl woff woff2 xls xlsx xz zip zst
    """.split()
)
_SNIFF_BYTES = 8000  # as git: a NUL among them makes a file binary
_BOMS = (b"\xff\xfe", b"\xfe\xff")
# Text has tabs and line ends, hardly other control characters; machine data has 10 % of them.
_MAX_CONTROL_SHARE = 0.05
_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\b\x1b")


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        repository: name of the repository for `meta.repository`; empty means the archive's
            name, or the topmost folder of a file that lies in folders.
        notebook_outputs: whether the text that cells of notebooks printed follows them.
    """

    repository: str = ""
    notebook_outputs: bool = False


@source(version=3, files=["*"], options=Options)
def code(file: InputFile, options: Options) -> Iterator[Item]:
    """Source files in folders, zip and tar archives; one document per file.

    meta: `file_language` (as Linguist names it), `path`, `repository`, `licence`
    (an SPDX expression, absent when unknown) and `licence_source`: `spdx_tag`, `header`,
    `file:<path>` of the nearest licence or metadata file, or `none`. Prose in a repository
    (Markdown, Text) is code by modality and tells itself by `file_language`, so that a
    policy may choose. Notebooks become scripts, prose as comments, without outputs unless asked
    for. Binary files are skipped, licence files are read with what they cover, empty files are
    rejected as `empty`.
    """
    if _members.is_archive(file.path):
        yield from _archive(file, options)
        return
    repository = options.repository or posixpath.dirname(file.path).split("/")[0]
    options = dataclasses.replace(options, repository=repository)
    yield from _document(
        file, "", file.path, options, lambda: _read(file), lambda path: _on_disk(file, path)
    )


Nearest = Callable[[str], _licence_tree.Stated | None]


def _archive(file: InputFile, options: Options) -> Iterator[Item]:
    limit = file.max_document_bytes
    repository = options.repository or _members.stem(file.path)
    options = dataclasses.replace(options, repository=repository)
    tree = _licences(file)
    with file.open() as raw:
        for member in _members.members(raw, file.path, limit_bytes=limit):
            place = member.path
            if member.fault is not None:
                yield Rejected(file.key(place), place, member.fault.reason, str(member.fault))
                continue
            yield from _document(file, place, place, options, member.read, tree.nearest)


def _licences(file: InputFile) -> _licence_tree.LicenceTree:
    """A first pass for the licences: they may lie behind the files that they cover."""
    tree = _licence_tree.LicenceTree()
    # Whatever is broken here, the second pass meets and reports.
    with file.open() as raw, contextlib.suppress(RejectError):
        for member in _members.members(raw, file.path, limit_bytes=_licence_tree.MAX_BYTES):
            if member.fault is None and _licence_tree.states_licence(member.path):
                with contextlib.suppress(RejectError):
                    tree.add(member.path, member.read())
    return tree


def _document(
    file: InputFile,
    place: str,
    path: str,
    options: Options,
    read: Callable[[], bytes],
    nearest: Nearest,
) -> Iterator[Item]:
    """The one item of a source file."""
    name = posixpath.basename(path)
    if posixpath.splitext(name)[1][1:].lower() in BINARY:
        yield Skipped(Skip.OTHER_KIND)
        return
    if _licence_tree.is_licence_file(path):
        yield Skipped(Skip.SIDECAR)
        return
    try:
        data = read()
        if not data:
            raise RejectError(Reason.EMPTY, "the file has no bytes")
        if _is_binary(data):
            yield Skipped(Skip.OTHER_KIND)
            return
        yield _record(file, place, path, options, data, nearest)
    except RejectError as error:
        yield Rejected(file.key(place), place, error.reason, str(error))


def _record(
    file: InputFile, place: str, path: str, options: Options, data: bytes, nearest: Nearest
) -> Record:
    from castor.pipelines.sources import _code_language, _decode, _notebook

    text, charset = _decode.decode(data)
    if not text.strip():
        raise RejectError(Reason.NO_TEXT, "the file is only white space")
    meta = {"path": path}
    parts: tuple[Part, ...] = ()
    language = _code_language.language_of(path, text)
    if language is not None:
        meta["file_language"] = language
    if path.lower().endswith(".ipynb"):
        text, parts, inner = _notebook.read_notebook(text, outputs=options.notebook_outputs)
        if inner:
            meta["notebook_language"] = inner
    if utf8_length(text) > file.max_document_bytes:
        raise RejectError(Reason.TOO_LARGE, f"the text is over {file.max_document_bytes} bytes")
    if charset != "utf-8":
        meta["charset"] = charset
    if options.repository:
        meta["repository"] = options.repository
    meta |= _licence_of(path, options.repository, text, nearest)
    return Record(
        key=file.key(place),
        source=file.source,
        modality=Modality.CODE,
        text=text,
        parts=parts,
        meta=meta,
    )


def _licence_of(path: str, repository: str, text: str, nearest: Nearest) -> dict[str, str]:
    from castor.pipelines.sources import _licence

    for name, detect in (("spdx_tag", _licence.of_tags), ("header", _licence.of_header)):
        found = detect(text)
        if found is not None:
            return {"licence": spdx.render(found), "licence_source": name}
    # A library copied into a project is not under the terms of the project.
    stated = None if vendored.is_library(path, repository) else nearest(path)
    if stated is None:
        return {"licence_source": "none"}
    facts = {"licence_source": f"file:{stated.path}"}
    return facts if stated.licence is None else facts | {"licence": stated.licence}


def _is_binary(data: bytes) -> bool:
    head = data[:_SNIFF_BYTES]
    if head.startswith(_BOMS):
        return False
    if b"\0" in head:
        return True
    return len(head) - len(head.translate(None, _CONTROLS)) > _MAX_CONTROL_SHARE * len(head)


def _read(file: InputFile) -> bytes:
    with file.open() as raw:
        data = raw.read(file.max_document_bytes + 1)
    if len(data) > file.max_document_bytes:
        raise RejectError(Reason.TOO_LARGE, f"over {file.max_document_bytes} bytes")
    return data


def _on_disk(file: InputFile, path: str) -> _licence_tree.Stated | None:
    return _licence_tree.nearest_on_disk(file.root, path)
