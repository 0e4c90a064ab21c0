"""The tokenizer: what markup means for text, and that no bytes hurt it."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from castor.filters.html.tokens import state as s
from castor.filters.html.tokens import tags
from castor.filters.html.tokens.tokenizer import tokenize


def texts(html: str | bytes) -> list[str]:
    """The texts of a page's blocks."""
    found = tokenize(html.encode() if isinstance(html, str) else html)
    return [
        found.text[a:b].tobytes().decode("utf-8", "replace")
        for a, b in found.blocks[:, :2].tolist()
    ]


TABLE = [
    ("a b", ["a b"]),
    ("<p>a<p>b", ["a", "b"]),
    ("<div>a<b>b</b>c <i> d</i></div>e", ["abc d", "e"]),
    ("a <!-- x -->b<!-->c<!--->d<!-- -- -->e<!--x--!>f", ["a bcdef"]),
    ("a<!-- never ends", ["a"]),
    ("<script>if (a<b) x='</p>';</script>a<style>p{}</style>b", ["ab"]),
    ("a<svg><text>b</text></svg>c<svg>d", ["acd"]),
    ("<title>t</title><p>a<textarea>b</textarea>c", ["a", "c"]),
    ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", ["a", "b", "c", "d"]),
    ("<dl><dt>a<dd>b<dt>c</dl>", ["a", "b", "c"]),
    ("<select><option>a<option>b</select>c", ["c"]),
    ("a<br>b<br><br>c<br/> <br />d", ["a\nb", "c", "d"]),
    ("a  b\n\t c\r\nd", ["a b c d"]),
    ("<p> <b> a </b> </p>", ["a"]),
    ("a&nbsp;b&#160;c\u00a0d\u3000e", ["a b c d e"]),
    ("a\u200bb\u00adc\ufeffd&shy;e", ["abcde"]),
    ("&lt;p&gt; &amp;amp; &eacute;&eacute &Eacute;x", ["<p> &amp; éé Éx"]),
    ("&#x2019;&#8217;&#146;&#0;&#xD800;&#1114112;", ["’’’\ufffd\ufffd\ufffd"]),
    ("&notin; &notit; &unknown; & &; &# &#x; a&b", ["∉ ¬it; &unknown; & &; &# &#x; a&b"]),
    ("a < b <3 c<", ["a < b <3 c<"]),
    ("<a href=x>b</a> <a href='y'>c<a href=z>d", ["b cd"]),
    ("<b><div>a</b>b</div>", ["ab"]),
    ("<p>a</div>b</p>c", ["a", "b", "c"]),
    ("<table><tr><td><div>a</table>b", ["a", "b"]),
    ("<table><tr><td>a<td>b<tr><td>c<th>d</table>", ["a\tb", "c\td"]),
    ("<table><tr><td>a<td><p>b<p>c<tr><td>d</table>", ["a", "b", "c", "d"]),
    ("<pre>\n  a\n\n b &lt;\n</pre>c", ["  a\n\n b <\n", "c"]),
    ("<p>use <code>a b</code>, <kbd>c</kbd>", ["use `a b`, `c`"]),
    ("<p><code></code>a<code> b</code><p>c", ["a `b`", "c"]),
    ('<p>a <math alttext="x^2"><mi>x</mi></math> b', ["a $x^2$ b"]),
    (
        "<math display=block><semantics><mi>x</mi><annotation encoding='application/x-tex'>"
        "\\frac{1}{2} &lt; 1</annotation></semantics></math>",
        ["$$\\frac{1}{2} < 1$$"],
    ),
    ("<math><mi>x</mi><mo>=</mo><mn>1</mn></math>", ["x=1"]),
    ("a <script type='math/tex; mode=display'>x</script>", ["a $$x$$"]),
    ("a <span class='katex-html'>boxes</span>b", ["a b"]),
    ("<span class=MathJax_Preview>x</span>a", ["a"]),
    ("a <img class=latex alt='e^x' src=x.png>", ["a $e^x$"]),
    ("<my-card>a</my-card><o:p>b</o:p>c", ["a", "bc"]),
    ("a<p", ["a"]),
    ("a<p class='x", ["a"]),
    ('<p title="a>b" hidden>c', ["c"]),
    ("<p =x a = b>c", ["c"]),
    ("</p>a</br>b</nothing>c", ["a\nbc"]),
    ("<!doctype html><?xml x?><![CDATA[y]]>a", ["a"]),
    ("\0a\x01b\x7fc", ["abc"]),
    ("<P><DIV>a</Div><SPAN>b", ["a", "b"]),
]


@pytest.mark.parametrize(("html", "expected"), TABLE)
def test_what_markup_means_for_text(html, expected):
    assert texts(html) == expected


def test_a_blocks_element_is_the_innermost_around_all_of_its_text():
    found = tokenize(b"<div><p><span>a</span> <b>b</b></p><p><i>c</i></p><em></em>d</div>")
    names = [tags.NAMES[found.elements[e, s.E_TAG]] for e in found.blocks[:, s.B_ELEMENT]]
    assert names == ["p", "i", "div"]


def test_elements_know_their_parents_and_their_blocks():
    found = tokenize(b"<div>a<ul><li>b<li>c</ul>d</div>e")
    rows = [
        (tags.NAMES[e[s.E_TAG]], e[s.E_PARENT], e[s.E_DEPTH], e[s.E_FIRST], e[s.E_END])
        for e in found.elements.tolist()
    ]
    assert rows == [
        ("?", -1, 0, 0, 5),
        ("div", 0, 1, 0, 4),
        ("ul", 1, 2, 1, 3),
        ("li", 2, 3, 1, 2),
        ("li", 2, 3, 2, 3),
    ]


def test_links_and_pictures_point_into_page_and_text():
    data = b"<p>a <a href=' /x ' rel=nofollow>b c</a> <img src=s data-src='d.png' alt='e&amp;f'>g"
    found = tokenize(data)
    kinds = found.events[:, s.V_KIND].tolist()
    assert kinds == [s.LINK, s.IMAGE]
    link, image = found.events.tolist()
    assert data[link[s.V_START] : link[s.V_END]] == b" /x "
    assert data[link[s.V_START_2] : link[s.V_END_2]] == b"nofollow"
    assert found.text[link[s.V_TEXT] : link[s.V_TEXT_END]].tobytes().strip() == b"b c"
    assert data[image[s.V_START] : image[s.V_END]] == b"d.png"
    assert data[image[s.V_START_2] : image[s.V_END_2]] == b"e&amp;f"
    assert found.blocks[0, s.B_LINKED] == len("b c")


PIECES = [
    *"<p> <div> </div> <b> </b> <a href=x> </a> <li> <ul> </ul> <td> <tr> <table> </table>".split(),
    *"<!-- --> <script> </script> <svg> </svg> <math> </math> <pre> </pre> <br> <code>".split(),
    *"</code> &amp; &#x &nGt; <title> <annotation> x-tex < > \" ' = / a \0 \x80 <h1> </p>".split(),
    *["<img src=a alt=b>", "<q-r>", "\xe2\x80", "\n", " ", "<p \0 class=a>"],
]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=60).map(
            lambda parts: "".join(parts).encode("latin-1")
        ),
    )
)
@example(b"<")
@example(b"<!--")
@example(b"<a b='")
@example(b"&nGt;" * 40)
@example(b"<code>x<p>" * 40)
@example(b"<x-y>" * 600 + b"a")
def test_any_bytes_become_blocks_in_order_and_within_bounds(data):
    found = tokenize(data)
    n_cells, n_elements = len(found.cells), len(found.elements)
    assert len(found.text) <= len(data) + len(data) // 4 + 64
    spans = found.cells[:, : s.B_END + 1]
    assert (spans[:, 0] < spans[:, 1]).all()
    assert (spans[1:, 0] > spans[:-1, 1]).all()
    assert (spans <= len(found.text)).all()
    assert ((found.cells[:, s.B_ELEMENT] >= 0) & (found.cells[:, s.B_ELEMENT] < n_elements)).all()
    parents = found.elements[:, s.E_PARENT]
    assert (parents < np.arange(n_elements)).all()
    assert (found.elements[:, s.E_DEPTH] <= s.MAX_DEPTH).all()
    first, end = found.elements[:, s.E_FIRST], found.elements[:, s.E_END]
    assert ((first >= 0) & (first <= end) & (end <= n_cells)).all()
    assert (found.elements[:, s.E_WORDS_END] <= len(found.words)).all()
    for event in found.events:
        assert 0 <= event[s.V_START] <= event[s.V_END] <= len(data)
        assert 0 <= event[s.V_BLOCK] <= n_cells
    assert found.origin[0] == 0 or not n_cells
    assert found.origin[-1] == n_cells


WILD = {
    "deep": b"<div>" * 50_000 + b"x",
    "deep inline": b"<b>" * 100_000 + b"x",
    "deep lists": b"<ul><li>" * 100_000 + b"x",
    "deep tables": b"<table><tr><td>" * 50_000 + b"x",
    "misnested": b"<b><i><p>" * 30_000 + b"</b></i></p>" * 30_000,
    "end tags that end nothing": b"<p><table>" + b"<x>" * 500 + b"</p>" * 300_000,
    "formulas without an end": b"<math>" * 200_000,
    "formulas in formulas": b"<math>" * 100_000 + b"</math>" * 100_000,
    "drawings without an end": b"<svg>" * 200_000,
    "comments without an end": b"<p>x" + b"<!--" * 200_000,
    "scripts without an end": b"<script>" * 200_000,
    "titles": b"<title></title>" * 100_000,
    "attributes": b"<p " + b"a " * 500_000 + b">x",
    "class words": b"<p class='" + b"aB " * 300_000 + b"'>x",
    "ampersands": b"&" * 1_000_000,
    "digits": b"&#" + b"9" * 1_000_000,
    "quotes": b"<a b='" * 200_000,
    "line": b"word " * 400_000,
    "nulls": bytes(1_000_000),
}


@pytest.mark.parametrize("data", WILD.values(), ids=WILD)
def test_a_wild_page_takes_time_in_proportion_to_its_bytes(data):
    began = time.process_time()
    tokenize(data)
    assert time.process_time() - began < 0.2 + 4e-7 * len(data)


def test_a_page_beyond_the_limits_is_read_up_to_them():
    found = tokenize(b"<p>x" * (s.MAX_BLOCKS + 10))
    assert found.full
    assert len(found.blocks) == s.MAX_BLOCKS
    assert not tokenize(b"<p>x" * 100).full
