"""Fill in the middle: what is cut, where, in which order, and that nothing is lost."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

FIM = load("rewriter", "fill_in_the_middle")
BEFORE, BEHIND, MIDDLE = "<fim_prefix>", "<fim_suffix>", "<fim_middle>"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def pieces(text):
    """Beginning, middle and end of a document that was cut, and its order."""
    if text.startswith(BEFORE + BEHIND):
        end, rest = text.removeprefix(BEFORE + BEHIND).split(MIDDLE)
        return "spm", rest, "", end
    beginning, rest = text.removeprefix(BEFORE).split(BEHIND)
    end, middle = rest.split(MIDDLE)
    return "psm", beginning, middle, end


@given(TEXTS, st.text(max_size=8), st.floats(0, 1), st.integers(-5, 5))
def test_the_pieces_are_the_document(text, key, spm, seed):
    options = {"rate": 1, "spm": spm, "seed": seed}
    found, edits = FIM(text, options, key=key)
    order, beginning, middle, end = pieces(found) if text else ("spm", "", "", "")
    assert beginning + middle + end == text
    assert bool(edits) == bool(text)
    assert (found, edits) == FIM(text, options, key=key)
    if spm == 1:
        assert order == "spm"


def test_shares_are_those_asked_for_and_places_are_uniform():
    text = "x" * 1000
    found = [FIM(text, {"rate": 0.7, "spm": 0.25}, key=f"k{i}")[0] for i in range(4000)]
    cut = [f for f in found if f != text]
    assert 0.67 < len(cut) / len(found) < 0.73
    parts = [pieces(f) for f in cut]
    assert 0.22 < statistics.mean(p[0] == "spm" for p in parts) < 0.28
    middles = [len(p[2]) for p in parts if p[0] == "psm"]
    beginnings = [len(p[1]) for p in parts if p[0] == "psm"]
    # of two uniform places: the difference and the smaller one have a mean of a third
    assert 315 < statistics.mean(middles) < 350
    assert 315 < statistics.mean(beginnings) < 350


def test_the_key_and_the_seed_decide_not_the_text_around():
    keys = [f"k{i}" for i in range(200)]
    first = [bool(FIM("some text", key=k)[1]) for k in keys]
    assert first == [bool(FIM("another text", key=k)[1]) for k in keys]
    assert first != [bool(FIM("some text", {"seed": 1}, key=k)[1]) for k in keys]


def test_a_document_that_holds_a_sign_stays():
    for sign in (BEFORE, BEHIND, MIDDLE):
        text = f"x = '{sign}'"
        assert FIM(text, {"rate": 1}, key="k") == (text, [])
    own = {"rate": 1, "sentinels": ["<P>", "<S>", "<M>"]}
    assert FIM(f"x = '{MIDDLE}'", own, key="k")[0].startswith("<P>")
    assert FIM("a <M> b", own, key="k")[1] == []


def test_batches_give_every_row_its_own_key():
    texts = ["def f():\n    return 1\n"] * 50
    records = [Record(f"k{i}", "s", Modality.CODE, t) for i, t in enumerate(texts)]
    batch, counts = FIM.rewrite(to_batch(records), {"rate": 0.5})
    alone = [FIM(t, {"rate": 0.5}, key=f"k{i}") for i, t in enumerate(texts)]
    assert batch.column("text").to_pylist() == [t for t, _ in alone]
    assert counts.to_pylist() == [len(e) for _, e in alone]
    assert len(set(batch.column("text").to_pylist())) > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.5}, "rate must be from 0 to 1"),
        ({"rate": float("nan")}, "rate must be from 0 to 1"),
        ({"spm": "half"}, "spm must be from 0 to 1"),
        ({"seed": 1.0}, "seed must be a whole number"),
        ({"sentinels": ["a", "a", "b"]}, "three different texts"),
        ({"sentinels": "abc"}, "three different texts"),
        ({"rat": 1}, "did you mean 'rate'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        FIM.check(options)
