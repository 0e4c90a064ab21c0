"""Kinds of pages as signals, and the policy that drops indexes."""

import pyarrow as pa
import pytest

from castor.filters import policy
from castor.filters.annotators.page import KINDS, page
from castor.filters.html.page_kind import PageKind
from castor.filters.record import Modality, Record, to_batch


def rows(*kinds: str | None) -> pa.RecordBatch:
    meta = [{} if kind is None else {"kind": kind} for kind in kinds]
    return to_batch(
        Record(f"web:{i}", "web", Modality.TEXT, "x", meta=m) for i, m in enumerate(meta)
    )


def test_every_kind_but_other_is_a_signal():
    assert {*KINDS, "other"} == set(PageKind)


@pytest.mark.parametrize("kind", [*KINDS, None, "indexes"])
def test_signals(kind):
    (found,) = page.annotate(rows(kind)).to_pylist()
    assert {name for name in KINDS if found[f"page.is_{name}"]} == {kind} & set(KINDS)


def test_the_policy_drops_indexes_and_nothing_else():
    batch = rows("index", "article", None)
    signals = page.annotate(batch)
    joined = pa.RecordBatch.from_arrays(
        [*batch.columns, *signals.columns], names=[*batch.schema.names, *signals.schema.names]
    )
    gate = policy.load("page/no_index")
    policy.check(gate, joined.schema)
    assert gate.decide(joined).to_pylist() == [["page.index"], [], []]
