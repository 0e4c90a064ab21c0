"""Books: all of the text and only the text, with its chapters, from each format."""

import gzip
import itertools
import json
import lzma
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import book, books, chapters

from castor.filters.reasons import Reason
from castor.filters.record import Modality, Record, to_batch
from castor.pipelines.source import Rejected
from castor.pipelines.sources import _aozora, _languages, _matter, _plain_book
from castor.pipelines.sources._book import BookBuilder, lines_to_parts

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


CONTENTS = """MOBY

CONTENTS

CHAPTER I. The Sea
CHAPTER II. The Land

CHAPTER III. The Air

PREFACE

Why.

CHAPTER I. The Sea

Waves.

CHAPTER II. The Land

Hills.

CHAPTER III. The Air

Wind.
"""


def test_a_list_of_contents_begins_no_chapters(tmp_path):
    item = book(tmp_path, "a.txt", CONTENTS)
    assert [p.kind for p in item.parts] == ["front", "chapter", "chapter", "chapter"]
    assert [c.split("\n")[0] for c in chapters(item)][1:] == [
        "CHAPTER I. The Sea",
        "CHAPTER II. The Land",
        "CHAPTER III. The Air",
    ]


def test_headings_that_recur_in_every_volume_are_no_contents(tmp_path):
    volume = "BOOK {}\n\nCHAPTER I\n\nSea.\n\nCHAPTER II\n\nLand.\n\n"
    item = book(tmp_path, "a.txt", volume.format("I") + volume.format("II"))
    assert [c.split("\n")[0] for c in chapters(item)] == [
        "BOOK I", "CHAPTER II", "BOOK II", "CHAPTER II",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("titles", "kinds"),
    [
        (["Preface", "I", "Index"], ["front", "chapter", "back"]),
        (["## The Preface to the Second Edition", "I", "Appendix A: Tables", "Notes"],
         ["front", "chapter", "back", "notes"]),
        (["Предисловие", "Глава 1", "Примечания"], ["front", "chapter", "notes"]),
        (["目次", "一", "あとがき"], ["front", "chapter", "back"]),
        # In the middle, the words are those of a chapter; so are they where all are.
        (["I", "Preface", "Index", "II"], ["chapter"] * 4),
        (["Notes from the Sea", "Indexing for all"], ["chapter"] * 2),
        (["Preface", "Index"], ["chapter"] * 2),
        (["", "Preface", "I"], ["chapter"] * 3),
    ],
)  # fmt: skip
def test_matter_by_headings(titles, kinds):
    assert _matter.settle(["chapter"] * len(titles), titles) == kinds


def test_matter_that_is_known_stays():
    kinds = ["front", "chapter", "chapter", "auxiliary"]
    found = _matter.settle(kinds, ["Words", "Preface", "I", "Index"])
    assert found == ["front", "front", "chapter", "auxiliary"]


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


# --- containers, limits --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mobi", "a.docx"])
def test_formats_without_a_reader(tmp_path, name):
    assert book(tmp_path, name, b"x").reason is Reason.UNSUPPORTED_FORMAT


def test_limits(tmp_path):
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"word " * 100))
    (item,) = books(tmp_path, "a.txt.xz", max_document_bytes=499)
    assert item.reason is Reason.TOO_LARGE
    (item,) = books(tmp_path, "a.txt.xz", max_document_bytes=500)
    assert isinstance(item, Record)
    (tmp_path / "grows.txt").write_bytes(("漢" * 100).encode("utf-16"))  # 202 bytes, 300 in UTF-8
    (item,) = books(tmp_path, "grows.txt", max_document_bytes=250)
    assert item.reason is Reason.TOO_LARGE
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(bytes(40_000_000)))
    (item,) = books(tmp_path, "bomb.txt.gz")
    assert item.reason is Reason.BOMB
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"word " * 1000)[:-9])
    (item,) = books(tmp_path, "cut.txt.gz")
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
    books(folder, name)


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
        "books/epub/moby-dick.epub": ("Moby-Dick", "en", 138),
        "books/en/h-g-wells-the-time-machine.md.gz": ("The Time Machine", "en", 13),
        "books/zh/cao-xueqin-hongloumeng.txt.gz": (None, "zh", 120),
    }
    for name, expected in table.items():
        (item,) = books(kit, name)
        assert (item.meta.get("title"), item.meta["language"], len(item.parts)) == expected
        assert not any(mark in item.text for mark in ("［＃", "teiHeader", "<p>", "(本章完)"))


def test_kit_udhr_agrees_with_its_index(kit):
    index = {}
    for line in (kit / "text/udhr.jsonl").open():
        entry = json.loads(line)
        index[entry["member"]] = _languages.primary(entry["bcp47"])
    found = books(kit, "text/udhr.tar.xz")
    assert {i.key.split("@")[1]: i.meta.get("language") for i in found} == index


# --- editions ------------------------------------------------------------------------------


def test_editions_are_recognised_by_what_the_recipe_sets():
    """Another spelling, another preface: the recipe finds what the default does not."""
    from castor.pipelines import recipe
    from castor.pipelines.dedup.shingles import shingle_sets
    from castor.pipelines.signatures import BANDS, as_lists, with_signatures

    draw = random.Random(3)
    words = [f"{draw.choice('bcdfg')}{draw.choice('aeiou')}{i % 97}" for i in range(400)]
    text = [draw.choice(words) for _ in range(4000)]
    other = [w + "e" if i % 29 == 0 else w for i, w in enumerate(text)]
    preface = [draw.choice(words) for _ in range(400)]
    unlike = [draw.choice(words) for _ in range(4000)]
    texts = [" ".join(t) for t in (text, [*preface, *other], unlike)]
    batch = to_batch([Record(str(i), "b", Modality.TEXT, t) for i, t in enumerate(texts)])
    near = recipe.load("books", ["input=x"]).dedup.near
    shared = [set(row) for row in as_lists(with_signatures(batch, near).column(BANDS)).to_pylist()]
    values, offsets = shingle_sets(batch.column("text"))
    sets = [set(values[a:b].tolist()) for a, b in itertools.pairwise(offsets)]
    alike, no_more = (len(sets[0] & s) / len(sets[0] | s) for s in sets[1:])
    assert recipe.NearDuplicates().jaccard > alike > near.jaccard > 0.1 > no_more
    assert shared[0] & shared[1]
    assert not shared[0] & shared[2]
