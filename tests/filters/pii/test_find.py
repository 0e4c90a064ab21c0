"""Personal data: what is found, as which kind, and what only looks like it.

Numbers, names and addresses here are reserved for documentation or drama, or are made up with
right checksums.
"""

import gzip
import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from castor.filters.pii import KINDS, Kind, find
from castor.filters.pii.spans import disjoint


def found(text, kinds=KINDS):
    """(kind, text of the span) of all that is found."""
    raw = text.encode()
    return [
        (str(kind), raw[start:end].decode())
        for _, spans in find(pa.array([text]), kinds).by_row()
        for start, end, kind in spans
    ]


FOUND = [
    ("email", "Write to [ana.cohen+x@mail.example.org]."),
    ("email", "<[a@example.com]>, '[b@example.net]', ...[c_d-e%f@example.co.uk]?subject=x"),
    ("email", "name=[a@example.com],[b@example.com]"),
    ("email", "[jürgen@müller.example] und 邮箱是[abc@example.com]或"),
    ("email", "a@[b@example.com]"),
    ("email", "[A.B@EXAMPLE.COM]; [root@host.xn--p1ai]"),
    ("phone", "Call [(415) 555-0118] today, [415-555-0118], [415.555.0118]; [415 555 0118]"),
    ("phone", "[+1 (202) 555-0156]. [1-202-555-0156]"),
    ("phone", "[+44 20 7946 0000] or [+442079460000] or [0044 20 7946 0000]"),
    ("phone", "[+81 3-5550-1001] tel:[+49-30-23125-010], au [01 99 00 05 21]."),
    ("phone", "[+49 (0)30 / 23125-010], [(030) 23125 010], [030 23125 010], [020 7946 0018]"),
    ("phone", "[030 / 23125 01-0], [0221 1642 1411], [+43 – (0)1 – 361 88 98-98], [089 231 25-0]"),
    ("phone", "Fon\t[07 11/97 81-0]\nTel.:\n\t[0441 801-750]"),
    ("phone", "Tel.: [555-0123], Fax [0 61 51 / 405 -0], phone #[4155550118]"),
    ("phone", "[+44 20 7946 0000] 2 rooms"),
    ("phone", "Tel.:\u00a0[0441 801-750], Fax:\u00a0\u00a0[061 51 40 50]"),
    ("phone", "电话[+86 10 6552 9988]。"),
    ("ip", "from [198.51.100.4], port 80; ip=[203.0.113.9]; see [8.8.8.8]."),
    ("ip", "http://[192.0.2.1]:8080/x [203.0.113.9]/24"),
    ("ip", "server at [81.2.69.142] and host [4.3.2.1]"),
    ("ip", "to [2001:db8::1e0a:a8ae] now, [[2001:DB8:0:0:8:800:200C:417A]]:80, [2a00:1450::]"),
    ("credit_card", "[4111 1111 1111 1111], [5555-5555-5555-4444] and [378282246310005]."),
    ("credit_card", "card [4111 1111 1111 1111] 12/27, [3782 822463 10005], [4111111111111111]"),
    ("iban", "[DE89\u00a03704 0044\u00a00532\u00a00130 00] [NO93 8601 1117 947]"),
    ("iban", "[DE89370400440532013000], [GB29 NWBK 6016 1331 9268 19], [NO9386011117947]."),
    ("social_security", "SSN [219-09-9999], [959-93-3693]."),
    ("social_security", "NI [QQ 12 34 56 C] or [AB123456C]; [1 84 12 76 451 089 46]"),
    ("social_security", "[184127645108946]"),
    ("coordinates", "at [52.520008, 13.404954]: geo", ),
    ("coordinates", "GPS: [-33.856784,151.215297]; maps/@[48.858370,2.294481],17z"),
    ("coordinates", '{"lat": [52.520008, "lon": 13.404954]}'),
    ("coordinates", "[52°31'12.0\"N 13°24'18\"E] and [48.858370° N, 2.294481° E]"),
    ("credentials", "[https://user:hunter2@example.com/path] or [ftp://a:b@192.0.2.1]."),
    ("username", "https://twitter.com/[jack_d]/status/1, https://github.com/[octo-cat]."),
    ("username", "https://Twitter.com/[jack_d] HTTPS://GitHub.com/[octo-cat] http://a.example/Users/[jd]"),
    ("username", "http://www.cs.example.edu/~[jdoe]/x https://mastodon.example/@[jdoe]"),
    ("username", "https://forum.example/users/[jane.doe] ssh://[jdoe]@host.example/x"),
    ("key", "[AKIAIOSFODNN7EXAMPLE] aws_key=[AKIAIOSFODNN7EXAMPLE]"),
    ("key", "token [ghp_" + "aB3dE5gH7j" * 3 + "kLmNoP] " + "[AIza" + "Sy0-_aB3dE" * 3 + "12345]"),
    ("key", "-----BEGIN RSA PRIVATE KEY-----".join(["[", "\n" + "MIIEow" * 12
            + "\n-----END RSA PRIVATE KEY-----]"])),
    ("key", '-----BEGIN EC PRIVATE KEY-----'.join(["[", r'\n" +' + '\n"' + "b2Z9" * 9 + r"\n"
            + '" +\n"' + "AwEHoUQD" * 8 + ']" cut off'])),
    # what is assigned runs into the key: both are one
    ("key", "secret=[a1b2C3d4-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow" * 12
            + "\n-----END RSA PRIVATE KEY-----]\n"),
    ("key", 'password = "[hQ7x$kd9Vm2z]"'),
    ("key", "SECRET_TOKEN=[f8Kq2LmZ9xVb4TnR7wYc]\n"),
    ("key", "aws_secret_access_key = [wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY]\n"),
    ("key", "auth_token: [8f3kQz91LmXv27TpRb4w]\n"),
    ("key", "Authorization: Bearer [mF_9.B5f-4.1JqMzXc8Qw7]"),
    ("key", "api_key: '[9c1f0be2d7a84e63b5d1]'"),
]  # fmt: skip


def marked(text):
    """The text without the marks of spans, and what they mark; [[ ]] are brackets of the text."""
    text = text.replace("[[", "\x01[").replace("]]", "]\x02")
    parts = text.replace("[", "\x03[").replace("]", "]\x03").split("\x03")
    spans = [p[1:-1] for p in parts if p.startswith("[") and p.endswith("]")]
    plain = "".join(p[1:-1] if p.startswith("[") else p for p in parts)
    return plain.replace("\x01", "[").replace("\x02", "]"), spans


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_found(kind, text):
    plain, spans = marked(text)
    if text.startswith("at [52"):
        plain = "location " + plain
    assert found(plain) == [(kind, span) for span in spans]


@pytest.mark.parametrize(
    "text",
    [
        # e-mail
        "Use foo@bar syntax, e.g. @property; 1 @ 3.50, a @-@ b, @example.com",
        "a@example.123, a@-example.com, icon@2x.png, lodash@4.17.21, user@host",
        "git@github.com:owner/project, [ctor@Image.new], a@b.example@c.example"[:58],
        "a" * 80 + "@",
        # telephone
        "on 2023-10-12, 12.10.2023, 10/12/2023 at 10:20:0022.06.2018 10",
        "ISBN 978-3-16-148410-0, $1,234,567, 1234567890, 4155550118",
        "+1.23456789 and +12% and +1,000,000 and a+12345678, x = y +12345",
        "01 02 03 04 05 06 07 and 5c 09 82 60 58 48 11 and 0x40|04 14 00 00 00|",
        "115-555-0118, 415-155-0118, 2415-555-0118, 415-555-01180, +999 999 999 999",
        "16:00:04 2006 -0700, 02.02.2022 15, 02.02. - 23.02.23, 0 1234 5678 90, 030 1.5",
        "Tel. 2023-10-12, fax 1.1234567, 0123.4567",
        # IP
        "10.0.0.1 172.16.9.9 192.168.1.1 127.0.0.1 169.254.0.9 0.0.0.0 224.0.0.1 100.64.1.1",
        "::1 fe80::1 fc00::12 ff02::1 ::ffff:8.8.8.8.9",
        "Version 81.3.2.1, v81.2.3.4, release: 81.8.8.8, Chrome/91.0.44.124, base ==4.150.1.0",
        "See section 4.3.2.1 and § 81.8.4.4; Firefox 2.0.0.16, any.text 1.2.5.0",
        "1.8.8.8.8, 81.8.8.8.8, 81.8.8.256, a81.8.8.8, 081.8.8.8, 81.8.8.8-beta",
        "std::vector, add::bad, dead::beef, 12:30:45, 00:1b:44:11:3a:b7, 2001::x, 2020::now",
        # cards, accounts, social security
        "4111-1111-1111-1112, 4111111111111112, 1234567812345670, 0.4111111111111111",
        "4111 1111 11111111, 4111 1111-1111 1111, x4111111111111111, 4111111111111111.5",
        "DE88370400440532013000, DE8937040044053201300, XX89370400440532013000",
        "de89370400440532013000, DE89370400440532013000X",
        "000-12-3456, 666-12-3456, 123-00-4567, 123-45-0000, 123-45-67890, 1-123-45-6789",
        "GB 12 34 56 C, AO123456C, AB123456E, AB1234567C, 284127645108947",
        # coordinates
        "Coordinates 52.5200, 13.4050",
        "[0.123456, 1.234567], lat 95.123456, 13.404954",
        "position: 0.1234567 and 0.3",
        # URLs, keys
        "https://example.com/@scope and https://registry.npmjs.org/@scope/name"[29:],
        "https://github.com/owner/project https://twitter.com/search?q=x http://x.example/a:b",
        "BEGIN PRIVATE KEY----- " + "MIIEow" * 9, "-----BEGIN PRIVATE KEY----- and words, no key",
        "https://user:${PASSWORD}@example.com git+ssh://git@github.com/x/y",
        "AKIA, AKIAIOSFODNN7EXAMPL, ghp_short, sk-learn and sk-something-quite-ordinary-1"[:64],
        "password = get_password(user1), token: str = None, key: 0123, secret = 'changeme12345'",
        'password = "your-password-1", key = "abc", tokens = ["a1b2c3d4e5f6g7h8"]',
        "The hash 9f86d081884c7d659a2feaa0c55ad015 matches; 0x7fffffffe3c8",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        "the bearer of this-is-no-token-at-all, Bearer internationalisation",
        "key: the 1st of all keys, token: 12 of them, secret = config1.value.of(x)",
    ],
)  # fmt: skip
def test_not_found(text):
    assert found(text) == []


def test_what_contains_wins_whichever_kinds_are_chosen():
    text = "https://user:secret@example.com/x and a@example.com"
    assert found(text) == [
        ("credentials", "https://user:secret@example.com/x"),
        ("email", "a@example.com"),
    ]
    assert found(text, [Kind.EMAIL]) == [("email", "a@example.com")]
    assert found(text, ["phone"]) == []


def test_of_spans_that_overlap_the_first_and_longest_stays():
    email, phone, ip = Kind.EMAIL, Kind.PHONE, Kind.IP
    spans = [(1, 4, 9, ip), (0, 5, 12, phone), (0, 0, 6, email), (0, 0, 5, ip), (0, 6, 7, ip)]
    assert disjoint(spans) == [(0, 0, 6, email), (0, 6, 7, ip), (1, 4, 9, ip)]


def test_the_rest_of_a_key_is_a_secret_too():
    key, url = Kind.KEY, Kind.CREDENTIALS
    assert disjoint([(0, 3, 9, key), (0, 0, 5, url), (1, 4, 9, key)]) == [
        (0, 0, 5, url), (0, 5, 9, key), (1, 4, 9, key)
    ]  # fmt: skip
    assert disjoint([(0, 0, 5, key), (0, 3, 9, key), (0, 8, 9, key)]) == [(0, 0, 9, key)]
    assert disjoint([(0, 0, 5, url), (0, 3, 5, key)]) == [(0, 0, 5, url)]


def test_spans_are_bytes_of_their_row_in_slices_with_nulls():
    rows = ["é" * 9, None, "", "é a@example.com", "b@example.com é c@example.com"]
    column = pa.array(["x@example.com", *rows], pa.string())[1:]
    spans = find(column)
    assert spans.rows.tolist() == [3, 4, 4]
    assert spans.starts.tolist() == [3, 0, 17]
    assert spans.ends.tolist() == [16, 13, 30]
    assert list(find(pa.array([], pa.string())).by_row()) == []


PIECES = st.sampled_from(
    ["@", ":", "=", "://", "+", "(", ")", ".", "-", " ", "/", "0", "4111", "555", "2001", "é", "中",
     "\u00a0", "\u2011", "a", "AB", "DE89", "sk-", "ghp_", "eyJ", "key", "password", '"', "°", "~",
     "tel ", "lat ", "http", "BEGIN ", "-----", "\x00", "\n", "1.123456", "٣", "😀"]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("http://@" * 20)
@example("4111 1111 1111 1111 12 34 56 78 90")
def test_spans_are_ordered_disjoint_and_cut_no_character(text):
    raw = text.encode()
    last = 0
    for _, spans in find(pa.array([text])).by_row():
        for start, end, _ in spans:
            assert last <= start < end <= len(raw)
            raw[start:end].decode()
            last = end


@settings(deadline=None, max_examples=80)
@given(st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=5))
def test_rows_do_not_see_each_other(texts):
    together = dict(find(pa.array(texts, pa.string())).by_row())
    alone = {i: s for i, t in enumerate(texts) for _, s in find(pa.array([t])).by_row()}
    assert together == alone


@pytest.mark.parametrize(
    "piece",
    ["a@", "a@b.", "://", "http://x/@", "1 ", "12 34 ", "+1 ", "sk-", "eyJa.", "key=",
     "key=a1b2c3d4", "2001:", "DE89 ", "(0", "1.123456 ", "lat1.123456,", "0123 45678\n",
     "BEGIN PRIVATE KEY-----", "tel 0", "中@", "1", "a", "\x00", "password='x1"],
)  # fmt: skip
def test_no_text_takes_long(piece):
    text = piece * (100_000 // len(piece.encode()))
    column = pa.array([text])
    find(column.slice(0, 0))  # compiled
    start = time.process_time()
    find(column)
    assert time.process_time() - start < 3


def test_made_up_sentences_of_the_kit(kit):
    """Exact spans and kinds; a private address (10.0.0.0/8) is no personal data here."""
    kinds = {"email": "email", "phone": "phone", "ipv4": "ip", "ipv6": "ip", "iban": "iban",
             "credit_card": "credit_card", "aws_key_example": "key",
             "us_ssn_invalid": "social_security", "url_credentials": "credentials"}  # fmt: skip
    with gzip.open(kit / "lists" / "pii-synthetic.jsonl.gz", "rt") as lines:
        rows = list(map(json.loads, lines))
    spans = dict(find(pa.array([r["text"] for r in rows])).by_row())
    scores = np.zeros((5, 3))  # five folds: right, found, wanted
    n_private = 0
    for i, row in enumerate(rows):
        raw = row["text"].encode()
        got = {
            (len(raw[:a].decode()), len(raw[:b].decode()), str(k)) for a, b, k in spans.get(i, ())
        }
        gold = {
            (s["start"], s["end"], kinds[s["type"]]) for s in row["spans"] if s["type"] in kinds
        }
        private = {g for g in gold if row["text"][g[0] : g[1]].startswith("10.")}
        n_private += len(private)
        gold -= private
        scores[i % 5] += len(got & gold), len(got), len(gold)
    right, n_found, wanted = scores.T
    assert np.all(2 * right / (n_found + wanted) >= 0.97)
    assert scores[:, 0].sum() == scores[:, 1].sum()  # no false alarm
    assert 2 * right.sum() / (n_found.sum() + wanted.sum() + n_private) >= 0.97
