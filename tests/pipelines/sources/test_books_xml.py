"""Books in XML: TEI, Bibles, the Declaration of Human Rights, and XML that means harm."""

import pytest
from reading import book, books, chapters, laughs, write_tar

from castor.filters.errors import ConfigError
from castor.filters.reasons import Reason, Skip
from castor.pipelines.source import InputFile, Rejected, Skipped, load

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


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (laughs("TEI"), Reason.BOMB, "amplification"),
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
    genesis, exodus = books(tmp_path, "g.xml")
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
    files = {"d/udhr_deu.xml": UDHR, "d/pic.png": "x", "d/b.pdf": "x", "d/.x.md": "x"}
    write_tar(tmp_path / "u.tar.xz", files, "w:xz")
    text, picture, pdf, hidden = books(tmp_path, "u.tar.xz")
    assert text.key == "books:u.tar.xz@d/udhr_deu.xml"
    assert text.text == "Die Erklärung\n\nPräambel\n\nDa die\n\nArtikel 1\n\nAlle\n\na\n\nb"
    assert [c.split("\n")[0] for c in chapters(text)] == ["Die Erklärung", "Artikel 1"]
    assert (text.meta["language"], text.meta["script"]) == ("de", "Latn")
    assert (picture, hidden) == (Skipped(Skip.OTHER_KIND), Skipped(Skip.OTHER_KIND))
    assert (pdf.reason, pdf.place) == (Reason.CORRUPT, "d/b.pdf")


# --- DocBook, FictionBook ------------------------------------------------------------------

DOCBOOK = """<book xmlns="http://docbook.org/ns/docbook" xml:lang="en" xml:id="b">
<info><title>On Ships</title><author><personname><firstname>A.</firstname><surname>One</surname>
</personname></author><pubdate>1999</pubdate></info><toc><para>no</para></toc>
<preface><title>Why</title><para>Because<footnote><para>Really.</para></footnote> of it.</para>
</preface><chapter><title>Hulls</title><para>Wood<indexterm><primary>wood</primary></indexterm>.
</para><section><title>Tar</title><programlisting>if x:
    y</programlisting></section></chapter><chapter><title>Sails</title><para>Cloth.</para></chapter>
<appendix><title>Knots</title><para>Many.</para></appendix></book>"""


def test_docbook(tmp_path):
    item = book(tmp_path, "b.xml", DOCBOOK)
    assert [(p.kind, c.strip()) for p, c in zip(item.parts, chapters(item), strict=True)] == [
        ("front", "Why\n\nBecause of it.\n\nReally."),
        ("chapter", "Hulls\n\nWood.\n\nTar\n\nif x:\n    y"),
        ("chapter", "Sails\n\nCloth."),
        ("back", "Knots\n\nMany."),
    ]
    assert dict(item.meta) == {"format": "docbook", "title": "On Ships", "author": "A. One",
                               "date": "1999", "language": "en", "identifier": "b"}  # fmt: skip


FB2 = """<?xml version="1.0" encoding="windows-1251"?>
<FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"
 xmlns:l="http://www.w3.org/1999/xlink"><description><title-info><author><first-name>Анна
</first-name><last-name>Я</last-name></author><book-title>Море</book-title><annotation><p>нет</p>
</annotation><date value="1900-01-01">1900</date><lang>ru</lang></title-info></description>
<body><title><p>Море</p></title><section><title><p>Часть</p></title><section><title><p>Раз</p>
</title><p>Волна<a l:href="#n" type="note">[1]</a>.</p><poem><stanza><v>Строка,</v><v>строка.</v>
</stanza></poem></section><section><title><p>Два</p></title><p>Берег.</p></section></section></body>
<body name="notes"><section id="n"><title><p>1</p></title><p>Вода.</p></section></body>
<binary id="c.jpg" content-type="image/jpeg">AAAA</binary></FictionBook>"""


def test_fictionbook(tmp_path):
    item = book(tmp_path, "b.fb2", FB2.encode("cp1251"))
    assert [(p.kind, c.strip()) for p, c in zip(item.parts, chapters(item), strict=True)] == [
        ("chapter", "Море\n\nЧасть\n\nРаз\n\nВолна.\n\nСтрока,\nстрока."),
        ("chapter", "Два\n\nБерег."),
        ("notes", "1\n\nВода."),
    ]
    assert dict(item.meta) == {"format": "fb2", "title": "Море", "author": "Анна Я",
                               "language": "ru", "date": "1900-01-01"}  # fmt: skip
