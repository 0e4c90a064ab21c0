"""What is read at once says the same as what is read element by element."""

import pytest
from epubs import XHTML
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree, html

from castor.pipelines.sources._book import BREAK, SPACE, BookBuilder, squeeze
from castor.pipelines.sources._epub_markup import DocumentWalker
from castor.pipelines.sources._epub_toc import Contents

TEXT = st.sampled_from(["a", " b ", "c\n d", "\t", "", "名\n前", "x  y"])
VOID = st.sampled_from(
    ["<br/>", '<span epub:type="pagebreak">169</span>', "<img src='p.png' alt='A hill'/>"]
)
NAMES = "p div i em span b sup pre ruby rt li ul blockquote h2 section td tr a".split()
MARKS = [
    "", "", "", ' id="x0"', ' id="x1"', ' hidden="hidden"', ' class="k"', ' href="#n1"',
    ' class="pg-boilerplate k"', ' id="pg-footer"', ' role="doc-footnote" id="n1"',
    ' epub:type="preface"',
]  # fmt: skip


def element(children):
    inside = st.lists(children, max_size=4).map("".join)
    return st.builds(
        lambda name, marks, body: f"<{name}{marks}>{body}</{name}>",
        st.sampled_from(NAMES), st.sampled_from(MARKS), inside,
    )  # fmt: skip


BODY = st.lists(st.recursive(TEXT | VOID, element, max_leaves=12), max_size=6).map("".join)


def read(root, *, at_once):
    contents = Contents()
    for name in ("x0", "x1"):
        contents.add("a.xhtml", name, 0, name)
    builder = BookBuilder()
    walker = DocumentWalker(builder, contents, lambda path: 0)
    if not at_once:
        walker._plain = lambda element: False
    walker.read(root, "a.xhtml", "chapter")
    return builder.build()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \t\r\n b   c", "a b c"),
        ("名\n前", "名前"),
        ("名 \r\n  前 や\n x", "名前 や x"),
        ("é\n名", "é 名"),
        (f"a {BREAK} b{SPACE * 2}c{BREAK}", "a\nb  c"),
    ],
)
def test_the_spaces_of_a_block(text, expected):
    assert squeeze(text) == expected


@settings(max_examples=40, deadline=None)
@given(BODY)
@example('<p>one <span epub:type="pagebreak">169</span> two</p>')
@example('<div class="pg-boilerplate">The licence</div><p>x<i id="pg-header">y</i></p>')
@example("<pre>a  b\n<i>c  d\n</i></pre>")
@example('<p><ruby>名<rt>na</rt></ruby><ruby id="x1">前<rt hidden="hidden">mae</rt></ruby></p>')
@example('<p>x<i id="x0">y</i></p>')
@example('<p><ruby>a<b hidden="hidden">c</b></ruby></p>')
@example("<p><ruby>a<img src='p.png' alt='A hill'/></ruby></p>")
def test_what_is_read_at_once(body):
    document = XHTML.format(attributes="", body=body)
    for root in (etree.fromstring(document), html.document_fromstring(f"{body}<!-- c --><p>z</p>")):
        assert read(root, at_once=True) == read(root, at_once=False)
