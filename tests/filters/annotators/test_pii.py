"""Annotator pii: counts by kind, nulls, and the policy that drops by count."""

import pyarrow as pa

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.pii import KINDS
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

TEXTS = ["a@example.com b@example.com 198.51.100.4", "nobody", None]


def counted(**options):
    batch = to_batch(Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(TEXTS))
    found = load("annotator", "pii").annotate(batch, Context(options={"pii": options}))
    assert found.column("pii.error").null_count == len(TEXTS)
    return {name: found.column(f"pii.{name}").to_pylist() for name in
            ("n_email", "n_ip", "n_phone", "n_spans")}  # fmt: skip


def test_counts():
    assert counted() == {"n_email": [2, 0, None], "n_ip": [1, 0, None], "n_phone": [0, 0, None],
                         "n_spans": [3, 0, None]}  # fmt: skip
    assert counted(kinds=["ip"]) == {"n_email": [None] * 3, "n_ip": [1, 0, None],
                                     "n_phone": [None] * 3, "n_spans": [1, 0, None]}  # fmt: skip


def test_there_is_a_signal_for_every_kind():
    signals = load("annotator", "pii").signals
    assert set(signals) == {*(f"n_{kind}" for kind in KINDS), "n_spans"}


def test_dolma_drops_more_than_five():
    rows = pa.table(
        {"modality": ["text"] * 3, "mask_pii.edits": pa.array([5, 6, None], pa.int32())}
    )
    reasons = policy.load("pii/dolma").decide(rows.to_batches()[0]).to_pylist()
    assert reasons == [[], ["pii.too_much"], ["pii.too_much:missing"]]
