"""Robots: what pages forbid, and that the policy obeys it."""

import pyarrow as pa
import pytest

from castor.filters import policy
from castor.filters.annotators.robots import DIRECTIVES, robots
from castor.filters.record import Modality, Record, to_batch

TABLE = [
    (None, set()),
    ("", set()),
    ("all,follow,max-snippet:-1", set()),
    ("nofollow", set()),
    ("noindex", {"noindex"}),
    ("none", {"noindex"}),
    ("follow,noarchive", {"noarchive"}),
    ("noai,noimageai", {"noai", "noimageai"}),
    ("tdm-reservation=1", {"tdm_reserved"}),
    ("tdm-reservation=0,noaix", set()),
]


def row(number: int, stated: str | None) -> Record:
    meta = {} if stated is None else {"robots": stated}
    return Record(f"web:{number}", "web", Modality.TEXT, "text", meta=meta)


@pytest.mark.parametrize(("stated", "expected"), TABLE)
def test_what_is_forbidden(stated, expected):
    found = robots.annotate(to_batch([row(0, stated)]))
    assert {n for n in DIRECTIVES if found.column(f"robots.{n}")[0].as_py()} == expected


def test_the_policy_drops_what_asks_for_it_and_nothing_else():
    batch = to_batch([row(i, stated) for i, (stated, _) in enumerate(TABLE)])
    signals = robots.annotate(batch)
    joined = pa.RecordBatch.from_arrays(
        [*batch.columns, *signals.columns], names=[*batch.schema.names, *signals.schema.names]
    )
    gate = policy.load("robots/obey")
    policy.check(gate, joined.schema)
    wanted = [{f"robots.{n}" for n in found if n != "noimageai"} for _, found in TABLE]
    assert [set(r) for r in gate.decide(joined).to_pylist()] == wanted
