"""EPUBs: the documents of the spine in order, without what belongs to the file only."""

import zipfile

import pytest
from epubs import make_epub
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import book, books, laughs

from castor.filters.reasons import Reason
from castor.filters.record import Record


def test_epub_in_spine_order(tmp_path):
    data = make_epub(
        {
            "c 2.xhtml": "<h1>Two</h1><p>b<br/>c</p><p hidden='hidden'>no</p>",
            "c1.xhtml": "<h1>One</h1><p>a&nbsp;&amp;&eacute; <ruby>漢<rt>かん</rt></ruby>"
            '<a epub:type="noteref" href="#n">1</a></p><script>x()</script>',
            "nav.xhtml": "<nav><ol><li>One</li></ol></nav>",
            "cover.xhtml": "<p>COVER</p>",
            "extra.xhtml": "<p>Aside.</p>",
        },
        order=[
            ("cover.xhtml", ""),
            ("nav.xhtml", ""),
            ("extra.xhtml", 'linear="no"'),
            ("c1.xhtml", ""),
            ("c 2.xhtml", ""),
        ],
        properties={"nav.xhtml": "nav"},
    )
    item = book(tmp_path, "b.epub", data)
    assert item.text == "One\n\na\xa0&é 漢\n\nTwo\n\nb\nc\n\nAside."
    assert [p.kind for p in item.parts] == ["chapter", "chapter", "auxiliary"]
    assert dict(item.meta) == {
        "format": "epub",
        "title": "The Book",
        "author": "A. One; B. Two",
        "language": "en",
        "identifier": "urn:x",
    }


def test_epub_apparatus_goes_and_the_epigraph_stays(tmp_path):
    data = make_epub(
        {
            "a.xhtml": '<section epub:type="titlepage"><h1>T</h1></section><p>x</p>',
            "b.xhtml": '<section epub:type="titlepage"><p epub:type="epigraph">Motto</p></section>',
            "c.xhtml": '<section epub:type="colophon"><p>Printed by</p></section><p>y</p>',
            "d.xhtml": "<p>"
            + "".join(f'<a href="x{i}.xhtml">Chapter</a> ' for i in "123")
            + "</p>",
            "e.xhtml": "<p>in the guide</p>",
            "f.xhtml": "<pre>if x:\n    y</pre><table><tr><td>1</td><td>2</td></tr></table>",
        },
        guide='<guide><reference type="toc" href="e.xhtml"/></guide>',
    )
    assert book(tmp_path, "b.epub", data).text == "x\n\nMotto\n\ny\n\nif x:\n    y\n\n1 2"


ENCRYPTED = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
 xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData>
<enc:CipherReference URI="{uri}"/></enc:CipherData></enc:EncryptedData></encryption>"""
AES = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"


@pytest.mark.parametrize(
    ("algorithm", "uri", "expected"),
    [
        (AES, "O/a.xhtml", Reason.ENCRYPTED),
        (AES, "O/font.otf", "hello"),
        ("http://www.idpf.org/2008/embedding", "O/font.otf", "hello"),
    ],
)
def test_epub_under_a_digital_lock(tmp_path, algorithm, uri, expected):
    lock = {"META-INF/encryption.xml": ENCRYPTED.format(algorithm=algorithm, uri=uri)}
    item = book(tmp_path, "b.epub", make_epub({"a.xhtml": "<p>hello</p>"}, extra=lock))
    assert (item.text if isinstance(item, Record) else item.reason) == expected


def test_epub_with_faults(tmp_path):
    item = book(tmp_path, "a.epub", make_epub({"a.xhtml": "<p>x</p>", "gone.xhtml": None}))
    assert item.meta["missing_documents"] == "O/gone.xhtml"
    item = book(tmp_path, "b.epub", make_epub({"a.xhtml": "<p>x <b>y</p><p>z</p>"}))
    assert (item.text, item.meta["malformed_documents"]) == ("x y\n\nz", "1")
    outside = '<!DOCTYPE html [<!ENTITY e SYSTEM "file:///etc/hostname">]><html><p>x&e;y</p></html>'
    item = book(tmp_path, "o.epub", make_epub({"a.xhtml": outside}))
    assert (item.text, item.meta["malformed_documents"]) == ("x&e;y", "1")
    item = book(tmp_path, "n.epub", b"no zip at all")
    assert (item.reason, item.message.split(",")[0]) == (
        Reason.CORRUPT, "n.epub does not begin as a zip"
    )  # fmt: skip
    whole = make_epub({"a.xhtml": "<p>x</p>"})
    assert book(tmp_path, "c.epub", whole[:-40]).reason is Reason.TRUNCATED
    assert book(tmp_path, "d.epub", make_epub({"a.xhtml": "<p/>"})).reason is Reason.NO_TEXT
    with zipfile.ZipFile(tmp_path / "e.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    (item,) = books(tmp_path, "e.epub")
    assert item.reason is Reason.CORRUPT
    assert "container.xml" in item.message
    lol = laughs("html")
    assert book(tmp_path, "f.epub", make_epub({"a.xhtml": lol})).reason is Reason.BOMB


WHOLE_EPUB = make_epub({"a.xhtml": "<h1>x</h1><p>y</p>", "b.xhtml": "<p>z</p>"})


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE_EPUB)), st.binary(max_size=8))
def test_a_damaged_epub_gives_one_item(tmp_path_factory, at, noise):
    folder = tmp_path_factory.mktemp("epub")
    (folder / "a.epub").write_bytes(WHOLE_EPUB[:at] + noise + WHOLE_EPUB[at + len(noise) :])
    assert len(books(folder, "a.epub")) == 1
