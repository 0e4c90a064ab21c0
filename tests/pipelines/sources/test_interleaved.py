"""Pages with their pictures: order, addresses, archives, what is missing or hostile."""

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from reading import write_files, write_tar

from castor.filters.media.reference import read_media
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Record
from castor.pipelines import source
from castor.pipelines.source import InputFile, Rejected
from castor.pipelines.sources._pages import (
    Picture,
    Text,
    decode_html,
    from_html,
    from_markdown,
    resolve,
    srcset,
)


def picture(shade):
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(out, "PNG")
    return out.getvalue()


def read(root, path):
    return list(source.load("interleaved")(InputFile("in", str(root), path)))


def shown(record):
    """The parts as (kind, text or place of the picture)."""
    data = (record.text or "").encode()
    return [
        (p.kind, data[p.start_byte : p.end_byte].decode())
        if p.media_index is None
        else (p.kind, record.media[p.media_index].member or record.media[p.media_index].uri)
        for p in record.parts
    ]


HTML = """<!DOCTYPE html><html lang="de"><head><title>A  page</title><style>p{}</style></head>
<body><h1>Größe</h1><p>Before <img src="img/a.png" alt="First  picture"> after</p>
<script>var x = '<img src="img/b.png">'</script><noscript><img src="img/b.png"></noscript>
<figure><img src="missing.png" data-src="img/b.png"><figcaption>Its caption</figcaption></figure>
<p>See <img src="https://example.org/x.png" alt="elsewhere"> and <img src="gone.png"></p>
</body></html>"""


@pytest.mark.parametrize("name", ["", "a.tar", "a.tar.gz"])
def test_a_page_in_a_folder_and_in_archives(tmp_path, name):
    files = {
        "doc/page.html": HTML, "doc/img/a.png": picture(1), "doc/img/b.png": picture(2),
        "doc/notes.txt": "not a page",
    }  # fmt: skip
    if name:
        write_tar(tmp_path / name, files, "w:gz" if name.endswith("gz") else "w:")
        record, *rest = read(tmp_path, name)
        assert [s.reason for s in rest] == [Skip.SIDECAR, Skip.SIDECAR, Skip.OTHER_KIND]
        prefix, key = "", f"in:{name}@doc/page.html"
    else:
        write_files(tmp_path, files)
        (record,) = read(tmp_path, "doc/page.html")
        assert read(tmp_path, "doc/img/a.png")[0].reason is Skip.SIDECAR
        assert read(tmp_path, "doc/notes.txt")[0].reason is Skip.OTHER_KIND
        prefix, key = "in:", "in:doc/page.html"
    assert record.key == key
    assert record.modality is Modality.INTERLEAVED
    assert shown(record) == [
        ("text", "Größe\nBefore"),
        ("image", f"{prefix}doc/img/a.png"),
        ("alt", "First picture"),
        ("text", "after"),
        ("image", f"{prefix}doc/img/b.png"),
        ("text", "Its caption\nSee"),
        ("alt", "elsewhere"),
        ("text", "and"),
    ]
    assert record.meta == {
        "title": "A page", "language": "de", "mime": "text/html",
        "external_media": "1", "missing_media": "1",
    }  # fmt: skip
    assert [read_media(ref, {"in": str(tmp_path)}) for ref in record.media] == [
        picture(1), picture(2),
    ]  # fmt: skip
    assert record.media[0].mime == "image/png"


MARKDOWN = """---
title: 'Lesson one'
---

Text ![](fig/a.png){alt='What it shows' width=50%} more
![An [inner] alt](<fig/with space.png> "Title")

```python
![not](fig/a.png)
```
Inline `![not](fig/a.png)` and ![ref][Label] and <img src="fig/a.png" alt="tag">
<!-- ![not](fig/a.png) -->

[label]: fig/b.png
"""


def test_markdown(tmp_path):
    write_files(tmp_path, {
        "x.md": MARKDOWN, "fig/a.png": picture(1), "fig/with space.png": picture(2),
        "fig/b.png": picture(3),
    })  # fmt: skip
    (record,) = read(tmp_path, "x.md")
    assert record.meta == {"title": "Lesson one", "mime": "text/markdown"}
    assert [s for s in shown(record) if s[0] != "text"] == [
        ("image", "in:fig/a.png"), ("alt", "What it shows"),
        ("image", "in:fig/with space.png"), ("alt", "An [inner] alt"),
        ("image", "in:fig/b.png"), ("alt", "ref"),
        ("image", "in:fig/a.png"), ("alt", "tag"),
    ]  # fmt: skip
    texts = [t for kind, t in shown(record) if kind == "text"]
    assert texts[0] == "Text "
    assert "```python\n![not](fig/a.png)\n```\nInline `![not](fig/a.png)` and " in texts[2]


@pytest.mark.parametrize(
    ("page", "base", "address", "expected"),
    [
        ("d/p.html", "", "a.png", "d/a.png"),
        ("d/p.html", "", "../a.png", "a.png"),
        ("d/p.html", "", "./x/../a.png?v=1#f", "d/a.png"),
        ("d/p.html", "", "/a.png", "a.png"),
        ("d/p.html", "", "my%20a.png", "d/my a.png"),
        ("d/p.html", "", "x\\a.png", "d/x/a.png"),
        ("d/p.html", "img/", "a.png", "d/img/a.png"),
        ("d/p.html", "img/other.html", "a.png", "d/img/a.png"),
        ("d/p.html", "/img/", "a.png", "img/a.png"),
        ("d/p.html", "https://example.org/", "a.png", None),
        ("p.html", "", "https://example.org/a.png", None),
        ("p.html", "", "//example.org/a.png", None),
        ("p.html", "", "data:image/png;base64,AAAA", None),
        ("p.html", "", "file:///etc/passwd", None),
    ],
)
def test_addresses(page, base, address, expected):
    assert resolve(page, base, address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "../a.png",
        "x/../../a.png",
        "%2e%2e/a.png",
        "..\\a.png",
        "/../a.png",
        "a\0.png",
        "http://[bad",
    ],
)
def test_addresses_that_climb_are_refused(address):
    with pytest.raises(ValueError, match=r"climbs|NUL|IPv6"):
        resolve("p.html", "", address)


def test_a_path_out_of_the_root_is_counted_and_not_read(tmp_path):
    root = tmp_path / "root"
    write_files(tmp_path, {"secret.png": picture(9)})
    write_files(root, {"p.html": '<img src="../secret.png" alt="x"><img src="link.png">'})
    os.symlink(tmp_path / "secret.png", root / "link.png")
    (record,) = read(root, "p.html")
    assert record.media == ()
    assert record.meta["unsafe_media"] == "1"
    assert record.meta["missing_media"] == "1"


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a.png", ["a.png"]),
        ("a.png 1x, b.png 2x", ["b.png", "a.png"]),
        ("a.png 320w,b.png 640w", ["b.png", "a.png"]),
        ("u/w_1,h_2/a.png 1x, b.png", ["u/w_1,h_2/a.png", "b.png"]),
        ("a.png, b.png", ["a.png", "b.png"]),
        (" , ,", []),
        ("", []),
    ],
)
def test_srcset(value, addresses):
    assert srcset(value) == addresses


def test_the_first_address_that_is_there_is_shown(tmp_path):
    write_files(tmp_path, {
        "p.html": '<picture><source srcset="big.webp 2x, small.png 1x"><img src="no.png" '
        'srcset="none.png 2x"></picture><img src="broken.png" srcset="small.png">',
        "small.png": picture(1), "broken.png": b"\x89PNG\r\n\x1a\n",
    })  # fmt: skip
    (record,) = read(tmp_path, "p.html")
    assert shown(record) == [("image", "in:small.png")] * 2
    assert record.meta == {"mime": "text/html"}


def test_a_picture_that_does_not_decode_is_counted(tmp_path):
    write_files(tmp_path, {
        "p.md": "a ![b](x.png) ![c](v.svg) ![d](t.png)", "x.png": b"\x89PNG\r\n\x1a\nbroken",
        "v.svg": "<svg/>", "t.png": "text",
    })  # fmt: skip
    (record,) = read(tmp_path, "p.md")
    assert record.media == ()
    assert record.meta["broken_media"] == "3"
    assert [kind for kind, _ in shown(record)] == ["text", "alt", "alt", "alt"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("p.html", b"", Reason.EMPTY),
        ("p.html", b"<html><body> </body></html>", Reason.NO_TEXT),
        ("p.md", b"\xff\xfe\xff", Reason.BAD_ENCODING),
        ("p.md", b"\n \n", Reason.NO_TEXT),
    ],
)
def test_pages_without_content(tmp_path, name, data, reason):
    write_files(tmp_path, {name: data})
    (item,) = read(tmp_path, name)
    assert isinstance(item, Rejected)
    assert item.reason is reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Größe".encode(), "Größe"),
        (b"\xef\xbb\xbfa", "a"),
        ("ä".encode("utf-16"), "ä"),
        (b'<meta charset="iso-8859-2"> \xb1', "ą"),
        (b"\x93quoted\x94", "“quoted”"),
        (b'<meta charset="nonsense"> \x93', "“"),
    ],
)
def test_charsets(data, text):
    assert decode_html(data).endswith(text)


@pytest.mark.parametrize("piece", ["<!--", "<", "<a ", "<a b='", "&", "<div>", "<script>", "<img "])
def test_html_made_to_take_long(piece):
    from_html(piece * 50_000)


@pytest.mark.parametrize(
    "piece", ["![", "`", "` `` ", "```\n", "![a](b ", "<!--", "<img ", "![a](("]
)
def test_markdown_made_to_take_long(piece):
    from_markdown(piece * 50_000)


HTML_PIECES = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<img src=a.png alt=x>",
        "<img srcset='a 1x, b 2x'>",
        "<pre>",
        "</pre>",
        "\n",
        "<script>",
        "</script>",
        "text",
        "<!--",
        "-->",
        "<base href=x/>",
        "<title>",
        "</title>",
        "\0",
        "&amp;",
        "<svg>",
        "</svg>",
        "<picture>",
        "<source srcset=c>",
        "</picture>",
        "é",
        " ",
    ]
)
MARKDOWN_PIECES = st.sampled_from(
    [
        "![a](b.png)",
        "![",
        "](",
        ")",
        "```\n",
        "`",
        "\n",
        "[l]: u\n",
        "![x][l]",
        "<img src=q>",
        "---\n",
        "{alt='z'}",
        "<!--",
        "-->",
        "text",
        "\\",
        "\0",
        " ",
    ]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(HTML_PIECES | st.text(max_size=4), max_size=25))
def test_any_html_is_steps_of_text_and_pictures(pieces):
    for step in from_html("".join(pieces)).steps:
        assert step.text.strip() if isinstance(step, Text) else isinstance(step, Picture)


@settings(deadline=None, max_examples=60)
@given(st.lists(MARKDOWN_PIECES | st.text(max_size=4), max_size=25))
def test_any_markdown_is_steps_of_text_and_pictures(pieces):
    for step in from_markdown("".join(pieces)).steps:
        assert step.text.strip() if isinstance(step, Text) else step.addresses


@pytest.mark.kit
def test_the_kit_s_pages(kit):
    root = kit / "images/interleaved"
    found = [r for p in sorted(root.iterdir()) for r in read(root, p.name)]
    pages = [r for r in found if isinstance(r, Record)]
    assert len(pages) == 53
    assert sum(len(r.media) for r in pages) > 150
    for page in pages:
        at = 0
        for part in page.parts:
            if part.media_index is None:
                assert part.start_byte in (at, at + 1)
                at = part.end_byte
        assert at == len((page.text or "").encode())
