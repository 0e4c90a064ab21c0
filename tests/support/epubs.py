"""EPUBs made by hand."""

import io
import zipfile

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="O/p.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
OPF = """<package xmlns="http://www.idpf.org/2007/opf" unique-identifier="id"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:identifier>other</dc:identifier>
<dc:identifier id="id">urn:x</dc:identifier><dc:title>The Book</dc:title>
<dc:creator>A. One</dc:creator><dc:creator>B. Two</dc:creator><dc:language>eng</dc:language>
</metadata><manifest>{items}</manifest><spine{spine}>{refs}</spine>{guide}</package>"""
XHTML = (
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head>'
    "<title>T</title><style>p{{}}</style></head><body{attributes}>{body}</body></html>"
)


def make_epub(documents, *, order=None, guide="", extra=None, properties=None, items="", spine=""):
    """An EPUB of (name -> body), its spine in `order`, or as the documents come.

    `extra` are further members, `items` further lines of the manifest, `spine` attributes.
    """
    order = order or [(name, "") for name in documents]
    names = list(documents)
    entries = "".join(
        f'<item id="i{names.index(n)}" href="{n.replace(" ", "%20")}" '
        f'media-type="application/xhtml+xml" properties="{(properties or {}).get(n, "")}"/>'
        for n in names
    )
    refs = "".join(f'<itemref idref="i{names.index(n)}" {more}/>' for n, more in order)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr(
            "O/p.opf", OPF.format(items=entries + items, refs=refs, guide=guide, spine=spine)
        )
        for name, body in documents.items():
            if body is not None:
                whole = body if body.startswith("<") is False or "<html" in body else None
                text = whole or XHTML.format(attributes="", body=body)
                archive.writestr(f"O/{name}", text)
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
    return buffer.getvalue()
