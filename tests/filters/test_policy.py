"""Policies: bounds, conditions, missing signals, and files that are wrong."""

import pathlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters import policy
from castor.filters.errors import ConfigError

BASE = {"name": "p", "version": 1, "modality": "text"}
RULE = {"reason": "p.r", "signal": "a.x", "cite": "nobody"}


def made(*rules, **more):
    return policy.from_mapping({**BASE, **more, "rules": [{**RULE, **r} for r in rules]}, where="w")


def table(x, **columns):
    n = len(x)
    meta = columns.pop("meta", [{}] * n)
    modality = columns.pop("modality", ["text"] * n)
    return pa.RecordBatch.from_pydict(
        {
            "modality": pa.array(modality, pa.string()),
            "meta": pa.array([list(m.items()) for m in meta], pa.map_(pa.string(), pa.string())),
            "a.x": x if isinstance(x, pa.Array) else pa.array(x, pa.float64()),
            **columns,
        }
    )


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"at_least": 2}, [2, 3]),
        ({"at_most": 2}, [1, 2]),
        ({"above": 2}, [3]),
        ({"below": 2}, [1]),
        ({"at_least": 2, "below": 3}, [2]),
    ],
)
def test_bounds_say_what_is_kept(bounds, kept):
    reasons = made(bounds).decide(table([1, 2, 3])).to_pylist()
    assert [x for x, r in zip([1, 2, 3], reasons, strict=True) if not r] == kept
    assert {tuple(r) for r in reasons} == {(), ("p.r",)}


def test_null_and_nan_are_missing_never_kept():
    reasons = made({"at_most": 2}).decide(table([None, float("nan"), 1])).to_pylist()
    assert reasons == [["p.r:missing"], ["p.r:missing"], []]


def test_flags_are_numbers():
    flags = pa.array([True, False, None])
    assert made({"at_most": 0}).decide(table(flags)).to_pylist() == [["p.r"], [], ["p.r:missing"]]


def test_every_reason_is_given_in_order_and_other_modalities_are_not_judged():
    judge = made({"reason": "p.b", "at_least": 5}, {"reason": "p.a", "at_least": 4})
    rows = table([1, 1, 4], modality=["text", "code", "text"])
    assert judge.decide(rows).to_pylist() == [["p.b", "p.a"], [], ["p.b"]]
    assert judge.reasons == ["p.b", "p.a"]


@pytest.mark.parametrize(
    ("when", "fires"),
    [
        ({"meta.lang": "en"}, [True, False, False]),
        ({"meta.lang": {"in": ["de", "en"]}}, [True, True, False]),
        ({"meta.lang": {"not_in": ["en"]}}, [False, True, False]),
        ({"a.y": {"at_least": 2}}, [False, True, False]),
        ({"a.y": {"above": 0, "below": 2}}, [True, False, False]),
        ({"meta.lang": "en", "a.y": {"at_least": 2}}, [False, False, False]),
    ],
)
def test_a_condition_on_null_is_not_met(when, fires):
    rows = table(
        [9, 9, 9], meta=[{"lang": "en"}, {"lang": "de"}, {}], **{"a.y": pa.array([1, 2, None])}
    )
    reasons = made({"at_most": 1, "when": when}).decide(rows).to_pylist()
    assert [bool(r) for r in reasons] == fires
    nothing = table([None] * 3, meta=[{"lang": "en"}, {"lang": "de"}, {}],
                    **{"a.y": pa.array([1, 2, None])})  # fmt: skip
    missing = made({"at_most": 1, "when": when}).decide(nothing).to_pylist()
    assert missing == [["p.r:missing"] if f else [] for f in fires]


@given(st.lists(st.none() | st.floats(-3, 3) | st.just(float("nan")), max_size=8),
       st.floats(-3, 3))  # fmt: skip
def test_a_batch_decides_as_its_rows_do(values, bound):
    judge = made({"at_least": bound})
    rows = table(values)
    alone = [judge.decide(rows.slice(i, 1))[0].as_py() for i in range(len(values))]
    assert judge.decide(rows).to_pylist() == alone
    for value, reasons in zip(values, alone, strict=True):
        is_missing = value is None or np.isnan(value)
        assert reasons == (["p.r:missing"] if is_missing else [] if value >= bound else ["p.r"])


def test_a_signal_that_nobody_writes_is_an_error_before_anything_runs():
    judge = made({"at_most": 1, "when": {"meta.anything": "x"}})
    number = pa.float64()
    policy.check(judge, [pa.field("a.x", number)])
    with pytest.raises(ConfigError, match=r"no signal named 'a.x', in policy p\n.*mean 'a.xx'"):
        policy.check(judge, [pa.field("a.xx", number), pa.field("b.y", number)])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"signal": "key", "below": 1},
            r"a bound needs a signal that is a number, in policy p,"
            r" for source 'web', rule p.r: got key, a string",
        ),
        ({"below": 1, "when": {"key": {"above": 1}}}, "a bound needs a column of numbers.*above 1"),
        ({"below": 1, "when": {"key": 3}}, "values of another type.*equals 3 on key, a string"),
        ({"below": 1, "when": {"a.x": "en"}}, "values of another type.*'en' on a.x, a double"),
        ({"below": 1, "when": {"meta.n": {"at_least": 3}}}, "a column of numbers.*meta.n"),
        ({"below": 1, "when": {"tags": {"in": ["a"]}}}, "another type.*tags"),
    ],
)
def test_a_comparison_with_another_type_is_an_error_before_anything_runs(rule, message):
    fields = [
        pa.field("a.x", pa.float64()),
        pa.field("key", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
    ]
    with pytest.raises(ConfigError, match=message):
        policy.check(made(rule), fields, where="source 'web'")


WRONG = [
    ({"rules": []}, "a policy needs a list of rules"),
    ({"rule": []}, "no key named 'rule'.*\n.*did you mean 'rules'"),
    ({"modality": "txt"}, "no modality named 'txt'.*\n.*did you mean 'text'"),
    ({"rules": [{**RULE, "at_least": 1}, {**RULE, "at_most": 2}]}, "two rules give the same"),
    ({"rules": [RULE]}, "a rule needs a bound"),
    ({"rules": [{**RULE, "at_least": "much"}]}, "at_least must be a number.*'much'"),
    ({"rules": [{**RULE, "at_least": True}]}, "at_least must be a number.*True"),
    ({"rules": [{**RULE, "atleast": 1}]}, "rule 1\n.*did you mean 'at_least'"),
    ({"rules": [{"reason": "r", "signal": "s", "at_least": 1}]}, "the key 'cite' is missing"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {"is": 1}}}]}, "no test named 'is'"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {"in": 5}}}]}, "in needs a list"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {"in": "en"}}}]}, "in needs a list.*'en'"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {"in": [[]]}}}]}, r"in must be text.*\[\]"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {"above": "x"}}}]}, "above must be a number"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": None}}]}, "equals must be text.*None"),
    ({"rules": [{**RULE, "below": 1, "when": "x"}]}, "`when` must be a mapping.*'x'"),
    ({"rules": [{**RULE, "below": 1, "when": {"a": {1: 2}}}]}, "no test named '1'"),
    ({"rules": [{**RULE, "below": float("nan")}]}, "below must be a number.*nan"),
    ({"rules": [{**RULE, "below": 1, "reason": None}]}, "reason must be a text.*None"),
    ({"rules": [{**RULE, "below": 1, "signal": []}]}, r"signal must be a text.*\[\]"),
    ({"name": None}, "name must be a text"),
    ({"about": 3}, "about must be a text"),
    ({"version": "x"}, "version must be a whole number from 1, in w: got 'x'"),
    ({"version": 0}, "version must be a whole number from 1"),
    ({"modality": []}, "no modality named 'None'"),
    ({"modality": {}}, "no modality named '{}'"),
    ({"rules": ["x"]}, "expected a mapping"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_policies(change, message):
    data = {**BASE, "rules": [{**RULE, "at_least": 1}], **change}
    with pytest.raises(ConfigError, match=message):
        policy.from_mapping(data, where="w")


def test_a_key_that_is_missing():
    with pytest.raises(ConfigError, match="the key 'version' is missing, in w"):
        policy.from_mapping({"name": "p", "modality": "text", "rules": []}, where="w")


def test_files_by_name_and_by_path(tmp_path: pathlib.Path):
    assert policy.load("gopher/paper").name == "gopher/paper"
    with pytest.raises(ConfigError, match="did you mean 'gopher/paper'"):
        policy.load("gopher/papr")
    own = tmp_path / "own.yaml"
    with pytest.raises(ConfigError, match="no such policy file"):
        policy.load(str(own))
    own.write_text("name: x\nversion: 1\nmodality: [code, text]\nrules:\n"
                   "- {reason: x.y, signal: a.x, at_most: 1, cite: me}\n")  # fmt: skip
    assert policy.load(str(own)).columns == ["a.x", "modality"]
    own.write_text(own.read_text().replace("a.x", "a.z"))
    assert policy.load(str(own)).columns == ["a.z", "modality"]  # as it is now
    own.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="cannot read the policy"):
        policy.load(str(own))
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        policy.load(str(broken))
