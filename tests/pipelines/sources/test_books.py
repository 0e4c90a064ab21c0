"""Books: all of the text and only the text, with its chapters, from each format."""

import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Record
from castor.pipelines.source import InputFile, Rejected, RejectError, Skipped, load
from castor.pipelines.sources import _aozora, _languages, _plain_book
from castor.pipelines.sources._book import BookBuilder, lines_to_parts


def items(root, name, **options):
    source = load("books")
    file = InputFile("books", str(root), name, **options)
    found = []
    try:
        found.extend(source(file))
    except RejectError as error:
        found.append(Rejected(file.key(), error.place, error.reason, str(error)))
    keys = [i.key for i in found if not isinstance(i, Skipped)]
    assert len(keys) == len(set(keys))
    for item in found:
        if isinstance(item, Record):
            assert "".join(chapters(item)) == item.text
    return found


def chapters(record):
    """The text of each part; the parts cover the text in order, on character boundaries."""
    data = record.text.encode()
    edges = [0, *(p.end_byte for p in record.parts)]
    assert [p.start_byte for p in record.parts] == edges[:-1]
    return [data[p.start_byte : p.end_byte].decode() for p in record.parts]


def book(tmp_path, name, data):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    (item,) = items(tmp_path, name)
    return item


# --- plain text ----------------------------------------------------------------------------

GUTENBERG = """The Project Gutenberg eBook of A Tale

Title: A Tale
Author: Some One
Release Date: May 1, 2001 [eBook #1]
Language: English

*** START OF THE PROJECT GUTENBERG EBOOK A TALE ***

Produced by volunteers

CHAPTER I

First things.

CHAPTER II. Later

Second things.

*** END OF THE PROJECT GUTENBERG EBOOK A TALE ***

Licence, which is long.
"""


def test_project_gutenberg_leaves_only_the_book(tmp_path):
    item = book(tmp_path, "tale.txt", GUTENBERG.replace("\n", "\r\n"))
    assert item.text == ("CHAPTER I\n\nFirst things.\n\nCHAPTER II. Later\n\nSecond things.")
    assert [c.split("\n")[0] for c in chapters(item)] == ["CHAPTER I", "CHAPTER II. Later"]
    assert dict(item.meta) == {
        "format": "text",
        "title": "A Tale",
        "author": "Some One",
        "date": "May 1, 2001",
        "language": "en",
        "publisher": "Project Gutenberg",
    }


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("héllo".encode(), "héllo"),
        ("héllo".encode("utf-8-sig"), "héllo"),
        ("héllo".encode("utf-16"), "héllo"),
        (b"\xfe\xff" + "héllo".encode("utf-16-be"), "héllo"),
        ("Été à la mer, garçon, déjà vu, où ça ?".encode("cp1252") * 9, None),
    ],
)
def test_charsets(tmp_path, data, text):
    found = book(tmp_path, "a.txt", data)
    assert found.text == text if text else "Été à la mer, garçon" in found.text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY),
        (b" \n \n", Reason.NO_TEXT),
        (b"a\0b", Reason.BAD_ENCODING),
        (b"\xff\xfe\x00\xd8\x00", Reason.BAD_ENCODING),
    ],
)
def test_what_is_no_text(tmp_path, data, reason):
    item = book(tmp_path, "a.txt", data)
    assert (type(item), item.reason) == (Rejected, reason)


def test_chinese_chapters_and_their_end_marks():
    text = "第1章 甲\n　　一。\n(本章完)\n第二回 乙\n　　第二回说到这里。\n(本章完)\n"
    found = _plain_book.read_plain(text)
    assert found.text == "第1章 甲\n　　一。\n第二回 乙\n　　第二回说到这里。"
    assert [p.kind for p in found.parts] == ["chapter", "chapter"]


# --- Markdown ------------------------------------------------------------------------------


def test_markdown_header_and_chapters(tmp_path):
    text = "# Title: Emma\n\n## Author: Jane Austen\n\n## Year: 1815\n\n-------\n_By her_\n\n"
    text += "## I\n\nOne.\n\n```\n## no heading\n```\n\nII\n--\n\nTwo.\n"
    item = book(tmp_path, "en/emma.md.gz", gzip.compress(text.encode()))
    assert [c.strip() for c in chapters(item)] == [
        "_By her_",
        "## I\n\nOne.\n\n```\n## no heading\n```",
        "II\n--\n\nTwo.",
    ]
    assert [p.kind for p in item.parts] == ["front", "chapter", "chapter"]
    assert item.key == "books:en/emma.md.gz"
    assert dict(item.meta) == {
        "format": "markdown",
        "title": "Emma",
        "author": "Jane Austen",
        "date": "1815",
        "language": "en",
    }


def test_markdown_with_yaml_and_a_title():
    found = _plain_book.read_markdown("---\ntitle: 'A b'\nlang: de\n---\n\n# T\n\nx\n\n### y\n\nz")
    assert found.text == "# T\n\nx\n\n### y\n\nz"
    assert found.meta == {"format": "markdown", "title": "A b", "language": "de"}
    assert _plain_book.read_markdown("# tar\n\n> Archive.").meta["title"] == "tar"


# --- TEI -----------------------------------------------------------------------------------

TEI = """<?xml version="1.0"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0" xml:id="F1" xml:lang="fr-FR"><teiHeader><fileDesc>
<titleStmt><title>Mon Livre : édition ELTeC</title><author>Adam, Juliette (1836-1936)</author>
</titleStmt><publicationStmt><date when="2021"/><availability>
<licence target="https://creativecommons.org/licenses/by/4.0/"/></availability></publicationStmt>
<sourceDesc><bibl type="printSource"><date>1868</date></bibl>
<bibl type="firstEdition"><date>1860</date></bibl></sourceDesc></fileDesc></teiHeader>
<text><front><div type="titlepage"><p>TITLE PAGE</p></div>
<div type="liminal"><p>À un ami.</p></div></front>
<body><div type="group"><head>Première partie</head>
<div type="chapter"><head>I</head><p>Un mot
  cou<pb n="3"/>pé<ref target="#N1">(1)</ref>, <hi>souligné</hi>.</p>
<quote><l>Vers un,</l><l>vers deux.</l></quote></div>
<div type="chapter"><head>II</head><p>Dehors<note place="foot">En bas.</note> encore.</p></div>
</div></body><back><div type="notes"><note xml:id="N1">La note.</note></div></back></text></TEI>"""


def test_tei(tmp_path):
    item = book(tmp_path, "b.xml", TEI)
    assert [(p.kind, c.strip()) for p, c in zip(item.parts, chapters(item), strict=True)] == [
        ("front", "À un ami."),
        (
            "chapter",
            "Première partie\n\nI\n\nUn mot coupé, souligné.\n\nVers un,\nvers deux.",
        ),
        ("chapter", "II\n\nDehors encore.\n\nEn bas."),
        ("notes", "La note."),
    ]
    assert dict(item.meta) == {
        "format": "tei",
        "title": "Mon Livre",
        "author": "Adam, Juliette",
        "date": "1860",
        "identifier": "F1",
        "language": "fr",
        "licence": "CC-BY-4.0",
    }


# --- XML that means harm -------------------------------------------------------------------

LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">{}]><TEI>&i;</TEI>'.format(
    "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
)


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (LAUGHS, Reason.BOMB, "amplification"),
        ('<!DOCTYPE l [<!ENTITY a "&b;"><!ENTITY b "&a;">]><TEI>&a;</TEI>', Reason.BOMB, "loop"),
        ("<a>" * 400, Reason.BOMB, "depth"),
        ("<TEI>\n<p>\n</TEI>", Reason.CORRUPT, "line 3"),
        ('<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/hostname">]><TEI>&a;</TEI>', Reason.CORRUPT,
         "not defined"),
        ("<svg/>", Reason.UNSUPPORTED_FORMAT, "<svg>"),
        ("<TEI><text><p> </p></text></TEI>", Reason.NO_TEXT, "no text"),
    ],
)  # fmt: skip
def test_bad_xml_is_told(tmp_path, text, reason, words):
    item = book(tmp_path, "b.xml", text)
    assert (type(item), item.reason) == (Rejected, reason)
    assert words in item.message


def test_internal_entities_are_read(tmp_path):
    text = '<!DOCTYPE t [<!ENTITY me "Me &amp; I">]><TEI><text><p>&me; too</p></text></TEI>'
    assert book(tmp_path, "b.xml", text).text == "Me & I too"


# --- EPUB ----------------------------------------------------------------------------------

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="O/p.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
OPF = """<package xmlns="http://www.idpf.org/2007/opf" unique-identifier="id"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:identifier>other</dc:identifier>
<dc:identifier id="id">urn:x</dc:identifier><dc:title>The Book</dc:title>
<dc:creator>A. One</dc:creator><dc:creator>B. Two</dc:creator><dc:language>eng</dc:language>
</metadata><manifest>{items}</manifest><spine>{refs}</spine>{guide}</package>"""
XHTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head>'
    "<title>T</title><style>p{{}}</style></head><body{attributes}>{body}</body></html>"
)


def make_epub(documents, *, order=None, guide="", extra=None, properties=None):
    """An EPUB of (name -> body), its spine in `order`, or as the documents come."""
    order = order or [(name, "") for name in documents]
    names = list(documents)
    entries = "".join(
        f'<item id="i{names.index(n)}" href="{n.replace(" ", "%20")}" '
        f'media-type="application/xhtml+xml" properties="{(properties or {}).get(n, "")}"/>'
        for n in names
    )
    refs = "".join(f'<itemref idref="i{names.index(n)}" {more}/>' for n, more in order)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("O/p.opf", OPF.format(items=entries, refs=refs, guide=guide))
        for name, body in documents.items():
            if body is not None:
                whole = body if body.startswith("<") is False or "<html" in body else None
                text = whole or XHTML.format(attributes="", body=body)
                archive.writestr(f"O/{name}", text)
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
    return buffer.getvalue()


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
    whole = make_epub({"a.xhtml": "<p>x</p>"})
    assert book(tmp_path, "c.epub", whole[:-40]).reason is Reason.TRUNCATED
    assert book(tmp_path, "d.epub", make_epub({"a.xhtml": "<p/>"})).reason is Reason.NO_TEXT
    with zipfile.ZipFile(tmp_path / "e.epub", "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    (item,) = items(tmp_path, "e.epub")
    assert item.reason is Reason.CORRUPT
    assert "container.xml" in item.message
    lol = LAUGHS.replace("TEI", "html")
    assert book(tmp_path, "f.epub", make_epub({"a.xhtml": lol})).reason is Reason.BOMB


# --- Aozora Bunko --------------------------------------------------------------------------

AOZORA = """河童
副題
芥川龍之介

-------------------------------------------------------
【テキスト中に現れる記号について】

《》：ルビ
（例）両膝《りょうひざ》
-------------------------------------------------------

［＃８字下げ］序［＃「序」は中見出し］

　三年｜前《まえ》の両膝《りょうひざ》。※［＃「てへん＋丑」、第4水準2-12-93］と※［＃「言＋墟のつくり」、第4水準2-88-74］
［＃改ページ］
［＃５字下げ］一［＃「一」は中見出し］

　こと／″＼しく夜な／＼〔fe^te〕※［＃始め二重山括弧、1-1-52］引用※［＃終わり二重山括弧、1-1-53］［＃「引用」に傍点］
※［＃小書き片仮名ン、1-2-3］※［＃見たことのない字］

底本：「河童」旺文社文庫
　　　1966年
入力：だれか
"""


def test_aozora(tmp_path):
    item = book(
        tmp_path, "k.sjis.txt.gz", gzip.compress(AOZORA.replace("\n", "\r\n").encode("cp932"))
    )
    assert chapters(item) == [
        "序\n\n　三年前の両膝。扭と譃\n",
        "一\n\n　こと〴〵しく夜な〳〵fête《引用》\nン〓",
    ]
    assert dict(item.meta) == {
        "format": "aozora",
        "title": "河童",
        "subtitle": "副題",
        "author": "芥川龍之介",
        "language": "ja",
        "colophon": "底本：「河童」旺文社文庫 / 1966年 / 入力：だれか",
    }


# --- Bibles, UDHR --------------------------------------------------------------------------

CES = """<cesDoc version="4"><cesHeader><fileDesc><titleStmt><h.title>Bible(GUJ)</h.title>
</titleStmt></fileDesc><profileDesc><langUsage><language id="gj" iso639="guj">Gujarati</language>
</langUsage></profileDesc></cesHeader><text><body id="Bible" lang="gj">
<div id="b.GEN" type="book"><div id="b.GEN.1" type="chapter"><seg type="verse"> One. </seg>
<seg type="verse">Two.</seg></div><div type="chapter"><seg type="verse">Three.</seg></div></div>
<div id="b.EXO" type="book"><div type="chapter"><seg type="verse">Four.</seg></div></div>
</body></text></cesDoc>"""


def test_a_bible_is_one_document_per_book(tmp_path):
    (tmp_path / "g.xml").write_text(CES)
    genesis, exodus = items(tmp_path, "g.xml")
    assert (genesis.key, genesis.text) == ("books:g.xml@GEN", "One.\nTwo.\n\nThree.")
    assert len(genesis.parts) == 2
    assert (exodus.key, exodus.text) == ("books:g.xml@EXO", "Four.")
    assert genesis.meta["language"] == "gu"


def test_an_option_that_is_no_language():
    with pytest.raises(ConfigError, match="not a language tag"):
        load("books").options(language="klingon-ish!")


def test_the_language_option_speaks_last(tmp_path):
    (tmp_path / "a.txt").write_text("Hei maailma.")
    (tmp_path / "g.xml").write_text(CES)
    options = load("books").options(language="fin")
    for name, code in (("a.txt", "fi"), ("g.xml", "gu")):
        found = next(load("books")(InputFile("books", str(tmp_path), name), options))
        assert found.meta["language"] == code


UDHR = """<udhr iso639-3='deu' xml:lang='de-1996' key='deu_1996' n='German' iso15924='Latn'
 xmlns="http://efele.net/udhr"><title>Die Erklärung</title><preamble><title>Präambel</title>
<para>Da die</para></preamble><article number="1"><title>Artikel 1</title><para>Alle</para>
<orderedlist><listitem><para>a</para></listitem><listitem><para>b</para></listitem></orderedlist>
</article></udhr>"""


def test_udhr_in_an_archive(tmp_path):
    with tarfile.open(tmp_path / "u.tar.xz", "w:xz") as tar:
        files = {"d/udhr_deu.xml": UDHR, "d/pic.png": "x", "d/b.pdf": "x", "d/.x.md": "x"}
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    text, picture, pdf, hidden = items(tmp_path, "u.tar.xz")
    assert text.key == "books:u.tar.xz@d/udhr_deu.xml"
    assert text.text == "Die Erklärung\n\nPräambel\n\nDa die\n\nArtikel 1\n\nAlle\n\na\n\nb"
    assert [c.split("\n")[0] for c in chapters(text)] == ["Die Erklärung", "Artikel 1"]
    assert (text.meta["language"], text.meta["script"]) == ("de", "Latn")
    assert (picture, hidden) == (Skipped(Skip.OTHER_KIND), Skipped(Skip.OTHER_KIND))
    assert (pdf.reason, pdf.place) == (Reason.UNSUPPORTED_FORMAT, "d/b.pdf")


# --- containers, limits --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.pdf", "a.mobi", "a.docx"])
def test_formats_without_a_reader(tmp_path, name):
    assert book(tmp_path, name, b"%PDF-1.4").reason is Reason.UNSUPPORTED_FORMAT


def test_pdf_in_disguise(tmp_path):
    assert book(tmp_path, "a.txt", b"%PDF-1.4 x").reason is Reason.UNSUPPORTED_FORMAT


def test_limits(tmp_path):
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"word " * 100))
    (item,) = items(tmp_path, "a.txt.xz", max_document_bytes=499)
    assert item.reason is Reason.TOO_LARGE
    (item,) = items(tmp_path, "a.txt.xz", max_document_bytes=500)
    assert isinstance(item, Record)
    (tmp_path / "grows.txt").write_bytes(("漢" * 100).encode("utf-16"))  # 202 bytes, 300 in UTF-8
    (item,) = items(tmp_path, "grows.txt", max_document_bytes=250)
    assert item.reason is Reason.TOO_LARGE
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(bytes(40_000_000)))
    (item,) = items(tmp_path, "bomb.txt.gz")
    assert item.reason is Reason.BOMB
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"word " * 1000)[:-9])
    (item,) = items(tmp_path, "cut.txt.gz")
    assert item.reason is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("tag", "code"),
    [("eng", "en"), ("en-US", "en"), ("EN_gb", "en"), ("English", "en"), ("grc", "grc"),
     ("zh-Hant", "zh"), ("cmn", "zh"), ("und", None), ("gj", None), ("x y", None), (None, None)],
)  # fmt: skip
def test_language_codes(tag, code):
    assert _languages.primary(tag) == code


@pytest.mark.parametrize(
    ("path", "code"),
    [("pages.de/common/tar.md", "de"), ("pages/common/tar.md", None), ("books/pt-BR/a.md", "pt"),
     ("pages.zh_TW/a.md", "zh"), ("a.md", None), ("xx/a.md", None)],
)  # fmt: skip
def test_language_of_a_folder(path, code):
    assert _languages.of_path(path) == code


# --- properties ----------------------------------------------------------------------------

LINES = st.lists(st.text(alphabet="aé漢 #\t", max_size=5), max_size=12)


@given(LINES, st.sets(st.integers(0, 11)))
def test_parts_of_lines_cover_the_text(lines, headings):
    text = "\n".join(lines)
    parts = lines_to_parts(lines, headings)
    data = text.encode()
    assert "".join(data[p.start_byte : p.end_byte].decode() for p in parts) == text


@given(st.lists(st.one_of(st.text(alphabet="aé漢 \n", max_size=4), st.booleans())))
def test_parts_of_blocks_cover_the_text(steps):
    builder = BookBuilder()
    for step in steps:
        if isinstance(step, bool):
            builder.section()
        else:
            builder.block(step, heading=len(step) == 1)
    text, parts = builder.build()
    data = text.encode()
    assert "".join(data[p.start_byte : p.end_byte].decode() for p in parts) == text


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(["a.txt", "a.md", "a.xml", "a.epub", "a.txt.gz", "a.zip", "a.tar", "a.tar.xz"]),
)
def test_any_bytes_give_items(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(data)
    items(folder, name)


WHOLE_EPUB = make_epub({"a.xhtml": "<h1>x</h1><p>y</p>", "b.xhtml": "<p>z</p>"})


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE_EPUB)), st.binary(max_size=8))
def test_a_damaged_epub_gives_one_item(tmp_path_factory, at, noise):
    folder = tmp_path_factory.mktemp("epub")
    (folder / "a.epub").write_bytes(WHOLE_EPUB[:at] + noise + WHOLE_EPUB[at + len(noise) :])
    assert len(items(folder, "a.epub")) == 1


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="a漢《》｜※［＃］〔e^〕、1-2\n底本：", max_size=80))
def test_any_notation_is_read(text):
    found = _aozora.read_aozora(_aozora._SYMBOLS + "\n\n" + text)
    data = found.text.encode()
    assert "".join(data[p.start_byte : p.end_byte].decode() for p in found.parts) == found.text


# --- the kit -------------------------------------------------------------------------------


def test_kit_books_of_each_kind(kit):
    table = {
        "books/fr/FRA00401_Allais.xml.gz": ("Le Captain Cap", "fr", 59),
        "books/ja/soseki-botchan.sjis.txt.gz": ("坊っちゃん", "ja", 11),
        "books/epub/moby-dick.epub": ("Moby-Dick", "en", 139),
        "books/en/h-g-wells-the-time-machine.md.gz": ("The Time Machine", "en", 13),
        "books/zh/cao-xueqin-hongloumeng.txt.gz": (None, "zh", 120),
    }
    for name, expected in table.items():
        (item,) = items(kit, name)
        assert (item.meta.get("title"), item.meta["language"], len(item.parts)) == expected
        assert not any(mark in item.text for mark in ("［＃", "teiHeader", "<p>", "(本章完)"))


def test_kit_udhr_agrees_with_its_index(kit):
    index = {}
    for line in (kit / "text/udhr.jsonl").open():
        entry = json.loads(line)
        index[entry["member"]] = _languages.primary(entry["bcp47"])
    found = items(kit, "text/udhr.tar.xz")
    assert {i.key.split("@")[1]: i.meta.get("language") for i in found} == index
