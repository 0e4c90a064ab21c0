"""HTML and Markdown as a sequence of text and the pictures between, in document order."""

from __future__ import annotations

import bisect
import dataclasses
import html
import posixpath
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

# Where lazy loaders keep the address while `src` holds a placeholder (OBELICS looks at the
# same kinds of attributes); before `src`, because a placeholder is no content.
LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-srcset")
_SKIPPED = {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select"}
_BLOCKS = frozenset(
    "address article aside blockquote br body caption center dd details dialog div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu "
    "nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_META_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{2,40})", re.I)


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A stretch of text."""

    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """A picture: its addresses, the best first, and its alternative text."""

    addresses: tuple[str, ...]
    alt: str


@dataclasses.dataclass(frozen=True)
class Page:
    """A page: what it shows in order, and what it says about itself."""

    steps: Sequence[Text | Picture]
    meta: Mapping[str, str]
    base: str = ""


def resolve(page: str, base: str, address: str) -> str | None:
    """The path inside the folder or archive that an address on a page means.

    Args:
        page: path of the page, relative to the root.
        base: the page's base href, or empty.
        address: as written on the page.

    Returns:
        A normalised path relative to the root; None when the address lies outside: on the
        network, or in the page itself (`data:`).

    Raises:
        ValueError: the path climbs out of the root, or is no address.
    """
    for part in (base, address):
        split = urllib.parse.urlsplit(part.strip().replace("\\", "/"))
        if split.scheme or split.netloc:
            return None
    # A query string only defeats caches here: the file is the same.
    path = posixpath.dirname(page)
    for part in (base, address):
        inner = urllib.parse.unquote(urllib.parse.urlsplit(part.strip().replace("\\", "/")).path)
        if "\0" in inner:
            raise ValueError("an address with a NUL")
        folder = part is base
        path = inner.lstrip("/") if inner.startswith("/") else posixpath.join(path, inner)
        path = posixpath.dirname(path) if folder and base else path
    path = posixpath.normpath(path)
    if path == ".." or path.startswith("../"):
        raise ValueError(f"the address {address!r:.80} climbs out of the root")
    return path


def srcset(value: str) -> list[str]:
    """The addresses of a srcset attribute, the largest first.

    Addresses may hold commas: as in the HTML standard, only a comma at the end of an
    address or after its descriptor separates.
    """
    found: list[tuple[float, int, str]] = []
    at = 0
    while found_at := re.compile(r"[\s,]*(\S+)").match(value, at):
        address, at = found_at.group(1), found_at.end()
        size = 1.0
        if address.endswith(","):
            address = address.rstrip(",")
        else:
            descriptor = re.compile(r"([^,]*),?").match(value, at)
            assert descriptor is not None
            at = descriptor.end()
            number = re.search(r"(\d+(?:\.\d+)?)[wx]", descriptor.group(1))
            size = float(number.group(1)) if number else 1.0
        if address:
            found.append((-size, len(found), address))
    return [address for _, _, address in sorted(found)]


def decode_html(data: bytes) -> str:
    """HTML bytes as text: byte order mark, UTF-8, the charset in a meta tag, windows-1252."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        found = _META_CHARSET.search(data[:4096])
    try:
        return data.decode(found.group(1).decode("ascii") if found else "cp1252", "replace")
    except LookupError:
        return data.decode("cp1252", "replace")


def from_html(text: str) -> Page:
    """What an HTML page shows: its text by blocks, and its pictures where they stand."""
    # lxml, because the parser of the standard library takes hours for a megabyte of "<!--".
    from lxml import etree

    target = _Target()
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True)
    # Lone surrogates and NULs cannot be fed to libxml2, and no text holds them.
    parser.feed(text.replace("\0", "").encode("utf-8", "replace"))
    try:
        parser.close()
    except etree.ParserError:  # a page without any element or text
        return Page([], {})
    return target.page()


class _Target:
    """Receives a page's elements in document order."""

    def __init__(self) -> None:
        self.steps: list[Text | Picture] = []
        self.meta: dict[str, str] = {}
        self.base = ""
        self._words: list[str] = []
        self._title: list[str] = []
        self._skipping = self._in_title = self._in_pre = 0
        self._sources: list[str] = []

    def page(self) -> Page:
        self._flush()
        title = " ".join("".join(self._title).split())[:500]
        return Page(self.steps, {**self.meta, **({"title": title} if title else {})}, self.base)

    def start(self, tag: str, attrs: Mapping[str, str]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        if tag == "html" and attrs.get("lang", "").strip():
            self.meta["language"] = attrs["lang"].strip()[:40]
        elif tag == "base" and not self.base:
            self.base = attrs.get("href", "")
        elif tag == "title" and not self._title and not self._skipping:
            self._in_title = 1
        elif tag == "source":
            self._sources += srcset(attrs.get("srcset", ""))
        elif tag == "img" and not self._skipping:
            self._image(attrs)
        if tag in _BLOCKS:
            self._words.append("\n")
            self._in_pre += tag == "pre"

    def end(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        if tag == "title":
            self._in_title = 0
        if tag in ("picture", "video", "audio"):
            self._sources = []
        if tag in _BLOCKS:
            self._words.append("\n")
            self._in_pre = max(0, self._in_pre - (tag == "pre"))

    def data(self, data: str) -> None:
        if self._in_title:
            self._title.append(data)
        elif self._skipping:
            return
        elif self._in_pre:
            self._words.append(data)
        else:
            data = re.sub(r"\s+", " ", data)
            after_space = not self._words or self._words[-1].endswith((" ", "\n"))
            self._words.append(data.lstrip(" ") if after_space else data)

    def close(self) -> None:
        pass

    def _image(self, values: Mapping[str, str]) -> None:
        addresses: list[str] = []
        for name in LAZY:
            value = values.get(name, "")
            addresses += srcset(value) if name.endswith("srcset") else [value]
        addresses += [values.get("src", ""), *srcset(values.get("srcset", "")), *self._sources]
        self._flush()
        unique = tuple(dict.fromkeys(a.strip() for a in addresses if a.strip()))
        self.steps.append(Picture(unique, " ".join(values.get("alt", "").split())))

    def _flush(self) -> None:
        lines = (line.rstrip() for line in "".join(self._words).split("\n"))
        text = "\n".join(line for line in lines if line)
        self._words = []
        if text:
            self.steps.append(Text(text))


# --- Markdown ------------------------------------------------------------------------------

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M)
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.M)
_DEFINITION = re.compile(r"^ {0,3}\[([^\]\n]{1,200})\]:[ \t]*<?([^\s>]+)>?.*$", re.M)
_CODE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^\n]*\n.*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<ticks>`++)[^\n]{0,2000}?(?<!`)(?P=ticks)(?!`)"
    r"|<!--.*?(?:-->|\Z)",
    re.S | re.M,
)
_IMAGE = re.compile(
    r"!\[(?P<alt>(?:[^\[\]\\]|\\.|\[[^\[\]]{0,500}\]){0,2000})\]"
    r"(?:\(\s*(?:<(?P<angle>[^<>\n]{0,2000})>|(?P<plain>(?:[^\s()]|\([^\s()]{0,500}\)){0,2000}))"
    r"(?:\s+(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'|\([^()]{0,2000}\)))?\s*\)"
    r"|\[(?P<label>[^\]\n]{0,200})\])(?:\{(?P<attrs>[^{}\n]{0,2000})\})?"
    r"|(?P<tag><img\b[^<>]{0,4000}>)"
)


# Pandoc and Carpentries lessons: ![caption](a.jpg){alt='what it shows' width=80%}
_ALT = re.compile(r"\balt=(?:\"([^\"]*)\"|'([^']*)')")


def from_markdown(text: str) -> Page:
    """What a Markdown page shows: its source text, and its pictures where they stand.

    Pictures inside code are text. The markup of a picture is not part of the text.
    """
    text = text.replace("\r\n", "\n")
    meta: dict[str, str] = {}
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    title = (_TITLE.search(front.group(1)) if front else None) or _HEADING.search(body)
    if title:
        meta["title"] = title.group(1).strip()[:500]
    code = [found.span() for found in _CODE.finditer(body)]
    labels = {label.casefold(): address for label, address in reversed(_DEFINITION.findall(body))}
    steps: list[Text | Picture] = []
    at = 0
    for start, end, picture in _pictures(body, labels, code):
        if body[at:start].strip():
            steps.append(Text(body[at:start].strip("\n")))
        steps.append(picture)
        at = end
    if body[at:].strip():
        steps.append(Text(body[at:].strip("\n")))
    return Page(steps, meta)


def _pictures(
    body: str, labels: Mapping[str, str], code: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, Picture]]:
    for found in _IMAGE.finditer(body):
        i = bisect.bisect_right(code, (found.start(), len(body))) - 1
        if i >= 0 and found.start() < code[i][1]:
            continue
        if found["tag"]:
            inner = from_html(found["tag"]).steps
            picture = next((s for s in inner if isinstance(s, Picture)), None)
        else:
            address = found["angle"] or found["plain"]
            if found["label"] is not None:
                address = labels.get((found["label"] or found["alt"]).casefold())
            picture = Picture((address,) if address else (), _alt_of(found))
        if picture is not None and picture.addresses:
            yield found.start(), found.end(), picture


def _alt_of(found: re.Match[str]) -> str:
    """The caption in the brackets and the alt attribute behind it, each once."""
    words = [re.sub(r"\\(.)", r"\1", found["alt"])]
    attribute = _ALT.search(found["attrs"] or "")
    if attribute:
        words.append(attribute[1] or attribute[2] or "")
    clean = (" ".join(html.unescape(text).split()) for text in words)
    return "\n".join(dict.fromkeys(text for text in clean if text))
