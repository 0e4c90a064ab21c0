"""What is found in documents, from the index to the decision."""

import random

import numpy as np
import pyarrow as pa
import pytest

from castor.filters.errors import CastorError
from castor.pipelines.decontaminate import decide, index, scan, units
from castor.pipelines.decontaminate.benchmarks import load_benchmarks
from castor.pipelines.decontaminate.fields import Item

RIVER = (
    "A ferry crosses a river that is two hundred metres wide in four minutes while the stream "
    "carries it sideways at half a metre per second; how far downstream does it land?"
)
SOLUTION = (
    "In four minutes, that is 240 seconds, the stream carries the ferry 0.5 times 240 metres, "
    "so that it lands 120 metres downstream of the point where it started."
)
SHORT = "Which metal is liquid at room temperature and pressure?"  # 9 words
SHORTER = "Who composed the Goldfish Variations?"  # 5 words
PAIR = "Largest tundra owl?"  # 3 words, with its answer 9
CHINESE = "一家工厂每天生产三百六十个零件其中百分之五不合格那么一周之内一共生产多少个合格的零件"
CHINESE_SHORT = "世界上最大的淡水湖在哪个大洲"  # 14 characters
THAI = "เป็ดของเจเน็ตวางไข่วันละสิบหกฟองเธอกินไข่สามฟองเป็นมื้อเช้าทุกวันและใช้ไข่สี่ฟองอบขนมให้เพื่อน"
PASSAGE = " ".join(f"the {w} of the old town was rebuilt twice" for w in ("wall", "gate", "mill"))

ITEMS = (
    Item("math", "ferry", RIVER, answers=(SOLUTION,)),
    Item("facts", "metal", SHORT, answers=("mercury",), choices=("iron", "mercury", "tin")),
    Item("facts", "goldfish", SHORTER, answers=("Bubbles the Elder", "Bubbles")),
    Item("facts", "owl", PAIR, answers=("the great snowy owl of northern Lapland",)),
    Item("zh", "parts", CHINESE, answers=("2394",)),
    Item("zh", "lake", CHINESE_SHORT, answers=("北美洲",)),
    Item("th", "ducks", THAI, answers=("18",)),
    Item("town", "wall", "When was the wall of the old town finally torn down?", PASSAGE),
    Item("plain", "logic", "not true and not true or true", answers=("true",)),
    Item("plain", "tiny", "Which?", answers=("this",)),
)
FILLER = " ".join(f"word{i % 997} filler{i % 31}" for i in range(400))


@pytest.fixture(scope="module")
def built():
    return index.build_index(ITEMS)


def found(text, built, common=None):
    return {(f.item_id, f.rule): f for f in decide.findings(text, built, common)}


def rules(text, built, common=None):
    return {key: f.contaminated for key, f in found(text, built, common).items()}


def test_a_question_is_found_whatever_its_case_punctuation_and_spacing(built):
    varied = RIVER.upper().replace(" ", "\n  ").replace(";", " -- ")
    for text in (RIVER, f"{FILLER} {RIVER}", f"{RIVER} {FILLER}", f"{FILLER} «{varied}» {FILLER}"):
        assert rules(text, built) == {("ferry", "question"): True}


def test_the_span_is_that_of_the_question(built):
    text = f"Größe. {FILLER} {RIVER} {FILLER}"
    (start, end), = found(text, built)["ferry", "question"].spans  # fmt: skip
    assert text.encode()[start:end].decode() == RIVER.rstrip("?")


def test_a_question_in_a_document_of_a_megabyte_is_found(built):
    text = f"{FILLER * 100} {RIVER} {FILLER * 100}"
    assert len(text) > 1_000_000
    assert rules(text, built) == {("ferry", "question"): True}


def test_half_a_question_counts_and_less_is_partial(built):
    words = RIVER.split()
    assert rules(" ".join(words[: len(words) // 2 + 1]), built) == {("ferry", "question"): True}
    assert rules(" ".join(words[:13]), built) == {("ferry", "partial"): False}
    assert rules(" ".join(words[:12]), built) == {}


def test_runs_far_apart_in_a_long_document_are_not_added_up(built):
    words = RIVER.split()
    first, second = " ".join(words[:14]), " ".join(words[16:])
    together = rules(f"{first} then some {second}", built)
    assert together == {("ferry", "question"): True}
    assert rules(f"{first} {FILLER}", built) == {("ferry", "partial"): False}
    apart = found(f"{first} {FILLER} {' '.join(words[:13])}", built)
    assert apart["ferry", "partial"].matched_units == 14


def test_one_edit_in_a_long_question_does_not_hide_it(built):
    words = RIVER.split()
    words[14] = "three"
    assert rules(" ".join(words), built) == {("ferry", "question"): True}


def test_a_long_answer_counts_alone(built):
    assert rules(f"{FILLER} {SOLUTION}", built) == {("ferry", "answer"): True}
    half = " ".join(SOLUTION.split()[:15])
    assert rules(half, built) == {("ferry", "partial"): False}
    both = " ".join(RIVER.split()[:13]) + " ... " + " ".join(SOLUTION.split()[:20])
    assert rules(both, built) == {("ferry", "answer"): True}


def test_a_short_question_must_be_whole(built):
    assert rules(f"{FILLER} {SHORT} {FILLER}", built) == {("metal", "whole_question"): True}
    assert rules(SHORT.replace("metal", "element"), built) == {}
    assert rules(" ".join(SHORT.split()[:8]), built) == {}


@pytest.mark.parametrize(
    "after, expected",
    [
        (" The answer is: Bubbles.", True),
        (" A: Bubbles the elder", True),
        ("", False),
        (" Nobody knows for certain, though many have tried hard to find out. Bubbles", False),
    ],
)
def test_a_shorter_question_needs_its_answer_beside_it(built, after, expected):
    got = rules(f"{FILLER} {SHORTER}{after}", built)
    assert got == {("goldfish", "question_with_answer" if expected else "partial"): expected}


def test_a_tiny_question_is_found_with_its_answer_in_one_run(built):
    text = "Largest tundra owl? The great snowy owl of northern Lapland"
    assert rules(text, built) == {("owl", "question_with_answer"): True}
    assert rules("Largest tundra owl? It is the great snowy owl of northern Lapland", built) == {}


@pytest.mark.parametrize("item, text", [("parts", CHINESE), ("ducks", THAI)])
def test_scripts_without_spaces(built, item, text):
    assert rules(f"{FILLER}。{text}。", built) == {(item, "question"): True}
    assert rules(text[: len(text) // 4], built) == {}


def test_a_short_question_in_chinese_must_be_whole(built):
    assert rules(f"请问{CHINESE_SHORT}？", built) == {("lake", "whole_question"): True}
    assert rules(CHINESE_SHORT[:-1], built) == {}


def test_a_passage_is_reported_and_no_contamination(built):
    assert rules(f"{FILLER} {PASSAGE}", built) == {("wall", "passage"): False}
    assert decide.contaminating(decide.findings(PASSAGE, built)) is None


def test_an_answer_that_is_a_piece_of_the_passage_is_no_contamination():
    passage = f"{PASSAGE} {SOLUTION}"
    built = index.build_index((Item("b", "0", RIVER, passage, answers=(SOLUTION,)),))
    assert rules(passage, built) == {("0", "passage"): False}


def test_items_that_cannot_be_found_are_named(built):
    assert built.unprotected() == [
        ("plain", "logic", "too_plain"),
        ("plain", "tiny", "too_short"),
    ]


def test_boilerplate_that_items_share_is_no_item():
    template = "The following paragraphs each describe a set of objects arranged in a fixed order"
    items = [Item("b", str(i), f"{template} {i}") for i in range(20)]
    built = index.build_index(tuple(items))
    assert rules(f"{FILLER} {template} and so on", built) == {}
    same = index.build_index(tuple(Item("b", str(i), template + " now") for i in range(20)))
    assert [why for _, _, why in same.unprotected()] == ["template"] * 20


def test_hash_collisions_are_rejected(built, monkeypatch):
    """With one bit of hash per word one 8-gram in 256 hits; the words decide."""
    honest = units.word_hashes

    def weak(texts):
        hashes, offsets = honest(texts)
        return hashes & np.uint64(1), offsets

    monkeypatch.setattr(index, "word_hashes", weak)
    monkeypatch.setattr(scan, "word_hashes", weak)
    collides = index.build_index(ITEMS[1:4])
    rng = random.Random(0)
    text = " ".join(rng.choice(FILLER.split()) for _ in range(20_000))
    n_hits = len(scan.scan(pa.array([text], pa.large_string()), collides))
    assert n_hits > 50
    assert rules(text, collides) == {}
    assert rules(f"{text} {SHORT} {text}", collides) == {("metal", "whole_question"): True}


def test_common_grams_are_ignored_but_not_a_leaked_item(built):
    common = np.ones(len(built.grams), bool)
    assert rules(f"{FILLER} {SHORT} {FILLER}", built, common) == {("metal", "common"): False}
    assert rules(f"{SHORT} a) iron b) mercury c) tin", built, common) == {
        ("metal", "whole_question"): True
    }
    assert rules(RIVER, built, common) == {("ferry", "question"): True}
    half = " ".join(RIVER.split()[:17])
    assert rules(half, built, common) == {("ferry", "common"): False}


def test_one_rare_gram_makes_a_run_count(built):
    half = " ".join(RIVER.split()[:17])
    hits = scan.scan(pa.array([half], pa.large_string()), built)
    common = np.ones(len(built.grams), bool)
    common[hits[-1, 1]] = False
    assert rules(half, built, common) == {("ferry", "question"): True}


def test_hits_are_packed_counted_and_common_above_ten(built):
    texts = pa.array([SHORT, None, f"{SHORT} {SHORT}", "nothing"], pa.large_string())
    alive = np.array([True, True, True, True])
    hits = scan.pack_hits(texts, built, 5, 100, alive)
    assert hits["row"].tolist() == [100, 102]
    assert set(hits["shard"].tolist()) == {5}
    alive[2] = False
    assert scan.pack_hits(texts, built, 5, 100, alive)["row"].tolist() == [100]
    gram = hits["gram"][0]
    many = np.zeros(11, scan.HIT)
    many["row"], many["gram"] = np.arange(11), gram
    blobs = [many[:4].tobytes(), many[4:].tobytes()]
    none = np.empty(0, np.uint64)
    n = len(built.grams)
    assert np.flatnonzero(scan.common_grams(blobs, n, none)).tolist() == [gram]
    assert not scan.common_grams(blobs, n, np.array([3], np.uint64)).any()
    assert not scan.common_grams([], n, none).any()


def test_the_scan_makes_room_for_any_number_of_hits(built):
    text = " ".join([SHORT] * 3000)
    assert len(scan.scan(pa.array([text], pa.large_string()), built)) == 3000


def test_the_index_is_the_same_after_saving_and_loading(built, tmp_path):
    index.save_index(built, tmp_path / "index")
    index.save_index(built, tmp_path / "index")
    loaded = index.load_index(tmp_path / "index")
    assert loaded.fingerprint == built.fingerprint == index.build_index(ITEMS).fingerprint
    assert index._fingerprint(loaded) == loaded.fingerprint
    text = f"{FILLER} {RIVER} {SHORT} {CHINESE}"
    assert decide.findings(text, loaded) == decide.findings(text, built)
    assert index.build_index(ITEMS[1:]).fingerprint != built.fingerprint
    (tmp_path / "index" / "grams.npy").unlink()
    with pytest.raises(CastorError, match="no whole index of benchmarks"):
        index.load_index(tmp_path / "index")


def test_an_index_of_nothing_finds_nothing():
    empty = index.build_index(ITEMS[-1:])
    assert rules(RIVER, empty) == {}


def test_the_contaminating_finding_is_the_fullest(built):
    all_found = decide.findings(f"{' '.join(RIVER.split()[:20])} {SHORT}", built)
    assert decide.contaminating(all_found).item_id == "metal"


# What of the examples holds a leaked question; those left out are paraphrases, or have so many
# misspellings that no 13 words in a row are left.
LEAKED = {
    "contaminated_at_beginning": [0], "contaminated_at_end": [0],
    "contaminated_edge_cases": [1, 2, 3], "contaminated_middle_position": [0],
    "contaminated_mixed": [0, 3, 4], "contaminated_multiple_in_one": [0],
    "contaminated_punctuation_variation": [0], "contaminated_single_deletion": [0],
    "contaminated_single_edit": [0], "contaminated_single_insertion": [0], "long_document": [0],
    "clean": [], "demo": [],
}  # fmt: skip


def test_the_examples_of_the_kit(kit):
    import json

    folder = kit / "evals" / "contaminated-examples"
    reference = load_benchmarks(folder / "reference-question_answer_reference.jsonl")
    built = index.build_index(reference.items)
    got = {}
    for path in folder.glob("training-*.jsonl"):
        texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
        guilty = [decide.contaminating(decide.findings(t, built)) for t in texts]
        got[path.stem.removeprefix("training-")] = [i for i, g in enumerate(guilty) if g]
    assert got == LEAKED
