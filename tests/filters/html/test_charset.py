"""Charsets of pages: what states one, what is believed, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.html.charset import UnreadableError, as_utf8, decode
from castor.filters.reasons import Reason

GERMAN = "Über die Straße gehen fünf schöne Bären, sagt man auf Deutsch. " * 4
FRENCH = "Où sont passés les étés où nous allions à la mer, été après été ? " * 4
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему. " * 4
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 4
CHINESE = "人之初，性本善。性相近，习相远。苟不教，性乃迁。教之道，贵以专。" * 4
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. " * 4


def meta(label: str) -> bytes:
    return f'<html><head><meta http-equiv=x content="text/html; charset={label}">'.encode()


TABLE = [
    # text, encoded as, header, label in the page, charset that is used
    pytest.param(GERMAN, "utf-8", None, None, "utf-8", id="utf-8 that nothing states"),
    pytest.param(GERMAN, "utf-8", "iso-8859-1", "windows-1252", "utf-8", id="all states are wrong"),
    pytest.param(f"{GERMAN}\x1b[0m", "utf-8", "latin1", None, "utf-8", id="a stray escape"),
    pytest.param(GERMAN, "utf-8-sig", "iso-8859-1", None, "utf-8", id="byte order mark"),
    pytest.param(GERMAN, "utf-16", None, None, "utf-16-le", id="utf-16 with a mark"),
    pytest.param(GERMAN, "utf-16-be", "utf-16be", None, "utf-16-be", id="utf-16 by header"),
    pytest.param(GERMAN, "latin-1", "ISO-8859-1", None, "cp1252", id="latin-1 by header"),
    pytest.param(GERMAN, "latin-1", None, "latin1", "cp1252", id="latin-1 by meta"),
    pytest.param(GERMAN, "latin-1", "utf-8", "latin1", "cp1252", id="header wrong, meta right"),
    pytest.param(GERMAN, "latin-1", "none", "unicode", "cp1252", id="detected"),
    pytest.param(FRENCH, "latin-1", None, "utf-16", "cp1252", id="meta cannot be utf-16"),
    pytest.param(FRENCH[1:], "latin-1", None, "utf-16", "cp1252", id="at any length"),
    pytest.param(RUSSIAN, "koi8-r", "koi8-r", None, "koi8-r", id="koi8-r"),
    pytest.param(RUSSIAN, "cp1251", None, None, "cp1251", id="cyrillic detected"),
    pytest.param(JAPANESE, "cp932", "Shift_JIS", None, "cp932", id="shift_jis"),
    pytest.param(JAPANESE, "euc-jp", None, "x-euc-jp", "euc_jp", id="euc-jp by meta"),
    pytest.param(JAPANESE, "iso2022_jp", "iso-2022-jp", None, "iso2022_jp_ext", id="7 bits"),
    pytest.param(CHINESE, "gb18030", "gb2312", None, "gb18030", id="gb2312 is gb18030"),
    pytest.param(CHINESE, "gb18030", None, None, "gb18030", id="chinese detected"),
    pytest.param(KOREAN, "cp949", "euc-kr", None, "cp949", id="euc-kr is cp949"),
    pytest.param(
        "plain words", "ascii", "utf-16", "utf-16", "utf-8", id="ascii, said to be utf-16"
    ),
]


@pytest.mark.parametrize(("text", "encoding", "header", "label", "used"), TABLE)
def test_the_charset_that_is_used(text, encoding, header, label, used):
    body = text.encode(encoding)
    if label is not None:
        body = meta(label) + body
        text = meta(label).decode() + text
    assert decode(body, header, html=True) == (text, used)
    assert as_utf8(body, header) == (text.encode(), used)


def test_an_xml_declaration_counts_like_meta():
    body = b"<?xml version='1.0' encoding='koi8-r'?>" + RUSSIAN.encode("koi8-r")
    assert decode(body, None, html=True)[1] == "koi8-r"


def test_plain_text_states_no_charset_of_its_own():
    body = meta("koi8-r") + GERMAN.encode("latin-1")
    assert decode(body, None, html=True)[1] == "koi8-r"
    assert decode(body, None, html=False)[0].endswith(GERMAN)


def test_the_open_places_of_windows_1252_are_control_characters():
    assert decode(b"caf\xe9 \x81 \x9d" * 9, "latin1", html=False) == (
        "café \x81 \x9d" * 9,
        "cp1252",
    )


def test_a_few_bad_bytes_are_replaced_and_stay_visible():
    body = GERMAN.encode() * 9 + b"\xe2\x80 and so on"
    text, used = decode(body, "utf-8", html=False)
    assert (text, used) == (GERMAN * 9 + "\ufffd and so on", "utf-8")


@pytest.mark.parametrize("body", [bytes(range(256)) * 40, b"\0\x01\x02\xff" * 200])
def test_what_no_charset_explains_is_refused(body):
    with pytest.raises(UnreadableError, match="characters cannot be decoded as") as caught:
        decode(body, "utf-8", html=False)
    assert caught.value.reason == Reason.BAD_ENCODING


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf", meta("utf-16"), meta("gbk"), meta("\xe9")]),
    st.one_of(st.none(), st.sampled_from(["utf-8", "big5", "iso-2022-kr", "utf-7", "hz", "x"])),
)
def test_any_bytes_are_unicode_or_refused(tail, head, header):
    try:
        text, _ = decode(head + tail, header, html=True)
    except UnreadableError as error:
        reason = error.reason
    else:
        reason = Reason.BAD_ENCODING
        assert text.encode("utf-8").decode("utf-8") == text
        assert "\0" not in text
    assert reason == Reason.BAD_ENCODING


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1b\ufeff")))
def test_utf_8_comes_back_whatever_is_stated(text):
    assert decode(text.encode(), "shift_jis", html=True) == (text, "utf-8")
