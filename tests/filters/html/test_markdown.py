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
]


@pytest.mark.parametrize(("html", "expected"), TABLE)
def test_blocks_as_markdown(html, expected):
    assert markdown(html) == expected


def test_only_chosen_blocks_are_written():
    found = tokenize(b"<ol><li>a<li>b<li>c</ol><table><tr><td>d<td>e</table>")
    chosen = np.array([False, True, False, True])
    assert write(found, chosen) == "2. b\n\n| d | e |\n| --- | --- |"
