"""From a MediaRef to its bytes: roots, containers, bounds, digests."""

import dataclasses
import gzip
import hashlib
import io
import os
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.media import reference
from castor.filters.media.failure import MediaError
from castor.filters.media.reference import examine_media, open_media, read_media
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.filters.record import MediaRef

DATA = {f"m{i}.bin": bytes([i]) * (1000 + i) for i in range(4)}


def ref_of(uri, data, *, member=None, offset=0):
    digest = hashlib.blake2b(data, digest_size=16).digest()
    return MediaRef(uri, member, offset, len(data), "application/octet-stream", digest)


def tar_of(path, mode):
    with tarfile.open(path, mode) as tar:
        for name, data in DATA.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with tarfile.open(path) as tar:
        return {m.name: m.offset_data for m in tar}


def reason(call, *args):
    with pytest.raises(MediaError) as caught:
        call(*args)
    return caught.value.reason


def test_a_whole_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.bin").write_bytes(b"all of it")
    assert read_media(ref_of("in:sub/a.bin", b"all of it"), {"in": str(tmp_path)}) == b"all of it"


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.tar", "w:"), ("a.tar.gz", "w:gz"), ("a.tar.bz2", "w:bz2"), ("a.tar.xz", "w:xz")],
)
@pytest.mark.parametrize("order", [1, -1])
def test_members_of_tars_in_any_order(tmp_path, name, mode, order):
    offsets = tar_of(tmp_path / name, mode)
    for member, data in list(DATA.items())[::order]:
        ref = ref_of(f"in:{name}", data, member=member, offset=offsets[member])
        assert read_media(ref, {"in": str(tmp_path)}) == data


def test_a_member_of_a_zstd_tar_and_of_a_zip(tmp_path):
    import zstandard

    offsets = tar_of(tmp_path / "a.tar", "w:")
    packed = zstandard.compress((tmp_path / "a.tar").read_bytes())
    (tmp_path / "a.tar.zst").write_bytes(packed)
    data = DATA["m2.bin"]
    ref = ref_of("in:a.tar.zst", data, member="m2.bin", offset=offsets["m2.bin"])
    assert read_media(ref, {"in": str(tmp_path)}) == data
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m2.bin", data)
    assert read_media(ref_of("in:a.zip", data, member="m2.bin"), {"in": str(tmp_path)}) == data
    assert reason(read_media, ref_of("in:a.zip", data, member="no"), {"in": str(tmp_path)}) is (
        Reason.CORRUPT
    )


def test_a_packed_tar_is_unpacked_once_and_only_as_far_as_needed(tmp_path):
    offsets = tar_of(tmp_path / "a.tar.gz", "w:gz")
    first, last = "m0.bin", "m3.bin"
    roots = {"in": str(tmp_path)}
    with open_media(ref_of("in:a.tar.gz", DATA[first], offset=offsets[first]), roots) as window:
        assert os.fstat(window.fd).st_size == offsets[first] + len(DATA[first])
    container = reference._last[1]
    with open_media(ref_of("in:a.tar.gz", DATA[last], offset=offsets[last]), roots):
        assert reference._last[1] is container


def test_a_file_that_is_written_anew_is_opened_anew(tmp_path):
    path = tmp_path / "a.gz"
    for mtime_ns, data in enumerate((b"first", b"other")):
        path.write_bytes(gzip.compress(data))
        os.utime(path, ns=(0, mtime_ns))
        assert read_media(ref_of("in:a.gz", data), {"in": str(tmp_path)}) == data


def test_bounds_and_digest_are_checked(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"0123456789")
    roots = {"in": str(tmp_path)}
    good = ref_of("in:a.bin", b"345", offset=3)
    assert read_media(good, roots) == b"345"
    assert reason(read_media, dataclasses.replace(good, offset=8), roots) is Reason.TRUNCATED
    assert reason(read_media, dataclasses.replace(good, offset=-1), roots) is Reason.TRUNCATED
    assert reason(read_media, dataclasses.replace(good, length=99), roots) is Reason.TRUNCATED
    assert reason(read_media, dataclasses.replace(good, offset=4), roots) is Reason.CORRUPT


def test_a_reference_cannot_leave_its_root(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    os.symlink(tmp_path / "secret", tmp_path / "root/link")
    roots = {"in": str(tmp_path / "root")}
    for path in ("../secret", "/etc/hostname", "link", "x/../../secret"):
        assert reason(read_media, ref_of(f"in:{path}", b"secret"), roots) is Reason.UNSAFE


def test_what_is_not_there_is_unreadable(tmp_path):
    assert reason(read_media, ref_of("in:a", b""), {"in": str(tmp_path)}) is Reason.UNREADABLE
    with pytest.raises(MediaError, match=r"no input root 'in'.*known: other"):
        read_media(ref_of("in:a", b""), {"other": str(tmp_path)})


def test_examine_media_checks_the_bytes(tmp_path, make):
    data = make.picture("PNG", (30, 20))
    (tmp_path / "a").write_bytes(data)
    roots = {"in": str(tmp_path)}
    assert examine_media(ref_of("in:a", data), "image", roots).signals["pixels"] == 600
    wrong = dataclasses.replace(ref_of("in:a", data), blake2b=b"0" * 16)
    assert reason(examine_media, wrong, "image", roots) is Reason.CORRUPT


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 350))
def test_a_window_reads_what_a_slice_does(data, offset, length, at):
    offset = min(offset, len(data))
    length = min(length, len(data) - offset)
    part = data[offset : offset + length]
    with Window.of_bytes(data) as whole, Window(whole.fd, offset, length) as window:
        assert window.at(at, 20) == part[at : at + 20]
        window.seek(min(at, length))
        assert window.read() == part[min(at, length) :]
        assert window.digest() == hashlib.blake2b(part, digest_size=16).digest()
        with window.buffered() as stream:
            assert stream.read() == part
        assert not window.closed
