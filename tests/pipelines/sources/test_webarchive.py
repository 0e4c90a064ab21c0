"""WARC and ARC: every record in order, found again after damage."""

import bz2
import collections
import gzip
import io
import lzma
import random
import re
import tracemalloc

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.pipelines.sources._webarchive import Entry, Fault, begins_archive, read_archive

WANTED = frozenset({"response", "resource", "conversion"})
PACK = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def warc(kind: str, content: bytes, **headers: str) -> bytes:
    lines = {"WARC-Type": kind, "Content-Length": str(len(content)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + content + b"\r\n\r\n"


def arc(url: str, content: bytes, length: int | None = None) -> bytes:
    length = len(content) if length is None else length
    return f"{url} 1.2.3.4 20080430204825 text/html {length}\n".encode() + content + b"\n"


RANDOM = random.Random(7)
CONTENTS = [b"", b"one", b"x\r\nWARC not quite\r\n", RANDOM.randbytes(3000), b"last" * 50]
WARCS = [warc("response", c) for c in CONTENTS]
ARCS = [arc("filedesc://a.arc", b"1 0 Test\nURL IP-address Archive-date\n")]
ARCS += [arc(f"http://a.example/{i} b", c) for i, c in enumerate(CONTENTS)]


def read(data: bytes, max_bytes: int = 1 << 20) -> list[Entry | Fault]:
    return list(read_archive(io.BytesIO(data), "f", max_bytes=max_bytes, wanted=WANTED))


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_records_come_in_order_with_the_offset_of_their_member(pack):
    packed = [pack(record) for record in WARCS]
    entries = read(b"".join(packed))
    assert [e.content for e in entries] == CONTENTS
    offsets = [sum(map(len, packed[:i])) for i in range(len(packed))]
    assert [e.place for e in entries] == [str(o) for o in offsets]


def test_records_of_one_member_are_placed_by_their_bytes_inside_it():
    first = gzip.compress(WARCS[0])
    entries = read(first + gzip.compress(WARCS[1] + WARCS[2]))
    assert [e.place for e in entries] == ["0", str(len(first)), f"{len(first)}+{len(WARCS[1])}"]


@pytest.mark.parametrize("pack", [PACK["plain"], PACK["gzip"]], ids=["plain", "gzip"])
def test_arc_records_are_named_as_in_warc(pack):
    entries = read(b"".join(pack(record) for record in ARCS))
    assert [e.kind for e in entries] == ["warcinfo"] + 5 * ["response"]
    assert [e.content for e in entries[1:]] == CONTENTS
    assert entries[1].headers == {
        "warc-target-uri": "http://a.example/0 b",
        "warc-date": "2008-04-30T20:48:25Z",
        "content-type": "text/html",
    }


def test_arc_of_version_two_and_of_other_schemes():
    line = b"http://a.example/ 1.2.3.4 20080430204825 text/html 200 abc - 17 f.arc 4\ntext\n"
    dns = b"dns:a.example 1.2.3.4 20080430204825 text/dns 3\nabc\n"
    odd = b"http://b.example/ 0.0.0.0 null text/html 2\nok\n"
    two, name, dateless = read(line + dns + odd)
    assert (two.kind, two.content, two.headers["content-type"]) == (
        "response",
        b"text",
        "text/html",
    )
    assert (name.kind, name.content) == ("resource", b"abc")
    assert "warc-date" not in dateless.headers


def test_headers_fold_and_have_lower_case_names():
    record = (
        b"WARC/1.1\nwarc-TYPE: Response\nX-A: one\n  two\nno colon\nCONTENT-length: 2\n\nok\n\n"
    )
    (entry,) = read(record)
    assert (entry.kind, entry.content, entry.headers["x-a"]) == ("response", b"ok", "one two")


def test_content_that_is_not_wanted_is_not_kept():
    first, second = read(warc("request", b"abc") + warc("response", b"def"))
    assert (first.content, first.n_bytes, second.content) == (b"", 3, b"def")


@pytest.mark.parametrize("pack", [PACK["plain"], PACK["gzip"]], ids=["plain", "gzip"])
def test_a_record_that_is_too_large_costs_no_memory(pack):
    data = pack(warc("response", bytes(30_000_000))) + pack(WARCS[1])
    tracemalloc.start()
    large, small = read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert large.n_bytes == 30_000_000
    assert large.content == bytes(65536)
    assert small.content == CONTENTS[1]
    assert peak < 8_000_000


BROKEN_HEADS = [
    pytest.param(b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", id="without a length"),
    pytest.param(b"WARC/1.0\r\nContent-Length: -5\r\n\r\n", id="negative length"),
    pytest.param(b"WARC/1.0\r\nContent-Length: 1e3\r\n\r\n", id="length that is no number"),
    pytest.param("WARC/1.0\r\nContent-Length: ٣\r\n\r\n".encode(), id="other digits"),
    pytest.param(b"something\r\nelse\r\n", id="no header"),
    pytest.param(b"\0\xff" * 100_000, id="binary, no line ends"),
    pytest.param(b"WARC/1.0\r\n" + b"a: b\r\n" * 2000 + b"\r\n", id="endless header"),
    pytest.param(b"WARC/1.0\r\na: " + b"b" * 100_000 + b"\r\n\r\n", id="endless line"),
    pytest.param(b"WARC/9.9 " + b"\r\n", id="version to come"),
]


@pytest.mark.parametrize("broken", BROKEN_HEADS)
def test_a_broken_header_is_one_fault_and_the_next_record_is_found(broken):
    for pack, end in ((PACK["plain"], b"\n"), (PACK["gzip"], b"")):
        packed = pack(WARCS[1])
        first, fault, second = read(packed + pack(broken + end) + pack(WARCS[2]))
        assert isinstance(fault, Fault)
        assert (fault.reason, fault.place) == (Reason.CORRUPT, str(len(packed)))
        assert (first.content, second.content) == (CONTENTS[1], CONTENTS[2])


def test_a_broken_arc_header_is_one_fault_too():
    data = ARCS[1] + arc("http://b.example/", b"x", -1) + b"junk: a b c d\n" + ARCS[3]
    first, fault, second = read(data)
    assert fault == Fault(str(len(ARCS[1])), Reason.CORRUPT, "an ARC record of length '-1'")
    assert (first.content, second.content) == (CONTENTS[0], CONTENTS[2])


def test_a_wrong_length_is_a_fault_and_hides_no_later_record():
    short = warc("response", b"0123456789", **{"Content-Length": "4"})
    first, fault, second = read(short + WARCS[1])
    assert (first.content, fault.reason, second.content) == (b"0123", Reason.CORRUPT, b"one")


@pytest.mark.parametrize("kind", ["gzip", "zstd", "lz4", "bzip2"])
def test_reading_goes_on_at_the_member_after_a_damaged_one(kind):
    packed = [PACK[kind](record) for record in (WARCS[1], WARCS[3], WARCS[4])]
    damaged = bytearray(packed[1])
    for i in range(len(damaged) // 2, len(damaged) // 2 + 8):
        damaged[i] ^= 0x5A
    entries = read(packed[0] + bytes(damaged) + packed[2])
    faults = [e for e in entries if isinstance(e, Fault)]
    assert [e.content for e in entries if isinstance(e, Entry)] == [CONTENTS[1], CONTENTS[4]]
    assert [(f.reason, f.place) for f in faults] == [(Reason.CORRUPT, str(len(packed[0])))]


def test_junk_between_members_is_one_fault():
    packed = [gzip.compress(record) for record in (WARCS[1], WARCS[4])]
    first, fault, second = read(packed[0] + b"junk" * 300_000 + packed[1])
    assert (first.content, second.content) == (CONTENTS[1], CONTENTS[4])
    assert (fault.reason, fault.place) == (Reason.CORRUPT, str(len(packed[0])))
    assert second.place == str(len(packed[0]) + 1_200_000)


def test_a_damaged_checksum_costs_the_record():
    damaged = bytearray(gzip.compress(WARCS[1]))
    damaged[-6] ^= 1
    fault, second = read(bytes(damaged) + gzip.compress(WARCS[4]))
    assert (fault.reason, fault.place, second.content) == (Reason.CORRUPT, "0", CONTENTS[4])


def test_a_record_is_not_given_before_its_checksum_was_verified():
    # Stored, so that the checksum lies just after what the decoder is fed at first.
    packed = gzip.compress(warc("response", bytes(65_536 - 77)), 0)
    assert 65_540 < len(packed) <= 65_544
    damaged = bytearray(packed)
    damaged[-6] ^= 1
    fault, second = read(bytes(damaged) + gzip.compress(WARCS[4]))
    assert (fault.reason, fault.place, second.content) == (Reason.CORRUPT, "0", CONTENTS[4])


def check_cut(whole: list, data: bytes) -> None:
    """What a cut file gives: a beginning of the records and at most one fault, at the end."""
    entries = read(data)
    good = [e for e in entries if isinstance(e, Entry)]
    assert good == whole[: len(good)]
    assert len(entries) - len(good) <= 1
    assert good == entries[: len(good)]
    places = [e.place for e in entries]
    assert len(set(places)) == len(places)
    if isinstance(entries[-1:], Fault):
        assert entries[-1].reason == Reason.TRUNCATED


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("records", [WARCS, ARCS], ids=["warc", "arc"])
def test_a_cut_anywhere_gives_a_beginning_of_the_records(kind, records):
    packed = [PACK[kind](record) for record in records]
    data = b"".join(packed)
    whole = read(data)
    assert len(whole) == len(records)
    edges = [sum(map(len, packed[:i])) for i in range(len(packed) + 1)]
    near = {e + d for e in edges for d in range(-12, 40)} | set(range(0, len(data), 61))
    for cut in sorted(c for c in near if 0 < c < len(data)):
        check_cut(whole, data[:cut])


def test_a_cut_is_told_as_such():
    data = gzip.compress(WARCS[1]) + gzip.compress(WARCS[3])
    *_, fault = read(data[:-1000])
    assert (fault.reason, fault.place) == (Reason.TRUNCATED, str(len(gzip.compress(WARCS[1]))))
    (fault,) = read(WARCS[3][:-1000])
    assert fault.message == "the file ends 996 bytes before the record does"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([*WARCS, *ARCS, b"\x1f\x8b\x08\0", b"WARC/1.0\r\n", b"\r\n"]),
            st.sampled_from([gzip.compress(WARCS[1]), zstandard.compress(ARCS[1])]),
        ),
        max_size=6,
    )
)
def test_no_bytes_raise_anything(pieces):
    for entry in read(b"".join(pieces)):
        assert isinstance(entry, Entry | Fault)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(sorted(PACK)))
def test_a_changed_byte_never_raises_and_never_repeats_a_place(at, value, kind):
    data = bytearray(b"".join(PACK[kind](record) for record in WARCS))
    data[at % len(data)] = value
    places = [e.place for e in read(bytes(data))]
    assert len(places) == len(set(places))


def test_what_begins_an_archive():
    assert begins_archive(WARCS[0])
    assert begins_archive(b"\r\n" + ARCS[0])
    assert not begins_archive(b"<html><body>WARC/1.0</body></html>")
    assert not begins_archive(b"")


def unpacked(path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".lz4":
        out = b""
        while data:
            decoder = lz4.frame.LZ4FrameDecompressor()
            out += decoder.decompress(data)
            data = decoder.unused_data
        return out
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


WARC_HEAD = re.compile(rb"^WARC/\d\.\d+\r*\n", re.M)
ARC_HEAD = re.compile(rb"^(?:filedesc|https?|dns):\S[^\n]* \d{14} \S+ \d+\n", re.M)
# Files that are broken on purpose, or made by hand with wrong lengths.
FAULTY = {
    "aut-badexample.arc.gz", "pywb-bad.arc", "pywb-example.warc", "resiliparse-clipped.warc.gz",
    "warcio-example-space-in-url.arc", "warcio-example-trunc.warc",
}  # fmt: skip


def test_no_record_of_a_real_archive_is_lost(kit):
    paths = [p for p in sorted((kit / "web/warc").iterdir()) if p.suffix != ".wacz"]
    assert len(paths) == 53
    for path in paths:
        with path.open("rb") as file:
            entries = list(read_archive(file, path.name, max_bytes=1 << 26, wanted=WANTED))
        kinds = collections.Counter(type(e) for e in entries)
        assert bool(kinds[Fault]) == (path.name in FAULTY), path.name
        if path.name not in FAULTY:
            head = ARC_HEAD if ".arc" in path.name else WARC_HEAD
            assert kinds[Entry] == len(head.findall(unpacked(path))), path.name


def test_fastwarc_reads_the_same_records(kit):
    from fastwarc.warc import ArchiveIterator

    for path in sorted((kit / "web/warc").glob("*.warc*")):
        if path.name in {*FAULTY, "pywb-missing-status-text.warc"}:  # \r\r\n after each header
            continue
        with path.open("rb") as file:
            theirs = [
                (str(r.record_type).rpartition(".")[2], r.content_length, r.reader.read())
                for r in ArchiveIterator(file, parse_http=False)
            ]
        with path.open("rb") as file:
            ours = list(read_archive(file, "", max_bytes=1 << 26, wanted=WANTED))
        assert len(ours) == len(theirs), path.name
        for entry, (kind, n_bytes, content) in zip(ours, theirs, strict=True):
            assert (entry.kind, entry.n_bytes) == (kind, n_bytes)
            assert entry.content == (content if entry.kind in WANTED else b"")
