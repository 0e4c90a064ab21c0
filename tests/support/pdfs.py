"""PDFs made by hand: pages of lines at places, in fonts that every reader has."""

import zlib

PAGE = (595, 842)


def line(text, x, y, size=10, *, turn=(1, 0, 0, 1)):
    """Shows a line at (x, y) in points from the lower left; `turn` are the cells of a matrix."""
    cells = " ".join(map(str, turn))
    return f"BT /F1 {size} Tf {cells} {x} {y} Tm ({_escaped(text)}) Tj ET"


def shown(text, x, y, size=10):
    """A line in the font that has all of Unicode, whose codes are UTF-16."""
    code = text.encode("utf-16-be").hex()
    return f"BT /F2 {size} Tf 1 0 0 1 {x} {y} Tm <{code}> Tj ET"


def picture(x, y, width, height, number=1):
    """Draws a picture: number 1 is packed as samples, the others are those of `jpegs`."""
    return f"q {width} 0 0 {height} {x} {y} cm /P{number} Do Q"


def _escaped(text):
    plain = text.encode("cp1252").decode("latin-1")
    return plain.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def paragraph(lines, x, y, size=10, leading=1.2, indent=0):
    """Lines below each other, the first one indented; gives what to draw and the next y."""
    drawn = []
    for i, text in enumerate(lines):
        drawn.append(line(text, x + (0 if i else indent), y, size))
        y -= leading * size
    return drawn, y


def make_pdf(pages, *, outline=(), info=None, vertical=False, encrypt=None, jpegs=(), rotate=0):
    """A PDF.

    Args:
        pages: for each what to draw, a list of operators.
        outline: (title, page index, y) of bookmarks of one level; or (title, page, y, depth).
        info: entries of the information dictionary, name to text.
        vertical: whether /F2 is written downwards.
        encrypt: the object of an encryption dictionary, for a file that cannot be opened.
        jpegs: (width, height, bytes) of the pictures from number 2 on.
        rotate: degrees by which every page is turned when it is shown.
    """
    objects = {}
    n_pages = len(pages)
    kids = " ".join(f"{10 + 2 * i} 0 R" for i in range(n_pages))
    objects[2] = f"<</Type/Pages/Count {n_pages}/Kids[{kids}]/MediaBox[0 0 {PAGE[0]} {PAGE[1]}]>>"
    objects[3] = "<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>"
    # PDFium shows nothing of an Identity-V font that is not embedded.
    encoding, ordering = ("UniJIS-UTF16-V", "Japan1") if vertical else ("Identity-H", "Identity")
    objects[4] = (
        f"<</Type/Font/Subtype/Type0/BaseFont/Kozuka/Encoding/{encoding}"
        "/DescendantFonts[5 0 R]/ToUnicode 6 0 R>>"
    )
    objects[5] = (
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/Kozuka/DW 1000/FontDescriptor 8 0 R"
        f"/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 0>>>>"
    )
    objects[6] = _stream(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> "
        "endcodespacerange 100 beginbfrange "
        + " ".join(f"<{h:02x}00> <{h:02x}FF> <{h:02x}00>" for h in range(256))
        + " endbfrange endcmap end"
    )
    objects[7] = _stream(
        b"\x40" * 64,
        "/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8",
    )
    objects[8] = (
        "<</Type/FontDescriptor/FontName/Kozuka/Flags 4/Ascent 880/Descent -120/CapHeight 700"
        "/ItalicAngle 0/StemV 80/FontBBox[0 -120 1000 880]>>"
    )
    shown = "/P1 7 0 R"
    for i, (width, height, data) in enumerate(jpegs):
        number = 10 + 2 * n_pages + 1000 + i
        shown += f"/P{i + 2} {number} 0 R"
        objects[number] = (
            (
                f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB"
                f"/BitsPerComponent 8/Filter/DCTDecode/Length {len(data)}>>stream\n"
            ).encode()
            + data
            + b"\nendstream"
        )
    for i, drawn in enumerate(pages):
        objects[10 + 2 * i] = (
            f"<</Type/Page/Parent 2 0 R/Contents {11 + 2 * i} 0 R/Rotate {rotate}"
            f"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>/XObject<<{shown}>>>>>>"
        )
        objects[11 + 2 * i] = _stream("\n".join(drawn).encode("latin-1"))
    top = 10 + 2 * n_pages
    marks = ""
    if outline:
        marks = f"/Outlines {top} 0 R"
        objects |= _outline(outline, top)
    objects[1] = f"<</Type/Catalog/Pages 2 0 R{marks}>>"
    last = max(objects) + 1
    facts = (
        f"/{name}<feff{text.encode('utf-16-be').hex()}>" for name, text in (info or {}).items()
    )
    objects[last] = f"<<{''.join(facts)}>>"
    trailer = f"/Info {last} 0 R"
    if encrypt:
        objects[last + 1] = encrypt
        trailer += f"/Encrypt {last + 1} 0 R/ID[<00><00>]"
    return _file(objects, trailer)


# What no empty password opens: the entries of a 40-bit RC4 lock, made of nothing.
LOCK = f"<</Filter/Standard/V 1/R 2/O<{'11' * 32}>/U<{'22' * 32}>/P -4>>"


def _outline(outline, top):
    """The objects of a tree of bookmarks from (title, page, y[, depth])."""
    entries = [(*e, 0)[:4] for e in outline]
    nodes = {top: {"children": [], "depth": -1}}
    stack = [top]
    for i, (title, page, y, depth) in enumerate(entries):
        while nodes[stack[-1]]["depth"] >= depth:
            stack.pop()
        number = top + 1 + i
        nodes[stack[-1]]["children"].append(number)
        nodes[number] = {
            "children": [],
            "depth": depth,
            "parent": stack[-1],
            "text": f"/Title({_escaped(title)})/Dest[{10 + 2 * page} 0 R/XYZ 0 {y} 0]",
        }
        stack.append(number)
    found = {}
    for number, node in nodes.items():
        parts = [node.get("text", "/Type/Outlines")]
        if node["children"]:
            first, last = node["children"][0], node["children"][-1]
            parts.append(f"/First {first} 0 R/Last {last} 0 R/Count {len(node['children'])}")
        if "parent" in node:
            parts.append(f"/Parent {node['parent']} 0 R")
            beside = nodes[node["parent"]]["children"]
            at = beside.index(number)
            if at + 1 < len(beside):
                parts.append(f"/Next {beside[at + 1]} 0 R")
        found[number] = f"<<{''.join(parts)}>>"
    return found


def _stream(data, more=""):
    data = data.encode("latin-1") if isinstance(data, str) else data
    packed = zlib.compress(data)
    head = f"<</Length {len(packed)}/Filter/FlateDecode{more}>>stream\n".encode("latin-1")
    return head + packed + b"\nendstream"


def _file(objects, trailer):
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = {}
    for number in sorted(objects):
        places[number] = len(out)
        body = objects[number]
        body = body.encode("latin-1") if isinstance(body, str) else body
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    at = len(out)
    size = max(objects) + 1
    out += f"xref\n0 {size}\n".encode() + b"0000000000 65535 f \n"
    for number in range(1, size):
        if number in places:
            out += f"{places[number]:010} 00000 n \n".encode()
        else:
            out += b"0000000000 65535 f \n"
    out += f"trailer<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{at}\n%%EOF\n".encode()
    return bytes(out)
