"""Books: pages of PDF and characters of EPUB per second, and how right the text of a PDF is.

    python tests/bench/bench_books.py

The kit's English books are set in type, in one and in two columns and with footnotes, with
running heads, page numbers, indents and words cut at the ends of lines: so the right text is
known. F1 is over word 4-grams, as for web pages (what is left of a head or a cut word costs
precision and recall). The peers are pypdf, pdfminer.six and EbookLib. Processor time of one
process: the child that reads PDFs is left out, its reader called directly.
"""

import collections
import gzip
import os
import pathlib
import random
import sys
import tempfile
import time

import peers

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent / "support"))

import pdfs  # noqa: E402

from castor.filters.media import pdf  # noqa: E402
from castor.filters.media.failure import LIMITS  # noqa: E402
from castor.filters.media.window import Window  # noqa: E402
from castor.pipelines.sources import _epub, _pdf, _plain_book  # noqa: E402

PAGES = 24  # of each book
BOOKS = 6
KINDS = ("one", "two", "notes")  # columns; one column with footnotes
ROWS, LEADING, SIZE = 50, 13, 10
Words = collections.Counter


class Direct:
    """Stands for the child process: the same reader, in this process."""

    def request(self, kind, window, **options):
        """What the child would answer."""
        assert kind == "pdf"
        return pdf.read(window, options, LIMITS)


def set_in_type(paragraphs, columns, seed, *, with_notes=False):
    """(PDF, the paragraphs that it shows, pages) of a book set in lines of 10 point Courier.

    With notes, one stands at the foot of every page in 8 point, its raised mark in the sixth line.
    """
    chance = random.Random(seed)
    width = 72 if columns == 1 else 36
    lines = []
    shown = []
    for text in paragraphs:
        if len(lines) > PAGES * ROWS * columns:
            break
        lines += broken(text, width, chance)
        shown.append(text)
    pages = []
    per_page = ROWS * columns
    for number in range(0, len(lines), per_page):
        page = len(pages) + 1
        head = f"{page} A BOOK OF TRIALS" if page % 2 else f"Chapter {page // 9 + 1} of it {page}"
        drawn = [pdfs.line(head, 72, 805, SIZE), pdfs.line(str(page), 295, 40, SIZE)]
        for i, (indent, text) in enumerate(lines[number : number + per_page]):
            x = 60 + 250 * (i // ROWS) + 12 * indent
            drawn.append(pdfs.line(text, x, 770 - LEADING * (i % ROWS), SIZE))
            if with_notes and i == 5:
                drawn.append(pdfs.line(str(page), x + 6 * len(text), 774 - LEADING * i, 6))
        if with_notes:
            note = f"{page} {' '.join(chance.choice(paragraphs).split()[:9])}."
            drawn.append(pdfs.line(note, 60, 100, 8))
            shown.append(note)
        pages.append(drawn)
    return pdfs.make_pdf(pages), shown, len(pages)


def broken(text, width, chance):
    """(whether it is indented, line) of a paragraph; long words are cut at the end of a line."""
    lines = []
    room = width - 2
    now = ""
    for word in text.split():
        while len(now) + len(word) + 1 > room:
            space = room - len(now) - 2
            if len(word) > 6 and space >= 3 and word.isalpha() and chance.random() < 0.7:
                cut = min(space, len(word) - 3)
                lines.append(f"{now} {word[:cut]}-".strip())
                now, word = "", word[cut:]
            else:
                lines.append(now)
                now = ""
            room = width
        now = f"{now} {word}".strip()
    lines.append(now)
    return [(i == 0, line) for i, line in enumerate(lines) if line]


def grams(text):
    """Word 4-grams."""
    words = text.split()
    return Words(zip(words, words[1:], words[2:], words[3:], strict=False))


def f1(found, right):
    """Harmonic mean of precision and recall of word 4-grams."""
    a, b = grams(found), grams(right)
    both = sum((a & b).values())
    return 2 * both / (sum(a.values()) + sum(b.values()))


def kit():
    """The kit's folder of books, or None."""
    folder = pathlib.Path(os.environ.get("CASTOR_DATA", "../shared/data")) / "books"
    return folder if folder.is_dir() else None


def plain_paragraphs(path):
    """Paragraphs of a book in Markdown that Courier can show."""
    text = _plain_book.read_markdown(gzip.decompress(path.read_bytes()).decode()).text
    found = (" ".join(p.split()) for p in text.split("\n\n"))
    plain = (p.encode("cp1252", "ignore").decode("cp1252") for p in found)
    return [p for p in plain if len(p) > 200 and "*" not in p and "_" not in p and "#" not in p]


def measure_pdf(folder, into):
    """Sets books in type in three ways in turn, and reads them."""
    _pdf.decoder.shared = Direct
    paths, right, n_pages = [], [], 0
    for i, book in enumerate(sorted((folder / "en").glob("*.md.gz"))[4 : 4 + BOOKS]):
        kind = KINDS[i % len(KINDS)]
        columns = 2 if kind == "two" else 1
        data, shown, n = set_in_type(plain_paragraphs(book), columns, i, with_notes=kind == "notes")
        n_pages += n
        paths.append(into / f"{i}.pdf")
        paths[-1].write_bytes(data)
        right.append("\n\n".join(shown))
    files = [p.read_bytes() for p in paths]

    def read(data):
        with Window.of_bytes(data) as window:
            return _pdf.read_pdf(window, "book", limit_bytes=64_000_000).text

    read(files[0])
    began = time.process_time()
    texts = [read(data) for data in files]
    found = {"pdf_pages_s": n_pages / (time.process_time() - began)}
    found |= {f"pdf_f1_{kind}": mean(texts, right, kind) for kind in KINDS}
    return found, paths, right, n_pages


def read_epubs(paths):
    """(characters of text, processor time) of EPUBs: the median of three times through all."""
    times = []
    for _ in range(3):
        began = time.process_time()
        n_characters = 0
        for path in paths:
            with path.open("rb") as file:
                book = _epub.read_epub(file, path.name, limit_bytes=64_000_000, pictures=False)
                n_characters += len(book.text)
        times.append(time.process_time() - began)
    return n_characters, sorted(times)[1]


def mean(texts, right, kind):
    """Mean F1 over the books of one kind."""
    scores = [f1(t, r) for t, r in zip(texts, right, strict=True)][KINDS.index(kind) :: len(KINDS)]
    return sum(scores) / len(scores)


def main():
    """Prints the figures, or why there are none."""
    folder = kit()
    if folder is None:
        print("books: no data kit; set CASTOR_DATA")
        return {}
    with tempfile.TemporaryDirectory() as name:
        found, paths, right, n_pages = measure_pdf(folder, pathlib.Path(name))
        epubs = sorted((folder / "epub").glob("*.epub"))
        try:
            asked = {"pdf": [str(p) for p in paths], "epub": [str(p) for p in epubs]}
            answer = peers.ask("book_text", **asked)
        except peers.NoPeersError as error:
            print(error)
            answer = {}
    # A book that names a file which it lacks EbookLib does not read at all.
    other = answer.pop("ebooklib", None)
    if other:
        epubs = [p for p, text in zip(epubs, other["texts"], strict=True) if text]
    n_characters, cpu_s = read_epubs(epubs)
    found |= {"epubs": len(epubs), "epub_mb_s": n_characters / 1e6 / cpu_s}
    if other:
        found["ebooklib_epub_mb_s"] = n_characters / 1e6 / other["cpu_s"]
    for peer, of_it in answer.items():
        found[f"{peer}_pdf_pages_s"] = n_pages / of_it["cpu_s"]
        for kind in KINDS:
            found[f"{peer}_pdf_f1_{kind}"] = mean(of_it["texts"], right, kind)
    for name in sorted(found):
        print(f"books: {name:28} {found[name]:10.3f}")
    return found


if __name__ == "__main__":
    main()
