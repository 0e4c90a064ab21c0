"""identify_language and what stands behind it: languages, scripts, shares, odd input."""

import os
import pathlib
import time
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import castor.filters
from castor.filters import identify_language
from castor.filters.errors import CastorError, ConfigError
from castor.filters.language import identify, model
from castor.filters.language.kernels import layout

SENTENCES = {
    "en": "The ferry had already left when we reached the harbour, so we waited in the café.",
    "de": "Die Fähre war schon abgefahren, als wir den Hafen erreichten, und wir warteten im Café.",
    "fr": "Le bateau était déjà parti quand nous sommes arrivés au port, alors nous avons attendu.",
    "es": "El barco ya había salido cuando llegamos al puerto, así que esperamos en la cafetería.",
    "it": "La nave era già partita quando siamo arrivati al porto, e abbiamo aspettato al bar.",
    "pt": "O barco já tinha partido quando chegámos ao porto, por isso esperámos no café.",
    "nl": "De veerboot was al vertrokken toen we de haven bereikten, dus wachtten we in het café.",
    "pl": "Statek już odpłynął, kiedy dotarliśmy do portu, więc czekaliśmy w kawiarni.",
    "cs": "Loď už odplula, když jsme dorazili do přístavu, a tak jsme čekali v kavárně.",
    "fi": "Lautta oli jo lähtenyt, kun pääsimme satamaan, joten odotimme kahvilassa.",
    "tr": "Limana vardığımızda vapur çoktan kalkmıştı, bu yüzden kafede bekledik.",
    "vi": "Khi chúng tôi đến bến cảng thì tàu đã rời đi, nên chúng tôi đợi ở quán cà phê.",
    "ru": "Паром уже ушёл, когда мы добрались до гавани, поэтому мы ждали в кафе.",
    "uk": "Пором уже відплив, коли ми дісталися гавані, тому ми чекали в кав'ярні.",
    "bg": "Фериботът вече беше тръгнал, когато стигнахме пристанището, затова чакахме в кафенето.",
    "ar": "كانت العبارة قد غادرت بالفعل عندما وصلنا إلى الميناء فانتظرنا في المقهى",
    "fa": "وقتی به بندر رسیدیم کشتی رفته بود و ما در کافه منتظر ماندیم",
    "hi": "जब हम बंदरगाह पहुँचे तब तक जहाज़ जा चुका था, इसलिए हमने चाय की दुकान में इंतज़ार किया।",
    "ja": "港に着いたときには船はもう出ていたので、喫茶店で待ちました。",
    "zh": "我们到达港口时渡轮已经开走了,所以我们在咖啡馆里等。",
    "ko": "우리가 항구에 도착했을 때 배는 이미 떠나서 카페에서 기다렸습니다.",
    "el": "Το πλοίο είχε ήδη φύγει όταν φτάσαμε στο λιμάνι.",
    "he": "המעבורת כבר יצאה כשהגענו לנמל ולכן חיכינו בבית הקפה.",
    "th": "เรือออกไปแล้วเมื่อเรามาถึงท่าเรือ",
    "km": "កប៉ាល់បានចេញដំណើរហើយ",
    "am": "መርከቡ አስቀድሞ ሄዷል",
}


def facts(*texts):
    return identify.languages(pa.array(texts, pa.large_string())).found.facts


def shares(text):
    return identify.languages(pa.array([text], pa.large_string())).shares()[0]


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_a_plain_sentence_is_known_and_sure(code, text):
    [(told, score)] = identify_language([text])
    assert told == code
    assert score > 0.9


@pytest.mark.parametrize(
    "text", ["", " \n\t", "12:30 — 4.5 %", "🙂🙂", "...", "https://a.example/b"]
)
def test_a_text_without_letters_is_und(text):
    assert identify_language([text]) == [("und", 0.0)]
    assert shares(text) == {}


def test_a_script_that_nothing_answers_for_is_und():
    linear_b = "𐀀𐀁𐀂 𐀃𐀄𐀅"
    assert identify_language([linear_b]) == [("und", 0.0)]
    assert shares(linear_b) == {"und": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "Uxtli pawqo nekwari tzonqe yihmal, ixpow cuatli menhoq zaxpilwe dohkat uqnaxi tewpol.",
        "Жовтрак пемилу шандоко крувези, ал мирту долгезон вешкара тунпоми сэльвадук орнэти.",
    ],
)
def test_words_of_no_language_that_it_knows_are_und(text):
    assert identify_language([text]) == [("und", 0.0)]
    assert shares(text) == {"und": 1.0}


def test_rates_are_told_as_differences_from_the_usual():
    texts = pa.array([SENTENCES["en"]], pa.large_string())
    shipped = model.shipped()
    nothing = np.zeros_like(shipped.weights.usual)
    nothing.setflags(write=False)
    bare = shipped._replace(weights=shipped.weights._replace(usual=nothing))
    raw = identify.languages(texts, bare).found
    told = identify.languages(texts).found
    lane, first, n = int(told.ids[0, 0]), layout.FIRST_RATE, layout.N_RATES
    usual = shipped.weights.usual.reshape(n, layout.DIRECT)[:, lane]
    length = raw.facts[0, layout.FACTS.index("length")]
    np.testing.assert_allclose(
        raw.facts[0, first : first + n] - usual, told.facts[0, first : first + n], atol=1e-5
    )
    np.testing.assert_allclose(
        told.facts[0, first + n :], told.facts[0, first : first + n] * length, atol=1e-5
    )
    assert 0 < raw.facts[0, first] <= 1
    assert 0 < raw.facts[0, first + 1] <= 1


def test_what_is_refused_has_no_alternative():
    shipped = model.shipped()
    limits = shipped.weights.limits.copy()
    limits[2] = 1e9
    limits.setflags(write=False)
    strict = shipped._replace(weights=shipped.weights._replace(limits=limits))
    column = pa.array(["Ljudi su dugo čekali na stanici."], pa.large_string())
    known = identify.languages(column, strict)
    assert (known.codes(), known.alternatives()) == (["und"], [None])
    assert identify.languages(column).alternatives() != [None]


def test_families_have_a_number_each():
    shipped = model.shipped()
    numbers = dict(zip(shipped.codes, shipped.weights.families.tolist(), strict=False))
    assert numbers["bs"] == numbers["hr"] == numbers["sr"] > 0
    assert numbers["id"] == numbers["ms"] > 0
    assert len({numbers["bs"], numbers["id"], numbers["en"]}) == 3
    assert numbers["en"] == 0


def test_a_model_is_read_again_when_its_file_changes(tmp_path):
    source = pathlib.Path(model.__file__).parent.parent / "data" / "language" / model.FILE
    copy = tmp_path / model.FILE
    copy.write_bytes(source.read_bytes())
    first = identify.opened(tmp_path)
    assert identify.opened(copy) is first
    os.utime(copy, ns=(0, 1))
    assert identify.opened(tmp_path) is not first


def test_models_of_fasttext_are_told_by_their_name():
    assert identify.is_fasttext("lid.176.ftz")
    assert identify.is_fasttext(pathlib.Path("model.bin"))
    assert not identify.is_fasttext("model.npz")


def test_no_bucket_and_no_list_lies_on_two_cache_lines():
    weights = model.shipped().weights
    assert weights.table.ctypes.data % 64 == weights.lists.ctypes.data % 64 == 0


def test_letters_without_any_known_run_are_und():
    assert identify_language(["qxzzqkv wqxjvzq"])[0][0] == "und"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("as", "মই অসমীয়া ভাষাত কথা পাতোঁ আৰু ৱেবছাইট পঢ়োঁ"),
        ("yi", "דער מענטש װױנט אין אַ קלײן שטעטל"),
        ("tg", "Ҳар шахс ҳуқуқ дорад, ки дар ҷомеа озодона зиндагӣ кунад"),
        ("ps", "ټول انسانان آزاد پيدا شوي دي او ښه ژوند کول غواړي چې ډېر وي"),
    ],
)
def test_letters_of_one_language_alone_tell_it(code, text):
    assert identify_language([text])[0][0] == code


def test_a_few_of_such_letters_tell_nothing():
    assert identify_language(["Вчера мы видели гору Ҳисор"])[0][0] != "tg"
    loans = " ".join([SENTENCES["ru"]] * 6) + " Ҳисор Ҳ"
    assert identify_language([loans])[0][0] == "ru"


@pytest.mark.parametrize(
    "address",
    [
        "https://www.example.org/wiki/Der_Hafen?seite=zwei&sprache=deutsch#abschnitt",
        "www.reederei-beispiel.example",
        "fahrplan.auskunft@reederei.example",
        "reederei.example.com",
        "beispiel.de/fahrplan/sommer",
        "@faehre_und_hafen",
    ],
)
def test_addresses_leave_no_trace(address):
    text = SENTENCES["en"]
    first, rest = text.split(" ", 1)
    plain, with_address = facts(text, f"{first} {address} {rest}")
    np.testing.assert_array_equal(with_address, plain)


@pytest.mark.parametrize(
    "text",
    [
        'Wir warteten "https://a.example/b"am Hafen',
        "Wir warteten <https://a.example/b>am Hafen",
        "Wir warteten\u00a0https://a.example/b am Hafen",  # a space ends the word before
        "Wir warteten@ am Hafen",
        "Wir warteten:/am Hafen",
    ],
)
def test_what_stands_beside_an_address_stays(text):
    np.testing.assert_array_equal(*facts(text, "Wir warteten am Hafen"))


def test_the_letters_of_an_address_are_no_share():
    assert shares(SENTENCES["ru"].replace(" ", " https://www.example.org/abc ", 1)) == {"ru": 1.0}


def test_a_full_stop_without_a_space_is_no_address():
    joined, apart = "Wir warteten.Dann kam das Schiff.", "Wir warteten. Dann kam das Schiff."
    np.testing.assert_array_equal(*facts(joined, apart))


@pytest.mark.parametrize("code", ["vi", "fr", "cs", "ru", "ar", "hi", "ko"])
@pytest.mark.parametrize("form", ["NFD", "NFKD"])
def test_the_form_of_normalisation_does_not_matter(code, form):
    composed = unicodedata.normalize("NFC", SENTENCES[code])
    taken_apart = unicodedata.normalize(form, composed)
    assert taken_apart != composed or code in ("ar", "hi")
    assert identify_language([taken_apart]) == identify_language([composed])


def test_capitals_and_soft_hyphens_do_not_matter():
    text = SENTENCES["de"]
    same = facts(text, text.upper(), text.replace("warte", "war\u00adte"))
    np.testing.assert_array_equal(same[1], same[0])
    np.testing.assert_array_equal(same[2], same[0])


def test_han_is_japanese_where_kana_stand_beside():
    assert identify_language(["東京大学附属病院の案内"])[0][0] == "ja"
    [(code, score), (_, longer)] = identify_language(["東京", "東京大學附屬醫院門診部公告通知"])
    assert code == "zh"
    assert score < 0.9 < longer


def test_han_is_not_korean_for_one_syllable():
    assert set(shares("我们到达港口时渡轮已经开走了所以等 한")) == {"zh", "ko"}
    assert set(shares("大韓民國은 동아시아")) == {"ko"}


def test_a_letter_of_han_counts_twice():
    found = shares("港口很远 ferry boat")
    assert found == pytest.approx({"zh": 8 / 17, "en": 9 / 17})


def test_what_is_less_than_a_fiftieth_is_not_told():
    text = " ".join([SENTENCES["en"]] * 6)
    assert set(shares(f"{text} Москва")) == {"en"}
    assert len(shares(f"{text} Москва и Петербург")) == 2


def test_lines_are_not_mixed():
    lines = [SENTENCES[code].replace(",", "").rstrip(".") for code in ("en", "de")]
    found = shares("\n".join(lines * 4))
    letters = [sum(map(str.isalpha, line)) for line in lines]
    assert found["en"] == pytest.approx(letters[0] / sum(letters), abs=0.01)


def test_a_chunk_is_read_on_until_it_is_decided():
    text = "ljudi su dugo čekali na stanici i razgovarali o vremenu i " * 3  # no sentence ends
    hits = np.expm1(facts(text)[0, layout.FACTS.index("log_hits")])
    assert hits > 130
    assert identify.languages(pa.array([text], pa.large_string())).alternatives() != [None]


def test_more_parts_than_there_is_room_for():
    text = "Hafen und порт и बंदरगाह और ميناء كبير. " * 6_000  # four scripts in every chunk
    assert 0.5 < sum(shares(text).values()) <= 1 + 1e-6


@pytest.mark.parametrize(("first", "second"), [("en", "ru"), ("de", "en"), ("fr", "ja")])
def test_shares_of_a_mixed_text(first, second):
    a = " ".join([SENTENCES[first]] * 6)
    b = " ".join([SENTENCES[second]] * 3)
    found = shares(f"{a}\n{b}")
    assert set(found) == {first, second}
    assert list(found) == [first, second]
    assert 0.15 < found[second] < 0.45
    assert sum(found.values()) == pytest.approx(1, abs=1e-6)
    assert identify_language([f"{a}\n{b}"])[0][0] == first


def test_a_word_of_another_script_is_a_share_too():
    found = shares(f"{SENTENCES['en']} Москва и Петербург")
    assert found["en"] > 0.7
    assert 0.1 < sum(p for code, p in found.items() if code != "en") < 0.3


def test_family_members_are_told_as_alternatives():
    column = pa.array(
        ["Ljudi su dugo čekali na stanici i razgovarali o vremenu.", SENTENCES["en"]],
        pa.large_string(),
    )
    known = identify.languages(column)
    assert known.codes()[0] in ("bs", "hr", "sr")
    assert known.alternatives()[0] in ("bs", "hr", "sr")
    assert known.alternatives()[1] is None


def test_a_long_document_is_read_in_windows():
    text = "\n".join([SENTENCES["nl"]] * 2_000)
    [(code, score)] = identify_language([text])
    assert (code, score > 0.95) == ("nl", True)
    half = "\n".join([SENTENCES["nl"]] * 1_000 + [SENTENCES["uk"]] * 500)
    found = shares(half)
    assert set(found) == {"nl", "uk"}
    assert found["uk"] == pytest.approx(1 / 3, abs=0.1)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 20_000_000,
        "x@" * 5_000_000,
        "http://" * 2_000_000,
        "å" * 3_000_000,
        "東" * 3_000_000,
        "e\u0301" * 3_000_000,
        "\u0301" * 3_000_000,
        "a." * 5_000_000,
        "\x00" * 5_000_000,
    ],
)
def test_a_huge_line_costs_no_more_than_its_windows(text):
    column = pa.array([text], pa.large_string())
    identify.languages(column)
    start = time.process_time()
    identify.languages(column)
    assert time.process_time() - start < 0.1


def test_answers_do_not_depend_on_the_neighbours():
    texts = list(SENTENCES.values()) * 100  # more than one call into the kernel
    alone = [identify_language([text])[0] for text in SENTENCES.values()]
    assert identify_language(texts) == alone * 100


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=400), max_size=3))
def test_any_text_has_an_answer(texts):
    languages = {*model.shipped().languages, "und"}
    answers = identify_language(texts)
    assert len(answers) == len(texts)
    for (code, score), text in zip(answers, texts, strict=True):
        assert code in languages
        assert 0 <= score <= 1
        assert (score == 0) == (code == "und")
        assert sum(shares(text).values()) <= 1 + 1e-6


def test_surrogates_without_a_partner_are_signs():
    assert identify_language([SENTENCES["en"] + " \ud800"]) == identify_language([SENTENCES["en"]])


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="one str"):
        identify_language("one text")
    with pytest.raises(TypeError, match="got NoneType, int"):
        identify_language(["a text", None, 3])
    with pytest.raises(ConfigError, match="no language model"):
        identify_language(["a text"], model="/nowhere")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(CastorError, match="no language model"):
        identify_language(["a text"], model=path)
    np.savez(path, head=np.frombuffer(b'{"format": 99}', np.uint8))
    with pytest.raises(CastorError, match="format 99"):
        identify_language(["a text"], model=path)


def test_the_package_names_its_functions_lazily():
    assert "identify_language" in dir(castor.filters)
    with pytest.raises(AttributeError, match="no attribute 'identify'"):
        castor.filters.identify  # noqa: B018


def test_the_shipped_model_knows_the_languages_of_its_card():
    shipped = model.shipped()
    assert len(shipped.languages) > 110
    assert shipped.families == (("bs", "hr", "sr"), ("id", "ms"))
    assert len(set(shipped.codes[: layout.DIRECT]) - {""}) == 62


@pytest.mark.kit
def test_sentences_that_never_trained_it(kit):
    import gzip
    import json

    with gzip.open(kit / "text/langid/test.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    answers = identify_language([row["text"] for row in rows])
    right = sum(code == row["lang"] for (code, _), row in zip(answers, rows, strict=True))
    assert right / len(rows) >= 0.9765
