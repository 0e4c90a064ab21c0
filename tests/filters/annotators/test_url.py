"""Annotator url: which addresses a block list blocks, and options that are wrong."""

import gzip
import io
import tarfile

import pytest

from castor.filters.annotator import Context
from castor.filters.annotators import url
from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record, to_batch

DOMAINS = "# comment\nevil.example\nWWW.Bad.Example\n192.0.2.7\nmünchen.example\nlocalhost\n"
URLS = "site.example/bad/page\nhttps://www.other.example/x/\n"
HOSTS = "127.0.0.1 localhost\n0.0.0.0 0.0.0.0\n0.0.0.0 ads.example # why\n:: six.example\n"
ADBLOCK = "[Adblock Plus 2.0]\n! t\n||ad.example^\n||path.example/x^\n||opt.example^$third-party\n\
@@||ok.example^\n-banner.\nplain.example\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult" / "domains").write_text(DOMAINS)
    (tmp_path / "phishing-urls.txt.gz").write_bytes(gzip.compress(URLS.encode()))
    (tmp_path / "hosts-excerpt.txt").write_text(HOSTS)
    (tmp_path / "easylist.txt").write_text(ADBLOCK)
    (tmp_path / "press-domains.txt").write_text("news.example\n")
    return tmp_path


NAMES = ("is_domain_blocked", "is_url_blocked", "blocking_lists")


def looked_up(addresses, names=NAMES, **options):
    rows = (
        Record(str(i), "s", Modality.TEXT, "x", meta={} if a is None else {"url": a})
        for i, a in enumerate(addresses)
    )
    found = url.url.annotate(to_batch(rows), Context(options={"url": options}))
    assert found.column("url.error").null_count == len(addresses)
    return list(zip(*(found.column(f"url.{n}").to_pylist() for n in names), strict=True))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://evil.example/x", (True, False, "adult")),
        ("http://a.b.EVIL.example./x", (True, False, "adult")),
        ("http://notevil.example/", (False, False, None)),
        ("http://example/", (False, False, None)),
        ("https://bad.example:8080/", (True, False, "adult")),
        ("http://192.0.2.7/x", (True, False, "adult")),
        ("http://1.192.0.2.7/", (False, False, None)),
        ("http://MÜNCHEN.example/", (True, False, "adult")),
        ("http://xn--mnchen-3ya.example/", (True, False, "adult")),
        ("https://www.site.example/bad/page/more", (False, True, "phishing")),
        ("https://site.example/bad/page?q=1", (False, True, "phishing")),
        ("https://site.example/bad/pages", (False, False, None)),
        ("https://sub.site.example/bad/page", (False, False, None)),
        ("http://other.example/x", (False, True, "phishing")),
        ("http://localhost/", (False, False, None)),
        ("http://x.ads.example/", (True, False, "hosts-excerpt")),
        ("http://six.example/", (True, False, "hosts-excerpt")),
        ("http://ad.example/", (True, False, "easylist")),
        ("http://path.example/x", (False, True, "easylist")),
        ("http://opt.example/", (False, False, None)),
        ("http://ok.example/", (False, False, None)),
        ("http://plain.example/", (False, False, None)),
        ("http://news.example/", (False, False, None)),  # press is a list of what to allow
        ("not an address", (None, None, None)),
        ("http://evil.example/" + "x/" * 3900, (True, False, "adult")),
        ("http://evil.example/" + "x/" * 4000, (None, None, None)),
        ("http://" + "a." * 120 + "evil.example/", (True, False, "adult")),
        ("http://" + "a." * 121 + "evil.example/", (None, None, None)),
        ("http://[broken/", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_look_up(folder, address, expected):
    assert looked_up([address], lists=[str(folder)]) == [expected]


def test_without_lists_nothing_is_blocked():
    assert looked_up(["http://evil.example/"]) == [(False, False, None)]


def test_categories_choose_lists(folder):
    addresses = ["http://evil.example/", "http://news.example/"]
    found = looked_up(addresses, lists=[str(folder)], categories=["press"])
    assert found == [(False, False, None), (True, False, "press")]


def test_lists_that_allow_win(folder):
    (folder / "press-domains.txt").write_text("news.evil.example\nsite.example\n")
    addresses = [
        "http://a.news.evil.example/",
        "http://evil.example/",
        "http://site.example/bad/page",
    ]
    lists = [str(folder)]
    assert looked_up(addresses, lists=lists) == [
        (False, False, "adult"), (True, False, "adult"), (False, False, "phishing")
    ]  # fmt: skip
    found = looked_up(addresses, lists=lists, allow=["hosts-excerpt"])
    assert [f[:2] for f in found] == [(True, False), (True, False), (False, True)]
    allowed = looked_up(["http://site.example/bad/page"], lists=lists, names=("allowing_lists",))
    assert allowed == [("press",)]


def test_all_categories_are_told_in_order(folder):
    (folder / "zeta-domains.txt").write_text("evil.example\nonly.example\n")
    addresses = ["http://x.evil.example/", "http://only.example/"]
    assert looked_up(addresses, lists=[str(folder)]) == [
        (True, False, "adult,zeta"), (True, False, "zeta")
    ]  # fmt: skip


def test_a_public_suffix_is_itself_only(tmp_path):
    (tmp_path / "x-domains.txt").write_text(
        "co.uk\ngithub.io\nexample.co.uk\ntenant.blogspot.com\n"
    )
    addresses = ["http://other.co.uk/", "http://a.example.co.uk/", "http://somebody.github.io/",
                 "http://github.io/", "http://x.tenant.blogspot.com/"]  # fmt: skip
    blocked = [b for b, _, _ in looked_up(addresses, lists=[str(tmp_path)])]
    assert blocked == [False, True, False, True, True]


def test_registered_domain():
    addresses = ["http://a.b.example.co.uk/", "http://x.github.io/", "http://192.0.2.1/", "none"]
    found = looked_up(addresses, names=("registered_domain",))
    assert found == [("example.co.uk",), ("x.github.io",), (None,), (None,)]


def test_archives_and_globs(tmp_path):
    with tarfile.open(tmp_path / "lists.tar.xz", "w:xz") as archive:
        member = tarfile.TarInfo("blacklists/gambling/domains")
        data = b"casino.example\n"
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    found = looked_up(["http://casino.example/"], lists=[str(tmp_path / "*.tar.xz")])
    assert found == [(True, False, "gambling")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"list": ["x"]}, "did you mean 'lists'"),
        ({"lists": 3}, "lists must be a list of texts"),
        ({"lists": ["/nowhere/x"]}, "/nowhere/x"),
        ({"lists": ["{folder}"], "categories": ["adlut"]}, "did you mean 'adult'"),
        ({"lists": ["{folder}/broken.tar.xz"]}, "cannot be read"),
        ({"lists": ["{folder}/broken.gz"]}, "cannot be read"),
        ({"lists": ["{folder}"], "allow": ["prees"]}, "did you mean 'press'"),
        ({"lists": ["{folder}"], "allow": ["adult"], "categories": ["adult"]}, "blocks and allows"),
    ],
)
def test_wrong_options_are_configuration_errors(folder, options, message):
    (folder / "broken.tar.xz").write_bytes(b"no archive")
    (folder / "broken.gz").write_bytes(gzip.compress(b"a.example\n")[:10] + b"no deflate")
    if isinstance(options.get("lists"), list):
        options = {**options, "lists": [p.format(folder=folder) for p in options["lists"]]}
    if {"categories", "allow"} & set(options):
        (folder / "broken.tar.xz").unlink()
        (folder / "broken.gz").unlink()
    with pytest.raises(ConfigError, match=message):
        url.compiled(options)


def test_fingerprint_follows_content_not_place(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "adult").mkdir()
    (other / "adult" / "domains").write_text(DOMAINS)
    one = url.fingerprint({"lists": [str(folder / "adult")]})
    assert one == url.fingerprint({"lists": [str(other / "adult")]})
    (other / "adult" / "domains").write_text(DOMAINS + "more.example\n")
    assert one != url.fingerprint({"lists": [str(other / "adult")]})
    assert one != url.fingerprint({"lists": [str(folder / "adult")], "categories": ["adult"]})


def test_a_changed_list_is_read_again(folder):
    assert looked_up(["http://new.example/"], lists=[str(folder)])[0][0] is False
    (folder / "adult" / "domains").write_text(DOMAINS + "new.example\n")
    assert looked_up(["http://new.example/"], lists=[str(folder)])[0][0] is True


def test_the_kit_lists(kit):
    lists = [str(kit / "lists" / "url-blocklists")]
    found = looked_up(["http://www.001casino.com/", "http://example.org/"], lists=lists)
    assert found == [(True, False, "gambling"), (False, False, None)]
