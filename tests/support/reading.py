"""What the tests of sources share: read one file, look at its parts, write a tar."""

import io
import tarfile

from castor.filters.record import Record
from castor.pipelines.source import InputFile, Rejected, RejectError, Skipped, load


def items_of(kind, root, name, **options):
    """Everything that a source gives of one file, what it raises too; keys are unique."""
    file = InputFile(kind, str(root), name, **options)
    found = []
    try:
        found.extend(load(kind)(file))
    except RejectError as error:
        found.append(Rejected(file.key(), error.place, error.reason, str(error)))
    keys = [i.key for i in found if not isinstance(i, Skipped)]
    assert len(keys) == len(set(keys))
    return found


def books(root, name, **options):
    """The items of a file of books, whose parts cover their text."""
    found = items_of("books", root, name, **options)
    for item in found:
        if isinstance(item, Record):
            assert "".join(chapters(item)) == item.text
    return found


def book(folder, name, data):
    """The one item of a file that is made of the data."""
    write_files(folder, {name: data})
    (item,) = books(folder, name)
    return item


def chapters(record):
    """The text of each part; the parts cover the text in order, on character boundaries.

    Pictures stand between them.
    """
    data = record.text.encode()
    spans = [p for p in record.parts if p.media_index is None]
    edges = [0, *(p.end_byte for p in spans)]
    assert [p.start_byte for p in spans] == edges[:-1]
    return [data[p.start_byte : p.end_byte].decode() for p in spans]


def write_files(root, files):
    """Writes the files (path -> bytes or text) and the folders that they lie in."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(in_bytes(data))


def write_tar(path, files, mode="w:"):
    """Writes a tar of the files (name -> bytes or text), in their order."""
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(in_bytes(data))
            tar.addfile(info, io.BytesIO(in_bytes(data)))


def in_bytes(data):
    """Text as UTF-8; bytes as they are."""
    return data.encode() if isinstance(data, str) else data


def laughs(tag):
    """A billion laughs: entities of entities that would unpack to 10^9 characters."""
    names = zip("abcdefgh", "bcdefghi", strict=True)
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in names)
    return f'<!DOCTYPE l [<!ENTITY a "ha">{entities}]><{tag}>&i;</{tag}>'
