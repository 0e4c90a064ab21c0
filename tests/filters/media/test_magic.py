"""Media types by magic bytes."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.media.magic import FLAC, MP3, id3_bytes, sniff


@pytest.mark.parametrize(
    ("form", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("ICO", "image/vnd.microsoft.icon"),
        ("AVIF", "image/avif"),
        ("JPEG2000", "image/jp2"),
    ],
)
def test_pictures(make, form, mime):
    found = sniff(make.picture(form)[:4096])
    assert (found.mime, found.kind, found.reader) == (mime, "image", form)


@pytest.mark.parametrize(
    ("form", "codec", "mime", "reader"),
    [
        ("wav", "pcm_s16le", "audio/wav", "wav"),
        ("flac", "flac", "audio/flac", "flac"),
        ("mp3", "libmp3lame", "audio/mpeg", "mp3"),
        ("ogg", "vorbis", "audio/ogg", "ogg"),
        ("adts", "aac", "audio/aac", "aac"),
        ("aiff", "pcm_s16be", "audio/aiff", "aiff"),
        ("ipod", "aac", "audio/mp4", "mov"),
    ],
)
def test_sounds(make, form, codec, mime, reader):
    data = make.sound(form, codec, 0.2)
    found = sniff(data[:4096], lambda at, n: data[at : at + n])
    assert (found.mime, found.kind, found.reader) == (mime, "audio", reader)


@pytest.mark.parametrize(
    ("form", "mime", "reader"),
    [
        ("mp4", "video/mp4", "mov"),
        ("mov", "video/quicktime", "mov"),
        ("matroska", "video/x-matroska", "matroska"),
        ("avi", "video/x-msvideo", "avi"),
        ("mpegts", "video/mp2t", "mpegts"),
    ],
)
def test_clips(make, form, mime, reader):
    codec = "mpeg2video" if form == "mpegts" else "mpeg4"
    found = sniff(make.clip(form, codec, 3)[:4096])
    assert (found.mime, found.reader) == (mime, reader)
    assert found.kind in ("video", "av")


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by -->\n<svg>", "image/svg+xml"),
        (b"%PDF-1.7", "application/pdf"),
        (b"#EXTM3U\n#EXT-X-VERSION:3", "application/vnd.apple.mpegurl"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "application/x-ffconcat"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"FORM\0\0\0\x10ILBMBMHD", "image/x-ilbm"),
        (b"8BPS\0\1", "image/vnd.adobe.photoshop"),
    ],
)
def test_what_has_no_reader_is_still_named(head, mime):
    found = sniff(head)
    assert found.mime == mime
    assert found.reader is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"plain text",
        b"BM is how this sentence begins, no bitmap",
        b"\0" * 4096,
        b"<html><body><svg></svg>",
        b"RIFF\0\0\0\0JUNK",
        b"\xff\xfe\x00h\x00i",
    ],
)
def test_what_is_no_medium(head):
    assert sniff(head) is None


def test_an_id3_tag_is_looked_behind():
    tag = b"ID3\4\0\0" + bytes([0, 0, 1, 0]) + b"\0" * 128
    assert id3_bytes(tag) == 138
    flac = tag + b"fLaC"
    assert sniff(flac, lambda at, n: flac[at : at + n]) == FLAC
    assert sniff(tag) == MP3


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=600),
    st.sampled_from(
        [
            b"",
            b"ID3",
            b"RIFF",
            b"FORM",
            b"OggS",
            b"\xff",
            b"\0\0\0\x18ftyp",
            b"\x1a\x45\xdf\xa3",
            b"BM",
        ]
    ),
)
def test_any_bytes_have_a_type_or_none(data, prefix):
    data = prefix + data
    stream = io.BytesIO(data)

    def read_at(at, n):
        stream.seek(at)
        return stream.read(n)

    found = sniff(data, read_at)
    assert found is None or found.kind in ("image", "audio", "video", "av", "other")
