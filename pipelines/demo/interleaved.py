"""Raw documents that show pictures: Markdown and HTML with their images, in tar archives."""

from __future__ import annotations

import base64
import html

from castor.pipelines.demo import archives, machine, paint, pictures, prose
from castor.pipelines.demo.archives import Member
from castor.pipelines.demo.benchmarks import Item
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger

_MADE = "made-documents.tar"


def write(ledger: Ledger, budget: int, questions: tuple[Item, ...]) -> None:
    """Writes tar archives of documents of about `budget` bytes in all."""
    if not _found(ledger):
        ledger.note("interleaved: no illustrated documents found on this machine; all are made")
    members: list[Member] = []
    total = 0
    for number in range(24):
        document = _markdown(number) if number % 2 else _page(number)
        total += sum(len(data) for _, data in document)
        if total > budget and number >= 4:
            break
        members += document
        _plant(ledger, document, "kept", "a made document with pictures")
    title, text = prose.article("interleaved leak", 6)
    leak = questions[31]
    body = f"# {title}\n\n" + "\n\n".join([*text[:3], leak.question, *text[3:]])
    members.append(("made-quiz/index.md", body.encode()))
    why = "a benchmark question leaked into it"
    _plant(ledger, members[-1:], "contaminated", why, item=leak.id)
    ledger.write(f"interleaved/{_MADE}", archives.tar(members))


def _plant(ledger: Ledger, document: list[Member], outcome: str, why: str, **more: str) -> None:
    name, _ = document[0]
    ledger.count("interleaved", MADE, sum(len(data) for _, data in document))
    ledger.plant("interleaved", _MADE, name, outcome, why, **more)


def _found(ledger: Ledger) -> int:
    """The handbook of Python's editor, and every packaged HTML page or Markdown guide."""
    editor = machine.standard_library() / "idlelib"
    members = [
        (f"idlelib/{p.name}", p.read_bytes())
        for p in (editor / "help.html", *sorted(editor.glob("Icons/*.png")))
        if p.is_file()
    ]
    guides: list[Member] = []
    for package in ("apache_beam", "orbax", "numba", "sklearn"):
        folder = machine.packages_folder() / package
        for path in machine.files(folder, frozenset((".md", ".html")), limit=12):
            name = path.relative_to(folder.parent).as_posix()
            guides.append((name, path.read_bytes()))
    if members + guides:
        ledger.write("interleaved/found-guides.tar", archives.tar(members + guides))
        size = sum(len(data) for _, data in members + guides)
        ledger.count("interleaved", FOUND, size, len(members + guides))
    return len(members + guides)


def _images(number: int, n: int, form: str) -> list[bytes]:
    return [
        pictures.encoded(
            paint.picture(paint.KINDS[(number + i) % 4], 5000 + 10 * number + i, 320, 240), form
        )
        for i in range(n)
    ]


def _markdown(number: int) -> list[Member]:
    """A lesson with two pictures, one picture that is missing and one on another host."""
    folder = f"made-lesson-{number:02d}"
    title, text = prose.article(f"lesson {number}", 6)
    steps = [
        f"# {title}",
        text[0],
        f"![{paint.caption('waves', number)}](fig/first.jpg)",
        text[1],
        text[2],
        '<img src="fig/second.jpg" alt="The second picture of the lesson">',
        text[3],
        "![It is not here](fig/absent.png)",
        text[4],
        "![Elsewhere](https://pictures.example/far.png)",
        text[5],
    ]
    first, second = _images(number, 2, "JPEG")
    return [
        (f"{folder}/index.md", "\n\n".join(steps).encode()),
        (f"{folder}/fig/first.jpg", first),
        (f"{folder}/fig/second.jpg", second),
    ]


def _page(number: int) -> list[Member]:
    """An HTML story with a figure beside it and a picture inside the address itself."""
    folder = f"made-story-{number:02d}"
    title, text = prose.article(f"story {number}", 5)
    figure, inline = _images(number, 2, "WEBP")
    data = base64.b64encode(inline).decode()
    paragraphs = [f"<p>{html.escape(p, quote=False)}</p>" for p in text]
    paragraphs.insert(
        2,
        '<figure><img src="../shared/figure.webp" alt="Not in this archive">'
        '<img src="figure.webp" alt="A made figure">'
        "<figcaption>A figure, made for the demonstration.</figcaption></figure>",
    )
    paragraphs.insert(4, f'<img src="data:image/webp;base64,{data}" alt="A picture in the page">')
    body = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title></head><body><main><h1>{html.escape(title)}</h1>{''.join(paragraphs)}</main>"
        "</body></html>"
    )
    return [(f"{folder}/index.html", body.encode()), (f"{folder}/figure.webp", figure)]
