"""PDF: all of the text in reading order and only the text, or a typed reason."""

import io
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import LOCK, line, make_pdf, paragraph, picture, shown
from PIL import Image
from reading import book, books, chapters, write_tar

from castor.filters.media import decoder, pdf
from castor.filters.media.failure import LIMITS, Limits
from castor.filters.media.reference import read_media
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.filters.record import Modality
from castor.pipelines.source import InputFile, Rejected, load
from castor.pipelines.sources import _pdf
from castor.pipelines.sources.books import Options

WORDS = "the grey house by river stood empty since that long winter and nobody asked why".split()
LEADING = 12


def prose(n_lines, seed, width=60):
    """Lines of made words, filled to about the width; the last one is short and ends."""
    draw = random.Random(seed)
    lines = []
    for _ in range(n_lines - 1):
        text = draw.choice(WORDS)
        while len(text) < width - 4:
            text += " " + draw.choice(WORDS)
        lines.append(text[:width].rstrip() + "n" * max(0, width - len(text)))
    return [*lines, "and so it ended."]


def drawn(lines, *, x=72, y=700, **how):
    return paragraph(lines, x, y, 10, **how)[0]


def test_paragraphs_by_indent_and_by_gap(tmp_path):
    first, y = paragraph(prose(4, 1), 72, 700, indent=14)
    second, y = paragraph(prose(3, 2), 72, y, indent=14)
    third, _ = paragraph(prose(2, 3), 72, y - 14)
    item = book(tmp_path, "a.pdf", make_pdf([first + second + third], info={"Title": "Das Haus"}))
    assert item.text == "\n\n".join(" ".join(prose(n, s)) for n, s in ((4, 1), (3, 2), (2, 3)))
    assert dict(item.meta) == {"format": "pdf", "title": "Das Haus", "pages": "1"}


def test_columns_are_read_one_after_the_other(tmp_path):
    left, right = prose(6, 4, 32), prose(6, 5, 32)
    title = line("A Title Over Both Of The Columns", 150, 740, 14)
    page = [title]
    # Drawn line by line across the page, the right column a little lower: neither the order
    # nor the lines tell the columns.
    for i in range(6):
        page += [line(left[i], 60, 700 - 12 * i), line(right[i], 320, 696 - 12 * i)]
    item = book(tmp_path, "a.pdf", make_pdf([page]))
    body = [" ".join(left), " ".join(right)]
    assert item.text.split("\n\n") == ["A Title Over Both Of The Columns", *body]


def test_a_table_is_read_by_rows(tmp_path):
    page = drawn(prose(3, 1))
    for i in range(4):
        page += [line(f"city {i}", 72, 600 - 14 * i), line(f"{i}00", 300, 600 - 14 * i)]
    item = book(tmp_path, "a.pdf", make_pdf([page]))
    assert "city 0 000" in item.text
    assert "city 3 300" in item.text


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ("some inter-", "esting words", "some interesting words"),
        ("some well-", "known words of well-known men", "some well-known words of well-known men"),
        ("the Franco-", "Prussian war", "the Franco-Prussian war"),
        ("from 1914-", "1918 there", "from 1914- 1918 there"),
    ],
)
def test_words_cut_at_the_end_of_a_line(tmp_path, head, tail, expected):
    fill = "x" * (58 - len(head))
    item = book(tmp_path, "a.pdf", make_pdf([drawn([f"{fill} {head}", tail])]))
    assert item.text == f"{fill} {expected}"


def furnished(n_pages):
    """Pages with heads that differ left and right, and numbers that begin at 7."""
    pages = []
    for i in range(n_pages):
        number = i + 7
        head = f"{number} THE GREY HOUSE" if i % 2 else f"Chapter the {i // 4} {number}"
        lines = prose(40, i)
        lines[-1] = prose(2, 900 + i)[0]  # the paragraph goes on over the page
        pages.append([line(head, 72, 800), *drawn(lines, y=770), line(f"- {i + 1} -", 290, 40)])
    return pages


def test_heads_and_page_numbers_go_and_sentences_go_on(tmp_path):
    item = book(tmp_path, "a.pdf", make_pdf(furnished(12)))
    expected = []
    for i in range(12):
        expected += [*prose(40, i)[:-1], prose(2, 900 + i)[0]]
    assert item.text == " ".join(expected)


def test_lines_that_repeat_inside_pages_stay(tmp_path):
    pages = []
    for i in range(6):
        lines = prose(12, i)
        pages.append(drawn([*lines[:5], "And the bell rang again.", *lines[5:]]))
    item = book(tmp_path, "a.pdf", make_pdf(pages))
    assert item.text.count("And the bell rang again.") == 6


def test_what_two_pages_have_or_stands_at_other_heights_is_no_furniture(tmp_path):
    pages = [[line("THE GREY HOUSE", 72, 800), *drawn(prose(9, i))] for i in range(2)]
    pages += [[line("AND SO ON", 72, 790 - 15 * i), *drawn(prose(9, i))] for i in range(5)]
    text = book(tmp_path, "a.pdf", make_pdf(pages)).text
    assert (text.count("THE GREY HOUSE"), text.count("AND SO ON")) == (2, 5)


def test_equal_pages_of_one_line_are_no_furniture(tmp_path):
    item = book(tmp_path, "a.pdf", make_pdf([[line("One line.", 72, 700)]] * 4))
    assert item.text.count("One line.") == 4


def test_footnotes_follow_the_paragraph(tmp_path):
    lines = prose(30, 1)
    mark = line("1", 72 + 6 * 60, 700 - 5 * 12 + 4, 6)
    page = [*drawn(lines[:-1]), mark, line("1 A note below.", 72, 60, 8)]
    after = prose(3, 2)
    item = book(tmp_path, "a.pdf", make_pdf([page, drawn(after)]))
    whole = " ".join([*lines[:-1], *after])
    assert item.text.split("\n\n") == [whole, "1 A note below."]


def test_notes_that_are_numbered_like_the_pages_stay(tmp_path):
    pages = []
    for i in range(6):
        note = line(f"{i + 1} Compare {WORDS[i]} and {WORDS[-i]}.", 72, 60, 8)
        pages.append([*drawn(prose(30, i)), note, line(f"{i + 1} THE GREY HOUSE", 72, 40)])
    text = book(tmp_path, "a.pdf", make_pdf(pages)).text
    assert all(f"{i + 1} Compare {WORDS[i]}" in text for i in range(6))
    assert "HOUSE" not in text


def test_bookmarks_are_chapters_and_their_sections_are_not(tmp_path):
    def page(title, seed):
        return [line(title, 72, 740, 16), *drawn(prose(5, seed))]

    pages = [drawn(["A dedication."]), page("One", 1), page("Inside", 2), page("Two", 3),
             page("Index", 4)]  # fmt: skip
    outline = [("One", 1, 760), ("Inside", 2, 760, 1), ("Two", 3, 760), ("Index", 4, 760)]
    item = book(tmp_path, "a.pdf", make_pdf(pages, outline=outline))
    assert [p.kind for p in item.parts] == ["front", "chapter", "chapter", "back"]
    assert [c.split("\n")[0] for c in chapters(item)] == ["A dedication.", "One", "Two", "Index"]
    item = book(tmp_path, "b.pdf", make_pdf(pages[:1] + pages[1:4]))
    assert [p.kind for p in item.parts] == ["chapter"] * 4  # by the size of the headings


def test_scripts_from_the_right_and_downwards(tmp_path):
    page = [shown("(םלוע) םולש", 300, 700), shown("12 םוי", 360, 686)]
    item = book(tmp_path, "a.pdf", make_pdf([page]))
    assert item.text == "שלום (עולם) יום 12"
    assert item.meta["direction"] == "rtl"
    columns = [shown("名前はまだ無い。", 460, 700), shown("吾輩は猫である。", 480, 700)]
    item = book(tmp_path, "b.pdf", make_pdf([columns], vertical=True))
    assert item.text.replace("\n", "") == "吾輩は猫である。名前はまだ無い。"
    assert item.meta["direction"] == "vertical"


def test_turned_pages_are_read_upright(tmp_path):
    lines = prose(3, 1)
    up = [line(t, 300 + 12 * i, 100, turn=(0, 1, -1, 0)) for i, t in enumerate(lines)]
    down = [line(t, 300 - 12 * i, 700, turn=(0, -1, 1, 0)) for i, t in enumerate(lines)]
    for name, page in (("a.pdf", up), ("b.pdf", down)):
        stamp = line("DRAFT", 100, 100, 40, turn=(0.7, 0.7, -0.7, 0.7))
        assert book(tmp_path, name, make_pdf([[*page, stamp]])).text == " ".join(lines)


def test_a_page_that_is_turned_when_it_is_shown(tmp_path):
    for rotate in (90, 180, 270):
        text = book(tmp_path, f"{rotate}.pdf", make_pdf([drawn(prose(3, 1))], rotate=rotate)).text
        assert text == " ".join(prose(3, 1))


# --- pictures --------------------------------------------------------------------------------


def jpeg(width, height, shade):
    out = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 90, 200)).save(out, "JPEG")
    return width, height, out.getvalue()


def test_pictures_stand_where_they_are_drawn_and_are_referred_to_in_the_file(tmp_path):
    above, inside = prose(3, 1), prose(30, 2)
    first = [
        picture(72, 600, 100, 60, 2), *drawn(above), *drawn(inside[:15], y=580),
        picture(300, 40, 8, 8, 5), picture(72, 100, 50, 50, 2), picture(90, 50, 30, 30),
    ]  # fmt: skip
    second = [picture(72, 30, 90, 60, 4), *drawn(inside[15:], y=600), picture(72, 640, 100, 60, 3)]
    jpegs = [jpeg(64, 48, 10), jpeg(40, 40, 20), jpeg(90, 60, 30), jpeg(8, 8, 40)]
    data = make_pdf([first, second], jpegs=jpegs)
    item = book(tmp_path, "a.pdf", data)
    assert item.modality is Modality.INTERLEAVED
    # One between two paragraphs, one inside a paragraph, one at the end.
    assert [p.media_index for p in item.parts] == [None, 0, None, 1, 2]
    assert item.text.split("\n\n") == [" ".join(above), " ".join(inside)]
    for ref, (_, _, packed) in zip(item.media, jpegs, strict=False):
        assert (ref.uri, ref.member, ref.mime) == ("books:a.pdf", None, "image/jpeg")
        assert data[ref.offset : ref.offset + ref.length] == packed
        assert read_media(ref, {"books": str(tmp_path)}) == packed
    absent = {k: v for k, v in item.meta.items() if k.endswith("_media")}
    assert absent == {"small_media": "1", "repeated_media": "1", "packed_media": "1"}
    (item,) = load("books")(InputFile("books", str(tmp_path), "a.pdf"), Options(pictures=False))
    assert (item.media, item.modality) == ((), Modality.TEXT)
    assert not any(k.endswith("_media") for k in item.meta)


def test_a_picture_stands_in_its_column_and_at_the_end_of_a_turned_page(tmp_path):
    left, right = prose(12, 4, 32), prose(20, 5, 32)
    page = [picture(60, 700, 100, 60, 2), *drawn(right, x=320, y=760), *drawn(left, x=60, y=680)]
    data = make_pdf([page], jpegs=[jpeg(64, 48, 10)])
    assert [p.media_index for p in book(tmp_path, "a.pdf", data).parts] == [0, None]
    page = [
        picture(320, 500, 100, 60, 2),
        *drawn(left, x=60, y=680), *drawn(right[:6], x=320, y=680), *drawn(right[6:], x=320, y=480),
    ]  # fmt: skip
    data = make_pdf([page], jpegs=[jpeg(64, 48, 10)])
    item = book(tmp_path, "b.pdf", data)
    assert [p.media_index for p in item.parts] == [None, 0, None]
    assert chapters(item)[1].strip() == " ".join(right[6:])
    page = [picture(320, 500, 100, 60, 2), *drawn(left, x=60, y=760), *drawn(left, x=60, y=440),
            *drawn(right, x=320, y=760)]  # fmt: skip
    data = make_pdf([page], jpegs=[jpeg(64, 48, 10)])
    assert [p.media_index for p in book(tmp_path, "d.pdf", data).parts] == [None, 0]
    up = [line(t, 300 + 12 * i, 100, turn=(0, 1, -1, 0)) for i, t in enumerate(prose(3, 1))]
    data = make_pdf([[picture(60, 700, 100, 60, 2), *up]], jpegs=[jpeg(64, 48, 10)])
    assert [p.media_index for p in book(tmp_path, "c.pdf", data).parts] == [None, 0]


def test_pictures_behind_the_text_and_in_archives_are_no_parts(tmp_path):
    pages = [[picture(0, 0, 595, 842, 2), *drawn(prose(3, 1))]]
    data = make_pdf(pages, jpegs=[jpeg(64, 48, 10)])
    assert book(tmp_path, "a.pdf", data).meta["background_media"] == "1"
    data = make_pdf([[picture(72, 100, 90, 60, 2), *drawn(prose(3, 1))]], jpegs=[jpeg(64, 48, 10)])
    write_tar(tmp_path / "a.tar", {"b.pdf": data})
    (item,) = books(tmp_path, "a.tar")
    assert (item.media, item.meta["unreachable_media"]) == ((), "1")


# --- what cannot be read ---------------------------------------------------------------------

WHOLE = make_pdf([drawn(prose(3, 1))])
NO_MEANING = "\ue001\ue002\ue003\ue004"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY),
        (make_pdf([drawn(prose(3, 1))], encrypt=LOCK), Reason.ENCRYPTED),
        (make_pdf([[picture(0, 0, 595, 842)]] * 3), Reason.SCANNED),
        (make_pdf([[picture(0, 0, 595, 842), line("7", 300, 40)]] * 3), Reason.SCANNED),
        (make_pdf([[]]), Reason.NO_TEXT),
        (make_pdf([[shown(NO_MEANING * 10, 20, 700)]]), Reason.BAD_ENCODING),
        (b"%PDF-1.7\n" + bytes(200), Reason.TRUNCATED),
        (b"%PDF-1.7\n" + bytes(200) + b"%%EOF", Reason.CORRUPT),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, data, reason):
    item = book(tmp_path, "a.pdf", data)
    assert (type(item), item.reason) == (Rejected, reason)
    assert "a.pdf" in item.message or reason is Reason.EMPTY


def test_pages_that_are_scanned_are_counted(tmp_path):
    pages = [drawn(prose(3, 1)), drawn(prose(3, 2)), [picture(0, 0, 595, 842)]]
    assert book(tmp_path, "a.pdf", make_pdf(pages)).meta["scanned_pages"] == "1"
    recognised = [[picture(0, 0, 595, 842), *drawn(prose(3, 1))]]
    assert book(tmp_path, "b.pdf", make_pdf(recognised)).meta["recognised_pages"] == "1"


def test_limits(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_bytes(make_pdf(furnished(3)))
    (item,) = books(tmp_path, "a.pdf", max_document_bytes=500)
    assert item.reason is Reason.TOO_LARGE
    monkeypatch.setattr(_pdf, "MAX_PAGES", 2)
    (item,) = books(tmp_path, "a.pdf")
    assert item.reason is Reason.TOO_LARGE
    monkeypatch.undo()
    monkeypatch.setattr(_pdf, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(_pdf, "MAX_CPU_S", 0.0)
    (item,) = books(tmp_path, "a.pdf")
    assert item.reason is Reason.TIMEOUT
    monkeypatch.setattr(_pdf, "MAX_CPU_S", 60.0)
    (item,) = books(tmp_path, "a.pdf")
    assert item.meta["pages"] == "3"


def test_nothing_depends_on_how_many_pages_are_read_at_once(monkeypatch):
    with Window.of_bytes(make_pdf(furnished(5))) as window:
        whole = pdf.read(window, {"first": 0, "last": 99}, LIMITS)["pages"]
        monkeypatch.setattr(pdf, "SLICE_GLYPHS", 2 * whole[0]["glyphs"] - 1)
        cut = [pdf.read(window, {"first": i, "last": 99}, LIMITS)["pages"] for i in (0, 2, 4)]
        monkeypatch.setattr(pdf, "SLICE_S", 0.0)
        one = pdf.read(window, {"first": 3, "last": 99}, LIMITS)["pages"]
    assert [len(pages) for pages in (whole, *cut, one)] == [5, 2, 2, 1, 1]
    assert cut[0] + cut[1] + cut[2] == whole
    assert one == whole[3:4]


def test_a_page_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    slow = decoder.Decoder(limits=Limits(wall_s=0.02))
    monkeypatch.setattr(decoder, "_decoder", slow)
    many = [line("x" * 100, 10, 10 + i % 800) for i in range(1500)]
    try:
        item = book(tmp_path, "a.pdf", make_pdf([many] * 4))
    finally:
        slow.close()
    assert item.reason is Reason.TIMEOUT


def test_in_an_archive(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("b/c.pdf")
        info.size = len(WHOLE)
        tar.addfile(info, io.BytesIO(WHOLE))
    (item,) = books(tmp_path, "a.tar")
    assert (item.key, item.text) == ("books:a.tar@b/c.pdf", " ".join(prose(3, 1)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE)), st.binary(max_size=12), st.booleans())
def test_a_damaged_pdf_gives_one_item(tmp_path_factory, at, noise, cut):
    folder = tmp_path_factory.mktemp("pdf")
    data = WHOLE[:at] + noise + (b"" if cut else WHOLE[at + len(noise) :])
    (folder / "a.pdf").write_bytes(data)
    assert len(books(folder, "a.pdf")) == 1
