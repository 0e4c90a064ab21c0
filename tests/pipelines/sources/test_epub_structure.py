"""EPUBs: chapters by the table of contents, matter, notes, pictures, direction, Gutenberg."""

import io
import zipfile

import numpy as np
import pytest
from epubs import make_epub
from PIL import Image
from reading import book, books, chapters, write_files

from castor.filters.media.reference import read_media
from castor.filters.reasons import Reason
from castor.filters.record import Modality
from castor.pipelines.sources import _epub_pictures

NAV = '<nav epub:type="toc"><ol>{}</ol></nav>{}'


def structure(item):
    """(kind, first line) of each span."""
    spans = [p for p in item.parts if p.media_index is None]
    return [(p.kind, c.split("\n")[0]) for p, c in zip(spans, chapters(item), strict=True)]


def entry(href, title, below=""):
    return f'<li><a href="{href}">{title}</a>{f"<ol>{below}</ol>" if below else ""}</li>'


def with_nav(documents, entries, landmarks="", **more):
    nav = NAV.format(entries, landmarks)
    return make_epub({**documents, "nav.xhtml": nav}, properties={"nav.xhtml": "nav"}, **more)


DOCUMENTS = {
    "d.xhtml": "<p>For M.</p>",
    "b1.xhtml": '<h1 id="b1">Book One</h1><h2 id="c1">The Sea</h2><p>x</p><h2>A heading</h2>'
    '<p>y</p><h2 id="c2">The Land</h2><p>z</p>',
    "b1b.xhtml": "<p>more of the land</p>",
    "b2.xhtml": "<h1>Book Two</h1><p>It begins.</p><h2 id='s'>A section</h2><p>w</p>",
    "i.xhtml": "<h1>Index</h1><p>sea, 1</p>",
}
ENTRIES = (
    entry("b1.xhtml", "Book One", entry("b1.xhtml#c1", "Sea") + entry("b1.xhtml#c2", "Land"))
    + entry("b2.xhtml", "Book Two", entry("b2.xhtml#s", "Section"))
    + entry("i.xhtml", "Index")
)
EXPECTED = [
    ("front", "For M."),
    ("chapter", "Book One"),
    ("chapter", "The Land"),
    ("chapter", "Book Two"),
    ("back", "Index"),
]


def test_chapters_are_those_of_the_contents(tmp_path):
    item = book(tmp_path, "a.epub", with_nav(DOCUMENTS, ENTRIES))
    assert structure(item) == EXPECTED
    assert chapters(item)[2] == "The Land\n\nz\n\nmore of the land\n\n"


def test_the_title_alone_above_the_chapters_is_no_chapter(tmp_path):
    whole = entry("d.xhtml", "The Whole Book", ENTRIES)
    found = structure(book(tmp_path, "a.epub", with_nav(DOCUMENTS, whole)))
    assert found == [("chapter", "For M."), *EXPECTED[1:]]


NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>Sea</text></navLabel><content src="a.xhtml#s"/></navPoint>
<navPoint><navLabel><text>Land</text></navLabel><content src="a.xhtml#l"/></navPoint>
</navMap></ncx>"""


def test_chapters_of_an_older_book(tmp_path):
    body = '<p>Of it.</p><p id="s">sea</p><p>waves</p><p><a id="l"></a>land</p><p>hills</p>'
    item = '<item id="n" href="t.ncx" media-type="application/x-dtbncx+xml"/>'
    data = make_epub({"a.xhtml": body}, extra={"O/t.ncx": NCX}, items=item)
    assert structure(book(tmp_path, "a.epub", data)) == [
        ("chapter", "Of it."),
        ("chapter", "sea"),
        ("chapter", "land"),
    ]
    data = make_epub({"a.xhtml": body}, extra={"O/t.ncx": "<ncx><navMap>"}, items=item)
    assert structure(book(tmp_path, "b.epub", data)) == [("chapter", "Of it.")]


def test_where_the_body_begins(tmp_path):
    documents = {"a.xhtml": "<h1>Words</h1><p>x</p>", "b.xhtml": "<h1>One</h1><p>y</p>"}
    marks = '<nav epub:type="landmarks"><a epub:type="bodymatter" href="b.xhtml">x</a></nav>'
    expected = [("front", "Words"), ("chapter", "One")]
    assert structure(book(tmp_path, "a.epub", with_nav(documents, "", marks))) == expected
    guide = '<guide><reference type="text" href="b.xhtml"/></guide>'
    assert structure(book(tmp_path, "b.epub", make_epub(documents, guide=guide))) == expected


def test_matter_that_the_markup_names(tmp_path):
    documents = {
        "a.xhtml": '<section epub:type="preface"><h1>Why</h1><p>x</p></section>',
        "b.xhtml": '<section role="doc-chapter"><h1>One</h1><p role="doc-epigraph">e</p></section>',
        "c.xhtml": '<section epub:type="appendix"><h1>Tables</h1><p>y</p></section>',
        "d.xhtml": '<section role="doc-endnotes"><h1>Remarks</h1><p>z</p></section>',
    }
    assert structure(book(tmp_path, "a.epub", make_epub(documents))) == [
        ("front", "Why"),
        ("chapter", "One"),
        ("back", "Tables"),
        ("notes", "Remarks"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '<p>Sea<a epub:type="noteref" href="#n">1</a> and land.</p><p>More.</p>'
            '<aside epub:type="footnote" id="n"><p>Wide <a epub:type="backlink" href="#r">b</a></p>'
            "<p>and deep.</p></aside><p>End.</p>",
            "Sea and land.\n\nWide\nand deep.\n\nMore.\n\nEnd.",
        ),
        ('<p>Sea<sup><a href="#n">2</a></sup>.</p><p id="n">Wide. <a href="#r">↩</a></p>',
         "Sea.\n\nWide."),
        ('<p>Sea <a href="b.xhtml#x">[12]</a> and 12 <a href="#y">12</a>.</p>', "Sea and 12 12."),
        (
            '<p>Sea<a epub:type="noteref" href="#n">1</a>.</p><section epub:type="footnotes">'
            '<h2>Notes</h2><div epub:type="footnote" id="n">Wide.</div></section>',
            "Sea.\n\nWide.",
        ),
        ('<p>Sea.</p><aside epub:type="footnote" id="n">Never named.</aside>',
         "Sea.\n\nNever named."),
    ],
)  # fmt: skip
def test_footnotes(tmp_path, body, expected):
    assert book(tmp_path, "a.epub", make_epub({"a.xhtml": body})).text == expected


def png(side, seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


PICTURED = {
    "a.xhtml": "<h1>One</h1><p><img src='p/a%20b.png' alt='A sea'/></p>"
    "<p>x <img src='p/c.png'/> y</p><p><img src='p/i.png' alt='T'/>he end</p>"
    "<svg><image xlink:href='p/c.png' xmlns:xlink='http://www.w3.org/1999/xlink'/></svg>"
    "<img src='http://x/y.png' alt='Far away'/>"
    "<img src='p/gone.png'/><img src='p/bad.png' alt='image'/><img src='p/dot.png'/>",
    "b.xhtml": "<h1>Two</h1><p>z</p>",
}
FILES = {
    "O/p/a b.png": png(64, 1),
    "O/p/c.png": png(48, 2),
    "O/p/bad.png": b"\x89PNG\r\n\x1a\n no picture",
    "O/p/dot.png": png(8, 3),
    "O/p/i.png": png(64, 4),
}


def test_pictures_are_parts(tmp_path):
    item = book(tmp_path, "a.epub", make_epub(PICTURED, extra=FILES))
    assert item.modality is Modality.INTERLEAVED
    assert item.text == "One\n\nA sea\n\nx y\n\nThe end\n\nFar away\n\nTwo\n\nz"
    assert [(p.kind, p.media_index) for p in item.parts] == [
        ("chapter", None), ("image", 0), ("alt", None), ("text", None), ("image", 1),
        ("text", None), ("alt", None), ("chapter", None),
    ]  # fmt: skip
    assert [m.member for m in item.media] == ["O/p/a b.png", "O/p/c.png"]
    roots = {"books": str(tmp_path)}
    assert read_media(item.media[0], roots) == FILES["O/p/a b.png"]
    absent = {k: v for k, v in item.meta.items() if k.endswith("_media")}
    assert absent == {"broken_media": "1", "missing_media": "1", "repeated_media": "1",
                      "small_media": "1"}  # fmt: skip


def test_pictures_where_they_cannot_be_referred_to(tmp_path):
    data = make_epub(PICTURED, extra=FILES)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.epub", data)
    (item,) = books(tmp_path, "a.zip")
    assert (item.modality, item.media) == (Modality.TEXT, ())
    assert item.meta["unreachable_media"] == "5"
    from castor.pipelines.source import InputFile, load

    write_files(tmp_path, {"c.epub": data})
    kind = load("books")
    (item,) = kind(InputFile("books", str(tmp_path), "c.epub"), kind.options(pictures=False))
    assert (item.modality, item.media) == (Modality.TEXT, ())
    assert "A sea" in item.text


def test_pictures_that_unpack_to_more_than_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(_epub_pictures, "MAX_TOTAL_BYTES", 10)
    item = book(tmp_path, "a.epub", make_epub(PICTURED, extra=FILES))
    assert (item.media, set(item.meta)) == ((), set(item.meta) | {"broken_media"})


def test_direction_and_writing_mode(tmp_path):
    data = make_epub(
        {"a.xhtml": "<p>縦</p>"},
        items='<item id="s" href="s.css" media-type="text/css"/>',
        spine=' page-progression-direction="rtl"',
        extra={"O/s.css": "html { -epub-writing-mode: vertical-rl; }"},
    )
    meta = book(tmp_path, "a.epub", data).meta
    assert (meta["page_progression"], meta["writing_mode"]) == ("rtl", "vertical-rl")


@pytest.mark.parametrize("how", ["ids", "words"])
def test_project_gutenberg(tmp_path, how):
    if how == "ids":
        before = '<section class="pg-boilerplate pgheader" id="pg-header"><p>Free!</p></section>'
        after = '<section id="pg-footer"><p>Licence.</p></section>'
    else:
        before = "<pre>The Project Gutenberg EBook of X\n\n*** START OF THIS PROJECT GUTENBERG"
        before += " EBOOK X ***</pre>"
        after = "<p>*** END OF THIS PROJECT GUTENBERG EBOOK X ***</p><p>Licence.</p>"
    documents = {
        "a.xhtml": before + "<h1>One</h1><p>x</p>",
        "b.xhtml": "<h1>Two</h1><p>y</p>" + after,
    }
    item = book(tmp_path, "a.epub", make_epub(documents))
    assert [c.strip() for c in chapters(item)] == ["One\n\nx", "Two\n\ny"]


# --- what means harm -------------------------------------------------------------------------


def test_a_spine_that_names_a_document_a_thousand_times(tmp_path):
    data = make_epub({"a.xhtml": "<p>x</p>"}, order=[("a.xhtml", "")] * 1000)
    assert book(tmp_path, "a.epub", data).text == "x"


def test_many_documents_that_unpack_to_more_than_allowed(tmp_path):
    documents = {f"{i}.xhtml": "<p>" + "word " * 200_000 + "</p>" for i in range(4)}
    buffer = io.BytesIO(make_epub(documents))
    packed = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    (tmp_path / "a.epub").write_bytes(packed.getvalue())
    (item,) = books(tmp_path, "a.epub", max_document_bytes=2_000_000)
    assert item.reason is Reason.TOO_LARGE
    assert item.message == "a.epub: its text is over 2000000 bytes"  # before all was read


def test_deep_documents(tmp_path):
    deep = "<div>" * 240 + "x" + "</div>" * 240
    assert book(tmp_path, "a.epub", make_epub({"a.xhtml": deep})).text == "x"
    deeper = "<div>" * 50_000 + "x"
    item = book(tmp_path, "b.epub", make_epub({"a.xhtml": deeper}))
    assert item.reason is Reason.BOMB
