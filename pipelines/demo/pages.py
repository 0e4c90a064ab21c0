"""HTML pages as sites serve them: the text, and all that stands around it."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Sequence

from castor.pipelines.demo.machine import Distribution, Module

MAX_README = 20_000  # characters; a longer one is mostly a changelog, and slow to render
_CODE = re.compile(r"``?([^`\n]{1,80})``?")
_RULE = re.compile(r"^[-=~^*]{3,}$")
_STYLE = "body{font:16px/1.5 serif}nav,aside,footer{font-size:80%}pre{background:#eee}"


def page(
    title: str,
    body: str,
    *,
    site: str,
    links: Sequence[tuple[str, str]] = (),
    charset: str | None = "utf-8",
    language: str = "en",
    cookies: bool = False,
) -> str:
    """A whole page: head, navigation, main text, footer.

    Args:
        title: plain text.
        body: the HTML of the main text.
        site: name of the site, shown in header and footer.
        links: (address, text) of the navigation.
        charset: named in a meta element, None for a page that does not say.
        language: of the html element.
        cookies: whether a consent banner comes before everything else.
    """
    meta = f'<meta charset="{charset}">' if charset else ""
    menu = "".join(f'<li><a href="{html.escape(a)}">{html.escape(t)}</a></li>' for a, t in links)
    banner = _COOKIES if cookies else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>{meta}<title>{html.escape(title)}'
        f"</title><style>{_STYLE}</style><script>window.page = {{}};</script></head>\n"
        f"<body>{banner}"
        f'<header><a href="/">{site}</a> <form action="/search"><input name="q"></form></header>\n'
        f"<nav><ul>{menu}</ul></nav>\n<main><article>\n<h1>{html.escape(title)}</h1>\n{body}\n"
        f"</article></main>\n<aside><h3>See also</h3><ul>{menu}</ul></aside>\n"
        f"<footer><p>© {site}. All rights reserved. <a href='/terms'>Terms of use</a> "
        f"<a href='/privacy'>Privacy policy</a></p></footer></body></html>\n"
    )


_COOKIES = (
    '<div class="cookie-banner" role="dialog"><p>We use cookies to improve your experience. By '
    "continuing you agree to our cookie policy.</p><button>Accept all</button>"
    "<button>Manage preferences</button></div>"
)


def paragraphs(texts: Iterable[str]) -> str:
    """The texts as `<p>` elements."""
    return "\n".join(f"<p>{html.escape(text, quote=False)}</p>" for text in texts)


def module_body(module: Module) -> str:
    """What a documentation site shows of a module: every docstring under its signature."""
    out = []
    for doc in module.docs:
        if doc.kind != "module":
            level = "h2" if doc.kind == "class" else "h3"
            out.append(
                f'<{level} id="{doc.name}"><code>{html.escape(doc.signature)}</code></{level}>'
            )
        out.append(docstring(doc.text))
    return "\n".join(out)


def docstring(text: str) -> str:
    """A docstring as HTML: paragraphs, code, lists and numpy-style headings."""
    return "\n".join(_block(block) for block in re.split(r"\n\s*\n", text) if block.strip())


def _block(block: str) -> str:
    lines = block.split("\n")
    if len(lines) >= 2 and _RULE.match(lines[1].strip()):
        rest = _block("\n".join(lines[2:])) if lines[2:] else ""
        return f"<h4>{html.escape(lines[0].strip())}</h4>\n{rest}"
    if lines[0].lstrip().startswith((">>>", "$ ")) or all(x.startswith("    ") for x in lines):
        return f"<pre>{html.escape(textwrap.dedent(block), quote=False)}</pre>"
    if all(x.lstrip().startswith(("- ", "* ")) or x.startswith(" ") for x in lines):
        items = re.split(r"\n(?=[-*] )", textwrap.dedent(block))
        return "<ul>" + "".join(f"<li>{_inline(i.lstrip('-* '))}</li>" for i in items) + "</ul>"
    return f"<p>{_inline(block)}</p>"


def _inline(text: str) -> str:
    joined = " ".join(text.split())
    return _CODE.sub(r"<code>\1</code>", html.escape(joined, quote=False))


def readme_body(distribution: Distribution) -> str | None:
    """The package's readme as HTML; None when it is not Markdown or nothing here renders it."""
    readme = distribution.readme.strip()
    if not distribution.markdown or not 500 < len(readme) <= MAX_README:
        return None
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        return None  # a page less; the others do not need it
    return str(MarkdownIt("commonmark").enable("table").render(readme))
