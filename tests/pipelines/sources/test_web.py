"""The web source: what becomes of every record of an archive, and of loose pages."""

import collections
import gzip
import io
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Record
from castor.pipelines import source
from castor.pipelines.source import InputFile, Rejected, RejectError, Skipped
from castor.pipelines.sources.web import web

WORDS = "A paragraph of the page that is long enough to be kept as its main text."
PAGE = f"<html lang=de><title>T</title><body><p>{WORDS}</p><p>Second.</p></body></html>".encode()
TEXT = f"{WORDS}\n\nSecond."


def warc(kind: str, content: bytes, **headers: str) -> bytes:
    lines = {"WARC-Type": kind, "Content-Length": len(content)}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + content + b"\r\n\r\n"


def response(body: bytes = PAGE, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-type": "text/html"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def page(number: int = 0, **headers: str) -> bytes:
    url, date = f"http://a.example/{number}", "2024-05-18T01:58:10Z"
    return warc(
        "response",
        response(**headers),
        WARC_Target_URI=url,
        WARC_Date=date,
        Content_Type="application/http; msgtype=response",
    )


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file of a name: its items."""

    def read(data: bytes, name: str = "a.warc", max_bytes: int = 64_000_000, **options) -> list:
        (tmp_path / name).write_bytes(data)
        file = InputFile("web", str(tmp_path), name, max_bytes)
        return list(web(file, web.options(**options)))

    return read


def kinds(items: list) -> list[str]:
    """`record` or the reason, for each item."""
    return [getattr(item, "reason", "record") for item in items]


def test_a_page_becomes_a_record(read):
    (record,) = read(page())
    assert record == Record(
        key="web:a.warc@0",
        source="web",
        modality=Modality.TEXT,
        text=TEXT,
        meta={
            "charset": "utf-8",
            "date": "2024-05-18T01:58:10Z",
            "language": "de",
            "language_tag": "de",
            "mime": "text/html",
            "title": "T",
            "url": "http://a.example/0",
        },
    )


def test_a_page_that_has_a_kind_says_so(read):
    html = f'<html><meta property="og:type" content="article"><p>{TEXT}</p>'
    (record,) = read(html.encode(), "a.html")
    assert record.meta["kind"] == "article"


ANSWERS = [
    (response(), "record"),
    (response(status="206 Partial Content"), "record"),
    (response(status="301 Moved"), Skip.NOT_OK),
    (response(status="404 Not Found"), Skip.NOT_OK),
    (response(status="500 Oops", content_type="image/png"), Skip.NOT_OK),
    (response(content_type="application/xhtml+xml; charset=utf-8"), "record"),
    (response(content_type="application/pdf"), Skip.NOT_HTML),
    (response(content_type="image/png"), Skip.NOT_HTML),
    (response(content_type=""), "record"),
    (response(b"\x89PNG\r\n", content_type=""), Skip.NOT_HTML),
    (response(b"Some plain words.", content_type="text/plain"), "record"),
    (response(b"\0\x01\xff\xfe" * 99, content_type="text/plain"), Reason.BAD_ENCODING),
    (response(b"<html><script>x</script></html>"), Reason.NO_TEXT),
    (response(b""), Reason.NO_TEXT),
    (response(b"<div>" * 9000), Reason.NO_TEXT),
    (response(b"<div>" * 9000 + PAGE), "record"),
    (response(content_encoding="sdch"), Reason.UNSUPPORTED_FORMAT),
    (response(gzip.compress(PAGE), content_encoding="gzip"), "record"),
    (response(b"4\r\n<b>x\r\n1\r\ny\r\n0\r\n\r\n", transfer_encoding="chunked"), "record"),
    (b"HTTPX/1.1 200 OK\r\n\r\n" + PAGE, Reason.CORRUPT),
    (b"", Reason.CORRUPT),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), ANSWERS)
def test_what_becomes_of_an_answer(read, content, expected):
    record = warc("response", content, Content_Type="application/http;msgtype=response")
    items = read(record + page())
    assert kinds(items) == [expected, "record"]
    if isinstance(items[0], Rejected):
        assert (items[0].key, items[0].place) == ("web:a.warc@0", "offset 0")


OTHERS = [
    (warc("warcinfo", b"software: x"), Skip.NOT_A_DOCUMENT),
    (warc("request", b"GET / HTTP/1.1\r\n\r\n"), Skip.NOT_A_DOCUMENT),
    (warc("metadata", b'{"Container": {}}', Content_Type="application/json"), Skip.NOT_A_DOCUMENT),
    (warc("continuation", PAGE), Skip.NOT_A_DOCUMENT),
    (warc("unheard-of", PAGE), Skip.NOT_A_DOCUMENT),
    (warc("revisit", b"HTTP/1.1 200 OK\r\n\r\n"), Skip.REVISIT),
    (warc("resource", PAGE, Content_Type="text/html"), "record"),
    (warc("resource", b"x", Content_Type="image/gif"), Skip.NOT_HTML),
    (warc("response", b"1.2.3.4", Content_Type="text/dns"), Skip.NOT_HTML),
    (warc("conversion", b"text", Content_Type="text/plain"), "record"),
    (
        warc("resource", b"x", Content_Type="text/plain", WARC_Target_URI="metadata://gnu.org/wget.log"),
        Skip.NOT_A_DOCUMENT,
    ),
    (
        warc("resource", b"x", Content_Type="text/plain", WARC_Target_URI="<http://a/robots.txt>"),
        Skip.NOT_A_DOCUMENT,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("record", "expected"), OTHERS)
def test_what_becomes_of_the_other_records(read, record, expected):
    items = read(record)
    assert kinds(items) == [expected]
    assert not isinstance(items[0], Skipped) or items[0].count == 1


def test_a_wet_file_brings_its_language(read):
    headers = {"WARC_Identified_Content_Language": "spa,eng", "Content_Type": "text/plain"}
    (record,) = read(warc("conversion", "Año\r\nnuevo\n".encode(), **headers), "a.warc.wet.gz")
    assert record.text == "Año\nnuevo"
    assert (record.meta["language_tag"], record.meta["language"]) == ("spa", "es")


def test_what_the_page_says_goes_before_the_headers(read):
    plain = response(b"<p>some words", content_language="fr-CA, en")
    first, second = read(page(content_language="fr") + warc("response", plain))
    assert first.meta["language_tag"] == "de"
    assert (second.meta["language_tag"], second.meta["language"]) == ("fr-CA", "fr")
    assert "url" not in second.meta


def test_a_page_that_was_cut_says_so(read):
    cut = response(gzip.compress(PAGE * 9)[:-9], content_encoding="gzip")
    first, second = read(
        warc("response", cut) + warc("response", response(), WARC_Truncated="length")
    )
    assert first.meta["truncated"] == "content-encoding"
    assert second.meta["truncated"] == "length"


def test_main_content_can_be_switched_off(read):
    html = f"<nav><a href=/>Home</a></nav><main><p>{WORDS}</p></main>".encode()
    data = warc("response", response(html))
    assert read(data)[0].text == WORDS
    assert "Home" in read(data, main_content=False)[0].text


def test_an_arc_is_read_like_a_warc(read):
    answer = response(content_type="")
    dates = ("20080430204825", "null")
    lines = [
        f"http://a.example/{i} 1.2.3.4 {d} text/html {len(answer)}\n" for i, d in enumerate(dates)
    ]
    data = b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 6\n1 0 A\n\n"
    first, second, third = read(
        data + b"".join(x.encode() + answer + b"\n" for x in lines), "a.arc"
    )
    assert first == Skipped(Skip.NOT_A_DOCUMENT)
    assert (second.text, second.meta["date"]) == (TEXT, "2008-04-30T20:48:25Z")
    assert (third.text, third.meta["url"]) == (TEXT, "http://a.example/1")
    assert "date" not in third.meta


def test_an_arc_may_hold_pages_without_http_headers(read):
    line = f"http://a.example/ 1.2.3.4 20080430204825 text/html {len(PAGE)}\n".encode()
    assert [r.text for r in read(line + PAGE, "a.arc")] == [TEXT]


def test_a_page_over_the_limit_is_too_large_but_a_video_is_skipped(read):
    film = warc("response", response(bytes(5000), content_type="video/mp4"))
    items = read(film + warc("response", response(PAGE + b" " * 5000)) + page(), max_bytes=3000)
    assert kinds(items) == [Skip.NOT_HTML, Reason.TOO_LARGE, "record"]
    bomb = response(gzip.compress(PAGE + b" " * 5000), content_encoding="gzip")
    assert kinds(read(warc("response", bomb) + page(), max_bytes=3000)) == [Reason.BOMB, "record"]


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_wacz_is_a_zip_of_archives(read):
    packed = gzip.compress(page(0)), gzip.compress(page(1))
    files = {
        "pages/pages.jsonl": b"{}",
        "archive/a.warc.gz": b"".join(packed),
        "archive/b.warc": page(2),
    }
    records = read(zipped(files), "a.wacz")
    assert [r.key for r in records] == [
        "web:a.wacz@archive/a.warc.gz@0",
        f"web:a.wacz@archive/a.warc.gz@{len(packed[0])}",
        "web:a.wacz@archive/b.warc@0",
    ]
    assert kinds(read(zipped({"x": b""}), "a.wacz")) == [Reason.UNSUPPORTED_FORMAT]
    damaged = zipped(files).replace(b"a.example/2", b"b.example/2")  # its checksum shows it
    assert kinds(read(damaged, "a.wacz")) == ["record", "record", Reason.CORRUPT]
    assert kinds(read(zipped(files)[:-30], "a.wacz")) == [Reason.CORRUPT]


@pytest.mark.parametrize("name", ["a.html", "a.HTM.gz", "unnamed"])
def test_a_saved_page_is_a_document(read, name):
    (record,) = read(gzip.compress(PAGE) if name.endswith("gz") else PAGE, name)
    assert (record.key, record.text, record.meta["title"]) == (f"web:{name}", TEXT, "T")


FILES = [
    ("empty.warc.gz", b"", Reason.EMPTY),
    ("a.html", b"<p> </p>", Reason.NO_TEXT),
    ("a.pdf", b"%PDF-1.4 ...", Reason.UNSUPPORTED_FORMAT),
    ("a.warc.gz", b"%PDF-1.4 ...", Reason.CORRUPT),
    ("a.html.gz", gzip.compress(PAGE)[:-20], Reason.TRUNCATED),
    ("a.html.gz", b"\x1f\x8b\x08\0" + b"\xff" * 40, Reason.CORRUPT),
    ("a.html", PAGE * 99, Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("name", "data", "expected"), FILES)
def test_a_file_that_is_no_archive_and_no_page(read, name, data, expected):
    try:
        found = kinds(read(data, name, max_bytes=9000))
    except RejectError as error:  # the rest of the file is one rejected row
        found = [error.reason]
    assert found == [expected]


NOISE = random.Random(3).randbytes(400)
PIECES = [page(1), gzip.compress(page(2)), response(), NOISE, b"\x1f\x8b\x08\0", b"PK\x03\x04"]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(PIECES)), max_size=5),
    st.sampled_from(["a.warc.gz", "a.arc", "a.html", "a.wacz", "a"]),
)
def test_any_bytes_end_in_items(read, pieces, name):
    try:
        items = read(b"".join(pieces), name)
    except RejectError as error:
        items = [Rejected("", "", error.reason, str(error))]
    keys = [i.key for i in items if not isinstance(i, Skipped)]
    assert len(keys) == len(set(keys))


def test_a_cut_archive_gives_a_beginning_of_its_pages(read):
    whole = b"".join(gzip.compress(page(i)) for i in range(6))
    records = read(whole, "a.warc.gz")
    assert kinds(records) == 6 * ["record"]
    for cut in range(1, len(whole), 37):
        items = read(whole[:cut], "a.warc.gz")
        good = [i for i in items if isinstance(i, Record)]
        assert good == records[: len(good)]
        # Of one or two bytes it cannot be told what they began.
        assert kinds(items[len(good) :]) in ([], [Reason.TRUNCATED if cut > 2 else Reason.CORRUPT])


def items_of(root, path) -> list:
    file = InputFile("kit", str(root), path.relative_to(root).as_posix())
    return list(source.load("web")(file))


def test_one_crawl_in_three_compressions_and_two_formats_is_the_same_text(kit):
    names = ("warcfile.warc", "warcfile.warc.gz", "warcfile.warc.lz4")
    crawls = [items_of(kit, kit / f"web/warc/resiliparse-{name}") for name in names]
    texts = [[(i.text, i.meta) for i in items if isinstance(i, Record)] for items in crawls]
    assert len(texts[0]) == 16
    assert texts[0] == texts[1] == texts[2]
    both = [
        items_of(kit, kit / f"web/warc/aut-example.{ending}") for ending in ("arc.gz", "warc.gz")
    ]
    arc, warc = (
        sorted((i.meta["url"], i.text) for i in items if isinstance(i, Record)) for items in both
    )
    assert len(arc) == 95
    assert arc == warc


@pytest.mark.kit
def test_every_real_file_is_read_and_every_page_found(kit):
    found = collections.Counter()
    for path in sorted((kit / "web").glob("extraction/scrapinghub/html/*")):
        found.update(kinds(items_of(kit, path)))
    assert found == {"record": 181}
    for path in sorted((kit / "web/warc").iterdir()):
        items = items_of(kit, path)
        keys = [i.key for i in items if not isinstance(i, Skipped)]
        assert len(set(keys)) == len(keys)
        assert items, path.name
