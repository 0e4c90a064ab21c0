"""Pages that must not come through, and pages that must: what is planted in the web."""

from __future__ import annotations

import base64
import dataclasses
import random

from castor.pipelines.demo import pages, prose

SITE = "https://made.example"
_LOREM = """Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor
incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation
ullamco laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure dolor in reprehenderit
in voluptate velit esse cillum dolore eu fugiat nulla pariatur.""".replace("\n", " ")
_KEYWORDS = ("cheap", "watches", "buy", "discount", "online", "best", "price", "free", "casino")
_GONE = ("dropped", "rejected", "skipped")  # which of them is the extractor's choice


@dataclasses.dataclass(frozen=True)
class Page:
    """A page to plant, with the fields of `Plant` that say what must become of it."""

    url: str
    html: str
    outcome: tuple[str, ...]
    why: str
    of: str | None = None
    item: str | None = None
    absent: tuple[str, ...] = ()
    present: tuple[str, ...] = ()


def junk(n: int) -> list[Page]:
    """`n` pages of each kind of junk."""
    kinds = (_cookies, _spam, _repeated, _lorem, _script, _stub, _encoded, _dots)
    return [kind(i) for i in range(n) for kind in kinds]


def twins(n: int) -> list[Page]:
    """`n` groups: a page, its exact copy, a copy with one paragraph changed, half a copy."""
    found = []
    for i in range(n):
        title, text = prose.article(f"twin {i}", 20)
        _, other = prose.article(f"twin other {i}", 20)
        url = f"{SITE}/stories/{i:03d}"
        changed = [*text[:6], other[0][: len(text[6])].rpartition(".")[0] + ".", *text[7:]]
        found += [
            Page(url, _article(title, text), ("kept",), "a story"),
            Page(
                f"https://mirror.example/copy?id={i}",
                _article(title, text),
                ("duplicate",),
                "the same page under another address",
                of=url,
            ),
            Page(
                f"https://mirror.example/edited?id={i}",
                _article(title, changed, site="Mirror"),
                ("duplicate",),
                "the same page with one paragraph changed",
                of=url,
            ),
            Page(
                f"{SITE}/stories/{i:03d}/sequel",
                _article(title, text[:10] + other[10:]),
                ("kept",),
                "shares half of its paragraphs with another page: no duplicate",
            ),
        ]
    return found


def personal(n: int) -> list[Page]:
    """`n` pages with made-up personal data, in ranges reserved for documentation."""
    found = []
    for i in range(n):
        title, text = prose.article(f"personal {i}", 5)
        mail, phone = f"ann.lund{i}@example.com", f"(202) 555-01{i % 100:02d}"
        line = f"For the minutes of the meeting you may write to {mail} or call {phone} at noon."
        found.append(
            Page(
                f"{SITE}/contact/{i:03d}",
                _article(title, [*text[:2], line, *text[2:]]),
                ("kept",),
                "personal data, to be masked",
                absent=(mail,),
                present=("For the minutes of the meeting",),
            )
        )
    return found


def leaks(questions: list[tuple[str, str, str]]) -> list[Page]:
    """A page for each (id of the item, its question, how it is disguised)."""
    found = []
    for i, (item, question, disguise) in enumerate(questions):
        title, text = prose.article(f"leak {i}", 6)
        body = _article(title, [*text[:3], disguised(question, disguise), *text[3:]])
        why = f"a benchmark question leaked into it ({disguise})"
        found.append(Page(f"{SITE}/quiz/{i:03d}", body, ("contaminated",), why, item=item))
    return found


def disguised(question: str, how: str) -> str:
    """The question as leaks show it: `verbatim`, `upper`, `spaced` or `punctuation`."""
    if how == "upper":
        return question.upper()
    if how == "spaced":
        return "   ".join(question.split())
    if how == "punctuation":
        return question.replace(",", " -").replace(";", " -")
    return question


def _article(title: str, text: list[str], site: str = "Made stories") -> str:
    links = (("/", "Home"), ("/stories", "Stories"), ("/about", "About us"))
    return pages.page(title, pages.paragraphs(text), site=site, links=links)


def _cookies(i: int) -> Page:
    body = '<div class="banner">We use cookies. <a href="/c">Settings</a> <b>Accept all</b></div>'
    html = pages.page("Before you continue", body, site=f"Shop {i}", cookies=True)
    return Page(f"https://shop.example/consent/{i}", html, _GONE, "a consent banner, no more")


def _spam(i: int) -> Page:
    rng = random.Random(f"castor demo spam {i}")
    words = " ".join(rng.choice(_KEYWORDS) for _ in range(500))
    html = pages.page("Best price", f"<p>{words}</p>", site="Offers")
    return Page(f"https://offers.example/best/{i}", html, ("dropped",), "keyword spam")


def _repeated(i: int) -> Page:
    line = prose.article(f"repeated {i}", 1)[1][0]
    html = pages.page("Again", pages.paragraphs([line] * 40), site="Echo")
    return Page(f"https://echo.example/{i}", html, ("dropped",), "one paragraph forty times")


def _lorem(i: int) -> Page:
    html = pages.page(f"Theme {i}", pages.paragraphs([_LOREM] * (2 + i % 3)), site="Themes")
    return Page(f"https://themes.example/demo/{i}", html, ("dropped",), "placeholder text")


def _script(i: int) -> Page:
    html = (
        f"<!DOCTYPE html><html><head><title>App {i}</title></head><body><div id=root></div>"
        "<noscript>You need to enable JavaScript to run this app.</noscript>"
        f"<script>{'var a=1;' * 400}</script></body></html>"
    )
    return Page(f"https://app.example/{i}", html, _GONE, "nothing without JavaScript")


def _stub(i: int) -> Page:
    html = pages.page(f"Product {i}", "<p>Sorry, this item is sold out.</p>", site="Shop")
    return Page(f"https://shop.example/item/{i}", html, _GONE, "one short sentence")


def _encoded(i: int) -> Page:
    rng = random.Random(f"castor demo encoded {i}")
    blobs = (base64.b64encode(rng.randbytes(90)).decode() for _ in range(60))
    html = pages.page("Attachment", pages.paragraphs(blobs), site="Paste")
    return Page(f"https://paste.example/{i}", html, _GONE, "encoded data")


def _dots(i: int) -> Page:
    rng = random.Random(f"castor demo dots {i}")
    teasers = [prose.sentence(rng)[:60].rstrip(" .,") + " ..." for _ in range(40)]
    html = pages.page("Headlines", pages.paragraphs(teasers), site="Teasers")
    return Page(f"https://teasers.example/{i}", html, ("dropped",), "every line breaks off")
