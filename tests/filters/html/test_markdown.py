"""Blocks as Markdown."""

import numpy as np
import pytest

from castor.filters.html.markdown import write
from castor.filters.html.tokens.tokenizer import tokenize


def markdown(html: str) -> str:
    found = tokenize(html.encode())
    return write(found, np.ones(len(found.blocks), bool))


TABLE = [
    ("<p>a<p>b<br>c", "a\n\nb\nc"),
    ("<h1>a<br>b</h1><h3>c</h3>d", "# a b\n\n### c\n\nd"),
    ("a<ul><li>b<li>c</ul>d", "a\n\n- b\n- c\n\nd"),
    ("<ol><li>a<li>b<p>c</ol>", "1. a\n2. b\n   c"),
    ("<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", "- a\n  - b\n  - c\n- d"),
    ("<ul><li><p>a</p><p>b</p></ul>", "- a\n  b"),
    ("<ol><li>a<ul><li>b</ul><li>c</ol>", "1. a\n   - b\n2. c"),
    ("<blockquote><p>a<br>b<p>c</blockquote>d", "> a\n> b\n\n> c\n\nd"),
    (
        "<table><tr><th>a<th>b<tr><td>c<td>d|e<tr><td><td>f</table>g",
        "| a | b |\n| --- | --- |\n| c | d\\|e |\nf\n\ng",
    ),
    (
        "<table><tr><td>a<td><td>b<tr><td>c<td>d<td>e</table>",
        "| a |  | b |\n| --- | --- | --- |\n| c | d | e |",
    ),
    ("<pre>a\n  b</pre>c", "```\na\n  b\n```\n\nc"),
    ("<pre><div>a</div><div> b</div></pre><pre>c</pre>", "```\na\n b\n```\n\n```\nc\n```"),
    ("<ul><li>a<pre>b\nc</pre></ul>", "- a\n  ```\n  b\n  c\n```"),
    ("x <code>y</code> <math alttext='z'></math>", "x `y` $z$"),
    ("", ""),
    (
        "<table><tr><td>a<tr><td>b</table><table><tr><td>c<td>d</table>",
        "a\nb\n\n| c | d |\n| --- | --- |",
    ),
    ("<table><tr><td>| a | b<tr><td>c</table>", "| a | b\n| --- | --- |\nc"),
    ("<table><caption>a</caption><tr><td><br>b<br>c<td>d</table>", "a\n| b c | d |"),
    ("<ul><li>a<ol><li>b<li>c</ol></ul><ul><li>d</ul>", "- a\n  1. b\n  2. c\n- d"),
    ("<ol>" + "<li>a" * 10 + "<p>b</ol>", "".join(f"{i}. a\n" for i in range(1, 11)) + "    b"),
    ("<blockquote><ul><li>a</ul></blockquote><ul><li>b</ul>", "> - a\n\n- b"),
    ("<ul><li>" * 12 + "a", "- " * 9 + "a"),
    ("<blockquote>" * 12 + "a<br>b", "> " * 8 + "a\n" + "> " * 8 + "b"),
    (
        "<h2><pre>a</pre></h2><h6>b<table><tr><td>c<td>d</table></h6>",
        "```\na\n```\n\n###### b\n\n| c | d |\n| --- | --- |",
    ),
    ("<pre>\u00a9</pre>", "```\n\u00a9\n```"),
    ("<pre><table><tr><td>a<td>b</table></pre>", "```\na\tb\n```"),
    ("<table><tr><td><p>a<p>b</table>", "a\n\nb"),
    ("<table><tr><td>| | | a</table>", "| | | a\n| --- | --- |"),
    (
        "<table><tr><td>a<td><table><tr><td>x</table><td>b<td>c</table>",
        "a\n\nx\n\n|  |  | b | c |\n| --- | --- | --- | --- |",
    ),
    (
        "<pre>a&nbsp;&#8195;&#x3000;&#x205f;&#x1680;\u0085 \n</pre><pre>&nbsp;</pre>b",
        "```\na\n```\n\nb",
    ),
    ("<pre>\u00e0\u0680\u4e80\u2081\u5b80</pre>", "```\n\u00e0\u0680\u4e80\u2081\u5b80\n```"),
]


@pytest.mark.parametrize(("html", "expected"), TABLE)
def test_blocks_as_markdown(html, expected):
    assert markdown(html) == expected


def test_only_chosen_blocks_are_written():
    found = tokenize(b"<ol><li>a<li>b<li>c</ol><table><tr><td>d<td>e</table>")
    chosen = np.array([False, True, False, True])
    assert write(found, chosen) == "2. b\n\n| d | e |\n| --- | --- |"


def test_a_wide_row_in_parts_has_only_its_own_cells():
    cells = "<td>a<td>b<td>" + "long " * 80
    lines = markdown("<table><tr>" + cells * 100 + "</table>").split("\n")
    assert lines.count("| a | b |") == 100
    narrow = markdown("<table><tr>" + cells * 3 + "</table>").split("\n")
    assert "|  |  |  | a | b |  |  |  |  |" in narrow


def test_of_a_page_of_many_lines_not_all_are_indented():
    page = tokenize(b"<ul><li>" * 9 + b"<pre>x" + b"\nx" * ((1 << 20) + 9))
    text = write(page, np.ones(len(page.blocks), bool))
    assert text.endswith("\nx\nx\n```")
    assert len(text) < 21 * (1 << 20)
