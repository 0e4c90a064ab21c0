"""Full texts of licences: found whatever stands around them, not found in part."""

import numpy as np
import pytest

from castor.filters.code import licence_text
from castor.filters.code.licence_text import GAP, Texts, find, runs, shipped

WORDS = [f"w{i}" for i in range(400)]
LONG, SHORT, OTHER = WORDS[:200], WORDS[50:110], WORDS[200:300]


def texts(**licences):
    ids = sorted(licences)
    found = [np.unique(runs(licences[i])) for i in ids]
    starts = np.cumsum([0, *map(len, found)])
    return Texts(ids, starts, np.concatenate(found))


KNOWN = texts(Long=LONG, Short=SHORT, Other=OTHER)


def ids(words):
    return find(" ".join(words), KNOWN).ids


def test_whatever_stands_around():
    assert ids(LONG) == ["Long"]
    assert ids(["copyright", "us", *SHORT, "the", "end"]) == ["Short"]
    found = find(" ".join(["copyright", "us", *SHORT, "not", "for", "sale"]), KNOWN)
    assert found.rest == "copyright us not for sale"
    assert found.contained == [1.0]


def test_a_text_inside_a_longer_one_is_not_there_twice():
    assert ids([*LONG, "and", *OTHER]) == ["Long", "Other"]
    assert ids([*OTHER, "and", *SHORT]) == ["Other", "Short"]


def test_some_changed_words_do_not_matter_and_many_do():
    few = [("x" if i == 30 else w) for i, w in enumerate(OTHER)]
    assert ids(few) == ["Other"]
    many = [("x" if i % 20 == 3 else w) for i, w in enumerate(OTHER)]
    assert ids(many) == []
    assert ids(OTHER[:70]) == []
    assert ids([]) == ids(["one"]) == []


def test_no_run_goes_across_a_gap():
    assert (runs(["a", "b", GAP, "c", "d", "e"]) == 0).all()
    assert (runs(["a", "b", "c", "d", "e"]) > 0).all()
    assert len(runs(["a"] * 4)) == 0


def test_runs_tell_the_order_of_words():
    assert runs(list("abcde"))[0] != runs(list("edcba"))[0]
    assert runs(list("abcdef"))[1] == runs(list("bcdef"))[0]


def test_the_common_licences_are_shipped():
    held = shipped()
    assert len(held.ids) >= 40
    assert {"MIT", "Apache-2.0", "GPL-3.0", "BSD-3-Clause", "ISC", "MPL-2.0"} <= set(held.ids)
    assert held.starts[-1] == len(held.hashes)
    for i in range(len(held.ids)):
        own = held.hashes[held.starts[i] : held.starts[i + 1]]
        assert len(own) > 20
        assert (np.diff(own.astype(np.int64)) > 0).all()


@pytest.mark.parametrize("wanted", [0.85])
def test_the_threshold_is_the_one_that_the_card_names(wanted):
    assert wanted == licence_text.MIN_CONTAINED


def test_of_a_family_the_text_that_lacks_nothing_is_meant():
    family = texts(Base=LONG, Amended=[*LONG, "and", "one", "more", "sentence", "here"])
    assert find(" ".join(LONG), family).ids == ["Base"]
    assert find(" ".join([*LONG, "and", "one", "more", "sentence", "here"]), family).ids == [
        "Amended"
    ]
