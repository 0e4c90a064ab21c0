"""Raw books: long texts found here as plain text, Markdown, EPUB and TEI, and bad copies."""

from __future__ import annotations

import html
import pathlib
import re

from castor.pipelines.demo import archives, epub, junk, machine, pages, prose
from castor.pipelines.demo.benchmarks import Item
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger

_HISTORIES = ("NEWS.txt", "NEWS2x.txt", "HISTORY.txt", "ChangeLog", "CREDITS.txt", "README.txt")
_AUTHOR = "Python Software Foundation"
_TEI = """<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0" xml:lang="en" xml:id="made01"><teiHeader><fileDesc>
<titleStmt><title>{title}</title><author>Castor's demonstration</author></titleStmt>
<publicationStmt><p>Made on this machine.</p></publicationStmt>
<sourceDesc><p>Made text.</p></sourceDesc></fileDesc>
<profileDesc><langUsage><language ident="en">English</language></langUsage></profileDesc>
</teiHeader><text><body>{body}</body></text></TEI>
"""
_AOZORA = """ビーバーの家
作りもの

-------------------------------------------------------
【テキスト中に現れる記号について】

《》：ルビ
（例）川辺《かわべ》

［＃］：入力者注　主に外字の説明や、傍点の位置の指定
-------------------------------------------------------

［＃３字下げ］一［＃「一」は中見出し］

　川辺《かわべ》に一匹のビーバーが住んでいた。毎朝、木を運び、泥を積み、小さな家を作った。
　雪の降る前に、屋根《やね》はもう丈夫になっていた。夜になると、水の音だけが聞こえた。

［＃３字下げ］二［＃「二」は中見出し］

　春が来ると、若い｜船頭《せんどう》が橋のそばで堰《せき》を見つけた。
　「誰がこれを作ったのだろう」と船頭は言った。ビーバーは水の中から静かに見ていた。

底本：「この文章は実演のために作られた」
　　　2024（令和6）年1月1日
入力：castor
"""


def write(ledger: Ledger, budget: int, questions: tuple[Item, ...]) -> None:
    """Writes books of about `budget` bytes of text."""
    n_found = _topics(ledger, budget // 3)
    n_found += _histories(ledger, budget // 6)
    n_found += _readmes(ledger, budget // 6)
    n_found += _licences(ledger, budget // 4)
    if not n_found:
        ledger.note("books: no long texts found on this machine; all books are made")
    _made(ledger, questions)
    _bad(ledger)


def _topics(ledger: Ledger, budget: int) -> int:
    """The language reference as one EPUB 3 and one EPUB 2."""
    found, total = [], 0
    for name, text in machine.topics():
        total += len(text)
        if total > budget:
            break
        title, _, body = text.partition("\n")
        found.append((title.strip() or name, pages.docstring(re.sub(r"\n\*{3,}\n", "\n", body))))
    if not found:
        ledger.note("books: Python's reference topics are not installed; no book of them")
        return 0
    half = (len(found) + 1) // 2
    for version, chapters in ((3, found[:half]), (2, found[half:])):
        if not chapters:
            continue
        slug = f"reference-epub{version}"
        title = f"The Python Language, selected topics, part {4 - version}"
        _put(ledger, f"{slug}.epub", epub.epub(epub.Book(slug, title, _AUTHOR, chapters), version))
        ledger.plant("books", f"{slug}.epub", "", ("kept", "dropped"), "a book found here")
    return len(found)


def _put(ledger: Ledger, name: str, data: bytes, origin: str = FOUND) -> None:
    ledger.write(f"books/{name}", data)
    ledger.count("books", origin, len(data))


def _histories(ledger: Ledger, budget: int) -> int:
    """Long plain texts of the installation, such as the history of its editor."""
    library = machine.standard_library()
    paths = [library / "idlelib" / name for name in _HISTORIES] + [library / "LICENSE.txt"]
    return _copy(ledger, [p for p in paths if p.is_file()], "plain", budget)


def _licences(ledger: Ledger, budget: int) -> int:
    """Licence texts as packages ship them, many of them word for word the same."""
    paths = [p for d in machine.distributions() for p in d.licences]
    return _copy(ledger, paths, "licences", budget)


def _copy(ledger: Ledger, paths: list[pathlib.Path], folder: str, budget: int) -> int:
    total = n = 0
    for path in paths:
        data = path.read_bytes()
        if 800 <= len(data) <= budget - total:
            _put(ledger, f"{folder}/{_flat_name(path)}.txt", data)
            total, n = total + len(data), n + 1
    return n


def _flat_name(path: pathlib.Path) -> str:
    """Package and path in one name: `numpy-2.4.6-licenses_LICENSE`."""
    owner = next((p for p in path.parents if p.name.endswith(".dist-info")), path.parent)
    inner = path.relative_to(owner).with_suffix("").as_posix()
    return f"{owner.name.removesuffix('.dist-info')}-{inner.replace('/', '_')}"


def _readmes(ledger: Ledger, budget: int) -> int:
    """Readmes too long for a web page, as Markdown books."""
    total = n = 0
    for found in machine.distributions():
        text = found.readme.strip()
        if found.markdown and pages.MAX_README < len(text) <= budget - total:
            _put(ledger, f"markdown/{found.name}.md", text.encode())
            total, n = total + len(text), n + 1
    return n


def _made(ledger: Ledger, questions: tuple[Item, ...]) -> None:
    """One good made book of each format, a duplicate, and one with a leaked question."""
    tale = _tale("plain", 30)
    text = f"{tale[0]}\n\n" + "\n\n".join(tale[1])
    _put(ledger, "made-tale.txt", text.encode(), MADE)
    ledger.plant("books", "made-tale.txt", "", "kept", "a made tale")
    _put(ledger, "made-tale2.txt", text.encode(), MADE)
    ledger.plant("books", "made-tale2.txt", "", "duplicate", "the tale again", of="made-tale.txt")
    title, paragraphs = _tale("markdown", 12)
    numbered = "".join(f"## Chapter {i}\n\n{p}\n\n" for i, p in enumerate(paragraphs, 1))
    _put(ledger, "made-chapters.md", f"# {title}\n\n{numbered}".encode(), MADE)
    ledger.plant("books", "made-chapters.md", "", "kept", "a made book with chapters")
    _put(ledger, "made-novel.tei.xml", _tei().encode(), MADE)
    ledger.plant("books", "made-novel.tei.xml", "", "kept", "a made novel as TEI")
    _put(ledger, "made-beaver.aozora.txt", _AOZORA.replace("\n", "\r\n").encode("shift_jis"), MADE)
    ledger.plant(
        "books",
        "made-beaver.aozora.txt",
        "",
        ("kept", "dropped"),
        "a made Japanese tale as Aozora Bunko text",
        absent=("《",),
    )
    for i, version in ((0, 3), (1, 2)):
        title, paragraphs = _tale(f"epub {version}", 9)
        chapters = [(f"Chapter {c}", pages.paragraphs([p])) for c, p in enumerate(paragraphs, 1)]
        leak = questions[11 + 60 * i]
        chapters.insert(4, ("A riddle", pages.paragraphs([junk.disguised(leak.question, "upper")])))
        name = f"made-leak-epub{version}.epub"
        book = epub.Book(name, title, "Castor's demonstration", chapters)
        _put(ledger, name, epub.epub(book, version), MADE)
        ledger.plant(
            "books", name, "", "contaminated", "a benchmark question leaked into it", item=leak.id
        )


def _tale(seed: str, n_paragraphs: int) -> tuple[str, list[str]]:
    return prose.article(f"book {seed}", n_paragraphs)


def _tei() -> str:
    title, paragraphs = _tale("tei", 16)
    parts = [
        f'<div type="chapter"><head>Chapter {i // 4 + 1}</head>'
        + "".join(f"<p>{html.escape(p, quote=False)}</p>" for p in paragraphs[i : i + 4])
        + "</div>"
        for i in range(0, len(paragraphs), 4)
    ]
    return _TEI.format(title=html.escape(title), body="".join(parts))


def _bad(ledger: Ledger) -> None:
    """Copies that cannot be read, each for another reason."""
    title, paragraphs = _tale("bad", 8)
    chapters = [(f"Chapter {i}", pages.paragraphs([p])) for i, p in enumerate(paragraphs, 1)]
    good = epub.epub(epub.Book("bad", title, "Castor's demonstration", chapters))
    for name, data, reason, why in (
        ("made-cut.epub", good[: len(good) // 2], "truncated", "an EPUB cut in half"),
        ("made-locked.epub", archives.locked(good), "encrypted", "an encrypted EPUB"),
        ("made-empty.txt", b"", "empty", "an empty file"),
        ("made-scan.pdf", scan(), "scanned", "a PDF that is a picture of a page"),
    ):
        _put(ledger, name, data, MADE)
        ledger.plant("books", name, "", "rejected", why, reason=reason)


def scan() -> bytes:
    """A valid PDF of one page that is a grey picture."""
    stream, pixels = "q 612 0 0 792 0 0 cm /P1 Do Q", "@" * 64
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /XObject << /P1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray "
        f"/BitsPerComponent 8 /Length {len(pixels)} >>\nstream\n{pixels}\nendstream",
    )
    out, offsets = "%PDF-1.4\n", []
    for i, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{i} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 6\n0000000000 65535 f \n{table}{trailer}".encode()
