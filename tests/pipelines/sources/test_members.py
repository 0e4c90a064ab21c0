"""Archives: every member once, in order, and nothing that an archive may do to its reader."""

import bz2
import contextlib
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._members import Member, is_archive, members, stem
from castor.pipelines.sources._unpack import open_unpacked, unpack

FILES = {"a/one.txt": b"one", "a/b/two.txt": b"two" * 999, "three.txt": b""}
PACKERS = {
    "tar": lambda data: data,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
    "tar.zst": zstandard.ZstdCompressor().compress,
}


def make_tar(files=FILES, infos=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in infos:
            tar.addfile(info)
    return buffer.getvalue()


def make_zip(files=FILES, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def listed(data, **options) -> list[Member]:
    return list(members(io.BytesIO(data), "x", **options))


def reason_of(data, **options):
    try:
        for member in members(io.BytesIO(data), "x", **options):
            if member.fault is None:
                member.read()
    except RejectError as error:
        return error.reason
    return None


@pytest.mark.parametrize("kind", [*PACKERS, "zip"])
def test_members_in_order_with_their_bytes(kind):
    data = make_zip() if kind == "zip" else PACKERS[kind](make_tar())
    found = [(m.path, m.size, m.fault, m.read()) for m in members(io.BytesIO(data), "x")]
    assert found == [(path, len(text), None, text) for path, text in FILES.items()]


@pytest.mark.parametrize("kind", PACKERS)
def test_offset_addresses_the_uncompressed_tar(kind):
    tar = make_tar()
    for member in listed(PACKERS[kind](tar)):
        content = FILES[member.path]
        assert tar[member.offset : member.offset + member.size] == content


def test_directories_are_not_members_and_dot_slash_goes():
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    data = make_tar({"./a.txt": b"a"}, [folder])
    assert [m.path for m in listed(data)] == ["a.txt"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../../up", "C:\\x", "a\\..\\..\\up", "\\\\host\\x"]
)
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_climbing_and_absolute_paths_are_unsafe(make, path):
    (bad, good) = listed(make({path: b"x", "good.txt": b"y"}))
    assert bad.fault.reason is Reason.UNSAFE
    assert (good.fault, good.read()) == (None, b"y")
    with pytest.raises(RejectError):
        bad.read()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_unsafe(kind):
    info = tarfile.TarInfo("odd")
    info.type, info.linkname = kind, "/etc/passwd"
    *whole, odd = listed(make_tar(FILES, [info]))
    assert [m.fault for m in whole] == [None, None, None]
    assert odd.fault.reason is Reason.UNSAFE
    assert ("/etc/passwd" in str(odd.fault)) is (kind in (tarfile.SYMTYPE, tarfile.LNKTYPE))


def test_a_link_in_a_zip_is_unsafe():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert listed(buffer.getvalue())[0].fault.reason is Reason.UNSAFE


def test_an_encrypted_entry_is_told_and_the_others_read():
    data = bytearray(make_zip())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + at] |= 1
    first, second, _ = listed(bytes(data))
    assert first.fault.reason is Reason.ENCRYPTED
    assert second.read() == FILES["a/b/two.txt"]


def test_a_member_over_the_limit_is_too_large():
    reasons = [m.fault and m.fault.reason for m in listed(make_tar(), limit_bytes=1000)]
    assert reasons == [None, Reason.TOO_LARGE, None]


def test_the_same_path_twice_is_a_duplicate_key():
    info = tarfile.TarInfo("a/one.txt")
    assert listed(make_tar(FILES, [info]))[-1].fault.reason is Reason.DUPLICATE_KEY


def test_zip_bomb_by_ratio():
    data = make_zip({"zeros": bytes(33_000_000), "good": b"y"})
    bad, good = listed(data)
    assert bad.fault.reason is Reason.BOMB
    assert good.read() == b"y"


def test_zip_bomb_by_entries_that_share_bytes():
    data = make_zip({"a": bytes(range(256)) * 9}, zipfile.ZIP_STORED)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry, tail = data[start:end], bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, 50 * len(entry))
    assert reason_of(data[:start] + entry * 50 + bytes(tail)) is Reason.BOMB


def test_compressed_tar_bomb_by_ratio():
    bomb = gzip.compress(make_tar({"good": b"y"})[:1024] + make_tar({"zeros": bytes(40_000_000)}))
    found = members(io.BytesIO(bomb), "x")
    assert next(found).read() == b"y"
    with pytest.raises(RejectError) as caught:
        next(found).read()
    assert caught.value.reason is Reason.BOMB


@pytest.mark.parametrize("kind", [*PACKERS, "zip"])
def test_a_cut_archive_is_truncated_and_what_was_before_is_given(kind):
    noise = bytes(i * i * 7 % 251 for i in range(3000))
    files = {"a": b"first", "b": noise}
    data = make_zip(files) if kind == "zip" else PACKERS[kind](make_tar(files))
    cut = data[:3000] if kind == "tar" else data[: len(data) * 2 // 3]
    assert reason_of(cut) is Reason.TRUNCATED


def test_a_damaged_tar_header_is_corrupt_not_the_end():
    data = bytearray(make_tar())
    data[1024 + 10] ^= 0xFF
    found = members(io.BytesIO(bytes(data)), "x")
    assert next(found).path == "a/one.txt"
    with pytest.raises(RejectError) as caught:
        next(found)
    assert caught.value.reason is Reason.CORRUPT


def test_a_huge_extended_header_is_a_bomb():
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    assert reason_of(info.tobuf() + bytes(4096)) is Reason.BOMB


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", Reason.EMPTY), (b"plain text " * 99, Reason.CORRUPT), (b"PK\x05", Reason.CORRUPT)],
)
def test_what_is_no_archive(data, reason):
    assert reason_of(data) is reason


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, 4000), st.sampled_from([*PACKERS, "zip"]))
def test_damage_anywhere_gives_members_or_a_typed_reason(noise, place, kind):
    data = bytearray(make_zip() if kind == "zip" else PACKERS[kind](make_tar()))
    at = place % len(data)
    data[at : at + len(noise)] = noise
    reasons = set()
    try:
        for member in members(io.BytesIO(bytes(data)), "x"):
            assert member.path.encode() or member.fault
            with contextlib.suppress(RejectError):
                member.read()
    except RejectError as error:
        reasons.add(error.reason)
    assert all(isinstance(r, Reason) for r in reasons)


@pytest.mark.parametrize("kind", PACKERS)
def test_unpack_gives_the_bytes_and_knows_its_limit(kind):
    text = b"some text " * 100
    data = PACKERS[kind](text)
    assert unpack(io.BytesIO(data), "x", limit_bytes=1000) == text
    with pytest.raises(RejectError) as caught:
        unpack(io.BytesIO(data), "x", limit_bytes=999)
    assert caught.value.reason is Reason.TOO_LARGE
    if kind != "tar":
        with pytest.raises(RejectError) as caught:
            unpack(io.BytesIO(data[:-6]), "x", limit_bytes=1000)
        assert caught.value.reason is Reason.TRUNCATED


def test_many_gzip_members_are_one_stream():
    data = gzip.compress(b"one ") + gzip.compress(b"two")
    assert open_unpacked(io.BytesIO(data), "x").read() == b"one two"


def test_names():
    assert is_archive("a/Click.TAR.xz")
    assert not is_archive("a/book.epub")
    assert stem("a/click.tar.xz") == "click"
    assert stem("b.zip") == "b"
