"""Masks keep the kind, count, move parts, and are masked once."""

import pytest

from castor.filters.errors import ConfigError
from castor.filters.pii import KINDS, MASKS
from castor.filters.record import Modality, Part, Record, to_batch
from castor.filters.registry import load

TEXT = "é a@example.com, +44 20 7946 0000, 198.51.100.4 中 https://u:secret@h.example/x"
MASKED = "é |||EMAIL_ADDRESS|||, |||PHONE_NUMBER|||, |||IP_ADDRESS||| 中 |||URL_WITH_PASSWORD|||"


def test_masks_keep_the_kind():
    mask = load("rewriter", "mask_pii")
    assert mask(TEXT)[0] == MASKED
    assert mask(MASKED) == (MASKED, [])
    batch, counts = mask.rewrite(
        to_batch(
            [
                Record("a", "s", Modality.TEXT, TEXT, parts=(Part("p", 3, 16), Part("p", 0, 17))),
                Record("b", "s", Modality.TEXT, "no one"),
                Record("c", "s", Modality.CODE, TEXT),
            ]
        )
    )
    assert batch.column("text").to_pylist() == [MASKED, "no one", TEXT]
    assert counts.to_pylist() == [4, 0, None]
    assert [p["end_byte"] for p in batch.column("parts")[0].as_py()] == [22, 23]


def test_every_kind_has_a_mask_of_its_own_that_is_left_alone():
    assert len(set(MASKS.values())) == len(KINDS) == len(MASKS)
    mask = load("rewriter", "mask_pii")
    text = " ".join(MASKS.values())
    assert mask(text) == (text, [])


def test_kinds_are_chosen_and_stand_in_the_manifest():
    mask = load("rewriter", "mask_pii")
    assert mask(TEXT, {"kinds": ["ip"]})[0] == TEXT.replace("198.51.100.4", "|||IP_ADDRESS|||")
    assert mask.check({"kinds": ["ip", "email"]}) == {"kinds": ["email", "ip"]}
    assert mask.check({}) == {"kinds": [str(k) for k in KINDS]}
    with pytest.raises(ConfigError, match="did you mean 'phone'"):
        mask.check({"kinds": ["phones"]})
    with pytest.raises(ConfigError, match="no option named 'kind'"):
        mask.check({"kind": ["phone"]})
    with pytest.raises(ConfigError, match="no kind of personal data"):
        mask.check({"kinds": []})
