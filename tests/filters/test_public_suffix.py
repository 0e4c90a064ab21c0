"""Public suffixes: what was registered, of a host."""

import pytest

from castor.filters.public_suffix import registered, top_level_domains


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", None),
        ("com", None),
        ("someone.github.io", "someone.github.io"),
        ("x.someone.github.io", "someone.github.io"),
        ("github.io", None),
        ("a.www.ck", "www.ck"),
        ("a.b.c.ck", "b.c.ck"),
        ("host.unknown-label", "host.unknown-label"),
    ],
)
def test_registered(host, expected):
    assert registered(host) == expected


def test_top_level_domains_in_both_forms():
    known = top_level_domains()
    assert {"com", "uk", "рф", "xn--p1ai", "museum"} <= known
    assert not {"png", "co.uk", "", "localhost"} & known
