"""Which links and pictures stand in chosen blocks, and which links may name a licence."""

import numpy as np
import pytest

from castor.filters.html.tokens import among
from castor.filters.html.tokens.state import IMAGE, LINK, V_END, V_START
from castor.filters.html.tokens.tokenizer import tokenize

PAGE = (
    b"<img src=0><p><a href=1>a</a> <img src=2> b<img src=3><p><a href=4>c</a><img src=5>"
    b"<table><tr><td><a href=6>d</a><td><a href=7>e</a></table><img src=8>"
)


def addresses(page, rows):
    return "".join(page.source[row[V_START] : row[V_END]].tobytes().decode() for row in rows)


@pytest.mark.parametrize(
    ("chosen", "links", "pictures"),
    [
        ((0, 0, 0), "", ""),
        ((1, 0, 0), "1", "0235"),
        ((0, 1, 0), "4", "5"),
        ((0, 0, 1), "67", "8"),
        ((1, 1, 1), "1467", "02358"),
    ],
)
def test_events_of_chosen_blocks(chosen, links, pictures):
    page = tokenize(PAGE)
    assert len(page.blocks) == 3
    mask = np.array(chosen, bool)
    assert addresses(page, among.among(page, mask, LINK)) == links
    assert addresses(page, among.among(page, mask, IMAGE)) == pictures


def test_links_that_may_name_a_licence():
    page = tokenize(
        b"<a href=license rel=next>a</a><a href=1 rel=license>b</a><a href=2 rel='x licence'>c</a>"
        b"<a href=//x/creativecommons>d</a><img src=creativecommons><a href=creativecommon>e</a>"
    )
    assert addresses(page, among.of_licences(page)) == "12//x/creativecommons"


def test_of_many_links_only_the_first_may_name_a_licence():
    page = tokenize(b"<a href=1 rel=license>b</a>" * (among.MAX_LICENCES + 9))
    assert len(among.of_licences(page)) == among.MAX_LICENCES
