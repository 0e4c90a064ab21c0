"""Raw web: documentation found here as real WARC files, and a crawl's usual junk beside it."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator

from castor.pipelines.demo import junk, machine, pages, prose
from castor.pipelines.demo.benchmarks import SHORT, Item
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger
from castor.pipelines.demo.warc import WarcWriter, arc, chunked

_PER_FILE_BYTES = 3_000_000  # of HTML; about 250 pages
_PLANTED = "made.warc.gz"
_DISGUISES = ("verbatim", "verbatim", "upper", "spaced", "punctuation", "verbatim")


def write(ledger: Ledger, budget: int, questions: tuple[Item, ...]) -> None:
    """Writes WARC, WET and ARC files with about `budget` bytes of HTML."""
    found = list(_within(_documentation(budget), budget))
    if not found:
        ledger.note("web: no documentation found on this machine; all pages are made")
    _write_found(ledger, found)
    scale = 1 if budget < 4_000_000 else 6
    planted = _planted(ledger, scale, questions)
    if not found:
        _write_prose(planted, ledger, budget)
    ledger.write(f"web/{_PLANTED}", planted.finish())
    _write_wet(ledger)
    _write_arc(ledger)
    _write_cut(ledger)


def _documentation(budget: int) -> Iterator[tuple[str, str]]:
    """(url, html) of what is documented here: library first, then packages and readmes."""
    library = ((m, "library.example", "/3.11") for m in machine.library_modules())
    packaged = (
        (m, "packages.example", f"/{p}")
        for p in machine.PACKAGES
        for m in machine.package_modules(p)
    )
    yield from _within(map(_module_page, library), int(budget * 0.35))
    yield from _within(_readmes(), int(budget * 0.15))
    yield from map(_module_page, packaged)


def _module_page(entry: tuple[machine.Module, str, str]) -> tuple[str, str]:
    module, host, folder = entry
    names = [f"{module.name}.{n}" for n in (module.functions + module.classes)[:25]]
    links = [("/", "Home"), ("/genindex", "Index"), *((f"#{n}", n) for n in names)]
    title = f"{module.name} — documentation"
    body = pages.module_body(module)
    html = pages.page(title, body, site=host, links=links, cookies=host.startswith("packages"))
    return f"https://{host}{folder}/{module.name}.html", html


def _readmes() -> Iterator[tuple[str, str]]:
    for found in machine.distributions():
        body = pages.readme_body(found)
        if body is not None:
            title = f"{found.name} {found.version}"
            html = pages.page(title, body, site="Package index", links=(("/", "Search"),))
            yield f"https://index.example/project/{found.name}/", html


def _within(entries: Iterator[tuple[str, str]], n_bytes: int) -> Iterator[tuple[str, str]]:
    total = 0
    for url, html in entries:
        total += len(html)
        if total > n_bytes:
            return
        yield url, html


def _write_found(ledger: Ledger, found: list[tuple[str, str]]) -> None:
    """Fills files one after another, so that there is more than one shard to work on."""
    total = 0
    for number, group in itertools.groupby(_numbered(found), key=lambda entry: entry[0]):
        name = f"docs-{number:02d}.warc.gz"
        warc = WarcWriter(name)
        for _, url, html in group:
            warc.exchange(url, html.encode())
            total += len(html)
        ledger.write(f"web/{name}", warc.finish())
    if found:
        ledger.count("web", FOUND, total, len(found))


def _numbered(found: list[tuple[str, str]]) -> Iterator[tuple[int, str, str]]:
    total = 0
    for url, html in found:
        yield total // _PER_FILE_BYTES, url, html
        total += len(html)


def _planted(ledger: Ledger, scale: int, questions: tuple[Item, ...]) -> WarcWriter:
    warc = WarcWriter(_PLANTED)
    chosen = [q for q in questions if not q.id.startswith(SHORT)]
    chosen = chosen[:: max(1, len(chosen) // (6 * scale))][: 6 * scale]
    leaked = [(q.id, q.question, d) for q, d in zip(chosen, itertools.cycle(_DISGUISES))]
    for page in (
        *junk.twins(2 * scale),
        *junk.personal(2 * scale),
        *junk.leaks(leaked),
        *junk.junk(scale),
    ):
        warc.exchange(page.url, page.html.encode())
        ledger.count("web", MADE, len(page.html))
        ledger.plant(
            "web",
            _PLANTED,
            page.url,
            page.outcome,
            page.why,
            of=page.of,
            item=page.item,
            absent=page.absent,
            present=page.present,
        )
    _plant_transport(ledger, warc)
    _plant_skipped(ledger, warc, scale)
    return warc


def _plant_transport(ledger: Ledger, warc: WarcWriter) -> None:
    """Good pages in every wrapping that servers put around them."""
    word = "Zürich naïve café"
    for name, encode, mime, headers, declared in (
        ("cp1252", "cp1252", "text/html; charset=windows-1252", (), None),
        ("latin1", "iso-8859-1", "text/html", (), "iso-8859-1"),
        ("silent", "utf-8", "text/html", (), None),
        ("gzip", "utf-8", "text/html; charset=utf-8", (("Content-Encoding", "gzip"),), None),
        ("chunks", "utf-8", "text/html", (("Transfer-Encoding", "chunked"),), "utf-8"),
    ):
        title, text = prose.article(f"transport {name}", 6)
        text[1] += f" The three words {word} were written on the wall of the inn."
        html = pages.page(title, pages.paragraphs(text), site="Inns", charset=declared)
        body = html.replace("©", "(c)").encode(encode)
        body = gzip.compress(body, mtime=0) if name == "gzip" else body
        body = chunked(body) if name == "chunks" else body
        url = f"https://inns.example/{name}"
        warc.exchange(url, body, mime=mime, headers=headers)
        ledger.count("web", MADE, len(html))
        why = f"a good page, sent as {name}"
        ledger.plant("web", _PLANTED, url, "kept", why, present=(word,))


def _plant_skipped(ledger: Ledger, warc: WarcWriter, scale: int) -> None:
    gone = pages.page("404 Not Found", "<p>The page is not here.</p>", site="Shop").encode()
    pixel = b"\x89PNG\r\n\x1a\n" + bytes(400)
    replies = [
        ("gone", gone, "text/html", "404 Not Found"),
        ("busy", gone, "text/html", "503 Service Unavailable"),
        ("picture.png", pixel, "image/png", "200 OK"),
        ("data.bin", bytes(600), "application/octet-stream", "200 OK"),
    ]
    for i in range(scale):
        for name, body, mime, status in replies:
            url = f"https://shop.example/{i}/{name}"
            warc.exchange(url, body, mime=mime, status=status)
            ledger.count("web", MADE, len(body))
            ledger.plant("web", _PLANTED, url, "skipped", f"{status}, {mime}")
    moved = (("Location", "https://shop.example/"),)
    warc.exchange("https://shop.example/moved", b"", status="301 Moved", headers=moved)
    ledger.plant("web", _PLANTED, "https://shop.example/moved", "skipped", "a redirect")
    warc.record(
        "metadata", f"{junk.SITE}/stories/000", b"fetchTimeMs: 12\r\n", "application/warc-fields"
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    warc.record(
        "revisit",
        "https://shop.example/again",
        head,
        "application/http; msgtype=response",
        Refers_To_Target_URI="https://shop.example/",
        Profile="http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
    )
    ledger.plant("web", _PLANTED, "https://shop.example/again", "skipped", "a revisit")


def _write_prose(warc: WarcWriter, ledger: Ledger, budget: int) -> None:
    for i in range(min(400, budget // 6000)):
        title, text = prose.article(f"web {i}", 9)
        html = pages.page(title, pages.paragraphs(text), site="Made stories")
        warc.exchange(f"{junk.SITE}/prose/{i:04d}", html.encode())
        ledger.count("web", MADE, len(html))


def _write_wet(ledger: Ledger) -> None:
    """Common Crawl's plain-text form: one conversion record per page."""
    name = "made.warc.wet.gz"
    warc = WarcWriter(name)
    for i in range(12):
        title, text = prose.article(f"wet {i}", 7)
        body = "\n".join([title, *text]).encode()
        url = f"https://wet.example/{i}"
        warc.record("conversion", url, body, "text/plain", Identified_Content_Language="eng")
        ledger.count("web", MADE, len(body))
        ledger.plant("web", name, url, "kept", "a page as WET", present=(text[0][:40],))
    ledger.write(f"web/{name}", warc.finish())


def _write_arc(ledger: Ledger) -> None:
    name, found = "made.arc.gz", []
    for i in range(8):
        title, text = prose.article(f"arc {i}", 7)
        html = pages.page(title, pages.paragraphs(text), site="Old web")
        found.append((f"http://old.example/{i}.html", html.encode()))
        ledger.count("web", MADE, len(html))
        ledger.plant("web", name, found[-1][0], "kept", "a page as ARC", present=(text[0][:40],))
    ledger.write(f"web/{name}", arc(name, found))


def _write_cut(ledger: Ledger) -> None:
    """A download that broke off: the pages before the break are good."""
    name = "made-cut.warc.gz"
    warc = WarcWriter(name)
    for i in range(4):
        title, text = prose.article(f"cut {i}", 7)
        html = pages.page(title, pages.paragraphs(text), site="Cut")
        url = f"https://cut.example/{i}"
        warc.exchange(url, html.encode())
        ledger.count("web", MADE, len(html))
        if i < 3:
            ledger.plant("web", name, url, "kept", "before the break", present=(text[0][:40],))
    ledger.write(f"web/{name}", warc.finish()[:-900])
    why = "the file breaks off inside its last record"
    ledger.plant("web", name, "", "rejected", why, reason="truncated")
